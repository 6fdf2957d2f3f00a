"""From what the matching found to what is written down: the key, the money in question and the evidence.

The key names what it is about, so that the same finding of the next run, or of the gateway itself when the news came,
is the same discrepancy. The evidence holds both sides as they were seen, side by side, and no personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.matching.engine import Finding
from reconciliation.matching.sides import Entry, Line, place

K = DiscrepancyKind

CARRIED = frozenset(
    {
        K.MISSING_IN_GATEWAY,
        K.MISSING_AT_PROVIDER,
        K.AMOUNT_MISMATCH,
        K.CURRENCY_MISMATCH,
        K.STATUS_MISMATCH,
        K.DUPLICATE_AT_PROVIDER,
        K.REFUND_UNKNOWN,
        K.TIMING,
    }
)
"""What a line or an entry without a match is called. Every run finds it again until it is explained."""


@dataclass(frozen=True, slots=True)
class Batch:
    id: UUID
    batch_id: str
    business_date: date


@dataclass(frozen=True, slots=True)
class Context:
    """What the matching knows by its place. `lands_in_bank`: the provider's settlement is a bank's statement."""

    run_id: UUID
    provider: str
    day: date
    batches: Sequence[Batch]
    agencies: Sequence[UUID]
    lands_in_bank: bool = False


def discrepancy_of(finding: Finding, context: Context) -> NewDiscrepancy:
    line, entry = finding.line, finding.entry
    batch, number = (None, None) if line is None else _place(line.line, context)
    agency = entry.agency if entry else line.agency if line else None
    amount_minor, currency = _amount(finding)
    return NewDiscrepancy(
        key=_key(finding, context),
        kind=finding.kind,
        provider=context.provider,
        agency_id=None if agency is None else context.agencies[agency],
        business_date=entry.business_date if entry else batch.business_date if batch else context.day,
        run_id=context.run_id,
        payment_id=(entry and entry.payment) or (line and line.payment) or None,
        refund_id=(entry and entry.refund) or (line and line.refund) or None,
        amount_minor=amount_minor,
        currency=currency,
        evidence=_evidence(finding, batch, number) | _proposal(finding, context),
        batch=batch.id if batch else None,
        line=number,
        entry_id=entry.entry if entry else None,
    )


def payout_findings(batches: Sequence[Row[Any]], context: Context) -> list[NewDiscrepancy]:
    """The batches whose stated total is not what their lines add up to. A row for each currency of a batch."""
    found = []
    for batch_id, total in {row.batch_id: row for row in batches if row.total_minor is not None}.items():
        same = [row for row in batches if row.batch_id == batch_id and row.currency == total.total_currency]
        gross, fee = sum(int(row.gross_minor) for row in same), sum(int(row.fee_minor) for row in same)
        over = total.total_minor - (gross - fee)
        if over:
            settlement = {"batch": batch_id, "payout": total.payout_id, "lines": total.lines}
            settlement |= {"gross_minor": gross, "fee_minor": fee, "currency": total.total_currency}
            expected = _expected(gross - fee, total.total_currency)
            reported = _reported(total.total_minor, total.total_currency)
            kind = K.PAYOUT_OVER if over > 0 else K.PAYOUT_SHORT
            found.append(
                NewDiscrepancy(
                    key=f"{kind}:{context.provider}:{batch_id}",
                    kind=kind,
                    provider=context.provider,
                    agency_id=None,
                    business_date=total.business_date,
                    run_id=context.run_id,
                    payment_id=None,
                    refund_id=None,
                    amount_minor=over,
                    currency=total.total_currency,
                    evidence=expected | reported | {"settlement": settlement},
                )
            )
    return found


def _place(handle: int, context: Context) -> tuple[Batch, int]:
    batch, number = place(handle)
    return context.batches[batch], number


def _key(finding: Finding, context: Context) -> str:
    """For what the gateway may have opened itself, its own key: see apply_payment, apply_refund and apply_credit."""
    kind, line, entry = finding.kind, finding.line, finding.entry
    if line is None:
        return f"{kind}:{entry.entry_key}" if entry else f"{kind}:{context.provider}:{context.day}"
    if entry is None and line.reference is not None:
        if kind in (K.AMOUNT_MISMATCH, K.CURRENCY_MISMATCH) and line.payment is not None:
            return f"{kind}:payment:{line.payment}:{line.reference}"
        if kind is K.REFUND_UNKNOWN or (kind is K.MISSING_IN_GATEWAY and context.lands_in_bank):
            return f"{kind}:{context.provider}:{line.reference}"
    batch, number = _place(line.line, context)
    return f"{kind}:{context.provider}:{batch.batch_id}:{number}"


def _amount(finding: Finding) -> tuple[int, str]:
    """The money in question; towards us is positive."""
    line, entry = finding.line, finding.entry
    if line is None:
        return (entry.amount, entry.currency) if entry else (0, "")
    if finding.kind is K.FEE_MISMATCH:
        return (finding.expected_fee or 0) - line.fee, line.currency
    if finding.kind is K.AMOUNT_MISMATCH:
        return line.gross - (entry.amount if entry else line.payment_amount or 0), line.currency
    return line.gross, line.currency


def _evidence(finding: Finding, batch: Batch | None, number: int | None) -> dict[str, Any]:
    """What the explanation reads, and both sides in full."""
    line, entry = finding.line, finding.entry
    evidence: dict[str, Any] = {"provider_transaction_id": line.transaction_id if line else entry and entry.reference}
    if finding.expected_fee is not None and line:
        evidence |= _expected(finding.expected_fee, line.currency) | _reported(line.fee, line.currency)
    else:
        if entry:
            evidence |= _expected(entry.amount, entry.currency)
        elif line and line.payment_amount is not None and line.payment_currency is not None:
            evidence |= _expected(line.payment_amount, line.payment_currency)
        if line:
            evidence |= _reported(line.gross, line.currency)
    if line and batch:
        evidence["settlement"] = _of_line(line, batch, number)
    if line and line.payment_status is not None:
        evidence["payment_status"] = line.payment_status
    if entry:
        evidence["ledger"] = _of_entry(entry)
    return evidence


def _proposal(finding: Finding, context: Context) -> dict[str, Any]:
    """What it may be, by its rule and why: `entry` or `line`; `entries` or `lines` if several fit and none is proposed.

    An empty one takes the place of a proposal that an earlier run made.
    """
    proposal = finding.proposal
    if finding.line is not None and finding.entry is not None:
        return {}
    if proposal is None:
        return {"proposal": None}
    of_lines = [
        {"batch": batch.batch_id, "line": number}
        for batch, number in (_place(handle, context) for handle in proposal.lines)
    ]
    about = {"rule": proposal.rule, "why": proposal.why}
    return {
        "proposal": about | _one_or_all("entry", "entries", proposal.entries) | _one_or_all("line", "lines", of_lines)
    }


def _one_or_all(one: str, several: str, fitting: Sequence[object]) -> dict[str, object]:
    if len(fitting) == 1:
        return {one: fitting[0]}
    return {several: list(fitting)} if fitting else {}


def _expected(minor: int, currency: str) -> dict[str, Any]:
    return {"expected_minor": minor, "expected_currency": currency}


def _reported(minor: int, currency: str) -> dict[str, Any]:
    return {"reported_minor": minor, "reported_currency": currency}


def _of_line(line: Line, batch: Batch, number: int | None) -> dict[str, Any]:
    return {
        "batch": batch.batch_id,
        "line": number,
        "line_id": line.line_id,
        "kind": line.kind,
        "status": line.status,
        "settled": line.settled,
        "transaction": line.transaction_id,
        "refund": line.refund_reference,
        "merchant_reference": line.merchant,
        "gross_minor": line.gross,
        "fee_minor": line.fee,
        "currency": line.currency,
        "occurred_at": line.occurred_at,
    }


def _of_entry(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.entry_key,
        "reference": entry.reference,
        "amount_minor": entry.amount,
        "currency": entry.currency,
        "business_date": entry.business_date.isoformat(),
        "due_on": entry.due_on.isoformat(),
    }
