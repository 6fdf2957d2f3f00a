"""Refunds when things go wrong on the way: sent once, never blindly again, and followed to their end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund, RefundStatus
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import NotSent
from gateway.services import refund_payment
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from gateway.store import refunds
from tests.faults.seams import control, killed, traffic
from tests.integration.world import World

FEE = 200_000
SEND = "gateway.services.refund_payment._send"


def approved(world: World, payment: Payment, amount_minor: int = FEE) -> Refund:
    with world.runtime.db.transaction() as tx:
        refund = request_refund(
            tx, world.runtime, world.finance, payment.id, amount_minor, "the application was refused"
        )
    with world.runtime.db.transaction() as tx:
        return approve_refund(tx, world.approver, refund.id)


def held(world: World) -> list[dict[str, Any]]:
    """The refunds that the provider has."""
    found: list[dict[str, Any]] = httpx.get(f"{world.simulator.url}/_sim/truth", timeout=10).json()["refunds"]
    return found


def requests_for(world: World, path: str) -> int:
    return sum(seen["method"] == "POST" and seen["url"].endswith(path) for seen in traffic(world))


@pytest.mark.parametrize("sent", [False, True])
def test_a_refund_cut_short_by_a_crash_is_paid_once(world: World, sent: bool) -> None:
    _, payment = world.paid()
    refund = approved(world, payment)
    with killed(SEND, after=sent):
        send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUBMITTING
    world.clock.ahead += timedelta(minutes=3)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    assert [found["amount_minor"] for found in held(world)] == [FEE]
    assert world.balances() == {}


def test_a_refund_whose_answer_was_lost_and_that_cannot_be_found_is_sent_again_as_the_same_one(world: World) -> None:
    _, payment = world.paid()
    refund = approved(world, payment, 60_000)
    world.fault("refund", "close_connection")
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.UNKNOWN
    world.fault("query_refund", "not_found")
    world.clock.ahead += timedelta(minutes=6)
    send_refunds(world.runtime)
    assert requests_for(world, "/v1/refunds") == 2
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    assert [found["amount_minor"] for found in held(world)] == [60_000]


@pytest.mark.parametrize("taken_up", [False, True])
def test_what_was_not_sent_is_put_back_only_if_nobody_has_taken_it_up_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, taken_up: bool
) -> None:
    _, payment = world.paid()
    refund = approved(world, payment)

    def not_sent(_: object) -> None:
        if taken_up:  # the lease of this sweep is over
            world.clock.ahead += refund_payment.LEASE + timedelta(seconds=1)
            with world.runtime.db.transaction() as tx:
                assert len(refunds.claim_due(tx, refund_payment.LEASE, 20, timedelta(hours=48))) == 1
        raise NotSent("nobody listens")

    monkeypatch.setattr(world.runtime.provider("sandbox"), "refund", not_sent)
    send_refunds(world.runtime)
    expected = RefundStatus.SUBMITTING if taken_up else RefundStatus.APPROVED
    assert world.refund(refund.id).status is expected


def test_a_sweep_that_comes_late_does_not_send_what_another_has_sent(world: World) -> None:
    _, payment = world.paid()
    refund = approved(world, payment)
    with world.runtime.db.transaction() as tx:
        (late,) = refunds.claim_due(tx, timedelta(), 1, timedelta(days=2))
    send_refunds(world.runtime)
    refund_payment._send_or_ask(world.runtime, late)
    assert requests_for(world, "/v1/refunds") == 1
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED


def test_a_refund_made_at_the_provider_is_followed_to_its_end_and_never_sent(world: World) -> None:
    _, payment = world.paid()
    world.fault("refund", "refund_pending")
    control(world, "dashboard-refund", payment=str(payment.id), amount_minor=50_000)
    world.deliver(1)
    assert world.payment(payment.id).refunded_minor == 50_000
    world.fault("query_refund", "not_found")
    world.clock.ahead += timedelta(minutes=2)
    assert send_refunds(world.runtime) == 1
    world.fault("webhook", "drop")
    control(world, f"refunds/{held(world)[0]['id']}", status="succeeded")
    world.clock.ahead += timedelta(minutes=16)
    assert send_refunds(world.runtime) == 1
    assert requests_for(world, "/v1/refunds") == 0
    assert world.balances()["in_transit:sandbox"] == FEE - 50_000
    assert "refunds_payable" not in world.balances()


def test_a_refund_that_the_provider_once_acknowledged_is_not_sent_again_when_it_cannot_find_it(world: World) -> None:
    _, payment = world.paid()
    refund = approved(world, payment)
    world.fault("refund", "refund_pending")
    send_refunds(world.runtime)
    world.fault("query_refund", "not_found")
    world.clock.ahead += timedelta(minutes=6)
    assert send_refunds(world.runtime) == 1
    assert requests_for(world, "/v1/refunds") == 1
    assert world.refund(refund.id).status is RefundStatus.UNKNOWN
    world.clock.ahead += timedelta(minutes=16)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.PENDING


def test_a_refund_is_not_sent_again_where_neither_a_key_nor_absence_protects_the_second_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = Capabilities(currencies=frozenset({"VND"}), flow=world.runtime.provider("sandbox").capabilities.flow)
    monkeypatch.setattr(world.runtime.provider("sandbox"), "capabilities", without)
    _, payment = world.paid()
    refund = approved(world, payment)
    with killed(SEND):
        send_refunds(world.runtime)
    world.clock.ahead += timedelta(days=3)
    send_refunds(world.runtime)
    assert requests_for(world, "/v1/refunds") == 0
    assert world.refund(refund.id).status is RefundStatus.UNKNOWN
    (found,) = world.discrepancies()
    assert (found.kind, found.amount_minor) == (DiscrepancyKind.REFUND_UNKNOWN, -FEE)


def test_portals_are_told_of_an_approval_once_however_often_the_provider_is_out_of_reach(world: World) -> None:
    _, payment = world.paid()
    approved(world, payment)
    world.unplug()
    for _ in range(3):
        assert send_refunds(world.runtime) == 1
        world.clock.ahead += timedelta(hours=2)
    told = text("SELECT count(*) FROM events WHERE type = 'refund.approved'")
    with world.runtime.db.read() as tx:
        assert tx.execute(told).scalar_one() == 1


def test_a_refund_whose_provider_is_no_longer_configured_waits_for_its_return(world: World) -> None:
    _, payment = world.paid()
    refund = approved(world, payment)
    configured, world.runtime = world.runtime, replace(world.runtime, providers={})
    assert send_refunds(world.runtime) == 1
    world.clock.ahead += timedelta(minutes=3)
    assert send_refunds(world.runtime) == 0
    world.runtime = configured
    world.clock.ahead += timedelta(hours=1)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
