"""Reports over HTTP, each in any of the formats."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, request
from marshmallow import fields, validate

from gateway.domain.errors import Invalid
from gateway.services.access import requires
from gateway.services.keys import Scope
from gateway.services.surface import Routes, Surface
from reconciliation.downloads import as_download
from reconciliation.reports import written
from reconciliation.reports.formats import CONTENT_TYPES, LANGUAGE, Form
from reconciliation.reports.month import Month
from reconciliation.reports.words import LANGUAGES
from reconciliation.schemas import Strict


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
        return as_download(written.run_report(runtime, surface.caller(), run_id, _form(query)))


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
        agency_id = surface.caller().agency_id
        return as_download(written.month_report(runtime, _month(month), agency_id, _form(query)))


def _add_payout(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/payouts/<provider>/<payout>/report")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(ReportQuery, location="query")
    def payout_report(query: Mapping[str, Any], provider: str, payout: str) -> Response:
        """Download the report of a payout: what its lines come to by kind, and what the provider states.

        A provider that names no payouts pays out batch by batch; the payout is the batch then.
        """
        return as_download(written.payout_report(runtime, surface.caller(), provider, payout, _form(query)))


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
        return as_download(written.receipts_report(runtime, on, surface.caller().agency_id, _form(query)))


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
