"""The day at a glance, which is the officers' first page."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.money import Money
from gateway.forms.reading import asked, choice, day_asked
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.surface import ConsoleSurface
from gateway.store import discrepancy_queue, reconciliation
from gateway.store.database import Transaction
from reconciliation.ask_for_run import sources_of
from reconciliation.console import charts, words
from reconciliation.console.here import today_of
from reconciliation.console.roles import READERS
from reconciliation.day import Day, Rail, Stage, day_at_a_glance, stage_of
from reconciliation.reports.month import BooksDoNotTie

LOOKED_BACK = timedelta(days=14)
RUNS_READ = 200
RUNS_SHOWN = 20
RAILS_SHOWN = 60
A_DAY = timedelta(days=1)


def add(console: ConsoleSurface) -> None:
    @console.route("/day", endpoint="day")
    @for_officers(*READERS)
    def day() -> Any:
        me = console.officer()
        with console.runtime.db.snapshot() as tx:
            agencies = agencies_of(tx, me.caller)
            today = today_of(agencies, tx.now)
            on = min(day_asked("date") or today, today)
            agency_id = _agency(console, agencies)
            glance = _glance(tx, on, agency_id)
            waiting = discrepancy_queue.waiting(tx, agency_id)
            runs = _runs(console, tx, on) if me.agency_id is None else None
            unsigned = _unsigned(tx, on) if me.agency_id is None else []
        return console.page(
            "day.html",
            words=words,
            charts=charts,
            money=Money,
            on=on,
            today=today,
            before=on - A_DAY,
            after=on + A_DAY if on < today else None,
            agencies=agencies if me.agency_id is None else [],
            chosen=(asked("agency") or ""),
            glance=glance,
            rails=_largest(glance.rails)[:RAILS_SHOWN] if glance else [],
            named={each.code: each.names for each in agencies},
            waiting=waiting,
            runs=runs,
            unsigned=unsigned,
        )


def _agency(console: ConsoleSurface, agencies: Sequence[Agency]) -> UUID | None:
    codes = {each.code: each.id for each in agencies}
    chosen = choice("agency", codes)
    return codes[chosen] if chosen else console.officer().agency_id


def _glance(tx: Transaction, on: date, agency_id: UUID | None) -> Day | None:
    """None if the books do not tie: no figure is told then."""
    try:
        return day_at_a_glance(tx, on, agency_id)
    except BooksDoNotTie:
        return None


def _largest(rails: Sequence[Rail]) -> list[Rail]:
    """What holds most first, of each currency."""
    return sorted(rails, key=lambda rail: (rail.closing.currency, -abs(rail.closing.amount_minor), rail.agency))


def _runs(console: ConsoleSurface, tx: Transaction, on: date) -> list[tuple[str, Any, Stage]]:
    """The runs of the day by source, each with how far it is; None for one that there is not yet."""
    rows = reconciliation.page_of_runs(tx, **_of(on, on), after=None, limit=RUNS_READ)
    begun = {row.provider for row in rows}
    missing = [(source, None, Stage.NOT_RUN) for source in sources_of(console.runtime) if source not in begun]
    return sorted([*((row.provider, row, stage_of(row.status, row.totals)) for row in rows), *missing], key=_by_source)


def _by_source(each: tuple[str, Any, Stage]) -> tuple[str, int]:
    return each[0], each[1].correction if each[1] else 0


def _unsigned(tx: Transaction, on: date) -> list[tuple[Any, Stage]]:
    """Of the days before, what is not signed off."""
    rows = reconciliation.page_of_runs(tx, **_of(on - LOOKED_BACK, on - A_DAY), after=None, limit=RUNS_READ)
    found = [(row, stage_of(row.status, row.totals)) for row in rows]
    return [each for each in found if each[1] is not Stage.SIGNED_OFF][:RUNS_SHOWN]


def _of(first: date, last: date) -> dict[str, Any]:
    return {"provider": None, "first": first, "last": last, "status": None}
