"""Conformance of a bank transfer: nothing is created at the bank, so what payments.py and lost_answers.py presume does
not hold. Here is what holds instead; what holds all the same (notifications, refunds, settlement, trust) is theirs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    Cancellable,
    CreditObservation,
    CreditSource,
    DisputeObservation,
    NotSent,
    OutcomeUnknown,
    Payee,
    PaymentProvider,
    PaymentRef,
    RateLimited,
    Refunder,
    RefundObservation,
    SettlementSource,
    ShowQr,
    ShowTransfer,
    Unsupported,
    WebhookReceiver,
)
from tests.ports import free_port
from tests.providers.rig import Inbox, Rig, ref
from tests.providers.suite.facts import Facts
from tests.providers.suite.lost_answers import AFTER_ACCEPTING, BEFORE_ACCEPTING
from tests.providers.transfer_rig import TransferRig

ALL_PROTOCOLS = (PaymentProvider, Cancellable, Refunder, WebhookReceiver, SettlementSource, CreditSource)


class Transfers(Facts):
    """What a transfer's test class states beside the rest."""

    payee: ClassVar[Payee]
    misfits: ClassVar[tuple[Payee, ...]]
    """Accounts that the scheme cannot be paid on."""

    notified: ClassVar[frozenset[type]] = frozenset({CreditObservation, RefundObservation, DisputeObservation})
    shown: ClassVar[type]
    fee: ClassVar[Money]

    @classmethod
    def _rig(cls, data_dir: Path) -> Iterator[Rig]:
        inbox = Inbox()
        rig = TransferRig(cls.provider, cls.settings, data_dir, cls.base_url_setting, inbox)
        rig.payee, rig.fee = cls.payee, cls.fee
        rig.control("POST", "notify-by", form="json")
        yield rig
        rig.close()
        inbox.stop()


