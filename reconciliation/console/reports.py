"""Reports to download, by the console's session; who took what is in the audit trail."""

from datetime import date
from typing import Any
from uuid import UUID

from gateway.forms.faults import Mistyped
from gateway.forms.reading import NO_CHOICE, NO_DAY, asked, day_asked
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.surface import N_, ConsoleSurface
from gateway.store import catalogue
from reconciliation.console.here import today_of
from reconciliation.console.roles import READERS
from reconciliation.downloads import as_download
from reconciliation.reports import written
from reconciliation.reports.formats import FORMATS, Form
from reconciliation.reports.month import Month

EVERY = "all"


def add(console: ConsoleSurface) -> None:
    @console.route("/reports", endpoint="reports")
    @for_officers(*READERS)
    def reports() -> Any:
        me = console.officer()
        with console.runtime.db.read() as tx:
            agencies = agencies_of(tx, me.caller)
            today = today_of(agencies, tx.now)
        return console.page(
            "reports.html",
            agencies=agencies if me.agency_id is None else [],
            providers=list(console.runtime.providers),
            formats=FORMATS,
            month=str(Month.of(today)),
            today=today.isoformat(),
        )

    @console.route("/runs/<uuid:run_id>/report", endpoint="run_report")
    @for_officers(*READERS)
    def report_of_run(run_id: UUID) -> Any:
        report = written.run_report(console.runtime, console.officer().caller, run_id, _form(console))
        _note(console, "reconciliation_run", str(run_id))
        return as_download(report)

    @console.route("/reports/month", endpoint="month_report")
    @for_officers(*READERS)
    def report_of_month() -> Any:
        span = _month()
        report = written.month_report(console.runtime, span, _agency(console), _form(console))
        _note(console, "month_report", str(span))
        return as_download(report)

    @console.route("/reports/payout", endpoint="payout_report")
    @for_officers(*READERS)
    def report_of_payout() -> Any:
        provider, payout = asked("provider") or "", asked("payout") or ""
        caller = console.officer().caller
        report = written.payout_report(console.runtime, caller, provider, payout, _form(console))
        _note(console, "payout_report", f"{provider}/{payout}")
        return as_download(report)

    @console.route("/reports/receipts", endpoint="receipts_report")
    @for_officers(*READERS)
    def report_of_receipts() -> Any:
        on = day_asked("day")
        if on is None:
            raise Mistyped("That is no day.", fields={"day": NO_DAY})
        report = written.receipts_report(console.runtime, on, _agency(console), _form(console))
        _note(console, "receipts_report", on.isoformat())
        return as_download(report)


def _form(console: ConsoleSurface) -> Form:
    """Raises NoSuchFormat."""
    return Form((asked("format") or ""), console.language())


def _month() -> Month:
    """Raises Invalid."""
    try:
        day = date.fromisoformat(f"{asked('month')}-01")
        return Month.of(day)
    except (ValueError, OverflowError):
        raise Mistyped("That is no month.", fields={"month": N_("Give a month, like 2026-11.")}) from None


def _agency(console: ConsoleSurface) -> UUID | None:
    """The officer's own, or the one that is asked for; None for all."""
    own, code = console.officer().agency_id, (asked("agency") or EVERY)
    if own is not None or code == EVERY:
        return own
    with console.runtime.db.read() as tx:
        found = next((each.id for each in catalogue.all_agencies(tx) if each.code == code), None)
    if found is None:
        raise Mistyped("There is no such agency.", fields={"agency": NO_CHOICE})
    return found


def _note(console: ConsoleSurface, subject: str, name: str) -> None:
    """Who took it, once it is written."""
    taken = {"format": asked("format"), "agency": asked("agency") or EVERY}
    with console.runtime.db.transaction() as tx:
        tx.audit(console.officer().caller.actor, "report.downloaded", subject, name, after=taken)
