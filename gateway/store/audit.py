"""The audit trail and the list of who read personal data, the newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, cast, literal, select, tuple_, union_all
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.access import api_keys, audit_log, payers, vault_reads
from gateway.store.tables.officers import officers

Position = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: of one actor, about one subject, from an instant on and before another; None leaves it open."""

    actor: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    first: datetime | None = None
    until: datetime | None = None


def trail(
    tx: Transaction, agency_id: UUID | None, wanted: Wanted, before: Position | None, limit: int
) -> list[Row[Any]]:
    """What the officers and keys of one agency did, or everybody."""
    columns = audit_log.c
    query = select(audit_log)
    if wanted.subject_type is not None:
        query = query.where(columns.subject_type == wanted.subject_type)
    if wanted.subject_id is not None:
        query = query.where(columns.subject_id == wanted.subject_id)
    if agency_id is not None:
        query = query.where(columns.actor.in_(_actors_of(agency_id)))
    return tx.all(_newest(query, audit_log, wanted, before, limit))


def reads(
    tx: Transaction, agency_id: UUID | None, wanted: Wanted, before: Position | None, limit: int
) -> list[Row[Any]]:
    """Who read the data of payers of one agency, or of all, and for what."""
    query = select(vault_reads)
    if agency_id is not None:
        query = query.join(payers, payers.c.id == vault_reads.c.payer_id).where(payers.c.agency_id == agency_id)
    return tx.all(_newest(query, vault_reads, wanted, before, limit))


def _newest(query: Select[Any], table: Any, wanted: Wanted, before: Position | None, limit: int) -> Select[Any]:
    columns = table.c
    if wanted.actor is not None:
        query = query.where(columns.actor == wanted.actor)
    if wanted.first is not None:
        query = query.where(columns.at >= wanted.first)
    if wanted.until is not None:
        query = query.where(columns.at < wanted.until)
    if before is not None:
        query = query.where(tuple_(columns.at, columns.id) < before)
    return query.order_by(columns.at.desc(), columns.id.desc()).limit(limit)


def _actors_of(agency_id: UUID) -> Any:
    """As the audit trail names them; see gateway.services.runtime.Caller."""
    of_officers = select(literal("officer:") + cast(officers.c.id, String)).where(officers.c.agency_id == agency_id)
    of_keys = select(literal("key:") + cast(api_keys.c.id, String)).where(api_keys.c.agency_id == agency_id)
    return union_all(of_officers, of_keys)
