"""Rows for COPY: what PostgreSQL reads of them is what was given."""

from datetime import date

import pytest

from gateway.store.copy_text import copy_row


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, r"\N"),
        (True, "t"),
        (False, "f"),
        (-5, "-5"),
        (date(2026, 3, 2), "2026-03-02"),
        ("lệ phí", "lệ phí"),
        ("a\tb\nc\rd\\e", r"a\tb\nc\rd\\e"),
        ("\\N", r"\\N"),
        ("nul\0", "nul\N{REPLACEMENT CHARACTER}"),
        ([], "{}"),
        (["PO-1", 'a"b\\c'], r'{"PO-1","a\\"b\\\\c"}'),
    ],
)
def test_a_cell_says_what_it_is_and_cannot_be_taken_for_two(value: object, cell: str) -> None:
    assert copy_row([value, 1]) == f"{cell}\t1\n".encode()
