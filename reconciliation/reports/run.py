"""The facts of a run: the totals of both sides, the batches, where the money belongs, every discrepancy explained and
its age, and every match.

The report as JSON ends with `sha256`, the digest of the report without that member. Every other format prints the same
digest, so that whoever holds one can check it against the JSON report.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import NotFound
from gateway.domain.money import Money
from gateway.store import assistant, bank_reports, reconciliation, reports, settlements
from gateway.store.database import Transaction
from reconciliation.assistant.opinions import with_likeliest
from reconciliation.explain import explain
from reconciliation.reports.facts import END, dumped

PAGE = 1_000

LEFT_OUT = frozenset({"requested_by", "report_sha256"})
"""Not in the report, which is the same whoever asks; and no report can hold the digest of itself as it was signed."""

BUCKETS = ((1, "0-1"), (7, "2-7"), (30, "8-30"), (None, "31+"))
"""Ages in days, each up to the number before it."""


class RunNotFound(NotFound):
    code = "run_not_found"


def run_json(tx: Transaction, run_id: UUID) -> dict[str, Any]:
    """The run as the API shows it. Raises RunNotFound."""
    run = reconciliation.find_run(tx, run_id)
    if run is None:
        raise RunNotFound(f"There is no reconciliation run {run_id}.")
    counts: dict[str, int] = {}
    for row in reconciliation.counts_of_run(tx, run_id):
        counts[row.kind] = counts.get(row.kind, 0) + row.number
    totals = {"ledger_minor": 0, "statement_minor": 0, "matched": 0, **run.totals, "discrepancies": counts}
    return {
        "id": str(run.id),
        "status": run.status,
        "provider": run.provider,
        "business_date": run.business_date.isoformat(),
        "correction": run.correction,
        "corrects": run.corrects and str(run.corrects),
        "dated": run.dated.isoformat(),
        "sign_off": _sign_off(run),
        "rules_version": run.rules_version,
        "requested_by": run.requested_by,
        "report_sha256": run.report_sha256.hex() if run.report_sha256 else None,
        "error": run.error,
        "totals": totals,
    }


def _sign_off(run: Row[Any]) -> dict[str, Any] | None:
    """Who signed, when and with what open. The digest of the report is not here, because this is in the report."""
    if run.signed_off_at is None:
        return None
    return {
        "by": run.signed_off_by,
        "at": run.signed_off_at.isoformat(),
        "note": run.note,
        "acknowledged": run.acknowledged,
    }


def discrepancies_of(tx: Transaction, run_id: UUID) -> Iterator[dict[str, Any]]:
    """All that the run found, by kind and key, read in pages so that a long day fits into memory."""
    after: tuple[str, str] | None = None
    while rows := reconciliation.page_of_findings(tx, run_id, agency_id=None, after=after, limit=PAGE):
        yield from discrepancies_json(tx, run_id, rows)
        after = (rows[-1].kind, rows[-1].key)


def discrepancies_json(tx: Transaction, run_id: UUID, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """The findings of a run, each with what the assistant thought of it then."""
    opinions = assistant.opinions_of(tx, run_id, [row.id for row in rows])
    return [discrepancy_json(row, opinions.get(row.id)) for row in rows]


def discrepancy_json(row: Row[Any], opinion: Row[Any] | None = None) -> dict[str, Any]:
    """`opinion` is the assistant's; where it knows better than the kind alone, its words are told."""
    amount = Money(row.amount_minor, row.currency)
    kind = DiscrepancyKind(row.kind)
    explanation = explain(kind, amount, row.provider, row.evidence)
    return {
        "id": str(row.id),
        "kind": row.kind,
        "status": row.status,
        "provider": row.provider,
        "business_date": row.business_date.isoformat(),
        "payment": row.payment_id and str(row.payment_id),
        "refund": row.refund_id and str(row.refund_id),
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "evidence": row.evidence,
        "explanation": explanation
        if row.evidence.get("proposal")
        else with_likeliest(explanation, opinion and opinion.cause, kind, row.evidence),
        "cause": opinion and opinion.cause,
        "group": opinion and opinion.group_key,
    }


