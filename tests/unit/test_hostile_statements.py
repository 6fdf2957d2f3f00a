"""Files of a gigabyte that only want to fill the memory are refused after some kilobytes, and told where."""

import io
from collections.abc import Iterator

import pytest

from gateway.ports.delimited import StatementMap
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_statement
from tests.unit.test_camt import message

GIGABYTE = 2**30
LOOKED_AT_MAX = 4 * 2**20
MAP = StatementMap(
    account="1",
    currency="EUR",
    columns=("day", "amount", "text"),
    fields={"booked_on": "day", "amount": "amount", "text": "text"},
    date_format="%Y-%m-%d",
)
MT940 = ":20:S\n:25:EE1\n:28C:1\n:60F:C261124EUR0,\n:61:2611251125C1,00NTRFNONREF\n:86:"
DELIMITED = "day,amount,text\n2026-11-25,1.00,"
CAMT_TEXT = message().partition("FEE FOR")[0]
CAMT_TAG = message().partition("<NtryRef>")[0] + "<NtryRef "


class Endless(io.RawIOBase):
    """`start`, and then `filling` until a gigabyte is full; it knows how much of it was asked for."""

    def __init__(self, start: bytes, filling: bytes) -> None:
        super().__init__()
        self._start, self._filling = start, filling * (2**16 // len(filling))
        self._at = self.given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: GIGABYTE}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        rest = self._start[self._at :] or self._filling[(self._at - len(self._start)) % len(self._filling) :]
        count = min(len(buffer), len(rest), GIGABYTE - self._at)
        buffer[:count] = rest[:count]
        self._at += count
        self.given += count
        return count


def read(stream: io.RawIOBase) -> Iterator[Statement | StatementEntry]:
    return read_statement(io.BufferedReader(stream), MAP)


@pytest.mark.parametrize(
    ("start", "filling", "reason", "line"),
    [
        (MT940, "x", "it is longer than 8192 bytes", 6),
        (MT940, "\u00f5", "it is longer than 8192 bytes", 6),
        (DELIMITED, "x", "it is longer than 8192 bytes", 2),
        (DELIMITED, '"', "it is longer than 8192 bytes", 2),
        (CAMT_TEXT, "x", "a text or a tag is longer than 1048576 bytes", CAMT_TEXT.count("\n") + 1),
        (CAMT_TEXT, "&#120;", "a text or a tag is longer than 1048576 bytes", CAMT_TEXT.count("\n") + 1),
        (CAMT_TAG, "x", "a text or a tag is longer than 1048576 bytes", CAMT_TAG.count("\n") + 1),
        (CAMT_TEXT, "<b>", "more than 20000 elements", CAMT_TEXT.count("\n") + 1),
        (CAMT_TEXT + "</Ustrd>", "<Ustrd>x</Ustrd>", "more than 20000 elements", CAMT_TEXT.count("\n") + 1),
    ],
    ids=["mt940", "mt940-utf8", "delimited", "quotes", "text", "references", "tag", "depth", "elements"],
)
def test_a_gigabyte_without_end_is_refused_early(start: str, filling: str, reason: str, line: int) -> None:
    stream = Endless(start.encode(), filling.encode())
    with pytest.raises(UnreadableStatement, match=reason) as refused:
        for _ in read(stream):
            pass
    assert refused.value.line == line
    assert stream.given < LOOKED_AT_MAX
