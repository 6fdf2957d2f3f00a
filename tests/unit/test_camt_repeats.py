"""Entries that a bank writes alike are read without the parser, and come out as the parser would have had them."""

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ports import camt
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
COMMENT = "<!-- so that nothing is sure but by the parser -->"
ACCOUNT = "<Stmt{more}><Id>{id}</Id><Acct><Id><IBAN>EE1</IBAN></Id></Acct>{entries}</Stmt>"
PLAIN = (
    '<Ntry><NtryRef>{text}</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts>'
    "<BookgDt><Dt>2026-11-25</Dt></BookgDt></Ntry>"
)
DETAIL = (
    "<TxDtls><Refs><TxId>{text}</TxId></Refs><RltdPties><Dbtr><Nm>{text}</Nm></Dbtr></RltdPties>"
    "<RmtInf><Ustrd>{text}</Ustrd><Ustrd/><Ustrd>x</Ustrd></RmtInf></TxDtls>"
)
HALF = DETAIL.replace("<RltdPties>", '<Amt Ccy="EUR">1.00</Amt><RltdPties>')
SIMPLE = (
    PLAIN,
    PLAIN.replace("><", ">\n  <"),
    PLAIN.replace("<NtryRef>{text}</NtryRef>", "<NtryRef/>{text}"),
    PLAIN.replace("<Sts>BOOK</Sts>", "<Sts>\n<Cd>PDNG</Cd></Sts>"),
    PLAIN.replace('"EUR"', "'VND' x='{text}'"),
)
STRANGE = (
    PLAIN.replace("</Ntry>", f"<NtryDtls>{DETAIL}</NtryDtls></Ntry>"),
    PLAIN.replace("</Ntry>", f"<NtryDtls>{HALF}{HALF}</NtryDtls></Ntry>"),
    PLAIN.replace("</Ntry>", "<o:Ntry xmlns:o='o'>{text}</o:Ntry></Ntry>"),
    PLAIN.replace("</Ntry>", "{text}</Ntry>"),
    "<AddtlStmtInf>{text}</AddtlStmtInf>" + PLAIN,
    "<Other><Ntry>{text}</Ntry>" + PLAIN + "</Other>",
    "<o:Ntry xmlns:o='o'>{text}</o:Ntry>",
    "<Ntry >" + PLAIN.removeprefix("<Ntry>").removesuffix("</Ntry>") + "</Ntry\n>",
)
USUAL = ("A", " Õ\n", "") * 8
TEXTS = (*USUAL, "&amp;", "&#x41;", "a>b", "a\r\nb", "x" * 500, "x" * 501)
MALFORMED = ("&none;", "]]>", "\x01", "\uffff")
Outcome = tuple[list[Statement | StatementEntry], tuple[str, int | None, str] | None]


def outcome(text: str, size: int = 10**6, encoding: str = "utf-8") -> Outcome:
    """What is read of what comes up to the first account and then in pieces of `size`, and what is complained of."""
    rows, whole = [], text.encode(encoding)
    start = whole.index(b"<Stmt")
    pieces = [whole[:start], *(whole[at : at + size] for at in range(start, len(whole), size))]
    try:
        for row in camt.read(pieces):
            rows.append(row)
    except UnreadableStatement as fault:
        return rows, (fault.reason, fault.line, fault.field)
    return rows, None


def message(*accounts: str, declaration: str = "") -> str:
    content = "\n".join(accounts)
    return f'{declaration}<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>\n{content}</BkToCstmrStmt></Document>'


def account(entries: str, name: str = "S", more: str = "") -> str:
    return ACCOUNT.format(id=name, more=more, entries=entries)


def by_the_parser(text: str) -> str:
    return text.replace("<BkToCstmrStmt>", f"<BkToCstmrStmt>{COMMENT}")


def bodies(shapes: Sequence[str], texts: Sequence[str]) -> st.SearchStrategy[str]:
    """Entries of a few of these shapes, mostly in order, so that a message is read on beyond its first entries."""

    def entries(some: list[str]) -> st.SearchStrategy[list[str]]:
        one = st.builds(
            lambda shape, text, amount, direction: shape.format(text=text, amount=amount, direction=direction),
            st.sampled_from(some),
            st.sampled_from(texts),
            st.sampled_from(("1.00", "2", " 3.50 ") * 8 + ("-1", "1.005")),
            st.sampled_from(("CRDT", "DBIT") * 10 + ("XXXX",)),
        )
        return st.lists(one, max_size=16)

    return st.lists(st.sampled_from(shapes), min_size=1, max_size=3).flatmap(entries).map("\n".join)


