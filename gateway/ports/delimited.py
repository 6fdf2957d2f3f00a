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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, timezone
from functools import lru_cache
from itertools import repeat
from operator import sub
from typing import BinaryIO

from gateway.domain.money import EXPONENT, MAX_MINOR, Money
from gateway.ports.cells import Amounts, Fault, Times, Unit, columns_of, split, split_all
from gateway.ports.lines import LineTooLong, blocks_of_lines
from gateway.ports.statement import BOOKED, Statement, StatementEntry, Tell, UnreadableStatement

FIELDS = frozenset(
    {"booked_on", "valued_on", "amount", "debit", "credit", "balance", "bank_reference", "end_to_end_id", "text"}
)
LINE_BYTES_MAX = 8_192
TEXT_MAX = 500
ENCODINGS = ("utf-8", "ascii", "cp1258", "cp1252", "iso-8859-1")
MARKER, COUNT, NET, BLANK = TRAILER_CELLS = ("marker", "count", "net", "blank")
_MARK = b"\xef\xbb\xbf"
_TOO_LONG = f"it is longer than {LINE_BYTES_MAX} bytes"
_AFTER_LAST = "something follows the last row"
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
    """What a file comes to, in minor units; `is_wrong`: a row was left out."""

    count: int = 0
    net: int = 0
    first: date | None = None
    last: date | None = None
    opening: int | None = None
    closing: int | None = None
    closed: bool = False
    is_wrong: bool = False

    def add(self, minors: Sequence[int], days: Sequence[date]) -> None:
        self.count += len(minors)
        self.net += sum(minors)
        self.first = min(days) if self.first is None else min(self.first, *days)
        self.last = max(days) if self.last is None else max(self.last, *days)


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


def read_on(
    stream: BinaryIO, column_map: StatementMap, tell: Tell
) -> Iterator[tuple[int | None, Statement | StatementEntry]]:
    """The rows of what can be read, each entry with its line, though some cannot. The first row of all stands for a
    statement, and of its balances only whether there are any is right. Raises UnreadableStatement where no further
    reading is possible."""
    reader, facts = _Reader(column_map), _Facts()
    zero = Money(0, column_map.currency) if "balance" in column_map.fields else None
    yield None, Statement("", column_map.account, None, zero, zero)
    for line, row in reader.rows(stream):
        is_header = line == column_map.preamble + 1
        try:
            entry = reader.taken(row, facts, is_header=is_header)
        except Fault as fault:
            tell(reader.placed(fault, line))
            if is_header:
                return
            facts.is_wrong, facts.opening, facts.closing = True, None, None
        else:
            if entry is not None:
                yield line, entry
    if column_map.trailer and not facts.closed:
        raise UnreadableStatement("the last row is missing: the file was cut")


