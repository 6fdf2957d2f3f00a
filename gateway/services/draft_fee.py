"""Draft a change of a fee, and decide on it: publish, reject, withdraw.

Two editors are needed: nobody decides on a draft of their own. A change becomes a version of its procedure, which takes
effect on its day by itself. What was published stays: a change is withdrawn by one version more, whose prices are those
of before. Invoices keep the version under which they were issued.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import NotFound
from gateway.domain.fee_draft import (
    GRAPH,
    DraftStatus,
    FeeDraft,
    FeesMovedOn,
    OwnDraft,
    TooLateForDraft,
    check_first_day,
)
from gateway.domain.fees.amend import first_day
from gateway.domain.states import transition
from gateway.services.fee_changes import check_change, check_reason, item_of, with_change, with_versions
from gateway.services.load_catalogue import publish_definition
from gateway.services.quote_fee import ProcedureNotFound
from gateway.services.runtime import Caller
from gateway.store import catalogue, fee_drafts
from gateway.store.database import Transaction, new_id


class DraftNotFound(NotFound):
    code = "fee_draft_not_found"


@dataclass(frozen=True, slots=True)
class WantedChange:
    """A new version of a fee item, in plain form, and why."""

    procedure: str
    fee_item: str
    change: Mapping[str, Any]
    reason: str
    is_correction: bool = False


def draft_fee_change(tx: Transaction, caller: Caller, wanted: WantedChange) -> FeeDraft:
    """Raises ProcedureNotFound, FeeItemNotFound, FeeChangeFault with each place that is wrong, Invalid without a
    reason."""
    row = current_definition(tx, caller, wanted.procedure)
    check_change(row.definition, wanted.fee_item, wanted.change)
    agency = catalogue.agency_from(row)
    check_first_day(first_day(wanted.change), agency.business_date(tx.now), is_correction=wanted.is_correction)
    draft = FeeDraft(
        id=new_id(),
        procedure=wanted.procedure,
        agency_id=agency.id,
        fee_item=wanted.fee_item,
        change=dict(wanted.change),
        base_version=row.version,
        status=DraftStatus.DRAFT,
        reason=check_reason(wanted.reason, "why the fee changes"),
        is_correction=wanted.is_correction,
        drafted_by=caller.id,
        drafted_at=tx.now,
    )
    fee_drafts.add(tx, draft)
    tx.audit(caller.actor, "fee_draft.drafted", "fee_draft", draft.id, after=_told(draft) | {"reason": draft.reason})
    return draft


def publish_fee_draft(tx: Transaction, caller: Caller, draft_id: UUID, read_version: int) -> FeeDraft:
    """Put the change into the catalogue. `read_version` is the procedure's version against which the officer read it.

    Raises DraftNotFound, OwnDraft, IllegalTransition, FeesMovedOn, TooLateForDraft, FeeChangeFault.
    """
    draft = _to_decide(tx, caller, draft_id, DraftStatus.PUBLISHED)
    catalogue.lock_procedure(tx, draft.procedure)
    row = current_definition(tx, caller, draft.procedure)
    if row.version != read_version:
        raise FeesMovedOn("The procedure was changed meanwhile. Read once more what the draft does, then decide.")
    today = catalogue.agency_from(row).business_date(tx.now)
    if not draft.is_correction and draft.first_day <= today:
        raise TooLateForDraft(f"Its first day, {draft.first_day}, has come. Reject it, and draft it for a later day.")
    check_change(row.definition, draft.fee_item, draft.change)
    changed = with_change(row.definition, draft.fee_item, draft.change)
    publish_definition(tx, draft.agency_id, changed, caller.actor)
    decided = {"status": DraftStatus.PUBLISHED, "decided_by": caller.id, "decided_at": tx.now}
    fee_drafts.change(tx, draft.id, **decided, published_version=row.version + 1)
    before = {"versions": item_of(row.definition, draft.fee_item)["versions"]}
    after = _told(draft) | {"versions": item_of(changed, draft.fee_item)["versions"]}
    tx.audit(caller.actor, "fee_draft.published", "fee_draft", draft.id, before=before, after=after)
    return find_draft(tx, caller, draft.id)


def reject_fee_draft(tx: Transaction, caller: Caller, draft_id: UUID, reason: str) -> FeeDraft:
    """Raises DraftNotFound, OwnDraft, IllegalTransition, Invalid without a reason."""
    draft = _to_decide(tx, caller, draft_id, DraftStatus.REJECTED)
    said = check_reason(reason, "why it is rejected, so that the editor can mend it")
    fee_drafts.change(tx, draft.id, status=DraftStatus.REJECTED, decided_by=caller.id, decided_at=tx.now, decision=said)
    tx.audit(caller.actor, "fee_draft.rejected", "fee_draft", draft.id, after=_told(draft) | {"reason": said})
    return find_draft(tx, caller, draft.id)


def withdraw_fee_draft(tx: Transaction, caller: Caller, draft_id: UUID, reason: str) -> FeeDraft:
    """Take back a draft, or a published change before its first day: then the prices of before hold again.

    Raises DraftNotFound, IllegalTransition, TooLateForDraft, FeesMovedOn if a later change builds on it, and Invalid
    without a reason.
    """
    draft = find_draft(tx, caller, draft_id, lock=True)
    transition("fee draft", GRAPH, draft.status, DraftStatus.WITHDRAWN)
    said = check_reason(reason, "why it is withdrawn")
    before = None
    if draft.status is DraftStatus.PUBLISHED:
        before = {"versions": _put_back(tx, caller, draft)}
    fee_drafts.change(
        tx, draft.id, status=DraftStatus.WITHDRAWN, withdrawn_by=caller.id, withdrawn_at=tx.now, withdrawal=said
    )
    after = _told(draft) | {"reason": said}
    tx.audit(caller.actor, "fee_draft.withdrawn", "fee_draft", draft.id, before=before, after=after)
    return find_draft(tx, caller, draft.id)


def find_draft(tx: Transaction, caller: Caller, draft_id: UUID, *, lock: bool = False) -> FeeDraft:
    """Raises DraftNotFound, also for one of another agency."""
    found = fee_drafts.find(tx, draft_id, lock=lock)
    if found is None or caller.agency_id not in (None, found.agency_id):
        raise DraftNotFound("There is no such draft.")
    return found


def current_definition(tx: Transaction, caller: Caller, code: str) -> Row[Any]:
    """The newest version of the procedure with its agency. Raises ProcedureNotFound, also for another agency's."""
    row = catalogue.current_procedure(tx, code)
    if row is None or caller.agency_id not in (None, row.id):
        raise ProcedureNotFound(f"There is no procedure {code!r}.")
    return row