sizes = st.sampled_from([150, 1_500, 10**6])


@given(bodies(SIMPLE, TEXTS), bodies(SIMPLE, TEXTS), sizes)
def test_what_repeats_is_read_as_the_parser_would(first: str, second: str, size: int) -> None:
    text = message(account(first), account(second, "S2"))
    assert outcome(text, size) == outcome(by_the_parser(text))


@given(bodies(SIMPLE * 2 + STRANGE, TEXTS + MALFORMED), sizes)
def test_what_is_strange_among_it_is_read_as_the_parser_would(body: str, size: int) -> None:
    """In whatever words it is refused, as the parser's may depend on where pieces are cut."""
    rows, fault = outcome(message(account(body)), size)
    expected, refused = outcome(by_the_parser(message(account(body))))
    assert (rows, fault is None) == (expected, refused is None)


@pytest.mark.parametrize("shape", SIMPLE + STRANGE)
@pytest.mark.parametrize("text", [*USUAL[:3], *TEXTS[len(USUAL) :], *MALFORMED])
def test_a_strange_text_after_many_alike_is_read_as_the_parser_would(shape: str, text: str) -> None:
    alike = [shape.format(text=one, amount="1.00", direction="CRDT") for one in ("A", "B", "C", text, "E")]
    rows, fault = outcome(message(account("\n".join(alike))))
    expected, refused = outcome(by_the_parser(message(account("\n".join(alike)))))
    assert (rows, fault is None) == (expected, refused is None)


@pytest.mark.parametrize("encoding", ["utf-8", "us-ascii", "iso-8859-1"])
@pytest.mark.parametrize("written", ["utf-8", "iso-8859-1"])
def test_every_text_is_read_in_the_encoding_of_the_message(encoding: str, written: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>\n'
    alike = [PLAIN.format(text=text, amount="1.00", direction="CRDT") for text in ("A", "B", "C", "Õ", "D")]
    text = message(account("\n".join(alike)), declaration=declaration)
    assert outcome(text, 120, written) == outcome(by_the_parser(text), encoding=written)


def test_a_prefix_may_mean_something_else_in_the_next_account() -> None:
    one = PLAIN.format(text="A", amount="1.00", direction="CRDT") * 4
    prefixed = one.replace("</", "\0").replace("<", "<c:").replace("\0", "</c:")
    text = message(
        account(prefixed, more=f' xmlns:c="{NAMESPACE}"'), account(prefixed + one, "S2", more=' xmlns:c="urn:other"')
    )
    rows, fault = outcome(text)
    assert [row.id if isinstance(row, Statement) else row.statement_id for row in rows] == ["S"] * 5 + ["S2"] * 5
    assert (rows, fault) == outcome(by_the_parser(text))


def test_no_more_shapes_are_learned_than_can_be_tried() -> None:
    shapes = [PLAIN.replace("</Ntry>", f"<X{at}/></Ntry>") for at in range(300)]
    alike = "".join(shape.format(text="A", amount="1.00", direction="CRDT") for shape in shapes for _ in range(2))
    text = message(account(alike))
    assert outcome(text) == outcome(by_the_parser(text))


@pytest.mark.parametrize(
    ("change", "is_read_by_the_parser"),
    [
        (lambda text: text, False),
        (lambda text: text.replace("1.00", "1.0<![CDATA[0]]>"), True),
        (lambda text: text.replace("<Stmt>", "<?x y?><Stmt>"), True),
        (lambda text: text.replace("<Id>S<", "<Id>a > b<"), True),
    ],
    ids=["plain", "sections", "instruction", "stray"],
)
def test_only_a_plain_message_is_read_without_the_parser(
    change: Callable[[str], str], is_read_by_the_parser: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = 0

    class Counting(ElementTree.XMLParser):
        def feed(self, data: Any, /) -> None:
            nonlocal parsed
            parsed += data.count(b"<Ntry>")
            super().feed(data)

    monkeypatch.setattr("gateway.ports.camt_xml.XMLParser", Counting)
    alike = PLAIN.format(text="A", amount="1.00", direction="CRDT") * 2_000
    rows, fault = outcome(change(message(account(alike))))
    assert (len(rows), fault) == (2_001, None)
    assert (parsed == 2_000) is is_read_by_the_parser
    assert is_read_by_the_parser or parsed < 100
