"""Reports to download, by the console's session; who took what is in the audit trail."""

from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.errors import Invalid
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.surface import ConsoleSurface
from gateway.store import catalogue
from reconciliation.console.forms import asked, day_asked, text_asked
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
        provider, payout = text_asked("provider") or "", text_asked("payout") or ""
        caller = console.officer().caller
        report = written.payout_report(console.runtime, caller, provider, payout, _form(console))
        _note(console, "payout_report", f"{provider}/{payout}")
        return as_download(report)

    @console.route("/reports/receipts", endpoint="receipts_report")
    @for_officers(*READERS)
    def report_of_receipts() -> Any:
        on = day_asked("day")
        if on is None:
            raise Invalid("That is no day.", fields={"day": "must be like 2026-11-22"})
        report = written.receipts_report(console.runtime, on, _agency(console), _form(console))
        _note(console, "receipts_report", on.isoformat())
        return as_download(report)


def _form(console: ConsoleSurface) -> Form:
    """Raises NoSuchFormat."""
    return Form(asked().get("format", ""), console.language())


def _month() -> Month:
    """Raises Invalid."""
    try:
        day = date.fromisoformat(f"{asked().get('month', '')}-01")
        return Month.of(day)
    except (ValueError, OverflowError):
        raise Invalid("That is no month.", fields={"month": "must be like 2026-11"}) from None


def _agency(console: ConsoleSurface) -> UUID | None:
    """The officer's own, or the one that is asked for; None for all."""
    own, code = console.officer().agency_id, asked().get("agency", EVERY)
    if own is not None or code == EVERY:
        return own
    with console.runtime.db.read() as tx:
        found = next((each.id for each in catalogue.all_agencies(tx) if each.code == code), None)
    if found is None:
        raise Invalid("There is no such agency.", fields={"agency": "must be one of the list"})
    return found


def _note(console: ConsoleSurface, subject: str, name: str) -> None:
    """Who took it, once it is written."""
    taken = {"format": text_asked("format"), "agency": text_asked("agency") or EVERY}
    with console.runtime.db.transaction() as tx:
        tx.audit(console.officer().caller.actor, "report.downloaded", subject, name, after=taken)
