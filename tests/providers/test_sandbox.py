"""The sandbox against the conformance suite, and what is its own."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import httpx
import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    BatchRef,
    Cancellable,
    LineKind,
    OutcomeUnknown,
    PaymentObservation,
    PaymentProvider,
    PaymentRef,
    RawRequest,
    Refunder,
    SettlementLine,
    SettlementSource,
    WebhookReceiver,
)
from providers import signing
from providers.sandbox import settlement, wire
from providers.sandbox.adapter import SandboxProvider
from tests.providers.conformance import ProviderConformance
from tests.providers.rig import Rig

S = PaymentStatus
SECRETS = ("planted-secret-one", "planted-secret-two")


class TestSandbox(ProviderConformance):
    provider = "sandbox"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_SANDBOX_MERCHANT": "ministry",
        "GATEWAY_SANDBOX_SECRETS": ",".join(SECRETS),
    }
    base_url_setting = "GATEWAY_SANDBOX_BASE_URL"
    secrets_setting = "GATEWAY_SANDBOX_SECRETS"
    optional_settings = frozenset()
    own_headers = frozenset({wire.MERCHANT, wire.SIGNATURE, wire.IDEMPOTENCY_KEY})
    secrets = SECRETS
    protocols = frozenset({PaymentProvider, Cancellable, Refunder, WebhookReceiver, SettlementSource})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "decline": S.DECLINED,
        "cancel": S.CANCELLED,
        "abandon": S.PENDING,
        "expire": S.EXPIRED,
        "pending": S.PENDING,
        "late": S.SUCCEEDED,
        "twice": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "wrong_amount": S.SUCCEEDED,
        "review": S.UNKNOWN,
    }
    not_notified = frozenset({"abandon", "silent"})
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): '"amount_minor":150001,"currency":"VND"',
        Money(98_765_432, "VND"): '"amount_minor":98765432,"currency":"VND"',
        Money(1_050, "USD"): '"amount_minor":1050,"currency":"USD"',
        Money(12_345_678_90, "EUR"): '"amount_minor":1234567890,"currency":"EUR"',
        Money(10_500, "KWD"): '"amount_minor":10500,"currency":"KWD"',
    }
    malformed = (
        b'{"id": "se_1", "type": "payment.succeeded"}',
        b'{"id": "se_1", "type": "payment.succeeded", "data": {}}',
        b'{"id": "se_1", "type": "payment.succeeded", "data": []}',
    )
    of_no_concern = b'{"id": "se_1", "type": "merchant.updated", "data": {"status": "x"}}'

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        headers = {"content-type": "application/json", wire.SIGNATURE: signing.signature(secret, at, body)}
        return RawRequest("POST", "", headers, body)

    def without_secrets(self, rig: Rig) -> Any:
        return SandboxProvider(rig.simulator.url, "ministry", ("", "  "))

    def test_paying_twice_makes_two_movements_and_each_can_be_refunded(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "twice")
        heard = rig.heard(PaymentObservation, count=2)
        movements = {seen.provider_transaction_id for seen in heard}
        assert len(movements) == 2
        for movement in movements:
            paid = PaymentRef(
                payment_id=begun.payment_id,
                reference=begun.reference,
                amount=begun.amount,
                idempotency_key="",
                created_at=begun.created_at,
                provider_transaction_id=movement,
            )
            rig.adapter.refund(rig.refund_command(paid))
        refunds = rig.true_refunds(begun.payment_id)
        assert {refund["transaction_id"] for refund in refunds} == movements

    def test_a_late_payment_is_first_expired_and_then_succeeded(self, rig: Rig) -> None:
        _, url = rig.started()
        rig.play(url, "late")
        heard = [seen.status for seen in rig.heard(PaymentObservation, count=2)]
        assert heard == [PaymentStatus.EXPIRED, PaymentStatus.SUCCEEDED]

    def test_a_payment_that_was_cancelled_can_still_be_paid_late(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.adapter.cancel_payment(begun)
        assert rig.play(url, "late").status_code == 303
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED

    @pytest.mark.parametrize(
        "change",
        [
            {"surprise": "x"},
            {"amount_minor": "150000"},
            {"amount_minor": 1.5},
            {"amount_minor": True},
            {"amount_minor": 999},
            {"amount_minor": -150_000},
            {"currency": "XXX"},
            {"payment_id": "7"},
            {"reference": None},
        ],
    )
    def test_the_provider_refuses_a_creation_that_is_not_as_agreed(self, rig: Rig, change: dict[str, Any]) -> None:
        since = len(rig.traffic())
        rig.started()
        body = json.dumps({**json.loads(rig.traffic(since)[0]["body"]), **change}).encode()
        message = signing.request_message("POST", "/v1/payments", "key", body)
        headers = {
            wire.MERCHANT: "ministry",
            wire.IDEMPOTENCY_KEY: "key",
            wire.SIGNATURE: signing.signature(SECRETS[0], datetime.now(UTC), message),
        }
        answer = httpx.post(f"{rig.simulator.url}/v1/payments", content=body, headers=headers)
        assert answer.status_code == 422, answer.text

    def test_the_provider_refuses_a_request_signed_with_another_secret(self, rig: Rig) -> None:
        stranger = SandboxProvider(rig.simulator.url, "ministry", ("another",))
        command = rig.command()
        with pytest.raises(Exception, match="bad_signature"):
            stranger.create_payment(command)
        assert not rig.holds(command.payment_id)
        stranger.close()

    def test_one_key_for_two_requests_is_refused_and_leaves_the_first(self, rig: Rig) -> None:
        command = rig.command()
        rig.adapter.create_payment(command)
        with pytest.raises(OutcomeUnknown, match="idempotency_mismatch"):
            rig.adapter.create_payment(rig.command(idempotency_key=command.idempotency_key))
        assert rig.holds(command.payment_id)


BATCH = BatchRef("2026-01-31-VND-1", date(2026, 1, 31))
LINE = SettlementLine(
    line_id="sm_1",
    kind=LineKind.PAYMENT,
    gross=Money(150_000, "VND"),
    fee=Money(1_650, "VND"),
    occurred_at=datetime(2026, 1, 31, 16, 59, tzinfo=UTC),
    provider_transaction_id="st_1",
    status=settlement.SETTLED,
)


class TestSettlementFile:
    def test_what_is_written_is_read(self) -> None:
        assert list(settlement.read(settlement.write("ministry", BATCH, "VND", [LINE]), BATCH)) == [LINE]

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("H,1,", "H,2,", "line 1: it is not the header"),
            ("2026-01-31-VND-1", "2026-01-30-VND-1", "line 1: it is not the header"),
            (",150000,", ",1500.00,", "line 2: a number"),
            (",VND,150000", ",XXX,150000", "line 2: a number"),
            (",148350", ",148351", "line 2: gross - fee"),
            ("D,sm_1", "X,sm_1", "line 2: it has not"),
            ("st_1,", "", "line 2: it has not"),
            ("sm_1", "sm_2", "line 3: its control totals"),
            ("T,1,", "T,2,", "line 3: its control totals"),
        ],
    )
    def test_a_fault_is_named_with_its_line(self, old: str, new: str, complaint: str) -> None:
        good = settlement.write("ministry", BATCH, "VND", [LINE]).decode()
        assert old in good
        with pytest.raises(OutcomeUnknown, match=complaint):
            list(settlement.read(good.replace(old, new, 1).encode(), BATCH))

    def test_a_file_cut_anywhere_is_not_read_to_its_end(self) -> None:
        good = settlement.write("ministry", BATCH, "VND", [LINE, LINE])
        for length in range(len(good) - 1):  # without its last newline it is still whole
            with pytest.raises(OutcomeUnknown):
                list(settlement.read(good[:length], BATCH))
