"""PayGov against the conformance suite, and what is its own: hints, bills, and the dossier that is asked about."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    BillLine,
    BillPresenter,
    NotSent,
    OutcomeUnknown,
    PaymentHint,
    PaymentObservation,
    PaymentProvider,
    RawRequest,
    RejectionReason,
    SettlementSource,
    Unsupported,
    WebhookReceiver,
    WebhookRejected,
)
from gateway.store.database import new_id
from providers.paygov import settlement, wire
from providers.paygov.adapter import PayGovProvider
from providers.paygov.wire import Name
from providers.reading import Unreadable
from tests.providers.conformance import ProviderConformance
from tests.providers.rig import FOLDER, Inbox, Rig, a_bill

S = PaymentStatus
CLIENT = "ministry"
KEY_1, KEYS_2 = "planted-key-one", ("planted-key-two", "planted-key-three")


class TestPayGov(ProviderConformance):
    provider = "paygov"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_PAYGOV_CLIENT_ID": CLIENT,
        "GATEWAY_PAYGOV_HASH_KEY_1": KEY_1,
        "GATEWAY_PAYGOV_HASH_KEYS_2": ",".join(KEYS_2),
        "GATEWAY_PAYGOV_SETTLEMENT_DIR": FOLDER,
    }
    base_url_setting = "GATEWAY_PAYGOV_BASE_URL"
    secrets_setting = "GATEWAY_PAYGOV_HASH_KEYS_2"
    optional_settings = frozenset()
    own_headers = frozenset()
    secrets = (*KEYS_2, KEY_1)
    protocols = frozenset({PaymentProvider, WebhookReceiver, SettlementSource})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "decline": S.DECLINED,
        "cancel": S.CANCELLED,
        "abandon": S.PENDING,
        "expire": S.EXPIRED,
        "pending": S.PENDING,
        "late": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "wrong_amount": S.SUCCEEDED,
        "review": S.UNKNOWN,
    }
    not_notified = frozenset({"abandon", "silent"})
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): '"trans_amount":"150001"',
        Money(98_765_432, "VND"): '"trans_amount":"98765432"',
    }
    notified = frozenset({PaymentObservation})
    dated_notifications = False
    hints = True
    malformed = (b'{"status": "0"}', b'{"transaction_id": "7", "client_id": "ministry"}', b'{"transaction_id": "a|b"}')
    of_no_concern = json.dumps(
        {
            Name.ADDITION_FEE: "0",
            Name.CLIENT_ID: CLIENT,
            Name.COMMAND: wire.PAY,
            Name.AMOUNT: "150000",
            Name.TRANSACTION_ID: "ORDER-7",
            Name.VERSION: wire.VERSION,
            Name.STATUS: "0",
        }
    ).encode()

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        return RawRequest("POST", "", {"content-type": "application/json"}, signed("callback", body, secret))

    def without_secrets(self, rig: Rig) -> Any:
        files = settlement.files({}, Path("unused"))
        return PayGovProvider(rig.simulator.url, CLIENT, KEY_1, ("", "  "), files)

    def without_signature(self, request: RawRequest) -> RawRequest:
        fields = json.loads(request.body)
        del fields[Name.CHECKSUM]
        return replace(request, body=json.dumps(fields).encode())

    def mangled_signatures(self, request: RawRequest) -> Iterator[RawRequest]:
        fields = json.loads(request.body)
        true = fields[Name.CHECKSUM]
        for mangled in ("", true[:-1], true + "0", true[:-1] + "é", true.upper() + " ", 7, None, ["x"], "0" * 5_000):
            yield replace(request, body=json.dumps({**fields, Name.CHECKSUM: mangled}).encode())

    def test_it_is_asked_and_asks_what_is_due(self, rig: Rig) -> None:
        assert isinstance(rig.adapter, BillPresenter)

    def test_a_forged_status_is_still_no_more_than_a_hint(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "pending")
        rig.heard(PaymentHint)
        true = rig.inbox.requests[0]
        forged = replace(true, body=json.dumps({**json.loads(true.body), Name.STATUS: "0"}).encode())
        assert rig.read(forged) == [PaymentHint(begun.payment_id, begun.provider_payment_id, "0")]
        assert rig.adapter.query_payment(begun).status is PaymentStatus.PENDING

    def test_altering_what_is_not_signed_makes_few_notifications_of_one(self, rig: Rig) -> None:
        request = self.success(rig)
        fields = json.loads(request.body)
        ids = {
            rig.adapter.verify(
                replace(request, body=json.dumps({**fields, "x": n, Name.STATUS: str(n)}).encode()), datetime.now(UTC)
            ).event_id
            for n in range(50)
        }
        assert len(ids) == 2

    @pytest.mark.parametrize("lengthened", ["addition_fee", "command", "trans_amount", "transaction_id"])
    def test_a_signed_field_that_swallows_its_neighbour_is_refused(self, rig: Rig, lengthened: str) -> None:
        """The checksum joins values by a sign that one of them could hold."""
        request = self.success(rig)
        fields = json.loads(request.body)
        order = [str(name) for name in wire.SIGNED["callback"]]
        follows = order[order.index(lengthened) + 1]
        moved = {**fields, lengthened: f"{fields[lengthened]}|{fields[follows]}"}
        with pytest.raises(WebhookRejected) as rejected:
            rig.adapter.verify(
                replace(request, body=signed("callback", json.dumps(moved).encode(), KEYS_2[0])), datetime.now(UTC)
            )
        assert rejected.value.reason is RejectionReason.MALFORMED

    def test_a_creation_says_what_is_paid_and_nothing_of_who_pays(self, rig: Rig) -> None:
        since = len(rig.traffic())
        rig.started()
        sent = json.loads(rig.traffic(since)[0]["body"])
        assert sent[Name.BILL] == {
            "MaDichVu": "2",
            "MaHoSo": "H26.17-261123-0007",
            "MaTTHC": "2.000815",
            "TenTTHC": "Chứng thực bản sao từ bản chính",
            "MaDonVi": "vn-moj",
            "TenDonVi": "Bộ Tư pháp",
            "PhiLePhi": [
                {"LoaiPhiLePhi": "1", "MaPhiLePhi": "2716", "TenPhiLePhi": "Phí chứng thực", "SoTien": "150000"}
            ],
            "TKThuHuong": "0011-0022",
            "MaNHThuHuong": "970436",
            "TenTKThuHuong": "Bộ Tư pháp",
            "NoiDungThanhToan": "Fee RF18539007547034",
        }
        assert (sent["command"], sent["version"], sent["environment"], sent["addition_fee"]) == ("PAY", "3.0", "1", "0")
        assert len(sent["transaction_id"]) == 20

    def test_more_or_less_than_one_dossier_is_refused_before_anything_is_sent(self, rig: Rig) -> None:
        since = len(rig.traffic())
        for bills in ((), (a_bill(), a_bill()), (a_bill(Money(1, "VND")),)):
            with pytest.raises(Unsupported):
                rig.adapter.create_payment(rig.command(bills=bills))
        with pytest.raises(Unsupported):
            rig.adapter.create_payment(rig.command(payment_id=uuid4()))
        assert rig.traffic(since) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"surprise": "x"},
            {"trans_amount": "150001"},
            {"trans_amount": 150_000},
            {"trans_amount": "-150000"},
            {"trans_amount": "0150000"},
            {"command": "REFUND"},
            {"version": "2.0"},
            {"currency_code": "USD"},
            {"transaction_id": "x" * 21},
            {"transaction_id": "a b"},
            {"return_url": "javascript:alert(1)"},
            {"addition_fee": "1000"},
            {"bill_info": {}},
            {"bill_info": None},
        ],
    )
    def test_the_provider_refuses_a_creation_that_is_not_as_agreed(self, rig: Rig, change: dict[str, Any]) -> None:
        assert self.posted(rig, change)[Name.ERROR] == "INVALID_REQUEST"

    @pytest.mark.parametrize("part", ["MaHoSo", "PhiLePhi", "TKThuHuong", "NoiDungThanhToan"])
    def test_the_provider_refuses_half_a_bill(self, rig: Rig, part: str) -> None:
        since = len(rig.traffic())
        rig.started()
        bill = json.loads(rig.traffic(since)[0]["body"])[Name.BILL]
        del bill[part]
        assert self.posted(rig, {Name.BILL: bill})[Name.ERROR] == "INVALID_REQUEST"

    def posted(self, rig: Rig, change: Mapping[str, Any]) -> Any:
        """The answer to a creation of ours with some fields changed, and then signed."""
        since = len(rig.traffic())
        rig.started()
        fields = {**json.loads(rig.traffic(since)[0]["body"]), Name.TRANSACTION_ID: "other", **change}
        body = json.dumps(fields).encode()
        answer = httpx.post(
            rig.simulator.url + wire.PATHS["create"],
            content=signed("create", body, KEY_1),
            headers={"content-type": "application/json"},
        )
        return answer.json()

    def test_the_provider_refuses_a_request_signed_with_another_key(self, rig: Rig) -> None:
        stranger = rig.adapter_for(rig.simulator.url, GATEWAY_PAYGOV_HASH_KEY_1="another")
        command = rig.command()
        with pytest.raises(NotSent, match="INVALID_CHECKSUM"):
            stranger.create_payment(command)
        assert not rig.holds(command.payment_id)
        stranger.close()

    def test_one_transaction_for_two_requests_is_in_doubt_and_leaves_the_first(self, rig: Rig) -> None:
        command = rig.command()
        rig.adapter.create_payment(command)
        with pytest.raises(OutcomeUnknown, match="DUPLICATE"):
            rig.adapter.create_payment(replace(command, title="Another"))
        assert rig.holds(command.payment_id)

    def test_a_real_code_that_the_table_does_not_know_yet_is_never_a_refusal(self) -> None:
        assert not any(code.isdigit() for code in wire.ERROR)
        assert [code for code in wire.STATUS if code.isdigit()] == ["0"]

    def test_an_answer_about_another_payment_is_no_answer(self, rig: Rig) -> None:
        begun, _ = rig.started()
        answer = {Name.TRANSACTION_ID: wire.transaction_id(new_id()), Name.STATUS: "0", Name.AMOUNT: "1"}
        with pytest.raises(Unreadable, match="not the one"):
            wire.observation(answer, begun)


class TestBills:
    """What is due, as PayGov asks and is answered."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[Rig]:
        inbox = Inbox()
        rig = Rig("paygov", TestPayGov.settings, tmp_path, TestPayGov.base_url_setting, inbox)
        yield rig
        rig.close()
        inbox.stop()

    def test_who_asks_must_have_signed(self, rig: Rig) -> None:
        now = datetime.now(UTC)
        asked = {Name.CLIENT_ID: CLIENT, Name.DOSSIER: "H26-1"}
        for key in KEYS_2:
            assert rig.adapter.read_bill_request(pull(asked, key), now).dossier == "H26-1"
        for request, reason in (
            (RawRequest("POST", "", {}, json.dumps(asked).encode()), RejectionReason.BAD_SIGNATURE),
            (pull(asked, KEY_1), RejectionReason.BAD_SIGNATURE),
            (replace(pull(asked, KEYS_2[0]), body=pull(asked, KEYS_2[0]).body.replace(b"H26-1", b"H26-2")), None),
            (pull({**asked, Name.CLIENT_ID: "another"}, KEYS_2[0]), RejectionReason.MALFORMED),
            (pull({**asked, Name.DOSSIER: "H\0"}, KEYS_2[0]), RejectionReason.MALFORMED),
            (pull({**asked, Name.DOSSIER: "\ud800"}, KEYS_2[0]), RejectionReason.MALFORMED),
            (pull({**asked, Name.DOSSIER: ""}, KEYS_2[0]), RejectionReason.MALFORMED),
            (RawRequest("POST", "", {}, b"[]"), RejectionReason.MALFORMED),
        ):
            with pytest.raises(WebhookRejected) as rejected:
                rig.adapter.read_bill_request(request, now)
            assert rejected.value.reason is (reason or RejectionReason.BAD_SIGNATURE)

    def test_the_agency_of_the_settings_bounds_what_is_told(self, rig: Rig) -> None:
        bound = rig.adapter_for(rig.simulator.url, GATEWAY_PAYGOV_AGENCY="vn-moj")
        request = pull({Name.CLIENT_ID: CLIENT, Name.DOSSIER: "H26-1"}, KEYS_2[0])
        assert bound.read_bill_request(request, datetime.now(UTC)).agency_code == "vn-moj"
        assert rig.adapter.read_bill_request(request, datetime.now(UTC)).agency_code is None
        bound.close()

    def test_due_nothing_due_and_not_found_have_their_exact_answers(self, rig: Rig) -> None:
        told = [json.loads(rig.adapter.write_bills(found).body) for found in ((a_bill(),), (), None)]
        assert [answer[Name.BILL_CODE] for answer in told] == [1, 0, -1]
        assert told[0][Name.DOSSIER] == "H26.17-261123-0007"
        assert told[0][Name.FEES][0][Name.FEE_AMOUNT] == "150000"
        assert set(told[1]) == set(told[2]) == {Name.BILL_CODE, Name.BILL_MESSAGE}

    def test_what_cannot_be_paid_in_dong_is_not_called_due(self, rig: Rig) -> None:
        usd = a_bill(Money(1_050, "USD"), lines=(BillLine("1", "Fee", Money(1_050, "USD")),))
        assert json.loads(rig.adapter.write_bills((usd,)).body)[Name.BILL_CODE] == 0
        assert json.loads(rig.adapter.write_bills((usd, a_bill())).body)[Name.BILL_CODE] == 1


