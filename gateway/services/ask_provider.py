"""Ask providers what became of payments that are not resolved, and close what is over. No portal needs a cron job.

A payment is asked about until its provider gives an end, or gives no answers any more: see domain/query_window.py. What
is past its time is closed at the provider first; only then is it expired here. Silence proves nothing.

A provider whose circuit is open is not asked again and again: its payments stay due, and are asked about once a trial
(try_circuits) has found it answering.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import zip_longest
from uuid import UUID

import structlog

from gateway.domain.checkout import CheckoutSession, CheckoutStatus
from gateway.domain.circuit import Operation
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict
from gateway.domain.payment import CHECK_THEN_EVERY, OPEN, Payment, PaymentStatus
from gateway.domain.query_window import UNRESOLVED_AFTER, QueryWindow
from gateway.ports.provider import (
    Cancellable,
    NotFound,
    PaymentHint,
    PaymentObservation,
    PaymentProvider,
    PaymentRef,
    ProviderError,
)
from gateway.services.apply_hint import find_hinted
from gateway.services.apply_observation import apply_observation
from gateway.services.apply_payment import is_spent
from gateway.services.call_provider import Calls
from gateway.services.circuits import circuit_of, is_shut, unavailable
from gateway.services.find import find_payment
from gateway.services.open_checkout import close_session
from gateway.services.open_discrepancy import open_discrepancy, unresolved_payment
from gateway.services.runtime import Caller, Runtime
from gateway.services.sweep import each
from gateway.store import catalogue, checkouts, circuits, payments
from gateway.store.database import Transaction

log = structlog.get_logger()

LEASE = timedelta(minutes=2)  # longer than all questions about one payment may take, so that no two sweeps ask at once
AT_ONCE = 20
LOOK_AGAIN_AFTER = timedelta(minutes=5)  # at a session that waits for a provider which does not answer


class NothingToAsk(Conflict):
    """The payment has come to its end."""

    code = "nothing_to_ask"


def check_payments(runtime: Runtime) -> int:
    """Ask about the payments that are due to be checked. Returns how many were asked about."""
    with runtime.db.transaction() as tx:
        due = payments.claim_due(tx, LEASE, AT_ONCE, UNRESOLVED_AFTER)
    return each(_in_turns(due), lambda payment: _check_or_put_off(runtime, payment), "check_payments")


def expire_sessions(runtime: Runtime) -> int:
    """Close sessions whose time is over, once their payments' providers were asked. Returns how many were due."""
    with runtime.db.transaction() as tx:
        over = checkouts.claim_expired(tx, LEASE, AT_ONCE)
    return each(over, lambda session: _expire(runtime, session), "expire_sessions")


def _in_turns(due: Sequence[Payment]) -> list[Payment]:
    """One payment of each provider, and then the next of each: who asks a provider that does not answer keeps the
    others waiting for one question at a time, not for all that are due with it."""
    by_provider: dict[str, list[Payment]] = {}
    for payment in due:
        by_provider.setdefault(payment.provider, []).append(payment)
    turns = zip_longest(*by_provider.values())
    return [payment for turn in turns for payment in turn if payment is not None]


def _check_or_put_off(runtime: Runtime, payment: Payment) -> None:
    window = query_window(runtime.providers.get(payment.provider), payment)
    if not is_shut(runtime, payment.provider):
        check_payment(runtime, payment, "poll")
        return
    with runtime.db.transaction() as tx:
        if window.is_unresolved(tx.now):
            _schedule(tx, payment, window, answered=False)  # an officer is told, however long the provider is away
        else:
            payments.put_back(tx, payment.id)


def _expire(runtime: Runtime, session: CheckoutSession) -> None:
    with runtime.db.read() as tx:
        attempts = payments.of_session(tx, session.id)
        shut = circuits.not_closed(tx)
    asked = [payment for payment in attempts if payment.provider not in shut]
    for payment in asked:
        if payment.status in OPEN:
            check_payment(runtime, payment, "poll")
        elif payment.status is PaymentStatus.DECLINED:
            close_attempt(runtime, payment)  # its page may be open still, for another try
    unasked = [p for p in attempts if p not in asked and p.status in (*OPEN, PaymentStatus.DECLINED)]
    with runtime.db.transaction() as tx:
        locked = checkouts.find(tx, session.id, lock=True)
        if locked is None or locked.status is not CheckoutStatus.OPEN or locked.expires_at > tx.now:
            return
        if unasked:
            checkouts.change(tx, session.id, next_check_at=tx.now + LOOK_AGAIN_AFTER)
        elif any(payment.status in OPEN for payment in payments.of_session(tx, session.id)):
            checkouts.change(tx, session.id, next_check_at=tx.now + CHECK_THEN_EVERY)
        else:
            close_session(tx, locked, CheckoutStatus.EXPIRED, "system")


