"""A settlement batch that its provider tells again with other content: the lines as they are now, and what was told.

A line never changes. One that is not told any more is gone from that version on; what is new gets a number after all
others. So whatever is told as before stays the same line, with its match and its discrepancy.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.settlements import StagedBatch, copy_lines
from gateway.store.tables.reconciliation import settlement_batch_versions, settlement_batches

_CONTENT = (
    "line_id, kind, provider_transaction_id, provider_refund_id, merchant_reference, currency, gross_minor, fee_minor,"
    " occurred_at, status, settled"
)

_STAGE = text("CREATE TEMPORARY TABLE told_lines ON COMMIT DROP AS SELECT * FROM settlement_lines WITH NO DATA")

# Lines that are the same to the last field are told apart by their number of times.
_REPLACE = text(
    f"""
    WITH known AS (
        SELECT line.line, line.line_id, ROW({_CONTENT})::text AS content,
               row_number() OVER (PARTITION BY ROW({_CONTENT})::text ORDER BY line.line) AS nth
          FROM settlement_lines AS line
         WHERE line.batch = :batch
           AND NOT EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = line.batch AND gone.line = line.line)
    ), told AS (
        SELECT told_lines.*, ROW({_CONTENT})::text AS content,
               row_number() OVER (PARTITION BY ROW({_CONTENT})::text ORDER BY line) AS nth
          FROM told_lines
    ), gone AS (
        INSERT INTO gone_lines (batch, line, version)
        SELECT :batch, known.line, :version FROM known
         WHERE NOT EXISTS (SELECT FROM told WHERE told.content = known.content AND told.nth = known.nth)
        RETURNING line
    ), added AS (
        INSERT INTO settlement_lines (batch, line, {_CONTENT})
        SELECT :batch, :last_line + row_number() OVER (ORDER BY told.line), {_CONTENT} FROM told
         WHERE NOT EXISTS (SELECT FROM known WHERE told.content = known.content AND told.nth = known.nth)
        RETURNING line
    )
    SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM added) AS added
    """  # noqa: S608 - put together from constants
)

# All members of a match whose line is gone, as long as they have their bits.
_END_MATCHES = text(
    """
    WITH gone AS (
        SELECT batch, line FROM gone_lines WHERE batch = :batch AND version = :version
    ), by_row AS (
        SELECT match.* FROM match_rows AS match JOIN gone USING (batch, line)
    ), member AS (
        SELECT run_id, batch, line, entry_id FROM by_row
         UNION
        SELECT match.run_id, match.batch, match.line, match.entry_id
          FROM match_rows AS match JOIN by_row ON by_row.run_id = match.run_id AND by_row.group_no = match.group_no
         UNION
        SELECT chunk.run_id, gone.batch, gone.line, pair >> 10
          FROM gone JOIN match_chunks AS chunk ON chunk.batch = gone.batch AND chunk.block = gone.line >> 10
         CROSS JOIN LATERAL unnest(chunk.pairs) AS pair WHERE pair & 1023 = gone.line & 1023
    )
    INSERT INTO ended_matches (run_id, batch, line, entry_id, ended_by, ended_at)
    SELECT member.run_id, member.batch, member.line, member.entry_id, :ended_by, :now
      FROM member
     WHERE EXISTS (SELECT FROM matched_lines AS matched
                    WHERE matched.run_id = member.run_id AND matched.batch = member.batch
                      AND matched.block = member.line >> 10 AND get_bit(matched.bits, member.line & 1023) = 1)
        OR EXISTS (SELECT FROM matched_entries AS matched
                    WHERE matched.run_id = member.run_id AND matched.block = member.entry_id >> 10
                      AND get_bit(matched.bits, (member.entry_id & 1023)::int) = 1)
    """
)

_FREE_LINES = text(
    """
    UPDATE matched_lines AS matched SET bits = matched.bits & ~ended.bits
      FROM (SELECT run_id, batch, line >> 10 AS block,
                   bit_or(set_bit(repeat('0', 1024)::bit(1024), line & 1023, 1)) AS bits
              FROM ended_matches WHERE ended_by = :ended_by AND ended_at = :now AND line IS NOT NULL
             GROUP BY 1, 2, 3) AS ended
     WHERE matched.run_id = ended.run_id AND matched.batch = ended.batch AND matched.block = ended.block
    """
)

_FREE_ENTRIES = text(
    """
    UPDATE matched_entries AS matched SET bits = matched.bits & ~ended.bits
      FROM (SELECT run_id, entry_id >> 10 AS block,
                   bit_or(set_bit(repeat('0', 1024)::bit(1024), (entry_id & 1023)::int, 1)) AS bits
              FROM ended_matches WHERE ended_by = :ended_by AND ended_at = :now AND entry_id IS NOT NULL
             GROUP BY 1, 2) AS ended
     WHERE matched.run_id = ended.run_id AND matched.block = ended.block
    """
)

_HAS_ACCEPTED = text(
    """
    SELECT EXISTS (SELECT FROM accepted_pairs JOIN gone_lines USING (batch, line)
                    WHERE batch = :batch AND version = :version)
    """
)

# What each batch of the day has become since the version that a run saw of it: 0 is that it saw none.
_CHANGES = text(
    """
    WITH batch AS (
        SELECT known.id, known.batch_id, known.version, known.lines, seen.version AS seen,
               coalesce((SELECT last_line FROM settlement_batch_versions AS old
                          WHERE old.batch = known.id AND old.version = seen.version), 0) AS last_line
          FROM settlement_batches AS known
          JOIN LATERAL (SELECT coalesce((CAST(:seen AS jsonb) ->> known.batch_id)::int, 0) AS version) AS seen ON true
         WHERE known.provider = :provider AND known.business_date = :day
    ), gone AS (
        SELECT gone.batch, line.line_id FROM batch
          JOIN gone_lines AS gone ON gone.batch = batch.id AND gone.version > batch.seen
          JOIN settlement_lines AS line ON line.batch = gone.batch AND line.line = gone.line
         WHERE line.line <= batch.last_line
    ), added AS (
        SELECT line.batch, line.line_id FROM batch
          JOIN settlement_lines AS line ON line.batch = batch.id AND line.line > batch.last_line
         WHERE batch.seen > 0
           AND NOT EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = line.batch AND gone.line = line.line)
    )
    SELECT batch.batch_id, batch.seen, batch.version,
           CASE WHEN batch.seen = 0 THEN batch.lines
                ELSE (SELECT count(*) FROM added WHERE added.batch = batch.id) END AS added,
           (SELECT count(*) FROM gone WHERE gone.batch = batch.id) AS gone,
           (SELECT count(DISTINCT line_id) FROM gone JOIN added USING (batch, line_id)
             WHERE gone.batch = batch.id) AS changed
      FROM batch WHERE batch.version > batch.seen ORDER BY batch.batch_id
    """
)

_VERSIONS = text("SELECT batch_id, version FROM settlement_batches WHERE provider = :provider AND business_date = :day")

_KEPT_OF_ENDED = text(
    """
    SELECT ended.batch, coalesce(entry.agency_id, of_group.agency_id) AS agency_id, line.currency,
           sum(line.fee_minor) AS fee_minor
      FROM ended_matches AS ended
      JOIN reconciliation_runs AS run ON run.id = ended.run_id AND run.status = 'signed_off'
      JOIN settlement_lines AS line ON line.batch = ended.batch AND line.line = ended.line
      LEFT JOIN ledger_entries AS entry ON entry.id = ended.entry_id
      LEFT JOIN LATERAL (
        SELECT CAST(min(CAST(whole.agency_id AS text)) AS uuid) AS agency_id
          FROM match_rows AS part
          JOIN match_rows AS other ON other.run_id = part.run_id AND other.group_no = part.group_no
          JOIN ledger_entries AS whole ON whole.id = other.entry_id
         WHERE part.run_id = ended.run_id AND part.batch = ended.batch AND part.line = ended.line) AS of_group ON true
     WHERE ended.ended_by = :run_id AND ended.run_id <> :run_id
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
)

