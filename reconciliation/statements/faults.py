"""All that is wrong with a statement that is refused, so that it can be mended at once."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from gateway.ports.delimited import StatementMap
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_on
from reconciliation.statements.bookings import bookings

FAULTS_MAX = 20
"""So many are told of a file, and then that there are more."""

AND_MORE = "there are more faults than these: mend them, and hand the file in again to be told the others"


class _Enough(Exception):
    """More faults than are told."""


class _Faults:
    """`line` is that of the entry that is looked at."""

    def __init__(self) -> None:
        self.found: list[UnreadableStatement] = []
        self.line: int | None = None

    def tell(self, fault: UnreadableStatement) -> None:
        if len(self.found) == FAULTS_MAX:
            raise _Enough
        self.found.append(fault)

    def tell_of_entry(self, fault: UnreadableStatement) -> None:
        self.tell(UnreadableStatement(fault.reason, line=self.line, field=fault.field))

    def rows(self, stream: BinaryIO, column_map: StatementMap | None) -> Iterator[Statement | StatementEntry]:
        for line, row in read_on(stream, column_map, self.tell):
            self.line = line
            yield row


def faults_in(
    stream: BinaryIO, column_map: StatementMap | None, first: UnreadableStatement
) -> tuple[dict[str, Any], ...]:
    """Line, field and reason of each fault, by line; `first` is that for which it was refused.
    What is found only once the whole file could be read is not looked for any more."""
    faults = _Faults()
    has_more = False
    newest_first = bool(column_map and column_map.newest_first)
    try:
        for _ in bookings(faults.rows(stream, column_map), newest_first=newest_first, tell=faults.tell_of_entry):
            pass
    except _Enough:
        has_more = True
    if not any((fault.field, fault.reason) == (first.field, first.reason) for fault in faults.found):
        faults.found = [first, *faults.found][:FAULTS_MAX]
    told = sorted(faults.found, key=lambda fault: (fault.line is None, fault.line))
    more = ({"line": None, "field": "", "reason": AND_MORE},) if has_more else ()
    return (*({"line": fault.line, "field": fault.field, "reason": fault.reason} for fault in told), *more)
