"""Money on its way back, through the sandbox over real HTTP: four eyes, no more than came in, never twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import IllegalTransition
from gateway.domain.payment import Payment
from gateway.domain.refund import NotRefundable, OverRefund, Refund, RefundStatus, SamePerson
from gateway.services.refund_payment import approve_refund, reject_refund, request_refund, send_refunds
from gateway.services.runtime import Caller
from gateway.store import refunds
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import World, a_world

FEE = 200_000


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


def requested(world: World, payment: Payment, amount_minor: int = FEE) -> Refund:
    with world.runtime.db.transaction() as tx:
        return request_refund(tx, world.runtime, world.finance, payment.id, amount_minor, "the application was refused")


def decided(world: World, refund: Refund, by: Caller | None = None) -> Refund:
    with world.runtime.db.transaction() as tx:
        return approve_refund(tx, by or world.approver, refund.id)


def test_a_refund_is_asked_for_approved_and_paid_back(world: World) -> None:
    invoice, payment = world.paid()
    refund = decided(world, requested(world, payment))
    assert world.balances()["refunds_payable"] == -FEE
    assert send_refunds(world.runtime) == 1
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    assert world.balances() == {}
    assert world.again(invoice).refunded_minor == FEE


def test_whoever_asks_cannot_approve(world: World) -> None:
    _, payment = world.paid()
    refund = requested(world, payment)
    with pytest.raises(SamePerson):
        decided(world, refund, by=world.finance)


def test_a_rejected_refund_can_be_asked_for_again(world: World) -> None:
    _, payment = world.paid()
    refund = requested(world, payment)
    with world.runtime.db.transaction() as tx:
        reject_refund(tx, world.approver, refund.id)
    assert requested(world, payment).status is RefundStatus.REQUESTED
    with pytest.raises(IllegalTransition):
        decided(world, refund)


def test_officers_at_once_cannot_give_back_more_than_came_in(world: World) -> None:
    _, payment = world.paid()

    def attempt(_: int) -> bool:
        try:
            requested(world, payment, 60_000)
        except OverRefund:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        granted = sum(threads.map(attempt, range(8)))
    assert granted == 3
    assert world.payment(payment.id).refunded_minor == 180_000


def test_partial_refunds_add_up(world: World) -> None:
    invoice, payment = world.paid()
    for amount in (50_000, 150_000):
        decided(world, requested(world, payment, amount))
        send_refunds(world.runtime)
    assert world.again(invoice).refunded_minor == FEE
    assert world.balances() == {}
    with pytest.raises(OverRefund):
        requested(world, payment, 1)


def test_what_was_not_paid_cannot_be_refunded(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    with pytest.raises(NotRefundable):
        requested(world, payment)


def test_a_refund_that_timed_out_stays_unknown_and_is_never_paid_twice(world: World) -> None:
    _, payment = world.paid()
    refund = decided(world, requested(world, payment))
    world.fault("refund", "timeout_after_accept")
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.UNKNOWN
    world.clock.ahead += timedelta(minutes=6)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    truth = httpx.get(f"{world.simulator.url}/_sim/truth", timeout=10).json()["refunds"]
    assert [found["amount_minor"] for found in truth] == [FEE]
    assert world.balances() == {}


def test_a_refund_that_was_never_sent_is_sent_again(world: World) -> None:
    _, payment = world.paid()
    refund = decided(world, requested(world, payment))
    world.unplug()
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.APPROVED
    world.plug_in()
    world.clock.ahead += timedelta(minutes=6)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED


def test_a_refund_cut_short_by_a_crash_before_it_was_sent_is_paid_once(world: World) -> None:
    _, payment = world.paid()
    refund = decided(world, requested(world, payment))
    with world.runtime.db.transaction() as tx:
        refunds.change(tx, refund.id, status=RefundStatus.SUBMITTING, sent_at=tx.now)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    assert world.balances() == {}


def test_a_refund_that_the_bank_sends_back_is_owed_no_more_and_can_be_repeated(world: World) -> None:
    invoice, payment = world.paid()
    refund = decided(world, requested(world, payment))
    world.fault("refund", "refund_succeeds_then_fails")
    send_refunds(world.runtime)
    world.deliver(2)
    assert world.refund(refund.id).status is RefundStatus.FAILED
    assert world.again(invoice).refunded_minor == 0
    assert world.balances()["in_transit:sandbox"] == FEE
    assert "refunds_payable" not in world.balances()
    assert requested(world, payment).status is RefundStatus.REQUESTED


def test_a_refund_made_at_the_provider_is_booked_and_an_officer_is_asked(world: World) -> None:
    invoice, payment = world.paid()
    control(world, "dashboard-refund", payment=str(payment.id), amount_minor=50_000)
    world.deliver(1)
    assert world.again(invoice).refunded_minor == 50_000
    assert world.payment(payment.id).refunded_minor == 50_000
    assert world.balances()["in_transit:sandbox"] == 150_000
    (found,) = world.discrepancies()
    assert found.kind == DiscrepancyKind.REFUND_UNKNOWN
    assert found.amount_minor == -50_000


def test_the_second_of_two_payments_can_be_given_back_from_the_payers_credit(world: World) -> None:
    invoice, _ = world.paid("twice", notifications=2)
    (found,) = world.discrepancies()
    second: UUID = found.payment_id
    refund = decided(world, requested(world, world.payment(second)))
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    assert world.again(invoice).refunded_minor == 0
    assert "payer_credit" not in world.balances()


def test_a_chargeback_is_booked_and_returned_when_the_dispute_is_won(world: World) -> None:
    _, payment = world.paid()
    dispute = control(world, "disputes", payment=str(payment.id))
    world.deliver(1)
    assert world.balances()["disputes"] == FEE
    control(world, f"disputes/{dispute['id']}", status="won")
    world.deliver(1)
    assert "disputes" not in world.balances()
    assert world.balances()["in_transit:sandbox"] == FEE


def control(world: World, path: str, **body: object) -> dict[str, str]:
    answer = httpx.post(f"{world.simulator.url}/_sim/{path}", json=body, timeout=10)
    answer.raise_for_status()
    made: dict[str, str] = answer.json()
    return made
