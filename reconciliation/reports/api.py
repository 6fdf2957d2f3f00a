"""Reports over HTTP, each in any of the formats.

A report is written to a temporary file at one moment of the database, and sent from there: a slow reader holds no
transaction, and a report that cannot be finished is a problem, not half a file.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from threading import BoundedSemaphore
from typing import IO, Any
from uuid import UUID

from flask import Response, request
from marshmallow import Schema, fields, validate

from gateway.domain.errors import Invalid, Unavailable
from gateway.domain.reconciliation import RunStatus
from gateway.services.access import requires
from gateway.services.keys import Scope
from gateway.services.runtime import Caller, Runtime
from gateway.services.surface import Routes, Surface
from gateway.store import signed_runs
from gateway.store.database import Transaction
from reconciliation.callers import check_acts_for_all
from reconciliation.reports.formats import (
    CONTENT_TYPES,
    LANGUAGE,
    Form,
    kept_name,
    render,
    render_month,
    render_payout,
    render_receipts,
)
from reconciliation.reports.month import Month
from reconciliation.reports.run import run_json
from reconciliation.reports.words import LANGUAGES

CHUNK = 1 << 16
_AT_ONCE = BoundedSemaphore(2)  # of each process

Write = Callable[[Transaction], Iterator[bytes]]


class ReportsBusy(Unavailable):
    code = "reports_busy"


class Strict(Schema):
    error_messages = {"unknown": "is not a field of this request"}  # noqa: RUF012 - marshmallow's own class attribute


class ReportQuery(Strict):
    format = fields.String(load_default=None, validate=validate.Length(max=20))
    language = fields.String(load_default=LANGUAGE, validate=validate.OneOf(LANGUAGES))


def register(surface: Surface) -> None:
    """Add the routes to the application."""
    resource = surface.resource("Reports", "What was collected, settled and explained, for spreadsheets and to sign.")
    _add_run(surface, resource)
    _add_month(surface, resource)
    _add_payout(surface, resource)
    _add_receipts(surface, resource)
    surface.publish(resource)


def _add_run(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/runs/<uuid:run_id>/report")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(ReportQuery, location="query")
    def report(query: Mapping[str, Any], run_id: UUID) -> Response:
        """Download the report of a run, by `?format=` or by Accept: JSON, CSV, XLSX or PDF.

        The same run gives the same bytes; of a signed run they are those that were signed. `sha256` is the digest of
        the JSON report without that member; XLSX and PDF print it.
        """
        return run_report(runtime, surface.caller(), run_id, _form(query))


def _add_month(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/months/<month>/report")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(ReportQuery, location="query")
    def month_report(query: Mapping[str, Any], month: str) -> Response:
        """Download the report of a month like 2026-11: of the key's agency, or of all.

        What came in on each account and day, fees, refunds, what was paid out and what is on its way, revenue by code,
        the runs, what is open and how long; tied to the trial balance. It is refused with books_do_not_tie rather than
        told wrongly.
        """
        return month_report_of(runtime, _month(month), surface.caller().agency_id, _form(query))


def _add_payout(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/payouts/<provider>/<payout>/report")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(ReportQuery, location="query")
    def payout_report(query: Mapping[str, Any], provider: str, payout: str) -> Response:
        """Download the report of a payout: what its lines come to by kind, and what the provider states.

        A provider that names no payouts pays out batch by batch; the payout is the batch then.
        """
        return payout_report_of(runtime, surface.caller(), provider, payout, _form(query))


def _add_receipts(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/receipts/<day>")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(ReportQuery, location="query")
    def receipts_report(query: Mapping[str, Any], day: str) -> Response:
        """Download the day's receipts in the tax authority's columns: of the key's agency, or of all.

        A row for each fee on each receipt that was issued on that day, in the columns that the tax authority asks for.
        """
        on = _day(day, "day", "like 2026-11-22")
        return receipts_report_of(runtime, on, surface.caller().agency_id, _form(query))


def run_report(runtime: Runtime, caller: Caller, run_id: UUID, form: Form) -> Response:
    """The report of a run; of a signed one what was kept. Raises OneAgencyOnly, RunNotFound, ReportsBusy."""
    check_acts_for_all(caller)
    with runtime.db.read() as tx:
        run = run_json(tx, run_id)
    correction = f"-correction-{run['correction']}" if run["correction"] else ""
    name = f"{run['provider']}-{run['business_date']}{correction}"
    if run["status"] == RunStatus.SIGNED_OFF:
        return _download(runtime, form, name, lambda tx: signed_runs.read_report(tx, run_id, kept_name(form)))
    return _download(runtime, form, name, lambda tx: render(tx, run_id, form.format, form.language))


def month_report_of(runtime: Runtime, span: Month, agency_id: UUID | None, form: Form) -> Response:
    """Of one agency, or (None) of all. Raises BooksDoNotTie, ReportsBusy."""
    return _download(runtime, form, f"month-{span}", lambda tx: render_month(tx, span, agency_id, form))


def payout_report_of(runtime: Runtime, caller: Caller, provider: str, payout: str, form: Form) -> Response:
    """Raises OneAgencyOnly, PayoutNotFound, ReportsBusy."""
    check_acts_for_all(caller)
    return _download(runtime, form, "payout", lambda tx: render_payout(tx, provider, payout, form))


def receipts_report_of(runtime: Runtime, on: date, agency_id: UUID | None, form: Form) -> Response:
    """Of one agency, or (None) of all. Raises ReportsBusy."""
    return _download(runtime, form, f"receipts-{on}", lambda tx: render_receipts(tx, on, agency_id, form))


def _month(text: str) -> Month:
    day = _day(f"{text}-01", "month", "like 2026-11")
    if day.year == date.max.year:
        raise Invalid("That is no month.", fields={"month": "must be like 2026-11"})
    return Month.of(day)


def _day(text: str, field: str, like: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"That is no {field}.", fields={field: f"must be {like}"}) from None


def _form(query: Mapping[str, Any]) -> Form:
    return Form(query["format"] or _accepted(), query["language"])


def _accepted() -> str:
    """What the caller prefers of what there is; what it says itself if it takes none of it."""
    forms = {content_type.partition(";")[0]: name for name, content_type in CONTENT_TYPES.items()}
    best = request.accept_mimetypes.best_match(forms) if request.accept_mimetypes else "application/json"
    return forms[best] if best else str(request.accept_mimetypes)


def _download(runtime: Runtime, form: Form, name: str, write: Write) -> Response:
    with ExitStack() as opened, _one_of_few():
        file = opened.enter_context(tempfile.TemporaryFile())
        with runtime.db.snapshot() as tx:
            for piece in write(tx):
                file.write(piece)
        size = file.tell()
        file.seek(0)
        response = Response(_sent(file), content_type=CONTENT_TYPES[form.format])
        response.call_on_close(opened.pop_all().close)
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form.format}"'
    return response


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Raises ReportsBusy. A report may take a thread and a connection for minutes; payers need theirs."""
    if not _AT_ONCE.acquire(blocking=False):
        raise ReportsBusy("Other reports are being written. Try again in a minute.")
    try:
        yield
    finally:
        _AT_ONCE.release()


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, CHUNK), b"")
