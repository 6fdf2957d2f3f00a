"""SWIFT MT940 (customer statement) as a stream of neutral rows: bare fields, or with the blocks of a message around.

    :20:  reference            :25:  account, a currency may follow   :28C: number of the statement / page
    :60F: opening balance (:60M: of a page in between)                :62F: closing balance (:62M: likewise)
    :61:  an entry: value date, entry date, direction, funds code, amount, type, the owner's reference // the bank's
    :86:  what it is about
    :64:, :65: available balances, which are not read

The pages of a statement are one statement, and their balances must join. It is believed only whole: fields come in
their order, and opening + entries = closing.

Sources: SWIFT User Handbook, category 9, MT 940; DFÜ agreement of the German banking industry, annex 3, for ?nn; the
Dutch and SEPA rulebooks' code words for /CODE/.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import takewhile
from typing import BinaryIO

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, from_major
from gateway.ports.lines import LineTooLong, blocks_of_lines
from gateway.ports.mt940_text import NO_REFERENCE, Told, told
from gateway.ports.statement import BOOKED, Statement, StatementEntry, Tell, UnreadableStatement, refuse

Row = Statement | StatementEntry

LINE_BYTES_MAX = 8_192
FIELD_LINES_MAX = 20  # a field 86 has 6 lines, of some banks more
REFERENCE_MAX = 40  # the standard has 16; banks write longer ones
CENTURY = 2000

_MARK = b"\xef\xbb\xbf"
_TAG = re.compile(r":(\d\d[A-Z]?):")
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d{1,12},\d{0,3})", re.ASCII)
_ENTRY = re.compile(  # value and entry date, direction, amount, type, and the references
    r"(\d{6})(\d{4})?(R?[CD])[A-Z]?(\d{1,12},\d{0,3})([A-Z][A-Z0-9]{3})(.*)", re.ASCII
)
_PAGE = re.compile(r"(\d{1,5})(?:/(\d{1,5}))?", re.ASCII)
_NEXT = {  # after which fields each may come; "" is the beginning
    "20": ("", "end"),
    "21": ("20",),
    "25": ("20", "21"),
    "28": ("25",),
    "60": ("28",),
    "61": ("60", "61", "86"),
    "86": ("61", "62", "64", "65"),
    "62": ("60", "61", "86"),
    "64": ("62",),
    "65": ("62", "64", "65"),
}

_LEFT_OUT = ("61", "62", "86")  # without which the rest can be followed


# Amount, credit, reversal, returned, booked on, valued on, code, the bank's reference, the owner's.
_Movement = tuple[Money, bool, bool, bool, date, date, str, str, str]
_NOTHING: Told = ("", "", "", "")


def read(stream: BinaryIO, tell: Tell = refuse) -> Iterator[Row]:
    """Each statement before its entries, out of a file that is looked at twice, as the closing balances come last.

    Raises UnreadableStatement, which means the whole of the file; if there is somebody to `tell`, only where the rest
    cannot be read without what is wrong.
    """
    start = stream.tell()
    closings = list(_closings(stream))
    stream.seek(start)
    reader = _Reader(closings)
    for line, tag, content in _fields(stream):
        try:
            yield from reader.taken(tag, content)
        except UnreadableStatement as fault:
            if fault.line is not None:
                raise
            placed = UnreadableStatement(fault.reason, line=line, field=fault.field or f":{tag}:")
            if tag[:2] not in _LEFT_OUT:
                raise placed from None
            tell(placed)
            reader.leave_out(tag)
    yield from reader.ended()


def _closings(stream: BinaryIO) -> Iterator[str]:
    for lines in _blocks(stream):
        yield from [line[5:].decode("ascii", "replace") for line in lines if line.startswith(b":62F:")]


def _blocks(stream: BinaryIO) -> Iterator[list[bytes]]:
    number = 0
    try:
        for lines in blocks_of_lines(stream, LINE_BYTES_MAX):
            if number == 0 and lines:
                lines[0] = lines[0].removeprefix(_MARK)
            yield lines
            number += len(lines)
    except LineTooLong:
        raise UnreadableStatement(f"it is longer than {LINE_BYTES_MAX} bytes", line=number + 1) from None


def _texts(stream: BinaryIO) -> Iterator[str]:
    """The lines without their ends."""
    number = 0
    for lines in _blocks(stream):
        block = b"".join(lines)
        if b"\0" in block:
            whole = list(takewhile(lambda line: b"\0" not in line, lines))
            yield from map(_line, whole)
            raise UnreadableStatement("it has a zero byte", line=number + len(whole) + 1)
        yield from _decoded(lines, block)
        number += len(lines)


def _decoded(lines: Sequence[bytes], block: bytes) -> Iterable[str]:
    """The lines that `block` is made of."""
    try:
        texts = block.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return map(_line, lines)
    return [text.rstrip("\r") for text in texts] if b"\r" in block else texts


def _line(raw: bytes) -> str:
    """UTF-8, or where a line is not, ISO-8859-1."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-1")
    return text.rstrip("\r\n")


