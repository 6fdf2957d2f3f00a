"""The report of a run: the totals of both sides, the batches, every discrepancy explained, and every match.

The same run gives the same bytes: rows come in the order of their names, names are sorted, and nothing tells when the
report was made, or who asked for it. It is written page by page, so that a day of any length fits into memory.

The CSV is one table, made for spreadsheets: UTF-8 with a byte order mark, by which they know it, and CR LF. Text that
they would take for a formula has an apostrophe before it. Its rows, by the column `row`:

    total         `kind` of the run in `amount_minor` and `currency`, or in `count`
    batch         a settlement: what its lines add up to beside the total that the provider states
    discrepancy   what was found, with its explanation
    match         a line of the settlement and the ledger entry it is
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import NotFound
from gateway.domain.money import Money
from gateway.store import reconciliation, settlements
from gateway.store.database import Transaction
from reconciliation.explain import explain

PAGE = 1_000
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")

CSV_COLUMNS = (
    "row",
    "kind",
    "status",
    "business_date",
    "currency",
    "amount_minor",
    "count",
    "fee_minor",
    "expected_minor",
    "reported_minor",
    "batch",
    "line",
    "provider_transaction_id",
    "entry",
    "payment",
    "refund",
    "explanation_vi",
    "explanation_en",
    "cause_vi",
    "cause_en",
    "next_step_vi",
    "next_step_en",
)
"""Amounts are minor units of `currency`. A match's `kind` is the rule by which it was made; `expected_minor` is what we
say, `reported_minor` what the provider says."""

LEFT_OUT = frozenset({"requested_by", "report_sha256"})
"""Not in the report, which is the same whoever asks; and no report can hold its own digest."""

CURRENCY_TOTALS = ("ledger_minor", "statement_minor", "matched_minor")


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
        yield from map(discrepancy_json, rows)
        after = (rows[-1].kind, rows[-1].key)


def discrepancy_json(row: Row[Any]) -> dict[str, Any]:
    amount = Money(row.amount_minor, row.currency)
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
        "explanation": explain(DiscrepancyKind(row.kind), amount, row.provider, row.evidence),
    }


def matches_of(tx: Transaction, run_id: UUID) -> Iterator[dict[str, Any]]:
    """All that the run matched, by batch and line."""
    for batch in reconciliation.matched_batches(tx, run_id):
        line = 0
        while rows := reconciliation.page_of_matches(tx, run_id, batch, after=line, limit=PAGE):
            yield from map(_match_json, rows)
            line = rows[-1].line


def batches_of(tx: Transaction, run_id: UUID) -> list[dict[str, Any]]:
    """The settlements of the run's day, a row for each currency that their lines are in."""
    run = reconciliation.find_run(tx, run_id)
    return [_batch_json(row) for row in settlements.sums_of_day(tx, run.provider, run.business_date)] if run else []


def as_json(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """{"run": {...}, "batches": [...], "discrepancies": [...], "matches": [...]}, piece by piece."""
    run = {name: value for name, value in run_json(tx, run_id).items() if name not in LEFT_OUT}
    yield b'{"run":' + _dumped(run) + b',"batches":' + _dumped(batches_of(tx, run_id))
    for name, rows in (("discrepancies", discrepancies_of(tx, run_id)), ("matches", matches_of(tx, run_id))):
        yield f',"{name}":['.encode()
        for number, row in enumerate(rows):
            yield (b"," if number else b"") + _dumped(row)
        yield b"]"
    yield b"}\n"


def as_csv(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """The table of CSV_COLUMNS, page by page."""
    yield "\ufeff".encode()
    yield from _written([dict(zip(CSV_COLUMNS, CSV_COLUMNS, strict=True))])
    yield from _written(_total_rows(run_json(tx, run_id)))
    yield from _written(_batch_row(batch) for batch in batches_of(tx, run_id))
    yield from _written(_discrepancy_row(found) for found in discrepancies_of(tx, run_id))
    yield from _written(_match_row(match) for match in matches_of(tx, run_id))


def _match_json(row: Row[Any]) -> dict[str, Any]:
    return {
        "batch": row.batch_id,
        "line": row.line,
        "line_id": row.line_id,
        "provider_transaction_id": row.provider_transaction_id,
        "provider_refund_id": row.provider_refund_id,
        "currency": row.currency,
        "amount_minor": row.gross_minor,
        "fee_minor": row.fee_minor,
        "entry": row.entry,
        "business_date": row.business_date.isoformat(),
        "rule": row.rule,
        "evidence": row.evidence,
    }


def _batch_json(row: Row[Any]) -> dict[str, Any]:
    gross, fee = int(row.gross_minor or 0), int(row.fee_minor or 0)
    stated = row.total_minor if row.currency in (None, row.total_currency) else None
    return {
        "batch": row.batch_id,
        "payout": row.payout_id,
        "sha256": row.sha256.hex(),
        "lines": row.lines,
        "currency": row.currency or row.total_currency,
        "gross_minor": gross,
        "fee_minor": fee,
        "net_minor": gross - fee,
        "total_minor": stated,
    }


def _total_rows(run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    about = {"row": "total", "status": run["status"], "business_date": run["business_date"]}
    totals = run["totals"]
    for currency in totals.get("by_currency", ()):
        for kind in CURRENCY_TOTALS:
            yield about | {"kind": kind, "currency": currency["currency"], "amount_minor": currency[kind]}
        for kind, minor in sorted(currency["in_transit"].items()):
            yield about | {"kind": f"in_transit:{kind}", "currency": currency["currency"], "amount_minor": minor}
    yield about | {"kind": "matched", "count": totals["matched"]}
    for kind, count in sorted(totals["discrepancies"].items()):
        yield about | {"kind": f"discrepancies:{kind}", "count": count}


def _batch_row(batch: Mapping[str, Any]) -> dict[str, Any]:
    figures = {"amount_minor": batch["gross_minor"], "fee_minor": batch["fee_minor"], "count": batch["lines"]}
    totals = {"expected_minor": batch["net_minor"], "reported_minor": batch["total_minor"]}
    return {"row": "batch", "batch": batch["batch"], "currency": batch["currency"]} | figures | totals


def _match_row(match: Mapping[str, Any]) -> dict[str, Any]:
    return {**match, "row": "match", "kind": match["rule"]}


def _discrepancy_row(found: Mapping[str, Any]) -> dict[str, Any]:
    evidence = found["evidence"]
    line, entry = evidence.get("settlement") or {}, evidence.get("ledger") or {}
    words = {
        f"{column}_{language}": text[name]
        for language, text in found["explanation"].items()
        for column, name in (("explanation", "text"), ("cause", "cause"), ("next_step", "next_step"))
    }
    of_sides = {"batch": line.get("batch"), "line": line.get("line"), "entry": entry.get("entry")}
    known = {name: evidence[name] for name in CSV_COLUMNS if name in evidence}
    return {**known, **of_sides, **found, **words, "row": "discrepancy"}


def _written(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The rows as CSV, some hundreds at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for number, row in enumerate(rows, start=1):
        writer.writerow([_harmless(row.get(column)) for column in CSV_COLUMNS])
        if number % PAGE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_BEGINNINGS) else value


def _dumped(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
