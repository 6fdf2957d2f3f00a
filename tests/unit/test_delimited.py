"""A bank's statement by a column map: debit and credit or one signed amount, and held against its own figures."""

import io
from dataclasses import replace
from datetime import date

import pytest

from gateway.domain.money import Money
from gateway.ports.delimited import StatementMap
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_statement

MAP = StatementMap(
    account="0071000123456",
    currency="VND",
    columns=("Ngày", "Số", "Nợ", "Có", "Số dư", "Nội dung"),
    fields={
        "booked_on": "Ngày",
        "bank_reference": "Số",
        "debit": "Nợ",
        "credit": "Có",
        "balance": "Số dư",
        "text": "Nội dung",
    },
    date_format="%d/%m/%Y",
    decimal_mark=",",
    thousands_mark=".",
    delimiter=";",
    preamble=1,
    trailer=("marker", "count", "net"),
    trailer_marker="TỔNG",
)
FILE = """SAO KÊ
Ngày;Số;Nợ;Có;Số dư;Nội dung
30/01/2026;FT1;;150.000;250.000;"LỆ PHÍ; HC42"
31/01/2026;FT2;50.000;;200.000;PHÍ
TỔNG;2;100.000
"""


def read(text: str | bytes, column_map: StatementMap = MAP) -> list[Statement | StatementEntry]:
    return list(read_statement(io.BytesIO(text if isinstance(text, bytes) else text.encode()), column_map))


def test_a_file_is_read_with_its_balances() -> None:
    head, first, second = read(FILE)
    assert head == Statement(
        "2026-01-30/2026-01-31", MAP.account, date(2026, 1, 31), Money(100_000, "VND"), Money(200_000, "VND")
    )
    assert isinstance(first, StatementEntry)
    assert isinstance(second, StatementEntry)
    assert (first.signed, first.servicer_reference, first.remittance) == (Money(150_000, "VND"), "FT1", "LỆ PHÍ; HC42")
    assert (second.signed, second.number, second.statement_id) == (Money(-50_000, "VND"), 2, "2026-01-30/2026-01-31")
    assert read(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode()) == read(FILE)


def test_one_signed_amount_and_the_newest_first_will_do() -> None:
    column_map = StatementMap(
        "A", "EUR", ("d", "a", "b"), {"booked_on": "d", "amount": "a", "balance": "b"}, "%Y-%m-%d", newest_first=True
    )
    head, first, second = read("d,a,b\n2026-01-31,-0.50,9.50\n2026-01-30,10.00,10.00\n", column_map)
    assert isinstance(head, Statement)
    assert (head.opening, head.closing) == (Money(0, "EUR"), Money(950, "EUR"))
    assert [row.signed.amount_minor for row in (first, second) if isinstance(row, StatementEntry)] == [-50, 1_000]
    with pytest.raises(UnreadableStatement, match="line 3: b: it does not follow"):
        read("d,a,b\n2026-01-31,-0.50,9.50\n2026-01-30,10.00,10.01\n", column_map)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "complaint"),
    [
        ("50.000;;", "50.001;;", 4, "Số dư", "does not follow"),
        ("150.000", "150,5", 3, "Có", "not an amount of a known currency"),
        ("150.000", "150000", 3, "Có", "not an amount as agreed"),
        ("150.000", " 150.000", 3, "Có", "blanks"),
        ("150.000", "", 3, "Có", "neither a debit nor a credit"),
        (";;150.000", ";1;150.000", 3, "Nợ", "beside a credit"),
        ("30/01/2026", "30/02/2026", 3, "Ngày", "no such time"),
        ("30/01/2026", "2026-01-30", 3, "Ngày", "not a time as agreed"),
        ("Nội dung", "Khác", 2, "", "not the header"),
        ("FT1;", "FT1", 3, "", "5 cells instead of 6"),
        ('HC42"', "HC42", 3, "", "quotes"),
        ("PHÍ\n", "x\0\n", 4, "", "control character"),
        ("PHÍ\n", "x" * 501 + "\n", 4, "Nội dung", "longer than 500"),
        ("PHÍ\n", "x" * 9_000 + "\n", 4, "", "longer than 8192 bytes"),
        ("TỔNG;2", "TỔNG;3", 5, "", "counts other"),
        ("100.000\n", "100.001\n", 5, "", "another total"),
        ("TỔNG;2;100.000\n", "", None, "", "was cut"),
        ("100.000\n", "100.000\nx\n", 6, "", "follows the last row"),
    ],
)
def test_what_is_wrong_is_named_and_the_file_refused(
    old: str, new: str, line: int | None, field: str, complaint: str
) -> None:
    assert old in FILE
    with pytest.raises(UnreadableStatement, match=complaint) as refused:
        read(FILE.replace(old, new, 1))
    assert (refused.value.line, refused.value.field) == (line, field)


def test_another_encoding_than_agreed_is_refused() -> None:
    with pytest.raises(UnreadableStatement, match="line 2: it is not ascii"):
        read(FILE, replace(MAP, encoding="ascii"))


def test_a_map_that_does_not_fit_together_is_named() -> None:
    with pytest.raises(ValueError, match=r"booked_on is missing; fields: name either amount"):
        replace(MAP, fields={"debit": "Nợ"})
