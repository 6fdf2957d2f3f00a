"""ISO 20022 camt.053 (statement) and camt.054 (notification), versions 001.02 to 001.13, as a stream of neutral rows.

It is read from bytes as they come and holds one entry at a time. What an attacker could put into XML is refused before
it is parsed: document types and with them entities, encodings in which they could hide, depth, and entries without end.
The message is believed only whole: its namespace is one of those above, what an entry's details say adds up to the
entry, and where both balances are stated, opening + booked entries = closing. A fault is found out at the latest at the
end, after rows were yielded, so a caller keeps all rows or none.

It lives with the ports because both who asks a bank and who reconciles with it read the same message.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, from_major
from gateway.ports.statement import BOOKED, Statement, StatementEntry, UnreadableStatement

Row = Statement | StatementEntry
Events = Iterator[tuple[str, Element]]

MESSAGES = {  # the number in the namespace: the element of the message, and that of an account within it
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)
DIRECTIONS = {"CRDT": True, "DBIT": False}
NOT_PROVIDED = "NOTPROVIDED"  # what payers' banks write where an id must stand and there is none

DEPTH_MAX = 24  # the schema's deepest path has 15
TEXT_MAX = 500
ENTRY_BYTES_MAX = 16 * 1024 * 1024  # one entry may be a collective booking of tens of thousands of payments

_NAMESPACE = re.compile(r"\{(urn:iso:std:iso:20022:tech:xsd:camt\.(053|054)\.001\.(0[2-9]|1[0-3]))\}Document")
_DECLARATION = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"']*)[\"']")
_ENCODINGS = {b"utf-8", b"us-ascii", b"iso-8859-1"}  # in all of them "<!" is the two bytes that it looks like
_FORBIDDEN = re.compile(rb"<!(DOCTYPE|ENTITY)|\x00", re.IGNORECASE)
_OVERLAP = 16  # longer than what is forbidden, which could come in pieces
_BEGINNING = 512  # longer than any declaration
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?", re.ASCII)
_BANKS_NAME, _BANKS_NAME_OF_DETAIL = "AcctSvcrRef", "Refs/AcctSvcrRef"
_OTHER_NAMES = ("Refs/TxId", "Refs/EndToEndId")  # in the order in which they are trusted to tell details apart
_ACCOUNT_LEVEL, _CHILD_LEVEL = 3, 4  # Document > message > account > entry


def read(chunks: Iterable[bytes]) -> Iterator[Row]:
    """The statements of a message, each before its entries. Raises UnreadableStatement, which means the whole of it."""
    parser: XMLPullParser[Element] = XMLPullParser(events=("start", "end"))
    reader, held, tail = _Reader(), 0, b""
    try:
        for number, chunk in enumerate(_fed(chunks)):
            if number == 0:
                _check_encoding(chunk)
            if _FORBIDDEN.search(tail + chunk):
                raise UnreadableStatement("it has a document type, an entity or a zero byte")
            tail = (tail + chunk)[-_OVERLAP:]
            parser.feed(chunk)
            before = reader.children
            yield from reader.rows(_events(parser))
            held = 0 if reader.children != before else held + len(chunk)
            if held > ENTRY_BYTES_MAX:
                raise UnreadableStatement(f"an entry is longer than {ENTRY_BYTES_MAX} bytes")
        parser.close()
        yield from reader.rows(_events(parser))
    except (ParseError, LookupError, UnicodeError):
        raise UnreadableStatement("it is not well-formed XML") from None
    if not reader.complete:
        raise UnreadableStatement("it holds no account")


def _events(parser: "XMLPullParser[Element]") -> Events:
    return cast(Events, parser.read_events())


def _fed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """In pieces of 64 KiB at most, whatever they come in, so that one piece never holds many entries; the first is long
    enough to hold the declaration."""
    size, beginning, begun = 64 * 1024, b"", False
    for chunk in chunks:
        beginning += chunk
        if begun or len(beginning) >= _BEGINNING:
            yield from (beginning[at : at + size] for at in range(0, len(beginning), size))
            beginning, begun = b"", True
    if beginning:
        yield beginning


def _check_encoding(beginning: bytes) -> None:
    declared = _DECLARATION.match(beginning)
    if declared and declared[1].lower() not in _ENCODINGS:
        raise UnreadableStatement("its encoding is none of UTF-8, US-ASCII and ISO-8859-1")


class _Reader:
    """Follows the elements as they begin and end, and drops each part of an account once it was read."""

    def __init__(self) -> None:
        self.children = 0
        self.complete = False
        self._depth = 0
        self._names = ("", "")
        self._account: Element | None = None
        self._state: _Account | None = None
        self._ids: set[tuple[str, str]] = set()

    def rows(self, events: Events) -> Iterator[Row]:
        for event, element in events:
            # Most elements are deep inside an entry, and are looked at when it ends.
            if event == "start":
                self._depth += 1
                if not _ACCOUNT_LEVEL < self._depth <= DEPTH_MAX:
                    self._started(element)
            else:
                if _ACCOUNT_LEVEL <= self._depth <= _CHILD_LEVEL:
                    yield from self._ended(element)
                self._depth -= 1

    def _started(self, element: Element) -> None:
        if self._depth == 1:
            match = _NAMESPACE.fullmatch(element.tag)
            if match is None:
                raise UnreadableStatement("it is not camt.053 or camt.054 of a version from 001.02 to 001.13")
            self._names = MESSAGES[match[2]]
            self._namespace = match[1]
        elif self._depth == _ACCOUNT_LEVEL - 1 and element.tag != self._qualified(self._names[0]):
            raise UnreadableStatement(f"it has something else than {self._names[0]}")
        elif self._depth == _ACCOUNT_LEVEL and element.tag == self._qualified(self._names[1]):
            self._account, self._state = element, _Account(self._namespace)
        elif self._depth > DEPTH_MAX:
            raise UnreadableStatement(f"it is nested deeper than {DEPTH_MAX}")

    def _ended(self, element: Element) -> Iterator[Row]:
        if self._state is None or self._account is None:
            return
        if self._depth == _CHILD_LEVEL:
            self.children += 1
            yield from self._state.taken(element.tag.partition("}")[2], element)
            self._account.remove(element)
        elif self._depth == _ACCOUNT_LEVEL:
            yield from self._state.ended()
            self._once(self._state)
            self._account = self._state = None
            self.complete = True
            element.clear()

    def _once(self, account: "_Account") -> None:
        name = (account.account, account.id)
        if name in self._ids:
            raise UnreadableStatement("a statement stands twice in it")
        self._ids.add(name)

    def _qualified(self, name: str) -> str:
        return f"{{{self._namespace}}}{name}"


class _Account:
    """One Stmt or Ntfctn: its head, which is complete when the first entry comes, and the sum of its entries."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self.id = ""
        self.account = ""
        self._day: date | None = None
        self._to: date | None = None
        self._balances: dict[str, tuple[Money, date]] = {}
        self._head: Statement | None = None
        self._booked: Money | None = None
        self._entries = 0

    def taken(self, name: str, element: Element) -> Iterator[Row]:
        if name == "Ntry":
            yield from self._begun()
            self._entries += 1
            try:
                yield from self._entry(_Node(element, self._namespace))
            except (UnreadableStatement, GatewayError, ValueError, OverflowError) as fault:
                reason = str(fault) if isinstance(fault, UnreadableStatement) else "an amount or a date is wrong"
                raise UnreadableStatement(f"entry {self._entries}: {reason}") from None
        elif name in ("Id", "Acct", "Bal", "FrToDt"):
            try:
                self._heading(name, _Node(element, self._namespace))
            except (GatewayError, ValueError, OverflowError):
                raise UnreadableStatement(f"{name}: an amount or a date is wrong") from None

    def ended(self) -> Iterator[Row]:
        yield from self._begun()
        head = self._head
        if head is None or head.opening is None or head.closing is None:
            return
        booked = Money(0, head.opening.currency) if self._booked is None else self._booked
        if head.opening + booked != head.closing:
            raise UnreadableStatement("its opening balance and its entries do not make its closing balance")

    def _begun(self) -> Iterator[Row]:
        if self._head is not None:
            return
        if not self.id or not self.account:
            raise UnreadableStatement("an account has no id or no number")
        opening = next((self._balances[code] for code in OPENING if code in self._balances), None)
        closing = next((self._balances[code] for code in CLOSING if code in self._balances), None)
        if opening is not None and closing is not None and opening[0].currency != closing[0].currency:
            raise UnreadableStatement("its balances are in two currencies")
        day = closing[1] if closing is not None else self._to
        self._head = Statement(
            self.id, self.account, day, None if opening is None else opening[0], None if closing is None else closing[0]
        )
        yield self._head

    def _heading(self, name: str, node: "_Node") -> None:
        if self._head is not None:
            raise UnreadableStatement(f"{name} comes after the first entry")
        if name == "Id":
            self.id = node.own_text()
        elif name == "Acct":
            self.account = (node.text("Id/IBAN") or node.text("Id/Othr/Id")).replace(" ", "")
        elif name == "FrToDt":
            self._to = date.fromisoformat(node.needed("ToDtTm")[:10])
        else:
            amount = node.money("Amt")
            signed = amount if node.direction("CdtDbtInd") else -amount
            self._balances[node.text("Tp/CdOrPrtry/Cd") or node.text("Tp/CdOrPrtry/Prtry")] = (
                signed,
                node.day("Dt")[0],
            )

    def _entry(self, node: "_Node") -> Iterator[Row]:
        amount, credit = node.money("Amt"), node.direction("CdtDbtInd")
        status = node.text("Sts/Cd") or node.text("Sts/Prtry") or node.text("Sts")
        if status == BOOKED:
            self._add(amount if credit else -amount)
        details = node.all("NtryDtls/TxDtls") or [node.empty()]
        names = _bookings(node.text(_BANKS_NAME), details)
        if len(details) == 1:
            yield self._row(node, details[0], amount, credit, status, names[0])
            return
        rows = [
            self._row(node, detail, detail.detail_amount(), detail.direction("CdtDbtInd", credit), status, name)
            for detail, name in zip(details, names, strict=True)
        ]
        total = Money(0, amount.currency)
        for row in rows:
            total += row.amount if row.credit is credit else -row.amount
        if total != amount:
            raise UnreadableStatement("its details do not add up to it")
        yield from rows

    def _add(self, moved: Money) -> None:
        head = self._head
        if head is not None and head.closing is not None and head.closing.currency != moved.currency:
            raise UnreadableStatement("it is in another currency than its account")
        self._booked = moved if self._booked is None else self._booked + moved

    def _row(
        self, entry: "_Node", detail: "_Node", amount: Money, credit: bool, status: str, booking: str
    ) -> StatementEntry:
        booked_on, booked_at = entry.day("BookgDt")
        return StatementEntry(
            statement_id=self.id,
            account=self.account,
            number=self._entries,
            amount=amount,
            credit=credit,
            reversal=entry.flag("RvslInd"),
            returned=detail.has("RtrInf"),
            status=status,
            booked_on=booked_on,
            booked_at=booked_at,
            valued_on=entry.day("ValDt")[0] if entry.has("ValDt") else None,
            code=detail.code() or entry.code(),
            entry_reference=entry.text("NtryRef"),
            servicer_reference=booking,
            end_to_end_id=detail.provided("Refs/EndToEndId"),
            transaction_id=detail.provided("Refs/TxId"),
            instruction_id=detail.provided("Refs/InstrId"),
            reference=next((node.own_text() for node in detail.all("RmtInf/Strd/CdtrRefInf/Ref")), ""),
            remittance=" ".join(node.own_text() for node in detail.all("RmtInf/Ustrd")),
        )


