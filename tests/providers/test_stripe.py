"""Stripe against the conformance suite, and what is its own."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import stripe

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    Cancellable,
    LineKind,
    NotFound,
    OutcomeUnknown,
    PaymentObservation,
    PaymentProvider,
    RawRequest,
    Refunder,
    RefundObservation,
    RefundRef,
    Rejected,
    SettlementSource,
    Unsupported,
    WebhookReceiver,
    WebhookRejected,
)
from providers.settings import MissingSettings
from providers.simulation.bank import Options
from providers.stripe import simulator, wire
from providers.stripe.adapter import StripeProvider, build
from providers.stripe.simulated import PAYER
from tests.providers.conformance import ProviderConformance
from tests.providers.rig import Rig, ref

S = PaymentStatus
KEY = "sk_test_planted_key"
WEBHOOK = ("whsec_planted_one", "whsec_planted_two")


def signed(body: bytes, secret: str, at: datetime) -> RawRequest:
    """By Stripe's documentation rather than by its SDK, so that the two check each other."""
    timestamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "stripe-signature": f"t={timestamp},v1={digest}"}
    return RawRequest("POST", "", headers, body)


class TestStripe(ProviderConformance):
    provider = "stripe"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_STRIPE_API_KEY": KEY,
        "GATEWAY_STRIPE_WEBHOOK_SECRETS": ",".join(WEBHOOK),
    }
    base_url_setting = "GATEWAY_STRIPE_API_BASE"
    secrets_setting = "GATEWAY_STRIPE_WEBHOOK_SECRETS"
    optional_settings = frozenset({"GATEWAY_STRIPE_API_BASE"})
    own_headers = frozenset({"stripe-version", "idempotency-key", wire.SIGNATURE})
    secrets = (*WEBHOOK, KEY)
    personal = tuple(PAYER.values())
    protocols = frozenset({PaymentProvider, Cancellable, Refunder, WebhookReceiver, SettlementSource})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "decline": S.DECLINED,
        "cancel": S.PENDING,  # the payer goes back; the session stays open
        "abandon": S.PENDING,
        "expire": S.EXPIRED,
        "pending": S.PENDING,
        "late": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "wrong_amount": S.SUCCEEDED,
        "review": S.UNKNOWN,
    }
    not_notified = frozenset({"abandon", "silent", "cancel"})
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): "[currency]=vnd&line_items[0][price_data][unit_amount]=150001&",
        Money(98_765_432, "VND"): "[currency]=vnd&line_items[0][price_data][unit_amount]=98765432&",
        Money(1_050, "USD"): "[currency]=usd&line_items[0][price_data][unit_amount]=1050&",
        Money(12_345_678, "EUR"): "[currency]=eur&line_items[0][price_data][unit_amount]=12345678&",
        Money(10_500, "KWD"): "[currency]=kwd&line_items[0][price_data][unit_amount]=10500&",
    }
    malformed = (
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "created": 1}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "created": 1, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "refund.created", "created": "now", "data": {"object": {"id": "re_1"}}}',
    )
    of_no_concern = b'{"id": "evt_1", "type": "customer.created", "created": 1, "data": {"object": {"id": "cus_1"}}}'

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        return signed(body, secret, at)

    def without_secrets(self, rig: Rig) -> Any:
        return StripeProvider(KEY, ("", "  "), rig.simulator.url)

    # The payer tries again, and the bank takes its time.

    def test_a_declined_card_can_be_followed_by_one_that_is_not(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "decline")
        assert [seen.status for seen in rig.heard(PaymentObservation)] == [PaymentStatus.DECLINED]
        declined = rig.adapter.query_payment(begun)
        assert (declined.status, declined.code) == (PaymentStatus.DECLINED, "insufficient_funds")
        rig.play(url, "succeed")
        paid = rig.adapter.query_payment(begun)
        assert (paid.status, paid.amount) == (PaymentStatus.SUCCEEDED, begun.amount)
        assert paid.provider_transaction_id == declined.provider_transaction_id

    def test_a_declined_payment_that_was_given_up_can_no_longer_be_paid(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "decline")
        assert rig.adapter.cancel_payment(begun).status is PaymentStatus.EXPIRED
        assert rig.play(url, "succeed").status_code == 409

    def test_a_debit_that_the_bank_refuses_days_later_is_declined(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "pending")
        assert rig.adapter.cancel_payment(begun).status is PaymentStatus.PENDING  # the payer is done, so no way back
        rig.play(url, "decline")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.DECLINED
        heard = [seen.status for seen in rig.heard(PaymentObservation, count=3)]
        assert heard == [PaymentStatus.PENDING, PaymentStatus.DECLINED, PaymentStatus.DECLINED]

    def test_session_and_intent_tell_of_the_same_movement(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        rig.inbox.wait_for(3)
        heard = rig.heard(PaymentObservation, count=2)
        assert {seen.provider_payment_id for seen in heard} == {begun.provider_payment_id, None}
        assert len({(seen.payment_id, seen.provider_transaction_id, seen.amount) for seen in heard}) == 1

    # What goes out.

    def test_the_session_holds_our_id_twice_and_nothing_of_the_payer(self, rig: Rig) -> None:
        since = len(rig.traffic())
        command = rig.command(title="Lệ phí cấp hộ chiếu: RF18 & <b>", locale="en")
        rig.adapter.create_payment(command)
        (creation,) = rig.traffic(since)
        names = {pair.partition("=")[0] for pair in creation["body"].split("&")}
        assert names == {
            "mode",
            "client_reference_id",
            "metadata[payment_id]",
            "metadata[reference]",
            "payment_intent_data[metadata][payment_id]",
            "payment_intent_data[metadata][reference]",
            "line_items[0][quantity]",
            "line_items[0][price_data][currency]",
            "line_items[0][price_data][unit_amount]",
            "line_items[0][price_data][product_data][name]",
            "adaptive_pricing[enabled]",
            "success_url",
            "cancel_url",
            "locale",
            "expires_at",
        }
        assert "name]=Le+phi+cap+ho+chieu%3A+RF18+b&" in creation["body"]
        headers = {name.lower(): value for name, value in creation["headers"].items()}
        assert headers["idempotency-key"] == command.idempotency_key
        assert headers["stripe-version"] == wire.API_VERSION

    def test_the_pinned_version_is_the_one_the_sdk_was_made_for(self) -> None:
        assert stripe.api_version == wire.API_VERSION

    def test_nothing_global_of_the_sdk_is_used(self, rig: Rig) -> None:
        rig.started()
        assert stripe.api_key is None
        assert stripe.enable_telemetry is False

    def test_a_session_lives_as_long_as_stripe_allows_at_least(self, rig: Rig) -> None:
        now = datetime.now(UTC)
        for wanted, minutes in ((timedelta(minutes=1), 35), (timedelta(minutes=50), 50), (timedelta(days=9), 60)):
            since = len(rig.traffic())
            rig.adapter.create_payment(rig.command(created_at=now, expires_at=now + wanted))
            expires = int((now + timedelta(minutes=minutes)).timestamp())
            assert f"expires_at={expires}" in rig.traffic(since)[0]["body"]

    def test_a_third_decimal_is_refused_before_anything_is_sent(self, rig: Rig) -> None:
        since = len(rig.traffic())
        with pytest.raises(Unsupported):
            rig.adapter.create_payment(rig.command(Money(10_501, "KWD")))
        assert rig.traffic(since) == []

    @pytest.mark.parametrize("amount", [Money(49, "USD"), Money(100_000_000, "VND")])
    def test_an_amount_beyond_stripes_limits_is_rejected(self, rig: Rig, amount: Money) -> None:
        with pytest.raises(Rejected, match="amount_too"):
            rig.adapter.create_payment(rig.command(amount))

    def test_one_key_for_two_requests_is_refused_and_leaves_the_first(self, rig: Rig) -> None:
        command = rig.command()
        rig.adapter.create_payment(command)
        with pytest.raises(OutcomeUnknown):
            rig.adapter.create_payment(rig.command(idempotency_key=command.idempotency_key))
        assert rig.holds(command.payment_id)

    # Searching.

    def test_a_session_of_unknown_id_is_found_among_hundreds(self, fresh_rig: Rig) -> None:
        commands = [fresh_rig.command() for _ in range(120)]
        for command in commands:
            fresh_rig.adapter.create_payment(command)
        since = len(fresh_rig.traffic())
        for command in (commands[0], commands[-1]):
            assert fresh_rig.adapter.query_payment(ref(command)).payment_id == command.payment_id
        assert len(fresh_rig.traffic(since)) == 3  # two pages for the oldest, one for the newest

    def test_the_search_covers_the_time_in_which_the_session_can_have_been_created(self, rig: Rig) -> None:
        begun = datetime.now(UTC) - timedelta(minutes=25)
        command = rig.command(created_at=begun, expires_at=begun + timedelta(hours=1))
        rig.adapter.create_payment(command)  # at the last moment at which Stripe takes it
        assert rig.adapter.query_payment(ref(command)).payment_id == command.payment_id
        too_late = rig.command(created_at=begun - timedelta(minutes=10), expires_at=begun + timedelta(minutes=50))
        with pytest.raises(Rejected):
            rig.adapter.create_payment(too_late)
        assert rig.adapter.query_payment(ref(too_late)) == NotFound()

    def test_a_refund_finds_its_intent_also_if_only_the_session_is_known(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        command = rig.refund_command(begun, 10_000)
        assert rig.adapter.refund(command).status is RefundStatus.SUCCEEDED
        assert rig.adapter.query_refund(RefundRef(command)).amount == Money(10_000, "VND")

    # Refunds in events.

    def test_a_refund_tells_its_own_amount_where_the_charge_tells_the_sum(self, rig: Rig) -> None:
        paid = rig.paid()
        for amount in (30_000, 20_000):
            rig.adapter.refund(rig.refund_command(paid, amount))
        rig.quiet()
        sums = {
            event["data"]["object"]["amount_refunded"]
            for event in map(json.loads, (request.body for request in rig.inbox.requests))
            if event["type"] == "charge.refunded"
        }
        assert sums == {30_000, 50_000}
        heard = {seen.amount.amount_minor for seen in rig.heard(RefundObservation)}
        assert heard == {30_000, 20_000}

    def test_refunds_listed_with_a_charge_each_say_their_own(self, rig: Rig) -> None:
        """As endpoints on versions before 2022-11-15 send them."""
        listed = [
            {"id": f"re_{n}", "amount": n * 10, "currency": "usd", "status": "succeeded", "payment_intent": "pi_1"}
            for n in (1, 2)
        ]
        charge = {"id": "ch_1", "amount_refunded": 30, "refunds": {"data": listed}}
        heard = [seen for seen in rig.read(event("charge.refunded", charge)) if isinstance(seen, RefundObservation)]
        assert [(seen.provider_refund_id, seen.amount.amount_minor) for seen in heard] == [("re_1", 10), ("re_2", 20)]

    def test_metadata_of_others_on_the_same_account_is_not_ours(self, rig: Rig) -> None:
        intent = {"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "usd"}
        (seen,) = rig.read(event("payment_intent.succeeded", {**intent, "metadata": {"payment_id": "order 7"}}))
        assert isinstance(seen, PaymentObservation)
        assert (seen.payment_id, seen.provider_transaction_id) == (None, "pi_1")

    def test_what_was_received_counts_rather_than_what_was_asked_for(self, rig: Rig) -> None:
        intent = {"id": "pi_1", "status": "succeeded", "amount": 500, "amount_received": 490, "currency": "usd"}
        (seen,) = rig.read(event("payment_intent.succeeded", intent))
        assert isinstance(seen, PaymentObservation)
        assert seen.amount == Money(490, "USD")

    @pytest.mark.parametrize("status", ["warning_needs_response", "warning_closed", "prevented", "from_the_future"])
    def test_an_inquiry_has_taken_no_money(self, rig: Rig, status: str) -> None:
        inquiry = {"id": "du_1", "status": status, "amount": 5, "currency": "usd", "payment_intent": "pi_1"}
        assert rig.read(event("charge.dispute.created", inquiry)) == []

    def test_every_event_of_the_subscription_is_read_or_known_to_say_nothing(self, rig: Rig) -> None:
        for kind in wire.WEBHOOK_EVENTS:
            if kind.startswith("payout.") or kind == "charge.refunded":
                assert rig.read(event(kind, {"id": "x_1"})) == []
            else:
                with pytest.raises(WebhookRejected, match="is not"):
                    rig.read(event(kind, {"id": "x_1"}))

    def test_a_header_with_several_signatures_needs_one_of_ours(self, rig: Rig) -> None:
        now = datetime.now(UTC)
        one, other = (signed(self.of_no_concern, s, now).headers["stripe-signature"] for s in ("stranger", WEBHOOK[1]))
        both = f"{one},{other.partition(',')[2]}"
        request = RawRequest("POST", "", {"stripe-signature": both}, self.of_no_concern)
        assert rig.adapter.verify(request, now).event_id == "evt_1"

    # Settlement.

    def test_the_payouts_own_transaction_is_no_line(self, fresh_rig: Rig) -> None:
        fresh_rig.paid()
        since = len(fresh_rig.traffic())
        ((batch, lines),) = fresh_rig.settled()
        assert [line.kind for line in lines] == [LineKind.PAYMENT]
        assert batch.payout_id == batch.id
        assert any("expand[0]=data.source" in request["url"] for request in fresh_rig.traffic(since))

    def test_a_payout_of_more_than_a_page_is_read_whole(self, fresh_rig: Rig) -> None:
        for _ in range(105):
            _, url = fresh_rig.started()
            fresh_rig.play(url, "succeed")
        ((_, lines),) = fresh_rig.settled()
        assert len(lines) == 105

    def test_the_api_base_is_optional_but_never_blank(self) -> None:
        build({**self.settings}).close()
        with pytest.raises(MissingSettings) as missing:
            build({**self.settings, "GATEWAY_STRIPE_API_BASE": " "})
        assert missing.value.names == ("GATEWAY_STRIPE_API_BASE",)

    def test_the_simulator_needs_to_know_where_notifications_go(self, tmp_path: Path) -> None:
        with pytest.raises(MissingSettings, match="webhook_url"):
            simulator.create_app(Options(tmp_path, self.settings))


def event(kind: str, thing: Mapping[str, Any]) -> RawRequest:
    body = {"id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_000, "data": {"object": thing}}
    return signed(json.dumps(body).encode(), WEBHOOK[0], datetime.now(UTC))
