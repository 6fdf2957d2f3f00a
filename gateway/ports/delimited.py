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
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, timezone
from functools import lru_cache
from typing import BinaryIO

from gateway.domain.money import EXPONENT, MAX_MINOR, Money
from gateway.ports.cells import Amounts, Fault, Picked, Times, Unit, split_all
from gateway.ports.lines import LineTooLong, blocks_of_lines
from gateway.ports.statement import BOOKED, Statement, StatementEntry, UnreadableStatement

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
    """What a file comes to, in minor units. `balance` is that beside the entry before."""

    count: int = 0
    net: int = 0
    first: date | None = None
    last: date | None = None
    balance: int | None = None
    before: int = 0
    opening: int | None = None
    closing: int | None = None
    closed: bool = False


def read(stream: BinaryIO, column_map: StatementMap) -> Iterator[Statement | StatementEntry]:
    """Raises UnreadableStatement with the line, the column and the reason."""
    start, reader = stream.tell(), _Reader(column_map)
    facts = reader.facts(stream)
    if facts.first is None or facts.last is None:
        raise UnreadableStatement("it has no entries")
    if column_map.trailer and not facts.closed:
        raise UnreadableStatement("the last row is missing: the file was cut")
    name = f"{facts.first}/{facts.last}"
    opening, closing = (
        None if minor is None else Money(minor, column_map.currency) for minor in (facts.opening, facts.closing)
    )
    yield Statement(name, column_map.account, facts.last, opening, closing)
    stream.seek(start)
    yield from reader.entries(stream, name)