class TestTransactionIds:
    @given(milliseconds=st.integers(0, 2**45 - 1), a=st.integers(0, 2**12 - 1), b=st.integers(0, 2**62 - 1))
    def test_a_transaction_id_is_short_plain_and_names_its_payment(self, milliseconds: int, a: int, b: int) -> None:
        payment_id = UUID(int=milliseconds << 80 | 7 << 76 | a << 64 | 2 << 62 | b)
        transaction = wire.transaction_id(payment_id)
        assert len(transaction) == 20
        assert transaction.isascii()
        assert transaction.isalnum()
        assert wire.payment_id(transaction) == payment_id

    @given(st.text(max_size=24))
    def test_what_we_did_not_make_names_nothing_or_itself(self, text: str) -> None:
        found = wire.payment_id(text)
        assert found is None or wire.transaction_id(found) == text

    def test_the_longest_and_the_first_beyond(self) -> None:
        assert wire.payment_id("z" * 20) is None
        assert wire.payment_id("0" * 19) is None
        assert wire.payment_id("0" * 20) == UUID("00000000-0000-7000-8000-000000000000")

    @pytest.mark.parametrize("other", [UUID(int=0), uuid4(), UUID(int=2**127 | 7 << 76)])
    def test_another_kind_of_id_is_refused(self, other: UUID) -> None:
        with pytest.raises(Unsupported):
            wire.transaction_id(other)


