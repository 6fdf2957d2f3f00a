"""A day's batches as files in a folder, where the gateway finds them as it would find what came by SFTP.

The layout is the column map that the adapter reads by, so that a contract's map can be rehearsed too. A file is written
anew whenever its day is sent out, whole and at once; a fault that was armed for "settlement_file" spoils it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.domain.money import Money
from gateway.ports.provider import LineKind, SettlementLine
from providers.column_map import ColumnMap
from providers.settlement_files import place, write
from providers.simulation.books import Document
from providers.simulation.faults import FILE_FAULTS, Switchboard

SETTLED = "settled"
"""The status of an honest line in a batch; the file has the layout's own word for it."""


class Outbox:
    """`reference_of` turns our payment id into the form in which the provider reports it."""

    def __init__(self, folder: Path, layout: ColumnMap, reference_of: Callable[[str], str] = lambda ours: ours) -> None:
        self._folder = folder
        self._layout = layout
        self._reference_of = reference_of

    def batch_id(self, day: date, number: int) -> str:
        """A batch bears the name of its file."""
        return self._layout.name_of(day, number)

    def send(self, day: date, batches: Sequence[tuple[Document, int]], board: Switchboard) -> None:
        """Write the files of `day`: of each batch with its stated total, or an empty one if nothing moved."""
        today = datetime.now(self._layout.zone).date()
        for batch, total_minor in batches:
            lines = [self._line(line) for line in batch["lines"]]
            file = b"".join(write(self._layout, lines, Money(total_minor, batch["currency"])))
            fault = board.take("settlement_file", FILE_FAULTS)
            place(self._folder, batch["id"], [file if fault is None else FILE_FAULTS[fault.name](file)])
        if not batches and day < today:
            place(self._folder, self.batch_id(day, 1), write(self._layout, []))

    def missing_days(self, yesterday: date) -> set[date]:
        """The days that have no file yet, if every day from the first on must have one."""
        names = [path.name for path in self._folder.glob("*")] if self._layout.daily else []
        there = {found[0] for found in map(self._layout.day_of, names) if found is not None}
        first = min(there, default=yesterday + timedelta(days=1))
        return {first + timedelta(days=n) for n in range((yesterday - first).days + 1)} - there

    def _line(self, line: Document) -> SettlementLine:
        honest = line["status"] == SETTLED
        return SettlementLine(
            line_id=line["id"],
            kind=LineKind(line["kind"]),
            gross=Money(line["gross_minor"], line["currency"]),
            fee=Money(line["fee_minor"], line["currency"]),
            occurred_at=datetime.fromtimestamp(line["occurred"], UTC),
            provider_transaction_id=line["transaction_id"],
            provider_refund_id=line["refund_id"],
            merchant_reference=self._reference_of(line["payment_id"]) if line["payment_id"] else None,
            status=self._layout.settled[0] if honest and self._layout.settled else line["status"],
            settled=honest,
        )
