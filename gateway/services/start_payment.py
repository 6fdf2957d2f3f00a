"""Start a payment with a provider for an open checkout session.

The provider is called between two transactions, never inside one: its latency must not hold our locks. A crash after
the first leaves the attempt `submitting` with a time to check it, and the sweep asks the provider what became of it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from gateway.domain import ledger
from gateway.domain.checkout import (
    CheckoutSession,
    MethodNotOffered,
    PaymentOutcomeUnknown,
    ProviderUnavailable,
    SessionBusy,
    SessionNotPayable,
    check_open,
)
from gateway.domain.circuit import Circuit, Operation
from gateway.domain.invoice import Invoice, check_payable
from gateway.domain.payment import CHECK_AFTER, IN_DOUBT, Payment, PaymentStatus
from gateway.domain.reference import grouped
from gateway.ports.provider import (
    Bill,
    CreatePayment,
    NextAction,
    NotSent,
    PaymentObservation,
    PaymentOutcome,
    PaymentProvider,
    RateLimited,
    Redirect,
    Rejected,
    ShowQr,
    Unsupported,
)
from gateway.services import idempotency
from gateway.services.apply_observation import apply_observation
from gateway.services.ask_provider import close_attempt
from gateway.services.bills import bills_of
from gateway.services.call_provider import Calls
from gateway.services.circuits import circuit_of, may_begin, take_trial, unavailable
from gateway.services.find import find_session
from gateway.services.idempotency import Answer, Request, RequestInFlight, Unfinished
from gateway.services.offer_methods import check_takes
from gateway.services.runtime import Runtime
from gateway.store import catalogue, checkouts, invoices, payments
from gateway.store.database import Transaction, new_id

log = structlog.get_logger()

# Longer than any adapter's time-outs together: an attempt that is still `submitting` after it was cut short by a crash.
SUBMITTING_AT_MOST = timedelta(seconds=60)

NOTHING_HAPPENED = (NotSent, RateLimited, Unsupported)


def start_payment(
    runtime: Runtime,
    request: Request,
    session_id: UUID,
    provider_name: str,
    render: Callable[[Payment], Answer],
    *,
    via_page: bool = False,
) -> Answer:
    """Open an attempt and say what the payer does next; one with the same provider that still waits is given again.

    Raises SessionNotFound, SessionNotPayable, MethodNotOffered, SessionBusy while another attempt is being started,
    PaymentOutcomeUnknown while an earlier one may have moved the money, ProviderUnavailable if nothing was sent: then,
    as after a decline, another method may be tried.
    """
    circuit = _make_way(runtime, request, session_id, provider_name)
    with runtime.db.transaction() as tx:
        known = idempotency.look_up(tx, request)
        if isinstance(known, Answer):
            return known
        if isinstance(known, Unfinished):
            return _resume(tx, request, known, render)
        session = find_session(tx, request.caller, session_id, lock=True)
        _check_offered(tx, session, provider_name)
        owed = _payable(tx, session)
        attempts = payments.of_session(tx, session_id)
        waiting = _still_waiting(attempts, provider_name, tx)
        if waiting is not None:
            answer = render(waiting)
            idempotency.keep(tx, request, answer)
            return answer
        _check_none_unresolved(tx, attempts)
        calls = Calls(runtime.db, provider_name, is_trial=take_trial(tx, runtime, circuit))
        payment = _write_down(tx, runtime, session, owed[0][0].reference, provider_name, via_page=via_page)
        bills = bills_of(tx, session.agency_id, owed, session.locale)
        idempotency.keep(tx, request, Unfinished(payment.id))

    outcome = _create(runtime, calls, session, payment, bills, owed[0][0].references)

    if isinstance(outcome, Exception):
        _give_up(runtime, calls, request, payment, outcome)
        raise _as_problem(payment.provider, outcome) from outcome
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        _record(tx, payment, outcome)
        answer = render(payments.get(tx, payment.id))
        idempotency.keep(tx, request, answer)
        return answer


def _make_way(runtime: Runtime, request: Request, session_id: UUID, chosen: str) -> Circuit:
    """The payer has chosen anew: earlier attempts are closed at their providers first, so that nobody pays twice; but
    not before it is known that the chosen provider can be asked. Its circuit, as it was found."""
    with runtime.db.read() as tx:
        if idempotency.look_up(tx, request) is not None:
            return Circuit(chosen)  # not anew: a repeated request must not close what the payer has turned to since
        session = find_session(tx, request.caller, session_id)
        _check_offered(tx, session, chosen)
        check_takes(runtime, catalogue.agency(tx, session.agency_id), chosen, session.amount)
        attempts = payments.of_session(tx, session_id)
        circuit = circuit_of(tx, chosen)
        if not may_begin(tx, runtime, circuit) and _still_waiting(attempts, chosen, tx) is None:
            _check_none_unresolved(tx, attempts)  # said first: it forbids any other method too
            raise unavailable(circuit)
    for attempt in attempts:
        pending_elsewhere = attempt.status is PaymentStatus.PENDING and attempt.provider != chosen
        if pending_elsewhere or attempt.status is PaymentStatus.DECLINED:
            close_attempt(runtime, attempt)
    return circuit


def _still_waiting(attempts: Sequence[Payment], provider_name: str, tx: Transaction) -> Payment | None:
    for attempt in attempts:
        open_here = attempt.status is PaymentStatus.PENDING and attempt.provider == provider_name
        if open_here and attempt.next_action is not None and attempt.expires_at > tx.now:
            return attempt
    return None


def _check_offered(tx: Transaction, session: CheckoutSession, provider_name: str) -> None:
    check_open(session, tx.now)
    if provider_name not in session.methods:
        raise MethodNotOffered(
            f"This session does not offer {provider_name!r}.",
            fields={"provider": f"must be one of {', '.join(session.methods)}"},
        )


def _payable(tx: Transaction, session: CheckoutSession) -> list[tuple[Invoice, int]]:
    """Its invoices, each with what to pay of it; all payable, and locked, so that none is voided or expires before the
    attempt is written down for it."""
    owed = invoices.of_session(tx, session.id, lock=True)
    for invoice, to_pay_minor in owed:
        check_payable(invoice)
        if invoice.amount_due_minor != to_pay_minor:
            raise SessionNotPayable("What is due has changed since this session was opened. Open a new one.")
    return owed


def _check_none_unresolved(tx: Transaction, attempts: Sequence[Payment]) -> None:
    for attempt in attempts:
        if attempt.status is PaymentStatus.SUBMITTING and tx.now - attempt.created_at < SUBMITTING_AT_MOST:
            raise SessionBusy("Another payment of this session is being started at this moment.")
        if attempt.status in IN_DOUBT:
            raise PaymentOutcomeUnknown("An earlier payment may have gone through. Do not pay again: we are asking.")


def _write_down(
    tx: Transaction, runtime: Runtime, session: CheckoutSession, reference: str, provider_name: str, *, via_page: bool
) -> Payment:
    capabilities = runtime.provider(provider_name).capabilities
    payment = Payment(
        id=new_id(),
        session_id=session.id,
        agency_id=session.agency_id,
        provider=provider_name,
        lands_on=_landing(tx, session, provider_name, in_bank=capabilities.lands_in_bank),
        status=PaymentStatus.SUBMITTING,
        amount_minor=session.amount_minor,
        currency=session.currency,
        reference=reference,
        provider_payment_id=None,
        provider_transaction_id=None,
        next_action=None,
        code="",
        via_page=via_page,
        credited_minor=0,
        refunded_minor=0,
        created_at=tx.now,
        expires_at=tx.now + capabilities.payment_lifetime,
        succeeded_at=None,
        business_date=None,
        checks=0,
    )
    payments.add(tx, payment, next_check_at=tx.now + CHECK_AFTER[0])
    checkouts.extend(tx, session.id, payment.expires_at)
    return payment


def _landing(tx: Transaction, session: CheckoutSession, provider_name: str, *, in_bank: bool) -> str:
    """The account is fixed with the attempt: an agency that changes its bank later does not move what was paid."""
    if in_bank:
        return ledger.bank(catalogue.agency(tx, session.agency_id).bank_account)
    return ledger.in_transit(provider_name)


def _create(
    runtime: Runtime,
    calls: Calls,
    session: CheckoutSession,
    payment: Payment,
    bills: Sequence[Bill],
    references: Mapping[str, str],
) -> PaymentOutcome | Exception:
    """The provider's answer; an exception if nothing was sent. Whatever else goes wrong leaves the outcome unknown."""
    provider: PaymentProvider = runtime.provider(payment.provider)
    back = f"{runtime.public_url}/providers/{payment.provider}/return?payment={payment.id}"
    command = CreatePayment(
        payment_id=payment.id,
        reference=payment.reference,
        amount=payment.amount,
        title=f"Fee {grouped(payment.reference)}",
        locale=session.locale,
        idempotency_key=str(payment.id),
        return_url=back,
        cancel_url=back,
        webhook_url=f"{runtime.public_url}/providers/{payment.provider}/webhook",
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        payee=bills[0].payee,
        bills=bills,
        references=references,
    )
    try:
        if provider.capabilities.begins_unsent:
            return provider.create_payment(command)
        return calls.make(Operation.CREATE, lambda: provider.create_payment(command))
    except NOTHING_HAPPENED as error:
        return error
    except Rejected as error:
        return PaymentOutcome(PaymentStatus.DECLINED, code=error.code)
    except Exception as error:  # a fault in an adapter, too, may come after the request was sent
        log.warning("payment outcome unknown", payment=str(payment.id), error=type(error).__name__)
        return PaymentOutcome(PaymentStatus.UNKNOWN, code=getattr(error, "code", ""))


