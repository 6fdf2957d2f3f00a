"""A payment that is started again: by the same request, after a crash, or for what can no longer be paid."""

from datetime import timedelta

import pytest

from gateway.domain.checkout import MethodNotOffered, SessionBusy, SessionNotPayable
from gateway.domain.invoice import InvoiceAlreadyPaid
from gateway.domain.payment import PaymentStatus
from gateway.services.ask_provider import check_payments
from gateway.services.idempotency import RequestInFlight
from gateway.services.open_checkout import cancel_checkout
from gateway.store import payments
from tests.faults.seams import killed, truth, with_two_methods
from tests.integration.world import World

CREATE = "gateway.services.start_payment._create"


def test_a_repeated_request_leaves_the_method_alone_that_the_payer_has_turned_to_since(world: World) -> None:
    session = with_two_methods(world).checkout(world.invoice())
    first = world.start(session, "sandbox", key="one")
    second = world.start(session, "stripe", key="two")
    assert truth(world, first)["status"] == "cancelled"
    assert world.start(session, "sandbox", key="one").id == first.id
    assert truth(world, second)["status"] == "pending"
    assert world.payment(second.id).status is PaymentStatus.PENDING


def test_a_method_that_is_not_offered_closes_nothing(world: World) -> None:
    session = world.checkout(world.invoice())
    payment = world.start(session)
    with pytest.raises(MethodNotOffered):
        world.start(session, provider="cash")
    assert truth(world, payment)["status"] == "pending"


def test_a_waiting_attempt_is_not_offered_again_once_its_session_is_closed(world: World) -> None:
    session = world.checkout(world.invoice())
    world.start(session)
    with world.runtime.db.transaction() as tx:
        cancel_checkout(tx, world.portal, session.id)
    with pytest.raises(SessionNotPayable):
        world.start(session)


def test_a_waiting_attempt_is_not_offered_again_once_the_invoice_was_paid_elsewhere(world: World) -> None:
    invoice = world.invoice()
    waiting, paid = world.checkout(invoice), world.checkout(invoice)
    world.start(waiting)
    world.play(world.start(paid), "succeed")
    world.deliver(1)
    with pytest.raises(InvoiceAlreadyPaid):
        world.start(waiting)


@pytest.mark.parametrize("sent", [False, True])
def test_a_crash_while_the_provider_is_asked_makes_one_payment_however_often_the_request_is_repeated(
    world: World, sent: bool
) -> None:
    session = world.checkout(world.invoice())
    with killed(CREATE, after=sent):
        world.start(session, key="one")
    with pytest.raises(RequestInFlight):
        world.start(session, key="one")
    with pytest.raises(SessionBusy):
        world.start(session, key="two")
    world.clock.ahead += timedelta(minutes=6)
    check_payments(world.runtime)
    again = world.start(session, key="one")
    assert again.status is (PaymentStatus.PENDING if sent else PaymentStatus.CANCELLED)
    assert world.start(session, key="one").id == again.id
    assert world.count("payments") == 1


def test_a_payment_that_a_crash_made_and_the_payer_made_good_is_found_and_booked_once(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    with killed(CREATE, after=True):
        world.start(session)
    with world.runtime.db.read() as tx:
        (payment,) = payments.of_session(tx, session.id)
    world.simulator.bank.play(truth(world, payment)["id"], "succeed")
    world.deliver(1)
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    world.clock.ahead += timedelta(minutes=6)
    check_payments(world.runtime)
    assert world.again(invoice).paid_minor == invoice.total_minor
    assert world.balances()["in_transit:sandbox"] == invoice.total_minor
