"""Decide about discrepancies: one person proposes, another approves what moves money, and the approval applies it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.errors import GatewayError, Invalid, NotFound
from gateway.domain.money import Money
from gateway.domain.refund import check_approver
from gateway.domain.resolution import (
    ALLOWED,
    GRAPH,
    PAYS_AN_INVOICE,
    Action,
    AlreadyDecided,
    Resolution,
    ResolutionStatus,
    check_limit,
    needs_approval,
)
from gateway.domain.states import transition
from gateway.services.accept_proposal import partners_of
from gateway.services.close_discrepancy import close_discrepancy
from gateway.services.find import find_invoice
from gateway.services.plan_resolution import Plan, plan
from gateway.services.runtime import Caller, Runtime
from gateway.store import checkouts, credits, invoices, payments, resolutions
from gateway.store.database import Transaction, new_id

AT_ONCE = 500
"""How many are decided about in one act."""

Effect = tuple[dict[str, Any], ...]


class DiscrepancyNotFound(NotFound):
    code = "discrepancy_not_found"


class ResolutionNotFound(NotFound):
    code = "resolution_not_found"


def lock_discrepancy(tx: Transaction, caller: Caller, discrepancy_id: UUID) -> Row[Any]:
    """Raises DiscrepancyNotFound, also for another agency's."""
    return lock_discrepancies(tx, caller, [discrepancy_id])[0]


def lock_discrepancies(tx: Transaction, caller: Caller, ids: Collection[UUID]) -> list[Row[Any]]:
    """By id. What they are about is locked first, in one order for everybody, as whoever applies a provider's news does
    it: sessions, payments, bank credits, and only then the discrepancies, with those that are proposed for them.

    Raises DiscrepancyNotFound.
    """
    asked = [resolutions.find_discrepancy(tx, each, caller.agency_id) for each in sorted(set(ids))]
    proposed = partners_of(tx, [row for row in asked if row is not None])
    wanted = sorted({*ids, *proposed})
    known = [resolutions.find_discrepancy(tx, each, caller.agency_id if each in ids else None) for each in wanted]
    paid = [payments.get(tx, row.payment_id) for row in known if row is not None and row.payment_id]
    for session_id, payment_id in sorted({(payment.session_id, payment.id) for payment in paid}):
        checkouts.find(tx, session_id, lock=True)
        payments.get(tx, payment_id, lock=True)
    for row in known:
        if row is not None and row.kind == DiscrepancyKind.UNIDENTIFIED_RECEIPT:
            credits.find(tx, row.provider, row.evidence.get("provider_transaction_id") or "", lock=True)
    found = []
    for each in wanted:
        row = resolutions.lock_discrepancy(tx, each, caller.agency_id if each in ids else None)
        if row is None:
            raise DiscrepancyNotFound(f"There is no discrepancy {each}.")
        if each in ids:
            found.append(row)
    return found


def options(tx: Transaction, runtime: Runtime, caller: Caller, discrepancy_id: UUID) -> list[dict[str, Any]]:
    """Each action that the kind allows, with the transfers that it would make now, or why it cannot be taken now."""
    found = lock_discrepancy(tx, caller, discrepancy_id)
    return [_option(tx, runtime, caller, found, action) for action in ALLOWED[_kind(found)]]


def propose(
    tx: Transaction,
    runtime: Runtime,
    caller: Caller,
    discrepancy_ids: Collection[UUID],
    action: Action,
    reason: str,
    parameters: Mapping[str, Any],
) -> list[Resolution]:
    """Propose one decision about one or many discrepancies, all or none. What moves no money, and is about
    no more than may be written off, is applied at once.

    Raises Invalid for more than AT_ONCE, DiscrepancyNotFound, AlreadyDecided, and what plan raises, each naming the
    discrepancy.
    """
    if len(discrepancy_ids) > AT_ONCE:
        told = f"Decide about {AT_ONCE} at once, at most."
        raise Invalid(f"These are {len(discrepancy_ids)} discrepancies. {told}", fields={"discrepancies": told})
    found = lock_discrepancies(tx, caller, discrepancy_ids)
    _hold_invoices(tx, caller, [(each, action, parameters) for each in found])
    alone = not any(needs_approval(action, amount, runtime.write_off_limits) for amount in _sums(found))
    proposed = [_propose(tx, runtime, caller, each, action, reason, parameters, alone=alone) for each in found]
    if action is Action.WRITE_OFF:
        _check_sum(proposed, runtime.write_off_limits)
    return proposed


