"""Two things at the same moment: whoever comes second sees what the first one did, and nobody waits for ever.

A race is forced where it can be: the second comes in at a seam of the first, in a thread of its own, and is given a
head start to get as far as the locks let it.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import text

from gateway.domain.checkout import LIFETIME, CheckoutStatus, SessionBusy
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import GatewayError, IllegalTransition
from gateway.domain.fees import Channel
from gateway.domain.invoice import Invoice, InvoiceAlreadyPaid, InvoiceClosed, InvoiceInPayment, InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import OverRefund, Refund, RefundStatus
from gateway.services.ask_provider import check_payment, expire_sessions
from gateway.services.close_invoice import expire_invoices, void_invoice
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.open_checkout import CheckoutRequest, cancel_checkout, open_checkout
from gateway.services.receive_event import receive_event
from gateway.services.refund_payment import approve_refund, reject_refund, request_refund, send_refunds
from gateway.services.runtime import Caller
from gateway.store import checkouts, inbox, payments
from gateway.store.database import Transaction, new_id
from tests.faults.seams import control, once_after, traffic
from tests.integration.bookkeeping import at_once
from tests.integration.world import PAYER, World

HEAD_START_S = 0.5
FEE = 200_000

WRITTEN_DOWN = "gateway.store.checkouts.extend"
"""A payment is inserted and not yet committed."""


class Meanwhile:
    """Does something in another thread while the test goes on; `outcome` is its result or its refusal."""

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
    invoice = due_today(world)
    world.clock.ahead += timedelta(days=1)
    session = world.checkout(invoice)
    sweep = Meanwhile(lambda: expire_invoices(world.runtime))
    with once_after(WRITTEN_DOWN, sweep.begin):
        world.start(session)
    assert sweep.outcome() == 0
    assert world.again(invoice).status is InvoiceStatus.OPEN


def test_a_payment_does_not_start_for_an_invoice_that_was_voided_a_moment_before(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    starting = Meanwhile(lambda: world.start(session))
    with once_after("gateway.store.invoices.has_open_payment", starting.begin):
        void(world, invoice.reference)
    assert isinstance(starting.outcome(), InvoiceClosed)
    assert world.count("payments") == 0


def test_two_starts_at_once_make_one_attempt(world: World) -> None:
    session = world.checkout(world.invoice())
    other = Meanwhile(lambda: world.start(session))
    with once_after(WRITTEN_DOWN, other.begin):
        payment = world.start(session)
    outcome = other.outcome()
    assert isinstance(outcome, SessionBusy) or outcome == payment
    assert world.count("payments") == 1


def test_a_session_that_expires_on_one_machine_stays_open_for_a_payment_begun_in_time_on_another(world: World) -> None:
    session = world.checkout(world.invoice())
    world.clock.ahead += LIFETIME + timedelta(seconds=5)

    def begun_in_time() -> None:
        world.clock.ahead -= timedelta(seconds=10)
        world.start(session)
        world.clock.ahead += timedelta(seconds=10)

    with once_after("gateway.store.payments.of_session", begun_in_time):
        assert expire_sessions(world.runtime) == 1
    with world.runtime.db.read() as tx:
        after = checkouts.find(tx, session.id)
    assert after is not None
    assert after.status is CheckoutStatus.OPEN


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


def test_webhook_poll_and_return_at_the_same_moment_book_once_fifty_times(world: World) -> None:
    invoices = [world.invoice() for _ in range(50)]
    for number, invoice in enumerate(invoices):
        payment = world.start(world.checkout(invoice))
        world.play(payment, "succeed")
        learn_in_three_ways(world, payment, number)
    assert {world.again(invoice).status for invoice in invoices} == {InvoiceStatus.PAID}
    assert world.balances()["in_transit:sandbox"] == 50 * FEE
    assert world.discrepancies() == []
    for event in ("invoice.paid", "payment.succeeded", "checkout_session.completed"):
        assert emitted(world, event) == 50


def learn_in_three_ways(world: World, payment: Payment, number: int) -> None:
    notification = world.inbox.wait_for(number + 1)[number]

    def learn(way: int) -> None:
        if way == 0:
            receive_event(world.runtime, "sandbox", notification)
        else:
            check_payment(world.runtime, payment, ("poll", "return")[way - 1])

    at_once(3, learn)


def test_two_sessions_that_pay_one_invoice_at_the_same_moment_pay_it_once(world: World) -> None:
    for number in range(10):
        invoice = world.invoice()
        both = [world.start(world.checkout(invoice)) for _ in range(2)]
        for payment in both:
            world.play(payment, "succeed")
        deliver_at_once(world, 2 * number, 2)
        assert world.again(invoice).paid_minor == FEE
        assert sorted(world.payment(payment.id).credited_minor for payment in both) == [0, FEE]
    assert [found.kind for found in world.discrepancies()] == [DiscrepancyKind.DUPLICATE_PAYMENT] * 10
    assert emitted(world, "invoice.paid") == 10


def test_both_movements_of_one_attempt_at_the_same_moment_are_two_payments(world: World) -> None:
    for number in range(10):
        payment = world.start(world.checkout(world.invoice()))
        world.play(payment, "twice")
        deliver_at_once(world, 2 * number, 2)
        with world.runtime.db.read() as tx:
            credited = [made.credited_minor for made in payments.of_session(tx, payment.session_id)]
        assert sorted(credited) == [0, FEE]
    assert world.balances()["in_transit:sandbox"] == 20 * FEE


def deliver_at_once(world: World, first: int, count: int) -> None:
    requests = world.inbox.wait_for(first + count)[first:]

    def deliver(n: int) -> None:
        receive_event(world.runtime, "sandbox", requests[n])

    at_once(count, deliver)


def test_two_approvals_at_once_are_one(world: World) -> None:
    _, payment = world.paid()
    refund = requested(world, payment, FEE)
    second = Meanwhile(lambda: decided(world, refund, approve_refund))
    with once_after("gateway.store.refunds.change", second.begin):
        decided(world, refund, approve_refund)
    assert isinstance(second.outcome(), IllegalTransition)
    assert world.balances()["refunds_payable"] == -FEE
    assert emitted(world, "refund.approved") == 1


def test_a_refund_is_not_rejected_while_it_is_approved_nor_approved_while_it_is_rejected(world: World) -> None:
    _, payment = world.paid()
    for first, then in ((approve_refund, reject_refund), (reject_refund, approve_refund)):
        refund = requested(world, payment, 10_000)
        second = Meanwhile(partial(decided, world, refund, then))
        with once_after("gateway.store.refunds.change", second.begin):
            decided(world, refund, first)
        assert isinstance(second.outcome(), IllegalTransition)
        assert world.payment(payment.id).refunded_minor == 10_000


def test_two_officers_cannot_give_back_more_than_came_in(world: World) -> None:
    _, payment = world.paid()
    other = Meanwhile(lambda: requested(world, payment, FEE))
    with once_after("gateway.services.refund_payment.refund_sources", other.begin):
        requested(world, payment, 1)
    assert isinstance(other.outcome(), OverRefund)
    assert world.payment(payment.id).refunded_minor == 1


def test_a_refund_here_and_one_at_the_provider_at_once_never_take_more_than_came_in(world: World) -> None:
    invoice, payment = world.paid()
    control(world, "dashboard-refund", payment=str(payment.id), amount_minor=150_000)
    told = Meanwhile(lambda: world.deliver(1))
    with once_after("gateway.services.refund_payment.refund_sources", told.begin):
        requested(world, payment, 100_000)
    told.outcome()
    assert world.payment(payment.id).refunded_minor == 100_000
    (found,) = world.discrepancies()
    assert (found.kind, found.amount_minor) == (DiscrepancyKind.REFUND_UNKNOWN, -150_000)
    assert world.again(invoice).refunded_minor == 0


def test_sweeps_at_once_send_each_refund_once(world: World) -> None:
    _, payment = world.paid()
    sent = [decided(world, requested(world, payment, 10_000), approve_refund) for _ in range(8)]
    at_once(4, lambda _: note(send_refunds(world.runtime)))
    assert {world.refund(refund.id).status for refund in sent} == {RefundStatus.SUCCEEDED}
    assert sum(request["url"].endswith("/v1/refunds") for request in traffic(world)) == 8
    assert world.balances()["in_transit:sandbox"] == FEE - 80_000


def test_sweeps_at_once_take_each_due_payment_once_and_no_more_than_they_can_carry(world: World) -> None:
    make_due(world, world.start(world.checkout(world.invoice())), 60)
    world.clock.ahead += timedelta(minutes=2)
    taken: list[UUID] = []

    def sweep(_: int) -> None:
        for _ in range(6):
            with world.runtime.db.transaction() as tx:
                claimed = payments.claim_due(tx, timedelta(minutes=2), 7, timedelta(days=2))
            assert len(claimed) <= 7
            taken.extend(payment.id for payment in claimed)

    at_once(5, sweep)
    assert len(taken) == len(set(taken)) == 61


def make_due(world: World, payment: Payment, count: int) -> None:
    """So many copies of a payment, for sweeps to find."""
    copied = text(
        "INSERT INTO payments (id, session_id, agency_id, provider, status, amount_minor, currency, reference,"
        " lands_on, via_page, created_at, expires_at, next_check_at) SELECT gen_random_uuid(), session_id, agency_id,"
        " provider, status, amount_minor, currency, reference, lands_on, via_page, created_at, expires_at,"
        " next_check_at FROM payments CROSS JOIN generate_series(1, :count) WHERE id = :id"
    )
    with world.runtime.db.transaction() as tx:
        tx.execute(copied, {"id": payment.id, "count": count})


def void(world: World, reference: str) -> Invoice:
    with world.runtime.db.transaction() as tx:
        return void_invoice(tx, world.portal, reference)


def due_today(world: World) -> Invoice:
    today = world.invoice().business_date
    request = InvoiceRequest("vn-passport-new", {}, Channel.COUNTER, "G22.99.108-1", PAYER, due_on=today)
    with world.runtime.db.transaction() as tx:
        return issue_invoice(tx, world.runtime.vault, world.portal, request)


def into_session(invoice: Invoice) -> CheckoutRequest:
    return CheckoutRequest([invoice.reference], "https://portal.example/back", "vi")


def requested(world: World, payment: Payment, amount_minor: int) -> Refund:
    with world.runtime.db.transaction() as tx:
        return request_refund(tx, world.runtime, world.finance, payment.id, amount_minor, "the application was refused")


def decided(world: World, refund: Refund, decide: Callable[[Transaction, Caller, UUID], Refund]) -> Refund:
    approver = Caller(new_id(), "approver", frozenset({"approver"}), None)
    with world.runtime.db.transaction() as tx:
        return decide(tx, approver, refund.id)


def applied_at_once(world: World) -> bool:
    """No notification was left for the sweep, as one is that met a deadlock."""
    with world.runtime.db.read() as tx:
        return inbox.oldest_unapplied(tx) is None


def emitted(world: World, event: str) -> int:
    with world.runtime.db.read() as tx:
        counted: int = tx.execute(text("SELECT count(*) FROM events WHERE type = :type"), {"type": event}).scalar_one()
        return counted


def note(_: object) -> None:
    """For a result that does not matter."""
