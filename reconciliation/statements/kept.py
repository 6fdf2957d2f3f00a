"""A bank's file as it was handed in, kept sealed in pieces, because it says who paid.

It is read back into a file without a name, which goes with the process that has it open.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast
from uuid import UUID

from gateway.services.runtime import Runtime
from gateway.services.vault import SealBroken, Vault, statement_chunk_purpose
from gateway.store import statements
from gateway.store.database import Transaction, new_id

PIECE_BYTES = 64 * 1024
AT_ONCE = 64


def keep(tx: Transaction, vault: Vault, file_id: UUID, stream: BinaryIO) -> None:
    """Seal and write what `stream` holds."""
    stream.seek(0)
    rows: list[dict[str, Any]] = []
    number = 0
    while piece := stream.read(PIECE_BYTES):
        chunk_id, number = new_id(), number + 1
        key_id, sealed = vault.seal_bytes(statement_chunk_purpose(chunk_id), piece)
        rows.append({"id": chunk_id, "file_id": file_id, "number": number, "master_key_id": key_id, "sealed": sealed})
        if len(rows) == AT_ONCE:
            statements.add_chunks(tx, rows)
            rows = []
    statements.add_chunks(tx, rows)


def pieces(runtime: Runtime, file_id: UUID) -> Iterator[bytes]:
    """What was handed in, a piece at a time. Raises VaultError."""
    number = 1
    while True:
        with runtime.db.read() as tx:
            row = statements.chunk(tx, file_id, number)
        if row is None:
            return
        yield runtime.vault.open_bytes(statement_chunk_purpose(row.id), row.master_key_id, row.sealed)
        number += 1


@contextmanager
def opened(runtime: Runtime, file_id: UUID, sha256: bytes) -> Iterator[BinaryIO]:
    """The file, to be read from its beginning. Raises VaultError, also if it is not what was handed in."""
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        for piece in pieces(runtime, file_id):
            digest.update(piece)
            file.write(piece)
        if digest.digest() != sha256:
            raise SealBroken("The kept file is not the one that was handed in.")
        file.seek(0)
        yield cast("BinaryIO", file)
