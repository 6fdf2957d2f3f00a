"""What a payment brought in and on which accounts it still lies, so that a refund is taken from where it went.

The payer's credit comes first, for that money never bought anything; then the invoices' revenue, line by line.
"""

from uuid import UUID

from gateway.domain.ledger import PAYER_CREDIT, fees
from gateway.domain.payment import Payment
from gateway.domain.refund import Source
from gateway.store import invoices, payments, refunds
from gateway.store.database import Transaction


def refund_sources(tx: Transaction, payment: Payment) -> list[Source]:
    """In the order in which refunds draw on them; amounts in minor units of the payment's currency."""
    taken = refunds.taken_from(tx, payment.id)
    brought: list[tuple[UUID | None, str, int]] = [(None, PAYER_CREDIT, payment.credited_minor)]
    for allocation in payments.allocations_of(tx, payment.id):
        brought += _by_account(tx, allocation.invoice_id, allocation.amount_minor)
    return [
        Source(invoice_id, account, amount - taken.get((invoice_id, account), 0))
        for invoice_id, account, amount in brought
    ]


def _by_account(tx: Transaction, invoice_id: UUID, amount_minor: int) -> list[tuple[UUID | None, str, int]]:
    """The part of an invoice that the payment paid, spread over the invoice's lines in their order."""
    invoice = invoices.find(tx, invoice_id)
    spread: dict[str, int] = {}
    for line in invoice.lines if invoice else ():
        part = min(amount_minor, line.amount.amount_minor)
        account = fees(line.revenue_code)
        spread[account] = spread.get(account, 0) + part
        amount_minor -= part
    return [(invoice_id, account, part) for account, part in spread.items()]
