"""What officers have before them: discrepancies by what is wanted of them, the causes they share, and decisions that
wait.

The cause of a discrepancy is the one that the run of the latest day saw; one that no run has seen has none yet.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, select, true, tuple_
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyStatus
from gateway.domain.refund import RefundStatus
from gateway.domain.resolution import Resolution, ResolutionStatus
from gateway.store.database import Transaction
from gateway.store.resolutions import of_discrepancies
from gateway.store.tables.assistant import finding_causes
from gateway.store.tables.catalogue import agencies
from gateway.store.tables.payments import refunds
from gateway.store.tables.reconciliation import discrepancies, reconciliation_runs
from gateway.store.tables.resolutions import resolutions

_OPINION = (
    select(
        finding_causes.c.cause,
        finding_causes.c.group_key,
        finding_causes.c.action.label("proposed"),
        finding_causes.c.asks_first,
    )
    .join(reconciliation_runs, reconciliation_runs.c.id == finding_causes.c.run_id)
    .where(finding_causes.c.discrepancy_id == discrepancies.c.id)
    .order_by(reconciliation_runs.c.business_date.desc(), reconciliation_runs.c.correction.desc())
    .limit(1)
    .lateral("opinion")
)
_WITH_OPINION = discrepancies.outerjoin(_OPINION, true())

_ACT = (resolutions.c.proposed_at, resolutions.c.proposed_by, resolutions.c.action)
"""What is proposed in one act carries one instant."""


class Order(StrEnum):
    AGE = "age"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Wanted:
    """None wants all. `first` and `last` are business dates, both inclusive; with `due_on` what is carried beyond that
    day is left out."""

    agency_id: UUID | None = None
    status: str | None = None
    kind: str | None = None
    provider: str | None = None
    assigned_to: str | None = None
    cause: str | None = None
    first: date | None = None
    last: date | None = None
    due_on: date | None = None


Place = tuple[str, int, str]
"""Where a page ends: a day or a currency, an amount, and the id."""


def checked(order: Order, place: Place) -> Place:
    """`place`, if it is one of this order. Raises ValueError."""
    UUID(place[2])
    if order is Order.AGE:
        date.fromisoformat(place[0])
    return place


def page(tx: Transaction, wanted: Wanted, order: Order, after: Place | None, limit: int) -> list[Row[Any]]:
    """Discrepancies with `cause`, `group_key` and the agency's code as `agency`: the oldest first, or the largest."""
    found = discrepancies.c
    size = -func.abs(found.amount_minor)
    key = (found.business_date, found.id) if order is Order.AGE else (found.currency, size, found.id)
    query = (
        _wanted(select(discrepancies, _OPINION.c.cause, _OPINION.c.group_key, agencies.c.code.label("agency")), wanted)
        .select_from(_WITH_OPINION.outerjoin(agencies, agencies.c.id == found.agency_id))
        .order_by(*key)
        .limit(limit)
    )
    if after is not None:
        first, amount, last = after
        seen = (date.fromisoformat(first), UUID(last)) if order is Order.AGE else (first, -amount, UUID(last))
        query = query.where(tuple_(*key) > seen)
    return tx.all(query)


def causes(tx: Transaction, wanted: Wanted, limit: int) -> list[Row[Any]]:
    """What several open discrepancies have in common, the most numerous first: group_key, cause, proposed, provider,
    currency, number, amount_minor (without signs), first_day and last_day."""
    opinion, found = _OPINION.c, discrepancies.c
    shared = (opinion.group_key, opinion.cause, found.provider, found.currency)
    number = func.count().label("number")
    query = (
        _wanted(
            select(
                *shared,
                func.min(opinion.proposed).label("proposed"),
                number,
                func.sum(func.abs(found.amount_minor)).label("amount_minor"),
                func.min(found.business_date).label("first_day"),
                func.max(found.business_date).label("last_day"),
            ),
            wanted,
        )
        .select_from(_WITH_OPINION)
        .where(found.status == DiscrepancyStatus.OPEN, opinion.group_key.is_not(None))
        .group_by(*shared)
        .having(func.count() > 1)
        .order_by(number.desc(), opinion.group_key, found.currency)
        .limit(limit)
    )
    return tx.all(query)


def of_group(tx: Transaction, group_key: str, agency_id: UUID | None, limit: int) -> list[Row[Any]]:
    """The open discrepancies that share a cause, as page() has them: the oldest first."""
    ever = select(finding_causes.c.discrepancy_id).where(finding_causes.c.group_key == group_key)
    found = discrepancies.c
    query = (
        select(discrepancies, _OPINION.c.cause, _OPINION.c.proposed, agencies.c.code.label("agency"))
        .select_from(_WITH_OPINION.outerjoin(agencies, agencies.c.id == found.agency_id))
        .where(found.id.in_(ever), found.status == DiscrepancyStatus.OPEN, _OPINION.c.group_key == group_key)
        .order_by(found.business_date, found.id)
        .limit(limit)
    )
    return tx.all(query if agency_id is None else query.where(found.agency_id == agency_id))


