"""Judges a whole day of discrepancies at once: ranked causes, facts and a group for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciliation.assistant.cases import Case, Surroundings
from reconciliation.assistant.causes import Action, Ranked, asks_first, rank
from reconciliation.assistant.facts import Facts, facts_of
from reconciliation.assistant.groups import group_key
from reconciliation.assistant.patterns import find_patterns
from reconciliation.assistant.proposing import proposed_action


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the assistant thinks of the discrepancy `key`. It proposes `action`; it does nothing."""

    key: str
    ranking: Sequence[Ranked]
    facts: Facts
    moved_at: datetime | None
    group: str
    action: Action
    asks_first: bool


def opinions(cases: Sequence[Case], around: Surroundings) -> Iterator[Opinion]:
    """In the order of `cases`. What their number shows is found once, so that the time grows as the day does."""
    patterns = find_patterns(cases, around)
    for case in cases:
        facts = facts_of(case, around, patterns)
        ranking = rank(case.kind, facts)
        cause = ranking[0].cause
        action = proposed_action(cause, case, around)
        yield Opinion(
            key=case.key,
            ranking=ranking,
            facts=facts,
            moved_at=case.occurred_at,
            group=group_key(around.provider, case, cause, facts, action),
            action=action,
            asks_first=asks_first(case, can_be_asked=not around.lands_in_bank),
        )