def batches_of(tx: Transaction, run_id: UUID) -> list[dict[str, Any]]:
    """The settlements of the run's day, a row for each currency that their lines are in; of a bank account's run those
    that came there."""
    run = reconciliation.find_run(tx, run_id)
    of_day = settlements.sums_of_day(tx, run.provider, run.business_date) if run else ()
    return [_batch_json(row) for row in (*of_day, *bank_reports.batches_of_run(tx, run_id))]


def remittance_of(tx: Transaction, run_id: UUID) -> list[dict[str, Any]]:
    """Where the matched money belongs: agency, its treasury account, and its ledger account (fees:{revenue code})."""
    return [
        {
            "agency": row.agency,
            "treasury_account": row.bank_account,
            "account": row.account,
            "currency": row.currency,
            "amount_minor": int(row.amount_minor),
        }
        for row in reports.remittance_of_run(tx, run_id)
    ]


def ageing_of(tx: Transaction, run_id: UUID) -> list[dict[str, Any]]:
    """What is open, by kind and age on the run's day: how many, and the money in question without its sign."""
    run = reconciliation.find_run(tx, run_id)
    return aged(reports.ageing_of_run(tx, run_id, run.business_date)) if run else []


def aged(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    """Rows of kind, currency, days, number and amount_minor, summed up in BUCKETS."""
    sums: dict[tuple[str, str, int], tuple[int, int]] = {}
    for row in rows:
        place = next(place for place, (upto, _) in enumerate(BUCKETS) if upto is None or row.days <= upto)
        number, amount_minor = sums.get((row.kind, row.currency, place), (0, 0))
        sums[row.kind, row.currency, place] = (number + row.number, amount_minor + int(row.amount_minor))
    return [
        {"kind": kind, "days": BUCKETS[place][1], "currency": currency, "count": number, "amount_minor": amount_minor}
        for (kind, currency, place), (number, amount_minor) in sorted(sums.items())
    ]


def as_json(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """{"run": {...}, "batches": [...], "remittance": [...], "ageing": [...], "discrepancies": [...], "matches": [...],
    "sha256": "..."}, piece by piece."""
    digest = hashlib.sha256()
    for piece in _facts(tx, run_id):
        digest.update(piece)
        yield piece
    digest.update(END)
    yield f',"sha256":"{digest.hexdigest()}"'.encode() + END


def sha256_of(tx: Transaction, run_id: UUID) -> str:
    """The digest at the end of the run's JSON report."""
    digest = hashlib.sha256()
    for piece in _facts(tx, run_id):
        digest.update(piece)
    digest.update(END)
    return digest.hexdigest()


def _facts(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """The JSON report up to its digest, in pieces of some size."""
    run = {name: value for name, value in run_json(tx, run_id).items() if name not in LEFT_OUT}
    yield b'{"run":' + dumped(run)
    for name, read in (("batches", batches_of), ("remittance", remittance_of), ("ageing", ageing_of)):
        yield f',"{name}":'.encode() + dumped(read(tx, run_id))
    yield b',"discrepancies":['
    yield from joined(map(dumped, discrepancies_of(tx, run_id)), b",")
    yield b'],"matches":['
    yield from joined(reports.matches_as_json(tx, run_id), b",")
    yield b"]"


def joined(rows: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
    """The rows with the separator between them, many a piece."""
    before = b""
    while chunk := list(islice(rows, PAGE)):
        yield before + separator.join(chunk)
        before = separator


def _batch_json(row: Row[Any]) -> dict[str, Any]:
    gross, fee = int(row.gross_minor or 0), int(row.fee_minor or 0)
    stated = row.total_minor if row.currency in (None, row.total_currency) else None
    return {
        "batch": row.batch_id,
        "payout": row.payout_id,
        "version": row.version,
        "sha256": row.sha256.hex(),
        "lines": row.lines,
        "currency": row.currency or row.total_currency,
        "gross_minor": gross,
        "fee_minor": fee,
        "net_minor": gross - fee,
        "total_minor": stated,
    }