def _record(tx: Transaction, payment: Payment, outcome: PaymentOutcome) -> None:
    observation = PaymentObservation(
        status=outcome.status,
        occurred_at=tx.now,
        payment_id=payment.id,
        provider_payment_id=outcome.provider_payment_id,
        amount=payment.amount,
        code=outcome.code,
    )
    apply_observation(tx, payment.provider, observation, "api")
    if outcome.next_action is not None:
        payments.change(tx, payment.id, next_action=_as_json(outcome.next_action))


def _give_up(runtime: Runtime, calls: Calls, request: Request, payment: Payment, error: Exception) -> None:
    """Nothing was sent, so the attempt is over and the caller's key is free for another try."""
    code = getattr(error, "code", "") or type(error).__name__
    with runtime.db.transaction() as tx:
        calls.keep(tx)
        observation = PaymentObservation(PaymentStatus.CANCELLED, tx.now, payment_id=payment.id, code=code)
        apply_observation(tx, payment.provider, observation, "api")
        idempotency.forget(tx, request)


def _as_problem(provider: str, error: Exception) -> Exception:
    if isinstance(error, Unsupported):
        return MethodNotOffered(f"{provider} cannot take this payment: {error}", fields={"provider": "cannot take it"})
    return ProviderUnavailable(f"{provider} cannot be reached. Nothing was paid; try again or choose another method.")


def _resume(tx: Transaction, request: Request, known: Unfinished, render: Callable[[Payment], Answer]) -> Answer:
    """The same request again after a crash between the two transactions: the attempt as it stands is the answer."""
    payment = payments.find(tx, known.subject_id)
    if payment is None or (
        payment.status is PaymentStatus.SUBMITTING and tx.now - payment.created_at < SUBMITTING_AT_MOST
    ):
        raise RequestInFlight("A request with this Idempotency-Key is being carried out. Ask again in a moment.")
    answer = render(payment)
    if payment.status is not PaymentStatus.SUBMITTING:
        idempotency.keep(tx, request, answer)
    return answer


def _as_json(action: NextAction) -> dict[str, Any]:
    if isinstance(action, Redirect):
        return {"type": "redirect", "url": action.url}
    shown = {
        "reference": action.reference,
        "account": action.account,
        "account_name": action.account_name,
        "amount_minor": action.amount.amount_minor,
        "currency": action.amount.currency,
        "expires_at": action.expires_at.isoformat(),
    }
    if isinstance(action, ShowQr):
        return {"type": "show_qr", "payload": action.payload} | shown
    return {"type": "show_transfer", "slip_line": action.slip_line} | shown
