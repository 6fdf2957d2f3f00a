"""Signing a run: what is signed is shown first, and what is open needs a reason, given once for each kind."""

from collections import Counter
from typing import Any
from uuid import UUID

from flask import redirect, url_for

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import GatewayError, NotFound
from gateway.domain.money import Money
from gateway.forms.faults import Mistyped, faults_of
from gateway.forms.reading import TEXT_MAX, TOO_LONG, typed
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.name_actors import names_of
from gateway.services.surface import N_, ConsoleSurface
from gateway.store import signed_runs
from gateway.store.database import Transaction
from reconciliation.console import words
from reconciliation.console.forms import check_shown, digest_of
from reconciliation.console.here import zone_of
from reconciliation.console.roles import APPROVERS
from reconciliation.console.runs import SIGNABLE, found_run
from reconciliation.day import stage_of
from reconciliation.reports.formats import KEPT
from reconciliation.sign_off import nothing_at_work, sign_off

REASON = range(3, 501)


def add(console: ConsoleSurface) -> None:
    @console.route("/runs/<uuid:run_id>/sign-off", endpoint="sign_off")
    @for_officers(*APPROVERS)
    def look(run_id: UUID) -> Any:
        return _sign_off_page(console, run_id)

    @console.route("/runs/<uuid:run_id>/sign-off", endpoint="sign_run", methods=["POST"])
    @for_officers(*APPROVERS)
    def sign(run_id: UUID) -> Any:
        runtime, caller = console.runtime, console.officer().caller
        found_run(console, run_id)
        try:
            with nothing_at_work(runtime, run_id), runtime.db.transaction() as tx:
                run = signed_runs.lock_run(tx, run_id)
                rows = _open(tx, run_id)
                check_shown(_signed(run, rows))
                sign_off(tx, run_id, caller.actor, _note(), _reasons(rows), KEPT)
        except NotFound:
            raise
        except GatewayError as error:
            return _sign_off_page(console, run_id, error)
        return redirect(url_for("console.run", run_id=run_id), 303)


def _sign_off_page(console: ConsoleSurface, run_id: UUID, error: GatewayError | None = None) -> Any:
    me, run = console.officer(), found_run(console, run_id)
    with console.runtime.db.read() as tx:
        rows = _open(tx, run_id)
        alone = signed_runs.closed_alone(tx, run_id, me.caller.actor)
        names = names_of(tx, [run.requested_by])
        zone = zone_of(agencies_of(tx, me.caller))
    kinds = Counter(row.kind for row in rows)
    return console.page(
        "run_sign_off.html",
        status=200 if error is None else 422,
        words=words,
        money=Money,
        run=run,
        stage=stage_of(run.status, run.totals),
        zone=zone,
        names=names,
        kinds=sorted(kinds.items()),
        is_signable=run.status in SIGNABLE,
        is_mine=run.requested_by == me.caller.actor,
        closed_alone=alone,
        shown=digest_of(_signed(run, rows)),
        typed=typed("note", *map(_field, kinds)),
        field=_field,
        faults=faults_of(error) if error else {},
    )


def _open(tx: Transaction, run_id: UUID) -> list[Any]:
    """What needs a reason."""
    return signed_runs.open_findings(tx, run_id, DiscrepancyKind.TIMING)


def _signed(run: Any, rows: list[Any]) -> list[object]:
    """What a signature is about: the run as it ended, and what is open."""
    return [run and run.finished_at, *(row.id for row in rows)]


def _reasons(rows: list[Any]) -> dict[UUID, str]:
    """Raises Invalid if the reason for a kind is missing."""
    given = {kind: typed(_field(kind))[_field(kind)] for kind in {row.kind for row in rows}}
    wrong = sorted(kind for kind, reason in given.items() if len(reason) not in REASON)
    if wrong:
        raise Mistyped(
            "A reason is missing.",
            fields={_field(kind): N_("Say in a sentence why the day is signed all the same.") for kind in wrong},
        )
    return {row.id: given[row.kind] for row in rows}


def _note() -> str:
    note = typed("note")["note"]
    if len(note) > TEXT_MAX:
        raise Mistyped("The note is too long.", fields={"note": TOO_LONG})
    return note


def _field(kind: str) -> str:
    return f"reason-{kind}"
