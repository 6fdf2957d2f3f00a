"""Decisions about discrepancies, notes and traces."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    cast,
    func,
    insert,
    literal,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyStatus
from gateway.domain.resolution import Action, Resolution, ResolutionStatus
from gateway.store.database import Transaction, new_id
from gateway.store.locks import locked
from gateway.store.tables.catalogue import agencies
from gateway.store.tables.reconciliation import discrepancies
from gateway.store.tables.resolutions import discrepancy_notes, resolutions, traces

_COLUMNS = [resolutions.c[name] for name in Resolution.__slots__]


def lock_discrepancy(tx: Transaction, discrepancy_id: UUID, agency_id: UUID | None) -> Row[Any] | None:
    """None if there is none, or it is another agency's."""
    return tx.one_or_none(
        locked(_of_agency(select(discrepancies), agency_id).where(discrepancies.c.id == discrepancy_id))
    )


def find_discrepancy(tx: Transaction, discrepancy_id: UUID, agency_id: UUID | None) -> Row[Any] | None:
    return tx.one_or_none(_of_agency(select(discrepancies), agency_id).where(discrepancies.c.id == discrepancy_id))


def page_of_discrepancies(
    tx: Transaction,
    agency_id: UUID | None,
    wanted: Mapping[str, Any],
    *,
    older_than_days: int | None,
    due: bool,
    after: tuple[date, UUID] | None,
    limit: int,
) -> list[Row[Any]]:
    """The oldest first, from the one after `after` (a day and an id) on. `wanted` are columns that must be equal; `due`
    leaves out what is carried until a later day."""
    order = (discrepancies.c.business_date, discrepancies.c.id)
    query = _of_agency(select(discrepancies), agency_id).order_by(*order).limit(limit)
    for name, value in wanted.items():
        query = query.where(discrepancies.c[name] == value)
    if older_than_days is not None:
        query = query.where(_age_in_days(tx.now) >= older_than_days)
    if due:
        carried = discrepancies.c.carried_until
        query = query.where(carried.is_(None) | (carried <= _today(tx.now)))
    return tx.all(query if after is None else query.where(tuple_(*order) > after))


def ages(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, int]:
    """In days: from the business date to today, where the agency is."""
    query = select(discrepancies.c.id, _age_in_days(tx.now).label("days")).where(discrepancies.c.id.in_(ids))
    return {row.id: row.days for row in tx.execute(query)}


def ageing(tx: Transaction, agency_id: UUID | None) -> list[Row[Any]]:
    """What is open, by kind, currency and age in days: number, and amount_minor without signs."""
    days = _age_in_days(tx.now).label("days")
    query = select(
        discrepancies.c.kind,
        discrepancies.c.currency,
        days,
        func.count().label("number"),
        func.sum(func.abs(discrepancies.c.amount_minor)).label("amount_minor"),
    ).where(discrepancies.c.status == DiscrepancyStatus.OPEN)
    return tx.all(_of_agency(query, agency_id).group_by(discrepancies.c.kind, discrepancies.c.currency, days))


def change_discrepancy(tx: Transaction, discrepancy_id: UUID, **values: Any) -> None:
    tx.execute(update(discrepancies).where(discrepancies.c.id == discrepancy_id).values(**values))


def add(tx: Transaction, resolution: Resolution) -> None:
    values = {name: getattr(resolution, name) for name in Resolution.__slots__}
    tx.execute(insert(resolutions).values(**values | {"effect": list(resolution.effect)}))


def find(tx: Transaction, resolution_id: UUID, *, lock: bool = False) -> Resolution | None:
    query = select(*_COLUMNS).where(resolutions.c.id == resolution_id)
    row = tx.one_or_none(locked(query) if lock else query)
    return _resolution(row) if row else None


def of_discrepancies(tx: Transaction, ids: Collection[UUID]) -> list[Resolution]:
    """All that was ever decided about these, the oldest first."""
    query = select(*_COLUMNS).where(resolutions.c.discrepancy_id.in_(ids)).order_by(resolutions.c.id)
    return [_resolution(row) for row in tx.execute(query)]


