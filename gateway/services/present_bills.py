"""A provider's platform asks what is due for a dossier, to show it to the payer itself: prove who asks, and tell.

Only agencies that have enabled the provider are spoken of, and nothing that says who owes. What a payment may already
have paid is not called due: its payer would pay it twice.
"""

from collections.abc import Sequence

import structlog

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.fees import LANGUAGES
from gateway.domain.invoice import Invoice
from gateway.ports.provider import (
    Bill,
    BillPresenter,
    BillRequest,
    RawRequest,
    RejectionReason,
    Reply,
    WebhookRejected,
)
from gateway.services.bills import bills_of
from gateway.services.runtime import Runtime
from gateway.store import invoices
from gateway.store.database import Transaction

log = structlog.get_logger()

AT_MOST = 20  # a dossier has one invoice or a few; a number that stands for many cases must not cost a search of them
LOCALE = LANGUAGES[0]  # a platform asks for all its payers, so in the first language of the country


class BillRequestRefused(Invalid):
    """Who asks what is due is not who it should be, or asks in another form than agreed. Nothing was told."""

    code = "bill_request_refused"

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(detail, fields={"signature": reason.value})


class NoBills(NotFound):
    """The provider's platform does not ask for bills."""

    code = "no_bills"


def present_bills(runtime: Runtime, provider_name: str, request: RawRequest) -> Reply:
    """What is due, in the provider's own words. Raises NoBills, or BillRequestRefused."""
    provider = runtime.provider(provider_name)
    if not isinstance(provider, BillPresenter):
        raise NoBills(f"{provider_name} does not ask what is due.")
    try:
        asked = provider.read_bill_request(request, runtime.db.now())
    except WebhookRejected as error:
        log.warning("bill request refused", provider=provider_name, reason=error.reason)
        raise BillRequestRefused(error.reason, f"The request was refused: {error}.") from error
    with runtime.db.read() as tx:
        found = _found(tx, provider_name, asked)
    return provider.write_bills(found)


def _found(tx: Transaction, provider_name: str, asked: BillRequest) -> Sequence[Bill] | None:
    """None if there is no such dossier; empty if nothing is due for it."""
    known = invoices.of_dossier(tx, asked.dossier, provider_name, asked.agency_code, AT_MOST)
    if not known:
        return None
    doubtful = invoices.in_doubt(tx, [invoice.id for invoice in known])
    due = [invoice for invoice in known if invoice.amount_due_minor and invoice.id not in doubtful]
    return [_bill(tx, invoice) for invoice in due]


def _bill(tx: Transaction, invoice: Invoice) -> Bill:
    (bill,) = bills_of(tx, invoice.agency_id, [(invoice, invoice.amount_due_minor)], LOCALE)
    return bill