def check_payment(runtime: Runtime, payment: Payment, source: str, *, is_trial: bool = False) -> None:
    """Ask the provider about one payment and apply what it says. An unanswered question changes nothing, and once it
    answers no more it is not asked; or if it is to show that anybody answers, it is not believed."""
    provider = runtime.providers.get(payment.provider)
    calls = Calls(runtime.db, payment.provider, is_trial=is_trial)
    window = query_window(provider, payment)
    is_closed = window.is_closed(runtime.db.now())
    told = _ask(calls, provider, payment) if provider and (is_trial or not is_closed) else None
    answer = None if is_closed else _of_this_payment(runtime, payment, told)
    if provider and answer and _waits(answer) and _is_over(runtime, payment):
        answer = _give_up(runtime, calls, provider, payment, answer)
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        if isinstance(answer, PaymentObservation):
            apply_observation(tx, payment.provider, answer, source)
        elif provider and isinstance(answer, NotFound):
            apply_observation(tx, payment.provider, _meaning_of_absence(tx, provider, payment), source)
        _schedule(tx, payment, window, answered=answer is not None)


def ask_for_officer(runtime: Runtime, caller: Caller, payment_id: UUID) -> None:
    """Ask the provider now, because an officer wants to know, and apply what it says. Who asked is written down.

    Raises PaymentNotFound, NothingToAsk, or ProviderUnavailable while nothing is sent to the provider.
    """
    with runtime.db.read() as tx:
        payment = find_payment(tx, caller, payment_id)
        circuit = circuit_of(tx, payment.provider)
    if payment.status not in OPEN:
        raise NothingToAsk(f"The payment is {payment.status}. There is nothing left to ask the provider.")
    if circuit.opened_at is not None:
        raise unavailable(circuit)
    with runtime.db.transaction() as tx:
        tx.audit(caller.actor, "payment.asked_about", "payment", payment.id)
    check_payment(runtime, payment, "officer")


def ask_about_hint(runtime: Runtime, provider: str, hint: PaymentHint) -> None:
    """Ask at once what a notification only hinted at. Never raises: the payment is due, so the sweep asks again."""
    with runtime.db.read() as tx:
        payment = find_hinted(tx, provider, hint)
    if payment is None or is_shut(runtime, provider):
        return
    try:
        check_payment(runtime, payment, "webhook")
    except Exception:  # the notification is durable and its payment due: no fault here is worth another notification
        log.exception("payment not checked on a hint", payment=str(payment.id))


def close_attempt(runtime: Runtime, payment: Payment) -> None:
    """The payer has turned to another method: close this attempt at its provider, or learn that it was paid.

    A provider that does not answer is not waited for: the sweep closes what is left over.
    """
    provider: object = runtime.providers.get(payment.provider)
    if not isinstance(provider, Cancellable) or is_shut(runtime, payment.provider):
        return
    calls = Calls(runtime.db, payment.provider)
    answer = _close(calls, provider, payment)
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        if isinstance(answer, PaymentObservation):
            apply_observation(tx, payment.provider, answer, "poll")


def query_window(provider: PaymentProvider | None, payment: Payment) -> QueryWindow:
    lasts = None if provider is None else provider.capabilities.query_window
    return QueryWindow(payment.created_at, lasts, payment.expires_at)


def reference_of(payment: Payment) -> PaymentRef:
    return PaymentRef(
        payment_id=payment.id,
        reference=payment.reference,
        amount=payment.amount,
        idempotency_key=str(payment.id),
        created_at=payment.created_at,
        provider_payment_id=payment.provider_payment_id,
        provider_transaction_id=payment.provider_transaction_id,
    )


def _ask(calls: Calls, provider: PaymentProvider, payment: Payment) -> PaymentObservation | NotFound | None:
    try:
        return calls.make(Operation.QUERY, lambda: provider.query_payment(reference_of(payment)))
    except ProviderError as error:
        log.info("payment query unanswered", payment=str(payment.id), error=type(error).__name__)
        return None


