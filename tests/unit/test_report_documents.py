"""Documents as workbooks, PDFs and CSV: exact amounts, harmless text, sheets that go on, and words in each language."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from gateway.domain.money import MAX_MINOR, Money
from reconciliation.reports import xlsx
from reconciliation.reports.document import Cell, Chart, Column, Document, Table, Type, shown
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.tabular import document_as_csv
from reconciliation.reports.words import WORDS
from reconciliation.reports.xlsx import as_xlsx

COLUMNS = (Column("note"), Column("currency"), Column("amount", Type.AMOUNT))
HOSTILE = '=HYPERLINK("http://x","y")', "+1", "@SUM(A1)", "http://x.example", '#include "/etc/passwd"', "$x$ *b* <a>"


def document(rows: Sequence[Sequence[Cell]], **changed: Any) -> Document:
    day = date(2026, 3, 2)
    plain = Document("A day", "en", day, [("Day", day)], [Table("remittance", COLUMNS, rows)])
    return replace(plain, **changed)


def row(amount: Money, note: str = "a") -> Sequence[Cell]:
    return (note, amount.currency, amount)


def opened(written: Iterator[bytes], *, values: bool = True) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(b"".join(written)), data_only=values)


def text_of(written: Iterator[bytes]) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(b"".join(written))).pages)


def test_text_is_text_in_a_workbook_whatever_it_begins_with() -> None:
    sheet = opened(as_xlsx(document([row(Money(1, "VND"), note) for note in HOSTILE])), values=False)["Remittance"]
    cells = [sheet.cell(number, 1) for number in range(2, 2 + len(HOSTILE))]
    assert [(cell.value, cell.data_type, cell.hyperlink) for cell in cells] == [(note, "s", None) for note in HOSTILE]


def test_text_is_text_in_a_pdf_whatever_it_looks_like() -> None:
    text = text_of(as_pdf(document([row(Money(1, "VND"), note) for note in HOSTILE])))
    assert [note for note in HOSTILE if "".join(note.split()) not in "".join(text.split())] == []


def test_amounts_have_their_currencys_decimals() -> None:
    sheet = opened(as_xlsx(document([row(Money(1_050, "USD")), row(Money(1_050, "VND")), row(Money(-7, "KWD"))])))
    found = [(str(cell.value), cell.number_format) for cell in sheet["Remittance"]["C"][1:4]]
    assert found == [("10.5", "#,##0.00 [$USD]"), ("1050", "#,##0 [$VND]"), ("-0.007", "#,##0.000 [$KWD]")]


def test_sums_do_not_cross_currencies() -> None:
    amounts = [Money(100, "VND"), Money(150, "USD"), Money(250, "USD"), Money(5, "VND")]
    sheet = opened(as_xlsx(document([row(amount) for amount in amounts])))["Remittance"]
    totals = {cells[1].value: cells[2].value for cells in sheet.iter_rows(min_row=7)}
    assert totals == {"USD": 4, "VND": 105}
    text = text_of(as_pdf(document([row(amount) for amount in amounts])))
    assert "4.00 USD" in text
    assert "105 VND" in text


def test_an_amount_beyond_the_digits_of_a_spreadsheet_is_written_in_full_as_text() -> None:
    sheet = opened(as_xlsx(document([row(Money(MAX_MINOR, "VND")), row(Money(999_999_999_999_999, "VND"))])))
    most, exact = sheet["Remittance"]["C"][1:3]
    assert (most.data_type, most.value) == ("s", str(MAX_MINOR))
    assert (exact.data_type, exact.value) == ("n", 999_999_999_999_999)


@pytest.mark.parametrize("rows", [3, 4, 7, 9])
def test_what_a_sheet_cannot_hold_goes_on_in_the_next(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "ROWS_MAX", 3)
    book = opened(as_xlsx(document([row(Money(1, "VND"), f"n{number}") for number in range(rows)])))
    sheets = [name for name in book.sheetnames if name.startswith("Remittance")]
    assert len(sheets) == -(-rows // 3)
    notes = [cell.value for name in sheets for cell in book[name]["A"] if str(cell.value).startswith("n")]
    assert notes == [f"n{number}" for number in range(rows)]


def test_a_pdf_says_how_many_rows_it_leaves_out() -> None:
    table = Table("remittance", COLUMNS, [row(Money(1, "VND"))] * 1_205, shown=5)
    assert "1,200 more are in the CSV" in text_of(as_pdf(document([], tables=[table])))


def test_a_chart_is_told_in_words() -> None:
    chart = Chart("Money", "Where it is.", [("in the ledger", Money(200, "VND")), ("unexplained", Money(0, "VND"))])
    pdf = PdfReader(io.BytesIO(b"".join(as_pdf(document([], charts=[chart])))))
    size: Any = pdf.trailer["/Size"]
    parts = [pdf.get_object(number) for number in range(1, size)]
    alternatives = [str(part["/Alt"]) for part in parts if isinstance(part, DictionaryObject) and "/Alt" in part]
    assert alternatives == ["Where it is. in the ledger: 200 VND; unexplained: 0 VND."]


def test_a_document_as_csv_tells_minor_units_under_the_names_of_the_columns() -> None:
    written = b"".join(document_as_csv(document([row(Money(1_050, "USD"), "=1")], language="")))
    assert written.decode("utf-8-sig").splitlines() == ["row,note,currency,amount_minor", "remittance,'=1,USD,1050"]


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(["VND", "USD", "KWD"]))
def test_an_amount_is_shown_exactly_in_each_language(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    english, vietnamese = (shown(money, language) for language in ("en", "vi"))
    assert english.replace(",", "") == str(money)
    assert vietnamese.replace(".", "").replace(",", ".") == str(money)


def test_every_word_is_there_in_both_languages() -> None:
    assert [name for name, words in WORDS.items() if not all(words)] == []
