"""A bank's statement as a delimited file, by a map that says which of its columns is what.

    StatementMap(
        account="0071000123456", currency="VND", delimiter=";", encoding="utf-8",
        columns=("Ngày", "Số tham chiếu", "Nợ", "Có", "Số dư", "Nội dung"),
        fields={"booked_on": "Ngày", "bank_reference": "Số tham chiếu", "debit": "Nợ", "credit": "Có",
                "balance": "Số dư", "text": "Nội dung"},
        date_format="%d/%m/%Y", decimal_mark=",", thousands_mark=".",
    )

A file is looked at twice: once to hold it against its own figures (the balance after each entry, and what its last row
counts and adds up to), and once to yield it. So no row comes of a file that is refused, unless it changes meanwhile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, timezone
from functools import lru_cache
from typing import BinaryIO

from gateway.domain.money import EXPONENT, Money
from gateway.ports.cells import Amounts, Fault, Times, Unit, split, trimmed
from gateway.ports.statement import BOOKED, Statement, StatementEntry, Tell, UnreadableStatement

FIELDS = frozenset(
    {"booked_on", "valued_on", "amount", "debit", "credit", "balance", "bank_reference", "end_to_end_id", "text"}
)
LINE_BYTES_MAX = 8_192
TEXT_MAX = 500
ENCODINGS = ("utf-8", "ascii", "cp1258", "cp1252", "iso-8859-1")
MARKER, COUNT, NET, BLANK = TRAILER_CELLS = ("marker", "count", "net", "blank")
_MARK = b"\xef\xbb\xbf"
_UTC = timezone(UTC.utcoffset(None))


@dataclass(frozen=True, slots=True)
class StatementMap:
    """`columns` is the header, exactly; `preamble` the rows above it. `fields` has booked_on and either amount, which
    bears its sign, or debit and credit. `trailer` says what is in the cells of the last row, if there is one, which
    bears `trailer_marker`. Raises ValueError naming what does not fit together."""

    account: str
    currency: str
    columns: tuple[str, ...]
    fields: Mapping[str, str]
    date_format: str
    decimal_mark: str = "."
    thousands_mark: str = ""
    delimiter: str = ","
    encoding: str = "utf-8"
    preamble: int = 0
    newest_first: bool = False
    trailer: tuple[str, ...] = ()
    trailer_marker: str = ""
    places: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        named = set(self.fields)
        faults = [
            *(f"fields: {name} is none of {', '.join(sorted(FIELDS))}" for name in sorted(named - FIELDS)),
            *(f"fields: {name} is not in columns" for name in sorted(named) if self.fields[name] not in self.columns),
        ]
        if "booked_on" not in named:
            faults.append("fields: booked_on is missing")
        if named & {"amount", "debit", "credit"} not in ({"amount"}, {"debit", "credit"}):
            faults.append("fields: name either amount, or debit and credit")
        if not self.account or self.currency not in EXPONENT:
            faults.append("account and currency: name the account and its ISO 4217 currency")
        if self.encoding not in ENCODINGS:
            faults.append(f"encoding: must be one of {', '.join(ENCODINGS)}")
        if self.decimal_mark == self.thousands_mark:
            faults.append("thousands_mark: must differ from decimal_mark")
        if self.trailer and (sorted(set(self.trailer) - {BLANK}) != sorted((MARKER, COUNT, NET))):
            faults.append(f"trailer: must hold {MARKER}, {COUNT} and {NET}, each once")
        if faults:
            raise ValueError("; ".join(faults))
        object.__setattr__(self, "places", {name: self.columns.index(one) for name, one in self.fields.items()})


@dataclass(slots=True)
class _Facts:
    """What a file comes to. `balance` is that beside the entry before; `is_wrong`: a row was left out."""

    count: int = 0
    net: int = 0
    first: date | None = None
    last: date | None = None
    balance: int | None = None
    before: int = 0
    opening: Money | None = None
    closing: Money | None = None
    closed: bool = False
    is_wrong: bool = False


def read(stream: BinaryIO, column_map: StatementMap) -> Iterator[Statement | StatementEntry]:
    """Raises UnreadableStatement with the line, the column and the reason."""
    start, reader = stream.tell(), _Reader(column_map)
    facts = _Facts()
    for _ in reader.entries(stream, facts):
        pass
    if facts.first is None or facts.last is None:
        raise UnreadableStatement("it has no entries")
    if column_map.trailer and not facts.closed:
        raise UnreadableStatement("the last row is missing: the file was cut")
    name = f"{facts.first}/{facts.last}"
    yield Statement(name, column_map.account, facts.last, facts.opening, facts.closing)
    stream.seek(start)
    yield from reader.entries(stream, _Facts(), name)


def read_on(
    stream: BinaryIO, column_map: StatementMap, tell: Tell
) -> Iterator[tuple[int | None, Statement | StatementEntry]]:
    """The rows of what can be read, each entry with its line, though some cannot. The first row of all stands for a
    statement, and of its balances only whether there are any is right. Raises UnreadableStatement where no further
    reading is possible."""
    reader, facts = _Reader(column_map), _Facts()
    zero = Money(0, column_map.currency) if "balance" in column_map.fields else None
    yield None, Statement("", column_map.account, None, zero, zero)
    header = column_map.preamble + 1
    number = 0
    try:
        for number, row in enumerate(reader.rows(stream), start=1):
            try:
                entry = reader.taken(number, row, facts, "")
            except Fault as fault:
                tell(reader.placed(fault, number))
                if number == header:
                    return
                facts.is_wrong, facts.balance = True, None
            else:
                if entry is not None:
                    yield number, entry
    except Fault as fault:
        raise reader.placed(fault, number) from None
    if column_map.trailer and not facts.closed:
        raise UnreadableStatement("the last row is missing: the file was cut")


class _Reader:
    def __init__(self, column_map: StatementMap) -> None:
        self._map = column_map
        self._amounts = Amounts(Unit.MAJOR, column_map.decimal_mark, column_map.thousands_mark)
        # The fees of a tariff come again and again, as do the days.
        self._amount = lru_cache(maxsize=4096)(self._amounts.read)
        self._time = lru_cache(maxsize=256)(Times(column_map.date_format, _UTC).read)

    def entries(self, stream: BinaryIO, facts: _Facts, name: str = "") -> Iterator[StatementEntry]:
        number = 0
        try:
            for number, row in enumerate(self.rows(stream), start=1):
                entry = self.taken(number, row, facts, name)
                if entry is not None:
                    yield entry
        except Fault as fault:
            raise self.placed(fault, number) from None

    def placed(self, fault: Fault, number: int) -> UnreadableStatement:
        column, _, reason = str(fault).rpartition(": ")
        place = self._map.fields.get(column, column)
        return UnreadableStatement(
            f"{place}: {reason}" if place else str(fault), line=number + isinstance(fault, _Next), field=place
        )

    def taken(self, number: int, row: bytes, facts: _Facts, name: str) -> StatementEntry | None:
        """The entry in the row of this number; None if it has none. Raises Fault."""
        if number <= self._map.preamble:
            return None
        cells = split(row, self._map.encoding, self._map.delimiter)
        if number > self._map.preamble + 1 and not facts.closed and not self._is_trailer(cells):
            return self._entry(cells, facts, name)
        if number == self._map.preamble + 1:
            if tuple(cells) != self._map.columns:
                raise Fault("it is not the header of the map")
        elif facts.closed:
            raise Fault("something follows the last row")
        else:
            self._close(cells, facts)
        return None

    def rows(self, stream: BinaryIO) -> Iterator[bytes]:
        begun = False
        while row := stream.readline(LINE_BYTES_MAX + 1):
            if len(row) > LINE_BYTES_MAX:
                raise _Next(f"it is longer than {LINE_BYTES_MAX} bytes")
            yield (row if begun else row.removeprefix(_MARK)).rstrip(b"\r\n")
            begun = True

    def _is_trailer(self, cells: list[str]) -> bool:
        at = self._map.trailer.index(MARKER) if self._map.trailer else len(cells)
        return at < len(cells) and cells[at] == self._map.trailer_marker

    def _close(self, cells: list[str], facts: _Facts) -> None:
        if len(cells) != len(self._map.trailer):
            raise Fault("the last row has not the agreed cells")
        said = dict(zip(self._map.trailer, cells, strict=True))
        if facts.is_wrong:  # a count and a total of rows that are not there
            facts.closed = True
            return
        if said[COUNT] != str(facts.count):
            raise Fault("the last row counts other entries than there are")
        if self._amounts.read(NET, said[NET], self._map.currency, signed=True).amount_minor != facts.net:
            raise Fault("the last row states another total than the entries add up to")
        facts.closed = True

    def _entry(self, cells: list[str], facts: _Facts, name: str) -> StatementEntry:
        if len(cells) != len(self._map.columns):
            raise Fault(f"it has {len(cells)} cells instead of {len(self._map.columns)}")
        given = {one: trimmed(one, cells[at]) for one, at in self._map.places.items()}
        signed = self._moved(given)
        day = self._time("booked_on", given["booked_on"]).date()
        facts.count += 1
        facts.net += signed.amount_minor
        facts.first = day if facts.first is None else min(facts.first, day)
        facts.last = day if facts.last is None else max(facts.last, day)
        if "balance" in given:
            self._balanced(given["balance"], signed, facts)
        valued = given.get("valued_on")
        text = given.get("text", "")
        if len(text) > TEXT_MAX:
            raise Fault(f"text: it is longer than {TEXT_MAX}")
        return StatementEntry(
            statement_id=name,
            account=self._map.account,
            number=facts.count,
            amount=Money(abs(signed.amount_minor), signed.currency),
            credit=signed.amount_minor >= 0,
            reversal=False,
            returned=False,
            status=BOOKED,
            booked_on=day,
            booked_at=None,
            valued_on=self._time("valued_on", valued).date() if valued else None,
            code="",
            entry_reference="",
            servicer_reference=given.get("bank_reference", ""),
            end_to_end_id=given.get("end_to_end_id", ""),
            transaction_id="",
            instruction_id="",
            reference="",
            remittance=text,
        )

    def _moved(self, given: Mapping[str, str]) -> Money:
        if "amount" in given:
            return self._amount("amount", given["amount"], self._map.currency, signed=True)
        debit, credit = (
            self._amount(name, given[name], self._map.currency, signed=False) if given[name] else None
            for name in ("debit", "credit")
        )
        if debit is not None and credit is not None and debit.amount_minor and credit.amount_minor:
            raise Fault("debit: it stands beside a credit")
        moved = credit if credit is not None and (credit.amount_minor or debit is None) else None
        if moved is None and debit is None:
            raise Fault("credit: there is neither a debit nor a credit")
        return moved if moved is not None else -(debit or Money(0, self._map.currency))

    def _balanced(self, text: str, signed: Money, facts: _Facts) -> None:
        """The balance beside an entry is that after it."""
        after = self._amounts.read("balance", text, self._map.currency, signed=True)
        start = after - signed
        if facts.balance is not None:
            follows = after.amount_minor == facts.before if self._map.newest_first else (
                start.amount_minor == facts.balance
            )  # fmt: skip
            if not follows:
                raise Fault("balance: it does not follow from the one before")
        facts.balance, facts.before = after.amount_minor, start.amount_minor
        if self._map.newest_first:
            facts.opening, facts.closing = start, facts.closing or after
        else:
            facts.opening, facts.closing = facts.opening or start, after


class _Next(Fault):
    """Of the row after the one that was come to."""
