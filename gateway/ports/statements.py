"""One door for every statement of account that a bank sends: what it is, is told by its content.

All formats come out as the same neutral rows, each Statement before its entries. A fault may be found after rows were
yielded, at the latest at the end, so a caller keeps all rows or none.
"""

from collections.abc import Iterator
from typing import BinaryIO

from gateway.ports import camt
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement

CHUNK_BYTES = 64 * 1024


def read_statement(stream: BinaryIO, column_map: object | None = None) -> Iterator[Statement | StatementEntry]:
    """The rows of camt.053 or camt.054. Raises UnreadableStatement, which means the whole of it."""
    first = stream.read(CHUNK_BYTES)
    if not first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise UnreadableStatement("it is none of the formats that can be read: camt.053, camt.054")
    yield from camt.read(_chunks(first, stream))


def _chunks(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    chunk = first
    while chunk:
        yield chunk
        chunk = stream.read(CHUNK_BYTES)
