"""The report of a run as a document: the day's figures, where the money is, where it belongs, what does not fit."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.money import Money
from gateway.store import reports
from gateway.store.database import Transaction
from reconciliation.reports.document import Cell, Chart, Column, Document, Table, Type, shown
from reconciliation.reports.run import (
    BUCKETS,
    ageing_of,
    batches_of,
    discrepancies_of,
    remittance_of,
    run_json,
    sha256_of,
)
from reconciliation.reports.words import word

SHOWN = 200  # of the discrepancies in a PDF

_AMOUNT, _COUNT, _DAY = Type.AMOUNT, Type.COUNT, Type.DAY
_CURRENCY = Column("currency", width=6)

TOTALS = (
    _CURRENCY,
    Column("ledger", _AMOUNT),
    Column("statement", _AMOUNT),
    Column("matched", _AMOUNT),
    Column("in_transit", _AMOUNT),
    Column("unsettled", _AMOUNT),
    Column("settled", _AMOUNT),
)
BATCHES = (
    Column("batch", width=24),
    Column("payout", width=24),
    Column("lines", _COUNT, 10),
    _CURRENCY,
    Column("gross", _AMOUNT),
    Column("fee", _AMOUNT),
    Column("net", _AMOUNT),
    Column("stated", _AMOUNT),
)
CHANGES = (
    Column("batch", width=24),
    Column("was", _COUNT, 10),
    Column("is", _COUNT, 10),
    Column("added", _COUNT, 10),
    Column("gone", _COUNT, 10),
    Column("changed", _COUNT, 10),
)
CONSEQUENCES = ("matches_undone", "matches_made", "discrepancies_cleared", "discrepancies_opened")
REMITTANCE = (
    Column("agency", width=14),
    Column("treasury_account", width=22),
    Column("account", width=26),
    _CURRENCY,
    Column("amount", _AMOUNT, 20),
)
AGEING = (
    Column("kind", width=26),
    Column("days_open", width=8),
    Column("count", _COUNT, 10),
    _CURRENCY,
    Column("amount", _AMOUNT, 20),
)
DISCREPANCIES = (
    Column("kind", width=14),
    Column("status", width=10),
    Column("business_date", _DAY, 12),
    _CURRENCY,
    Column("amount", _AMOUNT),
    Column("explanation", width=50),
    Column("next_step", width=36),
)
MATCHES = (
    Column("batch", width=24),
    Column("line", _COUNT, 10),
    Column("transaction", width=34),
    Column("entry", width=50),
    Column("business_date", _DAY, 12),
    _CURRENCY,
    Column("amount", _AMOUNT),
    Column("fee", _AMOUNT),
    Column("rule", width=20),
)


def run_document(tx: Transaction, run_id: UUID, language: str) -> Document:
    """Raises RunNotFound. The rows of the large tables are read from `tx` as they are written."""
    sha256 = sha256_of(tx, run_id)
    run, ageing = run_json(tx, run_id), ageing_of(tx, run_id)
    day, sums = date.fromisoformat(run["business_date"]), _main_first(run["totals"])
    told_anew = run["totals"].get("changes", {}).get("batches", [])
    tables = (
        Table("totals", TOTALS, list(map(_totals_row, sums)), is_summed=False),
        Table("batches", BATCHES, list(map(_batch_row, batches_of(tx, run_id)))),
        *([Table("changes", CHANGES, list(map(_change_row, told_anew)))] if told_anew else []),
        Table("remittance", REMITTANCE, [_remittance_row(part, language) for part in remittance_of(tx, run_id)]),
        Table("ageing", AGEING, ageing_rows(ageing, language)),
        Table("discrepancies", DISCREPANCIES, _discrepancy_rows(tx, run_id, language), SHOWN, is_summed=False),
        Table("matches", MATCHES, _match_rows(tx, run_id), shown=0),
    )
    return Document(
        title=f"{word('run_report', language)}: {run['provider']}, {shown(day, language)}",
        language=language,
        day=day,
        figures=_figures(run, language),
        tables=tables,
        charts=[*_where_it_is(sums, ageing, language), age_chart(ageing, language)],
        sha256=sha256,
    )


def _change_row(batch: Mapping[str, Any]) -> list[Cell]:
    return [batch[column.name] for column in CHANGES]


def ageing_rows(ageing: Sequence[Mapping[str, Any]], language: str) -> list[Sequence[Cell]]:
    return [
        (word(row["kind"], language), row["days"], row["count"], row["currency"], _money(row, "amount_minor"))
        for row in ageing
    ]


def age_chart(ageing: Sequence[Mapping[str, Any]], language: str) -> Chart:
    """How many discrepancies are open by their age; no bars if none is."""
    counts: Counter[str] = Counter()
    for row in ageing:
        counts[row["days"]] += row["count"]
    about = word("open_by_age", language)
    return Chart(about, f"{about}.", [(days, counts[days]) for _, days in BUCKETS] if counts else ())


def unexplained(ageing: Sequence[Mapping[str, Any]], currency: str) -> Money:
    """What is open and no matter of timing."""
    of_currency = [row for row in ageing if row["currency"] == currency and row["kind"] != DiscrepancyKind.TIMING]
    return Money(sum(row["amount_minor"] for row in of_currency), currency)


def _main_first(totals: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The sums of each currency, that of most lines before the others."""
    return sorted(totals.get("by_currency", ()), key=lambda each: each["currency"] != totals["currency"])


