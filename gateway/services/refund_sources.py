"""What a payment brought in and on which accounts it still lies, so that a refund is taken from where it went.

The payer's credit comes first, for that money never bought anything; then the invoices' revenue, line by line.
"""

from uuid import UUID

from gateway.domain.ledger import PAYER_CREDIT, fees
from gateway.domain.payment import Allocation, Payment
from gateway.domain.refund import Source
from gateway.store import invoices, payments, refunds
from gateway.store.database import Transaction


def refund_sources(tx: Transaction, payment: Payment) -> list[Source]:
    """In the order in which refunds draw on them; amounts in minor units of the payment's currency."""
    taken = refunds.taken_from(tx, payment.id)
    brought: list[tuple[UUID | None, str, int]] = [(None, PAYER_CREDIT, payment.credited_minor)]
    for allocation in payments.allocations_of(tx, payment.id):
        brought += _by_account(tx, allocation)
    return [
        Source(invoice_id, account, amount - taken.get((invoice_id, account), 0))
        for invoice_id, account, amount in brought
    ]


def _by_account(tx: Transaction, allocation: Allocation) -> list[tuple[UUID | None, str, int]]:
    """The part of an invoice that the payment paid, by the revenue accounts of its lines."""
    invoice = invoices.find(tx, allocation.invoice_id)
    spread: dict[str, int] = {}
    for line, part_minor in invoice.paid_lines(allocation.begins_minor, allocation.amount_minor) if invoice else ():
        account = fees(line.revenue_code)
        spread[account] = spread.get(account, 0) + part_minor
    return [(allocation.invoice_id, account, part_minor) for account, part_minor in spread.items()]
