"""Opening a payment, what the payer does, and asking what became of it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    Cancellable,
    NotFound,
    NotSent,
    PaymentObservation,
    PaymentProvider,
    RateLimited,
    Redirect,
    Refunder,
    Rejected,
    SettlementSource,
    Unsupported,
    WebhookReceiver,
)
from tests.ports import free_port
from tests.providers.rig import FEE, Rig, ref
from tests.providers.suite.facts import Facts

ALL_PROTOCOLS = (PaymentProvider, Cancellable, Refunder, WebhookReceiver, SettlementSource)


class Payments(Facts):
    def test_it_implements_exactly_the_protocols_it_states(self, rig: Rig) -> None:
        assert {p for p in ALL_PROTOCOLS if isinstance(rig.adapter, p)} == self.protocols

    def test_it_has_a_name_for_payers_in_both_languages(self, rig: Rig) -> None:
        assert rig.adapter.name == self.provider
        assert set(rig.adapter.titles) >= {"vi", "en"}

    def test_a_creation_leaves_the_payment_pending_and_sends_the_payer_on(self, rig: Rig) -> None:
        command = rig.command()
        outcome = rig.adapter.create_payment(command)
        assert outcome.status is PaymentStatus.PENDING
        assert isinstance(outcome.next_action, Redirect)
        seen = rig.adapter.query_payment(ref(command, outcome))
        assert seen.status is PaymentStatus.PENDING
        assert rig.holds(command.payment_id) is not rig.opened_by_payer
        rig.arrived(command, outcome)
        assert rig.truth(command.payment_id)["amount_minor"] == FEE.amount_minor

    def test_the_pay_page_needs_no_script_and_no_other_host(self, rig: Rig) -> None:
        _, url = rig.started()
        page = httpx.get(url).text
        assert '<html lang="' in page
        assert "<form" in page
        assert all(f'value="{outcome}"' in page for outcome in self.outcomes)
        assert not any(foreign in page for foreign in ("<script", "http://", "https://", "src="))

    def test_every_outcome_of_the_simulator_is_stated(self, rig: Rig) -> None:
        shown = rig.control("GET", "outcomes")
        assert {name: outcome["ends"] for name, outcome in shown.items()} == self.outcomes
        assert {name: outcome["told"] for name, outcome in shown.items()} == {**self.outcomes, **self.notified_as}

    def test_every_outcome_is_reported_as_what_it_is(self, rig: Rig) -> None:
        for outcome, status in self.outcomes.items():
            begun, url = rig.started()
            answer = rig.play(url, outcome)
            assert answer.status_code == 303, outcome
            assert answer.headers["location"].startswith("http://127.0.0.1:9/"), outcome
            seen = rig.adapter.query_payment(begun)
            assert seen.status is status, outcome
            assert seen.provider_payment_id == begun.provider_payment_id, outcome

    def test_a_success_names_the_amount_the_payment_and_the_movement(self, rig: Rig) -> None:
        begun, url = rig.started(Money(12_345_670, "VND"))
        rig.play(url, "succeed")
        seen = rig.adapter.query_payment(begun)
        assert (seen.payment_id, seen.amount) == (begun.payment_id, Money(12_345_670, "VND"))
        assert seen.provider_transaction_id in {t["id"] for t in rig.truth(begun.payment_id)["transactions"]}
        assert seen.occurred_at.tzinfo is not None

    def test_a_success_of_another_amount_says_so(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "wrong_amount")
        seen = rig.adapter.query_payment(begun)
        assert seen.status is PaymentStatus.SUCCEEDED
        assert seen.amount != begun.amount

    def test_the_browsers_return_is_no_evidence_of_payment(self, rig: Rig) -> None:
        begun, url = rig.started()
        assert rig.play(url, "abandon").headers["location"].startswith("http://127.0.0.1:9/return")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.PENDING

    def test_an_outcome_that_is_not_on_the_page_changes_nothing(self, rig: Rig) -> None:
        begun, url = rig.started()
        assert rig.play(url, "nonsense").status_code == 409
        assert rig.adapter.query_payment(begun).status is PaymentStatus.PENDING

    def test_what_succeeded_cannot_be_paid_again_on_the_same_page(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        assert rig.play(url, "succeed").status_code == 409
        assert len(rig.truth(begun.payment_id)["transactions"]) == 1

    def test_amounts_go_out_exactly(self, rig: Rig) -> None:
        currencies = {amount.currency for amount in self.amounts_on_the_wire}
        assert {"VND", "USD", "KWD"} & rig.adapter.capabilities.currencies <= currencies
        assert any(amount.amount_minor > 10_000_000 for amount in self.amounts_on_the_wire)
        for amount, expected in self.amounts_on_the_wire.items():
            since = len(rig.traffic())
            begun, url = rig.started(amount)
            creation = rig.traffic(since)[0]
            assert expected in creation["body"] + creation["url"], amount
            assert rig.truth(begun.payment_id)["amount_minor"] == amount.amount_minor
            rig.play(url, "succeed")
            assert rig.adapter.query_payment(begun).amount == amount

    def test_a_currency_it_does_not_take_is_refused_before_anything_is_sent(self, rig: Rig) -> None:
        assert "ISK" not in rig.adapter.capabilities.currencies
        since = len(rig.traffic())
        with pytest.raises(Unsupported):
            rig.adapter.create_payment(rig.command(Money(5_000, "ISK")))
        assert rig.traffic(since) == []

    def test_the_same_key_opens_one_payment(self, rig: Rig) -> None:
        command = rig.command()
        first = rig.adapter.create_payment(command)
        second = self.sent_again(lambda: rig.adapter.create_payment(command))
        assert second in (None, first)
        for outcome in (first, second or first):
            begun = rig.arrived(command, outcome)
            assert rig.truth(command.payment_id)["id"] == begun.provider_payment_id

    def test_a_payment_it_never_heard_of_is_not_found(self, rig: Rig) -> None:
        over = datetime.now(UTC) - timedelta(days=1) if rig.opened_by_payer else datetime.now(UTC)
        assert rig.adapter.query_payment(ref(rig.command(created_at=over))) == NotFound()

    def test_a_provider_that_denies_knowing_a_payment_is_quoted(self, rig: Rig) -> None:
        begun, _ = rig.started()
        rig.fault("query", "not_found")
        assert rig.adapter.query_payment(begun) == NotFound()

    def test_nobody_listening_means_nothing_was_sent(self, rig: Rig) -> None:
        alone = rig.adapter_for(f"http://127.0.0.1:{free_port()}")
        command = rig.command()
        with pytest.raises(NotSent):
            alone.query_payment(ref(command))
        if rig.opened_by_payer:
            assert alone.create_payment(command).status is PaymentStatus.PENDING
        else:
            with pytest.raises(NotSent):
                alone.create_payment(command)
        alone.close()

    @pytest.mark.parametrize(
        ("fault", "error"), [("rate_limited", RateLimited), ("unauthorized", NotSent), ("rejected", Rejected)]
    )
    def test_a_refused_creation_did_nothing(self, rig: Rig, fault: str, error: type[Exception]) -> None:
        self.needs_creation(rig)
        command = rig.command()
        rig.fault("create", fault)
        with pytest.raises(error):
            rig.adapter.create_payment(command)
        assert not rig.holds(command.payment_id)

    def test_a_code_nobody_has_heard_of_is_unknown_never_failed_and_never_paid(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        rig.fault("query", "unknown_code")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.UNKNOWN
        self.needs_creation(rig)
        rig.fault("create", "unknown_code")
        assert rig.adapter.create_payment(rig.command()).status is PaymentStatus.UNKNOWN


class Cancelling(Facts):
    def test_a_cancelled_payment_can_no_longer_be_paid(self, rig: Rig) -> None:
        self.needs(Cancellable)
        begun, url = rig.started()
        assert rig.adapter.cancel_payment(begun).status in (PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)
        assert rig.play(url, "succeed").status_code == 409
        assert rig.truth(begun.payment_id)["transactions"] == []

    def test_cancelling_what_succeeded_answers_that_it_succeeded(self, rig: Rig) -> None:
        self.needs(Cancellable)
        begun, url = rig.started()
        rig.play(url, "succeed")
        seen = rig.adapter.cancel_payment(begun)
        assert isinstance(seen, PaymentObservation)
        assert (seen.status, seen.amount) == (PaymentStatus.SUCCEEDED, begun.amount)

    def test_cancelling_twice_is_the_same_as_once(self, rig: Rig) -> None:
        self.needs(Cancellable)
        begun, _ = rig.started()
        assert rig.adapter.cancel_payment(begun).status == rig.adapter.cancel_payment(begun).status

    def test_a_payment_is_cancelled_also_if_the_answer_to_its_creation_was_lost(self, rig: Rig) -> None:
        self.needs(Cancellable)
        command = rig.command()
        rig.adapter.create_payment(command)
        assert rig.adapter.cancel_payment(ref(command)).status in (PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)

    def test_cancelling_what_it_never_heard_of_finds_nothing(self, rig: Rig) -> None:
        self.needs(Cancellable)
        unknown = ref(rig.command(payment_id=uuid4()))
        assert rig.adapter.cancel_payment(unknown) == NotFound()
