"""Verify the seals: recompute everything from the records, and name the first one that is not what it was.

What can be told: any record up to the last seal that was changed, removed or inserted, any seal that was, and any sum
that does not follow from the records. What cannot: that the newest seals were removed together with all that followed;
so compare the last day and hash with what was noted elsewhere.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.seal import GENESIS, RecordKind, day_hash, records_of
from gateway.services.ledger_digests import DIGESTS
from gateway.services.sealer import is_signed
from gateway.store import seals
from gateway.store.database import Database

BEFORE_ALL_IDS = -(2**63)
TRANSFERS_A_STEP = 100_000


class What(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True)
class Fault:
    """`record`: entry, audit, seal, transfer (one that belongs to no entry) or total (of a snapshot).

    `day` is the day in whose seal the record is; for a transfer and a total its business date. A seal has no `id`; a
    total has that of its snapshot.
    """

    day: date
    record: str
    id: int | None
    what: What

    def __str__(self) -> str:
        which = self.record if self.id is None else f"{self.record} {self.id}"
        return f"{self.day}: {which} was {self.what}"


@dataclass(frozen=True, slots=True)
class Verification:
    """How many sealed records were compared, the last day that holds and its hash, and the first fault, if any."""

    records: int
    last_day: date | None
    last_hash: bytes | None
    fault: Fault | None


def verify_ledger(db: Database, trusted_keys: Collection[bytes]) -> Verification:
    """Recompute all seals, oldest first, then look for transfers of no entry and for sums that are wrong.

    `trusted_keys`: the public keys that ever sealed. Never take them from the database: an intruder could have sealed
    everything anew with a key of their own. Takes memory for one block of records and one line a day.
    """
    with db.read() as tx:
        sealed = seals.seals(tx)
    records = 0
    for before, seal in zip([None, *sealed], sealed, strict=False):
        day = _Day(db, before, seal)
        fault = day.fault(trusted_keys)
        records += day.records
        if fault:
            return Verification(records, *_last(before), fault)
    return Verification(records, *_last(sealed[-1] if sealed else None), _stray_transfer(db) or _wrong_total(db))


def _last(seal: Row[Any] | None) -> tuple[date | None, bytes | None]:
    return (seal.sealed_on, seal.hash) if seal else (None, None)


class _Day:
    """One day's seal, held against the records."""

    def __init__(self, db: Database, before: Row[Any] | None, seal: Row[Any]) -> None:
        self._db = db
        self._seal = seal
        self._previous: bytes = before.hash if before else GENESIS
        self._after = _upto(before)
        self._first_difference: Fault | None = None
        self.records = 0

    def fault(self, trusted_keys: Collection[bytes]) -> Fault | None:
        seal, upto = self._seal, _upto(self._seal)
        blocks = (digests for kind in RecordKind for digests in self._compared_blocks(kind, upto[kind]))
        computed = day_hash(self._previous, seal.sealed_on, upto, blocks)
        trusted = seal.public_key in trusted_keys and is_signed(seal.public_key, seal.hash, seal.signature)
        if not trusted or seal.previous_hash != self._previous or seal.hash != computed:
            return Fault(seal.sealed_on, "seal", None, What.CHANGED)
        return self._first_difference

    def _compared_blocks(self, kind: RecordKind, upto: int) -> Iterator[bytes]:
        """The day's blocks, each compared on the way with what the records are now."""
        after = self._after[kind] or BEFORE_ALL_IDS
        while True:
            with self._db.read() as tx:
                block = seals.next_block(tx, kind, after, upto)
                if block is None:
                    return
                now = DIGESTS[kind](tx, after, block.upto_id)
            self._compare(kind, dict(records_of(block.digests)), dict(now))
            yield block.digests
            after = block.upto_id

    def _compare(self, kind: RecordKind, sealed: dict[int, bytes], now: dict[int, bytes]) -> None:
        self.records += len(sealed)
        if sealed == now or self._first_difference:
            return
        first = min(id for id in sealed | now if sealed.get(id) != now.get(id))
        what = What.INSERTED if first not in sealed else What.REMOVED if first not in now else What.CHANGED
        self._first_difference = Fault(self._seal.sealed_on, kind, first, what)


def _upto(seal: Row[Any] | None) -> dict[RecordKind, int]:
    return {
        RecordKind.ENTRY: seal.upto_entry_id if seal else 0,
        RecordKind.AUDIT: seal.upto_audit_id if seal else 0,
    }


def _stray_transfer(db: Database) -> Fault | None:
    after = BEFORE_ALL_IDS
    while True:
        with db.read() as tx:
            upto = seals.transfer_id_after(tx, after, TRANSFERS_A_STEP)
            if upto is None:
                return None
            stray = seals.stray_transfer(tx, after, upto)
        if stray:
            return Fault(stray.business_date, "transfer", stray.id, What.INSERTED)
        after = upto


def _wrong_total(db: Database) -> Fault | None:
    with db.read() as tx:
        snapshots = seals.snapshots(tx)
    after = BEFORE_ALL_IDS
    for snapshot in snapshots:
        with db.read() as tx:
            wrong = seals.wrong_total(tx, snapshot.id, after, snapshot.upto_transfer_id)
        if wrong:
            return Fault(wrong.business_date, "total", snapshot.id, What.CHANGED)
        after = snapshot.upto_transfer_id
    return None
