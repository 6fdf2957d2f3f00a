"""Every fault of a statement is told at once, up to a limit, each with its line, field and reason."""

import io
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ports.delimited import StatementMap
from gateway.ports.statement import UnreadableStatement
from gateway.ports.statements import read_statement
from reconciliation.statements.bookings import bookings
from reconciliation.statements.faults import AND_MORE, FAULTS_MAX, faults_in

ACCOUNT = "9990000000000000011"
MAP = StatementMap(
    account=ACCOUNT,
    currency="VND",
    columns=("day", "amount", "balance", "name"),
    fields={"booked_on": "day", "amount": "amount", "balance": "balance", "bank_reference": "name"},
    date_format="%Y-%m-%d",
    trailer=("marker", "count", "net", "blank"),
    trailer_marker="TOTAL",
)

Written = Callable[[Sequence[bool]], bytes]


def mt940(rights: Sequence[bool]) -> bytes:
    entries = [f":61:260302{'C' if right else 'X'}5,NTRFNONREF\n:86:words" for right in rights]
    return "\n".join(
        [":20:S", f":25:{ACCOUNT}", ":28C:1/1", ":60F:C260302VND0,", *entries, f":62F:C260302VND{5 * len(rights)},"]
    ).encode()


def camt(rights: Sequence[bool], end: str = "</Stmt></BkToCstmrStmt></Document>", reference: str = "F") -> bytes:
    balance = (
        "<Bal><Tp><CdOrPrtry><Cd>{}</Cd></CdOrPrtry></Tp><Amt Ccy='VND'>{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
        "<Dt><Dt>2026-03-02</Dt></Dt></Bal>\n"
    )
    entries = "".join(
        f"<Ntry><Amt Ccy='VND'>{5 if right else 'five'}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>\n"
        f"<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>{reference and f'{reference}{number}'}</AcctSvcrRef>"
        "</Ntry>\n"
        for number, right in enumerate(rights)
    )
    balances = balance.format("OPBD", 0) + balance.format("CLBD", 5 * len(rights)) if reference else ""
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt><Stmt>\n<Id>S</Id>"
        f"<Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></Acct>\n{balances}{entries}{end}"
    ).encode()


def delimited(rights: Sequence[bool]) -> bytes:
    rows = [f"{'2026-03-02' if right else 'today'},5,{5 * at},F{at}" for at, right in enumerate(rights, start=1)]
    return "\n".join(["day,amount,balance,name", *rows, f"TOTAL,{len(rows)},{5 * len(rows)},"]).encode()


FORMATS: Sequence[tuple[Written, StatementMap | None, int, int]] = (
    (mt940, None, 5, 2),
    (camt, None, 5, 2),
    (delimited, MAP, 2, 1),
)
"""How each is written, and where the first entry has its fault, and how many lines on the next one."""


def told(content: bytes, column_map: StatementMap | None = None) -> list[tuple[int | None, str, str]]:
    stream = io.BytesIO(content)
    with pytest.raises(UnreadableStatement) as refused:
        list(bookings(read_statement(stream, column_map)))
    faults = faults_in(stream, column_map, refused.value)
    return [(fault["line"], fault["field"], fault["reason"]) for fault in faults]


@pytest.mark.parametrize(("written", "column_map", "first", "each"), FORMATS, ids=["mt940", "camt", "delimited"])
@given(rights=st.lists(st.booleans(), min_size=1, max_size=12).filter(lambda rights: not all(rights)))
def test_each_entry_that_is_wrong_is_told_and_nothing_else(
    written: Written, column_map: StatementMap | None, first: int, each: int, rights: Sequence[bool]
) -> None:
    content = written(rights)
    first += 1 if written is camt else 0  # an entry of it is named by the line on which it ends
    faults = told(content, column_map)
    assert [line for line, _, _ in faults] == [first + each * at for at, right in enumerate(rights) if not right]
    with pytest.raises(UnreadableStatement) as refused:
        list(read_statement(io.BytesIO(content), column_map))
    assert faults[0] == (refused.value.line, refused.value.field, refused.value.reason)
    assert all(field and reason for _, field, reason in faults)


@pytest.mark.parametrize(("written", "column_map", "first", "each"), FORMATS, ids=["mt940", "camt", "delimited"])
def test_no_more_than_a_limit_are_told_and_that_there_are_more(
    written: Written, column_map: StatementMap | None, first: int, each: int
) -> None:
    assert len(told(written([False] * FAULTS_MAX), column_map)) == FAULTS_MAX
    faults = told(written([False] * (FAULTS_MAX + 1)), column_map)
    assert len(faults) == FAULTS_MAX + 1
    assert faults[-1] == (None, "", AND_MORE)


def test_where_xml_breaks_off_it_ends() -> None:
    content = camt([False, True, False], end="<Ntry></Wrong>")
    lines = [(line, reason) for line, _, reason in told(content)]
    assert [reason for _, reason in lines] == [
        "entry 1: Amt is not an amount",
        "entry 3: Amt is not an amount",
        "it is not well-formed XML",
    ]
    assert lines[-1][0] == content.count(b"\n") + 1


def test_credits_that_nothing_tells_apart_are_told_with_the_others() -> None:
    faults = told(camt([True, False, True], reference=""))
    assert [(line, field) for line, field, _ in faults] == [(4, "bank_reference"), (6, "Amt"), (8, "bank_reference")]
    plain = StatementMap(
        account=ACCOUNT,
        currency="VND",
        columns=("day", "amount"),
        fields={"booked_on": "day", "amount": "amount"},
        date_format="%Y-%m-%d",
    )
    faults = told(b"day,amount\n2026-03-02,5\n2026-03-02,x\n2026-03-02,6\n", plain)
    assert [(line, field) for line, field, _ in faults] == [(2, "bank_reference"), (3, "amount"), (4, "bank_reference")]


def test_statements_after_one_that_is_wrong_are_looked_at_too() -> None:
    second = mt940([True, False]).replace(b":28C:1/1", b":28C:2/1")
    faults = told(mt940([False, True]) + b"\n-\n" + second)
    assert [line for line, _, _ in faults] == [5, 17]
    contradicts = mt940([True]).replace(b":62F:C260302VND5,", b":62F:C260302VND6,")
    faults = told(contradicts + b"\n-\n" + second)
    assert [(line, field) for line, field, _ in faults] == [(7, ":62F:"), (15, ":61:")]


def test_what_the_file_as_a_whole_lacks_is_told_alone() -> None:
    assert told(b":20:S\n:25:1\n:28C:x\n") == [(3, ":28C:", "it is not the number of a statement and of a page")]
    assert told(b"day,amount\n", MAP) == [(1, "", "it is not the header of the map")]
