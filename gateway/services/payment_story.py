"""The story of an invoice or a payment, from what was owed to what stands in the ledger, and who did each thing.

It is put together from every table that remembers a part of it. Nothing in it names the payer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.agency import Agency
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund
from gateway.services.find import find_invoice, find_payment
from gateway.services.name_actors import names_of
from gateway.services.runtime import Caller
from gateway.services.show_checkout import Bill, bills_of
from gateway.store import catalogue, invoices, ledger, payments, refunds, stories
from gateway.store.database import Transaction

READ_AT_MOST = 500
ATTEMPTS_AT_MOST = 20


class What(StrEnum):
    """What kind of thing happened. In this order at one and the same instant."""

    DONE = "done"  # somebody did something: a record of the audit trail
    BEGUN = "begun"  # an attempt to pay
    LEARNT = "learnt"  # what a provider or a bank said of a payment
    BOOKED = "booked"  # an entry of the ledger
    RECEIPT = "receipt"
    DISPUTE = "dispute"
    DISPUTE_CLOSED = "dispute_closed"
    DISCREPANCY = "discrepancy"
    DISCREPANCY_CLOSED = "discrepancy_closed"
    TOLD = "told"  # an event for portals, with what became of its deliveries


ORDER = {what: place for place, what in enumerate(What)}


@dataclass(frozen=True, slots=True)
class Happening:
    """`facts` is the row or the thing behind it; of TOLD the event's rows, one an endpoint."""

    at: datetime
    what: What
    facts: Any


@dataclass(frozen=True, slots=True)
class Story:
    """`names` are those of the officers and keys in it, by actor. `is_cut`: there is more than is read at once."""

    agency: Agency
    bills: Sequence[Bill]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    disputes: Sequence[Row[Any]]
    discrepancies: Sequence[Row[Any]]
    receipts: Sequence[Row[Any]]
    happenings: Sequence[Happening]
    names: Mapping[str, str]
    is_cut: bool


def story_of_payment(tx: Transaction, caller: Caller, payment_id: UUID) -> Story:
    """Raises PaymentNotFound."""
    payment = find_payment(tx, caller, payment_id)
    return _told(tx, invoices.of_session(tx, payment.session_id), [payment])


def story_of_invoice(tx: Transaction, caller: Caller, invoice_id: UUID) -> Story:
    """With every attempt to pay it. Raises InvoiceNotFound."""
    invoice = find_invoice(tx, caller, str(invoice_id))
    return _told(tx, [(invoice, invoice.total_minor)], payments.of_invoice(tx, invoice.id, ATTEMPTS_AT_MOST))


def _told(tx: Transaction, billed: Sequence[tuple[Invoice, int]], attempts: Sequence[Payment]) -> Story:
    ids = [payment.id for payment in attempts]
    invoice_ids = [invoice.id for invoice, _ in billed]
    given_back = [refund for id in ids for refund in refunds.of_payment(tx, id)]
    contested = [row for id in ids for row in refunds.disputes_of(tx, id)]
    faults = stories.discrepancies_about(tx, ids, READ_AT_MOST)
    receipts = stories.receipts_of(tx, invoice_ids)
    subjects = [
        *(("invoice", id) for id in invoice_ids),
        *(("payment", id) for id in ids),
        *(("checkout_session", id) for id in dict.fromkeys(payment.session_id for payment in attempts)),
        *(("refund", refund.id) for refund in given_back),
    ]
    audits = stories.audits_about(tx, subjects, READ_AT_MOST)
    learnt = stories.learnt_about(tx, ids, READ_AT_MOST)
    about = [*invoice_ids, *ids, *(refund.id for refund in given_back), *(row.id for row in faults)]
    booked = ledger.entries(tx, stories.entry_ids_about(tx, about, READ_AT_MOST))
    told = stories.told_about(tx, [*invoice_ids, *ids], READ_AT_MOST)
    happenings = [
        *(Happening(row.at, What.DONE, row) for row in audits),
        *(Happening(payment.created_at, What.BEGUN, payment) for payment in attempts),
        *(Happening(row.received_at, What.LEARNT, row) for row in learnt),
        *(Happening(row.posted_at, What.BOOKED, row) for row in booked),
        *(Happening(row.issued_at, What.RECEIPT, row) for row in receipts if row.issued_at),
        *_opened_and_closed(contested, What.DISPUTE, What.DISPUTE_CLOSED),
        *_opened_and_closed(faults, What.DISCREPANCY, What.DISCREPANCY_CLOSED),
        *(_telling(list(rows)) for _, rows in groupby(told, lambda row: row.id)),
    ]
    agency_id = billed[0][0].agency_id
    return Story(
        agency=catalogue.agency(tx, agency_id),
        bills=bills_of(tx, billed),
        payments=attempts,
        refunds=given_back,
        disputes=contested,
        discrepancies=faults,
        receipts=receipts,
        happenings=sorted(happenings, key=lambda each: (each.at, ORDER[each.what])),
        names=names_of(tx, [*(row.actor for row in audits), *_deciders(given_back)]),
        is_cut=any(len(rows) == READ_AT_MOST for rows in (audits, learnt, booked, told, faults)),
    )


def _opened_and_closed(rows: Sequence[Row[Any]], opened: What, closed: What) -> Iterator[Happening]:
    for row in rows:
        yield Happening(row.opened_at, opened, row)
        if row.closed_at is not None:
            yield Happening(row.closed_at, closed, row)


def _telling(rows: Sequence[Row[Any]]) -> Happening:
    return Happening(rows[0].occurred_at, What.TOLD, rows)


def _deciders(given_back: Sequence[Refund]) -> Iterator[str | None]:
    for refund in given_back:
        yield refund.requested_by
        yield refund.decided_by
