"""The rows of a settlement file: a line to cells and back, by a column map, and never half believed.

A cell in another form than agreed (a date with a digit missing, a wrongly placed mark, a word that the map does not
know) is a fault. Faults name the field and the reason, never the value, which may be somebody's name.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import repeat

from gateway.domain.money import Money
from gateway.ports.cells import Amounts, Fault, Times, Unit, columns_of, split, split_all
from gateway.ports.provider import SettlementLine
from providers.column_map import BLANK, COUNT, MARKER, NET, ColumnMap

_COUNT = re.compile(r"0|[1-9]\d{0,11}", re.ASCII)
_HUNDREDTHS = 2
_NO_CURRENCY = "it is not a currency or an amount of it"


@dataclass(frozen=True, slots=True)
class Control:
    """What a file says of itself in its last row."""

    count: int
    net: Money


class Rows:
    """Cells and lines of one layout. `payment_of` turns the provider's form of our payment id into ours."""

    def __init__(self, layout: ColumnMap, payment_of: Callable[[str], str | None] = lambda given: given) -> None:
        self._layout = layout
        self._payment_of = payment_of
        self._signed = layout.outgoing is None
        self._outgoing = layout.outgoing or frozenset()
        self._amounts = Amounts(layout.unit, layout.decimal_mark, layout.thousands_mark)
        # The fees of a tariff come again and again, as do the seconds of a busy day.
        self._amount = lru_cache(maxsize=4096)(partial(self._amounts.read, signed=self._signed))
        self._time = lru_cache(maxsize=4096)(Times(layout.time_format, layout.zone).read)
        self._encoding = layout.encoding.removesuffix("-sig")
        self._marker = layout.trailer.marker if layout.trailer else None
        self._marker_at = layout.trailer.cells.index(MARKER) if layout.trailer else 0

    def cells(self, row: bytes) -> list[str]:
        """The cells of a row without its line end. Raises Fault."""
        return split(row, self._encoding, self._layout.delimiter)

    def cells_of_all(self, rows: Sequence[bytes]) -> tuple[list[list[str]], Fault | None]:
        """Those of each up to the first that is at fault, and that fault."""
        return split_all(rows, self._encoding, self._layout.delimiter)

    def line(self, cells: Sequence[str]) -> SettlementLine:
        """Raises Fault."""
        return self.lines([cells])[0]

    def lines(self, rows: Sequence[Sequence[str]]) -> list[SettlementLine]:
        """Raises Fault if one of them is at fault."""
        layout, nothing = self._layout, repeat(None)
        odd = next((cells for cells in rows if len(cells) != len(layout.columns)), None)
        if odd is not None:
            raise Fault(f"it has {len(odd)} cells instead of {len(layout.columns)}")
        given = columns_of(rows, layout.fields)
        return list(
            map(
                self._line,
                given["kind"],
                repeat(layout.currency) if layout.currency else given["currency"],
                given["gross"],
                given["line_id"],
                given.get("fee", nothing),
                given["occurred_at"],
                given.get("provider_transaction_id", nothing),
                given.get("provider_refund_id", nothing),
                given.get("merchant_reference", nothing),
                given.get("status", nothing),
                given.get("net", nothing),
            )
        )

    def _line(
        self,
        word: str,
        currency: str,
        gross: str,
        line_id: str,
        fee: str | None,
        occurred_at: str,
        transaction: str | None,
        refund: str | None,
        reference: str | None,
        status: str | None,
        net: str | None,
    ) -> SettlementLine:
        kind = self._layout.kinds.get(word)
        if kind is None:
            raise Fault("kind: the map does not know this word")
        amount = self._amount("gross", gross, currency)
        amount = -amount if word in self._outgoing else amount
        if not line_id:
            raise Fault("line_id: it is empty")
        kept = self._amount("fee", fee, currency) if fee is not None else Money(0, currency)
        line = SettlementLine(
            line_id,
            kind,
            amount,
            kept,
            self._time("occurred_at", occurred_at),
            transaction or None,
            refund or None,
            self._payment_of(reference) if reference else None,
            status or "",
            status is None or status in self._layout.settled,
        )
        if net is not None:
            stated, paid = self._amount("net", net, currency).amount_minor, amount.amount_minor - kept.amount_minor
            if stated != (paid if self._signed else abs(paid)):
                raise Fault("net: it is not gross less fee")
        return line

    def is_trailer(self, cells: Sequence[str]) -> bool:
        return self._marker is not None and len(cells) > self._marker_at and cells[self._marker_at] == self._marker

    def trailer_in(self, rows: Sequence[Sequence[str]]) -> int:
        """Where the last row stands among them; how many they are, if it does not."""
        return next((at for at, cells in enumerate(rows) if self.is_trailer(cells)), len(rows))

    def control(self, cells: Sequence[str]) -> Control:
        """What the last row says. Raises Fault."""
        trailer = self._layout.trailer
        if trailer is None or len(cells) != len(trailer.cells):
            raise Fault("the last row has not the agreed cells")
        said = list(zip(trailer.cells, cells, strict=True))
        if any(cell for name, cell in said if name == BLANK):
            raise Fault("the last row holds something in a blank cell")
        count, net = dict(said)[COUNT], dict(said)[NET]
        if not _COUNT.fullmatch(count):
            raise Fault("count: it is not a whole number")
        return Control(int(count), self._amounts.read(NET, net, trailer.currency, signed=True))

    def header(self) -> bytes:
        return self._row(self._layout.columns)

    def row_of(self, line: SettlementLine) -> bytes:
        """Raises Fault if the layout cannot say it."""
        values = {
            "line_id": line.line_id,
            "kind": self._word(line),
            "merchant_reference": line.merchant_reference or "",
            "provider_transaction_id": line.provider_transaction_id or "",
            "provider_refund_id": line.provider_refund_id or "",
            "currency": line.gross.currency,
            "gross": self._figure(line.gross),
            "fee": self._figure(line.fee),
            "net": self._figure(line.net),
            "occurred_at": line.occurred_at.astimezone(self._layout.zone).strftime(self._layout.time_format),
            "status": line.status,
        }
        cells = [""] * len(self._layout.columns)
        for name, at in self._layout.fields.items():
            cells[at] = values[name]
        row = self._row(cells)
        if self.line(self.cells(row.removesuffix(self._layout.line_end))) != line:
            raise Fault("the layout has no way to say this line")
        return row

    def trailer_of(self, control: Control) -> bytes:
        trailer = self._layout.trailer
        if trailer is None:
            return b""
        net = self._figure(control.net, signed=True)
        said = {MARKER: trailer.marker, COUNT: str(control.count), NET: net, BLANK: ""}
        return self._row([said[name] for name in trailer.cells])

    def _word(self, line: SettlementLine) -> str:
        """The layout's word for the line's kind, with its direction where that is how signs are told."""
        layout = self._layout
        words = [word for word, kind in layout.kinds.items() if kind is line.kind]
        if layout.outgoing is not None and line.gross.amount_minor:
            words = [word for word in words if (word in (layout.outgoing or ())) is (line.gross.amount_minor < 0)]
        if not words:
            raise Fault("kind: the layout has no word for it")
        return words[0]

    def _figure(self, amount: Money, *, signed: bool = False) -> str:
        """`amount` as the layout writes it; without its sign where the kind tells it, unless `signed`."""
        sign = "-" if amount.amount_minor < 0 and (signed or self._signed) else ""
        if self._layout.unit is Unit.MINOR:
            return f"{sign}{abs(amount.amount_minor)}"
        major = abs(amount.major())
        if self._layout.unit is Unit.HUNDREDTHS:
            return f"{sign}{major.scaleb(_HUNDREDTHS):f}"
        whole, _, decimals = f"{major:f}".partition(".")
        grouped = f"{int(whole):,}".replace(",", self._layout.thousands_mark)
        return sign + grouped + (self._layout.decimal_mark + decimals if decimals else "")

    def _row(self, cells: Iterable[str]) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=self._layout.delimiter, lineterminator="").writerow(cells)
        return text.getvalue().encode(self._layout.encoding.removesuffix("-sig")) + self._layout.line_end
