"""A receipt as it is shown: to its payer whole, and to whoever checks one that it is real, without personal data.

Both are reached by a link that cannot be guessed, each by one of its own: the link in the code on a receipt is seen by
whoever is handed the paper, and must not lead to the payer's name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.errors import NotFound
from gateway.domain.fees import Procedure
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment
from gateway.domain.receipt import Receipt
from gateway.services.find import find_invoice
from gateway.services.quote_fee import parse
from gateway.services.runtime import Caller, Runtime
from gateway.store import catalogue, invoices, payments, receipts, vault
from gateway.store.database import Transaction

WHOLE, CHECK = "receipt", "receipt check"
HANDED_OUT = "the link to the receipt was handed out"


class ReceiptNotFound(NotFound):
    code = "receipt_not_found"


@dataclass(frozen=True, slots=True)
class ShownReceipt:
    """`procedure` as it was when the fee was fixed; `payments` are those that paid the invoice, the oldest first, each
    with how much of it went there, in minor units."""

    receipt: Receipt
    invoice: Invoice
    agency: Agency
    procedure: Procedure
    payments: Sequence[tuple[Payment, int]]


def receipt_url(runtime: Runtime, receipt_id: UUID) -> str:
    """Where the payer gets the receipt."""
    return f"{runtime.public_url}/receipts/{_token(runtime, WHOLE, receipt_id)}"


def check_url(runtime: Runtime, receipt_id: UUID) -> str:
    """Where anybody sees whether the receipt is real."""
    return f"{runtime.public_url}/receipts/check/{_token(runtime, CHECK, receipt_id)}"


def receipt_of_invoice(tx: Transaction, caller: Caller, key: str) -> Receipt:
    """By the invoice's id or any writing of its reference. Raises InvoiceNotFound, or ReceiptNotFound as long as it is
    not paid in full or the number is not given yet."""
    invoice = find_invoice(tx, caller, key)
    found = receipts.of_invoice(tx, invoice.id)
    if found is None:
        raise ReceiptNotFound(
            f"Invoice {invoice.reference_display} has no receipt yet: one follows soon after payment."
        )
    return found


def receipt_urls(
    tx: Transaction, runtime: Runtime, invoice_ids: Collection[UUID], *, named: bool
) -> Mapping[UUID, str]:
    """Where the payer gets the receipts of these invoices, or, if not `named`, where they are shown to be real; without
    those that have none yet."""
    found = (receipts.of_invoice(tx, invoice_id) for invoice_id in invoice_ids)
    url = receipt_url if named else check_url
    return {receipt.invoice_id: url(runtime, receipt.id) for receipt in found if receipt}


def hand_out(tx: Transaction, runtime: Runtime, caller: Caller, receipt: Receipt) -> str:
    """The link to the whole receipt, for a portal to pass on to its payer. It names the payer, so it is a reading of
    personal data, and written down as one."""
    invoice = invoices.find(tx, receipt.invoice_id)
    if invoice is not None:
        vault.log_read(tx, invoice.payer_id, caller.actor, HANDED_OUT)
    return receipt_url(runtime, receipt.id)


def show_receipt(runtime: Runtime, use: str, token: str) -> ShownReceipt:
    """`use` is WHOLE or CHECK. Raises ReceiptNotFound, whatever is wrong with the token."""
    receipt_id, _, signature = token.partition(".")
    if not runtime.tokens.matches(use, receipt_id, signature):
        raise ReceiptNotFound("There is no such receipt.")
    return shown_receipt(runtime, UUID(receipt_id))


def shown_receipt(runtime: Runtime, receipt_id: UUID) -> ShownReceipt:
    """Raises ReceiptNotFound, also as long as it has no number."""
    with runtime.db.read() as tx:
        receipt = receipts.find(tx, receipt_id)
        invoice = invoices.find(tx, receipt.invoice_id) if receipt else None
        if receipt is None or invoice is None:
            raise ReceiptNotFound("There is no such receipt.")
        version = (invoice.procedure, invoice.procedure_version)
        (row,) = catalogue.published_procedures(tx, [version])
        return ShownReceipt(
            receipt=receipt,
            invoice=invoice,
            agency=catalogue.agency(tx, receipt.agency_id),
            procedure=parse(row.sha256, row.definition),
            payments=payments.that_paid(tx, invoice.id),
        )


def payer_data(runtime: Runtime, shown: ShownReceipt) -> Mapping[str, str]:
    """For the receipt itself; empty if the payer was erased. It goes to the payer alone, so nothing is logged."""
    with runtime.db.read() as tx:
        payer = vault.find_payer(tx, shown.invoice.payer_id)
    if payer is None or payer.wrapped_key is None:
        return {}
    return runtime.vault.open_payer(shown.invoice.payer_id, payer.master_key_id, payer.wrapped_key, payer.sealed)


def _token(runtime: Runtime, use: str, receipt_id: UUID) -> str:
    return f"{receipt_id}.{runtime.tokens.sign(use, str(receipt_id))}"
