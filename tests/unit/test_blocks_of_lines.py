"""Files of lines are read many lines at a time, which must come to the same as line by line."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ports import lines
from gateway.ports.delimited import StatementMap
from gateway.ports.lines import LineTooLong, blocks_of_lines
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_statement
from tests.unit.test_delimited import FILE, MAP
from tests.unit.test_mt940 import WHOLE

NEWEST_FIRST = StatementMap(
    account="A",
    currency="EUR",
    columns=("d", "v", "a", "b"),
    fields={"booked_on": "d", "valued_on": "v", "amount": "a", "balance": "b"},
    date_format="%Y-%m-%d",
    newest_first=True,
)
FILES = {
    "delimited": (FILE, MAP),
    "newest-first": (
        "d,v,a,b\n2026-01-31,2026-02-01,-0.50,9.50\n2026-01-30,,10.00,10.00\n2026-01-30,,0,0\n",
        NEWEST_FIRST,
    ),
    "mt940": (WHOLE, None),
}
Outcome = tuple[list[Statement | StatementEntry], tuple[str, int | None, str] | None]


def outcome(content: bytes, column_map: StatementMap | None) -> Outcome:
    rows = []
    try:
        for row in read_statement(io.BytesIO(content), column_map):
            rows.append(row)
    except UnreadableStatement as fault:
        return rows, (fault.reason, fault.line, fault.field)
    return rows, None


spoilt = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(
            ["", "", '"', '""', "\n", "\r\n", "\n\n", ";", ",", " ", "\0", "\x85", "\t", "õ", "1", "-", "0,5"]
        ),
        st.sampled_from([0, 0, 1, 5]),
    ),
    max_size=3,
)


@pytest.mark.parametrize("name", list(FILES))
@given(edits=spoilt, encoding=st.sampled_from(["utf-8", "utf-8", "iso-8859-1"]))
def test_what_is_spoilt_anywhere_is_told_as_if_it_were_read_line_by_line(
    name: str, edits: list[tuple[float, str, int]], encoding: str
) -> None:
    text, column_map = FILES[name]
    for place, written, gone in edits:
        at = int(place * len(text))
        text = text[:at] + written + text[at + gone :]
    content = text.encode(encoding, "replace")
    whole = outcome(content, column_map)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", 1)
        assert outcome(content, column_map) == whole


def amount(minor: int) -> str:
    return f"{minor:,}".replace(",", ".")


def delimited(count: int, written: str) -> str:
    rows = "".join(f"30/01/2026;FT{at};;1;{amount(at)};{written.format(at=at)}\n" for at in range(1, count + 1))
    return f"SAO KÊ\n{FILE.splitlines()[1]}\n{rows}TỔNG;{count};{amount(count)}\n"


@pytest.mark.parametrize("written", ['"FEE; {at}"', "FEE {at}"], ids=["quoted", "bare"])
def test_a_file_of_many_blocks_is_read_whole_and_its_fault_told_far_down(written: str) -> None:
    text = delimited(10_000, written)
    (head, *entries), fault = outcome(text.encode(), MAP)
    assert isinstance(head, Statement)
    assert (len(entries), fault, head.net and head.net.amount_minor) == (10_000, None, 10_000)
    assert [entry.number for entry in entries if isinstance(entry, StatementEntry)] == list(range(1, 10_001))
    other = text.replace(";;1;9.000;", ";;2;9.000;")
    assert outcome(other.encode(), MAP) == ([], ("Số dư: it does not follow from the one before", 9_002, "Số dư"))
    assert outcome(text.replace("FT9000;", "FT9000").encode(), MAP)[1] == ("it has 5 cells instead of 6", 9_002, "")


def test_no_line_is_longer_than_it_may_be() -> None:
    """A line of exactly so many bytes is one, with its end."""
    assert list(blocks_of_lines(io.BytesIO(b"123\n12\n1"), 4)) == [[b"123\n", b"12\n", b"1"]]
    blocks = blocks_of_lines(io.BytesIO(b"12\n1234\n1\n"), 4)
    assert next(blocks) == [b"12\n"]
    with pytest.raises(LineTooLong):
        next(blocks)


@pytest.mark.parametrize(
    ("old", "new", "reason", "line"),
    [
        ("HC42", "HC42\n31/01/2026;FT2;50.000;;200.000;PHÍ", "its quotes do not match", 3),
        ("31/01", "\n31/01", "it has 1 cells instead of 6", 4),
    ],
    ids=["quote-over-lines", "empty-line"],
)
def test_a_row_among_quoted_ones_is_a_line(old: str, new: str, reason: str, line: int) -> None:
    assert outcome(FILE.replace(old, new, 1).encode(), MAP) == ([], (reason, line, ""))
