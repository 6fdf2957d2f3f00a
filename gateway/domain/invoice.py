"""The life of a fee invoice: open until it is paid in full, voided, or past its time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.errors import Conflict
from gateway.domain.money import Money
from gateway.domain.national_references import SLIP_LINE, ReferenceStyle, displayed, renderings
from gateway.domain.states import Graph


class InvoiceStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    EXPIRED = "expired"


S = InvoiceStatus
GRAPH: Graph[InvoiceStatus] = {
    S.OPEN: frozenset({S.PAID, S.VOID, S.EXPIRED}),
    S.PAID: frozenset(),
    S.VOID: frozenset(),
    S.EXPIRED: frozenset(),
}


class InvoiceAlreadyPaid(Conflict):
    code = "invoice_already_paid"


class InvoiceClosed(Conflict):
    code = "invoice_closed"


class InvoiceInPayment(Conflict):
    """A payment for it has begun and is not resolved, so its terms must not change now."""

    code = "invoice_in_payment"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """What one fee item asks for. `amount` is after its `reduction`; `steps` explain it in each language."""

    fee_item: str
    revenue_code: str
    quantity: int
    amount: Money
    reduction: Money
    legal_basis: str
    steps: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Invoice:
    """A fee invoice as it stands. Amounts are minor units of `currency`; who owes it is known to the vault alone.

    `reference` is canonical; its payer sees it in `reference_style`, beside it the `reference_issuer` of the agency.
    `assisted`: an officer helped to pay it at a counter.
    """

    id: UUID
    agency_id: UUID
    reference: str
    reference_style: ReferenceStyle
    reference_issuer: str
    procedure: str
    procedure_version: int
    channel: str
    facts: Mapping[str, Any]
    dossier: str
    payer_id: UUID
    status: InvoiceStatus
    currency: str
    total_minor: int
    paid_minor: int
    refunded_minor: int
    due_on: date | None
    assisted: bool
    metadata: Mapping[str, Any]
    created_by: UUID
    created_at: datetime
    business_date: date
    lines: Sequence[InvoiceLine] = ()

    @property
    def reference_display(self) -> str:
        return displayed(self.reference, self.reference_style, self.reference_issuer)

    @property
    def references(self) -> dict[str, str]:
        """Every writing of the reference by which the invoice is found, by its name."""
        return renderings(self.reference, self.reference_style, self.reference_issuer)

    @property
    def slip_line(self) -> str:
        """What a payment slip of the agency's country is read by; blank where there is no such thing."""
        return self.references.get(SLIP_LINE, "")

    @property
    def amount_due_minor(self) -> int:
        """What a payer may pay now: nothing, once the invoice is closed."""
        return self.total_minor - self.paid_minor if self.status is S.OPEN else 0

    def money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)

    @property
    def total(self) -> Money:
        return self.money(self.total_minor)

    @property
    def due(self) -> Money:
        return Money(self.amount_due_minor, self.currency)

    @property
    def revenue(self) -> list[tuple[str, Money]]:
        """The amounts by revenue code, as the ledger books them."""
        return [(line.revenue_code, line.amount) for line in self.lines]

    def paid_lines(self, begins_minor: int, amount_minor: int) -> Iterator[tuple[InvoiceLine, int]]:
        """The lines that `amount_minor` pays where `begins_minor` is paid before, and how many minor units of each.

        An invoice that is paid in parts is paid line by line, in their order.
        """
        ends_minor, line_begins = begins_minor + amount_minor, 0
        for line in self.lines:
            line_ends = line_begins + line.amount.amount_minor
            part_minor = min(ends_minor, line_ends) - max(begins_minor, line_begins)
            if part_minor > 0:
                yield line, part_minor
            line_begins = line_ends


def check_payable(invoice: Invoice) -> None:
    """Raises InvoiceAlreadyPaid or InvoiceClosed unless something can be paid on the invoice."""
    if invoice.status is S.PAID:
        raise InvoiceAlreadyPaid(f"Invoice {invoice.reference_display} is already paid. Nothing more is due.")
    if invoice.status is not S.OPEN:
        raise InvoiceClosed(f"Invoice {invoice.reference_display} is {invoice.status}. Ask the agency for a new one.")