class _Reader:
    def __init__(self, column_map: StatementMap) -> None:
        self._map = column_map
        self._width = len(column_map.columns)
        self._marker_at = column_map.trailer.index(MARKER) if column_map.trailer else None
        self._picked = Picked(column_map.places)
        self._amounts = Amounts(Unit.MAJOR, column_map.decimal_mark, column_map.thousands_mark)
        self._times = Times(column_map.date_format, _UTC)
        # The fees of a tariff come again and again, as do the days.
        self._moved = lru_cache(maxsize=4096)(self._read_moved)
        self._day = lru_cache(maxsize=256)(self._read_day)

    def facts(self, stream: BinaryIO) -> _Facts:
        """Of a file whose every row is held against its own figures."""
        facts = _Facts()
        with self._telling_where():
            for cells in self._below_header(stream):
                if facts.closed:
                    raise Fault("something follows the last row")
                if self._is_trailer(cells):
                    self._close(cells, facts)
                else:
                    self._add(self._given(cells), facts)
        return facts

    def entries(self, stream: BinaryIO, name: str) -> Iterator[StatementEntry]:
        """Of a file that was read for its facts."""
        account = self._map.account
        with self._telling_where():
            for number, cells in enumerate(self._below_header(stream), start=1):
                if self._is_trailer(cells):
                    break
                given = self._given(cells)
                minor, amount = self._moved(given.get("amount"), given.get("debit", ""), given.get("credit", ""))
                valued = given.get("valued_on")
                yield StatementEntry(
                    name,
                    account,
                    number,
                    amount,
                    minor >= 0,
                    False,
                    False,
                    BOOKED,
                    self._day("booked_on", given["booked_on"]),
                    None,
                    self._day("valued_on", valued) if valued else None,
                    "",
                    "",
                    given.get("bank_reference", ""),
                    given.get("end_to_end_id", ""),
                    "",
                    "",
                    "",
                    given.get("text", ""),
                )

    @contextmanager
    def _telling_where(self) -> Iterator[None]:
        try:
            yield
        except Fault as fault:
            column, _, reason = str(fault).rpartition(": ")
            place = self._map.fields.get(column, column)
            raise UnreadableStatement(
                f"{place}: {reason}" if place else str(fault), line=self._row, field=place
            ) from None

    def _below_header(self, stream: BinaryIO) -> Iterator[list[str]]:
        rows = self._rows(stream)
        header = next(rows, None)
        if header is not None and tuple(header) != self._map.columns:
            raise Fault("it is not the header of the map")
        return rows

    def _rows(self, stream: BinaryIO) -> Iterator[list[str]]:
        """The cells of the header and of each row below it. Raises Fault for what is wrong in the next."""
        self._row = 0
        try:
            for lines in blocks_of_lines(stream, LINE_BYTES_MAX):
                rows = [line.rstrip(b"\r\n") for line in lines]
                if self._row == 0 and rows:
                    rows[0] = rows[0].removeprefix(_MARK)
                passed_over = max(0, min(len(rows), self._map.preamble - self._row))
                self._row += passed_over
                for cells in split_all(rows[passed_over:], self._map.encoding, self._map.delimiter):
                    self._row += 1
                    yield cells
        except LineTooLong:
            self._row += 1
            raise Fault(f"it is longer than {LINE_BYTES_MAX} bytes") from None
        except Fault:
            self._row += 1
            raise

    def _is_trailer(self, cells: list[str]) -> bool:
        at = self._marker_at
        return at is not None and at < len(cells) and cells[at] == self._map.trailer_marker

    def _close(self, cells: list[str], facts: _Facts) -> None:
        if len(cells) != len(self._map.trailer):
            raise Fault("the last row has not the agreed cells")
        said = dict(zip(self._map.trailer, cells, strict=True))
        if said[COUNT] != str(facts.count):
            raise Fault("the last row counts other entries than there are")
        if self._amounts.read(NET, said[NET], self._map.currency, signed=True).amount_minor != facts.net:
            raise Fault("the last row states another total than the entries add up to")
        facts.closed = True

    def _given(self, cells: list[str]) -> dict[str, str]:
        if len(cells) != self._width:
            raise Fault(f"it has {len(cells)} cells instead of {self._width}")
        return self._picked.of(cells)

    def _add(self, given: Mapping[str, str], facts: _Facts) -> None:
        minor, _ = self._moved(given.get("amount"), given.get("debit", ""), given.get("credit", ""))
        day = self._day("booked_on", given["booked_on"])
        facts.count += 1
        facts.net += minor
        if facts.first is None or facts.last is None:
            facts.first = facts.last = day
        elif day < facts.first:
            facts.first = day
        elif day > facts.last:
            facts.last = day
        if "balance" in given:
            self._balanced(given["balance"], minor, facts)
        if len(given.get("text", "")) > TEXT_MAX:
            raise Fault(f"text: it is longer than {TEXT_MAX}")
        if given.get("valued_on"):
            self._day("valued_on", given["valued_on"])

    def _read_day(self, name: str, text: str) -> date:
        return self._times.read(name, text).date()

    def _read_moved(self, signed: str | None, debit: str, credit: str) -> tuple[int, Money]:
        """What came to the account, with its sign in minor units and without it."""
        currency = self._map.currency
        if signed is not None:
            minor = self._amounts.read("amount", signed, currency, signed=True).amount_minor
            return minor, Money(abs(minor), currency)
        went, came = (
            self._amounts.read(name, text, currency, signed=False).amount_minor if text else None
            for name, text in (("debit", debit), ("credit", credit))
        )
        if went and came:
            raise Fault("debit: it stands beside a credit")
        if went is None and came is None:
            raise Fault("credit: there is neither a debit nor a credit")
        minor = came or -(went or 0)
        return minor, Money(abs(minor), currency)

    def _balanced(self, text: str, minor: int, facts: _Facts) -> None:
        """The balance beside an entry is that after it."""
        after = self._amounts.read("balance", text, self._map.currency, signed=True).amount_minor
        start = after - minor
        if abs(start) > MAX_MINOR:
            raise Fault("balance: it is too large")
        if facts.balance is not None:
            follows = after == facts.before if self._map.newest_first else start == facts.balance
            if not follows:
                raise Fault("balance: it does not follow from the one before")
        facts.balance, facts.before = after, start
        if self._map.newest_first:
            facts.opening, facts.closing = start, after if facts.closing is None else facts.closing
        else:
            facts.opening, facts.closing = start if facts.opening is None else facts.opening, after
