"""The report of a month as a document."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from gateway.domain.money import Money
from reconciliation.reports.document import Cell, Chart, Column, Document, Table, Type
from reconciliation.reports.facts import Facts
from reconciliation.reports.month import FIGURES, Month
from reconciliation.reports.run_document import AGEING, age_chart, ageing_rows, unexplained
from reconciliation.reports.words import word

_AMOUNT = Type.AMOUNT
_CURRENCY = Column("currency", width=6)
_DAY = Column("business_date", Type.DAY, 12)
_FIGURES = tuple(Column(name, _AMOUNT) for name in FIGURES)
SHOWN = 400  # of the days in a PDF

DAYS = (_DAY, Column("agency", width=10), Column("account", width=20), _CURRENCY, *_FIGURES)
RAILS = (
    Column("agency", width=10),
    Column("account", width=20),
    _CURRENCY,
    Column("opening", _AMOUNT),
    *_FIGURES,
    Column("closing", _AMOUNT),
)
REVENUE = (
    Column("agency", width=12),
    Column("treasury_account", width=20),
    Column("account", width=22),
    _CURRENCY,
    Column("charged", _AMOUNT),
    Column("taken_off", _AMOUNT),
    Column("collected", _AMOUNT),
)
RUNS = (
    _DAY,
    Column("provider", width=16),
    Column("status", width=16),
    Column("discrepancies_open", Type.COUNT, 12),
    _CURRENCY,
    Column("unexplained", _AMOUNT),
)
TIE_OUT = (
    Column("account", width=30),
    _CURRENCY,
    Column("opening", _AMOUNT),
    Column("debit", _AMOUNT),
    Column("credit", _AMOUNT),
    Column("closing", _AMOUNT),
    Column("trial_balance", _AMOUNT),
    Column("difference", _AMOUNT),
)


def month_document(facts: Facts, month: Month, language: str) -> Document:
    agency = facts["agency"] or word("all_agencies", language)
    figures = [("month", str(month)), ("agency", agency)]
    return Document(
        title=f"{word('month_report', language)} {month.first:%m/%Y}" if language == "vi" else _title(month, language),
        language=language,
        day=month.last,
        figures=[(word(name, language), value) for name, value in figures],
        tables=(
            Table("rails", RAILS, _rows(RAILS, facts["rails"])),
            Table("days", DAYS, _rows(DAYS, facts["days"]), SHOWN),
            Table("revenue", REVENUE, _rows(REVENUE, _in_words(facts["revenue"], "account", language))),
            Table("runs", RUNS, _rows(RUNS, map(_run, _in_words(facts["runs"], "status", language)))),
            Table("ageing", AGEING, ageing_rows(facts["ageing"], language)),
            Table("tie_out", TIE_OUT, _rows(TIE_OUT, facts["tie_out"]), is_summed=True),
        ),
        charts=[*_where_it_is(facts, language), *_by_day(facts, language), age_chart(facts["ageing"], language)],
        sha256=facts["sha256"],
    )


def _title(month: Month, language: str) -> str:
    return f"{word('month_report', language)}: {month}"


def _in_words(rows: Iterable[Facts], name: str, language: str) -> Iterator[Facts]:
    return ({**row, name: word(row[name], language)} for row in rows)


def _run(run: Facts) -> Facts:
    return {**run, "discrepancies_open": run["open"]}


def _rows(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> list[Sequence[Cell]]:
    """The cells that the columns name, in their order."""
    return [[_cell(column, row) for column in columns] for row in rows]


def _cell(column: Column, row: Mapping[str, Any]) -> Cell:
    if column.type is Type.AMOUNT:
        return Money(row[f"{column.name}_minor"], row["currency"]) if row["currency"] else None
    value: Cell = row[column.name]
    return date.fromisoformat(value) if column.type is Type.DAY and isinstance(value, str) else value


def _where_it_is(facts: Facts, language: str) -> Iterator[Chart]:
    """At the end of the month, for each currency: collected in it, and where that and what was there before lies."""
    for currency in sorted({rail["currency"] for rail in facts["rails"]}):
        rails = [rail for rail in facts["rails"] if rail["currency"] == currency]
        parts = {
            "collected": sum(rail["collected_minor"] for rail in rails),
            "in_transit": sum(rail["closing_minor"] for rail in rails if rail["account"].startswith("in_transit")),
            "at_bank": sum(rail["closing_minor"] for rail in rails if rail["account"].startswith("bank")),
            "unexplained": unexplained(facts["ageing"], currency).amount_minor,
        }
        name = f"{word('where_it_is', language)} ({currency})"
        yield Chart(name, f"{name}.", [(word(part, language), Money(minor, currency)) for part, minor in parts.items()])


def _by_day(facts: Facts, language: str) -> Iterator[Chart]:
    for currency in sorted({day["currency"] for day in facts["days"]}):
        sums: dict[str, int] = {}
        for day in facts["days"]:
            if day["currency"] == currency:
                sums[day["business_date"]] = sums.get(day["business_date"], 0) + day["collected_minor"]
        if len(sums) > 1:
            name = f"{word('collected_by_day', language)} ({currency})"
            yield Chart(name, f"{name}.", [(day, Money(minor, currency)) for day, minor in sorted(sums.items())])