class _Reader:
    """Reads the columns of many rows at once, and where something is wrong in them row by row, to say in which."""

    def __init__(self, column_map: StatementMap) -> None:
        self._map = column_map
        self._row = 0  # that it has come to
        self._amounts = Amounts(Unit.MAJOR, column_map.decimal_mark, column_map.thousands_mark)
        self._times = Times(column_map.date_format, _UTC)
        # The fees of a tariff come again and again, as do the days.
        self._signed = lru_cache(maxsize=4096)(self._read_signed)
        self._one_of_two = lru_cache(maxsize=4096)(self._read_one_of_two)
        self._day = lru_cache(maxsize=256)(self._read_day)

    def facts(self, stream: BinaryIO) -> _Facts:
        """Of a file whose every row is held against its own figures."""
        facts = _Facts()
        with self._telling_where():
            for rows in self._blocks(stream):
                end = 0 if facts.closed else self._trailer_in(rows)
                self._add_all(rows[:end], facts)
                for cells in rows[end:]:
                    self._row += 1
                    if facts.closed:
                        raise Fault(_AFTER_LAST)
                    self._close(cells, facts)
        return facts

    def entries(self, stream: BinaryIO, name: str) -> Iterator[StatementEntry]:
        """Of a file that was read for its facts."""
        count = 0
        with self._telling_where():
            for rows in self._blocks(stream):
                entries = rows[: self._trailer_in(rows)]
                if not entries:
                    break
                yield from self._entries(entries, name, count)
                count += len(entries)
                self._row += len(rows)

    def rows(self, stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
        """The header and each row below it, with its line. Raises UnreadableStatement for one that is too long."""
        self._row = 0
        with self._telling_where():
            try:
                for lines in blocks_of_lines(stream, LINE_BYTES_MAX):
                    for line in lines:
                        self._row += 1
                        if self._row > self._map.preamble:
                            yield self._row, (line.removeprefix(_MARK) if self._row == 1 else line).rstrip(b"\r\n")
            except LineTooLong:
                self._row += 1
                raise Fault(_TOO_LONG) from None

    def taken(self, row: bytes, facts: _Facts, *, is_header: bool) -> StatementEntry | None:
        """The entry in the row; None if it has none. Raises Fault."""
        if is_header:
            self._check_header(row)
            return None
        cells = split(row, self._map.encoding, self._map.delimiter)
        if facts.closed:
            raise Fault(_AFTER_LAST)
        if self._trailer_in([cells]) == 0:
            self._close(cells, facts)
            return None
        self._add([cells], facts)
        return next(self._entries([cells], "", facts.count - 1))

    def placed(self, fault: Fault, line: int) -> UnreadableStatement:
        column, _, reason = str(fault).rpartition(": ")
        place = self._map.fields.get(column, column)
        return UnreadableStatement(f"{place}: {reason}" if place else str(fault), line=line, field=place)

    @contextmanager
    def _telling_where(self) -> Iterator[None]:
        try:
            yield
        except Fault as fault:
            raise self.placed(fault, self._row) from None

    def _entries(self, rows: list[list[str]], name: str, count: int) -> Iterator[StatementEntry]:
        """Those in the rows, of which `count` have been before."""
        given, nothing = self._columns(rows), repeat("")
        minors, amounts = self._moved(given)
        return map(
            StatementEntry,
            repeat(name),
            repeat(self._map.account),
            range(count + 1, count + len(minors) + 1),
            amounts,
            [minor >= 0 for minor in minors],
            repeat(False),
            repeat(False),
            repeat(BOOKED),
            self._booked_on(given),
            repeat(None),
            self._valued_on(given) or repeat(None),
            nothing,
            nothing,
            given.get("bank_reference", nothing),
            given.get("end_to_end_id", nothing),
            nothing,
            nothing,
            nothing,
            given.get("text", nothing),
        )

    def _check_header(self, row: bytes) -> None:
        if tuple(split(row.rstrip(b"\r\n"), self._map.encoding, self._map.delimiter)) != self._map.columns:
            raise Fault("it is not the header of the map")

    def _blocks(self, stream: BinaryIO) -> Iterator[list[list[str]]]:
        """The cells of the rows below the header. Raises Fault for what is wrong in the row that was come to."""
        self._row, row = 0, b""
        while self._row <= self._map.preamble and (row := stream.readline(LINE_BYTES_MAX + 1)):
            self._row += 1
            if len(row) > LINE_BYTES_MAX:
                raise Fault(_TOO_LONG)
            row = row.removeprefix(_MARK) if self._row == 1 else row
        if row:
            self._check_header(row)
        try:
            for lines in blocks_of_lines(stream, LINE_BYTES_MAX):
                stripped = [line.rstrip(b"\r\n") for line in lines]
                rows, fault = split_all(stripped, self._map.encoding, self._map.delimiter)
                if rows:
                    yield rows
                if fault is not None:
                    self._row += 1
                    raise fault
        except LineTooLong:
            self._row += 1
            raise Fault(_TOO_LONG) from None

    def _trailer_in(self, rows: Sequence[Sequence[str]]) -> int:
        """Where it stands among them; how many they are, if none of them is it."""
        if not self._map.trailer:
            return len(rows)
        at, marker = self._map.trailer.index(MARKER), self._map.trailer_marker
        return next((place for place, cells in enumerate(rows) if at < len(cells) and cells[at] == marker), len(rows))

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

    def _add_all(self, rows: list[list[str]], facts: _Facts) -> None:
        try:
            if rows:
                self._add(rows, facts)
        except Fault:
            for cells in rows:
                self._row += 1
                self._add([cells], facts)
        else:
            self._row += len(rows)

    def _add(self, rows: list[list[str]], facts: _Facts) -> None:
        """Nothing of them is added if there is a fault in one."""
        given = self._columns(rows)
        minors, _ = self._moved(given)
        days = self._booked_on(given)
        before, after = self._balances(given, minors, facts)
        if any(len(text) > TEXT_MAX for text in given.get("text", ())):
            raise Fault(f"text: it is longer than {TEXT_MAX}")
        self._valued_on(given)
        facts.add(minors, days)
        if not after:
            return
        if self._map.newest_first:
            facts.opening, facts.closing = before[-1], after[0] if facts.closing is None else facts.closing
        else:
            facts.opening, facts.closing = before[0] if facts.opening is None else facts.opening, after[-1]

    def _columns(self, rows: list[list[str]]) -> dict[str, tuple[str, ...]]:
        width = len(self._map.columns)
        odd = next((cells for cells in rows if len(cells) != width), None)
        if odd is not None:
            raise Fault(f"it has {len(odd)} cells instead of {width}")
        return columns_of(rows, self._map.places)

    def _booked_on(self, given: Mapping[str, Sequence[str]]) -> list[date]:
        return [self._day("booked_on", text) for text in given["booked_on"]]

    def _valued_on(self, given: Mapping[str, Sequence[str]]) -> list[date | None]:
        return [self._day("valued_on", text) if text else None for text in given.get("valued_on", ())]

    def _read_day(self, name: str, text: str) -> date:
        return self._times.read(name, text).date()

    def _moved(self, given: Mapping[str, Sequence[str]]) -> tuple[list[int], list[Money]]:
        """What came to the account, with its sign in minor units, and without it."""
        if "amount" in given:
            moved = list(map(self._signed, given["amount"]))
        else:
            moved = list(map(self._one_of_two, given["debit"], given["credit"]))
        return [minor for minor, _ in moved], [amount for _, amount in moved]

    def _read_signed(self, text: str) -> tuple[int, Money]:
        minor = self._amounts.read("amount", text, self._map.currency, signed=True).amount_minor
        return minor, Money(abs(minor), self._map.currency)

    def _read_one_of_two(self, debit: str, credit: str) -> tuple[int, Money]:
        currency = self._map.currency
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

    def _balances(
        self, given: Mapping[str, Sequence[str]], minors: Sequence[int], facts: _Facts
    ) -> tuple[list[int], list[int]]:
        """Those before and after each entry, of which the latter stand beside it, if any do."""
        currency, read = self._map.currency, self._amounts.read
        after = [read("balance", text, currency, signed=True).amount_minor for text in given.get("balance", ())]
        before = list(map(sub, after, minors))
        if any(abs(minor) > MAX_MINOR for minor in before):
            raise Fault("balance: it is too large")
        # Where an entry ends that stands above another, the other begins; with the newest first, it is the other way.
        last, ends, begins = facts.closing, after, before
        if self._map.newest_first:
            last, ends, begins = facts.opening, before, after
        if begins[1:] != ends[:-1] or (begins and last not in (None, begins[0])):
            raise Fault("balance: it does not follow from the one before")
        return before, after
