"""A document as a workbook: a summary, and a sheet for each table.

Every cell has a type, so that text is never taken for a formula or a link: days are days, amounts are numbers in major
units with their currency's decimals. A spreadsheet counts with 15 digits; an amount that has more is written as text,
exact, and is not part of the total. Totals are formulas with their value beside them, one for each currency. Rows are
written as they come, in constant memory; what a sheet cannot hold goes on in the next.

The bytes depend on the document alone: it bears the day that it is about.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from gateway.domain.money import Money, exponent_of
from reconciliation.reports.document import CURRENCY, Cell, Column, Document, Table, Type

ROWS_MAX = 1_048_576 - 40  # less the heading, and the totals of as many currencies as there may be
DIGITS_MAX = 15
LONG = 60  # characters, from which on a text is broken into lines
A4 = 9  # as the file format counts papers
CHUNK = 1 << 16


def as_xlsx(document: Document) -> Iterator[bytes]:
    """The workbook, written to a temporary file first."""
    with tempfile.TemporaryFile() as file:
        workbook = xlsxwriter.Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        dated = document.dated.replace(tzinfo=None)
        workbook.set_properties({"title": document.title, "author": "Cổng Phí", "created": dated})
        _Book(workbook, document).write()
        workbook.close()
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


class _Book:
    """`workbook` with its formats, each made once."""

    def __init__(self, workbook: Any, document: Document) -> None:
        self.workbook, self.document = workbook, document
        self.title = workbook.add_format({"bold": True, "font_size": 16})
        self.bold = workbook.add_format({"bold": True})
        self.heading = workbook.add_format({"bold": True, "bg_color": "#DCE6F1", "bottom": 1, "text_wrap": True})
        self.wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.day = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self.count = workbook.add_format({"num_format": "#,##0"})
        self.amounts: dict[tuple[str, bool], Any] = {}

    def write(self) -> None:
        self.summary()
        for table in self.document.tables:
            self.table(table)

    def summary(self) -> None:
        sheet = self.workbook.add_worksheet(self.document.word("summary"))
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 70)
        sheet.write_string(0, 0, self.document.title, self.title)
        figures = [*self.document.figures]
        if self.document.sha256:
            figures.append((self.document.word("sha256"), self.document.sha256))
        for row, (name, value) in enumerate(figures, start=2):
            sheet.write_string(row, 0, name, self.bold)
            self.cell(sheet, row, 1, value)
        for row, note in enumerate(self.document.notes, start=len(figures) + 3):
            sheet.write_string(row, 0, note)

    def table(self, table: Table) -> None:
        rows = iter(table.rows)
        for number in count(1):
            following = self.sheet(table, number, rows)
            if following is None:
                return
            rows = following

    def sheet(self, table: Table, number: int, rows: Iterator[Sequence[Cell]]) -> Iterator[Sequence[Cell]] | None:
        """Write one sheet. Returns the rows that did not fit, if there are any."""
        name = self.document.word(table.name)
        sheet = self.workbook.add_worksheet(name[:31] if number == 1 else f"{name[:26]} ({number})")
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
        for place, column in enumerate(table.columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, self.document.word(column.name), self.heading)
        totals: dict[tuple[int, str], Money] = {}
        last = 0
        rest: Iterator[Sequence[Cell]] | None = None
        for cells in rows:
            if last == ROWS_MAX:
                rest = _put_back(cells, rows)
                break
            last += 1
            for place, value in enumerate(cells):
                if self.cell(sheet, last, place, value) and isinstance(value, Money):
                    known = totals.get((place, value.currency), Money(0, value.currency))
                    totals[place, value.currency] = known + value
        sheet.autofilter(0, 0, last, len(table.columns) - 1)
        if table.is_summed:
            self.totals(sheet, table.columns, last, totals)
        return rest

    def totals(self, sheet: Any, columns: Sequence[Column], last: int, totals: dict[tuple[int, str], Money]) -> None:
        """A row for each currency, after a blank one, with SUMIFS over the column of currencies."""
        names = [column.name for column in columns]
        if CURRENCY not in names or not totals:
            return
        key = names.index(CURRENCY)
        for row, currency in enumerate(sorted({currency for _, currency in totals}), start=last + 2):
            sheet.write_string(row, 0, self.document.word("total"), self.bold)
            sheet.write_string(row, key, currency, self.bold)
            for place, column in enumerate(columns):
                if column.type is Type.AMOUNT:
                    total = totals.get((place, currency), Money(0, currency))
                    formula = f'=SUMIFS({_range(place, last)},{_range(key, last)},"{currency}")'
                    sheet.write_formula(row, place, formula, self.amount(currency, bold=True), total.major())

    def cell(self, sheet: Any, row: int, place: int, value: Cell) -> bool:
        """Whether an amount was written as a number."""
        if isinstance(value, Money):
            figure = _figure(value)
            if len(figure.strip("-").replace(".", "").lstrip("0")) > DIGITS_MAX:
                sheet.write_string(row, place, figure)
                return False
            sheet.write_number(row, place, value.major(), self.amount(value.currency))
        elif isinstance(value, int):
            sheet.write_number(row, place, value, self.count)
        elif isinstance(value, date):
            sheet.write_datetime(row, place, datetime(value.year, value.month, value.day), self.day)  # noqa: DTZ001
        elif value:
            sheet.write_string(row, place, value, self.wrapped if len(value) > LONG else None)
        return True

    def amount(self, currency: str, *, bold: bool = False) -> Any:
        """Grouped, with the currency's decimals and its code."""
        if (currency, bold) not in self.amounts:
            decimals = exponent_of(currency)
            pattern = f"#,##0{'.' if decimals else ''}{'0' * decimals} [${currency}]"
            self.amounts[currency, bold] = self.workbook.add_format({"num_format": pattern, "bold": bold})
        return self.amounts[currency, bold]


def _put_back(first: Sequence[Cell], rows: Iterator[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    yield first
    yield from rows


def _range(place: int, last: int) -> str:
    return f"{xl_rowcol_to_cell(1, place, True, True)}:{xl_rowcol_to_cell(max(last, 1), place, True, True)}"


def _figure(money: Money) -> str:
    return f"{money.major():f}"
