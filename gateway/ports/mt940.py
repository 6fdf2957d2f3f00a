"""SWIFT MT940 (customer statement) as a stream of neutral rows: bare fields, or with the blocks of a message around.

    :20:  reference            :25:  account, a currency may follow   :28C: number of the statement / page
    :60F: opening balance (:60M: of a page in between)                :62F: closing balance (:62M: likewise)
    :61:  an entry: value date, entry date, direction, funds code, amount, type, the owner's reference // the bank's
    :86:  what it is about, structured by ?nn, by /CODE/, or free text
    :64:, :65: available balances, which are not read

The pages of a statement are one statement, and their balances must join. It is believed only whole: fields come in
their order, and opening + entries = closing. Of the text of an entry nothing is kept that says who paid, where the form
tells it apart: ?30 to ?33 and /NAME/, /IBAN/ and their like are dropped.

Sources: SWIFT User Handbook, category 9, MT 940; DFÜ agreement of the German banking industry, annex 3, for ?nn; the
Dutch and SEPA rulebooks' code words for /CODE/.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import BinaryIO, TypedDict

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, from_major
from gateway.ports.statement import BOOKED, Statement, StatementEntry, Tell, UnreadableStatement, refuse

Row = Statement | StatementEntry

LINE_BYTES_MAX = 8_192
FIELD_LINES_MAX = 20  # a field 86 has 6 lines, of some banks more
TEXT_MAX = 500
CENTURY = 2000

_TAG = re.compile(r":(\d\d[A-Z]?):")
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d{1,12},\d{0,3})", re.ASCII)
_ENTRY = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4})?(?P<mark>R?[CD])(?P<funds>[A-Z])?(?P<amount>\d{1,12},\d{0,3})"
    r"(?P<type>[A-Z][A-Z0-9]{3})(?P<owner>(?:(?!//).){0,40}?)(?://(?P<bank>.{0,40}))?",
    re.ASCII,
)
_PAGE = re.compile(r"(\d{1,5})(?:/(\d{1,5}))?", re.ASCII)
_SUBFIELD = re.compile(r"\?(\d\d)")
_CODE = re.compile(r"/([A-Z]{3,4})/")
_CODES = {
    *("TRTP", "TYPE", "EREF", "KREF", "MREF", "CRED", "DEBT", "IBAN", "BIC", "NAME", "REMI", "PREF", "CSID", "ISDT"),
    *("ORDP", "BENM", "ADDR", "TRCD", "MARF"),
}
_SEPA = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|COAM|OAMT|IBAN|BIC)\+")
_SUBFIELDS_OF_TEXT = frozenset(str(number) for number in (*range(20, 30), *range(60, 64)))
_NO_REFERENCE = ("NONREF", "NOTPROVIDED")
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


class _Entry(TypedDict):
    """A StatementEntry that is still being read."""

    statement_id: str
    account: str
    number: int
    amount: Money
    credit: bool
    reversal: bool
    returned: bool
    status: str
    booked_on: date
    booked_at: None
    valued_on: date
    code: str
    entry_reference: str
    servicer_reference: str
    end_to_end_id: str
    transaction_id: str
    instruction_id: str
    reference: str
    remittance: str


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
    for number, raw in enumerate(iter(lambda: stream.readline(LINE_BYTES_MAX + 1), b""), start=1):
        if len(raw) > LINE_BYTES_MAX:
            raise UnreadableStatement(f"it is longer than {LINE_BYTES_MAX} bytes", line=number)
        if raw.startswith(b":62F:"):
            yield raw[5:].decode("ascii", "replace")


def _line(raw: bytes, number: int) -> str:
    """UTF-8, or where a line is not, ISO-8859-1."""
    if b"\0" in raw:
        raise UnreadableStatement("it has a zero byte", line=number)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-1")
    return text.rstrip("\r\n") if number > 1 else text.removeprefix("\ufeff").rstrip("\r\n")


def _fields(stream: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Where a field begins, its tag and its lines; the end of a message is the tag "end". What stands before and
    between messages (blocks 1 to 3, a bank's own lines) says nothing of the account."""
    begun, tag, content = 0, "", list[str]()
    for number, raw in enumerate(iter(lambda: stream.readline(LINE_BYTES_MAX + 1), b""), start=1):
        text = _line(raw, number)
        at = _TAG.match(text) if text.startswith(":") else None
        if at is not None or text == "-" or text.startswith("-}"):
            if tag:
                yield begun, tag, "\n".join(content)
            if at is None:
                yield number, "end", ""
                tag = ""
            else:
                begun, tag, content = number, at[1], [text[at.end() :]]
        elif tag:
            content.append(text)
            if len(content) > FIELD_LINES_MAX:
                raise UnreadableStatement(f"it has more than {FIELD_LINES_MAX} lines", line=begun, field=f":{tag}:")
    if tag:
        yield begun, tag, "\n".join(content)


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
        self._pending: _Entry | None = None
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
        if kind not in _NEXT:
            raise UnreadableStatement(f"MT940 has no field {tag}")
        if self._last not in _NEXT[kind] and not (kind == "20" and self._last in ("62", "64", "65", "86")):
            raise UnreadableStatement(f"field {tag} is not to be expected here")
        if kind == "86" and self._last == "61" and self._pending is not None:
            _tell(self._pending, content)
            rows: Sequence[Row] = ()
        elif kind != "86":
            rows = (*self._flush(), *self._field(kind, tag, content))
        else:  # after the closing balance: it is about the statement, and is not read
            rows = ()
        self._last = "65" if kind == "86" and self._last in ("62", "64", "65") else kind
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

    def _flush(self) -> Sequence[Row]:
        pending, self._pending = self._pending, None
        return () if pending is None else (StatementEntry(**pending),)

    def _field(self, kind: str, tag: str, content: str) -> Sequence[Row]:
        if kind == "61":
            self._pending = self._entry(content)
        elif kind == "20":
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

    def _entry(self, content: str) -> _Entry:
        first, *_supplement = content.split("\n")
        match = _ENTRY.fullmatch(first)
        if match is None or self._balance is None:
            raise UnreadableStatement("it is not an entry: date, direction, amount with a comma, type and reference")
        mark, currency = match["mark"], self._balance.currency
        amount, valued = _money(match["amount"], currency), _day(match["value"])
        credit = mark in ("C", "RD")
        self._entries += 1
        self._moved += amount.amount_minor if credit else -amount.amount_minor
        owner, bank = match["owner"].strip(), (match["bank"] or "").strip()
        return _Entry(
            statement_id=self._statement,
            account=self._account,
            number=self._entries,
            amount=amount,
            credit=credit,
            reversal=mark.startswith("R"),
            returned=match["type"][1:] == "RTI",
            status=BOOKED,
            booked_on=valued if match["entry"] is None else _near(match["entry"], valued),
            booked_at=None,
            valued_on=valued,
            code=match["type"],
            entry_reference="",
            servicer_reference="" if bank in _NO_REFERENCE else bank,
            end_to_end_id="",
            transaction_id="",
            instruction_id="" if owner in _NO_REFERENCE else owner,
            reference="",
            remittance="",
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


def _tell(entry: _Entry, content: str) -> None:
    """Add what field 86 says of the entry, less what says who the other party is."""
    whole = content.replace("\n", "")
    if whole[:3].isdigit() and whole[3:4] == "?":
        _tell_subfields(entry, whole)
    elif (first := _CODE.match(whole)) and first[1] in _CODES:
        _tell_codes(entry, whole)
    else:
        entry["remittance"] = " ".join(content.split())
    if len(entry["remittance"]) > TEXT_MAX:
        raise UnreadableStatement(f"a text is longer than {TEXT_MAX}", field=":86:")


def _tell_subfields(entry: _Entry, whole: str) -> None:
    transaction, *parts = _SUBFIELD.split(whole)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    text = "".join([value for number, value in pairs if number in _SUBFIELDS_OF_TEXT])
    free, *words = _SEPA.split(text)
    said = dict(zip(words[::2], words[1::2], strict=True))
    entry["code"] = f"{entry['code']}/{transaction}"
    entry["end_to_end_id"] = _reference(said.get("EREF", ""))
    entry["remittance"] = said.get("SVWZ", free).strip()


def _tell_codes(entry: _Entry, whole: str) -> None:
    said: dict[str, str] = {}
    place, code = 0, ""
    for match in _CODE.finditer(whole):
        if match[1] in _CODES:
            said.setdefault(code, whole[place : match.start()])
            place, code = match.end(), match[1]
    said.setdefault(code, whole[place:])
    text = said.get("REMI", "").strip("/")
    structured = text.partition("STRD/CUR/")[2]
    entry["end_to_end_id"] = _reference(said.get("EREF", ""))
    entry["reference"] = structured.strip("/ ")
    entry["remittance"] = "" if structured else text.removeprefix("USTD//").strip()


def _reference(text: str) -> str:
    stripped = text.strip("/ ")
    return "" if stripped in _NO_REFERENCE else stripped
