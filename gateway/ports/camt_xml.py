"""The XML of camt.053 and camt.054 as parts of an account, each a dictionary from path to text, out of a stream.

The standard library's parser builds a tree in C; what is complete is read and leaves the tree at once, so that it never
holds more than a piece of the stream and one entry. Entries that a bank writes alike do not even come to the parser.
What an attacker could put into XML is refused: document types and with them entities, other encodings than agreed,
depth, texts and entries without end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Protocol
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.parsers.expat import ExpatError

from gateway.ports.camt_opening import Opening
from gateway.ports.camt_repeats import Repeats, end_of_entry
from gateway.ports.camt_shape import DETAILS, ENTRY, Facts, Plan, Step, refuse_depth, table
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement

Row = Statement | StatementEntry
ENTRY_BYTES_MAX = 16 * 1024 * 1024  # one entry may be a collective booking of tens of thousands of payments
TOKEN_BYTES_MAX = 1024 * 1024  # of a tag, or of a text that is not even kept
ELEMENTS_MAX = 20_000  # of what is not complete yet, the payments of an entry aside
SHAPE_MAX, SHAPES_MAX = 200, 500  # elements of a shape, and shapes, that are remembered
CHUNK_BYTES = 64 * 1024
ACCOUNT_DEPTH = 4  # in the tree, with the one above the document


class Part(NamedTuple):
    """A child of an account: its texts by path, and those of each payment in it, if it is an entry."""

    name: str
    facts: Facts
    details: list[Facts]


class Account(Protocol):
    entries: int

    def taken(self, part: Part) -> Iterable[Row]: ...
    def ended(self) -> Iterable[Row]: ...


class Walk:
    """One message; `account` makes what takes the parts of each account of it."""

    def __init__(self, account: type[Account]) -> None:
        self._make = account
        self._account: Account | None = None
        self._rows: list[Row] = []
        self._details: list[Facts] = []
        self._plans: dict[tuple[str | int, ...], Plan] = {}
        self._latest: tuple[Plan, list[Element]] | None = None  # of the part that was taken last
        self._parts = self._accounts = 0
        self._opening = Opening()
        self._table: Step | None = None
        self._repeats = Repeats()
        self._lines = Lines()
        self._builder = TreeBuilder()
        self._top = self._builder.start("", {})  # above the document, so that its tree is at hand while it grows
        self._has_open_part = True
        self._parser = XMLParser(target=self._builder)  # noqa: S314

    def rows(self, chunks: Iterable[bytes]) -> Iterator[Row]:
        """Raises UnreadableStatement with the line that was come to."""
        held = 0
        try:
            for piece in _pieces(chunks):
                if b"\0" in piece:  # as in every text of UTF-16 and UTF-32, which expat would read unasked
                    raise UnreadableStatement("it has a zero byte: its encoding is none of those that are read")
                before = self._parts
                yield from self._rows_of(piece)
                held += len(piece)
                if held > ENTRY_BYTES_MAX:
                    raise UnreadableStatement(f"an entry is longer than {ENTRY_BYTES_MAX} bytes", field=ENTRY)
                held = 0 if self._parts != before else held
            yield from self._rows_of(b"", is_last=True)
        except (ExpatError, ParseError, LookupError, UnicodeError) as fault:
            at = fault.position[0] if isinstance(fault, ParseError) else getattr(fault, "lineno", None)
            line = self._lines.come_to if at is None else at + self._lines.passed_over
            raise UnreadableStatement("it is not well-formed XML", line=line) from None
        except UnreadableStatement as fault:
            line = fault.line or self._lines.come_to
            raise UnreadableStatement(fault.reason, line=line, field=fault.field) from None
        if not self._accounts:
            raise UnreadableStatement("it holds no account")

    def _rows_of(self, piece: bytes, *, is_last: bool = False) -> Iterator[Row]:
        """What the piece completes, also before what is wrong in it: wherever pieces are cut, it is the same."""
        try:
            text = self._repeats.plain(piece, self._opening.encoding)
            if self._table is None:
                namespace = self._opening.come_to(piece, is_last=is_last)
                self._table = None if namespace is None else table(*namespace)
                self._feed(piece, is_last=is_last)
            elif text:
                self._read(text)
            else:
                self._feed(piece, is_last=is_last)
        finally:
            rows, self._rows = self._rows, []
            yield from rows

    def _read(self, text: str) -> None:
        """Give the parser what does not repeat: up to the end of an entry each, where repeats may follow."""
        at, is_between = 0, False
        while end := end_of_entry(text, at):
            written, was_between = text[at:end], is_between
            self._feed(written.encode(self._opening.encoding), ends_entry=True)
            at, is_between = end, not self._has_open_part
            if is_between:
                if was_between and self._latest is not None:
                    self._repeats.learn(written, *self._latest)
                at = self._repeated(text, at)
        self._feed(text[at:].encode(self._opening.encoding))

    def _repeated(self, text: str, start: int) -> int:
        """Take the entries that stand from `start` on and repeat others; where what is next begins."""
        at, account = start, self._account
        while account is not None and (found := self._repeats.read(text, at)) is not None:
            (facts, *details), at = found
            self._parts += 1
            try:
                self._rows += account.taken(Part(ENTRY, facts, details))
            except UnreadableStatement as fault:
                line = self._lines.come_to + text.count("\n", start, at)
                raise UnreadableStatement(fault.reason, line=line, field=fault.field) from None
        self._lines.pass_over(text.count("\n", start, at))
        return at

    def _feed(self, written: bytes, *, is_last: bool = False, ends_entry: bool = False) -> None:
        self._lines.add(written)
        self._latest, self._has_open_part = None, True
        try:
            if is_last:
                self._parser.close()
            else:
                self._parser.feed(written)
        except (ParseError, LookupError, UnicodeError):
            self._take(is_whole=False)
            raise
        self._has_open_part = not (ends_entry and self._is_between_parts())
        self._take(is_whole=is_last)

    def _is_between_parts(self) -> bool:
        """Whether the parser has come to the end of a part of an account: what is begun now is beside it.

        Only to be asked after the end of an element, where no text is that would be lost.
        """
        probe = self._builder.start("", {})
        self._builder.end("")
        way = [self._top]
        while way[-1][-1] is not probe:
            way.append(way[-1][-1])
        del way[-1][-1]
        return len(way) == ACCOUNT_DEPTH and self._account is not None

    def _take(self, *, is_whole: bool) -> None:
        for document in self._top:
            self._take_document(document, self._table or {}, is_whole=is_whole)

    def _take_document(self, document: Element, messages: Mapping[str, Step], *, is_whole: bool) -> None:
        for message in document:
            accounts = messages.get(message.tag)
            if accounts is None:
                raise UnreadableStatement(f"it has something else than {_name(next(iter(messages)))}")
            children = list(message)
            open_one = None if is_whole or message is not document[-1] or not children else children[-1]
            for place, child in enumerate(children, start=1):
                step, is_complete = accounts.get(child.tag), child is not open_one
                if step is not None:
                    self._take_account(child, step, children[place:], is_whole=is_complete)
                elif is_complete:
                    refuse_depth(child, depth=3)
                else:
                    _refuse_size(child)
                if is_complete:
                    message.remove(child)

    def _take_account(self, element: Element, table: Step, later: Sequence[Element], *, is_whole: bool) -> None:
        """Its complete parts, of which the last may not be one unless the account is `is_whole`."""
        if self._account is None:
            self._account = self._make()
        parts = list(element[:-1] if self._has_open_part and not is_whole else element)
        del element[: len(parts)]
        for place, part in enumerate(parts, start=1):
            try:
                self._take_part(part, table.get(part.tag), self._account)
            except UnreadableStatement as fault:
                since = [*parts[place:], *element, *chain.from_iterable(later)]
                raise self._lines.placed(fault, part.tag, since) from None
        if len(element):
            self._fold(element[0], table.get(element[0].tag))
        elif is_whole:
            try:
                self._rows += self._account.ended()
            except UnreadableStatement as fault:
                raise self._lines.placed(fault, element.tag, later) from None
            self._accounts += 1
            self._account = None
            self._repeats.forget()

    def _take_part(self, part: Element, step: Step | None, account: Account) -> None:
        if step is None:
            refuse_depth(part, depth=4)
            return
        try:
            self._latest = plan, elements = self._planned(part, step, depth=4)
            facts, *details = plan.read(elements)
        except UnreadableStatement as fault:
            place = f"entry {account.entries + 1}: " if step.key == ENTRY else ""
            raise UnreadableStatement(f"{place}{fault.reason}", field=fault.field) from None
        if self._details:
            details, self._details = self._details + details, []
        self._parts += 1
        self._rows += account.taken(Part(step.key, facts, details))

    def _planned(self, part: Element, step: Step, depth: int) -> tuple[Plan, list[Element]]:
        """Tags in their order and how many stand below each are the whole shape of a part."""
        elements = list(part.iter())
        shape: tuple[str | int, ...] = (*[element.tag for element in elements], *map(len, elements))
        plan = self._plans.get(shape)
        if plan is None:
            plan = Plan(part, step, depth)
            if len(elements) <= SHAPE_MAX and len(self._plans) < SHAPES_MAX:
                self._plans[shape] = plan
        return plan, elements

    def _fold(self, part: Element, step: Step | None) -> None:
        """Takes the complete payments out of an entry that is not, so that a collective booking may be long."""
        if step is not None and step.key == ENTRY:
            for group in part:
                table = step.get(group.tag)
                is_open = group is part[-1]
                for detail in list(group[:-1] if is_open else group):
                    below = None if table is None else table.get(detail.tag)
                    if below is not None and below.kind == DETAILS:
                        plan, elements = self._planned(detail, below, depth=6)
                        self._details += plan.read(elements)
                        group.remove(detail)
        _refuse_size(part)


def _refuse_size(element: Element) -> None:
    if sum(1 for _ in element.iter()) > ELEMENTS_MAX:
        raise UnreadableStatement(f"a part of it has more than {ELEMENTS_MAX} elements", field=_name(element.tag))


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]


class Lines:
    """On which line an element ended, told from the last two chunks: the tree knows no lines."""

    def __init__(self) -> None:
        self.come_to = 1
        self.passed_over = 0  # of which the parser does not know
        self._last = self._recent = b""

    def add(self, chunk: bytes) -> None:
        self.come_to += chunk.count(b"\n")
        self._last, self._recent = chunk, self._last

    def pass_over(self, count: int) -> None:
        self.come_to += count
        self.passed_over += count

    def placed(self, fault: UnreadableStatement, tag: str, later: Sequence[Element]) -> UnreadableStatement:
        """`fault` with the line on which its element ended; `later` are those like it that have begun since."""
        name, text = re.escape(_name(tag).encode()), self._recent + self._last
        begun = [found.start() for found in re.finditer(rb"<(?:[^\s<>/:]+:)?%s[\s>]" % name, text)]
        ended = [found.end() for found in re.finditer(rb"</(?:[^\s<>/:]+:)?%s\s*>" % name, text)]
        since = sum(1 for one in later if one.tag == tag)
        if since and begun and (not ended or begun[-1] > ended[-1]):
            since -= 1  # the last has not ended
        line = self.come_to - text.count(b"\n", ended[-1 - since]) if len(ended) > since else self.come_to
        return UnreadableStatement(fault.reason, line=line, field=fault.field)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Of some 64 KiB, so that one piece never holds many entries, and up to the end of a tag, so that none is cut."""
    rest = b""
    for chunk in chunks:
        for at in range(0, len(chunk), CHUNK_BYTES):
            piece = rest + chunk[at : at + CHUNK_BYTES]
            end = piece.rfind(b">") + 1
            rest = piece[end:]
            if end:
                yield piece[:end]
            if len(rest) > TOKEN_BYTES_MAX:
                raise UnreadableStatement(f"a text or a tag is longer than {TOKEN_BYTES_MAX} bytes")
    if rest:
        yield rest
