"""A trace request (tra soát) or a dispute as a letter: what is asked of the bank or the provider, and what we know.

It names the movement by references, amounts and days of both sides. It never says who paid: not by name, and not by the
words of a transfer, in which names stand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.services.resolve_discrepancy import DiscrepancyNotFound
from gateway.services.work_on_discrepancy import TraceNotFound
from gateway.store import catalogue, resolutions
from gateway.store.database import Transaction
from reconciliation.explain import explain
from reconciliation.reports.document import Cell, Column, Document, Table
from reconciliation.reports.words import word

SIDES = (Column("field", width=24), Column("ledger", width=34), Column("statement", width=34))

REQUESTS: Mapping[tuple[str, str], str] = {
    ("trace", "vi"): "Đề nghị quý đơn vị kiểm tra và trả lời bằng văn bản về giao dịch nêu trên: tiền đã được ghi có,"
    " quyết toán hay hoàn trả chưa, ngày nào, vào tài khoản nào, theo số tham chiếu nào.",
    (
        "trace",
        "en",
    ): "Please check the movement above and tell us in writing what became of it: whether it was"
    " credited, settled or returned, on which day, to which account, and under which reference.",
    ("dispute", "vi"): "Chúng tôi không đồng ý với số liệu nêu trên của quý đơn vị. Đề nghị kiểm tra, điều chỉnh, hoặc"
    " gửi chứng từ chứng minh.",
    ("dispute", "en"): "We contest your figure above. Please check it, and correct it or send us the record that proves"
    " it.",
}
"""What is asked, by the kind of the trace and the language."""

FIELDS = (
    "transaction",
    "our_reference",
    "refund",
    "amount",
    "fee",
    "business_date",
    "moment",
    "batch",
    "line",
    "account",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """`agency` is the name of whose money it is, by language; empty if it is nobody's here. `opened_on` its day."""

    trace: Row[Any]
    found: Row[Any]
    agency: Mapping[str, str]
    opened_on: date


def letter_of(tx: Transaction, trace_id: UUID, agency_id: UUID | None) -> Letter:
    """Raises TraceNotFound, also for another agency's."""
    trace = resolutions.find_trace(tx, trace_id)
    found = resolutions.find_discrepancy(tx, trace.discrepancy_id, agency_id) if trace else None
    if trace is None or found is None:
        raise TraceNotFound(f"There is no trace {trace_id}.")
    if found.agency_id is None:
        return Letter(trace, found, {}, trace.opened_at.date())
    agency = catalogue.agency(tx, found.agency_id)
    return Letter(trace, found, agency.names, agency.business_date(trace.opened_at))


def latest_letter(tx: Transaction, discrepancy_id: UUID, agency_id: UUID | None) -> Letter:
    """Of the trace that was opened last about it. Raises DiscrepancyNotFound, or TraceNotFound if none was."""
    if resolutions.find_discrepancy(tx, discrepancy_id, agency_id) is None:
        raise DiscrepancyNotFound(f"There is no discrepancy {discrepancy_id}.")
    traces = resolutions.traces_of(tx, discrepancy_id)
    if not traces:
        raise TraceNotFound("No trace was opened about this discrepancy. Open one first.")
    return letter_of(tx, traces[-1].id, agency_id)


def trace_document(letter: Letter, language: str) -> Document:
    trace, found = letter.trace, letter.found
    amount = Money(found.amount_minor, found.currency)
    told = explain(DiscrepancyKind(found.kind), amount, found.provider, found.evidence)[language]
    about: list[tuple[str, Cell]] = [
        ("addressee", trace.addressee),
        ("agency", letter.agency.get(language) or next(iter(letter.agency.values()), "-")),
        ("our_number", str(trace.id)),
        ("opened_on", letter.opened_on),
        ("answer_by", trace.due_on),
        ("provider", found.provider),
        ("kind", word(found.kind, language)),
        ("business_date", found.business_date),
        ("amount", amount),
    ]
    return Document(
        title=word("trace_request" if trace.kind == "trace" else "dispute_letter", language),
        language=language,
        day=letter.opened_on,
        figures=[(word(name, language), value) for name, value in about],
        tables=[Table("both_sides", SIDES, _sides(found, language))],
        notes=(told["text"], REQUESTS[trace.kind, language]),
    )


def _sides(found: Row[Any], language: str) -> list[list[Cell]]:
    """What each side says, field by field; a field that neither side has is left out."""
    ours, theirs = _ledger(found), _statement(found)
    names = [name for name in FIELDS if ours.get(name) is not None or theirs.get(name) is not None]
    return [[word(name, language), ours.get(name), theirs.get(name)] for name in names]


def _ledger(found: Row[Any]) -> dict[str, Cell]:
    evidence = found.evidence
    entry = evidence.get("ledger") or {}
    day = entry.get("business_date")
    return {
        "transaction": entry.get("reference") or (None if evidence.get("settlement") else _transaction(evidence)),
        "our_reference": str(found.payment_id) if found.payment_id else None,
        "refund": str(found.refund_id) if found.refund_id else None,
        "amount": _amount(entry.get("amount_minor"), entry.get("currency")) or _figure(evidence, "expected", found),
        "business_date": date.fromisoformat(day) if day else found.business_date,
        "account": evidence.get("account"),
    }


def _statement(found: Row[Any]) -> dict[str, Cell]:
    evidence = found.evidence
    line = evidence.get("settlement") or {}
    return {
        "transaction": line.get("transaction"),
        "refund": line.get("refund"),
        "amount": _amount(line.get("gross_minor"), line.get("currency")) or _figure(evidence, "reported", found),
        "fee": _amount(line.get("fee_minor"), line.get("currency")),
        "moment": line.get("occurred_at"),
        "batch": line.get("batch"),
        "line": line.get("line_id"),
    }


def _transaction(evidence: Mapping[str, Any]) -> str | None:
    transaction: str | None = evidence.get("provider_transaction_id")
    return transaction


def _figure(evidence: Mapping[str, Any], name: str, found: Row[Any]) -> Money | None:
    return _amount(evidence.get(f"{name}_minor"), evidence.get(f"{name}_currency") or found.currency)


def _amount(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(int(minor), currency)
