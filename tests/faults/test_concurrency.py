"""Two things at the same moment: whoever comes second must see what the first one did, and nobody may wait for ever.

A race is forced where it can be: the second comes in at a seam of the first, in a thread of its own, and is given HEAD
START to get as far as the locks let it.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TypeVar

from gateway.domain.errors import GatewayError
from gateway.domain.fees import Channel
from gateway.domain.invoice import Invoice, InvoiceClosed, InvoiceInPayment, InvoiceStatus
from gateway.domain.payment import PaymentStatus
from gateway.services.close_invoice import expire_invoices, void_invoice
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from tests.faults.seams import once_after
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


def void(world: World, reference: str) -> Invoice:
    with world.runtime.db.transaction() as tx:
        return void_invoice(tx, world.portal, reference)


def issued_to_expire_today(world: World) -> Invoice:
    today = world.invoice().business_date
    request = InvoiceRequest("vn-passport-new", {}, Channel.COUNTER, "G22.99.108-1", PAYER, due_on=today)
    with world.runtime.db.transaction() as tx:
        return issue_invoice(tx, world.runtime.vault, world.portal, request)
