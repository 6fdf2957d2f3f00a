"""Refunds and disputes: every one is seen, none is paid twice, and none that is in doubt is called failed."""

import pytest

from gateway.domain.money import Money
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    DisputeObservation,
    DisputeStatus,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PaymentRef,
    RateLimited,
    RefundCommand,
    Refunder,
    RefundObservation,
    RefundRef,
    Rejected,
    WebhookReceiver,
)
from tests.providers.rig import Rig
from tests.providers.suite.facts import Facts
from tests.providers.suite.lost_answers import AFTER_ACCEPTING, BEFORE_ACCEPTING


class Refunds(Facts):
    @pytest.fixture
    def paid(self, rig: Rig) -> PaymentRef:
        self.needs(Refunder)
        return rig.paid()

    def test_a_full_refund_succeeds_and_is_found_by_either_id(self, rig: Rig, paid: PaymentRef) -> None:
        command = rig.refund_command(paid)
        outcome = rig.adapter.refund(command)
        assert outcome.status is RefundStatus.SUCCEEDED
        for known in (None, outcome.provider_refund_id):
            seen = rig.adapter.query_refund(RefundRef(command, known))
            assert (seen.status, seen.amount) == (RefundStatus.SUCCEEDED, paid.amount)
            assert (seen.refund_id, seen.provider_refund_id) == (command.refund_id, outcome.provider_refund_id)
            assert seen.provider_transaction_id == paid.provider_transaction_id

    def test_each_partial_refund_is_seen_with_its_own_amount(self, rig: Rig, paid: PaymentRef) -> None:
        first, second = rig.refund_command(paid, 30_000), rig.refund_command(paid, 20_000)
        outcomes = [rig.adapter.refund(command) for command in (first, second)]
        assert [outcome.status for outcome in outcomes] == [RefundStatus.SUCCEEDED] * 2
        known = None if self.finds_lost_refunds else outcomes[0].provider_refund_id
        assert rig.adapter.query_refund(RefundRef(first, known)).amount == Money(30_000, paid.amount.currency)
        assert rig.adapter.query_refund(RefundRef(second)).amount == Money(20_000, paid.amount.currency)
        if not self.finds_lost_refunds:
            with pytest.raises(OutcomeUnknown):
                rig.adapter.query_refund(RefundRef(first))
        if RefundObservation in self.notified:
            rig.heard(RefundObservation, count=2)
            rig.quiet()
            heard = {(seen.refund_id, seen.amount.amount_minor) for seen in rig.heard(RefundObservation)}
            assert heard == {(first.refund_id, 30_000), (second.refund_id, 20_000)}

    def test_more_than_was_paid_is_not_paid_back(self, rig: Rig, paid: PaymentRef) -> None:
        rig.adapter.refund(rig.refund_command(paid, 100_000))
        with pytest.raises(Rejected):
            rig.adapter.refund(rig.refund_command(paid, 50_001))
        assert rig.adapter.refund(rig.refund_command(paid, 50_000)).status is RefundStatus.SUCCEEDED

    def test_a_payment_that_never_succeeded_is_not_paid_back(self, rig: Rig) -> None:
        self.needs(Refunder)
        begun, _ = rig.started()
        with pytest.raises(Rejected):
            rig.adapter.refund(rig.refund_command(begun))

    def test_the_same_key_pays_back_once(self, rig: Rig, paid: PaymentRef) -> None:
        command = rig.refund_command(paid, 30_000)
        first = rig.adapter.refund(command)
        assert self.sent_again(lambda: rig.adapter.refund(command)) in (None, first)
        assert len(rig.true_refunds(paid.payment_id)) == 1

    @pytest.mark.parametrize("fault", AFTER_ACCEPTING)
    def test_a_refund_whose_answer_was_lost_is_unknown_then_found(self, rig: Rig, paid: PaymentRef, fault: str) -> None:
        command = rig.refund_command(paid)
        rig.fault("refund", fault)
        with pytest.raises(OutcomeUnknown):
            rig.impatient.refund(command)
        found = rig.adapter.query_refund(RefundRef(command))
        again = self.sent_again(lambda: rig.adapter.refund(command)) or found
        assert (found.status, again.status) == (RefundStatus.SUCCEEDED, RefundStatus.SUCCEEDED)
        assert len(rig.true_refunds(paid.payment_id)) == 1

    @pytest.mark.parametrize("fault", BEFORE_ACCEPTING)
    def test_a_refund_that_broke_before_it_was_accepted_can_be_sent_again(
        self, rig: Rig, paid: PaymentRef, fault: str
    ) -> None:
        command = rig.refund_command(paid)
        rig.fault("refund", fault)
        with pytest.raises(OutcomeUnknown):
            rig.adapter.refund(command)
        assert rig.adapter.query_refund(RefundRef(command)) == NotFound()
        assert rig.adapter.refund(command).status is RefundStatus.SUCCEEDED

    @pytest.mark.parametrize(
        ("fault", "error"), [("rate_limited", RateLimited), ("unauthorized", NotSent), ("rejected", Rejected)]
    )
    def test_a_refused_refund_did_nothing(self, rig: Rig, paid: PaymentRef, fault: str, error: type[Exception]) -> None:
        rig.fault("refund", fault)
        with pytest.raises(error):
            rig.adapter.refund(rig.refund_command(paid))
        assert rig.true_refunds(paid.payment_id) == []

    @pytest.mark.parametrize("fault", ["error_500_before", "close_connection", "garbled_answer", "empty_answer"])
    def test_a_query_that_broke_says_nothing_about_the_refund(self, rig: Rig, paid: PaymentRef, fault: str) -> None:
        command = rig.refund_command(paid)
        rig.adapter.refund(command)
        rig.fault("query_refund", fault)
        with pytest.raises(OutcomeUnknown):
            rig.adapter.query_refund(RefundRef(command))

    def test_a_code_nobody_has_heard_of_is_unknown(self, rig: Rig, paid: PaymentRef) -> None:
        command = rig.refund_command(paid)
        rig.fault("refund", "unknown_code")
        outcome = rig.adapter.refund(command)
        assert outcome.status is RefundStatus.UNKNOWN
        rig.fault("query_refund", "unknown_code")
        seen = rig.adapter.query_refund(RefundRef(command, outcome.provider_refund_id))
        assert seen.status is RefundStatus.UNKNOWN

    def test_a_refund_nobody_sent_is_not_found(self, rig: Rig, paid: PaymentRef) -> None:
        assert rig.adapter.query_refund(RefundRef(rig.refund_command(paid))) == NotFound()

    def test_a_refund_that_takes_its_time_is_pending_and_then_heard_of(self, rig: Rig, paid: PaymentRef) -> None:
        command = self.refunded_with(rig, paid, "refund_pending", RefundStatus.PENDING)
        rig.control("POST", f"refunds/{command.refund_id}", status="succeeded")
        assert rig.adapter.query_refund(RefundRef(command)).status is RefundStatus.SUCCEEDED
        if RefundObservation in self.notified:
            rig.heard(RefundObservation, count=2)
            rig.quiet()
            assert RefundStatus.SUCCEEDED in {seen.status for seen in rig.heard(RefundObservation)}

    def test_a_refund_that_the_bank_refuses_failed(self, rig: Rig, paid: PaymentRef) -> None:
        command = self.refunded_with(rig, paid, "refund_fails", RefundStatus.FAILED)
        assert rig.adapter.query_refund(RefundRef(command)).status is RefundStatus.FAILED
        assert rig.adapter.refund(rig.refund_command(paid)).status is RefundStatus.SUCCEEDED

    def test_a_refund_can_fail_after_it_succeeded(self, rig: Rig, paid: PaymentRef) -> None:
        command = rig.refund_command(paid)
        assert rig.adapter.refund(command).status is RefundStatus.SUCCEEDED
        rig.quiet()
        rig.control("POST", f"refunds/{command.refund_id}", status="failed")
        seen = rig.adapter.query_refund(RefundRef(command))
        assert (seen.status, seen.amount) == (RefundStatus.FAILED, paid.amount)
        if RefundObservation in self.notified:
            rig.heard(RefundObservation, count=2)
            rig.quiet()
            heard = rig.heard(RefundObservation)
            assert heard[0].status is RefundStatus.SUCCEEDED
            assert heard[-1].status is RefundStatus.FAILED
            assert {one.refund_id for one in heard} == {command.refund_id}

    def test_a_refund_that_the_bank_sends_back_at_once_has_failed_whatever_was_answered(
        self, rig: Rig, paid: PaymentRef
    ) -> None:
        command = rig.refund_command(paid)
        rig.fault("refund", "refund_succeeds_then_fails")
        assert rig.adapter.refund(command).status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED)
        assert rig.adapter.query_refund(RefundRef(command)).status is RefundStatus.FAILED

    def test_refunds_made_in_the_providers_console_are_heard_of_one_by_one(self, rig: Rig, paid: PaymentRef) -> None:
        self.needs_notice(RefundObservation)
        for amount in (30_000, 20_000):
            rig.control("POST", "dashboard-refund", payment=str(paid.payment_id), amount_minor=amount)
        rig.heard(RefundObservation, count=2)
        rig.quiet()
        heard = rig.heard(RefundObservation)
        by_id = {seen.provider_refund_id: seen for seen in heard}
        assert sorted(seen.amount.amount_minor for seen in by_id.values()) == [20_000, 30_000]
        for seen in heard:
            assert (seen.refund_id, seen.status) == (None, RefundStatus.SUCCEEDED)
            assert seen.provider_transaction_id == paid.provider_transaction_id

    @pytest.mark.parametrize("end", [DisputeStatus.WON, DisputeStatus.LOST])
    def test_a_dispute_is_heard_of_when_it_opens_and_when_it_ends(
        self, rig: Rig, paid: PaymentRef, end: DisputeStatus
    ) -> None:
        self.needs_notice(DisputeObservation)
        opened = rig.control("POST", "disputes", payment=str(paid.payment_id))
        assert [seen.status for seen in rig.heard(DisputeObservation)] == [DisputeStatus.OPEN]
        rig.control("POST", f"disputes/{opened['id']}", status=end.value)
        heard = rig.heard(DisputeObservation, count=2)
        assert {seen.status for seen in heard} == {DisputeStatus.OPEN, end}
        for seen in heard:
            assert (seen.amount, seen.provider_dispute_id) == (paid.amount, opened["id"])
            assert seen.provider_transaction_id == paid.provider_transaction_id

    def test_it_tells_of_refunds_and_disputes_just_as_it_states(self, rig: Rig, paid: PaymentRef) -> None:
        self.needs(WebhookReceiver)
        rig.adapter.refund(rig.refund_command(paid, 30_000))
        rig.control("POST", "disputes", payment=str(paid.payment_id), amount_minor=50_000)
        rig.quiet()
        heard = {type(seen) for request in rig.inbox.requests for seen in rig.read(request)}
        movements = {RefundObservation, DisputeObservation}
        assert heard & movements == self.notified & movements

    def refunded_with(self, rig: Rig, paid: PaymentRef, fault: str, expected: RefundStatus) -> RefundCommand:
        command = rig.refund_command(paid)
        rig.fault("refund", fault)
        assert rig.adapter.refund(command).status is expected
        return command