def live_one(tx: Transaction, discrepancy_id: UUID) -> Resolution | None:
    """The one that waits for a decision, or was applied."""
    live = (ResolutionStatus.PROPOSED, ResolutionStatus.APPLIED)
    query = select(*_COLUMNS).where(resolutions.c.discrepancy_id == discrepancy_id, resolutions.c.status.in_(live))
    row = tx.one_or_none(query)
    return _resolution(row) if row else None


def page(
    tx: Transaction, agency_id: UUID | None, status: ResolutionStatus | None, *, after: UUID | None, limit: int
) -> list[Resolution]:
    """The oldest first."""
    query = select(*_COLUMNS).join(discrepancies, discrepancies.c.id == resolutions.c.discrepancy_id)
    query = _of_agency(query, agency_id).order_by(resolutions.c.id).limit(limit)
    if status is not None:
        query = query.where(resolutions.c.status == status)
    if after is not None:
        query = query.where(resolutions.c.id > after)
    return [_resolution(row) for row in tx.execute(query)]


def decide(tx: Transaction, resolution_id: UUID, status: ResolutionStatus, decided_by: str | None) -> None:
    values = {"status": status, "decided_by": decided_by, "decided_at": tx.now}
    tx.execute(update(resolutions).where(resolutions.c.id == resolution_id).values(**values))


def add_note(tx: Transaction, discrepancy_id: UUID, author: str, kind: str, text: str) -> None:
    values = {"discrepancy_id": discrepancy_id, "at": tx.now, "author": author, "kind": kind, "text": text}
    tx.execute(insert(discrepancy_notes).values(**values))


def is_noted(tx: Transaction, discrepancy_id: UUID, author: str) -> bool:
    """Whether `author` has said something about it."""
    noted = select(discrepancy_notes.c.id).where(
        discrepancy_notes.c.discrepancy_id == discrepancy_id, discrepancy_notes.c.author == author
    )
    return tx.one_or_none(noted.limit(1)) is not None


def was_asked(tx: Transaction, discrepancy_id: UUID, since: datetime) -> bool:
    """Whether an officer has had the provider asked about it since then."""
    asked = select(discrepancy_notes.c.id).where(
        discrepancy_notes.c.discrepancy_id == discrepancy_id,
        discrepancy_notes.c.kind == "asked",
        discrepancy_notes.c.at > since,
    )
    return tx.one_or_none(asked.limit(1)) is not None


def notes_of(tx: Transaction, discrepancy_id: UUID) -> list[Row[Any]]:
    query = select(discrepancy_notes).where(discrepancy_notes.c.discrepancy_id == discrepancy_id)
    return tx.all(query.order_by(discrepancy_notes.c.id))


def add_trace(tx: Transaction, **values: Any) -> UUID:
    trace_id = new_id()
    tx.execute(insert(traces).values(id=trace_id, opened_at=tx.now, **values))
    return trace_id


def find_trace(tx: Transaction, trace_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(traces).where(traces.c.id == trace_id))


def traces_of(tx: Transaction, discrepancy_id: UUID) -> list[Row[Any]]:
    return tx.all(select(traces).where(traces.c.discrepancy_id == discrepancy_id).order_by(traces.c.id))


def answer_trace(tx: Transaction, trace_id: UUID, answer: str) -> None:
    tx.execute(update(traces).where(traces.c.id == trace_id).values(answer=answer, answered_at=tx.now))


def _today(now: datetime) -> ColumnElement[date]:
    """The business date at the agency of each discrepancy; of nobody's in UTC."""
    zone = select(agencies.c.time_zone).where(agencies.c.id == discrepancies.c.agency_id).scalar_subquery()
    return cast(func.timezone(func.coalesce(zone, "UTC"), literal(now, TIMESTAMP(timezone=True))), Date)


def _age_in_days(now: datetime) -> ColumnElement[int]:
    return type_coerce(_today(now) - discrepancies.c.business_date, Integer)


def _of_agency(query: Any, agency_id: UUID | None) -> Any:
    return query if agency_id is None else query.where(discrepancies.c.agency_id == agency_id)


def _resolution(row: Row[Any]) -> Resolution:
    values = {name: row._mapping[name] for name in Resolution.__slots__}
    enums = {"action": Action(row.action), "status": ResolutionStatus(row.status), "effect": tuple(row.effect)}
    return Resolution(**values | enums)
