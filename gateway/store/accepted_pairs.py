"""Settlement lines and ledger entries that the matching proposed to be the same, and those that people accepted."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.resolutions import accepted_pairs

# A line's proposal names entries by their keys; an entry's names lines by the provider's name of the batch.
_PARTNERS = text(
    """
    SELECT known.id AS of, other.id, other.batch, other.line, other.entry_id,
           other.evidence #>> '{ledger,entry}' AS entry_key
      FROM discrepancies AS known
      JOIN discrepancies AS other ON other.provider = known.provider AND other.status = 'open'
       AND (known.line IS NULL) <> (other.line IS NULL) AND (known.entry_id IS NULL) <> (other.entry_id IS NULL)
      LEFT JOIN settlement_batches AS batch ON batch.id = other.batch
     WHERE known.id = ANY(:ids) AND known.evidence ? 'proposal'
       AND (known.evidence #> '{proposal,entry}' = other.evidence #> '{ledger,entry}'
            OR known.evidence #> '{proposal,entries}' @> jsonb_build_array(other.evidence #> '{ledger,entry}')
            OR known.evidence #> '{proposal,line}' = jsonb_build_object('batch', batch.batch_id, 'line', other.line)
            OR known.evidence #> '{proposal,lines}' @> jsonb_build_array(
                   jsonb_build_object('batch', batch.batch_id, 'line', other.line)))
     ORDER BY of, other.id
    """
)

_IS_LINE_MATCHED = text(
    """
    SELECT EXISTS (SELECT FROM matched_lines
                    WHERE batch = :batch AND block = :line >> 10 AND get_bit(bits, CAST(:line & 1023 AS int)) = 1)
    """
)


def partners(tx: Transaction, ids: Collection[UUID]) -> list[Row[Any]]:
    """The open discrepancies that are proposed for each of these (`of`): id, batch and line, or entry_id and
    entry_key."""
    return tx.all(_PARTNERS, {"ids": list(ids)})


def is_line_matched(tx: Transaction, batch: UUID, line: int) -> bool:
    matched: bool = tx.execute(_IS_LINE_MATCHED, {"batch": batch, "line": line}).scalar_one()
    return matched


def add(tx: Transaction, resolution_id: UUID, batch: UUID, line: int, entry_id: int) -> None:
    values = {"resolution_id": resolution_id, "batch": batch, "line": line, "entry_id": entry_id}
    tx.execute(insert(accepted_pairs).values(**values))


def of_batches(tx: Transaction, batches: Collection[UUID]) -> list[Row[Any]]:
    """Those whose line is in one of these: resolution_id, batch, line and entry_id."""
    query = select(accepted_pairs).where(accepted_pairs.c.batch.in_(batches))
    return tx.all(query.order_by(accepted_pairs.c.resolution_id))
