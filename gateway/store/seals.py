"""The seals of the ledger, the blocks they are made over, and the records those are made of."""

from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import Row

from gateway.domain.seal import RecordKind
from gateway.store.database import Transaction
from gateway.store.tables.access import audit_log
from gateway.store.tables.ledger import (
    ledger_entries,
    ledger_seal_blocks,
    ledger_seals,
    ledger_snapshots,
    ledger_transfers,
)

TABLES = {RecordKind.ENTRY: "ledger_entries", RecordKind.AUDIT: "audit_log"}

# By the entry only, and with outer joins: what was tampered with need not keep to the rules.
_TRANSFERS = text(
    """
    SELECT transfer.entry_id, transfer.id, transfer.agency_id, transfer.currency, transfer.amount_minor,
           transfer.business_date, transfer.posted_at,
           debit.agency_id AS debit_agency_id, debit.currency AS debit_currency, debit.code AS debit_code,
           debit.kind AS debit_kind,
           credit.agency_id AS credit_agency_id, credit.currency AS credit_currency, credit.code AS credit_code,
           credit.kind AS credit_kind
      FROM ledger_transfers AS transfer
      LEFT JOIN ledger_accounts AS debit ON debit.id = transfer.debit_account_id
      LEFT JOIN ledger_accounts AS credit ON credit.id = transfer.credit_account_id
     WHERE transfer.entry_id > :after AND transfer.entry_id <= :upto
     ORDER BY transfer.entry_id, transfer.id
    """
)

_STRAY_TRANSFERS = text(
    """
    SELECT transfer.id, transfer.business_date FROM ledger_transfers AS transfer
     WHERE transfer.id > :after AND transfer.id <= :upto
       AND NOT EXISTS (SELECT FROM ledger_entries AS entry WHERE entry.id = transfer.entry_id)
     ORDER BY transfer.id LIMIT 1
    """
)

_WRONG_TOTALS = text(
    """
    WITH summed AS (
        SELECT side.account_id, transfer.business_date,
               sum(debit_minor) AS debit_minor, sum(credit_minor) AS credit_minor
          FROM ledger_transfers AS transfer
         CROSS JOIN LATERAL (VALUES (debit_account_id, amount_minor, 0), (credit_account_id, 0, amount_minor))
               AS side (account_id, debit_minor, credit_minor)
         WHERE transfer.id > :after AND transfer.id <= :upto
         GROUP BY side.account_id, transfer.business_date
    ), kept AS (
        SELECT account_id, business_date, debit_minor, credit_minor FROM ledger_totals WHERE snapshot_id = :snapshot_id
    )
    SELECT account_id, business_date FROM summed FULL JOIN kept USING (account_id, business_date)
     WHERE (summed.debit_minor, summed.credit_minor) IS DISTINCT FROM (kept.debit_minor, kept.credit_minor)
     ORDER BY business_date, account_id LIMIT 1
    """
)

_WRONG_FLOWS = text(
    """
    WITH summed AS (
        SELECT debit_account_id, credit_account_id, business_date, sum(amount_minor) AS amount_minor
          FROM ledger_transfers
         WHERE id > :after AND id <= :upto
         GROUP BY debit_account_id, credit_account_id, business_date
    ), kept AS (
        SELECT debit_account_id, credit_account_id, business_date, amount_minor
          FROM ledger_flows WHERE snapshot_id = :snapshot_id
    )
    SELECT debit_account_id AS account_id, business_date
      FROM summed FULL JOIN kept USING (debit_account_id, credit_account_id, business_date)
     WHERE summed.amount_minor IS DISTINCT FROM kept.amount_minor
     ORDER BY business_date, debit_account_id, credit_account_id LIMIT 1
    """
)


def entries_between(tx: Transaction, after: int, upto: int) -> list[Row[Any]]:
    columns = ledger_entries.c
    return tx.all(select(ledger_entries).where(columns.id > after, columns.id <= upto).order_by(columns.id))


def transfers_between(tx: Transaction, after: int, upto: int) -> list[Row[Any]]:
    """The transfers of the entries with ids above `after`, up to `upto`, with what their accounts are."""
    return tx.all(_TRANSFERS, {"after": after, "upto": upto})


def audits_between(tx: Transaction, after: int, upto: int) -> list[Row[Any]]:
    columns = audit_log.c
    return tx.all(select(audit_log).where(columns.id > after, columns.id <= upto).order_by(columns.id))


def last_block_id(tx: Transaction, kind: RecordKind) -> int:
    """The id up to which there are blocks."""
    blocks = ledger_seal_blocks.c
    last = select(func.coalesce(func.max(blocks.upto_id), 0)).where(blocks.record == kind)
    upto: int = tx.execute(last).scalar_one()
    return upto


def add_block(tx: Transaction, kind: RecordKind, upto: int, digests: bytes) -> None:
    tx.execute(insert(ledger_seal_blocks).values(record=kind, upto_id=upto, digests=digests))


def next_block(tx: Transaction, kind: RecordKind, after: int, upto: int) -> Row[Any] | None:
    """The first block that ends above `after`, and not above `upto`."""
    blocks = ledger_seal_blocks.c
    following = select(blocks.upto_id, blocks.digests).where(
        blocks.record == kind, blocks.upto_id > after, blocks.upto_id <= upto
    )
    return tx.one_or_none(following.order_by(blocks.upto_id).limit(1))


def seals(tx: Transaction) -> list[Row[Any]]:
    """All seals by day: a few hundred bytes for each day there ever was."""
    return tx.all(select(ledger_seals).order_by(ledger_seals.c.sealed_on))


def last_seal(tx: Transaction) -> Row[Any] | None:
    return tx.one_or_none(select(ledger_seals).order_by(ledger_seals.c.sealed_on.desc()).limit(1))


def add_seal(tx: Transaction, seal: dict[str, Any]) -> None:
    tx.execute(insert(ledger_seals).values(seal))


def snapshots(tx: Transaction) -> list[Row[Any]]:
    return tx.all(select(ledger_snapshots).order_by(ledger_snapshots.c.upto_transfer_id))


def wrong_total(tx: Transaction, snapshot_id: int, after: int, upto: int) -> Row[Any] | None:
    """The first total or flow of a snapshot that is not the sum of its transfers."""
    which = {"snapshot_id": snapshot_id, "after": after, "upto": upto}
    return tx.one_or_none(_WRONG_TOTALS, which) or tx.one_or_none(_WRONG_FLOWS, which)


def stray_transfer(tx: Transaction, after: int, upto: int) -> Row[Any] | None:
    """The first transfer in a range of ids that belongs to no entry."""
    return tx.one_or_none(_STRAY_TRANSFERS, {"after": after, "upto": upto})


def transfer_id_after(tx: Transaction, after: int, count: int) -> int | None:
    """The id of the transfer that is `count` further than `after`, or the last one; None if there are no more."""
    ids = ledger_transfers.c.id
    step = select(ids).where(ids > after).order_by(ids).limit(count).subquery()
    upto: int | None = tx.execute(select(func.max(step.c.id))).scalar_one()
    return upto
