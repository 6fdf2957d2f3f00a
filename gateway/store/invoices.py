"""Invoices and their lines."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select, text, tuple_, update

from gateway.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from gateway.domain.ledger import in_transit
from gateway.domain.money import Money
from gateway.domain.national_references import ReferenceStyle
from gateway.domain.payment import IN_DOUBT, OPEN, PaymentStatus
from gateway.store.database import Transaction
from gateway.store.locks import locked
from gateway.store.tables.catalogue import agencies
from gateway.store.tables.invoices import checkout_invoices, invoice_lines, invoices
from gateway.store.tables.payments import payments

_COLUMNS = [invoices.c[name] for name in Invoice.__slots__ if name != "lines"]

# The payer, the invoice and its lines in one round trip. A reference that is taken inserts nothing at all.
_INSERT = text(
    """
    WITH invoice AS (
        INSERT INTO invoices (id, agency_id, reference, reference_style, reference_issuer, procedure, procedure_version,
                              channel, facts, dossier, payer_id, status, currency, total_minor, due_on, metadata,
                              created_by, created_at, business_date)
        VALUES (:id, :agency_id, :reference, :reference_style, :reference_issuer, :procedure, :procedure_version,
                :channel, CAST(:facts AS jsonb), :dossier, :payer_id, :status, :currency, :total_minor, :due_on,
                CAST(:metadata AS jsonb), :created_by, :created_at, :business_date)
        ON CONFLICT (reference) DO NOTHING
        RETURNING id, agency_id, payer_id
    ), payer AS (
        INSERT INTO payers (id, agency_id, master_key_id, wrapped_key, sealed, lookup_hashes)
        SELECT payer_id, agency_id, :master_key_id, :wrapped_key, :sealed, :lookup_hashes FROM invoice
    ), lines AS (
        INSERT INTO invoice_lines (invoice_id, position, fee_item, revenue_code, quantity, begins_minor, amount_minor,
                                   reduction_minor, legal_basis, steps)
        SELECT invoice.id, line.position, line.fee_item, line.revenue_code, line.quantity,
               sum(line.amount_minor) OVER (ORDER BY line.position) - line.amount_minor, line.amount_minor,
               line.reduction_minor, line.legal_basis, line.steps
          FROM invoice, jsonb_to_recordset(CAST(:lines AS jsonb))
               AS line (position int, fee_item text, revenue_code text, quantity bigint, amount_minor bigint,
                        reduction_minor bigint, legal_basis text, steps jsonb)
    )
    SELECT id FROM invoice
    """
)


def insert_with_payer(tx: Transaction, invoice: Invoice, payer: Mapping[str, Any]) -> bool:
    """False, and nothing written, if the invoice's reference is already taken."""
    values = {name: getattr(invoice, name) for name in Invoice.__slots__ if name != "lines"}
    lines = [
        {
            "position": position,
            "fee_item": line.fee_item,
            "revenue_code": line.revenue_code,
            "quantity": line.quantity,
            "amount_minor": line.amount.amount_minor,
            "reduction_minor": line.reduction.amount_minor,
            "legal_basis": line.legal_basis,
            "steps": list(line.steps),
        }
        for position, line in enumerate(invoice.lines, start=1)
    ]
    encoded = {"facts": json.dumps(invoice.facts), "metadata": json.dumps(invoice.metadata), "lines": json.dumps(lines)}
    return tx.one_or_none(_INSERT, {**values, **payer, **encoded}) is not None


def find(tx: Transaction, key: UUID | str, *, lock: bool = False) -> Invoice | None:
    """By id, or by canonical reference; with `lock`, no one else changes it until the transaction ends."""
    column = invoices.c.id if isinstance(key, UUID) else invoices.c.reference
    query = select(*_COLUMNS).where(column == key)
    row = tx.one_or_none(locked(query) if lock else query)
    return _with_lines(tx, [row])[0] if row else None


def by_references(tx: Transaction, references: Sequence[str]) -> list[Invoice]:
    """Those of these canonical references that exist, in their order."""
    if not references:
        return []
    found = _with_lines(tx, tx.all(select(*_COLUMNS).where(invoices.c.reference.in_(references))))
    return sorted(found, key=lambda invoice: references.index(invoice.reference))


def known_references(tx: Transaction, references: Collection[str]) -> frozenset[str]:
    """Those of these canonical references that are an invoice's."""
    query = select(invoices.c.reference).where(invoices.c.reference.in_(references))
    return frozenset(tx.execute(query).scalars()) if references else frozenset()


def hold(tx: Transaction, ids: Collection[UUID], sessions: Collection[UUID]) -> None:
    """Lock these invoices and all of these checkout sessions, in the order of ids."""
    members = select(checkout_invoices.c.invoice_id).where(checkout_invoices.c.session_id.in_(sessions))
    chosen = or_(invoices.c.id.in_(ids), invoices.c.id.in_(members))
    tx.execute(locked(select(invoices.c.id).where(chosen).order_by(invoices.c.id)))


