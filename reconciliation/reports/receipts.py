"""The day's receipts for the tax authority: a row for each fee on them, in the columns that it asks for.

A receipt is of the day on which it was issued, which follows its payment within seconds. There are no adjustments of
receipts, so those columns are empty. The note is the invoice's reference.
"""

from datetime import date
from uuid import UUID

from gateway.domain.money import Money
from gateway.domain.receipt import DIGITS
from gateway.store import payouts
from gateway.store.database import Transaction
from reconciliation.reports.document import Cell, Column, Document, Table, Type, shown
from reconciliation.reports.facts import Facts, with_sha256
from reconciliation.reports.words import LANGUAGES, word

RECEIPTS = (
    Column("order", Type.COUNT, 8),
    Column("form_code", width=10),
    Column("series", width=10),
    Column("number", width=10),
    Column("date", Type.DAY, 12),
    Column("fee_name", width=30),
    Column("amount", Type.AMOUNT),
    Column("rate", Type.AMOUNT),
    Column("status", width=8),
    Column("adjustment_period", width=10),
    Column("related_receipt", width=10),
    Column("explanation", width=16),
    Column("note", width=20),
    Column("currency", width=8),
)


def receipts_facts(tx: Transaction, day: date, agency_id: UUID | None) -> Facts:
    """Of one agency, or of all."""
    rows = [
        {
            "order": number,
            "agency": row.agency,
            "form": row.receipt_form,
            "series": row.series,
            "number": f"{row.number:0{DIGITS}}",
            "date": day.isoformat(),
            "fee": row.fee_item,
            "titles": row.titles or {},
            "currency": row.currency,
            "amount_minor": row.amount_minor,
            "rate_minor": _rate(row.amount_minor + row.reduction_minor, row.quantity),
            "status": "new",
            "reference": row.reference,
        }
        for number, row in enumerate(payouts.receipt_lines(tx, agency_id, day), start=1)
    ]
    facts: Facts = {"business_date": day.isoformat(), "receipts": rows}
    return with_sha256(facts)


def receipts_document(facts: Facts, language: str) -> Document:
    day = date.fromisoformat(facts["business_date"])
    return Document(
        title=f"{word('receipts_report', language)} {shown(day, language)}",
        language=language,
        day=day,
        figures=[(word("date", language), day), (word("count", language), len(facts["receipts"]))],
        tables=[Table("receipts", RECEIPTS, [_row(receipt, day, language) for receipt in facts["receipts"]])],
        sha256=facts["sha256"],
    )


def _rate(amount_minor: int, quantity: int) -> int | None:
    """Of one unit, before reductions; None where units differ in price."""
    return amount_minor // quantity if quantity and amount_minor % quantity == 0 else None


def _row(receipt: Facts, day: date, language: str) -> list[Cell]:
    currency, rate = receipt["currency"], receipt["rate_minor"]
    name = receipt["titles"].get(language) or receipt["titles"].get(LANGUAGES[0]) or receipt["fee"]
    amounts = [Money(receipt["amount_minor"], currency), None if rate is None else Money(rate, currency)]
    status = word(receipt["status"], language)
    return [
        receipt["order"], receipt["form"], receipt["series"], receipt["number"], day, name, *amounts, status,
        "", "", "", receipt["reference"], currency,
    ]  # fmt: skip
