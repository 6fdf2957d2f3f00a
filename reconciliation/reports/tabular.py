"""Reports as CSV, each one table, made for spreadsheets, written page by page so that any day fits into memory.

UTF-8 with a byte order mark, by which spreadsheets know it, and CR LF. Text that they would take for a formula has an
apostrophe before it. The rows of a run's report, by the column `row`:

    total         `kind` of the run in `amount_minor` and `currency`, or in `count`
    batch         a settlement: what its lines add up to beside the total that the provider states
    change        how many lines of a batch that was told anew, or came since the day was last run, were added, are
                  gone or changed, and what came of it
    remittance    what was matched by the ledger account that it belongs to (`entry`, with its agency), and in `batch`
                  the treasury account to credit
    ageing        how many discrepancies of a `kind` are open, since how many days (`status`), and over how much
    discrepancy   what was found, with its explanation
    match         a line of the settlement and the ledger entry it is, or the entries that it is together
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any
from uuid import UUID

from gateway.domain.money import Money
from gateway.store.database import Transaction
from gateway.store.reports import FORMULA_BEGINNINGS, matches_as_csv
from reconciliation.reports.document import Column, Document, Table, Type
from reconciliation.reports.run import PAGE, ageing_of, batches_of, discrepancies_of, joined, remittance_of, run_json

BYTE_ORDER_MARK = "\ufeff".encode()
LINE_END = "\r\n"

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
    "cause",
    "group",
    "explanation_vi",
    "explanation_en",
    "cause_vi",
    "cause_en",
    "next_step_vi",
    "next_step_en",
)
"""Amounts are minor units of `currency`. A match's `kind` is the rule by which it was made; `expected_minor` is what we
say, `reported_minor` what the provider says."""

CURRENCY_TOTALS = ("ledger_minor", "statement_minor", "matched_minor")


def as_csv(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """The table of CSV_COLUMNS, page by page."""
    yield BYTE_ORDER_MARK
    yield from written(CSV_COLUMNS, _total_rows(run_json(tx, run_id)))
    yield from _rows(map(_batch_row, batches_of(tx, run_id)))
    yield from _rows(changes_of(run_json(tx, run_id)))
    yield from _rows(map(_remittance_row, remittance_of(tx, run_id)))
    yield from _rows({**row, "row": "ageing", "status": row["days"]} for row in ageing_of(tx, run_id))
    yield from _rows(map(_discrepancy_row, discrepancies_of(tx, run_id)))
    yield from joined((row + LINE_END.encode() for row in matches_as_csv(tx, run_id)), b"")


def changes_of(run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    told = dict(run["totals"].get("changes") or {"batches": []})
    for batch in told.pop("batches"):
        for kind in ("added", "gone", "changed"):
            yield {"row": "change", "kind": kind, "batch": batch["batch"], "count": batch[kind]}
    yield from ({"row": "change", "kind": kind, "count": number} for kind, number in told.items())


def document_as_csv(document: Document) -> Iterator[bytes]:
    """The tables of a document as one, under the names of all their columns; `row` is the name of the table.

    An amount is minor units, in a column that says so, of the row's `currency`. Names and codes are in no language.
    """
    names = [_name(column) for table in document.tables for column in table.columns]
    yield BYTE_ORDER_MARK
    yield from written(("row", *dict.fromkeys(names)), chain.from_iterable(map(_table_rows, document.tables)))


def _table_rows(table: Table) -> Iterator[dict[str, Any]]:
    names = list(map(_name, table.columns))
    for row in table.rows:
        cells = (cell.amount_minor if isinstance(cell, Money) else cell for cell in row)
        yield {"row": table.name, **dict(zip(names, cells, strict=True))}


def _name(column: Column) -> str:
    return f"{column.name}_minor" if column.type is Type.AMOUNT else column.name


def written(columns: Iterable[str], rows: Iterable[Mapping[str, Any]], *, heading: bool = True) -> Iterator[bytes]:
    """The rows as CSV, some hundreds at a time."""
    names = tuple(columns)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=LINE_END)
    if heading:
        writer.writerow(names)
    for number, row in enumerate(rows, start=1):
        writer.writerow([harmless(row.get(name)) for name in names])
        if number % PAGE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_BEGINNINGS) else value


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    return written(CSV_COLUMNS, rows, heading=False)


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


def _remittance_row(part: Mapping[str, Any]) -> dict[str, Any]:
    where = {"entry": f"{part['agency']}/{part['account']}", "batch": part["treasury_account"]}
    return {"row": "remittance", "currency": part["currency"], "amount_minor": part["amount_minor"]} | where


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
