"""A timeout is never a failure: whatever breaks after the request was sent is unknown, and a query resolves it."""

from collections.abc import Callable

import pytest

from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import NotFound, NotSent, OutcomeUnknown, RateLimited
from tests.providers.rig import Rig, ref
from tests.providers.suite.facts import Facts

AFTER_ACCEPTING = (
    "error_500_after_accept",
    "close_connection",
    "garbled_answer",
    "wrong_shape",
    "empty_answer",
    "timeout_after_accept",
)
BEFORE_ACCEPTING = ("error_500_before", "close_connection_before", "conflict")


class LostAnswers(Facts):
    @pytest.mark.parametrize("fault", AFTER_ACCEPTING)
    def test_a_creation_whose_answer_was_lost_is_unknown_and_found_by_our_id(self, rig: Rig, fault: str) -> None:
        self.needs_creation(rig)
        command = rig.command()
        rig.fault("create", fault)
        with pytest.raises(OutcomeUnknown):
            rig.impatient.create_payment(command)
        seen = rig.adapter.query_payment(ref(command))
        assert (seen.status, seen.payment_id) == (PaymentStatus.PENDING, command.payment_id)
        assert seen.provider_payment_id == rig.truth(command.payment_id)["id"]

    @pytest.mark.parametrize("fault", AFTER_ACCEPTING)
    def test_sending_again_after_a_lost_answer_charges_once(self, rig: Rig, fault: str) -> None:
        self.needs_creation(rig)
        command = rig.command()
        rig.fault("create", fault)
        with pytest.raises(OutcomeUnknown):
            rig.impatient.create_payment(command)
        again = self.sent_again(lambda: rig.adapter.create_payment(command)) or rig.adapter.query_payment(ref(command))
        assert again.provider_payment_id == rig.truth(command.payment_id)["id"]

    @pytest.mark.parametrize("fault", BEFORE_ACCEPTING)
    def test_a_creation_that_broke_before_it_was_accepted_is_unknown_too(self, rig: Rig, fault: str) -> None:
        self.needs_creation(rig)
        command = rig.command()
        rig.fault("create", fault)
        with pytest.raises(OutcomeUnknown):
            rig.adapter.create_payment(command)
        assert rig.adapter.query_payment(ref(command)) == NotFound()
        assert rig.adapter.create_payment(command).status is PaymentStatus.PENDING

    @pytest.mark.parametrize("fault", [*AFTER_ACCEPTING, *BEFORE_ACCEPTING, "unauthorized", "rejected"])
    def test_a_query_that_broke_says_nothing_about_the_payment(self, rig: Rig, fault: str) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        rig.fault("query", fault)
        with pytest.raises((OutcomeUnknown, NotSent)):
            rig.impatient.query_payment(begun)
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED

    def test_a_query_can_be_told_to_slow_down(self, rig: Rig) -> None:
        begun, _ = rig.started()
        rig.fault("query", "rate_limited")
        with pytest.raises(RateLimited):
            rig.adapter.query_payment(begun)

    def test_a_payment_finished_while_its_creation_is_in_doubt_is_found_succeeded(self, rig: Rig) -> None:
        command = rig.command()
        outcome = rig.adapter.create_payment(command)
        rig.play(outcome.next_action.url, "silent")
        seen = rig.adapter.query_payment(ref(command))
        assert (seen.status, seen.amount) == (PaymentStatus.SUCCEEDED, command.amount)

    @pytest.mark.parametrize("fault", BEFORE_ACCEPTING)
    def test_nothing_is_retried_behind_our_back(self, rig: Rig, fault: str) -> None:
        ways: tuple[tuple[str, Callable[[], object]], ...] = (
            ("create", lambda: rig.adapter.create_payment(rig.command())),
            ("query", lambda: rig.adapter.query_payment(ref(rig.command()))),
        )
        for operation, call in ways[1:] if rig.opened_by_payer else ways:
            rig.fault(operation, fault)
            since = len(rig.traffic())
            with pytest.raises(OutcomeUnknown):
                call()
            assert len(rig.traffic(since)) == 1