def _fields(stream: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Where a field begins, its tag and its lines; the end of a message is the tag "end". What stands before and
    between messages (blocks 1 to 3, a bank's own lines) says nothing of the account."""
    begun, tag, content, lines = 0, "", "", 0
    for number, text in enumerate(_texts(stream), start=1):
        at = _TAG.match(text) if text[:1] == ":" else None
        if at is not None or text == "-" or text.startswith("-}"):
            if tag:
                yield begun, tag, content
            if at is None:
                yield number, "end", ""
                tag = ""
            else:
                begun, tag, content, lines = number, at[1], text[at.end() :], 1
        elif tag:
            content += f"\n{text}"
            lines += 1
            if lines > FIELD_LINES_MAX:
                raise UnreadableStatement(f"it has more than {FIELD_LINES_MAX} lines", line=begun, field=f":{tag}:")
    if tag:
        yield begun, tag, content


class _Reader:
    """Follows the fields of a file; an entry is held until its field 86 has come, or did not."""

    def __init__(self, closings: Sequence[str]) -> None:
        self._closings = iter(closings)
        self._last = ""
        self._reference = ""
        self._account = ""
        self._number = ""
        self._open: tuple[str, str] | None = None  # the account and number whose pages are not yet at an end
        self._balance: Money | None = None  # that with which the page began
        self._moved = 0  # since then
        self._pending: _Movement | None = None
        self._statement = ""
        self._entries = 0
        self._seen: set[tuple[str, str]] = set()
        self._is_wrong = False  # since the opening balance something was left out

    def leave_out(self, tag: str) -> None:
        """Go on after a field that cannot be read. What it would have moved is missing from the balances then, so that
        they are not looked at."""
        kind = tag[:2]
        self._is_wrong |= kind != "86"
        self._pending = None
        self._last = kind
        if kind == "62":
            self._end_page(tag)

    def taken(self, tag: str, content: str) -> Sequence[Row]:
        if tag == "end":
            return self._message_ended()
        kind = tag[:2]
        if kind == "86" and self._last == "61":
            self._last = kind
            return self._flush(told(content))
        if kind not in _NEXT:
            raise UnreadableStatement(f"MT940 has no field {tag}")
        if self._last not in _NEXT[kind] and not (kind == "20" and self._last in ("62", "64", "65", "86")):
            raise UnreadableStatement(f"field {tag} is not to be expected here")
        if kind == "86":  # after the closing balance: it is about the statement, and is not read
            self._last = "65"
            return ()
        rows = self._flush()
        if kind == "61":
            self._pending = self._entry(content)
        else:
            rows = (*rows, *self._field(kind, tag, content))
        self._last = kind
        return rows

    def ended(self) -> Sequence[Row]:
        rows = self._message_ended()
        if self._open is not None:
            raise UnreadableStatement("the last page, with its closing balance :62F:, is missing", field=":62F:")
        if not self._seen:
            raise UnreadableStatement("it holds no statement", field=":20:")
        return rows

    def _message_ended(self) -> Sequence[Row]:
        rows = self._flush()
        if self._last not in ("", "end", "62", "64", "65"):
            raise UnreadableStatement("its closing balance is missing", field=":62F:")
        self._last = "end"
        return rows

    def _flush(self, about: Told = _NOTHING) -> Sequence[Row]:
        moved, self._pending = self._pending, None
        if moved is None:
            return ()
        amount, credit, reversal, returned, booked_on, valued_on, code, bank, owner = moved
        kind, end_to_end_id, reference, remittance = about
        return (
            StatementEntry(
                self._statement,
                self._account,
                self._entries,
                amount,
                credit,
                reversal,
                returned,
                BOOKED,
                booked_on,
                None,
                valued_on,
                code + kind,
                "",
                bank,
                end_to_end_id,
                "",
                owner,
                reference,
                remittance,
            ),
        )

    def _field(self, kind: str, tag: str, content: str) -> Sequence[Row]:
        if kind == "20":
            if self._last not in ("", "end", "62", "64", "65"):
                raise UnreadableStatement("its closing balance is missing", field=":62F:")
            self._reference = content.strip()
        elif kind == "25":
            self._account = content.replace(" ", "").split("\n")[0]
            if not self._account:
                raise UnreadableStatement("it names no account")
        elif kind == "28":
            self._paged(content)
        elif kind == "60":
            return self._opened(tag, content)
        elif kind == "62":
            self._closed(tag, content)
        return ()

    def _paged(self, content: str) -> None:
        match = _PAGE.fullmatch(content.strip())
        if match is None:
            raise UnreadableStatement("it is not the number of a statement and of a page")
        self._number = match[1]
        if self._open is not None and self._open != (self._account, self._number):
            raise UnreadableStatement("the statement before has no closing balance :62F:")

    def _opened(self, tag: str, content: str) -> Sequence[Row]:
        amount, _ = _balance(content)
        if tag == "60M" or self._open is not None:
            if self._open is None or tag != "60M" or amount != self._balance:
                raise UnreadableStatement("the page does not begin with the balance with which the one before ended")
            return ()
        stated = next(self._closings, None)
        if stated is None:
            raise UnreadableStatement("its closing balance is missing", field=":62F:")
        closing, day = _balance(stated)
        self._open, self._balance = (self._account, self._number), amount
        self._statement, self._entries = f"{self._reference}/{self._number}/{day}", 0
        if (self._account, self._statement) in self._seen:
            raise UnreadableStatement("a statement stands twice in it")
        self._seen.add((self._account, self._statement))
        return (Statement(self._statement, self._account, day, amount, closing),)

    def _entry(self, content: str) -> _Movement:
        match = _ENTRY.fullmatch(content.partition("\n")[0])
        owner, _, bank = match[6].partition("//") if match is not None else ("", "", "")
        if match is None or self._balance is None or max(len(owner), len(bank)) > REFERENCE_MAX:
            raise UnreadableStatement("it is not an entry: date, direction, amount with a comma, type and reference")
        value, entry, mark, stated, code, _ = match.groups()
        amount, valued, credit = _money(stated, self._balance.currency), _day(value), mark in ("C", "RD")
        self._entries += 1
        self._moved += amount.amount_minor if credit else -amount.amount_minor
        owner, bank = owner.strip(), bank.strip()
        return (
            amount,
            credit,
            mark[0] == "R",
            code[1:] == "RTI",
            _near(entry, valued) if entry else valued,
            valued,
            code,
            "" if bank in NO_REFERENCE else bank,
            "" if owner in NO_REFERENCE else owner,
        )

    def _closed(self, tag: str, content: str) -> None:
        amount, _ = _balance(content)
        start = self._balance
        if not self._is_wrong and (
            start is None
            or amount.currency != start.currency
            or amount.amount_minor != start.amount_minor + self._moved
        ):
            raise UnreadableStatement("its opening balance and its entries do not make its closing balance")
        self._balance = amount
        self._end_page(tag)

    def _end_page(self, tag: str) -> None:
        self._moved = 0
        if tag != "62M":
            self._open = self._balance = None
            self._is_wrong = False


def _balance(content: str) -> tuple[Money, date]:
    match = _BALANCE.fullmatch(content.strip())
    if match is None:
        raise UnreadableStatement("it is not a balance: C or D, date, currency and amount with a comma")
    amount = _money(match[4], match[3])
    return (amount if match[1] == "C" else -amount), _day(match[2])


@lru_cache(maxsize=4096)  # the fees of a tariff come again and again
def _money(text: str, currency: str) -> Money:
    try:
        return from_major(text.replace(",", "."), currency)
    except GatewayError:
        raise UnreadableStatement("it is not an amount of a known currency") from None


@lru_cache
def _day(text: str) -> date:
    try:
        return date(CENTURY + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise UnreadableStatement("there is no such date") from None


@lru_cache
def _near(text: str, valued: date) -> date:
    """The entry date, which has no year: the one of the three that is nearest to the value date."""
    found = []
    for year in (valued.year - 1, valued.year, valued.year + 1):
        try:
            found.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue  # the 29th of February
    if not found:
        raise UnreadableStatement("there is no such entry date")
    return min(found, key=lambda day: abs(day - valued))
