"""The XML of camt.053 and camt.054 as parts of an account, each a dictionary from path to text, out of a stream.

Expat calls back for each element; a table of the few paths that are needed, made once for a namespace, says which text
is kept, so nothing is ever built of the rest. What an attacker could put into XML is refused where it begins: document
types and with them entities, other encodings than agreed, depth, texts and entries without end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import cache
from typing import NamedTuple, Protocol
from xml.parsers.expat import ExpatError, ParserCreate

from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement

Row = Statement | StatementEntry
Facts = dict[str, str]

MESSAGES = {  # the number in the namespace: the element of the message, and that of an account within it
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
DEPTH_MAX = 24  # the schema's deepest path has 15
TEXT_MAX = 500
ENTRY_BYTES_MAX = 16 * 1024 * 1024  # one entry may be a collective booking of tens of thousands of payments
CHUNK_BYTES = 64 * 1024

CURRENCY_OF = "{}@Ccy"
ENTRY = "Ntry"
RETURN = "RtrInf"
FREE_TEXT = "RmtInf/Ustrd"
_CODE = "BkTxCd/Domn/Fmly/Cd BkTxCd/Domn/Fmly/SubFmlyCd BkTxCd/Prtry/Cd"
_PARTS: Mapping[str, str] = {  # of an account: the texts that are kept of each
    "Id": "",
    "Acct": "Id/IBAN Id/Othr/Id",
    "FrToDt": "ToDtTm",
    "Bal": "Tp/CdOrPrtry/Cd Tp/CdOrPrtry/Prtry Amt CdtDbtInd Dt/Dt Dt/DtTm",
    "TxsSummry": "TtlNtries/NbOfNtries TtlNtries/Sum TtlCdtNtries/NbOfNtries TtlCdtNtries/Sum TtlDbtNtries/NbOfNtries "
    "TtlDbtNtries/Sum",
    ENTRY: "NtryRef Amt CdtDbtInd RvslInd Sts Sts/Cd Sts/Prtry BookgDt/Dt BookgDt/DtTm ValDt/Dt ValDt/DtTm AcctSvcrRef "
    + _CODE,
}
_DETAIL = "NtryDtls/TxDtls"
_DETAIL_TEXTS = (
    "Refs/AcctSvcrRef Refs/EndToEndId Refs/TxId Refs/InstrId Amt AmtDtls/TxAmt/Amt CdtDbtInd "
    f"{FREE_TEXT} RmtInf/Strd/CdtrRefInf/Ref {_CODE}"
)

_NAMESPACE = re.compile(r"(urn:iso:std:iso:20022:tech:xsd:camt\.(053|054)\.001\.(0[2-9]|1[0-3]))\}Document")
_ENCODINGS = {"utf-8", "us-ascii", "iso-8859-1"}


class Kind(IntEnum):
    WAY = 0  # only leads to others
    TEXT = 1
    MARK = 2  # only that it is there counts
    DETAIL = 3
    PART = 4
    ACCOUNT = 5
    MESSAGE = 6


# As plain numbers: they are compared for every element.
_TEXT, _MARK, _DETAILS, _PART, _ACCOUNT, _MESSAGE = map(int, list(Kind)[1:])


class _Step(dict[str, "_Step"]):
    """An element on a path that is needed, with those below it by their names with the namespace."""

    __slots__ = ("key", "kind")

    def __init__(self, kind: int = Kind.WAY, key: str = "") -> None:
        super().__init__()
        self.kind = int(kind)
        self.key = key


class Part(NamedTuple):
    """A child of an account: its texts by path, and those of each payment in it, if it is an entry."""

    name: str
    facts: Facts
    details: list[Facts]


class Account(Protocol):
    entries: int

    def taken(self, part: Part) -> Iterable[Row]: ...
    def ended(self) -> Iterable[Row]: ...


_NOTHING = _Step()


@cache
def _table(namespace: str, number: str) -> _Step:
    """What stands below Document."""
    message, account = MESSAGES[number]
    table = _Step()
    within = _step(_step(table, namespace, message, _MESSAGE), namespace, account, _ACCOUNT)
    for name, texts in _PARTS.items():
        part = _step(within, namespace, name, _PART)
        for path in texts.split():
            _step(part, namespace, path, _TEXT)
    detail = _step(within, namespace, f"{ENTRY}/{_DETAIL}", _DETAILS)
    for path in _DETAIL_TEXTS.split():
        _step(detail, namespace, path, _TEXT)
    _step(detail, namespace, RETURN, _MARK)
    return table


def _step(start: _Step, namespace: str, path: str, kind: int) -> _Step:
    step = start
    for name in path.split("/"):
        step = step.setdefault(f"{namespace}}}{name}", _Step())
    step.kind, step.key = kind, path
    return step


class Walk:
    """One message; `account` makes what takes the parts of each account of it."""

    def __init__(self, account: type[Account]) -> None:
        self._make = account
        self._account: Account | None = None
        self._step = _NOTHING
        self._above: list[_Step] = []
        self._texts: list[str] = []
        self._currency: str | None = None
        self._entry: Facts = {}
        self._facts: Facts = self._entry
        self._details: list[Facts] = []
        self._rows: list[Row] = []
        self._children = self._accounts = 0
        self._parser = parser = ParserCreate(None, "}")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = _refuse_document_type
        parser.StartElementHandler = self._started
        parser.EndElementHandler = self._ended
        parser.CharacterDataHandler = self._texts.append

    def rows(self, chunks: Iterable[bytes]) -> Iterator[Row]:
        """Raises UnreadableStatement with the line that was come to."""
        held = 0
        try:
            for chunk in _pieces(chunks):
                if b"\0" in chunk:  # as in every text of UTF-16 and UTF-32, which expat would read unasked
                    raise UnreadableStatement("it has a zero byte: its encoding is none of those that are read")
                before = self._children
                yield from self._parsed(chunk)
                held = 0 if self._children != before else held + len(chunk)
                if held > ENTRY_BYTES_MAX:
                    raise UnreadableStatement(f"an entry is longer than {ENTRY_BYTES_MAX} bytes", field=ENTRY)
            yield from self._parsed(b"", is_last=True)
        except (ExpatError, LookupError, UnicodeError):
            raise UnreadableStatement("it is not well-formed XML", line=self._parser.CurrentLineNumber) from None
        except UnreadableStatement as fault:
            raise UnreadableStatement(fault.reason, line=self._parser.CurrentLineNumber, field=fault.field) from None
        if not self._accounts:
            raise UnreadableStatement("it holds no account")

    def _parsed(self, chunk: bytes, *, is_last: bool = False) -> Iterator[Row]:
        """What the chunk completes, also before what is wrong in it: wherever chunks are cut, it is the same."""
        try:
            self._parser.Parse(chunk, is_last)
        except (ExpatError, LookupError, UnicodeError, UnreadableStatement):
            yield from self._taken()
            raise
        yield from self._taken()

    def _taken(self) -> Iterator[Row]:
        rows, self._rows = self._rows, []
        yield from rows

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise UnreadableStatement("its encoding is none of UTF-8, US-ASCII and ISO-8859-1", field="encoding")

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        above = self._step
        self._above.append(above)
        step = self._step = above.get(name, _NOTHING)
        kind = step.kind
        if kind == _TEXT:
            self._texts.clear()
            if attributes:
                self._currency = attributes.get("Ccy")
        elif step is _NOTHING:
            self._started_unknown(name, above)
        elif kind:
            self._started_whole(step)

    def _started_whole(self, step: _Step) -> None:
        if step.kind == _DETAILS:
            self._facts = {}
            self._details.append(self._facts)
        elif step.kind == _MARK:
            self._facts[step.key] = ""
        elif step.kind == _PART:
            self._entry = self._facts = {}
            self._details = []
            self._texts.clear()
        elif step.kind == _ACCOUNT:
            self._account = self._make()

    def _started_unknown(self, name: str, above: _Step) -> None:
        depth = len(self._above)
        if depth == 1:
            match = _NAMESPACE.fullmatch(name)
            if match is None:
                raise UnreadableStatement("it is not camt.053 or camt.054 of a version from 001.02 to 001.13")
            self._step = _table(match[1], match[2])
            self._names = MESSAGES[match[2]]
        elif depth == 2:
            raise UnreadableStatement(f"it has something else than {self._names[0]}")
        elif depth > DEPTH_MAX:
            raise UnreadableStatement(f"it is nested deeper than {DEPTH_MAX}")
        elif above.kind == _TEXT:
            raise UnreadableStatement(f"{above.key} has an element where it must have a text", field=above.key)

    def _ended(self, _name: str) -> None:
        step = self._step
        self._step = self._above.pop()
        if step.kind == _TEXT:
            text = self._text(step)
            if step.key not in self._facts:
                self._facts[step.key] = text
            elif step.key == FREE_TEXT:
                self._facts[step.key] += f" {text}"
            if self._currency is not None:
                self._facts.setdefault(CURRENCY_OF.format(step.key), self._currency)
                self._currency = None
        elif step.kind:
            self._ended_whole(step)

    def _ended_whole(self, step: _Step) -> None:
        if step.kind == _DETAILS:
            self._facts = self._entry
        elif step.kind == _PART and self._account is not None:
            if not step:
                self._entry[""] = self._text(step)
            self._children += 1
            self._rows += self._account.taken(Part(step.key, self._entry, self._details))
        elif step.kind == _ACCOUNT and self._account is not None:
            self._rows += self._account.ended()
            self._accounts += 1
            self._account = None

    def _text(self, step: _Step) -> str:
        text = "".join(self._texts).strip()
        self._texts.clear()
        if len(text) > TEXT_MAX:
            raise UnreadableStatement(f"{self._place()}a text is longer than {TEXT_MAX}", field=step.key)
        return text

    def _place(self) -> str:
        """Of what is being read, if it is an entry: the fifth of the steps, or the last."""
        part = ([*self._above, self._step])[4]
        return f"entry {self._account.entries + 1}: " if self._account and part.key == ENTRY else ""


def _refuse_document_type(*_: object) -> None:
    raise UnreadableStatement("it has a document type, which could hide entities")


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Of 64 KiB at most, so that one piece never holds many entries."""
    for chunk in chunks:
        yield from (chunk[at : at + CHUNK_BYTES] for at in range(0, len(chunk), CHUNK_BYTES))
