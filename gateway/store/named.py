"""Whose the names are that a settlement may have garbled: payments by references and by pieces of their ids."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# A payment may be for several invoices, and an invoice may have had several payments: each is named by the other. One
# that was declined or cancelled moved nothing.
_BY_REFERENCE = text(
    """
    SELECT DISTINCT invoice.reference AS name, payment.id, payment.amount_minor, payment.currency
      FROM unnest(CAST(:references AS text[])) AS wanted (reference)
      JOIN invoices AS invoice ON invoice.reference = wanted.reference
      JOIN checkout_invoices AS paid ON paid.invoice_id = invoice.id
      JOIN payments AS payment ON payment.session_id = paid.session_id AND payment.provider = :provider
       AND payment.status NOT IN ('declined', 'cancelled')
     ORDER BY name, payment.id
    """
)

_BY_PIECE = text(
    """
    SELECT wanted.first AS name, payment.id, payment.amount_minor, payment.currency
      FROM unnest(CAST(:first AS uuid[]), CAST(:last AS uuid[])) AS wanted (first, last)
      JOIN payments AS payment ON payment.id BETWEEN wanted.first AND wanted.last AND payment.provider = :provider
     ORDER BY wanted.first, payment.id
    """
)


def payments_of_references(tx: Transaction, provider: str, references: Sequence[str]) -> list[Row[Any]]:
    """The provider's payments for the invoices with these references that may have moved money: `name` is the
    reference, with id, amount_minor and currency of the payment."""
    return tx.all(_BY_REFERENCE, {"provider": provider, "references": list(references)})


def payments_between(tx: Transaction, provider: str, pieces: Sequence[tuple[UUID, UUID]]) -> list[Row[Any]]:
    """The provider's payments whose ids lie in one of `pieces`, from the first to the last of it: `name` is the first,
    with id, amount_minor and currency of the payment."""
    first, last = [piece[0] for piece in pieces], [piece[1] for piece in pieces]
    return tx.all(_BY_PIECE, {"provider": provider, "first": first, "last": last})