class TestChecksum:
    def test_it_is_the_one_that_the_protocol_describes(self) -> None:
        """Computed by hand: printf '0|ministry|PAY|150000|T1|3.0' | openssl dgst -sha256 -hmac secret"""
        fields = {"addition_fee": "0", "client_id": CLIENT, "command": "PAY", "trans_amount": "150000"}
        fields |= {"transaction_id": "T1", "version": "3.0"}
        assert wire.checksum("secret", "create", fields) == wire.checksum("secret", "callback", fields) == EXPECTED
        assert wire.checksum("secret", "detail", {**fields, "command": "DETAIL"}) == EXPECTED_DETAIL


EXPECTED = "f88f9fa44aca3d52ffa05b4d617e6f96cfd7a45b01ca94523333d3843ab840df"
EXPECTED_DETAIL = "4d184748c46f15d8911a965d6b6624d23dad53aade84f000c828722e98a96a91"


def signed(what: str, body: bytes, key: str) -> bytes:
    """The body with its checksum; as it is if it is no object that could have one."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(fields, dict):
        return body
    return json.dumps({**fields, Name.CHECKSUM: wire.checksum(key, what, fields)}).encode()


def pull(fields: Mapping[str, Any], key: str) -> RawRequest:
    return RawRequest("POST", "", {}, signed("pull", json.dumps(fields).encode(), key))
