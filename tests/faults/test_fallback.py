"""When a payer may turn to another method: after nothing was sent or a final no, never while money may have moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.checkout import PaymentOutcomeUnknown, ProviderUnavailable
from gateway.domain.circuit import FAILURES
from gateway.domain.payment import PaymentStatus
from gateway.services.ask_provider import check_payments
from gateway.store import payments
from gateway.store.embedded import DatabaseUrls
from tests.faults.outages import A_MINUTE, NOWHERE, a_world_with_two_methods, adapter, fails, with_methods
from tests.faults.seams import traffic, truth
from tests.integration.world import World


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world_with_two_methods(database_urls, tmp_path) as made:
        yield made


def test_a_waiting_attempt_is_given_again_though_its_provider_does_not_answer(world: World) -> None:
    session = world.checkout(world.invoice())
    waiting = world.start(session)
    fails(world)
    assert world.start(session).id == waiting.id


def test_a_waiting_attempt_elsewhere_is_not_closed_for_a_provider_that_does_not_answer(world: World) -> None:
    session = world.checkout(world.invoice())
    waiting = world.start(session, "stripe")
    fails(world)
    with pytest.raises(ProviderUnavailable):
        world.start(session, "sandbox")
    assert truth(world, waiting)["status"] == "pending"
    assert world.payment(waiting.id).status is PaymentStatus.PENDING


def test_after_an_unknown_outcome_no_other_method_is_begun(world: World) -> None:
    session = world.checkout(world.invoice())
    world.fault("create", "error_500_after_accept")
    assert world.start(session).status is PaymentStatus.UNKNOWN
    fails(world, FAILURES - 1)
    sent = len(traffic(world))
    for provider in ("stripe", "sandbox"):  # also where the circuit is open: that is the more important thing to say
        with pytest.raises(PaymentOutcomeUnknown):
            world.start(session, provider)
    assert len(traffic(world)) == sent
    with world.runtime.db.read() as tx:
        assert len(payments.of_session(tx, session.id)) == 1


def test_after_nothing_was_sent_another_method_is_begun(world: World) -> None:
    with_methods(world, sandbox=adapter(world, NOWHERE))
    session = world.checkout(world.invoice())
    with pytest.raises(ProviderUnavailable):
        world.start(session)
    assert world.start(session, "stripe").status is PaymentStatus.PENDING


def test_after_a_final_decline_another_method_is_begun(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    world.fault("create", "rejected")
    assert world.start(session).status is PaymentStatus.DECLINED
    second = world.start(session, "stripe")
    world.play(second, "silent")
    world.clock.ahead += A_MINUTE
    check_payments(world.runtime)
    assert world.again(invoice).paid_minor == invoice.total_minor
    assert world.discrepancies() == []
