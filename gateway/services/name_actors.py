"""The people behind the names of the audit trail: "officer:{id}" is Lan, "key:{id}" the label of an API key."""

from collections.abc import Iterable
from uuid import UUID

from gateway.domain.officer import Role
from gateway.store import actors
from gateway.store.database import Transaction

OFFICER, KEY = "officer", "key"
CHOSEN_AT_MOST = 200


def names_of(tx: Transaction, named: Iterable[str | None]) -> dict[str, str]:
    """The name of each actor that is an officer or a key. Who is neither (the schedule) has none here."""
    wanted = {actor: known for actor in named if actor and (known := _kind_and_id(actor))}
    ids = {kind: {each for one, each in wanted.values() if one == kind} for kind in (OFFICER, KEY)}
    found = {
        OFFICER: actors.officer_names(tx, ids[OFFICER]) if ids[OFFICER] else {},
        KEY: actors.key_labels(tx, ids[KEY]) if ids[KEY] else {},
    }
    return {actor: found[kind][each] for actor, (kind, each) in wanted.items() if each in found[kind]}


def colleagues(tx: Transaction, roles: Iterable[Role], agency_id: UUID | None) -> list[tuple[str, str]]:
    """Actor and name of the officers who hold one of `roles` for the agency (None: for any), by name."""
    found = actors.officers_who(tx, [str(role) for role in roles], agency_id)
    return [(f"{OFFICER}:{row.id}", row.name) for row in found[:CHOSEN_AT_MOST]]


def _kind_and_id(actor: str) -> tuple[str, UUID] | None:
    kind, _, text = actor.partition(":")
    try:
        return (kind, UUID(text)) if kind in (OFFICER, KEY) else None
    except ValueError:
        return None
