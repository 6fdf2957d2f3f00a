"""Settlement by files: a provider drops a file a business date into a folder, as by SFTP, in its contract's layout.

A file is read as it streams, in memory that does not grow with it, and any fault in it is OutcomeUnknown with the line,
the field and the reason: whoever reads stages all lines before believing one. That a file is not there is no empty
settlement: where the layout promises a file for every day, a day without one is NotSent, to be asked for again.

A file counts once it bears its final name. Whoever cannot rename (write aside, then move) is seen through by the last
row, where the layout has one: a file without it is still being written, or was cut.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, takewhile, zip_longest
from pathlib import Path
from typing import BinaryIO

from gateway.domain.money import Money
from gateway.ports.cells import Fault
from gateway.ports.lines import LineTooLong, blocks_of_lines
from gateway.ports.provider import BatchRef, NotSent, OutcomeUnknown, ProviderError, SettlementLine, SettlementWindow
from providers.column_map import ColumnMap, Trailer, UnusableMap, read_map
from providers.settings import MissingSettings, UnusableSetting
from providers.settlement_rows import Control, Rows

LINE_BYTES_MAX = 8_192
"""No row is longer; without a bound, a file of one endless line would fill the memory."""

_MARK = b"\xef\xbb\xbf"
_TOO_LONG = f"it is longer than {LINE_BYTES_MAX} bytes"
_NO_END = "it has not the agreed line end, or was cut"
_SEEN_BITS = 2**27  # 16 MiB: ten million ids leave some hundred thousand to be looked at twice


def directory_setting(provider: str) -> str:
    """The name of the setting that says where the provider's files arrive."""
    return f"GATEWAY_{provider.upper()}_SETTLEMENT_DIR"


def map_setting(provider: str) -> str:
    """The name of the setting that names the contract's column map; without it the demo's is used."""
    return f"GATEWAY_{provider.upper()}_SETTLEMENT_MAP"


def layout_of(provider: str, environment: Mapping[str, str], demo_map: Path) -> ColumnMap:
    """The column map that the settings name, or the demo's. Raises MissingSettings if it is blank, UnusableSetting."""
    name = map_setting(provider)
    given = environment.get(name, str(demo_map)).strip()
    if not given:
        raise MissingSettings(provider, [name])
    try:
        return read_map(Path(given))
    except UnusableMap as fault:
        raise UnusableSetting(provider, name, str(fault)) from None