def _figures(run: Mapping[str, Any], language: str) -> list[tuple[str, Cell]]:
    totals = run["totals"]
    figures: list[tuple[str, Cell]] = [
        ("provider", run["provider"]),
        ("business_date", date.fromisoformat(run["business_date"])),
        ("status", word(run["status"], language)),
        ("error", run["error"]),
        ("matched", totals["matched"]),
        ("discrepancies_found", sum(totals["discrepancies"].values())),
        ("discrepancies_open", sum(totals.get("open", {}).values())),
        *((name, totals["changes"][name]) for name in CONSEQUENCES if "changes" in totals),
        ("rules_version", run["rules_version"]),
        ("run", run["id"]),
    ]
    return [(word(name, language), value) for name, value in figures if value != ""]


def _where_it_is(
    sums: Sequence[Mapping[str, Any]], ageing: Sequence[Mapping[str, Any]], language: str
) -> Iterator[Chart]:
    for each in sums:
        currency = each["currency"]
        parts = {
            "ledger": Money(each["ledger_minor"], currency),
            "statement": Money(each["statement_minor"], currency),
            "matched": Money(each["matched_minor"], currency),
            "in_transit": Money(each["in_transit"]["balance_minor"], currency),
            "unexplained": unexplained(ageing, currency),
        }
        name = f"{word('where_it_is', language)} ({currency})"
        yield Chart(name, f"{name}.", [(word(part, language), money) for part, money in parts.items()])


def _totals_row(each: Mapping[str, Any]) -> Sequence[Cell]:
    transit = {**each["in_transit"], "currency": each["currency"]}
    sides = (_money(each, name) for name in ("ledger_minor", "statement_minor", "matched_minor"))
    return (
        each["currency"],
        *sides,
        *(_money(transit, name) for name in ("balance_minor", "unsettled_minor", "settled_minor")),
    )


def _batch_row(batch: Mapping[str, Any]) -> Sequence[Cell]:
    amounts = (_money(batch, name) for name in ("gross_minor", "fee_minor", "net_minor", "total_minor"))
    return (batch["batch"], batch["payout"], batch["lines"], batch["currency"], *amounts)


def _remittance_row(part: Mapping[str, Any], language: str) -> Sequence[Cell]:
    account = word(part["account"], language)
    return (part["agency"], part["treasury_account"], account, part["currency"], _money(part, "amount_minor"))


def _discrepancy_rows(tx: Transaction, run_id: UUID, language: str) -> Iterator[Sequence[Cell]]:
    """The open ones first, for that is what a reader has to see."""
    for is_open in (True, False):
        for found in discrepancies_of(tx, run_id):
            if (found["status"] == DiscrepancyStatus.OPEN) is is_open:
                words = found["explanation"][language]
                yield (
                    word(found["kind"], language),
                    word(found["status"], language),
                    date.fromisoformat(found["business_date"]),
                    found["currency"],
                    _money(found, "amount_minor"),
                    words["text"],
                    words["next_step"],
                )


def _match_rows(tx: Transaction, run_id: UUID) -> Iterator[Sequence[Cell]]:
    for row in reports.matches_as_json(tx, run_id):
        match = json.loads(row)
        yield (
            match["batch"],
            match["line"],
            match["provider_transaction_id"],
            " ".join(match.get("entries", ())) or match["entry"],
            date.fromisoformat(match["business_date"]),
            match["currency"],
            _money(match, "amount_minor"),
            _money(match, "fee_minor"),
            match["rule"],
        )


def _money(facts: Mapping[str, Any], name: str) -> Money | None:
    return None if facts[name] is None else Money(facts[name], facts["currency"])
