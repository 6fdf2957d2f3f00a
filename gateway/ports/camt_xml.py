"""The XML of camt.053 and camt.054 as parts of an account, each a dictionary from path to text, out of a stream.

The standard library's parser builds a tree in C; what is complete is read and leaves the tree at once, so that it never
holds more than a piece of the stream and one entry. A table of the few paths that are needed says which texts of an
entry are kept; as most entries of a bank have the same shape, that is asked once for each shape. What an attacker could
put into XML is refused: document types and with them entities, other encodings than agreed, depth, texts and entries
without end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import NamedTuple, Protocol
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.parsers.expat import ExpatError

from gateway.ports.camt_opening import Opening
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement

Row = Statement | StatementEntry
Facts = dict[str, str]

MESSAGES = {  # the number in the namespace: the element of the message, and that of an account within it
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
DEPTH_MAX = 24  # the schema's deepest path has 15
TEXT_MAX = 500
REMITTANCE_MAX = 20 * TEXT_MAX  # of one payment, whose text may come in many parts
ENTRY_BYTES_MAX = 16 * 1024 * 1024  # one entry may be a collective booking of tens of thousands of payments
TOKEN_BYTES_MAX = 1024 * 1024  # of a tag, or of a text that is not even kept
ELEMENTS_MAX = 20_000  # of what is not complete yet, the payments of an entry aside
SHAPE_MAX, SHAPES_MAX = 200, 500  # elements of a shape, and shapes, that are remembered
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

    __slots__ = ("currency", "key", "kind")

    def __init__(self) -> None:
        super().__init__()
        self.kind = int(Kind.WAY)
        self.key = ""
        self.currency: str | None = None  # under which that of an amount is kept


class Part(NamedTuple):
    """A child of an account: its texts by path, and those of each payment in it, if it is an entry."""

    name: str
    facts: Facts
    details: list[Facts]


class Account(Protocol):
    entries: int

    def taken(self, part: Part) -> Iterable[Row]: ...
    def ended(self) -> Iterable[Row]: ...


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
        step = step.setdefault(f"{{{namespace}}}{name}", _Step())
    step.kind, step.key = kind, path
    if path.endswith("Amt"):
        step.currency = CURRENCY_OF.format(path)
    return step


class Walk:
    """One message; `account` makes what takes the parts of each account of it."""

    def __init__(self, account: type[Account]) -> None:
        self._make = account
        self._account: Account | None = None
        self._rows: list[Row] = []
        self._details: list[Facts] = []
        self._plans: dict[tuple[str | int, ...], _Plan] = {}
        self._parts = self._accounts = 0
        self._opening: Opening | None = Opening()
        self._lines = Lines()
        builder = TreeBuilder()
        self._top = builder.start("", {})  # stands above the document, so that its tree is at hand while it grows
        self._parser = XMLParser(target=builder)  # noqa: S314

    def rows(self, chunks: Iterable[bytes]) -> Iterator[Row]:
        """Raises UnreadableStatement with the line that was come to."""
        held = unended = 0
        try:
            for chunk in _pieces(chunks):
                if b"\0" in chunk:  # as in every text of UTF-16 and UTF-32, which expat would read unasked
                    raise UnreadableStatement("it has a zero byte: its encoding is none of those that are read")
                unended = len(chunk) - end - 1 if (end := chunk.rfind(b">")) >= 0 else unended + len(chunk)
                if unended > TOKEN_BYTES_MAX:  # which expat would look through again and again
                    raise UnreadableStatement(f"a text or a tag is longer than {TOKEN_BYTES_MAX} bytes")
                before = self._parts
                yield from self._parsed(chunk)
                held = 0 if self._parts != before else held + len(chunk)
                if held > ENTRY_BYTES_MAX:
                    raise UnreadableStatement(f"an entry is longer than {ENTRY_BYTES_MAX} bytes", field=ENTRY)
            yield from self._parsed(b"", is_last=True)
        except (ExpatError, ParseError, LookupError, UnicodeError) as fault:
            at = fault.position[0] if isinstance(fault, ParseError) else getattr(fault, "lineno", None)
            line = at or self._lines.come_to
            raise UnreadableStatement("it is not well-formed XML", line=line) from None
        except UnreadableStatement as fault:
            line = fault.line or self._lines.come_to
            raise UnreadableStatement(fault.reason, line=line, field=fault.field) from None
        if not self._accounts:
            raise UnreadableStatement("it holds no account")

    def _parsed(self, chunk: bytes, *, is_last: bool = False) -> Iterator[Row]:
        """What the chunk completes, also before what is wrong in it: wherever chunks are cut, it is the same."""
        self._lines.add(chunk)
        if self._opening is not None:
            namespace = self._opening.come_to(chunk, is_last=is_last)
            if namespace is not None:
                self._opening, self._table = None, _table(*namespace)
        try:
            if is_last:
                self._parser.close()
            else:
                self._parser.feed(chunk)
        except (ParseError, LookupError, UnicodeError):
            yield from self._taken(is_whole=False)
            raise
        yield from self._taken(is_whole=is_last)

    def _taken(self, *, is_whole: bool) -> Iterator[Row]:
        """The rows of what is complete, also before what is wrong in it."""
        try:
            for document in self._top:
                self._take_document(document, is_whole=is_whole)
        except UnreadableStatement:
            yield from self._handed_on()
            raise
        yield from self._handed_on()

    def _handed_on(self) -> Sequence[Row]:
        rows, self._rows = self._rows, []
        return rows

    def _take_document(self, document: Element, *, is_whole: bool) -> None:
        for message in document:
            table = self._table.get(message.tag)
            if table is None:
                raise UnreadableStatement(f"it has something else than {next(iter(self._table)).rpartition('}')[2]}")
            children = list(message)
            open_one = None if is_whole or message is not document[-1] or not children else children[-1]
            for place, child in enumerate(children, start=1):
                step, is_complete = table.get(child.tag), child is not open_one
                if step is not None:
                    self._take_account(child, step, children[place:], is_whole=is_complete)
                elif is_complete:
                    _refuse_depth(child, depth=3)
                else:
                    _refuse_size(child)
                if is_complete:
                    message.remove(child)

    def _take_account(self, element: Element, table: _Step, later: Sequence[Element], *, is_whole: bool) -> None:
        """Its complete parts, of which the last is one only if the account is `is_whole`."""
        if self._account is None:
            self._account = self._make()
        parts = list(element if is_whole else element[:-1])
        del element[: len(parts)]
        for place, part in enumerate(parts, start=1):
            try:
                self._take_part(part, table.get(part.tag), self._account)
            except UnreadableStatement as fault:
                raise self._lines.placed(fault, part.tag, [*parts[place:], *element]) from None
        if len(element):
            self._fold(element[0], table.get(element[0].tag))
        elif is_whole:
            try:
                self._rows += self._account.ended()
            except UnreadableStatement as fault:
                raise self._lines.placed(fault, element.tag, later) from None
            self._accounts += 1
            self._account = None

    def _take_part(self, part: Element, step: _Step | None, account: Account) -> None:
        if step is None:
            _refuse_depth(part, depth=4)
            return
        try:
            facts, *details = self._read(part, step, depth=4)
        except UnreadableStatement as fault:
            place = f"entry {account.entries + 1}: " if step.key == ENTRY else ""
            raise UnreadableStatement(f"{place}{fault.reason}", field=fault.field) from None
        if self._details:
            details, self._details = self._details + details, []
        self._parts += 1
        self._rows += account.taken(Part(step.key, facts, details))

    def _read(self, part: Element, step: _Step, depth: int) -> list[Facts]:
        """Tags in their order and how many stand below each are the whole shape of a part."""
        elements = list(part.iter())
        shape: tuple[str | int, ...] = (*[element.tag for element in elements], *map(len, elements))
        plan = self._plans.get(shape)
        if plan is None:
            plan = _Plan(part, step, depth)
            if len(elements) <= SHAPE_MAX and len(self._plans) < SHAPES_MAX:
                self._plans[shape] = plan
        return plan.read(elements)

    def _fold(self, part: Element, step: _Step | None) -> None:
        """Takes the complete payments out of an entry that is not, so that a collective booking may be long."""
        if step is not None and step.key == ENTRY:
            for group in part:
                table = step.get(group.tag)
                is_open = group is part[-1]
                for detail in list(group[:-1] if is_open else group):
                    below = None if table is None else table.get(detail.tag)
                    if below is not None and below.kind == _DETAILS:
                        self._details += self._read(detail, below, depth=6)
                        group.remove(detail)
        _refuse_size(part)


class _Kept(NamedTuple):
    """A text to keep: the place of its element in its part, and whose it is: of the part itself (0) or of a payment."""

    place: int
    owner: int
    key: str
    currency: str | None


class _Plan:
    """What is kept of all parts of one shape. Raises UnreadableStatement for a shape that no part may have."""

    def __init__(self, part: Element, step: _Step, depth: int) -> None:
        self.kept: list[_Kept] = []
        self.marks: list[int] = []
        self.owners = 1
        self._place = 0
        self._seen: set[tuple[int, str]] = set()
        if step:
            self._below(part, step, 0, depth)
        else:
            self._text(part, step, 0)

    def _below(self, element: Element, table: _Step, owner: int, depth: int) -> None:
        for child in element:
            self._place += 1
            step = table.get(child.tag)
            if step is None:
                _refuse_depth(child, depth + 1)
                self._place += sum(1 for _ in child.iter()) - 1
                continue
            whose = owner
            if step.kind == _TEXT:
                self._text(child, step, owner)
            elif step.kind == _MARK:
                self.marks.append(owner)
            elif step.kind == _DETAILS:
                whose, self.owners = self.owners, self.owners + 1
            self._below(child, step, whose, depth + 1)

    def _text(self, element: Element, step: _Step, owner: int) -> None:
        """The first of several counts, but of the remittance every one."""
        key = step.key if step.kind == _TEXT else ""
        if any(child.tag not in step for child in element):
            raise UnreadableStatement(f"{step.key} has an element where it must have a text", field=step.key)
        if (owner, key) not in self._seen or key == FREE_TEXT:
            self._seen.add((owner, key))
            self.kept.append(_Kept(self._place, owner, key, step.currency))

    def read(self, elements: Sequence[Element]) -> list[Facts]:
        """Those of the part, and of each payment in it."""
        found: list[Facts] = [{} for _ in range(self.owners)]
        for place, owner, key, currency in self.kept:
            element, facts = elements[place], found[owner]
            text = element.text
            text = text.strip() if text else ""
            if len(text) > TEXT_MAX:
                raise UnreadableStatement(f"a text is longer than {TEXT_MAX}", field=key)
            if key not in facts:
                facts[key] = text
            elif len(facts[key]) < REMITTANCE_MAX:
                facts[key] += f" {text}"
            else:
                raise UnreadableStatement(f"its texts together are longer than {REMITTANCE_MAX}", field=key)
            if currency is not None and (named := element.get("Ccy")) is not None:
                facts[currency] = named
        for owner in self.marks:
            found[owner][RETURN] = ""
        return found


def _refuse_depth(element: Element, depth: int) -> None:
    """If anything below `element`, which stands so deep, is deeper than it may be."""
    if depth > DEPTH_MAX:
        raise UnreadableStatement(f"it is nested deeper than {DEPTH_MAX}")
    for child in element:
        _refuse_depth(child, depth + 1)


def _refuse_size(element: Element) -> None:
    if sum(1 for _ in element.iter()) > ELEMENTS_MAX:
        raise UnreadableStatement(f"a part of it has more than {ELEMENTS_MAX} elements", field=_name(element.tag))


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]


class Lines:
    """On which line an element ended, told from the last two chunks: the tree knows no lines."""

    def __init__(self) -> None:
        self.come_to = 1
        self._last = self._recent = b""

    def add(self, chunk: bytes) -> None:
        self.come_to += chunk.count(b"\n")
        self._last, self._recent = chunk, self._last

    def placed(self, fault: UnreadableStatement, tag: str, later: Sequence[Element]) -> UnreadableStatement:
        """`fault` with the line on which its element ended; `later` are those beside it that have begun since."""
        name, text = re.escape(_name(tag).encode()), self._recent + self._last
        begun = [found.start() for found in re.finditer(rb"<(?:[^\s<>/:]+:)?%s[\s>]" % name, text)]
        ended = [found.end() for found in re.finditer(rb"</(?:[^\s<>/:]+:)?%s\s*>" % name, text)]
        since = sum(1 for one in later if one.tag == tag)
        if since and begun and (not ended or begun[-1] > ended[-1]):
            since -= 1  # the last has not ended
        line = self.come_to - text.count(b"\n", ended[-1 - since]) if len(ended) > since else self.come_to
        return UnreadableStatement(fault.reason, line=line, field=fault.field)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Of 64 KiB at most, so that one piece never holds many entries."""
    for chunk in chunks:
        yield from (chunk[at : at + CHUNK_BYTES] for at in range(0, len(chunk), CHUNK_BYTES))