class TransferPayments(Transfers):
    def test_it_implements_exactly_the_protocols_it_states(self, rig: TransferRig) -> None:
        assert {p for p in ALL_PROTOCOLS if isinstance(rig.adapter, p)} == self.protocols

    def test_it_has_a_name_for_payers_in_both_languages(self, rig: TransferRig) -> None:
        assert rig.adapter.name == self.provider
        assert set(rig.adapter.titles) >= {"vi", "en"}

    def test_its_money_lands_in_the_bank(self, rig: TransferRig) -> None:
        assert rig.adapter.capabilities.lands_in_bank

    def test_a_creation_sends_nothing_and_shows_the_payer_what_to_pay(self, rig: TransferRig) -> None:
        since, command = len(rig.traffic()), rig.command()
        outcome = rig.adapter.create_payment(command)
        assert rig.traffic(since) == []
        assert outcome.status is PaymentStatus.PENDING
        assert outcome == rig.adapter.create_payment(command)
        action = outcome.next_action
        assert isinstance(action, self.shown)
        assert isinstance(action, ShowQr | ShowTransfer)
        assert (action.account, action.account_name) == (self.payee.number, self.payee.name)
        assert (action.amount, action.expires_at) == (command.amount, command.expires_at)

    def test_two_attempts_for_one_invoice_are_told_apart(self, rig: TransferRig) -> None:
        command = rig.command()
        again = rig.command(reference=command.reference)
        first, second = rig.adapter.create_payment(command), rig.adapter.create_payment(again)
        assert first.provider_payment_id != second.provider_payment_id

    def test_an_account_that_does_not_fit_is_refused(self, rig: TransferRig) -> None:
        for payee in (None, *self.misfits):
            with pytest.raises(Unsupported):
                rig.adapter.create_payment(rig.command(payee=payee))

    def test_an_amount_it_does_not_carry_is_refused(self, rig: TransferRig) -> None:
        assert "ISK" not in rig.adapter.capabilities.currencies
        amounts = [Money(5_000, "ISK"), Money(0, self.fee.currency)]
        highest = rig.adapter.capabilities.maximum_minor.get(self.fee.currency)
        for amount in amounts if highest is None else [*amounts, Money(highest + 1, self.fee.currency)]:
            with pytest.raises(Unsupported):
                rig.adapter.create_payment(rig.command(amount))

    def test_the_banking_app_needs_no_script_and_no_other_host(self, rig: TransferRig) -> None:
        _, url = rig.started()
        page = httpx.get(url).text
        assert '<html lang="' in page
        assert all(f'value="{outcome}"' in page for outcome in self.outcomes)
        assert not any(foreign in page for foreign in ("<script", "http://", "https://", "src="))

    def test_every_outcome_of_the_simulator_is_stated(self, rig: TransferRig) -> None:
        shown = rig.control("GET", "outcomes")
        assert {name: outcome["ends"] for name, outcome in shown.items()} == self.outcomes

    def test_every_outcome_is_reported_as_what_it_is(self, rig: TransferRig) -> None:
        for outcome, status in self.outcomes.items():
            begun, url = rig.started()
            assert rig.play(url, outcome).status_code == 303, outcome
            seen = rig.adapter.query_payment(begun)
            assert seen.status is status, outcome
            assert (seen.payment_id, seen.provider_payment_id) == (begun.payment_id, begun.provider_payment_id)

    def test_an_outcome_that_is_not_on_the_page_moves_nothing(self, rig: TransferRig) -> None:
        before, (begun, url) = rig.credits(), rig.started()
        assert rig.play(url, "nonsense").status_code == 409
        assert rig.adapter.query_payment(begun).status is PaymentStatus.PENDING
        assert rig.credits() == before

    def test_amounts_are_shown_and_paid_exactly(self, rig: TransferRig) -> None:
        assert any(amount.amount_minor > 10_000_000 for amount in self.amounts_on_the_wire)
        for amount, expected in self.amounts_on_the_wire.items():
            begun, url = rig.started(amount)
            assert expected in str(httpx.URL(url).params), amount
            rig.play(url, "succeed")
            seen = rig.adapter.query_payment(begun)
            assert (seen.status, seen.amount) == (PaymentStatus.SUCCEEDED, amount)
            assert seen.provider_transaction_id in {credit["id"] for credit in rig.credits()}

    def test_what_was_paid_before_this_attempt_does_not_pay_it(self, rig: TransferRig) -> None:
        earlier, url = rig.started()
        rig.play(url, "succeed")
        later = PaymentRef(
            payment_id=rig.command().payment_id,
            reference=earlier.reference,
            amount=earlier.amount,
            idempotency_key="later",
            created_at=earlier.created_at + timedelta(seconds=60),
            provider_payment_id=earlier.provider_payment_id,
        )
        assert rig.adapter.query_payment(later).status is PaymentStatus.PENDING

    def test_money_on_another_account_does_not_pay_it(self, rig: TransferRig) -> None:
        command = rig.command()
        outcome = rig.adapter.create_payment(command)
        reference = outcome.next_action.reference
        elsewhere = {"account": "0000", "amount_minor": command.amount.amount_minor, "reference": reference}
        rig.control("POST", "credits", **elsewhere)
        assert rig.adapter.query_payment(ref(command, outcome)).status is PaymentStatus.PENDING

    def test_a_payment_is_found_also_if_all_that_is_known_is_its_reference(self, rig: TransferRig) -> None:
        command = rig.command()
        outcome = rig.adapter.create_payment(command)
        assert rig.adapter.query_payment(ref(command)).status is PaymentStatus.PENDING
        rig.play(rig.page(outcome.next_action), "succeed")
        assert rig.adapter.query_payment(ref(command)).status is PaymentStatus.SUCCEEDED

    def test_nobody_listening_means_nothing_was_sent(self, rig: TransferRig) -> None:
        alone = rig.adapter_for(f"http://127.0.0.1:{free_port()}")
        with pytest.raises(NotSent):
            alone.query_payment(ref(rig.command()))
        with pytest.raises(NotSent):
            list(alone.list_credits(datetime.now(UTC), datetime.now(UTC)))
        alone.close()

    def test_a_status_nobody_has_heard_of_is_unknown_never_failed_and_never_paid(self, rig: TransferRig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        rig.fault("query", "unknown_code")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.UNKNOWN

    @pytest.mark.parametrize("fault", [*AFTER_ACCEPTING, *BEFORE_ACCEPTING, "unauthorized", "rejected", "not_found"])
    def test_a_question_that_broke_says_nothing(self, rig: TransferRig, fault: str) -> None:
        begun, url = rig.started()
        rig.play(url, "silent")
        hour = timedelta(hours=1)
        rig.fault("query", fault)
        with pytest.raises((OutcomeUnknown, NotSent)):
            rig.impatient.query_payment(begun)
        rig.fault("list_credits", fault)
        with pytest.raises((OutcomeUnknown, NotSent)):
            list(rig.impatient.list_credits(begun.created_at - hour, begun.created_at + hour))
        seen = rig.adapter.query_payment(begun)
        assert seen.status is PaymentStatus.SUCCEEDED
        listed = rig.adapter.list_credits(begun.created_at - hour, begun.created_at + hour)
        assert seen.provider_transaction_id in {credit.provider_transaction_id for credit in listed}

    def test_nothing_is_retried_behind_our_back(self, rig: TransferRig) -> None:
        begun = ref(rig.command())
        for operation, call in (
            ("query", lambda: rig.adapter.query_payment(begun)),
            ("list_credits", lambda: list(rig.adapter.list_credits(begun.created_at, begun.created_at))),
        ):
            rig.fault(operation, "error_500_before")
            since = len(rig.traffic())
            with pytest.raises(OutcomeUnknown):
                call()
            assert len(rig.traffic(since)) == 1

    def test_a_question_can_be_told_to_slow_down(self, rig: TransferRig) -> None:
        rig.fault("query", "rate_limited")
        with pytest.raises(RateLimited):
            rig.adapter.query_payment(ref(rig.command()))