_DAYS_TOUCHED = text(
    """
    SELECT DISTINCT run.business_date, run.correction
      FROM reconciliation_runs AS run JOIN ended_matches AS ended ON ended.run_id = run.id
     WHERE run.provider = :provider AND run.status IN ('balanced', 'exceptions') AND ended.ended_at > run.finished_at
     ORDER BY run.business_date, run.correction
    """
)

_PAIRS_BEFORE = text(
    """
    CREATE TEMPORARY TABLE pairs_before ON COMMIT DROP AS
    SELECT batch, line, entry_id FROM matches WHERE run_id = :run_id
    """
)
_COMPARED = text(
    """
    WITH after AS (SELECT batch, line, entry_id FROM matches WHERE run_id = :run_id)
    SELECT (SELECT count(*) FROM (SELECT * FROM pairs_before EXCEPT SELECT * FROM after) AS undone)
           + (SELECT count(*) FROM ended_matches WHERE ended_by = :run_id AND run_id <> :run_id) AS matches_undone,
           (SELECT count(*) FROM (SELECT * FROM after EXCEPT SELECT * FROM pairs_before) AS made) AS matches_made,
           (SELECT count(*) FROM discrepancies WHERE cleared_by = :run_id AND closed_at = :now)
           AS discrepancies_cleared,
           (SELECT count(*) FROM discrepancies WHERE run_id = :run_id AND opened_at = :now) AS discrepancies_opened
    """
)


