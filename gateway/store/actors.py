"""Who acts: officers and API keys by their names."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.access import api_keys
from gateway.store.tables.officers import officers


def officer_names(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, str]:
    return {
        row.id: row.name for row in tx.execute(select(officers.c.id, officers.c.name).where(officers.c.id.in_(ids)))
    }


def key_labels(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, str]:
    return {
        row.id: row.label for row in tx.execute(select(api_keys.c.id, api_keys.c.label).where(api_keys.c.id.in_(ids)))
    }


def officers_who(tx: Transaction, roles: Collection[str], agency_id: UUID | None) -> list[Row[Any]]:
    """Id and name of the officers who hold one of `roles` and act for the agency, or (None) for all; by name."""
    query = select(officers.c.id, officers.c.name).where(
        officers.c.disabled_at.is_(None), officers.c.roles.overlap(cast(list(roles), ARRAY(Text)))
    )
    if agency_id is not None:
        query = query.where(or_(officers.c.agency_id.is_(None), officers.c.agency_id == agency_id))
    return tx.all(query.order_by(officers.c.name, officers.c.id))