def _bookings(whole: str, details: Sequence["_Node"]) -> list[str]:
    """The bank's name of each booking of an entry that it calls `whole`: distinct, and the same in camt.053 as in
    camt.054. Of a collective entry, a detail's own name counts if no other has it: some banks repeat the entry's in
    each. Else it is the entry's with whatever id only this detail has, or with its place."""
    own = [detail.text(_BANKS_NAME_OF_DETAIL) for detail in details]
    if len(details) == 1:
        return [own[0] or whole]
    ids = [[detail.provided(path) for path in _OTHER_NAMES] for detail in details]
    known, borne = Counter([whole, *own]), Counter(one for some in ids for one in set(some))
    borne.update(str(place) for place in range(1, len(details) + 1))  # so that no id is taken for a place
    names = []
    for place, (name, some) in enumerate(zip(own, ids, strict=True), start=1):
        part = next((one for one in some if one and borne[one] == 1), str(place))
        shared = whole or name
        names.append(name if name and known[name] == 1 else f"{shared}/{part}" if shared else "")
    return names


class _Node:
    """An element, asked by the plain names of the schema. What it holds is never part of a message about it."""

    __slots__ = ("_element", "_namespace")

    def __init__(self, element: Element, namespace: str) -> None:
        self._element = element
        self._namespace = namespace

    def empty(self) -> "_Node":
        return _Node(Element("TxDtls"), self._namespace)

    def all(self, path: str) -> list["_Node"]:
        found = self._element.findall(_path(self._namespace, path))
        return [_Node(element, self._namespace) for element in found]

    def has(self, path: str) -> bool:
        return self._element.find(_path(self._namespace, path)) is not None

    def own_text(self) -> str:
        text = (self._element.text or "").strip()
        if len(text) > TEXT_MAX:
            raise UnreadableStatement(f"a text is longer than {TEXT_MAX}")
        return text

    def text(self, path: str) -> str:
        found = self._element.find(_path(self._namespace, path))
        return "" if found is None else _Node(found, self._namespace).own_text()

    def needed(self, path: str) -> str:
        text = self.text(path)
        if not text:
            raise UnreadableStatement(f"{path} is missing")
        return text

    def provided(self, path: str) -> str:
        text = self.text(path)
        return "" if text == NOT_PROVIDED else text

    def money(self, path: str) -> Money:
        stated, found = self.needed(path), self._element.find(_path(self._namespace, path))
        if not _AMOUNT.fullmatch(stated) or found is None:
            raise UnreadableStatement(f"{path} is not an amount")
        return from_major(stated, found.get("Ccy", ""))

    def detail_amount(self) -> Money:
        """A payment's part of a collective booking; version 02 has it one level deeper."""
        return self.money("Amt" if self.has("Amt") else "AmtDtls/TxAmt/Amt")

    def direction(self, path: str, otherwise: bool | None = None) -> bool:
        """Whether money came to the account."""
        word = self.text(path)
        if not word and otherwise is not None:
            return otherwise
        if word not in DIRECTIONS:
            raise UnreadableStatement(f"{path} is neither CRDT nor DBIT")
        return DIRECTIONS[word]

    def flag(self, path: str) -> bool:
        word = self.text(path)
        if word not in ("", "true", "false", "1", "0"):
            raise UnreadableStatement(f"{path} is neither true nor false")
        return word in ("true", "1")

    def day(self, path: str) -> tuple[date, datetime | None]:
        """A date, with the instant if one is stated together with its zone."""
        moment = self.text(f"{path}/DtTm")
        if not moment:
            return date.fromisoformat(self.needed(f"{path}/Dt")[:10]), None
        at = datetime.fromisoformat(moment)
        return at.date(), at if at.tzinfo is not None else None

    def code(self) -> str:
        families = (self.text("BkTxCd/Domn/Fmly/Cd"), self.text("BkTxCd/Domn/Fmly/SubFmlyCd"))
        return "/".join(families) if all(families) else self.text("BkTxCd/Prtry/Cd")


@cache
def _path(namespace: str, path: str) -> str:
    return "/".join(f"{{{namespace}}}{name}" for name in path.split("/"))