def _to_decide(tx: Transaction, caller: Caller, draft_id: UUID, to: DraftStatus) -> FeeDraft:
    draft = find_draft(tx, caller, draft_id, lock=True)
    transition("fee draft", GRAPH, draft.status, to)
    if draft.drafted_by == caller.id:
        raise OwnDraft("You drafted this change. A second editor reads it and decides.")
    return draft


def _put_back(tx: Transaction, caller: Caller, draft: FeeDraft) -> list[Any]:
    """Publish the item's versions as they were before the change; returns those that are given up."""
    catalogue.lock_procedure(tx, draft.procedure)
    row = current_definition(tx, caller, draft.procedure)
    if draft.first_day <= catalogue.agency_from(row).business_date(tx.now):
        raise TooLateForDraft("It is in effect already. Draft a new change instead.")
    number = draft.published_version or 0
    told = catalogue.published_procedures(tx, [(draft.procedure, number - 1), (draft.procedure, number)])
    versions = {each.version: item_of(each.definition, draft.fee_item)["versions"] for each in told}
    given_up: list[Any] = item_of(row.definition, draft.fee_item)["versions"]
    if given_up != versions[number]:
        raise FeesMovedOn("This fee was changed again since. Withdraw the later change first, or draft a new one.")
    publish_definition(
        tx, draft.agency_id, with_versions(row.definition, draft.fee_item, versions[number - 1]), caller.actor
    )
    return given_up


def _told(draft: FeeDraft) -> dict[str, Any]:
    return {"procedure": draft.procedure, "fee_item": draft.fee_item, "change": dict(draft.change)}
