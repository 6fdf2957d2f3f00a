"""One door for every statement of account that a bank sends: what it is, is told by its content.

All formats come out as the same neutral rows, each Statement before its entries. A fault may be found after rows were
yielded, at the latest at the end, so a caller keeps all rows or none.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO

from gateway.ports import camt, delimited, mt940
from gateway.ports.delimited import StatementMap
from gateway.ports.statement import Statement, StatementEntry, Tell, UnreadableStatement

CHUNK_BYTES = 64 * 1024

_MT940 = re.compile(rb"^:20:", re.MULTILINE)


class StatementFormat(StrEnum):
    CAMT = "camt"
    MT940 = "mt940"
    DELIMITED = "delimited"


def format_of(first: bytes, column_map: StatementMap | None = None) -> StatementFormat | None:
    """What a file is that begins with `first`; None if it is none of these."""
    first = first.removeprefix(b"\xef\xbb\xbf")
    if first.lstrip().startswith(b"<"):
        return StatementFormat.CAMT
    if _MT940.search(first):
        return StatementFormat.MT940
    return StatementFormat.DELIMITED if column_map is not None and first else None


def read_statement(stream: BinaryIO, column_map: StatementMap | None = None) -> Iterator[Statement | StatementEntry]:
    """The rows of camt.053, camt.054 or MT940, or of a delimited file by `column_map`.

    Raises UnreadableStatement, which means the whole of it.
    """
    if not stream.seekable():
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(stream, copy)
            copy.seek(0)
            yield from read_statement(copy, column_map)
        return
    kind = format_of(stream.read(CHUNK_BYTES), column_map)
    stream.seek(0)
    if kind is StatementFormat.CAMT:
        yield from camt.read(iter(lambda: stream.read(CHUNK_BYTES), b""))
    elif kind is StatementFormat.MT940:
        yield from mt940.read(stream)
    elif kind is StatementFormat.DELIMITED and column_map is not None:
        yield from delimited.read(stream, column_map)
    else:
        raise UnreadableStatement(
            "it is none of the formats that can be read: camt.053, camt.054, MT940; a delimited file needs a column map"
        )


def read_on(
    stream: BinaryIO, column_map: StatementMap | None, tell: Tell
) -> Iterator[tuple[int | None, Statement | StatementEntry]]:
    """The rows of a file that was refused and can go back, each with its line where it matters: to find out all that is
    wrong with it. `tell` hears of each fault, and not of what only follows from one.

    It ends where a format cannot be followed any further, as with XML that is not well-formed.
    """
    stream.seek(0)
    kind = format_of(stream.read(CHUNK_BYTES), column_map)
    stream.seek(0)
    try:
        if kind is StatementFormat.CAMT:
            yield from camt.read_on(iter(lambda: stream.read(CHUNK_BYTES), b""), tell)
        elif kind is StatementFormat.MT940:
            yield from ((None, row) for row in mt940.read(stream, tell))
        elif kind is StatementFormat.DELIMITED and column_map is not None:
            yield from delimited.read_on(stream, column_map, tell)
    except UnreadableStatement as fault:
        tell(fault)
