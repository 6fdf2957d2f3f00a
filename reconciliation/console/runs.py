"""The runs of each day: how far they are, what they found; starting one, and correcting a day that is signed.

A run is of every agency that its source collects for, so these pages are for officers who act for all.
"""

from datetime import date
from typing import Any
from uuid import UUID

from flask import redirect, url_for

from gateway.domain.errors import GatewayError, NotFound
from gateway.domain.money import Money
from gateway.domain.reconciliation import RunStatus
from gateway.forms.faults import faults_of
from gateway.forms.lists import following, place
from gateway.forms.reading import asked, choice, chosen_of, day_asked, day_given, typed
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.cursors import invalid_cursor
from gateway.services.name_actors import names_of
from gateway.services.surface import ConsoleSurface
from gateway.store import discrepancy_queue, reconciliation
from reconciliation.ask_for_run import ask_for_run, sources_of
from reconciliation.callers import check_acts_for_all
from reconciliation.console import words
from reconciliation.console.here import zone_of
from reconciliation.console.roles import APPROVERS, DECIDERS, READERS
from reconciliation.day import stage_of
from reconciliation.jobs import Queue
from reconciliation.reports.formats import FORMATS
from reconciliation.reports.run import RunNotFound

PAGE = 50
CURSOR, FINDINGS_CURSOR = "runs", "discrepancies"
SIGNABLE = frozenset({RunStatus.BALANCED, RunStatus.EXCEPTIONS})
FILTERS = ("provider", "first", "last", "status")


def add(console: ConsoleSurface) -> None:
    queue = Queue()

    @console.route("/runs", endpoint="runs")
    @for_officers(*READERS)
    def runs() -> Any:
        return _runs_page(console)

    @console.route("/runs", endpoint="begin_run", methods=["POST"])
    @for_officers(*DECIDERS)
    def begin() -> Any:
        try:
            provider = chosen_of("provider", sources_of(console.runtime))
            run_id = _ask(console, queue, provider, day_given("business_date"), correction=False)
        except GatewayError as error:
            return _runs_page(console, error)
        return redirect(url_for("console.run", run_id=run_id), 303)

    @console.route("/runs/<uuid:run_id>", endpoint="run")
    @for_officers(*READERS)
    def run(run_id: UUID) -> Any:
        return run_page(console, run_id)

    for endpoint, correction in (("run_again", False), ("correct_run", True)):
        _add_again(console, queue, endpoint, correction=correction)


def _add_again(console: ConsoleSurface, queue: Queue, endpoint: str, *, correction: bool) -> None:
    rule = f"/runs/<uuid:run_id>/{'correct' if correction else 'again'}"

    @console.route(rule, endpoint=endpoint, methods=["POST"])
    @for_officers(*DECIDERS)
    def again(run_id: UUID) -> Any:
        try:
            found = found_run(console, run_id)
            corrects = correction or found.correction > 0
            new = _ask(console, queue, found.provider, found.business_date, correction=corrects)
        except NotFound:
            raise
        except GatewayError as error:
            return run_page(console, run_id, error)
        return redirect(url_for("console.run", run_id=new), 303)


def _ask(console: ConsoleSurface, queue: Queue, provider: str, day: date, *, correction: bool) -> UUID:
    runtime, caller = console.runtime, console.officer().caller
    with runtime.db.transaction() as tx:
        return ask_for_run(tx, runtime, queue, caller, provider, day, correction=correction)


def _runs_page(console: ConsoleSurface, error: GatewayError | None = None) -> Any:
    me = console.officer()
    check_acts_for_all(me.caller)
    with console.runtime.db.read() as tx:
        rows = reconciliation.page_of_runs(
            tx,
            provider=asked("provider"),
            first=day_asked("first"),
            last=day_asked("last"),
            status=choice("status", tuple(RunStatus)),
            after=_place(),
            limit=PAGE + 1,
        )
        known = discrepancy_queue.sources(tx)
        names = names_of(tx, (row.signed_off_by for row in rows))
    shown = rows[:PAGE]
    return console.page(
        "runs.html",
        status=200 if error is None else 422,
        words=words,
        rows=[(row, stage_of(row.status, row.totals)) for row in shown],
        names=names,
        chosen={name: (asked(name) or "") for name in FILTERS},
        known=sorted(known),
        sources=sources_of(console.runtime),
        statuses=list(RunStatus),
        may_run=me.is_any_of(*DECIDERS),
        following=_following(shown) if len(rows) > PAGE else None,
        typed=typed("provider", "business_date"),
        faults=faults_of(error) if error else {},
    )


def run_page(console: ConsoleSurface, run_id: UUID, error: GatewayError | None = None) -> Any:
    """Raises RunNotFound, OneAgencyOnly."""
    me, run = console.officer(), found_run(console, run_id)
    after = place(FINDINGS_CURSOR, str, str)
    with console.runtime.db.read() as tx:
        place_after = (after[0], after[1]) if after else None
        rows = reconciliation.page_of_findings(tx, run_id, agency_id=None, after=place_after, limit=PAGE + 1)
        names = names_of(tx, [run.requested_by, run.signed_off_by])
        zone = zone_of(agencies_of(tx, me.caller))
    shown = rows[:PAGE]
    is_finished = RunStatus(run.status) in SIGNABLE
    is_signed = run.status == RunStatus.SIGNED_OFF
    return console.page(
        "run.html",
        status=200 if error is None else 422,
        words=words,
        money=Money,
        run=run,
        stage=stage_of(run.status, run.totals),
        names=names,
        zone=zone,
        rows=shown,
        following=following(FINDINGS_CURSOR, shown[-1].kind, shown[-1].key) if len(rows) > PAGE else None,
        formats=FORMATS,
        may_sign=is_finished and me.is_any_of(*APPROVERS),
        may_run=me.is_any_of(*DECIDERS) and run.status != RunStatus.RUNNING,
        is_signed=is_signed,
        faults=faults_of(error) if error else {},
    )


def found_run(console: ConsoleSurface, run_id: UUID) -> Any:
    """Raises RunNotFound, OneAgencyOnly."""
    check_acts_for_all(console.officer().caller)
    with console.runtime.db.read() as tx:
        run = reconciliation.find_run(tx, run_id)
    if run is None:
        raise RunNotFound("There is no such run.")
    return run


def _place() -> tuple[date, str, int] | None:
    found = place(CURSOR, str, str, int)
    try:
        return (date.fromisoformat(found[0]), found[1], found[2]) if found else None
    except ValueError:
        raise invalid_cursor() from None


def _following(shown: list[Any]) -> str:
    last = shown[-1]
    return following(CURSOR, last.business_date.isoformat(), last.provider, last.correction)
