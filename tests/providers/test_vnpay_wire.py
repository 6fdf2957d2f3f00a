"""VNPAY's signatures, times, amounts and codes, against a published vector and the documented strings."""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from providers.reading import Unreadable
from providers.vnpay import wire

S = PaymentStatus
VECTOR = {
    "vnp_Amount": "1000000",
    "vnp_BankCode": "NCB",
    "vnp_BankTranNo": "VNP14422574",
    "vnp_CardType": "ATM",
    "vnp_OrderInfo": "Thanh toan don hang 2024-05-21T02:17:31.249Z",
    "vnp_PayDate": "20240521091806",
    "vnp_ResponseCode": "00",
    "vnp_TmnCode": "TEST_TMN_CODE",
    "vnp_TransactionNo": "14422574",
    "vnp_TransactionStatus": "00",
    "vnp_TxnRef": "1716257871703",
}
DIGEST = (
    "649982421beb422556a1374713c74e58e716ecbd05007c0c0e1f7effdfaf361d"
    "bf146889ca446139afe11b9954c4d5c486e99e3b86fcfab6957f29eb0be72895"
)
SAFE = st.text(st.characters(codec="utf-8", exclude_characters="*~", exclude_categories=["C"]), max_size=20)
NAMES = st.from_regex(r"vnp_[A-Z][A-Za-z]{0,8}", fullmatch=True).filter(lambda name: not name.startswith("vnp_Secure"))


class TestSigning:
    def test_the_published_notification_has_this_signature(self) -> None:
        assert wire.signed_query("test_secret", VECTOR).endswith(f"&vnp_SecureHash={DIGEST}")
        assert "vnp_OrderInfo=Thanh+toan+don+hang+2024-05-21T02%3A17%3A31.249Z&" in wire.canonical(VECTOR)

    def test_empty_values_and_the_signature_itself_are_not_signed(self) -> None:
        more = {"vnp_BankCode": "", "vnp_SecureHash": "x", "vnp_SecureHashType": "HmacSHA512"}
        assert wire.canonical({"vnp_B": "2", "vnp_A": "1 :"} | more) == "vnp_A=1+%3A&vnp_B=2"

    @given(st.dictionaries(NAMES, SAFE, max_size=6), st.text("ab", min_size=1))
    def test_what_one_side_signs_the_other_takes_apart_in_any_order(self, fields: dict[str, str], secret: str) -> None:
        query = wire.signed_query(secret, fields)
        for sent in (query, "&".join(reversed(query.split("&"))), f"{query}&vnp_BankCode=&vnp_SecureHashType=SHA512"):
            message, given_signature = wire.taken_apart(sent)
            assert wire.signed_by(["old", secret], message, given_signature)
            assert not wire.signed_by(["old"], message, given_signature)
            assert wire.fields_of(message) == {name: value for name, value in fields.items() if value}

    def test_a_message_of_the_api_is_signed_over_these_values(self) -> None:
        message = {f"vnp_{name}": name.lower() for name in wire.REFUND_SIGNED} | {"vnp_TransactionNo": ""}
        assert wire.joined(message, wire.REFUND_SIGNED) == (
            b"requestid|version|command|tmncode|transactiontype|txnref|amount||transactiondate|createby|createdate"
            b"|ipaddr|orderinfo"
        )
        assert wire.joined({}, wire.QUERY_SIGNED) == b"||||||||"
        assert wire.joined({"vnp_Message": "Lỗi"}, wire.QUERY_ANSWER_SIGNED) == b"|||L\xe1\xbb\x97i" + b"|" * 11
        expected = hmac.new(b"key", "|||Lỗi".encode(), hashlib.sha512).hexdigest()
        assert wire.signature("key", "|||Lỗi".encode()) == expected


class TestValues:
    @pytest.mark.parametrize(
        ("amount", "text"),
        [(5_000, "500000"), (150_001, "15000100"), (12_345_678, "1234567800"), (999_999_999, "99999999900")],
    )
    def test_dong_go_out_as_hundredths_and_come_back(self, amount: int, text: str) -> None:
        assert wire.amount_text(Money(amount, "VND")) == text
        assert wire.amount_of(text) == Money(amount, "VND")

    @pytest.mark.parametrize("text", ["", "0", "150001", "1500.00", "-100", "+100", "0100", "1e4", "١٠٠", "9" * 40])
    def test_what_is_no_amount_in_hundredths_is_refused(self, text: str) -> None:
        with pytest.raises(Unreadable):
            wire.amount_of(text)

    def test_times_are_those_of_hanoi(self) -> None:
        utc = datetime(2026, 1, 31, 17, 0, 1, tzinfo=UTC)
        assert wire.stamp(utc) == "20260201000001"
        assert wire.moment("20260201000001") == utc
        for text in ("", "2026020100000", "20260229000000", "20260201240000", "00010101000000", "2026-02-01"):
            with pytest.raises(Unreadable):
                wire.moment(text)

    def test_only_our_orders_name_payments_of_ours(self) -> None:
        assert str(wire.payment_of("0199aaaabbbb7ccc8dddeeeeffff0000")) == "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"
        for order in ("1716257871703", "0199AAAABBBB7CCC8DDDEEEEFFFF0000", "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000", ""):
            assert wire.payment_of(order) is None


class TestMeaning:
    @pytest.mark.parametrize(
        ("response", "transaction", "status"),
        [
            ("00", "00", S.SUCCEEDED),
            ("00", "01", S.PENDING),
            ("09", "02", S.DECLINED),
            ("10", "02", S.DECLINED),
            ("11", "02", S.EXPIRED),
            ("12", "02", S.DECLINED),
            ("13", "02", S.DECLINED),
            ("24", "02", S.CANCELLED),
            ("51", "02", S.DECLINED),
            ("65", "02", S.DECLINED),
            ("75", "02", S.DECLINED),
            ("79", "02", S.DECLINED),
            # Never paid by one code alone, never failed for a reason that nobody knows.
            ("99", "00", S.UNKNOWN),
            ("24", "00", S.UNKNOWN),
            ("00", "02", S.UNKNOWN),
            ("99", "02", S.UNKNOWN),
            ("07", "07", S.UNKNOWN),
            ("00", "04", S.UNKNOWN),
            ("00", "05", S.UNKNOWN),
            ("00", "", S.UNKNOWN),
            ("00", "0", S.UNKNOWN),
            ("??", "??", S.UNKNOWN),
        ],
    )
    def test_a_notification_means(self, response: str, transaction: str, status: PaymentStatus) -> None:
        assert wire.notified_status(response, transaction) is status

    @given(st.text(max_size=3), st.text(max_size=3))
    def test_nothing_else_is_ever_paid(self, response: str, transaction: str) -> None:
        paid = wire.notified_status(response, transaction) is S.SUCCEEDED
        assert paid is ((response, transaction) == ("00", "00"))


def test_encoders_agree_on_what_goes_out() -> None:
    """Python's encoder keeps what JavaScript's and PHP's keep, but for the characters that we keep out."""
    assert quote_plus("AZaz09 -_.:") == "AZaz09+-_.%3A"
