"""What a camt message says of itself is held against what it holds, and what could hide in XML is refused."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_statement

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def money(minor: int) -> str:
    return f"{abs(minor) // 100}.{abs(minor) % 100:02d}"


def direction(minor: int) -> str:
    return f"<CdtDbtInd>{'CRDT' if minor >= 0 else 'DBIT'}</CdtDbtInd>"


def balance(code: str, minor: int) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{money(minor)}</Amt>{direction(minor)}'
        "<Dt><Dt>2026-11-25</Dt></Dt></Bal>"
    )


def total(name: str, count: int, minor: int) -> str:
    return f"<{name}><NbOfNtries>{count}</NbOfNtries><Sum>{money(minor)}</Sum></{name}>"


def entry(minor: int, status: str = "BOOK") -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{money(minor)}</Amt>{direction(minor)}<Sts><Cd>{status}</Cd></Sts>'
        "<BookgDt><Dt>2026-11-25</Dt></BookgDt></Ntry>"
    )


def message(moved: list[int], *, opening: int = 0, off: tuple[int, ...] = (0,) * 6, more: str = "") -> str:
    """With all control figures, each of which is `off` by so much."""
    credits, debits = [one for one in moved if one > 0], [-one for one in moved if one < 0]
    closing, count, whole, credited, debited, credit_count = off
    summary = (
        total("TtlNtries", len(moved) + count, sum(credits) + sum(debits) + whole)
        + total("TtlCdtNtries", len(credits) + credit_count, sum(credits) + credited)
        + total("TtlDbtNtries", len(debits), sum(debits) + debited)
    )
    return (
        f'<Document xmlns="{NAMESPACE}"><BkToCstmrStmt><Stmt><Id>S</Id><Acct><Id><IBAN>EE1</IBAN></Id></Acct>'
        f"{balance('OPBD', opening)}{balance('CLBD', opening + sum(moved) + closing)}<TxsSummry>{summary}</TxsSummry>"
        f"{''.join(entry(one) for one in moved)}{more}</Stmt></BkToCstmrStmt></Document>"
    )


def read(text: str | bytes) -> list[Statement | StatementEntry]:
    return list(read_statement(io.BytesIO(text if isinstance(text, bytes) else text.encode())))


movements = st.lists(st.integers(-(10**9), 10**9).filter(bool), max_size=6)


@given(movements, st.integers(-(10**9), 10**9))
def test_what_is_in_order_is_read_as_it_was(moved: list[int], opening: int) -> None:
    head, *rows = read(message(moved, opening=opening))
    assert isinstance(head, Statement)
    assert head.opening == Money(opening, "EUR")
    assert [row.signed.amount_minor for row in rows if isinstance(row, StatementEntry)] == moved


@given(movements, st.integers(0, 5), st.integers(1, 10**6))
def test_one_control_figure_that_is_off_is_enough_to_refuse_it(moved: list[int], which: int, by: int) -> None:
    off = tuple(by if at == which else 0 for at in range(6))
    with pytest.raises(UnreadableStatement, match=r"closing balance|summary"):
        read(message(moved, off=off))


def test_a_summary_may_leave_out_what_is_pending() -> None:
    assert len(read(message([100, -50], more=entry(7, "PDNG")))) == 4
    with pytest.raises(UnreadableStatement) as refused:
        read(message([100, -50], more=entry(7)).replace("0.50</Amt><CdtDbtInd>CRDT", "0.57</Amt><CdtDbtInd>CRDT", 1))
    assert (refused.value.field, refused.value.line) == ("TxsSummry", 1)


def test_prefixes_of_the_namespace_change_nothing() -> None:
    text = message([100])
    prefixed = text.replace("</", "\0").replace("<", "<c:").replace("\0", "</c:").replace("xmlns=", "xmlns:c=")
    assert read(prefixed) == read(text)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace("1.00<", "1<Cd>0</Cd>0.00<", 1), "Amt has an element where it must have a text"),
        (lambda text: text.replace("<TxsSummry>", "<Bal>" + "<a>" * 30 + "</a>" * 30 + "</Bal><TxsSummry>"), "deeper"),
        (lambda text: text.replace("<TxsSummry>", "".join(balance(f"X{n}", 1) for n in range(101)) + "<TxsSummry>"),
         "more than 100 balances"),
        (lambda text: text.replace("EE1", "E\0E"), "zero byte"),
        (lambda text: text.replace("EE1", "&a;"), "well-formed"),
        (lambda text: '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + text, "document type"),
        (lambda text: '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>' + text, "document type"),
        (lambda text: text[:-20], "well-formed"),
        (lambda text: text + text, "well-formed"),
    ],
    ids=["element-in-text", "depth", "balances", "zero", "entity", "external", "expansion", "cut", "twice"],
)  # fmt: skip
def test_what_is_hostile_is_refused_with_its_line(change: Callable[[str], str], complaint: str) -> None:
    text = message([100])
    assert change(text) != text
    with pytest.raises(UnreadableStatement, match=complaint) as refused:
        read(change(text))
    assert refused.value.line == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_an_encoding_that_was_not_agreed_is_refused(encoding: str) -> None:
    with pytest.raises(UnreadableStatement):
        read(message([100]).replace("EE1", "ÕÕ").encode(encoding))


@pytest.mark.parametrize("faulty", [1, 2, 150, 299, 300])
def test_the_line_of_a_fault_is_told_far_down_and_wherever_pieces_are_cut(faulty: int) -> None:
    """A line for each entry, after more lines than a counter of 16 bits holds; 300 entries are more than one piece."""
    text = message([100] * 300).replace("<Ntry>", "\n<Ntry>").replace("<Stmt>", "<Stmt>" + "\n" * 70_000)
    entries = text.split("\n<Ntry>")
    entries[faulty] = entries[faulty].replace("<Cd>BOOK</Cd>", "<Cd>BOOK</Cd>" + "\n" * 3).replace("CRDT", "CRDX")
    with pytest.raises(UnreadableStatement, match=f"entry {faulty}: CdtDbtInd") as refused:
        read("\n<Ntry>".join(entries))
    assert refused.value.line == 70_000 + faulty + 4


def collective(details: int, *, minor: int, more: str = "") -> str:
    """An entry that books so many payments of `minor` each, of which `more` is said."""
    detail = f'<TxDtls><Refs><TxId>T</TxId></Refs><Amt Ccy="EUR">{money(minor)}</Amt>{more}</TxDtls>'
    booked = entry(details * minor)
    return booked.removesuffix("</Ntry>") + f"<NtryDtls>{detail * details}</NtryDtls></Ntry>"


def test_a_collective_booking_may_be_many_pieces_long() -> None:
    text = message([]).replace("<TxsSummry>", "<TxsSummry_>").replace("</TxsSummry>", "</TxsSummry_>")
    text = text.replace("</Stmt>", collective(4_000, minor=7) + entry(5) + "</Stmt>")
    rows = read(text.replace(balance("CLBD", 0), balance("CLBD", 28_005)))
    assert [row.amount.amount_minor for row in rows if isinstance(row, StatementEntry)] == [7] * 4_000 + [5]


@pytest.mark.parametrize(
    ("hidden", "complaint"),
    [
        ("<a/>" * 40_000, "more than 20000 elements"),
        ("<a>" * 30, "deeper"),
        ("<a>" * 40_000, "more than 20000 elements"),
        ("<NtryDtls>" + "<a/>" * 40_000 + "</NtryDtls>", "more than 20000 elements"),
        ("<NtryDtls><TxDtls><RmtInf>" + f"<Ustrd>{'x' * 400}</Ustrd>" * 100 + "</RmtInf></TxDtls></NtryDtls>",
         "texts together are longer"),
        (f"<a>{'x' * 1_000_000}</a>" * 17, "an entry is longer than 16777216 bytes"),
        ("<a>" + "x" * 1_200_000, "a text or a tag is longer than 1048576 bytes"),
        ("<a " + "x" * 1_200_000 + "='1'/>", "a text or a tag is longer than 1048576 bytes"),
    ],
    ids=["elements", "depth", "depth-without-end", "elements-in-details", "remittance", "entry", "text", "tag"],
)  # fmt: skip
def test_an_entry_that_swells_is_refused(hidden: str, complaint: str) -> None:
    ends = "</a>" * (hidden.count("<a>") - hidden.count("</a>"))
    with pytest.raises(UnreadableStatement, match=complaint):
        read(message([100]).replace("</Ntry>", f"{hidden}{ends}</Ntry>"))


def test_comments_and_sections_within_a_text_change_nothing() -> None:
    text = message([100])
    assert read(text.replace("BOOK", "B<!-- </Ntry> -->OO<![CDATA[K]]>").replace("1.00<", "1<?x y?>.00<")) == read(text)
