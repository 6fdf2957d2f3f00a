"""Two things at the same moment: whoever comes second must see what the first one did, and nobody may wait for ever.

A race is forced where it can be: the second comes in at a seam of the first, in a thread of its own, and is given HEAD
START to get as far as the locks let it.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text

from gateway.domain.errors import GatewayError
from gateway.domain.fees import Channel
from gateway.domain.invoice import Invoice, InvoiceAlreadyPaid, InvoiceClosed, InvoiceInPayment, InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.services.close_invoice import expire_invoices, void_invoice
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.open_checkout import CheckoutRequest, cancel_checkout, open_checkout
from gateway.store import inbox, payments
from tests.faults.seams import once_after
from tests.integration.bookkeeping import at_once
from tests.integration.world import PAYER, World

HEAD_START_S = 0.5

T = TypeVar("T")


class Meanwhile:
    """Runs one thing in another thread while the test goes on; `outcome` is its result or its refusal."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._threads = ThreadPoolExecutor(1)
        self._work = work
        self._future: Future[object] | None = None

    def begin(self) -> None:
        self._future = self._threads.submit(self._work)
        wait([self._future], HEAD_START_S)

    def outcome(self) -> object:
        assert self._future is not None
        try:
            return self._future.result(10)
        except GatewayError as refusal:
            return refusal
        finally:
            self._threads.shutdown()


WRITTEN_DOWN = "gateway.store.checkouts.extend"
"""A payment is inserted and not yet committed."""


def test_an_invoice_is_not_voided_under_a_payment_that_is_being_started(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    voiding = Meanwhile(lambda: void(world, invoice.reference))
    with once_after(WRITTEN_DOWN, voiding.begin):
        payment = world.start(session)
    assert isinstance(voiding.outcome(), InvoiceInPayment)
    assert payment.status is PaymentStatus.PENDING
    assert world.again(invoice).status is InvoiceStatus.OPEN


def test_an_overdue_invoice_does_not_expire_under_a_payment_that_is_being_started(world: World) -> None:
    invoice = issued_to_expire_today(world)
    world.clock.ahead += timedelta(days=1)
    session = world.checkout(invoice)
    sweep = Meanwhile(lambda: expire_invoices(world.runtime))
    with once_after(WRITTEN_DOWN, sweep.begin):
        world.start(session)
    assert sweep.outcome() == 0
    assert world.again(invoice).status is InvoiceStatus.OPEN


def test_a_session_is_not_paid_whose_invoice_was_voided_a_moment_before(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    starting = Meanwhile(lambda: world.start(session))
    with once_after("gateway.store.invoices.has_open_payment", starting.begin):
        void(world, invoice.reference)
    assert isinstance(starting.outcome(), InvoiceClosed)
    assert world.count("payments") == 0


def test_a_session_is_cancelled_while_its_payment_succeeds_and_neither_waits_for_the_other_for_ever(
    world: World,
) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    payment = world.start(session)
    world.play(payment, "succeed")
    told = Meanwhile(lambda: world.deliver(1)[0].status)
    with once_after("gateway.store.payments.of_session", told.begin), world.runtime.db.transaction() as tx:
        cancel_checkout(tx, world.portal, session.id)
    assert told.outcome() == 200
    assert applied_at_once(world)
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert world.again(invoice).status is InvoiceStatus.PAID


def test_an_invoice_enters_another_session_while_it_is_paid_and_neither_waits_for_the_other_for_ever(
    world: World,
) -> None:
    one, other = sorted((world.invoice(), world.invoice()), key=lambda invoice: invoice.id)
    world.play(world.start(world.checkout(one, other)), "succeed")
    paying = Meanwhile(lambda: world.deliver(1)[0].status)
    with world.runtime.db.transaction() as tx:
        open_checkout(tx, world.runtime, world.portal, into_session(other))
        paying.begin()
        with suppress(InvoiceAlreadyPaid):
            open_checkout(tx, world.runtime, world.portal, into_session(one))
    assert paying.outcome() == 200
    assert applied_at_once(world)


def test_sweeps_at_once_take_each_due_payment_once_and_no_more_than_they_can_carry(world: World) -> None:
    make_due(world, world.start(world.checkout(world.invoice())), 60)
    world.clock.ahead += timedelta(minutes=2)
    taken: list[UUID] = []

    def sweep(_: int) -> None:
        for _ in range(6):
            with world.runtime.db.transaction() as tx:
                claimed = payments.claim_due(tx, timedelta(minutes=2), 7)
            assert len(claimed) <= 7
            taken.extend(payment.id for payment in claimed)

    at_once(5, sweep)
    assert len(taken) == len(set(taken)) == 61


def make_due(world: World, payment: Payment, count: int) -> None:
    """So many copies of a payment, for sweeps to find."""
    copied = text(
        "INSERT INTO payments (id, session_id, agency_id, provider, status, amount_minor, currency, reference,"
        " via_page, created_at, expires_at, next_check_at) SELECT gen_random_uuid(), session_id, agency_id, provider,"
        " status, amount_minor, currency, reference, via_page, created_at, expires_at, next_check_at"
        " FROM payments CROSS JOIN generate_series(1, :count) WHERE id = :id"
    )
    with world.runtime.db.transaction() as tx:
        tx.execute(copied, {"id": payment.id, "count": count})


def into_session(invoice: Invoice) -> CheckoutRequest:
    return CheckoutRequest([invoice.reference], "https://portal.example/back", "vi")


def applied_at_once(world: World) -> bool:
    """No notification was left for the sweep, as one is that met a deadlock."""
    with world.runtime.db.read() as tx:
        return inbox.oldest_unapplied(tx) is None


def void(world: World, reference: str) -> Invoice:
    with world.runtime.db.transaction() as tx:
        return void_invoice(tx, world.portal, reference)


def issued_to_expire_today(world: World) -> Invoice:
    today = world.invoice().business_date
    request = InvoiceRequest("vn-passport-new", {}, Channel.COUNTER, "G22.99.108-1", PAYER, due_on=today)
    with world.runtime.db.transaction() as tx:
        return issue_invoice(tx, world.runtime.vault, world.portal, request)
