"""The rows of the vault: sealed payers, who read them, and what a change of the master key has to reseal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Table, bindparam, insert, select, update
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.access import payers, vault_reads
from gateway.store.tables.credits import bank_credits
from gateway.store.tables.events import provider_events, webhook_endpoints
from gateway.store.tables.identity import officer_authenticators
from gateway.store.tables.statements import statement_chunks


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that holds something sealed with a master key, beside the id of that key."""

    table: Table
    name: str

    @property
    def column(self) -> Column[Any]:
        return self.table.c[self.name]


PAYER_KEYS = SealedColumn(payers, "wrapped_key")
PROVIDER_EVENTS = SealedColumn(provider_events, "sealed_payload")
BANK_CREDITS = SealedColumn(bank_credits, "sealed_remittance")
STATEMENT_CHUNKS = SealedColumn(statement_chunks, "sealed")
ENDPOINT_SECRETS = SealedColumn(webhook_endpoints, "sealed_secret")
AUTHENTICATORS = SealedColumn(officer_authenticators, "sealed")


def find_payer(tx: Transaction, payer_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(payers).where(payers.c.id == payer_id))


def payers_by_hash(tx: Transaction, lookup_hash: bytes, agency_id: UUID | None) -> list[UUID]:
    """The ids of the payers that carry `lookup_hash`, of one agency or of all."""
    hashes = bindparam("hashes", [lookup_hash], type_=payers.c.lookup_hashes.type)
    found = select(payers.c.id).where(payers.c.lookup_hashes.contains(hashes)).order_by(payers.c.id)
    if agency_id:
        found = found.where(payers.c.agency_id == agency_id)
    return list(tx.execute(found).scalars())


def log_read(tx: Transaction, payer_id: UUID, actor: str, purpose: str) -> None:
    tx.execute(insert(vault_reads).values(payer_id=payer_id, actor=actor, purpose=purpose, at=tx.now))


def reads_of(tx: Transaction, payer_id: UUID) -> list[Row[Any]]:
    """Who read the payer's data, when and why; the newest first."""
    reads = select(vault_reads.c.actor, vault_reads.c.purpose, vault_reads.c.at)
    return tx.all(reads.where(vault_reads.c.payer_id == payer_id).order_by(vault_reads.c.id.desc()))


def erase(tx: Transaction, payer_id: UUID, at: datetime) -> None:
    """Destroy the payer's key, what it sealed, and the hashes by which the payer could be found."""
    erased: dict[str, Any] = {"wrapped_key": None, "sealed": None, "lookup_hashes": [], "erased_at": at}
    tx.execute(update(payers).where(payers.c.id == payer_id).values(erased))


def lock_sealed_otherwise(
    tx: Transaction, where: SealedColumn, key_id: str, after: UUID, limit: int
) -> list[tuple[UUID, str, bytes]]:
    """Id, master key id and sealed value of rows above `after` that are not sealed with `key_id`, locked."""
    columns = where.table.c
    found = (
        select(columns.id, columns.master_key_id, where.column.label("value"))
        .where(columns.id > after, columns.master_key_id != key_id, where.column.is_not(None))
        .order_by(columns.id)
        .limit(limit)
        .with_for_update()
    )
    return [(row.id, row.master_key_id, row.value) for row in tx.execute(found)]


def replace_sealed(tx: Transaction, where: SealedColumn, resealed: Mapping[UUID, tuple[str, bytes]]) -> None:
    columns = where.table.c
    statement = (
        update(where.table)
        .where(columns.id == bindparam("row_id"))
        .values({"master_key_id": bindparam("key_id"), where.name: bindparam("value", type_=LargeBinary)})
    )
    tx.execute(statement, [{"row_id": id, "key_id": key, "value": value} for id, (key, value) in resealed.items()])