def waiting_decisions(tx: Transaction, agency_id: UUID | None, after: UUID | None, limit: int) -> list[Row[Any]]:
    """What waits for approval, a row for each act that proposed it and each currency, the oldest first: `id` of its
    first resolution, action, proposed_by, proposed_at, currency, number, amount_minor (without signs), provider (the
    first by name) and providers (how many)."""
    first = func.min(cast(resolutions.c.id, Text)).label("id")
    query = (
        select(
            first,
            *_ACT,
            discrepancies.c.currency,
            func.count().label("number"),
            func.sum(func.abs(discrepancies.c.amount_minor)).label("amount_minor"),
            func.min(discrepancies.c.provider).label("provider"),
            func.count(discrepancies.c.provider.distinct()).label("providers"),
        )
        .join(discrepancies, discrepancies.c.id == resolutions.c.discrepancy_id)
        .where(resolutions.c.status == ResolutionStatus.PROPOSED)
        .group_by(*_ACT, discrepancies.c.currency)
        .order_by(first)
        .limit(limit)
    )
    if agency_id is not None:
        query = query.where(discrepancies.c.agency_id == agency_id)
    return tx.all(query if after is None else query.having(first > str(after)))


def same_act(tx: Transaction, resolution: Resolution, agency_id: UUID | None, limit: int) -> list[UUID]:
    """The resolutions that were proposed in one act with this one and stand as it does, itself among them; by id."""
    query = (
        select(resolutions.c.id)
        .join(discrepancies, discrepancies.c.id == resolutions.c.discrepancy_id)
        .where(
            resolutions.c.proposed_at == resolution.proposed_at,
            resolutions.c.proposed_by == resolution.proposed_by,
            resolutions.c.action == resolution.action,
            resolutions.c.status == resolution.status,
        )
        .order_by(resolutions.c.id)
        .limit(limit)
    )
    if agency_id is not None:
        query = query.where(discrepancies.c.agency_id == agency_id)
    return list(tx.execute(query).scalars())


def with_discrepancies(tx: Transaction, ids: Collection[UUID]) -> list[tuple[Resolution, Row[Any]]]:
    """These resolutions, each with its discrepancy; by id."""
    about = (
        select(discrepancies)
        .join(resolutions, resolutions.c.discrepancy_id == discrepancies.c.id)
        .where(resolutions.c.id.in_(ids))
    )
    rows = {row.id: row for row in tx.execute(about)}
    return [(each, rows[each.discrepancy_id]) for each in of_discrepancies(tx, list(rows)) if each.id in ids]


def waiting(tx: Transaction, agency_id: UUID | None) -> tuple[int, int, int]:
    """How many discrepancies are open, decisions wait for approval, and refunds do."""
    counts = []
    for table, status, of_agency in (
        (discrepancies, discrepancies.c.status == DiscrepancyStatus.OPEN, discrepancies.c.agency_id),
        (
            resolutions.join(discrepancies, discrepancies.c.id == resolutions.c.discrepancy_id),
            resolutions.c.status == ResolutionStatus.PROPOSED,
            discrepancies.c.agency_id,
        ),
        (refunds, refunds.c.status == RefundStatus.REQUESTED, refunds.c.agency_id),
    ):
        query = select(func.count()).select_from(table).where(status)
        query = query if agency_id is None else query.where(of_agency == agency_id)
        counts.append(int(tx.execute(query).scalar_one()))
    return counts[0], counts[1], counts[2]


def sources(tx: Transaction) -> list[str]:
    """What there are runs of: providers, and accounts at banks."""
    return list(tx.execute(select(reconciliation_runs.c.provider).distinct()).scalars())


def _wanted(query: Select[Any], wanted: Wanted) -> Select[Any]:
    found = discrepancies.c
    for column, value in (
        (found.agency_id, wanted.agency_id),
        (found.status, wanted.status),
        (found.kind, wanted.kind),
        (found.provider, wanted.provider),
        (found.assigned_to, wanted.assigned_to),
        (_OPINION.c.cause, wanted.cause),
    ):
        query = query if value is None else query.where(column == value)
    if wanted.first is not None:
        query = query.where(found.business_date >= wanted.first)
    if wanted.last is not None:
        query = query.where(found.business_date <= wanted.last)
    if wanted.due_on is not None:
        query = query.where(found.carried_until.is_(None) | (found.carried_until <= wanted.due_on))
    return query
