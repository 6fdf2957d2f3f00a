"""Payouts that were settled after a bank's statement had named them, and the open lines that may name them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# A line is open if it is in no match that lives, or in one with a credit of which nobody knows what it is for.
_OPEN = """
      FROM bank_lines AS line
      JOIN bank_statements AS statement ON statement.id = line.statement_id
      LEFT JOIN bank_matches AS match ON match.bank_line = line.id AND match.ended_by IS NULL
      LEFT JOIN bank_credits AS credit ON credit.id = match.credit
     WHERE line.account = ANY(:accounts) AND line.amount_minor <> 0
       AND (match.id IS NULL OR credit.status = 'unidentified')
"""

# What came while a file was being loaded may not have been there for it.
_FILES = text(
    f"""
    SELECT file.*
      FROM statement_files AS file
     WHERE file.id IN (SELECT statement.file_id {_OPEN})
       AND EXISTS (SELECT FROM settlement_batches AS batch
                    WHERE batch.provider = ANY(:providers) AND batch.business_date >= :since
                      AND batch.loaded_at > coalesce(file.named_at, file.received_at) - interval '30 min')
     ORDER BY file.received_at, file.id
    """  # noqa: S608 - put together from constants
)

_LINES = text(f"SELECT line.id, line.statement_id, line.line {_OPEN} AND statement.file_id = :file_id")

_ADD = text(
    """
    UPDATE bank_lines SET names = (
        SELECT array_agg(DISTINCT name ORDER BY name) FROM unnest(names || CAST(:names AS text[])) AS name)
     WHERE id = :line
    """
)


def files_to_look_in(tx: Transaction, accounts: Sequence[str], providers: Sequence[str], since: date) -> list[Row[Any]]:
    """Files with lines of these accounts that are open, since which a batch settled `since` or later was loaded."""
    return tx.all(_FILES, {"accounts": list(accounts), "providers": list(providers), "since": since})


def open_lines_of(tx: Transaction, file_id: UUID, accounts: Sequence[str]) -> dict[tuple[UUID, int], int]:
    """The ids of the file's open lines, by statement and line."""
    rows = tx.execute(_LINES, {"accounts": list(accounts), "file_id": file_id})
    return {(row.statement_id, row.line): row.id for row in rows}


def add_names(tx: Transaction, found: Mapping[int, frozenset[str]]) -> None:
    """Add to the names of each line, by its id."""
    for line, names in sorted(found.items()):
        tx.execute(_ADD, {"line": line, "names": sorted(names)})
