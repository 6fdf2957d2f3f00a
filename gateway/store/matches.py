"""Matches in the database: the bulk in chunks, a block of lines a row; what the steps matched, a row a member.

A block is 1,024 lines of a batch, or entries of the ledger, by their numbers. Two tables of bits say which lines and
entries each run has matched, and a trigger refuses a bit that another run has set.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.reconciliation import match_chunks, match_rows, matched_entries, matched_lines

TABLES = (matched_lines, matched_entries, match_chunks, match_rows)

# By the beginning of a file's name, in the order in which they are written: what is taken already is refused at once.
_COPY: Mapping[str, str] = {
    "lines": "COPY matched_lines (batch, block, run_id, bits) FROM STDIN (FORMAT csv)",
    "entries": "COPY matched_entries (block, run_id, bits) FROM STDIN (FORMAT csv)",
    "chunks": "COPY match_chunks (batch, block, run_id, pairs) FROM STDIN (FORMAT csv)",
    "rows": "COPY match_rows (batch, line, entry_id, run_id, rule, evidence, group_no) FROM STDIN (FORMAT csv)",
}

# Each member of a match has its bit, so that nothing is in two matches of one run either.
_HAS_BITS = text(
    """
    SELECT (SELECT coalesce(sum(bit_count(bits)), 0) FROM matched_lines WHERE run_id = :run_id)
           = (SELECT count(line) FROM match_rows WHERE run_id = :run_id) + in_chunks.pairs
       AND (SELECT coalesce(sum(bit_count(bits)), 0) FROM matched_entries WHERE run_id = :run_id)
           = (SELECT count(entry_id) FROM match_rows WHERE run_id = :run_id) + in_chunks.pairs
      FROM (SELECT coalesce(sum(cardinality(pairs)), 0) AS pairs FROM match_chunks WHERE run_id = :run_id) AS in_chunks
    """
)

_MATCHED_BATCHES = text(
    """
    SELECT id FROM settlement_batches
     WHERE id IN (SELECT batch FROM matched_lines WHERE run_id = :run_id) ORDER BY business_date, batch_id
    """
)


_IS_MATCHED = text(
    """
    SELECT EXISTS (SELECT FROM matched_entries
                    WHERE block = :entry >> 10 AND get_bit(bits, CAST(:entry & 1023 AS int)) = 1)
    """
)

# A write-off whose entry a run has matched after all: the money came.
_COME_AFTER_ALL = text(
    """
    SELECT resolution.id, resolution.effect, known.agency_id, known.payment_id, known.id AS discrepancy_id
      FROM resolutions AS resolution
      JOIN discrepancies AS known ON known.id = resolution.discrepancy_id
      JOIN matched_entries AS matched ON matched.run_id = :run_id AND matched.block = known.entry_id >> 10
       AND get_bit(matched.bits, CAST(known.entry_id & 1023 AS int)) = 1
     WHERE resolution.action = 'write_off' AND resolution.status = 'applied' AND known.provider = :provider
     ORDER BY resolution.id
    """
)


class MatchedTwice(RuntimeError):
    """A line or an entry is in two matches of one run: a fault of the matching, and nothing of it is kept."""


def replace_matches(tx: Transaction, run_id: UUID, folder: Path) -> None:
    """Put the matches of the files in `folder` in the place of all that the run had.

    Raises IntegrityError if another run has matched one of the lines or entries, MatchedTwice if this one has twice.
    """
    for table in TABLES:
        tx.execute(delete(table).where(table.c.run_id == run_id))
    driver: Any = tx.connection.connection.driver_connection
    for kind, statement in _COPY.items():
        for file in sorted(folder.glob(f"{kind}*")):
            with file.open("rb") as rows, driver.cursor() as cursor, cursor.copy(statement) as copy:
                while piece := rows.read(1 << 20):
                    copy.write(piece)
    if not tx.execute(_HAS_BITS, {"run_id": run_id}).scalar_one():
        raise MatchedTwice(f"run {run_id}")


def matched_batches(tx: Transaction, run_id: UUID) -> list[UUID]:
    """The batches of which the run matched lines, by day and batch_id."""
    return list(tx.execute(_MATCHED_BATCHES, {"run_id": run_id}).scalars())


def is_matched(tx: Transaction, entry_id: int) -> bool:
    """Whether a run has matched the entry. Waits for a run that is writing its matches, and holds up the next one."""
    tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('matches'))"))
    found: bool = tx.execute(_IS_MATCHED, {"entry": entry_id}).scalar_one()
    return found


def come_after_all(tx: Transaction, run_id: UUID, provider: str) -> list[Row[Any]]:
    """The write-offs of `provider` whose entry the run has matched: id and effect, and whose they are."""
    return tx.all(_COME_AFTER_ALL, {"run_id": run_id, "provider": provider})
