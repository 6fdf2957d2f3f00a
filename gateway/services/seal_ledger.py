"""Seal a day: what is in the ledger and the audit trail can from then on not be altered without it showing.

The seal goes over all records that were settled since the last seal, also those of days before that came in late. It is
chained to the last one and signed. What it is made over is written in gateway.domain.seal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.domain.errors import Conflict
from gateway.domain.seal import GENESIS, RecordKind, block, day_hash
from gateway.services.ledger_digests import DIGESTS
from gateway.services.sealer import Sealer
from gateway.store import seals
from gateway.store.database import Database, Transaction
from gateway.store.locks import try_lock
from gateway.store.settled import settled_upto

# Longer than any transaction of ours may stay open.
PATIENCE = timedelta(seconds=60)
IDS_A_BLOCK = 1000


class DayAlreadySealed(Conflict):
    code = "day_already_sealed"


@dataclass(frozen=True, slots=True)
class Seal:
    """`hash` is worth keeping elsewhere, or publishing: it holds fast everything up to that day."""

    day: date
    hash: bytes
    signature: bytes
    public_key: bytes


def seal_ledger(db: Database, sealer: Sealer, day: date, *, patience: timedelta = PATIENCE) -> Seal | None:
    """Seal everything that is settled, as of `day`. A day that is the last sealed one already is answered as it is.

    None, and nothing sealed, if a writer did not end within `patience` or another process is at it: try again later.
    Raises DayAlreadySealed if a later day is sealed. Takes memory for one block of records, however many there are.
    """
    settled = {kind: settled_upto(db, seals.TABLES[kind], patience) for kind in RecordKind}
    for kind, upto in settled.items():
        if upto is None or not _append_blocks(db, kind, upto):
            return None
    with db.transaction() as tx:
        return _seal(tx, sealer, day) if try_lock(tx, "seal_ledger") else None


def _append_blocks(db: Database, kind: RecordKind, settled: int) -> bool:
    """Digest the records up to the id `settled`, each block in a transaction of its own; False if others are at it."""
    while True:
        with db.transaction() as tx:
            if not try_lock(tx, "seal_ledger"):
                return False
            after = seals.last_block_id(tx, kind)
            if after >= settled:
                return True
            upto = min(after + IDS_A_BLOCK, settled)
            seals.add_block(tx, kind, upto, block(DIGESTS[kind](tx, after, upto)))


def _seal(tx: Transaction, sealer: Sealer, day: date) -> Seal:
    last = seals.last_seal(tx)
    if last and last.sealed_on == day:
        return Seal(day, last.hash, last.signature, last.public_key)
    if last and last.sealed_on > day:
        raise DayAlreadySealed(f"{last.sealed_on} is sealed already, so {day} cannot be any more.")
    after = {RecordKind.ENTRY: last.upto_entry_id if last else 0, RecordKind.AUDIT: last.upto_audit_id if last else 0}
    upto = {kind: seals.last_block_id(tx, kind) for kind in RecordKind}
    previous = last.hash if last else GENESIS
    blocks = (digests for kind in RecordKind for digests in _blocks(tx, kind, after[kind], upto[kind]))
    hash = day_hash(previous, day, upto, blocks)
    seal = Seal(day, hash, sealer.sign(hash), sealer.public_key)
    ids = {"upto_entry_id": upto[RecordKind.ENTRY], "upto_audit_id": upto[RecordKind.AUDIT]}
    signed = {"hash": hash, "signature": seal.signature, "public_key": seal.public_key, "previous_hash": previous}
    seals.add_seal(tx, {"sealed_on": day, "sealed_at": tx.now} | ids | signed)
    return seal


def _blocks(tx: Transaction, kind: RecordKind, after: int, upto: int) -> Iterator[bytes]:
    while found := seals.next_block(tx, kind, after, upto):
        yield found.digests
        after = found.upto_id