def of_session(tx: Transaction, session_id: UUID, *, lock: bool = False) -> list[tuple[Invoice, int]]:
    """The invoices of a checkout session in its order, each with the amount to pay in this session (minor units).

    Locks are taken in the order of ids, whatever the session's order, so that two sessions cannot wait for each other.
    """
    if lock:
        members = select(checkout_invoices.c.invoice_id).where(checkout_invoices.c.session_id == session_id)
        tx.execute(locked(select(invoices.c.id).where(invoices.c.id.in_(members)).order_by(invoices.c.id)))
    rows = tx.all(
        select(checkout_invoices.c.amount_minor.label("to_pay_minor"), *_COLUMNS)
        .join(checkout_invoices, checkout_invoices.c.invoice_id == invoices.c.id)
        .where(checkout_invoices.c.session_id == session_id)
        .order_by(checkout_invoices.c.position)
    )
    return [(invoice, row.to_pay_minor) for invoice, row in zip(_with_lines(tx, rows), rows, strict=True)]


def of_dossier(tx: Transaction, dossier: str, provider: str, agency_code: str | None, limit: int) -> list[Invoice]:
    """The invoices of a dossier at the agencies that have enabled `provider`, or at one of these: the open ones first,
    then the oldest."""
    query = (
        select(*_COLUMNS)
        .join(agencies, agencies.c.id == invoices.c.agency_id)
        .where(invoices.c.dossier == dossier, agencies.c.providers.contains([provider]))
        .order_by(invoices.c.status != InvoiceStatus.OPEN, invoices.c.created_at, invoices.c.id)
        .limit(limit)
    )
    return _with_lines(tx, tx.all(query if agency_code is None else query.where(agencies.c.code == agency_code)))


def in_doubt(tx: Transaction, invoice_ids: Collection[UUID]) -> set[UUID]:
    """Those of the invoices that a payment may have paid already, or is about to, of which only its provider knows.

    A transfer that was only asked for is not about to: its code may lie on a table for days.
    """
    under_way = and_(
        payments.c.status == PaymentStatus.PENDING,
        payments.c.expires_at > tx.now,
        payments.c.lands_on.startswith(in_transit("")),
    )
    query = (
        select(checkout_invoices.c.invoice_id)
        .join(payments, payments.c.session_id == checkout_invoices.c.session_id)
        .where(checkout_invoices.c.invoice_id.in_(invoice_ids), payments.c.status.in_(IN_DOUBT) | under_way)
    )
    return {row.invoice_id for row in tx.all(query)}


def page(
    tx: Transaction,
    agency_id: UUID | None,
    *,
    status: InvoiceStatus | None = None,
    dossier: str | None = None,
    created_from: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Invoice]:
    """In the order of creation, from the one after `after` on."""
    query = select(*_COLUMNS).order_by(invoices.c.created_at, invoices.c.id).limit(limit)
    for column, value in (
        (invoices.c.agency_id, agency_id),
        (invoices.c.status, status),
        (invoices.c.dossier, dossier),
    ):
        query = query if value is None else query.where(column == value)
    if created_from is not None:
        query = query.where(invoices.c.created_at >= created_from)
    if after is not None:
        query = query.where(tuple_(invoices.c.created_at, invoices.c.id) > after)
    return _with_lines(tx, tx.all(query))


def change(tx: Transaction, invoice_id: UUID, **values: Any) -> None:
    tx.execute(update(invoices).where(invoices.c.id == invoice_id).values(**values))


def has_open_payment(tx: Transaction, invoice_id: UUID) -> bool:
    """Whether a payment that could still move money for this invoice is under way.

    None begins while the invoice is locked: whoever starts one locks the invoice first.
    """
    query = (
        select(payments.c.id)
        .join(checkout_invoices, checkout_invoices.c.session_id == payments.c.session_id)
        .where(checkout_invoices.c.invoice_id == invoice_id, payments.c.status.in_(OPEN))
        .limit(1)
    )
    return tx.one_or_none(query) is not None


def claim_overdue(tx: Transaction, agency_id: UUID, before: date, limit: int) -> list[Invoice]:
    """Open, unpaid invoices of an agency that were due before `before`, locked; those in use are passed over."""
    query = (
        select(*_COLUMNS)
        .where(
            invoices.c.agency_id == agency_id,
            invoices.c.status == InvoiceStatus.OPEN,
            invoices.c.paid_minor == 0,
            invoices.c.due_on < before,
        )
        .order_by(invoices.c.due_on)
        .limit(limit)
    )
    return _with_lines(tx, tx.all(locked(query, skip_locked=True)))


def _with_lines(tx: Transaction, rows: Sequence[Any]) -> list[Invoice]:
    if not rows:
        return []
    by_invoice: dict[UUID, list[InvoiceLine]] = {row.id: [] for row in rows}
    currencies = {row.id: row.currency for row in rows}
    query = select(invoice_lines).where(and_(invoice_lines.c.invoice_id.in_(list(by_invoice))))
    for line in tx.execute(query.order_by(invoice_lines.c.invoice_id, invoice_lines.c.position)):
        by_invoice[line.invoice_id].append(_line(line, currencies[line.invoice_id]))
    return [_invoice(row, by_invoice[row.id]) for row in rows]


def _line(row: Any, currency: str) -> InvoiceLine:
    return InvoiceLine(
        fee_item=row.fee_item,
        revenue_code=row.revenue_code,
        quantity=row.quantity,
        amount=Money(row.amount_minor, currency),
        reduction=Money(row.reduction_minor, currency),
        legal_basis=row.legal_basis,
        steps=row.steps,
    )


def _invoice(row: Any, lines: Iterable[InvoiceLine]) -> Invoice:
    values = {name: row._mapping[name] for name in Invoice.__slots__ if name != "lines"}
    habits = {"status": InvoiceStatus(row.status), "reference_style": ReferenceStyle(row.reference_style)}
    return Invoice(**{**values, **habits, "lines": tuple(lines)})