def approve(tx: Transaction, runtime: Runtime, caller: Caller, resolution_ids: Collection[UUID]) -> list[Resolution]:
    """Apply what another person proposed, all or none. Raises ResolutionNotFound, SamePerson, IllegalTransition,
    AlreadyDecided, AboveLimit, and what plan raises if things have changed since."""
    locked = _locked(tx, caller, resolution_ids)
    _hold_invoices(tx, caller, [(found, proposed.action, proposed.parameters) for found, proposed in locked])
    written_off = [proposed for _, proposed in locked if proposed.action is Action.WRITE_OFF]
    _check_sum(written_off, runtime.write_off_limits)
    return [_approve(tx, runtime, caller, found, proposed) for found, proposed in locked]


def reject(tx: Transaction, caller: Caller, resolution_ids: Collection[UUID]) -> list[Resolution]:
    """Refuse what another person proposed. Raises ResolutionNotFound, SamePerson, IllegalTransition."""
    locked = _locked(tx, caller, resolution_ids)
    return [_end(tx, caller, proposed, ResolutionStatus.REJECTED) for _, proposed in locked]


def withdraw(tx: Transaction, caller: Caller, resolution_ids: Collection[UUID]) -> list[Resolution]:
    """Take back what one proposed oneself, or anybody did. Raises ResolutionNotFound, IllegalTransition."""
    locked = _locked(tx, caller, resolution_ids)
    return [_end(tx, caller, proposed, ResolutionStatus.WITHDRAWN) for _, proposed in locked]


def _propose(
    tx: Transaction,
    runtime: Runtime,
    caller: Caller,
    found: Row[Any],
    action: Action,
    reason: str,
    parameters: Mapping[str, Any],
    *,
    alone: bool,
) -> Resolution:
    _check_open(tx, found)
    planned = plan(tx, runtime, caller, found, action, parameters)
    proposed = Resolution(
        id=new_id(),
        discrepancy_id=found.id,
        action=action,
        status=ResolutionStatus.PROPOSED,
        reason=reason,
        parameters=dict(parameters),
        effect=_shown(planned),
        proposed_by=caller.actor,
        proposed_at=tx.now,
        decided_by=None,
        decided_at=None,
    )
    resolutions.add(tx, proposed)
    _note(tx, caller, proposed, "proposed")
    return _applied(tx, caller, found, proposed, decided_by=None) if alone else proposed


def _hold_invoices(
    tx: Transaction, caller: Caller, about: Collection[tuple[Row[Any], Action, Mapping[str, Any]]]
) -> None:
    """Lock what money will be assigned to, in one order for everybody: two officers may have named the same invoices,
    each in another order. Raises InvoiceNotFound."""
    paying = [(found, given) for found, action, given in about if action in PAYS_AN_INVOICE]
    named = {find_invoice(tx, caller, given["invoice"]).id for _, given in paying if given.get("invoice")}
    paid = [found.payment_id for found, given in paying if found.payment_id and not given.get("invoice")]
    invoices.hold(tx, named, {payments.get(tx, each).session_id for each in paid})


def _sums(found: Collection[Row[Any]]) -> list[Money]:
    """What they are about in all, by currency, whatever the signs."""
    sums: dict[str, int] = {}
    for row in found:
        sums[row.currency] = sums.get(row.currency, 0) + abs(int(row.amount_minor))
    return [Money(minor, currency) for currency, minor in sums.items()]


def _approve(tx: Transaction, runtime: Runtime, caller: Caller, found: Row[Any], proposed: Resolution) -> Resolution:
    check_approver(proposed.proposed_by, caller.actor)
    transition("resolution", GRAPH, proposed.status, ResolutionStatus.APPLIED)
    if found.status != DiscrepancyStatus.OPEN:
        raise AlreadyDecided(f"Discrepancy {found.id} is {found.status} by now: withdraw what was proposed about it.")
    planned = plan(tx, runtime, caller, found, proposed.action, proposed.parameters)
    if list(_shown(planned)) != [dict(each) for each in proposed.effect]:
        raise AlreadyDecided(f"What resolution {proposed.id} would do has changed since: propose it again.")
    planned.carry_out(proposed, caller)
    return _applied(tx, caller, found, proposed, decided_by=caller.actor)


