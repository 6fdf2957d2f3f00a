"""MoMo against the conformance suite, and what is its own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    AckResult,
    LineKind,
    NotSent,
    OutcomeUnknown,
    PaymentObservation,
    PaymentProvider,
    RawRequest,
    Refunder,
    RefundRef,
    RejectionReason,
    Reply,
    SettlementSource,
    SettlementWindow,
    Unsupported,
    WebhookReceiver,
    WebhookRejected,
)
from gateway.services.start_payment import SUBMITTING_AT_MOST
from providers import registry
from providers.momo import settlement, wire
from providers.momo.adapter import MomoProvider
from providers.settings import UnusableSetting
from providers.transport import TIMEOUT
from tests.providers.conformance import ProviderConformance
from tests.providers.momo_messages import ACCESS_KEYS, NOTICE, OTHER_CLIENT, SECRETS, compact, documented, momo, signed
from tests.providers.rig import FOLDER, Rig, ref

S = PaymentStatus


class TestMomo(ProviderConformance):
    provider = "momo"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_MOMO_PARTNER_CODE": "CONGPHI",
        "GATEWAY_MOMO_ACCESS_KEYS": ",".join(ACCESS_KEYS),
        "GATEWAY_MOMO_SECRETS": ",".join(SECRETS),
        "GATEWAY_MOMO_SETTLEMENT_DIR": FOLDER,
    }
    base_url_setting = "GATEWAY_MOMO_BASE_URL"
    secrets_setting = "GATEWAY_MOMO_SECRETS"
    optional_settings = frozenset()
    own_headers = frozenset()
    secrets = (*SECRETS, *ACCESS_KEYS)
    protocols = frozenset({PaymentProvider, Refunder, WebhookReceiver, SettlementSource})
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
    not_notified = frozenset({"abandon", "silent", "pending"})
    notified = frozenset({PaymentObservation})
    notified_statuses = frozenset(S) - {S.PENDING}
    dated_notifications = False
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(1_000, "VND"): ',"amount":1000,',
        Money(150_001, "VND"): ',"amount":150001,',
        Money(12_345_678, "VND"): ',"amount":12345678,',
        Money(50_000_000, "VND"): ',"amount":50000000,',
    }
    malformed = (
        compact({**NOTICE, "amount": "12345678"}),
        compact({**NOTICE, "amount": 12_345_678.0}),
        compact({**NOTICE, "amount": True}),
        compact({**NOTICE, "resultCode": "0"}),
        compact({**NOTICE, "resultCode": False}),
        compact({**NOTICE, "extraData": None}),
        compact({**NOTICE, "transId": 0}),
        compact({**NOTICE, "responseTime": 10**18}),
        compact({**NOTICE, "message": "\ud800"}),
        compact({name: value for name, value in NOTICE.items() if name != "payType"}),
        compact({**NOTICE, "amount": 2**63}),
    )
    of_no_concern = compact({**NOTICE, "partnerCode": "ANOTHER"})

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        return signed(body, secret)

    def without_secrets(self, rig: Rig) -> Any:
        return momo(rig.simulator.url, wire.Keys(ACCESS_KEYS, ("", "  ")))

    def without_signature(self, request: RawRequest) -> RawRequest:
        fields = json.loads(request.body)
        del fields["signature"]
        return replace(request, body=compact(fields))

    def mangled_signatures(self, request: RawRequest) -> Iterator[RawRequest]:
        fields = json.loads(request.body)
        true = fields["signature"]
        for mangled in ("", true[:-1], true + "0", true.upper(), true + "é", "\ud800", " " + true, None, 7, [true]):
            yield replace(request, body=json.dumps({**fields, "signature": mangled}).encode())

    # What goes out.

    def test_a_creation_holds_what_is_agreed_and_nothing_of_the_payer(self, rig: Rig) -> None:
        since = len(rig.traffic())
        command = rig.command(title="Lệ phí cấp hộ chiếu: RF18 & <b>", locale="en")
        rig.adapter.create_payment(command)
        (creation,) = rig.traffic(since)
        body = json.loads(creation["body"])
        signature = documented("create", body, ACCESS_KEYS[0], SECRETS[0])
        assert body == {
            "partnerCode": "CONGPHI",
            "orderId": str(command.payment_id),
            "requestId": command.idempotency_key,
            "amount": 150_000,
            "orderInfo": "Le phi cap ho chieu: RF18 b",
            "redirectUrl": "http://127.0.0.1:9/return?by=momo",
            "ipnUrl": rig.inbox.url,
            "requestType": "captureWallet",
            "extraData": "",
            "autoCapture": True,
            "lang": "en",
            "signature": signature,
        }
        assert urlsplit(creation["url"]).path == "/v2/gateway/api/create"

    def test_a_question_and_a_refund_hold_what_is_agreed(self, rig: Rig) -> None:
        paid = rig.paid(Money(23_456_789, "VND"))
        command = rig.refund_command(paid, 12_345_678)
        since = len(rig.traffic())
        rig.adapter.refund(command)
        rig.adapter.query_refund(RefundRef(command))
        rig.adapter.query_payment(paid)
        refund, *questions = (json.loads(request["body"]) for request in rig.traffic(since))
        assert refund == {
            "partnerCode": "CONGPHI",
            "orderId": str(command.refund_id),
            "requestId": command.idempotency_key,
            "amount": 12_345_678,
            "transId": int(paid.provider_transaction_id or ""),
            "description": "Refund RF18539007547034",
            "lang": "vi",
            "signature": documented("refund", refund, ACCESS_KEYS[0], SECRETS[0]),
        }
        assert [question["orderId"] for question in questions] == [str(command.refund_id), str(paid.payment_id)]
        for question in questions:
            assert set(question) == {"partnerCode", "orderId", "requestId", "lang", "signature"}
            assert question["signature"] == documented("query", question, ACCESS_KEYS[0], SECRETS[0])

    def test_every_question_has_an_id_of_its_own_and_every_retry_the_same(self, rig: Rig) -> None:
        command = rig.command()
        since = len(rig.traffic())
        for _ in range(2):
            rig.adapter.create_payment(command)
            rig.adapter.query_payment(ref(command))
        created, asked, created_again, asked_again = rig.traffic(since)
        assert created["body"] == created_again["body"]
        assert json.loads(asked["body"])["requestId"] != json.loads(asked_again["body"])["requestId"]

    def test_the_payer_comes_back_with_our_own_parameters_whole(self, rig: Rig) -> None:
        """MoMo glues its result to the address by a question mark, though there is one already."""
        payment_id = uuid4()
        page = f"http://127.0.0.1:9/return?payment={payment_id}"
        url = rig.adapter.create_payment(rig.command(payment_id=payment_id, return_url=page)).next_action.url
        back = rig.play(url, "succeed").headers["location"]
        assert parse_qs(urlsplit(back).query)["payment"] == [str(payment_id)]
        assert "resultCode=0" in back

    def test_it_waits_as_long_as_the_provider_asks_for(self) -> None:
        own = registry.build("momo", {**self.settings, self.base_url_setting: "http://127.0.0.1:9"})
        assert isinstance(own, MomoProvider)
        timeout = vars(vars(own)["_transport"])["_client"].timeout
        own.close()
        assert timeout.read >= 30 > (TIMEOUT.read or 0)
        longest_s = timeout.connect + timeout.write + timeout.read + timeout.pool
        assert longest_s < SUBMITTING_AT_MOST.total_seconds()

    @pytest.mark.parametrize("amount", [Money(999, "VND"), Money(50_000_001, "VND"), Money(1_000, "USD")])
    def test_what_it_does_not_take_is_refused_before_anything_is_sent(self, rig: Rig, amount: Money) -> None:
        paid = rig.paid()
        since = len(rig.traffic())
        assert not rig.adapter.capabilities.takes(amount)
        with pytest.raises(Unsupported):
            rig.adapter.create_payment(rig.command(amount))
        with pytest.raises(Unsupported):
            rig.adapter.refund(replace(rig.refund_command(paid), amount=amount))
        assert rig.traffic(since) == []

    def test_whatever_the_title_and_the_amount_the_provider_agrees_to_the_signature(self, rig: Rig) -> None:
        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.text(max_size=300).map(lambda title: f"Fee {title}"), st.integers(1_000, 50_000_000))
        def agreed(title: str, amount_minor: int) -> None:
            command = rig.command(Money(amount_minor, "VND"), title=title)
            assert rig.adapter.create_payment(command).status is S.PENDING

        agreed()

    # Once, and once only.

    def test_an_order_that_is_open_already_is_unknown_and_then_found(self, rig: Rig) -> None:
        command = rig.command()
        rig.adapter.create_payment(command)
        with pytest.raises(OutcomeUnknown, match="41"):
            rig.adapter.create_payment(replace(command, idempotency_key=f"pay-{uuid4()}"))
        with pytest.raises(OutcomeUnknown, match="40"):
            rig.adapter.create_payment(rig.command(idempotency_key=command.idempotency_key))
        assert rig.adapter.query_payment(ref(command)).status is S.PENDING
        assert rig.truth(command.payment_id)["id"] == str(command.payment_id)

    def test_a_refund_that_takes_its_time_is_asked_about_and_not_paid_twice(self, rig: Rig) -> None:
        paid = rig.paid()
        command = rig.refund_command(paid, 30_000)
        rig.fault("refund", "refund_pending")
        assert rig.adapter.refund(command).status is RefundStatus.PENDING
        with pytest.raises(OutcomeUnknown, match="40"):  # MoMo answers again only what is final
            rig.adapter.refund(command)
        with pytest.raises(OutcomeUnknown, match="41"):
            rig.adapter.refund(replace(command, idempotency_key=f"refund-{uuid4()}"))
        assert rig.adapter.query_refund(RefundRef(command)).status is RefundStatus.PENDING
        assert len(rig.true_refunds(paid.payment_id)) == 1

    def test_a_refund_is_of_the_movement_that_paid_even_if_it_has_to_be_asked_for(self, rig: Rig) -> None:
        paid = replace(rig.paid(), provider_transaction_id=None)
        assert rig.adapter.refund(rig.refund_command(paid)).status is RefundStatus.SUCCEEDED
        rig.fault("query", "garbled_answer")
        with pytest.raises(NotSent):
            rig.adapter.refund(rig.refund_command(paid))

    def test_the_acknowledgement_is_204_without_a_word(self, rig: Rig) -> None:
        bank = rig.simulator.bank
        assert rig.adapter.ack(AckResult.APPLIED) == Reply(204)
        assert not bank.acknowledged(200, b"")
        assert not bank.acknowledged(204, b"{}")

    def test_the_payers_return_proves_nothing_and_comes_to_another_door(self, rig: Rig) -> None:
        _, url = rig.started()
        back = rig.play(url, "abandon").headers["location"]
        returned = RawRequest("GET", urlsplit(back).query, {}, b"")
        with pytest.raises(WebhookRejected) as rejected:
            rig.adapter.verify(returned, datetime.now(UTC))
        assert rejected.value.reason is RejectionReason.MALFORMED

    # What the provider refuses.

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"surprise": "x"}, 20),
            ({"accessKey": "stranger"}, 13),
            ({"amount": "150000"}, 20),
            ({"amount": 150_000.0}, 20),
            ({"amount": True}, 20),
            ({"amount": 999}, 22),
            ({"amount": 50_000_001}, 22),
            ({"orderId": "a b"}, 20),
            ({"orderId": "-a"}, 20),
            ({"requestId": ""}, 20),
            ({"requestId": "x" * 51}, 20),
            ({"requestType": "payWithATM"}, 20),
            ({"ipnUrl": "http://127.0.0.1:9/webhook?a=b"}, 20),
            ({"redirectUrl": "return"}, 20),
            ({"autoCapture": False}, 20),
            ({"lang": "fr"}, 20),
            ({"orderInfo": ""}, 20),
            ({"extraData": None}, 20),
            ({"partnerCode": "ANOTHER"}, 13),
        ],
    )
    def test_a_creation_that_is_not_as_agreed_is_refused(self, rig: Rig, change: dict[str, Any], code: int) -> None:
        since = len(rig.traffic())
        rig.started()
        fields = {**json.loads(rig.traffic(since)[0]["body"]), "orderId": str(uuid4()), "requestId": "fresh", **change}
        fields["signature"] = documented("create", fields, ACCESS_KEYS[0], SECRETS[0])
        answer = httpx.post(f"{rig.simulator.url}/v2/gateway/api/create", json=fields)
        assert (answer.status_code, answer.json()["resultCode"]) == (400, code)

    @pytest.mark.parametrize(("operation", "code"), [("create", 0), ("refund", 42)])  # it knows no such payment
    def test_the_provider_agrees_to_what_another_client_signed(self, rig: Rig, operation: str, code: int) -> None:
        headers, true = {"content-type": "application/json"}, OTHER_CLIENT[operation]
        for body, expected in ((true, code), (true.replace(b"000", b"0"), 13)):
            answer = httpx.post(f"{rig.simulator.url}/v2/gateway/api/{operation}", content=body, headers=headers)
            assert answer.json()["resultCode"] == expected

    def test_a_request_signed_with_another_secret_is_refused(self, rig: Rig) -> None:
        command = rig.command()
        for keys in (wire.Keys(ACCESS_KEYS, ("another",)), wire.Keys(("another",), SECRETS)):
            stranger = momo(rig.simulator.url, keys)
            with pytest.raises(NotSent, match="13"):
                stranger.create_payment(command)
            with pytest.raises(OutcomeUnknown, match="13"):
                stranger.query_payment(ref(command))
            stranger.close()
        assert not rig.holds(command.payment_id)


FILE = b"""lineId,type,orderId,transId,refundTransId,currency,amount,fee,netAmount,time,status
S1,PAYMENT,019ab9a8-0000-7000-8000-000000000012,4088878653,,VND,12345678,185185,12160493,2026-11-24 23:59:59,SETTLED
S2,REFUND,019ab9a8-0000-7000-8000-000000000012,4088878653,77,VND,40000,0,40000,2026-11-24 08:00:00,SETTLED
S3,PAYMENT,invoice-7,4088878654,,VND,1000,15,985,2026-11-24 00:00:00,HELD
TOTAL,3,12121478
"""


class TestSettlementFile:
    def test_a_line_says_in_our_words_what_the_file_says_in_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "momo-20261124-1.csv").write_bytes(FILE)
        files = settlement.files(str(tmp_path), {})
        (batch,) = files.list_settlements(SettlementWindow(date(2026, 11, 24), date(2026, 11, 24)))
        payment, refund, foreign = files.read_settlement(batch)
        assert batch.total == Money(12_121_478, "VND")
        assert (payment.gross, payment.fee) == (Money(12_345_678, "VND"), Money(185_185, "VND"))
        assert payment.occurred_at == datetime(2026, 11, 24, 16, 59, 59, tzinfo=UTC)
        assert (payment.provider_transaction_id, payment.settled) == ("4088878653", True)
        assert payment.merchant_reference == refund.merchant_reference == "019ab9a8-0000-7000-8000-000000000012"
        assert (refund.kind, refund.gross, refund.provider_refund_id) == (LineKind.REFUND, Money(-40_000, "VND"), "77")
        assert (foreign.merchant_reference, foreign.settled) == (None, False)

    def test_a_map_of_the_contract_that_cannot_be_used_stops_the_start(self, tmp_path: Path) -> None:
        contract = tmp_path / "contract.yaml"
        contract.write_text("version: 2\n")
        settings = {**TestMomo.settings, "GATEWAY_MOMO_BASE_URL": "http://127.0.0.1:9"}
        with pytest.raises(UnusableSetting, match=str(contract)):
            registry.build("momo", {**settings, "GATEWAY_MOMO_SETTLEMENT_MAP": str(contract)})
