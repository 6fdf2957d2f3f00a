"""What the mop-up may conclude from what a provider says, and from its silence: nothing, mostly."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gateway.domain.checkout import CheckoutStatus
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    CreatePayment,
    NotFound,
    PaymentObservation,
    PaymentOutcome,
    PaymentProvider,
    PaymentRef,
)
from gateway.services.ask_provider import check_payments, expire_sessions
from gateway.store import checkouts
from tests.faults.seams import truth
from tests.integration.world import World

OVER = timedelta(hours=2)
HOUR = timedelta(hours=1)


def begun(world: World) -> Payment:
    return world.start(world.checkout(world.invoice()))


def session_status(world: World, payment: Payment) -> CheckoutStatus:
    with world.runtime.db.read() as tx:
        session = checkouts.find(tx, payment.session_id)
    assert session is not None
    return session.status


def test_a_payment_that_the_bank_is_still_working_on_is_not_over_when_its_time_is(world: World) -> None:
    invoice = world.invoice()
    payment = world.start(world.checkout(invoice))
    world.play(payment, "pending")
    world.clock.ahead += OVER
    check_payments(world.runtime)
    expire_sessions(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    assert session_status(world, payment) is CheckoutStatus.OPEN
    bank = world.simulator.bank
    with bank.change() as change:
        bank.pay_silently(change, truth_of(world, payment))
    world.clock.ahead += HOUR
    check_payments(world.runtime)
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert world.discrepancies() == []


def test_a_payment_is_not_given_up_while_nobody_knows_whether_its_page_is_closed(world: World) -> None:
    payment = begun(world)
    world.clock.ahead += OVER
    world.fault("cancel", "error_500_before")
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    world.clock.ahead += HOUR
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.CANCELLED
    assert truth(world, payment)["status"] == "cancelled"


def test_a_payment_of_another_amount_is_not_called_unpaid_when_its_time_is_over(world: World) -> None:
    payment = begun(world)
    world.play(payment, "wrong_amount")
    world.clock.ahead += OVER
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING


def test_a_provider_that_cannot_find_what_it_acknowledged_proves_nothing(world: World) -> None:
    payment = begun(world)
    world.clock.ahead += timedelta(minutes=10)
    world.fault("query", "not_found")
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.UNKNOWN
    world.clock.ahead += timedelta(minutes=10)
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING


def test_what_a_provider_hears_of_from_the_payer_only_was_never_begun_once_its_time_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = world.runtime.provider("sandbox")
    without = replace(sandbox.capabilities, not_found_proves_absence=False, opened_by_payer=True)
    monkeypatch.setattr(sandbox, "capabilities", without)
    world.fault("create", "close_connection_before")
    payment = begun(world)
    for ahead, status in ((timedelta(minutes=30), PaymentStatus.UNKNOWN), (OVER, PaymentStatus.EXPIRED)):
        world.clock.ahead = ahead
        check_payments(world.runtime)
        assert world.payment(payment.id).status is status
    acknowledged = begun(world)
    world.fault("query", "not_found")
    world.clock.ahead += OVER
    check_payments(world.runtime)
    assert world.payment(acknowledged.id).status is PaymentStatus.UNKNOWN


def test_a_session_that_cannot_be_closed_yet_is_looked_at_once_an_hour(world: World) -> None:
    payment = begun(world)
    world.play(payment, "review")
    world.clock.ahead += OVER
    looked_at = 0
    for _ in range(60):
        looked_at += expire_sessions(world.runtime)
        world.clock.ahead += timedelta(minutes=2)
    assert looked_at == 2
    assert session_status(world, payment) is CheckoutStatus.OPEN


def test_a_declined_payment_that_was_made_good_after_all_is_found_before_its_session_expires(world: World) -> None:
    invoice = world.invoice()
    payment = world.start(world.checkout(invoice))
    world.play(payment, "decline")
    world.deliver(1)
    bank = world.simulator.bank
    with bank.change() as change:
        bank.pay_silently(change, truth_of(world, payment))
    world.clock.ahead += OVER
    expire_sessions(world.runtime)
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert session_status(world, payment) is CheckoutStatus.COMPLETED


def test_a_provider_that_cannot_close_a_payment_is_asked_and_then_its_time_decides(world: World) -> None:
    payment = begun(world)
    world.runtime = replace(world.runtime, providers={"sandbox": OnlyPays(world.runtime.providers["sandbox"])})
    world.clock.ahead += timedelta(minutes=30)
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    world.clock.ahead += OVER
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.EXPIRED


def truth_of(world: World, payment: Payment) -> Mapping[str, object]:
    """The provider's own document of a payment."""
    found = world.simulator.bank.books.find("payment", payment_id=str(payment.id))
    assert found is not None
    return found


@dataclass(frozen=True)
class OnlyPays:
    """A provider that can do no more than every provider must."""

    provider: PaymentProvider

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def titles(self) -> Mapping[str, str]:
        return self.provider.titles

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        return self.provider.create_payment(command)

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        return self.provider.query_payment(ref)
