"""The life of a change of fees: drafted by one editor, published or rejected by another, withdrawn before it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.errors import Conflict, Forbidden, Invalid
from gateway.domain.states import Graph


class DraftStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


S = DraftStatus
GRAPH: Graph[DraftStatus] = {
    S.DRAFT: frozenset({S.PUBLISHED, S.REJECTED, S.WITHDRAWN}),
    S.PUBLISHED: frozenset({S.WITHDRAWN}),
    S.REJECTED: frozenset(),
    S.WITHDRAWN: frozenset(),
}


class OwnDraft(Forbidden):
    """Who drafted a change does not decide on it."""

    code = "own_draft"


class FeesMovedOn(Conflict):
    """The procedure was changed since the officer read what the draft would do."""

    code = "fees_moved_on"


class TooLateForDraft(Conflict):
    """The first day of the change has come."""

    code = "too_late_for_draft"


class PublishedChangesLost(Conflict):
    """Loading this catalogue would undo what was published in the console."""

    code = "published_changes_lost"


class FeeChangeFault(Invalid):
    """`fields` maps a place in the new version ("rule.amount_minor"; blank for the whole) to what to do there."""

    code = "fee_change_fault"


@dataclass(frozen=True, slots=True)
class FeeDraft:
    """A new version of a fee item, in the plain form of the catalogue.

    `base_version` is the version of the procedure on which it was drafted, `published_version` the one that it became.
    `is_correction` allows a first day that has passed; invoices that were issued keep their amounts.
    """

    id: UUID
    procedure: str
    agency_id: UUID
    fee_item: str
    change: Mapping[str, Any]
    base_version: int
    status: DraftStatus
    reason: str
    is_correction: bool
    drafted_by: UUID
    drafted_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    decision: str = ""
    published_version: int | None = None
    withdrawn_by: UUID | None = None
    withdrawn_at: datetime | None = None
    withdrawal: str = ""

    @property
    def first_day(self) -> date:
        return date.fromisoformat(self.change["valid_from"])


def check_first_day(first: date, today: date, *, is_correction: bool) -> None:
    """Raises FeeChangeFault: a price that people have been told does not change behind their backs."""
    if is_correction and first > today:
        raise FeeChangeFault(
            "A correction begins on a day that has passed, or today.",
            fields={"valid_from": f"must be {today} or earlier; a change from a later day is no correction"},
        )
    if not is_correction and first <= today:
        raise FeeChangeFault(
            "The first day of a change lies ahead.",
            fields={"valid_from": f"must be after {today}; for an earlier day say that it corrects a mistake"},
        )
