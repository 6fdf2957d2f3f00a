"""MoMo's signatures, and what is believed of a notification: all that is signed, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    Observation,
    PaymentObservation,
    RawRequest,
    RejectionReason,
    Verified,
    WebhookRejected,
)
from providers.momo import wire
from providers.reading import Unreadable, decoded
from tests.providers.momo_messages import (
    ACCESS_KEYS,
    NOTICE,
    OTHER_CLIENT,
    SECRETS,
    compact,
    documented,
    momo,
    notice,
    signed,
)

MOMO = momo("http://127.0.0.1:9")  # it is never called

SAMPLE = {
    "amount": 50_000,
    "extraData": "",
    "ipnUrl": "https://callback.url/notify",
    "orderId": "MOMO1700000000000",
    "orderInfo": "pay with MoMo",
    "partnerCode": "MOMO",
    "redirectUrl": "https://momo.vn/return",
    "requestId": "MOMO1700000000000",
    "requestType": "captureWallet",
}


class TestSigning:
    def test_the_published_sample_signs_to_the_published_signature(self) -> None:
        """With the public test keys of MoMo's own samples."""
        made = wire.signature("F8BBA842ECF85", "K951B6PE1waDMi640xX08PD3vg6EkVlz", SAMPLE, wire.SIGNED[wire.CREATE])
        assert made == "4378bb95714712f6be833da81f743910a01e5ba6279bfe596b8a08e891259424"

    @pytest.mark.parametrize(("operation", "path"), [("create", wire.CREATE), ("refund", wire.REFUND)])
    def test_it_is_what_another_client_makes(self, operation: str, path: str) -> None:
        sent = {"description": "", **json.loads(OTHER_CLIENT[operation])}
        assert wire.signature(ACCESS_KEYS[0], SECRETS[0], sent, wire.SIGNED[path]) == sent["signature"]

    @pytest.mark.parametrize(
        ("kind", "names"),
        [
            ("create", wire.SIGNED[wire.CREATE]),
            ("query", wire.SIGNED[wire.QUERY]),
            ("refund", wire.SIGNED[wire.REFUND]),
            ("notify", tuple(wire.NOTIFIED)),
        ],
    )
    def test_whatever_the_values_it_signs_the_documented_text(self, kind: str, names: tuple[str, ...]) -> None:
        @given(st.lists(st.text() | st.integers(), min_size=len(names), max_size=len(names)), st.text(min_size=1))
        def signs(values: list[str | int], secret: str) -> None:
            fields = dict(zip(names, values, strict=True))
            assert wire.signature("key", secret, fields, names) == documented(kind, fields, "key", secret)

        signs()
        assert list(names) == sorted(names)

    @given(st.text(), st.text())
    def test_no_other_text_passes_for_a_signature(self, claimed: str, secret: str) -> None:
        keys = wire.Keys(("key",), ("true", secret or "x"))
        assert not keys.signed(SAMPLE, wire.SIGNED[wire.CREATE], claimed)
        true = wire.signature("key", "true", SAMPLE, wire.SIGNED[wire.CREATE])
        assert keys.signed(SAMPLE, wire.SIGNED[wire.CREATE], true)
        assert "true" not in repr(keys)

    @given(st.binary(max_size=200))
    def test_no_bytes_break_the_reader(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            wire.notified(decoded(body))


@pytest.mark.parametrize(("code", "status"), wire.PAYMENT_STATUS.items())
def test_each_code_means_what_the_table_says(code: int, status: PaymentStatus) -> None:
    (seen,) = read(notice(resultCode=code))
    assert isinstance(seen, PaymentObservation)
    paid = status is PaymentStatus.SUCCEEDED
    assert (seen.status, seen.code) == (status, str(code))
    assert (seen.payment_id, seen.provider_payment_id) == (UUID(NOTICE["orderId"]), NOTICE["orderId"])
    assert seen.amount == (Money(12_345_678, "VND") if paid else None)
    assert seen.provider_transaction_id == ("4088878653" if paid else None)
    assert seen.occurred_at == datetime(2024, 7, 23, 7, 44, 23, 942_000, tzinfo=UTC)


@pytest.mark.parametrize("code", [-1, 1, 10, 13, 99, 1008, 7001, 9001, 2**40])
def test_a_code_that_is_in_no_table_is_unknown(code: int) -> None:
    (seen,) = read(notice(resultCode=code))
    assert isinstance(seen, PaymentObservation)
    assert (seen.status, seen.amount) == (PaymentStatus.UNKNOWN, None)


def test_either_access_key_may_sign_with_either_secret() -> None:
    for access_key in ACCESS_KEYS:
        for secret in SECRETS:
            assert read(signed(compact(NOTICE), secret, access_key)) == read(notice())
    assert reason(signed(compact(NOTICE), SECRETS[0], "stranger")) is RejectionReason.BAD_SIGNATURE


def test_what_is_not_signed_is_neither_read_nor_kept() -> None:
    more = {"userInfo": {"name": "Nguyen Van A"}, "paymentOption": "momo", "status": "paid"}
    plain_one, fuller = notice(), notice(**more)
    now = datetime.now(UTC)
    assert MOMO.verify(fuller, now) == MOMO.verify(plain_one, now)
    assert "Nguyen" not in repr(MOMO.verify(fuller, now))


@pytest.mark.parametrize("name", sorted(wire.NOTIFIED))
def test_a_field_that_comes_twice_is_refused_whichever_is_signed(name: str) -> None:
    true = notice().body
    other = compact({name: 1 if isinstance(NOTICE[name], int) else "x"})[1:-1]
    for twice in (true[:-1] + b"," + other + b"}", b"{" + other + b"," + true[1:]):
        assert reason(replace(notice(), body=twice)) is RejectionReason.MALFORMED


@pytest.mark.parametrize("name", ["message", "orderInfo", "extraData", "orderType", "payType", "requestId"])
def test_a_value_that_could_be_read_as_two_is_refused(name: str) -> None:
    assert reason(notice(**{name: "a&b"})) is RejectionReason.MALFORMED


def test_a_signed_text_cannot_be_cut_up_in_another_way() -> None:
    """Where a value could hold the names of others, one signature would fit two notifications."""
    true = notice(message="x&orderId=019ab9a8-0000-7000-8000-000000000002&orderInfo=y")
    signature = json.loads(true.body)["signature"]
    other = {
        **NOTICE,
        "message": "x",
        "orderId": "019ab9a8-0000-7000-8000-000000000002",
        "orderInfo": "y&orderId=019ab9a8-0000-7000-8000-000000000001&orderInfo=Fee RF18 5390 0754 7034",
    }
    assert documented("notify", other, ACCESS_KEYS[0], SECRETS[0]) == signature
    for body in (true.body, compact({**other, "signature": signature})):
        assert reason(replace(true, body=body)) is RejectionReason.MALFORMED


def test_an_order_of_another_system_on_the_same_account_is_not_ours() -> None:
    for order_id in ("invoice-7", NOTICE["orderId"].upper(), NOTICE["orderId"].replace("-", "")):
        (seen,) = read(notice(orderId=order_id))
        assert isinstance(seen, PaymentObservation)
        assert (seen.payment_id, seen.provider_payment_id) == (None, order_id)


def test_however_it_is_spelled_it_is_one_notification() -> None:
    true, now = notice(), datetime.now(UTC)
    fields = json.loads(true.body)
    spellings = (json.dumps(fields, indent=2), json.dumps(dict(reversed(fields.items()))))
    for spelling in spellings:
        same = MOMO.verify(replace(true, body=spelling.encode()), now)
        assert same == MOMO.verify(true, now)


def test_no_change_of_a_byte_changes_what_is_believed() -> None:
    """Not even where spaces or escapes leave room for a change that says the same."""
    true = notice()
    fields = json.loads(true.body)
    bodies = [true.body, json.dumps(fields, indent=1).encode(), json.dumps(fields).encode()]
    believed = verified(true)
    assert isinstance(believed, Verified)

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(bodies), st.integers(0, 2_000), st.integers(0, 3), st.binary(max_size=3))
    def tampered(body: bytes, at: int, cut: int, more: bytes) -> None:
        at %= len(body)
        seen = verified(replace(true, body=body[:at] + more + body[at + cut :]))
        assert seen in (believed, RejectionReason.BAD_SIGNATURE, RejectionReason.MALFORMED)

    tampered()


def test_every_single_byte_of_a_notification_counts() -> None:
    true = notice()
    for at in range(len(true.body)):
        for flipped in (0x01, 0x20, 0x80):
            spoilt = bytearray(true.body)
            spoilt[at] ^= flipped
            assert reason(replace(true, body=bytes(spoilt))) in (
                RejectionReason.BAD_SIGNATURE,
                RejectionReason.MALFORMED,
            ), (at, flipped)


def read(request: RawRequest) -> list[Observation]:
    return list(MOMO.parse(MOMO.verify(request, datetime.now(UTC))))


def verified(request: RawRequest) -> Verified | RejectionReason:
    try:
        return MOMO.verify(request, datetime.now(UTC))
    except WebhookRejected as rejected:
        return rejected.reason


def reason(request: RawRequest) -> RejectionReason:
    with pytest.raises(WebhookRejected) as rejected:
        MOMO.verify(request, datetime.now(UTC))
    return rejected.value.reason
