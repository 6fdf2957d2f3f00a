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
from gateway.ports.provider import AckResult, Observation, PaymentObservation
from gateway.services.apply_observation import apply_observation
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
        return apply_observation(tx, provider, observation, "webhook")


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
