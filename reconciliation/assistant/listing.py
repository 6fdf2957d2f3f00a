"""The groups of a day as they are shown: one cause, how many discrepancies, how much money, and what is proposed."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import NotFound
from gateway.store import assistant
from gateway.store.database import Transaction
from reconciliation.assistant.cause_words import ASK_FIRST, CAUSE_WORDS
from reconciliation.assistant.causes import Cause
from reconciliation.explain import LANGUAGES


class GroupNotFound(NotFound):
    code = "group_not_found"


def groups_of_day(tx: Transaction, day: date, provider: str | None, agency_id: UUID | None) -> list[dict[str, Any]]:
    """What the runs of `day` left open, by cause and window: the largest group first.

    `agency_id`: only what is of that agency; None for all.
    """
    groups: dict[str, dict[str, Any]] = {}
    for row in assistant.groups(tx, day, provider, agency_id):
        group = groups.setdefault(row.group_key, _empty(row))
        _add(group, row)
    return sorted(groups.values(), key=lambda group: (-group["count"], group["key"]))


def members_of(tx: Transaction, key: str, agency_id: UUID | None, after: UUID | None, limit: int) -> list[UUID]:
    """The discrepancies of a group that are open, by id. Raises GroupNotFound."""
    found = assistant.members(tx, key, agency_id=agency_id, after=after, limit=limit)
    if found is None:
        raise GroupNotFound("There is no such group. Keys are those of the list of groups of a day.")
    return found


def _empty(row: Row[Any]) -> dict[str, Any]:
    words = CAUSE_WORDS[Cause(row.cause)]
    return {
        "key": row.group_key,
        "cause": row.cause,
        "provider": row.provider,
        "proposed_action": row.action,
        "ask_first": None,
        "kinds": [],
        "count": 0,
        "sums": [],
        "first_day": row.first_day.isoformat(),
        "last_day": row.last_day.isoformat(),
        "first_at": None,
        "last_at": None,
        "explanation": {
            language: {"cause": words[language].cause, "next_step": words[language].next_step} for language in LANGUAGES
        },
    }


def _add(group: dict[str, Any], row: Row[Any]) -> None:
    """The row of one currency more."""
    group["count"] += row.number
    group["sums"].append({"currency": row.currency, "count": row.number, "amount_minor": int(row.amount_minor)})
    group["kinds"] = sorted({*group["kinds"], *row.kinds})
    group["first_day"] = min(group["first_day"], row.first_day.isoformat())
    group["last_day"] = max(group["last_day"], row.last_day.isoformat())
    group["first_at"] = _of(min, group["first_at"], _shown(row.first_at))
    group["last_at"] = _of(max, group["last_at"], _shown(row.last_at))
    if row.asks_first:
        group["ask_first"] = dict(ASK_FIRST)


def _of(choose: Callable[[Iterable[str]], str], *moments: str | None) -> str | None:
    """The earlier or later of two instants, each of which may be unknown: both are UTC and compare as text."""
    known = [moment for moment in moments if moment is not None]
    return choose(known) if known else None


def _shown(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
