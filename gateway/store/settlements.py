"""What providers settled: batches and their lines, loaded whole. A batch that is told anew: see batch_versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import Row

from gateway.store.database import Transaction, new_id
from gateway.store.tables.reconciliation import settlement_batches

# The columns of the staged file, after the batch. COPY's text format: a line of the file is a row.
_COPY_LINES = """
COPY {table} (batch, line, line_id, kind, provider_transaction_id, provider_refund_id, merchant_reference,
                       currency, gross_minor, fee_minor, occurred_at, status, settled) FROM STDIN
"""

_SUMS = text(
    """
    SELECT batch.id, batch.batch_id, batch.business_date, batch.payout_id, batch.total_minor, batch.total_currency,
           batch.sha256, batch.version, batch.lines, line.currency, line.gross_minor, line.fee_minor
      FROM settlement_batches AS batch
      LEFT JOIN LATERAL (
        SELECT currency, sum(gross_minor) AS gross_minor, sum(fee_minor) AS fee_minor
          FROM settlement_lines
         WHERE settlement_lines.batch = batch.id AND settlement_lines.settled
           AND NOT EXISTS (SELECT FROM gone_lines AS gone
                            WHERE gone.batch = settlement_lines.batch AND gone.line = settlement_lines.line)
         GROUP BY currency) AS line ON true
     WHERE batch.provider = :provider AND batch.business_date = :day
     ORDER BY batch.batch_id, line.currency
    """
)


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """A batch as it was read: `file` has `lines` rows and, with what the provider states, the digest `sha256`."""

    provider: str
    batch_id: str
    business_date: date
    payout_id: str | None
    total_minor: int | None
    total_currency: str | None
    lines: int
    sha256: bytes
    file: Path


def find_batch(tx: Transaction, provider: str, batch_id: str) -> Row[Any] | None:
    query = select(settlement_batches).where(
        settlement_batches.c.provider == provider, settlement_batches.c.batch_id == batch_id
    )
    return tx.one_or_none(query)


def load_batch(tx: Transaction, staged: StagedBatch) -> UUID:
    """Write the batch with all its lines. Raises IntegrityError if somebody else loaded it meanwhile."""
    batch = new_id()
    values = {name: getattr(staged, name) for name in StagedBatch.__slots__ if name != "file"}
    tx.execute(insert(settlement_batches).values(id=batch, **values))
    copy_lines(tx, batch, staged)
    return batch


def copy_lines(tx: Transaction, batch: UUID, staged: StagedBatch, table: str = "settlement_lines") -> None:
    driver: Any = tx.connection.connection.driver_connection
    prefix, statement = f"{batch}\t".encode(), _COPY_LINES.format(table=table)
    with staged.file.open("rb") as rows, driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write(prefix + row)


def batches_of_day(tx: Transaction, provider: str, day: date) -> list[Row[Any]]:
    """Id and batch_id, in the order of batch_id."""
    query = select(settlement_batches.c.id, settlement_batches.c.batch_id)
    query = query.where(settlement_batches.c.provider == provider, settlement_batches.c.business_date == day)
    return tx.all(query.order_by(settlement_batches.c.batch_id))


def last_of_each(tx: Transaction, providers: Sequence[str]) -> list[Row[Any]]:
    """The newest batch of each provider that has any, by its business date."""
    batches = settlement_batches.c
    query = (
        select(batches.provider, batches.batch_id, batches.business_date, batches.loaded_at, batches.lines)
        .ext(distinct_on(batches.provider))
        .where(batches.provider.in_(providers))
    )
    return tx.all(query.order_by(batches.provider, batches.business_date.desc(), batches.loaded_at.desc()))


def sums_of_day(tx: Transaction, provider: str, day: date) -> Sequence[Row[Any]]:
    """The batches of a day with what their settled lines add up to, a row for each currency in it."""
    return tx.all(_SUMS, {"provider": provider, "day": day})