def _of_this_payment(
    runtime: Runtime, payment: Payment, answer: PaymentObservation | NotFound | None
) -> PaymentObservation | NotFound | None:
    """A bank knows references, not payments: what it found may be another payment's money, and this one still waits."""
    if isinstance(answer, PaymentObservation):
        with runtime.db.read() as tx:
            if is_spent(tx, payment, answer.provider_transaction_id):
                return replace(answer, status=PaymentStatus.PENDING, provider_transaction_id=None)
    return answer


def _close(calls: Calls, provider: Cancellable, payment: Payment) -> PaymentObservation | NotFound | None:
    try:
        return calls.make(Operation.CANCEL, lambda: provider.cancel_payment(reference_of(payment)))
    except ProviderError as error:
        log.info("payment could not be closed", payment=str(payment.id), error=type(error).__name__)
        return None


def _waits(answer: PaymentObservation | NotFound) -> bool:
    return isinstance(answer, PaymentObservation) and answer.status is PaymentStatus.PENDING


def _give_up(
    runtime: Runtime, calls: Calls, provider: PaymentProvider, payment: Payment, answer: PaymentObservation | NotFound
) -> PaymentObservation | NotFound | None:
    """What closing it brought to light. Where a provider can close, only its word ends a payment: its bank may still be
    at work on one that the payer has finished. Where it cannot, the end of the payment's time does, unless the provider
    would say so itself."""
    if isinstance(provider, Cancellable):
        return _close(calls, provider, payment)
    now = runtime.db.now()
    if payment.expires_at > now or provider.capabilities.tells_expiry:
        return answer
    return PaymentObservation(PaymentStatus.EXPIRED, now, payment_id=payment.id, code="not paid in time")


def _is_over(runtime: Runtime, payment: Payment) -> bool:
    """Past its time, or its session was given up."""
    with runtime.db.read() as tx:
        session = checkouts.find(tx, payment.session_id)
        return payment.expires_at <= tx.now or session is None or session.status is not CheckoutStatus.OPEN


def _meaning_of_absence(tx: Transaction, provider: PaymentProvider, payment: Payment) -> PaymentObservation:
    """Not found leaves the outcome unknown, unless the provider says that it proves absence after some time, or that it
    only hears of a payment from a payer who has no more time to come; and it proves nothing about a payment that the
    provider has acknowledged before."""
    can, status = provider.capabilities, PaymentStatus.UNKNOWN
    window = query_window(provider, payment)
    if payment.provider_payment_id is None:
        if can.opened_by_payer and tx.now >= payment.expires_at:
            status = PaymentStatus.EXPIRED
        elif can.not_found_proves_absence and window.proves_absence(tx.now, can.not_found_after):
            status = PaymentStatus.CANCELLED
    return PaymentObservation(status, tx.now, payment_id=payment.id, code="not_found")


def _schedule(tx: Transaction, asked: Payment, window: QueryWindow, *, answered: bool) -> None:
    """When to ask again about what is not resolved; never again once that would be useless, and then it is named. Also
    about what was given up, until a question that a hint made us ask is answered."""
    payment = payments.find(tx, asked.id, lock=True)
    if payment is None:
        return
    if payment.status not in OPEN:
        if asked.status not in OPEN:
            done = answered or payment.status is PaymentStatus.SUCCEEDED
            again = None if done else window.next_question(tx.now, payment.checks)
            payments.change(tx, payment.id, next_check_at=again)
        return
    payments.change(tx, payment.id, next_check_at=window.next_question(tx.now, payment.checks))
    if window.is_unresolved(tx.now):
        payments.change(tx, payment.id, checks=max(payment.checks, 1))  # the end looks at this before it clears
        _name_unresolved(tx, payment, window)


def _name_unresolved(tx: Transaction, payment: Payment, window: QueryWindow) -> None:
    open_discrepancy(
        tx,
        kind=DiscrepancyKind.STATUS_MISMATCH,
        key=unresolved_payment(payment.id),
        provider=payment.provider,
        agency_id=payment.agency_id,
        business_date=catalogue.agency(tx, payment.agency_id).business_date(tx.now),
        amount=payment.amount,
        payment_id=payment.id,
        evidence={
            "payment_is": payment.status,
            "asked": payment.checks,
            "proposed": "open_trace",
            **window.evidence(tx.now),
        },
    )
