"""Find a payment by whatever an officer was told of it: a number on a slip, a dossier, an id, a provider's own number.

What belongs to another agency is not found. Nothing that is found names a payer.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from gateway.domain import reference as references
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment
from gateway.services.find import find_invoice, find_payment, find_refund, find_session
from gateway.services.runtime import Caller, Runtime
from gateway.services.surface import N_
from gateway.store import invoices, payments
from gateway.store.database import Transaction

TERM_MAX = 200
FOUND_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Found:
    """`is_mistyped`: nothing was found, and the check digits of what was typed do not match. `is_cut`: there is more
    than is shown."""

    invoices: Sequence[Invoice] = ()
    payments: Sequence[Payment] = ()
    is_mistyped: bool = False
    is_cut: bool = False

    @property
    def only(self) -> Invoice | Payment | None:
        """The one thing that was found, if it is one."""
        both: list[Invoice | Payment] = [*self.invoices, *self.payments]
        return both[0] if len(both) == 1 else None


def search(tx: Transaction, runtime: Runtime, caller: Caller, term: str) -> Found:
    """Raises Invalid for a `term` that is blank or too long."""
    wanted = term.strip()
    if not wanted:
        raise Invalid("There is nothing to look for.", fields={"term": N_("Type a number or an id.")})
    if len(wanted) > TERM_MAX:
        raise Invalid("That is too long.", fields={"term": N_("Type at most 200 characters.")})
    if "\0" in wanted:
        raise Invalid("That is no number.", fields={"term": N_("Type a number or an id.")})
    try:
        return _by_id(tx, caller, UUID(wanted))
    except ValueError:
        return _by_number(tx, runtime, caller, wanted)


def _by_id(tx: Transaction, caller: Caller, id: UUID) -> Found:
    """An id is that of an invoice, a payment, a refund or a checkout session."""
    with suppress(NotFound):
        return Found(invoices=[find_invoice(tx, caller, str(id))])
    with suppress(NotFound):
        return Found(payments=[find_payment(tx, caller, id)])
    with suppress(NotFound):
        return Found(payments=[find_payment(tx, caller, find_refund(tx, caller, id).payment_id)])
    with suppress(NotFound):
        session = find_session(tx, caller, id)
        billed = [invoice for invoice, _ in invoices.of_session(tx, session.id)]
        return Found(billed, payments.of_session(tx, session.id)[:FOUND_AT_MOST])
    return Found()


def _by_number(tx: Transaction, runtime: Runtime, caller: Caller, wanted: str) -> Found:
    billed, is_mistyped = _by_reference(tx, caller, wanted)
    of_dossier = invoices.page(tx, caller.agency_id, dossier=wanted, limit=FOUND_AT_MOST + 1)
    named = [
        payment
        for payment in payments.by_provider_name(tx, list(runtime.providers), wanted)
        if caller.agency_id in (None, payment.agency_id)
    ]
    found = {invoice.id: invoice for invoice in [*billed, *of_dossier[:FOUND_AT_MOST]]}
    return Found(
        invoices=list(found.values()),
        payments=named,
        is_mistyped=is_mistyped and not found and not named,
        is_cut=len(of_dossier) > FOUND_AT_MOST,
    )


def _by_reference(tx: Transaction, caller: Caller, wanted: str) -> tuple[list[Invoice], bool]:
    """Whose reference this is, and whether it looks like a mistyped one."""
    try:
        return [find_invoice(tx, caller, wanted)], False
    except references.MistypedReference:
        return [], True
    except NotFound:
        return [], False
