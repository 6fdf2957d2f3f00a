"""A document as a PDF for people: tagged for screen readers (PDF/UA-1), its fonts inside, set by Typst.

What it says is handed over as data, never as source, so that no text of a provider can change the layout or read a
file. Only the fonts that come with Typst are used, which have every letter of Vietnamese. The bytes depend on the
document alone: it bears the day that it is about.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import typst

from gateway.domain.money import Money
from gateway.domain.printable import printable
from reconciliation.reports.document import CURRENCY, Cell, Chart, Column, Document, Table, Type, shown

TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
FULL = 1_000  # the length of the longest bar of a chart
WIDE = 7  # columns; a table that has more lies across the page
LONG = 30  # characters, from which on a text is broken into lines


def as_pdf(document: Document) -> Iterator[bytes]:
    yield typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(printable(_content(document)), ensure_ascii=False)},
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=int(document.dated.timestamp()),
    )


def _content(document: Document) -> dict[str, Any]:
    language = document.language
    return {
        "title": document.title,
        "language": language,
        "date": [document.day.year, document.day.month, document.day.day],
        "figures": [[name, shown(value, language)] for name, value in document.figures],
        "charts": [_chart(chart, language) for chart in document.charts if chart.bars],
        "tables": [_table(table, document) for table in document.tables if table.shown != 0],
        "notes": list(document.notes),
        "sha256": document.sha256,
        "signatures": [document.word(name) for name in document.signatures],
        "words": {name: document.word(name) for name in ("sha256", "page", "signature", "no_rows")},
    }


def _chart(chart: Chart, language: str) -> dict[str, Any]:
    figures = [abs(value.amount_minor if isinstance(value, Money) else value) for _, value in chart.bars]
    longest = max(figures, default=0) or 1
    bars = [
        {"name": name, "text": shown(value, language), "length": figure * FULL // longest}
        for (name, value), figure in zip(chart.bars, figures, strict=True)
    ]
    told = "; ".join(f"{bar['name']}: {bar['text']}" for bar in bars)
    return {"name": chart.name, "alt": f"{chart.about} {told}.", "bars": bars}


def _table(table: Table, document: Document) -> dict[str, Any]:
    rows = iter(table.rows)
    kept = list(islice(rows, table.shown))
    left = sum(1 for _ in rows)
    places = _places(table.columns, kept)
    columns = [table.columns[place] for place in places]
    kept = [[row[place] for place in places] for row in kept]
    totals = _totals(columns, kept) if table.is_summed and not left else []
    return {
        "name": document.word(table.name),
        "is_wide": len(columns) > WIDE,
        "columns": [_column(column, document, is_long=place in _long(columns)) for place, column in enumerate(columns)],
        "rows": [[shown(cell, document.language) for cell in row] for row in kept],
        "totals": [[shown(cell, document.language) for cell in row] for row in _named(totals, document)],
        "more": document.word("and_more").format(count=shown(left, document.language)) if left else "",
    }


def _places(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Which columns are shown: beside amounts, which tell their currency, none of currencies; and of a wide table no
    amounts that are zero in every row."""
    tells = any(column.type is Type.AMOUNT for column in columns)
    places = [place for place, column in enumerate(columns) if not (tells and column.name == CURRENCY)]
    if len(places) <= WIDE:
        return places
    return [place for place in places if columns[place].type is not Type.AMOUNT or _has_amounts(rows, place)]


def _has_amounts(rows: Sequence[Sequence[Cell]], place: int) -> bool:
    cells = (row[place] for row in rows)
    return any(isinstance(cell, Money) and cell.amount_minor for cell in cells)


def _long(columns: Sequence[Column]) -> list[int]:
    """Which columns share what the others leave of the page; of a wide table only those that need it."""
    texts = [place for place, column in enumerate(columns) if column.type is Type.TEXT]
    long = [place for place in texts if columns[place].width >= LONG]
    widest = [] if len(columns) > WIDE else sorted(texts, key=lambda place: -columns[place].width)[:1]
    return long or widest


def _column(column: Column, document: Document, *, is_long: bool) -> dict[str, Any]:
    aligned = "left" if column.type in (Type.TEXT, Type.DAY) else "right"
    return {"name": document.word(column.name), "share": column.width if is_long else 0, "align": aligned}


def _totals(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """A row for each currency, if there is more than one row to add up."""
    places = [place for place, column in enumerate(columns) if column.type is Type.AMOUNT]
    sums: dict[tuple[str, int], Money] = {}
    for row in rows:
        for place in places:
            cell = row[place]
            if isinstance(cell, Money):
                sums[cell.currency, place] = sums.get((cell.currency, place), Money(0, cell.currency)) + cell
    currencies = sorted({currency for currency, _ in sums}) if len(rows) > 1 else []
    return [[sums.get((currency, place)) for place in range(len(columns))] for currency in currencies]


def _named(totals: list[list[Cell]], document: Document) -> list[list[Cell]]:
    return [[document.word("total"), *row[1:]] for row in totals]
