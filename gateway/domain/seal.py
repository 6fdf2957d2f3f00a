"""What a seal of the ledger is made over, so that anyone who holds the records can make it again.

    digest of a record   SHA-256 of its canonical JSON: an entry with its transfers, or one line of the audit trail
    block                of some neighbouring records, in the order of their ids: id (8 bytes, big-endian) and digest
    hash of a day        SHA-256 of the hash of the day before, the day, the ids it goes up to, and all its blocks
    seal                 the Ed25519 signature of the hash

The chain begins with a hash of 32 zero bytes.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

ID_BYTES = 8
DIGEST_BYTES = 32
GENESIS = bytes(DIGEST_BYTES)


class RecordKind(StrEnum):
    ENTRY = "entry"
    AUDIT = "audit"


def digest(record: Sequence[Any]) -> bytes:
    """The digest of a record given as a list of its fields: JSON values, times in ISO 8601, bytes in hex."""
    canonical = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return sha256(canonical.encode()).digest()


def block(records: Iterable[tuple[int, bytes]]) -> bytes:
    """The block of the records, given as id and digest, in the order of their ids."""
    return b"".join(id.to_bytes(ID_BYTES, signed=True) + digest for id, digest in records)


def records_of(block: bytes) -> Iterator[tuple[int, bytes]]:
    """The id and digest of each record in a block."""
    for at in range(0, len(block), ID_BYTES + DIGEST_BYTES):
        id_end = at + ID_BYTES
        yield int.from_bytes(block[at:id_end], signed=True), block[id_end : id_end + DIGEST_BYTES]


def day_hash(previous: bytes, day: date, upto_ids: dict[RecordKind, int], blocks: Iterable[bytes]) -> bytes:
    """The hash of a day, chained to `previous`. `blocks`: those of the entries, then those of the audit trail."""
    hasher = sha256(previous)
    hasher.update(digest([day.isoformat(), {str(kind): id for kind, id in upto_ids.items()}]))
    for each in blocks:
        hasher.update(sha256(each).digest())
    return hasher.digest()
