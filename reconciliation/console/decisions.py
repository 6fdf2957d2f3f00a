"""What waits for a second person: each act of proposing is decided on as one, whatever number of discrepancies it is
about."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import redirect, url_for

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.resolution import Resolution, ResolutionStatus
from gateway.forms.faults import faults_of
from gateway.forms.lists import following, place
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.cursors import invalid_cursor
from gateway.services.name_actors import colleagues, names_of
from gateway.services.resolve_discrepancy import AT_ONCE, ResolutionNotFound, approve, reject, withdraw
from gateway.services.surface import ConsoleSurface
from gateway.store import discrepancy_queue, resolutions
from gateway.store.database import Transaction
from reconciliation.console import words
from reconciliation.console.forms import check_shown, digest_of
from reconciliation.console.here import zone_of
from reconciliation.console.proposals import SHOWN, summed, sums_of
from reconciliation.console.roles import APPROVERS, DECIDERS, READERS

PAGE = 50
CURSOR = "decisions"

Decide = Callable[[Transaction, list[UUID]], object]


def add(console: ConsoleSurface) -> None:
    runtime = console.runtime

    @console.route("/decisions", endpoint="decisions")
    @for_officers(*READERS)
    def decisions() -> Any:
        me, after = console.officer(), _place()
        with runtime.db.read() as tx:
            rows = discrepancy_queue.waiting_decisions(tx, me.agency_id, after, PAGE + 1)
            names = names_of(tx, (row.proposed_by for row in rows))
            zone = zone_of(agencies_of(tx, me.caller), me.agency_id)
        shown = rows[:PAGE]
        return console.page(
            "decisions.html",
            words=words,
            money=Money,
            rows=shown,
            names=names,
            zone=zone,
            mine=me.caller.actor,
            following=following(CURSOR, shown[-1].id) if len(rows) > PAGE else None,
        )

    @console.route("/decisions/<uuid:resolution_id>", endpoint="decision")
    @for_officers(*READERS)
    def decision(resolution_id: UUID) -> Any:
        return _decision_page(console, resolution_id)

    _add_deciding(console)


def _add_deciding(console: ConsoleSurface) -> None:
    runtime = console.runtime

    @console.route("/decisions/<uuid:resolution_id>/approve", endpoint="approve_decision", methods=["POST"])
    @for_officers(*APPROVERS)
    def approve_it(resolution_id: UUID) -> Any:
        caller = console.officer().caller
        return _decided(console, resolution_id, lambda tx, ids: approve(tx, runtime, caller, ids))

    @console.route("/decisions/<uuid:resolution_id>/reject", endpoint="reject_decision", methods=["POST"])
    @for_officers(*APPROVERS)
    def reject_it(resolution_id: UUID) -> Any:
        caller = console.officer().caller
        return _decided(console, resolution_id, lambda tx, ids: reject(tx, caller, ids))

    @console.route("/decisions/<uuid:resolution_id>/withdraw", endpoint="withdraw_decision", methods=["POST"])
    @for_officers(*DECIDERS)
    def withdraw_it(resolution_id: UUID) -> Any:
        caller = console.officer().caller
        return _decided(console, resolution_id, lambda tx, ids: withdraw(tx, caller, ids))


def _decided(console: ConsoleSurface, resolution_id: UUID, decide: Decide) -> Any:
    try:
        with console.runtime.db.transaction() as tx:
            found = _found(console, tx, resolution_id)
            ids = discrepancy_queue.same_act(tx, found, console.officer().agency_id, AT_ONCE)
            check_shown(ids)
            decide(tx, ids)
    except ResolutionNotFound:
        raise
    except GatewayError as error:
        return _decision_page(console, resolution_id, error)
    return redirect(url_for("console.decision", resolution_id=resolution_id), 303)


def _decision_page(console: ConsoleSurface, resolution_id: UUID, error: GatewayError | None = None) -> Any:
    me = console.officer()
    with console.runtime.db.read() as tx:
        found = _found(console, tx, resolution_id)
        ids = discrepancy_queue.same_act(tx, found, me.agency_id, AT_ONCE)
        act = discrepancy_queue.with_discrepancies(tx, ids)
        names = names_of(tx, [found.proposed_by, found.decided_by])
        zone = zone_of(agencies_of(tx, me.caller), me.agency_id)
        able = colleagues(tx, APPROVERS, act[0][1].agency_id)
    waits, is_mine = found.status is ResolutionStatus.PROPOSED, found.proposed_by == me.caller.actor
    may_approve = waits and not is_mine and me.is_any_of(*APPROVERS)
    return console.page(
        "decision.html",
        status=200 if error is None else 422,
        words=words,
        money=Money,
        found=found,
        number=len(ids),
        rows=[row for _, row in act[:SHOWN]],
        sums=sums_of(row for _, row in act),
        effect=summed(resolution for resolution, _ in act),
        names=names,
        zone=zone,
        approvers=[name for actor, name in able if actor != found.proposed_by],
        is_mine=is_mine,
        may_approve=may_approve,
        may_withdraw=waits and not may_approve and me.is_any_of(*DECIDERS),
        waits=waits,
        shown=digest_of(ids),
        faults=faults_of(error) if error else {},
    )


def _found(console: ConsoleSurface, tx: Transaction, resolution_id: UUID) -> Resolution:
    """Raises ResolutionNotFound, also for another agency's."""
    found = resolutions.find(tx, resolution_id)
    agency = console.officer().agency_id
    if found is None or resolutions.find_discrepancy(tx, found.discrepancy_id, agency) is None:
        raise ResolutionNotFound("There is no such decision.")
    return found


def _place() -> UUID | None:
    found = place(CURSOR, str)
    try:
        return UUID(found[0]) if found else None
    except ValueError:
        raise invalid_cursor() from None
