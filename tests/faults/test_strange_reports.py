"""What a provider may say and we would rather not hear: nothing of it raises, what cannot be true is not booked, and an
officer is asked about it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import MAX_MINOR, Money
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import Refund, RefundStatus
from gateway.ports.provider import (
    AckResult,
    DisputeObservation,
    DisputeStatus,
    Observation,
    PaymentObservation,
    RefundObservation,
)
from gateway.services.apply_observation import apply_observation
from gateway.services.refund_payment import approve_refund, request_refund
from gateway.store import catalogue, payments
from tests.integration.world import World

FEE = 200_000
VND = Money(FEE, "VND")

STRANGE_AMOUNTS = [Money(minor, "VND") for minor in (0, -1, -FEE, FEE - 1, FEE + 1, MAX_MINOR, -MAX_MINOR)] + [
    Money(FEE, "USD"),
    Money(MAX_MINOR, "KWD"),
]


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    yield shared_world
    shared_world.clock.ahead = timedelta()


def waiting(world: World) -> Payment:
    return world.start(world.checkout(world.invoice()))


def succeeded(payment: Payment, transaction_id: str | None, **changed: Any) -> PaymentObservation:
    observation = PaymentObservation(
        PaymentStatus.SUCCEEDED,
        payment.created_at,
        payment_id=payment.id,
        provider_transaction_id=transaction_id,
        amount=payment.amount,
    )
    return replace(observation, **changed)


def paid(world: World) -> Payment:
    payment = waiting(world)
    assert told(world, succeeded(payment, f"t-{payment.id}")) is AckResult.APPLIED
    return world.payment(payment.id)


def told(world: World, observation: Observation, provider: str = "sandbox") -> AckResult:
    with world.runtime.db.transaction() as tx:
        return apply_observation(tx, provider, observation, "webhook", world.runtime)


def booked(world: World, *subjects: UUID) -> dict[str, int]:
    """Debits less credits by account of all entries about these payments and refunds; accounts at zero left out."""
    query = text(
        "SELECT account.code, sum(side.minor) AS minor FROM ledger_entries AS entry"
        " JOIN ledger_transfers AS t ON t.entry_id = entry.id,"
        " LATERAL (VALUES (t.debit_account_id, t.amount_minor), (t.credit_account_id, -t.amount_minor))"
        " AS side (account_id, minor) JOIN ledger_accounts AS account ON account.id = side.account_id"
        " WHERE entry.subject_id = ANY(:subjects) GROUP BY account.code HAVING sum(side.minor) <> 0"
    )
    with world.runtime.db.read() as tx:
        return {row.code: int(row.minor) for row in tx.execute(query, {"subjects": list(subjects)})}


def questions(world: World, payment: Payment) -> list[tuple[str, int, str]]:
    """The discrepancies about a payment: kind, amount in minor units and currency."""
    query = text(
        "SELECT kind, amount_minor, currency FROM discrepancies WHERE payment_id = :id ORDER BY opened_at, key"
    )
    with world.runtime.db.read() as tx:
        return [(row.kind, row.amount_minor, row.currency) for row in tx.execute(query, {"id": payment.id})]


@pytest.mark.parametrize("amount", STRANGE_AMOUNTS, ids=str)
def test_a_success_of_another_amount_is_kept_and_asked_about_once(world: World, amount: Money) -> None:
    payment = waiting(world)
    for _ in range(2):
        assert told(world, succeeded(payment, "t-1", amount=amount)) is AckResult.AMOUNT_MISMATCH
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    assert booked(world, payment.id) == {}
    kind = DiscrepancyKind.AMOUNT_MISMATCH if amount.currency == "VND" else DiscrepancyKind.CURRENCY_MISMATCH
    assert questions(world, payment) == [(kind, amount.amount_minor, amount.currency)]


def test_a_success_without_an_amount_is_asked_about(world: World) -> None:
    payment = waiting(world)
    assert told(world, succeeded(payment, "t-1", amount=None)) is AckResult.AMOUNT_MISMATCH
    assert questions(world, payment) == [(DiscrepancyKind.AMOUNT_MISMATCH, FEE, "VND")]


def test_one_movement_of_money_does_not_pay_two_sessions(world: World) -> None:
    first, second = paid(world), waiting(world)
    claim = succeeded(second, first.provider_transaction_id)
    for _ in range(2):
        assert told(world, claim) is AckResult.AMOUNT_MISMATCH
    assert world.payment(second.id).status is PaymentStatus.PENDING
    assert booked(world, second.id) == {}
    assert questions(world, second) == [(DiscrepancyKind.DUPLICATE_AT_PROVIDER, FEE, "VND")]
    assert told(world, succeeded(second, "its-own")) is AckResult.APPLIED


def test_the_movement_of_a_success_is_learnt_later_and_tells_a_second_one_from_a_repeat(world: World) -> None:
    payment = waiting(world)
    assert told(world, succeeded(payment, None)) is AckResult.APPLIED
    first, second = f"t1-{payment.id}", f"t2-{payment.id}"
    assert told(world, succeeded(payment, first)) is AckResult.DUPLICATE
    assert world.payment(payment.id).provider_transaction_id == first
    assert told(world, succeeded(payment, second)) is AckResult.APPLIED
    assert told(world, succeeded(payment, second)) is AckResult.DUPLICATE
    assert told(world, succeeded(payment, first)) is AckResult.DUPLICATE
    assert booked(world, payment.id)["in_transit:sandbox"] == FEE
    with world.runtime.db.read() as tx:
        movements = [p.provider_transaction_id for p in payments.of_session(tx, payment.session_id)]
    assert movements == [first, second]


def test_a_payment_of_another_provider_is_not_ours_to_change(world: World) -> None:
    payment = waiting(world)
    assert told(world, succeeded(payment, "t-1"), provider="stripe") is AckResult.NOT_FOUND
    assert world.payment(payment.id).status is PaymentStatus.PENDING


@pytest.mark.parametrize(
    "clock",
    [datetime.min.replace(tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
    ids=lambda clock: str(clock.year),
)
def test_a_providers_clock_cannot_put_money_on_a_day_before_the_payment_or_after_today(
    world: World, clock: datetime
) -> None:
    payment = waiting(world)
    assert told(world, succeeded(payment, f"t-{payment.id}", occurred_at=clock)) is AckResult.APPLIED
    after = world.payment(payment.id)
    assert after.succeeded_at is not None
    assert payment.created_at <= after.succeeded_at <= world.clock()
    with world.runtime.db.read() as tx:
        agency = catalogue.agency(tx, payment.agency_id)
    assert after.business_date == agency.business_date(after.succeeded_at)


@pytest.mark.parametrize("amount", [a for a in STRANGE_AMOUNTS if a != Money(FEE - 1, "VND")], ids=str)
def test_a_refund_of_an_impossible_amount_made_at_the_provider_is_asked_about_and_not_booked(
    world: World, amount: Money
) -> None:
    payment = paid(world)
    for _ in range(2):
        assert told(world, dashboard_refund(payment, "r-1", amount)) is AckResult.AMOUNT_MISMATCH
    assert world.payment(payment.id).refunded_minor == 0
    assert questions(world, payment) == [(DiscrepancyKind.REFUND_UNKNOWN, -amount.amount_minor, amount.currency)]


@pytest.mark.parametrize("amount", STRANGE_AMOUNTS, ids=str)
def test_another_amount_reported_of_our_own_refund_is_asked_about_and_not_booked(world: World, amount: Money) -> None:
    payment = paid(world)
    refund = approved(world, payment)
    report = dashboard_refund(payment, "r-2", amount, refund_id=refund.id)
    assert told(world, report) is AckResult.AMOUNT_MISMATCH
    assert world.refund(refund.id).status is RefundStatus.APPROVED
    assert booked(world, payment.id, refund.id)["refunds_payable"] == -FEE
    assert questions(world, payment) == [(DiscrepancyKind.REFUND_UNKNOWN, -amount.amount_minor, amount.currency)]


def test_a_refund_that_nothing_identifies_is_asked_about_and_never_counted(world: World) -> None:
    payment = paid(world)
    for _ in range(3):
        assert told(world, dashboard_refund(payment, None, Money(50_000, "VND"))) is AckResult.AMOUNT_MISMATCH
    assert world.payment(payment.id).refunded_minor == 0
    assert questions(world, payment) == [(DiscrepancyKind.REFUND_UNKNOWN, -50_000, "VND")]


def test_a_refund_of_a_payment_that_is_not_known_to_have_succeeded_waits_for_that_news(world: World) -> None:
    payment = waiting(world)
    report = dashboard_refund(payment, "r-early", Money(50_000, "VND"))
    assert told(world, report) is AckResult.NOT_FOUND
    assert told(world, succeeded(payment, f"t-{payment.id}")) is AckResult.APPLIED
    assert told(world, report) is AckResult.APPLIED
    assert world.payment(payment.id).refunded_minor == 50_000


def test_the_beginning_of_a_refund_that_is_known_to_have_failed_is_old_news(world: World) -> None:
    payment = paid(world)
    report = dashboard_refund(payment, "r-failed", Money(50_000, "VND"))
    assert told(world, replace(report, status=RefundStatus.FAILED)) is AckResult.APPLIED
    assert told(world, report) is AckResult.DUPLICATE
    assert world.payment(payment.id).refunded_minor == 0


def test_a_refund_of_the_second_movement_is_taken_from_the_second_payment(world: World) -> None:
    first = paid(world)
    told(world, succeeded(first, f"second-{first.id}"))
    report = dashboard_refund(first, "r-second", VND, provider_transaction_id=f"second-{first.id}")
    assert told(world, report) is AckResult.APPLIED
    with world.runtime.db.read() as tx:
        one, other = payments.of_session(tx, first.session_id)
    assert (one.refunded_minor, other.refunded_minor) == (0, FEE)


def dashboard_refund(payment: Payment, refund_id_there: str | None, amount: Money, **changed: Any) -> RefundObservation:
    observation = RefundObservation(
        RefundStatus.SUCCEEDED,
        payment.created_at,
        amount,
        provider_refund_id=refund_id_there and f"{refund_id_there}-{payment.id}",
        payment_id=payment.id,
    )
    return replace(observation, **changed)


def approved(world: World, payment: Payment) -> Refund:
    with world.runtime.db.transaction() as tx:
        refund = request_refund(tx, world.runtime, world.finance, payment.id, FEE, "the application was refused")
    with world.runtime.db.transaction() as tx:
        return approve_refund(tx, world.approver, refund.id)


@pytest.mark.parametrize("amount", [a for a in STRANGE_AMOUNTS if a != Money(FEE - 1, "VND")], ids=str)
def test_a_dispute_of_an_impossible_amount_is_asked_about_and_not_booked(world: World, amount: Money) -> None:
    payment = paid(world)
    for status in (DisputeStatus.OPEN, DisputeStatus.OPEN, DisputeStatus.WON):
        assert told(world, dispute(payment, status, amount)) is AckResult.AMOUNT_MISMATCH
    assert "disputes" not in booked(world, payment.id)
    kind = DiscrepancyKind.AMOUNT_MISMATCH if amount.currency == "VND" else DiscrepancyKind.CURRENCY_MISMATCH
    assert questions(world, payment) == [(kind, -amount.amount_minor, amount.currency)]


def test_a_dispute_that_ends_with_another_amount_than_it_began_is_asked_about(world: World) -> None:
    payment = paid(world)
    assert told(world, dispute(payment, DisputeStatus.OPEN, VND)) is AckResult.APPLIED
    assert told(world, dispute(payment, DisputeStatus.WON, Money(50_000, "VND"))) is AckResult.AMOUNT_MISMATCH
    assert booked(world, payment.id)["disputes"] == FEE
    assert questions(world, payment) == [(DiscrepancyKind.AMOUNT_MISMATCH, -50_000, "VND")]


def test_a_dispute_does_not_move_from_one_payment_to_another(world: World) -> None:
    payment, other = paid(world), paid(world)
    opened = dispute(payment, DisputeStatus.OPEN, VND)
    assert told(world, opened) is AckResult.APPLIED
    assert told(world, replace(opened, payment_id=other.id, status=DisputeStatus.WON)) is AckResult.AMOUNT_MISMATCH
    assert booked(world, payment.id)["disputes"] == FEE
    assert "disputes" not in booked(world, other.id)
    assert questions(world, other) == [(DiscrepancyKind.AMOUNT_MISMATCH, -FEE, "VND")]


@pytest.mark.parametrize("end", [DisputeStatus.WON, DisputeStatus.LOST])
def test_the_end_of_a_dispute_may_be_heard_before_its_beginning(world: World, end: DisputeStatus) -> None:
    payment = paid(world)
    assert told(world, dispute(payment, end, VND)) is AckResult.APPLIED
    assert told(world, dispute(payment, DisputeStatus.OPEN, VND)) is AckResult.DUPLICATE
    assert told(world, dispute(payment, end, VND)) is AckResult.DUPLICATE
    assert booked(world, payment.id).get("disputes", 0) == (0 if end is DisputeStatus.WON else FEE)


def dispute(payment: Payment, status: DisputeStatus, amount: Money) -> DisputeObservation:
    return DisputeObservation(status, payment.created_at, amount, f"d-{payment.id}", payment_id=payment.id)