def _applied(
    tx: Transaction, caller: Caller, found: Row[Any], proposed: Resolution, decided_by: str | None
) -> Resolution:
    resolutions.decide(tx, proposed.id, ResolutionStatus.APPLIED, decided_by)
    close_discrepancy(tx, found, proposed.action)
    applied = replace(proposed, status=ResolutionStatus.APPLIED, decided_by=decided_by, decided_at=tx.now)
    _note(tx, caller, applied, "decided")
    return applied


def _end(tx: Transaction, caller: Caller, proposed: Resolution, to: ResolutionStatus) -> Resolution:
    if to is ResolutionStatus.REJECTED:
        check_approver(proposed.proposed_by, caller.actor)
    transition("resolution", GRAPH, proposed.status, to)
    resolutions.decide(tx, proposed.id, to, caller.actor)
    ended = replace(proposed, status=to, decided_by=caller.actor, decided_at=tx.now)
    _note(tx, caller, ended, "decided")
    return ended


def _locked(tx: Transaction, caller: Caller, ids: Collection[UUID]) -> list[tuple[Row[Any], Resolution]]:
    """Each with its discrepancy, by id of the discrepancy. Raises ResolutionNotFound."""
    known = {each: resolutions.find(tx, each) for each in sorted(set(ids))}
    missing = [each for each, resolution in known.items() if resolution is None]
    found: dict[UUID, Row[Any]] = {}
    try:
        about = [resolution.discrepancy_id for resolution in known.values() if resolution]
        found = {} if missing else {row.id: row for row in lock_discrepancies(tx, caller, about)}
    except DiscrepancyNotFound:
        missing = list(known)
    if missing:
        raise ResolutionNotFound(f"There is no resolution {missing[0]}.")
    locked = [resolutions.find(tx, each, lock=True) for each in known]
    return [(found[resolution.discrepancy_id], resolution) for resolution in locked if resolution is not None]


def _check_sum(written_off: Collection[Resolution], limits: Mapping[str, int]) -> None:
    """One decision writes off no more than the limit, in however many parts. Raises AboveLimit."""
    sums: dict[str, int] = {}
    for transfer in (each for resolution in written_off for each in resolution.effect):
        sums[transfer["currency"]] = sums.get(transfer["currency"], 0) + transfer["amount_minor"]
    for currency, minor in sums.items():
        check_limit(Money(minor, currency), limits)


def _check_open(tx: Transaction, found: Row[Any]) -> None:
    if found.status != DiscrepancyStatus.OPEN:
        raise AlreadyDecided(f"Discrepancy {found.id} is {found.status}: nothing is left to decide.")
    live = resolutions.live_one(tx, found.id)
    if live is not None:
        raise AlreadyDecided(f"For discrepancy {found.id} somebody has proposed {live.action}: decide on that first.")


def _option(tx: Transaction, runtime: Runtime, caller: Caller, found: Row[Any], action: Action) -> dict[str, Any]:
    try:
        planned = plan(tx, runtime, caller, found, action, {})
    except GatewayError as error:
        return {"action": action, "possible": False, "why_not": error.detail, "fields": error.fields, "effect": []}
    return {"action": action, "possible": True, "why_not": "", "fields": {}, "effect": list(_shown(planned))}


def _kind(found: Row[Any]) -> DiscrepancyKind:
    return DiscrepancyKind(found.kind)


def _shown(planned: Plan) -> Effect:
    """The transfers; with their agencies, where these are several."""
    agencies = [{"agency": code} for code in planned.agencies] or [{} for _ in planned.effect]
    return tuple(
        {
            "debit": transfer.debit,
            "credit": transfer.credit,
            "amount_minor": transfer.amount.amount_minor,
            "currency": transfer.amount.currency,
            **agency,
        }
        for transfer, agency in zip(planned.effect, agencies, strict=True)
    )


def _note(tx: Transaction, caller: Caller, resolution: Resolution, kind: str) -> None:
    told = {"discrepancy": str(resolution.discrepancy_id), "action": resolution.action, "effect": resolution.effect}
    resolutions.add_note(tx, resolution.discrepancy_id, caller.actor, kind, f"{resolution.action}: {resolution.status}")
    tx.audit(caller.actor, f"resolution.{resolution.status}", "resolution", resolution.id, after=told)
