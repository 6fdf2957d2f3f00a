"""An officer's work on a discrepancy that does not end it: comment, assign, carry, trace, ask the provider again."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.payment import OPEN
from gateway.domain.resolution import AlreadyDecided
from gateway.services.ask_provider import check_payment
from gateway.services.resolve_discrepancy import lock_discrepancy
from gateway.services.runtime import Caller, Runtime
from gateway.store import catalogue, payments, resolutions
from gateway.store.database import Transaction

CARRIED_AT_MOST = timedelta(days=45)
TRACE_ANSWERED_WITHIN = timedelta(days=45)
CARRIED = frozenset({DiscrepancyKind.TIMING, DiscrepancyKind.MISSING_AT_PROVIDER, DiscrepancyKind.PAYOUT_MISSING})
"""What a later day may still bring."""


ASKED_ONCE_IN = timedelta(minutes=1)
"""A provider is asked about one payment no oftener: it counts our questions, and others wait for its answers too."""


class AskedLately(Conflict):
    """Somebody has asked a moment ago."""

    code = "asked_lately"


class TraceNotFound(NotFound):
    code = "trace_not_found"


def comment(tx: Transaction, caller: Caller, discrepancy_id: UUID, text: str) -> None:
    """Also on what is closed. Raises DiscrepancyNotFound."""
    lock_discrepancy(tx, caller, discrepancy_id)
    resolutions.add_note(tx, discrepancy_id, caller.actor, "comment", text)


def assign(tx: Transaction, caller: Caller, discrepancy_id: UUID, to: str | None) -> None:
    """Say who looks after it; None is nobody. Raises DiscrepancyNotFound."""
    lock_discrepancy(tx, caller, discrepancy_id)
    resolutions.change_discrepancy(tx, discrepancy_id, assigned_to=to)
    resolutions.add_note(tx, discrepancy_id, caller.actor, "assigned", to or "nobody")


def carry(tx: Transaction, caller: Caller, discrepancy_id: UUID, until: date, reason: str) -> None:
    """It is a matter of time: it stays open, and lists of what is to be done leave it out until `until`.

    Raises DiscrepancyNotFound, AlreadyDecided, or Invalid for another kind, a day that is over, or one too far away.
    """
    found = lock_discrepancy(tx, caller, discrepancy_id)
    if found.status != DiscrepancyStatus.OPEN:
        raise AlreadyDecided(f"Discrepancy {found.id} is {found.status}: nothing is left to wait for.")
    if DiscrepancyKind(found.kind) not in CARRIED:
        raise Invalid(f"Time does not mend a {found.kind}.", fields={"kind": f"must be one of {', '.join(CARRIED)}"})
    today = _today(tx, found)
    last = today + CARRIED_AT_MOST
    if not today < until <= last:
        raise Invalid("That is no day to wait for.", fields={"until": f"must be after today and at most {last}"})
    resolutions.change_discrepancy(tx, discrepancy_id, carried_until=until)
    resolutions.add_note(tx, discrepancy_id, caller.actor, "carried", f"{until}: {reason}")


def open_trace(tx: Transaction, caller: Caller, discrepancy_id: UUID, kind: str, addressee: str) -> UUID:
    """Ask the bank or the provider in writing where the money is (`trace`), or contest its figure (`dispute`).

    Raises DiscrepancyNotFound or AlreadyDecided.
    """
    found = lock_discrepancy(tx, caller, discrepancy_id)
    if found.status != DiscrepancyStatus.OPEN:
        raise AlreadyDecided(f"Discrepancy {found.id} is {found.status}: there is nothing to trace.")
    due_on = _today(tx, found) + TRACE_ANSWERED_WITHIN
    trace_id = resolutions.add_trace(
        tx, discrepancy_id=found.id, kind=kind, addressee=addressee, due_on=due_on, opened_by=caller.actor
    )
    resolutions.add_note(tx, found.id, caller.actor, "traced", f"{kind} {trace_id}: {addressee}")
    tx.audit(caller.actor, f"{kind}.opened", "trace", trace_id, after={"discrepancy": str(found.id)})
    return trace_id


def answer_trace(tx: Transaction, caller: Caller, trace_id: UUID, answer: str) -> None:
    """Write down what came back. Raises TraceNotFound, or AlreadyDecided if an answer is there."""
    trace = resolutions.find_trace(tx, trace_id)
    if trace is None:
        raise TraceNotFound(f"There is no trace {trace_id}.")
    lock_discrepancy(tx, caller, trace.discrepancy_id)
    trace = resolutions.find_trace(tx, trace_id)  # as it is under the lock
    if trace is None or trace.answer is not None:
        raise AlreadyDecided("This trace is answered already. Add a comment to the discrepancy instead.")
    resolutions.answer_trace(tx, trace_id, answer)
    resolutions.add_note(tx, trace.discrepancy_id, caller.actor, "traced", f"{trace.kind} {trace_id}: answered")


def _today(tx: Transaction, found: Row[Any]) -> date:
    """Where the agency is; of nobody's discrepancy in UTC."""
    return catalogue.agency(tx, found.agency_id).business_date(tx.now) if found.agency_id else tx.now.date()


def ask_again(runtime: Runtime, caller: Caller, discrepancy_id: UUID) -> str:
    """Ask the provider about the payment once more, with no transaction open, and apply what it says.

    Returns the payment's status now. Raises DiscrepancyNotFound, Invalid if there is nothing to ask about, or
    AskedLately.
    """
    with runtime.db.transaction() as tx:
        found = lock_discrepancy(tx, caller, discrepancy_id)
        payment = payments.find(tx, found.payment_id) if found.payment_id else None
        if payment is None or payment.status not in OPEN:
            raise Invalid(
                "No payment waits for the provider's word here.", fields={"discrepancy": "has nothing to ask"}
            )
        if resolutions.was_asked(tx, discrepancy_id, tx.now - ASKED_ONCE_IN):
            raise AskedLately("The provider was asked about this less than a minute ago. Wait for what it says.")
        resolutions.add_note(tx, discrepancy_id, caller.actor, "asked", f"payment {payment.id}: asked")
    check_payment(runtime, payment, "officer")
    with runtime.db.transaction() as tx:
        status = payments.get(tx, payment.id).status
        resolutions.add_note(tx, discrepancy_id, caller.actor, "asked", f"payment {payment.id}: {status}")
    return status