@dataclass(frozen=True, slots=True)
class Undone:
    """What of lines that are gone a signed run has booked as the provider's fee."""

    batch: UUID
    agency_id: UUID
    currency: str
    fee_minor: int


def keep_version(tx: Transaction, batch: UUID, version: int, last_line: int, staged: StagedBatch) -> None:
    """Write down what was told, and when."""
    told = {name: getattr(staged, name) for name in ("payout_id", "sha256", "lines", "total_minor", "total_currency")}
    tx.execute(insert(settlement_batch_versions).values(batch=batch, version=version, last_line=last_line, **told))


def replace_lines(tx: Transaction, known: Row[Any], staged: StagedBatch, ended_by: UUID) -> bool:
    """The batch is now what is staged, and matches of lines that are gone have ended, by the run `ended_by`.

    False if people have accepted a match of such a line: then the transaction must be given up.
    """
    version = known.version + 1
    last_line = tx.execute(
        text("SELECT max(last_line) FROM settlement_batch_versions WHERE batch = :batch"), {"batch": known.id}
    ).scalar_one()
    which = {"batch": known.id, "version": version}
    tx.execute(_STAGE)
    copy_lines(tx, known.id, staged, "told_lines")
    counted = tx.execute(_REPLACE, which | {"last_line": last_line}).one()
    if tx.execute(_HAS_ACCEPTED, which).scalar_one():
        return False
    told = {name: getattr(staged, name) for name in ("payout_id", "sha256", "lines", "total_minor", "total_currency")}
    newest = update(settlement_batches).where(settlement_batches.c.id == known.id)
    tx.execute(newest.values(version=version, loaded_at=tx.now, **told))
    keep_version(tx, known.id, version, last_line + counted.added, staged)
    ending = {"ended_by": ended_by, "now": tx.now}
    for statement in (_END_MATCHES, _FREE_LINES, _FREE_ENTRIES):
        tx.execute(statement, which | ending)
    return True


def versions_of_day(tx: Transaction, provider: str, day: date) -> dict[str, int]:
    """The version of each batch of the day, by its batch_id."""
    return {row.batch_id: row.version for row in tx.execute(_VERSIONS, {"provider": provider, "day": day})}


def changes_since(tx: Transaction, provider: str, day: date, seen: str) -> list[Row[Any]]:
    """The batches of the day that are newer than what `seen` says of them, a JSON object of versions: batch_id, seen,
    version, and how many lines are added, gone and changed; a changed line is one of each."""
    return tx.all(_CHANGES, {"provider": provider, "day": day, "seen": seen})


def remember_pairs(tx: Transaction, run_id: UUID) -> None:
    """What the run has matched so far, for `compared`."""
    tx.execute(_PAIRS_BEFORE, {"run_id": run_id})


def compared(tx: Transaction, run_id: UUID) -> dict[str, int]:
    """What this transaction has changed since remember_pairs: matches undone and made, discrepancies cleared and
    opened."""
    return dict(tx.execute(_COMPARED, {"run_id": run_id, "now": tx.now}).one()._mapping)


def fees_of_ended(tx: Transaction, run_id: UUID) -> list[Undone]:
    """What signed runs booked for lines that this run has found gone."""
    rows = tx.execute(_KEPT_OF_ENDED, {"run_id": run_id})
    return [Undone(row.batch, row.agency_id, row.currency, int(row.fee_minor)) for row in rows if row.agency_id]


def days_touched(tx: Transaction, provider: str) -> list[Row[Any]]:
    """Business_date and correction of the open runs that lost a match since they ended."""
    return tx.all(_DAYS_TOUCHED, {"provider": provider})
