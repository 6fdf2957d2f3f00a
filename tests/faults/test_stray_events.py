"""Notifications about what we never started, alone and together with what we did.

The port lets one notification say several things, which the sandbox never does; so words are put into its mouth here.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    DisputeObservation,
    DisputeStatus,
    Observation,
    PaymentObservation,
    RawRequest,
    RefundObservation,
    Verified,
)
from gateway.services.receive_event import apply_waiting_events, receive_event
from gateway.store import inbox
from tests.integration.world import World

VND = Money(50_000, "VND")


@pytest.fixture
def telling(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Observation]:
    """What the next notifications say, whatever their bodies."""
    said: list[Observation] = []
    provider = world.runtime.provider("sandbox")

    def verify(request: RawRequest, now: object) -> Verified:
        return Verified(request.body.decode(), "test", {})

    def parse(verified: Verified) -> Sequence[Observation]:
        return list(said)

    monkeypatch.setattr(provider, "verify", verify)
    monkeypatch.setattr(provider, "parse", parse)
    return said


def tell(world: World, event_id: str = "e-1") -> int:
    return receive_event(world.runtime, "sandbox", RawRequest("POST", "", {}, event_id.encode())).status


def wait_until_given_up(world: World) -> None:
    for _ in range(5):
        world.clock.ahead += timedelta(hours=2)
        apply_waiting_events(world.runtime)
    with world.runtime.db.read() as tx:
        assert inbox.oldest_unapplied(tx) is None


def test_money_that_moves_for_what_we_never_started_is_asked_about_once_each(
    world: World, telling: list[Observation]
) -> None:
    now = world.clock()
    telling += [
        PaymentObservation(PaymentStatus.SUCCEEDED, now, uuid4(), provider_transaction_id="t-9", amount=VND),
        PaymentObservation(PaymentStatus.DECLINED, now, uuid4(), amount=VND),
        RefundObservation(RefundStatus.SUCCEEDED, now, VND, provider_refund_id="r-9", payment_id=uuid4()),
        RefundObservation(RefundStatus.FAILED, now, VND, provider_refund_id="r-8", payment_id=uuid4()),
        DisputeObservation(DisputeStatus.OPEN, now, VND, "d-9", payment_id=uuid4()),
    ]
    for event_id in ("e-1", "e-2", "e-1"):
        assert tell(world, event_id) == 200
    assert world.discrepancies() == []
    wait_until_given_up(world)
    assert sorted((found.kind, found.amount_minor) for found in world.discrepancies()) == [
        (DiscrepancyKind.MISSING_IN_GATEWAY, -50_000),
        (DiscrepancyKind.MISSING_IN_GATEWAY, 50_000),
        (DiscrepancyKind.REFUND_UNKNOWN, -50_000),
    ]


def test_what_a_notification_says_of_our_payment_is_not_called_stray_for_what_it_says_beside(
    world: World, telling: list[Observation]
) -> None:
    payment = world.start(world.checkout(world.invoice()))
    now = world.clock()
    telling += [
        PaymentObservation(PaymentStatus.SUCCEEDED, now, payment.id, None, "t-1", payment.amount),
        PaymentObservation(PaymentStatus.SUCCEEDED, now, payment.id, None, "t-2", VND),
        PaymentObservation(PaymentStatus.SUCCEEDED, now, uuid4(), None, "t-3", VND),
    ]
    tell(world)
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    wait_until_given_up(world)
    assert sorted((found.kind, found.amount_minor) for found in world.discrepancies()) == [
        (DiscrepancyKind.AMOUNT_MISMATCH, 50_000),
        (DiscrepancyKind.MISSING_IN_GATEWAY, 50_000),
    ]
    assert world.balances()["in_transit:sandbox"] == payment.amount_minor
