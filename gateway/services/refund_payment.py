"""Give money back: one person asks, another decides, a sweep sends it and asks until the provider has an answer."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from gateway.domain.agency import business_date
from gateway.domain.circuit import Operation
from gateway.domain.money import Money
from gateway.domain.payment import Payment, PaymentStatus, next_check
from gateway.domain.query_window import UNRESOLVED_AFTER, QueryWindow
from gateway.domain.refund import (
    AT_PROVIDER,
    GRAPH,
    NotRefundable,
    Refund,
    RefundStatus,
    check_amount,
    check_approver,
    split,
)
from gateway.domain.states import transition
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    NotFound,
    NotSent,
    ProviderError,
    RateLimited,
    RefundCommand,
    Refunder,
    RefundObservation,
    RefundOutcome,
    RefundRef,
    Rejected,
    Unsupported,
)
from gateway.services.apply_observation import apply_observation
from gateway.services.apply_refund import book_approval, move_refund, name_unresolved
from gateway.services.ask_provider import reference_of
from gateway.services.call_provider import Calls
from gateway.services.circuits import is_shut
from gateway.services.find import find_payment, find_refund
from gateway.services.refund_sources import refund_sources
from gateway.services.runtime import Caller, Runtime
from gateway.services.sweep import each
from gateway.store import payments, refunds
from gateway.store.database import Transaction, new_id

log = structlog.get_logger()

LEASE = timedelta(minutes=2)
CLOCKS_DIFFER = timedelta(minutes=5)
AT_ONCE = 20


def request_refund(
    tx: Transaction, runtime: Runtime, caller: Caller, payment_id: UUID, amount_minor: int, reason: str
) -> Refund:
    """Ask for `amount_minor` of a succeeded payment to go back. The amount is held from this moment.

    Raises PaymentNotFound, NotRefundable, or OverRefund; checked under a lock on the payment, so that two officers
    cannot give back more than came in.
    """
    payment = find_payment(tx, caller, payment_id, lock=True)
    if payment.status is not PaymentStatus.SUCCEEDED:
        raise NotRefundable(f"This payment is {payment.status}: no money came in that could go back.")
    check_way_back(runtime, payment.provider)
    amount = Money(amount_minor, payment.currency)
    check_amount(amount, payment.refundable)
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        agency_id=payment.agency_id,
        status=RefundStatus.REQUESTED,
        amount_minor=amount_minor,
        currency=payment.currency,
        reason=reason,
        requested_by=caller.actor,
        decided_by=None,
        provider_refund_id=None,
        code="",
        created_at=tx.now,
        sent_at=None,
        succeeded_at=None,
        business_date=None,
        checks=0,
    )
    refunds.add(tx, refund, split(amount, refund_sources(tx, payment)))
    payments.change(tx, payment.id, refunded_minor=payment.refunded_minor + amount_minor)
    _tell(tx, caller.actor, refund)
    return refund


def check_way_back(runtime: Runtime, name: str) -> None:
    """Refused now rather than approved and never sent. A provider that is not configured at the moment may return.

    Raises NotRefundable.
    """
    provider = runtime.providers.get(name)
    if provider is not None and not isinstance(provider, Refunder):
        raise NotRefundable(
            f"{name} has no way to send money back. Pay it back outside this gateway, and note it there."
        )


def approve_refund(tx: Transaction, caller: Caller, refund_id: UUID) -> Refund:
    """Let the refund go out; the sweep sends it. Raises RefundNotFound, SamePerson, IllegalTransition."""
    refund = _decide(tx, caller, refund_id, RefundStatus.APPROVED)
    refunds.change(tx, refund.id, next_check_at=tx.now)
    payment = payments.get(tx, refund.payment_id)
    book_approval(tx, payment, refund, refunds.parts_of(tx, refund), tx.now)
    return refund


def reject_refund(tx: Transaction, caller: Caller, refund_id: UUID) -> Refund:
    """Refuse it; the amount can be refunded again. Raises RefundNotFound, SamePerson, IllegalTransition."""
    refund = _decide(tx, caller, refund_id, RefundStatus.REJECTED)
    payment = find_payment(tx, caller, refund.payment_id)
    payments.change(tx, payment.id, refunded_minor=payment.refunded_minor - refund.amount_minor)
    return refund


def send_refunds(runtime: Runtime) -> int:
    """Send what was approved, and ask about what was sent. Returns how many were taken up."""
    with runtime.db.transaction() as tx:
        due = refunds.claim_due(tx, LEASE, AT_ONCE, UNRESOLVED_AFTER)
    return each(due, lambda refund: _send_or_ask(runtime, refund), "send_refunds")


def _decide(tx: Transaction, caller: Caller, refund_id: UUID, to: RefundStatus) -> Refund:
    payment_id = find_refund(tx, caller, refund_id).payment_id
    find_payment(tx, caller, payment_id, lock=True)
    refund = find_refund(tx, caller, refund_id, lock=True)
    check_approver(refund.requested_by, caller.actor)
    transition("refund", GRAPH, refund.status, to)
    refunds.change(tx, refund.id, status=to, decided_by=caller.actor)
    decided = replace(refund, status=to, decided_by=caller.actor)
    _tell(tx, caller.actor, decided)
    return decided


def _tell(tx: Transaction, actor: str, refund: Refund) -> None:
    facts = {"refund": str(refund.id), "payment": str(refund.payment_id), "status": refund.status}
    amount = {"amount_minor": refund.amount_minor, "currency": refund.currency}
    tx.emit(f"refund.{refund.status}", refund.agency_id, facts | amount)
    tx.audit(actor, f"refund.{refund.status}", "refund", refund.id, after=amount)


def _send_or_ask(runtime: Runtime, refund: Refund) -> None:
    with runtime.db.read() as tx:
        payment = payments.get(tx, refund.payment_id)
    provider: object = runtime.providers.get(payment.provider)
    calls = Calls(runtime.db, payment.provider)
    is_over = refund.status in AT_PROVIDER and _query_window(runtime, payment, refund).is_closed(runtime.db.now())
    if not is_over and is_shut(runtime, payment.provider):
        _put_off(runtime, payment, refund)
        return
    if is_over:
        log.info("refund cannot be asked about any more", refund=str(refund.id), provider=payment.provider)
    elif not isinstance(provider, Refunder):
        log.warning("refund waits for a provider that can refund", refund=str(refund.id), provider=payment.provider)
    elif refund.status is not RefundStatus.APPROVED:
        _ask_or_send_again(runtime, calls, provider, payment, refund)
    elif (marked := _mark_submitting(runtime, refund)) is not None:
        outcome = _send(calls, provider, _command(payment, marked))
        if outcome is None:
            _put_back(runtime, calls, payment, marked)
        else:
            _apply_outcome(runtime, calls, payment, marked, outcome)
    _reschedule(runtime, payment, refund)


def _command(payment: Payment, refund: Refund) -> RefundCommand:
    """The same on every retry, its time too: providers date their names for it, and know it again by its name only."""
    first_sent_at = refund.sent_at or refund.created_at
    return RefundCommand(refund.id, reference_of(payment), refund.amount, str(refund.id), first_sent_at)


def _query_window(runtime: Runtime, payment: Payment, refund: Refund) -> QueryWindow:
    provider = runtime.providers.get(payment.provider)
    lasts = None if provider is None else provider.capabilities.query_window
    return QueryWindow(refund.sent_at or refund.created_at, lasts)


def _put_off(runtime: Runtime, payment: Payment, refund: Refund) -> None:
    """Its provider does not answer. An officer is told of one in doubt, however long the provider is away."""
    if _query_window(runtime, payment, refund).is_unresolved(runtime.db.now()):
        _reschedule(runtime, payment, refund)
        return
    with runtime.db.transaction() as tx:
        refunds.put_back(tx, refund.id)


def _mark_submitting(runtime: Runtime, refund: Refund) -> Refund | None:
    """Written down before the provider is called, so that a crash leaves a refund to ask about, not to send blindly;
    and with a lease from now on, for others may have been sent since it was claimed.

    None if it is no longer to be sent: another sweep was quicker.
    """
    with runtime.db.transaction() as tx:
        locked = refunds.find(tx, refund.id, lock=True)
        if locked is None or locked.status is not RefundStatus.APPROVED:
            return None
        transition("refund", GRAPH, locked.status, RefundStatus.SUBMITTING)
        refunds.change(tx, refund.id, status=RefundStatus.SUBMITTING, sent_at=tx.now, next_check_at=tx.now + LEASE)
        return replace(locked, status=RefundStatus.SUBMITTING, sent_at=tx.now)


def _ask_or_send_again(runtime: Runtime, calls: Calls, provider: Refunder, payment: Payment, refund: Refund) -> None:
    command = _command(payment, refund)
    answer = _ask(calls, provider, RefundRef(command, refund.provider_refund_id))
    if isinstance(answer, RefundObservation):
        with runtime.db.transaction() as tx:
            calls.keep(tx)
            apply_observation(tx, payment.provider, answer, "poll")
    elif isinstance(answer, NotFound):
        can = runtime.provider(payment.provider).capabilities
        again = _cannot_pay_twice(refund, can, runtime.db.now())
        outcome = _send(calls, provider, command) if again else RefundOutcome(RefundStatus.UNKNOWN, code="not_found")
        _apply_outcome(runtime, calls, payment, refund, outcome)
    else:
        calls.keep_now()


def _cannot_pay_twice(refund: Refund, can: Capabilities, now: datetime) -> bool:
    """Whether a refund that its provider does not find may be sent again.

    Only one that we sent ourselves and that was never acknowledged; and either the provider still knows our key, so
    that it does not carry out the same refund again, or its silence proves that there was none.
    """
    if refund.sent_at is None or refund.provider_refund_id is not None:
        return False
    since = now - refund.sent_at
    knows_the_key = can.idempotency_window is not None and since < can.idempotency_window
    if can.idempotency_by_day:  # and not in the last moments of it, which may pass on the way
        days = {business_date(at, can.time_zone) for at in (refund.sent_at, now + CLOCKS_DIFFER)}
        knows_the_key = knows_the_key and len(days) == 1
    silence = QueryWindow(refund.sent_at, can.query_window)
    return knows_the_key or (can.not_found_proves_absence and silence.proves_absence(now, can.not_found_after))


def _send(calls: Calls, provider: Refunder, command: RefundCommand) -> RefundOutcome | None:
    """None if nothing was sent."""
    try:
        return calls.make(Operation.REFUND, lambda: provider.refund(command))
    except (NotSent, RateLimited):
        return None
    except (Rejected, Unsupported) as error:
        return RefundOutcome(RefundStatus.FAILED, code=error.code or type(error).__name__)
    except Exception as error:  # a fault in an adapter, too, may come after the request was sent
        log.warning("refund outcome unknown", refund=str(command.refund_id), error=type(error).__name__)
        return RefundOutcome(RefundStatus.UNKNOWN, code=getattr(error, "code", ""))


def _ask(calls: Calls, provider: Refunder, ref: RefundRef) -> RefundObservation | NotFound | None:
    try:
        return calls.make(Operation.QUERY_REFUND, lambda: provider.query_refund(ref))
    except ProviderError as error:
        log.info("refund query unanswered", refund=str(ref.command.refund_id), error=type(error).__name__)
        return None


def _put_back(runtime: Runtime, calls: Calls, payment: Payment, marked: Refund) -> None:
    """Nothing was sent, so it is to be sent as if for the first time; unless another sweep has taken it up meanwhile,
    which may have sent it."""
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        locked_payment = payments.get(tx, payment.id, lock=True)
        locked = refunds.find(tx, marked.id, lock=True)
        if locked == marked:
            move_refund(tx, locked_payment, locked, RefundStatus.APPROVED, tx.now, code="not_sent")


def _apply_outcome(
    runtime: Runtime, calls: Calls, payment: Payment, refund: Refund, outcome: RefundOutcome | None
) -> None:
    """None: nothing was sent, this time."""
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        if outcome is not None:
            observation = RefundObservation(
                status=outcome.status,
                occurred_at=tx.now,
                amount=refund.amount,
                refund_id=refund.id,
                provider_refund_id=outcome.provider_refund_id,
                payment_id=payment.id,
                code=outcome.code,
            )
            apply_observation(tx, payment.provider, observation, "api")


def _reschedule(runtime: Runtime, payment: Payment, refund: Refund) -> None:
    with runtime.db.transaction() as tx:
        locked = refunds.find(tx, refund.id, lock=True)
        if locked is None or (locked.status not in AT_PROVIDER and locked.status is not RefundStatus.APPROVED):
            return
        if locked.status is RefundStatus.APPROVED:
            refunds.change(tx, refund.id, next_check_at=tx.now + next_check(locked.checks))
            return
        window = _query_window(runtime, payment, locked)
        refunds.change(tx, refund.id, next_check_at=window.next_question(tx.now, locked.checks))
        # Banks take days: what is pending is no matter for an officer as long as it can be asked about.
        if window.is_unresolved(tx.now) and (window.is_closed(tx.now) or locked.status is RefundStatus.UNKNOWN):
            name_unresolved(tx, payment, locked, window)