class FileSettlements:
    """The files in `folder`, by a column map. `payment_of` turns the provider's form of our payment id into ours, or
    into None if it is none."""

    def __init__(
        self, folder: Path, layout: ColumnMap, payment_of: Callable[[str], str | None] = lambda given: given
    ) -> None:
        self._folder = folder
        self._layout = layout
        self._rows = Rows(layout, payment_of)

    def list_settlements(self, window: SettlementWindow) -> list[BatchRef]:
        """Raises NotSent if a file has not arrived, OutcomeUnknown if one has no end."""
        files = self._files()
        self._check_arrived(window, {day for day, _, _ in files})
        return [self._batch(day, name) for day, _, name in files if window.first <= day <= window.last]

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        """Raises NotSent, or OutcomeUnknown, the latter also after the last line was yielded."""
        tally = _Tally()
        error: ProviderError
        try:
            if self._layout.day_of(batch.id) is None:
                raise Fault("this is no name of a settlement file")
            with self._open(batch.id) as file:
                yield from self._lines(file, tally)
        except Fault as fault:
            error = _unreadable(batch.id, tally.row, str(fault))
        except OSError as failure:
            error = OutcomeUnknown(f"{batch.id} broke off while it was read", code=type(failure).__name__)
        else:
            return
        raise error

    def _files(self) -> list[tuple[date, int, str]]:
        try:
            names = [entry.name for entry in os.scandir(self._folder) if entry.is_file()]
        except OSError as error:
            code = type(error).__name__
        else:
            known = ((self._layout.day_of(name), name) for name in names)
            return sorted((*found, name) for found, name in known if found is not None)
        raise NotSent("the folder of settlement files cannot be read", code=code)

    def _check_arrived(self, window: SettlementWindow, there: set[date]) -> None:
        """From the first file on, every day that is over has one, if the layout promises that."""
        today = datetime.now(self._layout.zone).date()
        day = max(window.first, min(there, default=today))
        while self._layout.daily and day <= window.last and day < today:
            if day not in there:
                raise NotSent(f"the settlement file of {day} has not arrived", code="not_arrived")
            day += timedelta(days=1)

    def _batch(self, day: date, name: str) -> BatchRef:
        return BatchRef(name, day, self._stated_total(name) if self._layout.trailer else None)

    def _stated_total(self, name: str) -> Money:
        """Out of the last row, which is looked at from the file's end."""
        with self._open(name) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LINE_BYTES_MAX))
            tail = file.read(LINE_BYTES_MAX)
        end = self._layout.line_end
        last = tail.removesuffix(end).rpartition(end)[2]
        try:
            cells = self._rows.cells(last) if tail.endswith(end) else []
            if self._rows.is_trailer(cells):
                return self._rows.control(cells).net
            reason = "its last row is missing: it is still being written, or was cut"
        except Fault as fault:
            reason = str(fault)
        raise _unreadable(name, 0, reason)

    def _open(self, name: str) -> BinaryIO:
        """Raises NotSent."""
        try:
            return (self._folder / name).open("rb")
        except OSError as error:
            code = type(error).__name__
        raise NotSent(f"the settlement file {name} cannot be opened", code=code)

    def _lines(self, file: BinaryIO, tally: "_Tally") -> Iterator[SettlementLine]:
        """Raises Fault in the row that `tally` has come to."""
        trailer, ids = self._layout.trailer, _Repeats()
        for rows in self._blocks(file, tally):
            end = 0 if tally.control is not None else self._rows.trailer_in(rows)
            for line in self._read(rows[:end], tally):
                ids.note(line.line_id)
                tally.count += 1
                if trailer is not None and line.gross.currency == trailer.currency:
                    tally.net += line.gross.amount_minor - line.fee.amount_minor
                yield line
            for cells in rows[end:]:
                tally.row += 1
                if tally.control is not None:
                    raise Fault("something follows the last row")
                tally.control = self._rows.control(cells)
        if trailer is not None:
            tally.check(trailer)
        if ids.suspects:
            self._check_unique(file, ids.suspects, tally)

    def _read(self, rows: Sequence[Sequence[str]], tally: "_Tally") -> Iterator[SettlementLine]:
        """At once, and where something is wrong in them row by row, to say in which."""
        try:
            lines = self._rows.lines(rows) if rows else []
        except Fault:
            lines = []
        for cells, line in zip_longest(rows, lines):
            tally.row += 1
            yield line or self._rows.line(cells)

    def _blocks(self, file: BinaryIO, tally: "_Tally") -> Iterator[list[list[str]]]:
        """The cells of the rows below the header, of each of which `tally` is to be told. Raises Fault."""
        file.seek(0)
        header = file.readline(LINE_BYTES_MAX + 1)
        if not header:
            raise Fault("the file is empty")
        tally.row += 1
        self._check_header(header)
        end = self._layout.line_end
        try:
            for lines in blocks_of_lines(file, LINE_BYTES_MAX):
                whole = [line.removesuffix(end) for line in takewhile(lambda line: line.endswith(end), lines)]
                rows, fault = self._rows.cells_of_all(whole)
                yield rows
                if fault is not None or len(whole) < len(lines):
                    tally.row += 1
                    raise fault or Fault(_NO_END)
        except LineTooLong:
            tally.row += 1
            raise Fault(_TOO_LONG) from None

    def _check_header(self, row: bytes) -> None:
        end, marked = self._layout.line_end, self._layout.encoding == "utf-8-sig"
        if len(row) > LINE_BYTES_MAX:
            raise Fault(_TOO_LONG)
        if not row.endswith(end):
            raise Fault(_NO_END)
        if row.startswith(_MARK) is not marked:
            raise Fault(f"its first bytes are {'not ' if marked else ''}a byte order mark")
        if tuple(self._rows.cells(row.removesuffix(end).removeprefix(_MARK))) != self._layout.columns:
            raise Fault(f"it is not the header of layout {self._layout.version}")

    def _check_unique(self, file: BinaryIO, suspects: Set[str], tally: "_Tally") -> None:
        """Look at all rows again for the few ids that may have come twice."""
        at, seen = self._layout.fields["line_id"], set()
        tally.row = 0
        for cells in chain.from_iterable(self._blocks(file, tally)):
            tally.row += 1
            if not self._rows.is_trailer(cells) and cells[at] in suspects:
                if cells[at] in seen:
                    raise Fault("line_id: another line has it already")
                seen.add(cells[at])


@dataclass
class _Tally:
    """How far a file has been read, and what it came to, to be held against what its last row says."""

    row: int = 0
    count: int = 0
    net: int = 0
    control: Control | None = None

    def check(self, trailer: Trailer) -> None:
        """A wrong count is a broken file. A wrong total is what the provider says it pays out: that is for the
        reconciliation to name, unless the contract has files refused for it."""
        if self.control is None:
            raise Fault("the last row is missing: the file was cut")
        if self.control.count != self.count:
            raise Fault("the last row counts other lines than there are")
        if trailer.checked and self.control.net.amount_minor != self.net:
            raise Fault("the last row states another total than the lines add up to")


class _Repeats:
    """Finds the ids that may have come before, in memory that does not grow with the file: a bit says that an id of
    this hash was seen."""

    def __init__(self) -> None:
        self._bits = bytearray(_SEEN_BITS // 8)
        self.suspects: set[str] = set()

    def note(self, line_id: str) -> None:
        place, bit = divmod(hash(line_id) % _SEEN_BITS, 8)
        if self._bits[place] >> bit & 1:
            self.suspects.add(line_id)
        self._bits[place] |= 1 << bit


def write(layout: ColumnMap, lines: Iterable[SettlementLine], total: Money | None = None) -> Iterator[bytes]:
    """The rows of a file that says `lines`; `total` is what it states to pay out, their sum if it is None.

    For those who play a provider. Raises Fault for a line that the layout cannot say.
    """
    rows, tally = Rows(layout), _Tally()
    yield (_MARK if layout.encoding == "utf-8-sig" else b"") + rows.header()
    for line in lines:
        tally.count += 1
        if layout.trailer is not None and line.gross.currency == layout.trailer.currency:
            tally.net += line.net.amount_minor
        yield rows.row_of(line)
    if layout.trailer is not None:
        stated = total or Money(tally.net, layout.trailer.currency)
        yield rows.trailer_of(Control(tally.count, stated))


def place(folder: Path, name: str, content: Iterable[bytes]) -> None:
    """Let the file appear in `folder` whole and at once."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{name}.new"
    with aside.open("wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / name)


def _unreadable(name: str, row: int, reason: str) -> OutcomeUnknown:
    where = f"{name} line {row}" if row else name
    return OutcomeUnknown(f"{where}: {reason}", code="unreadable")
