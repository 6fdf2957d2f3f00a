"""Reconciliation over HTTP: ask for a run, follow it, read what it found.

A run compares all that one provider settled on a day, for every agency it collects for, so it is for keys that act for
every agency; a key of one agency sees the discrepancies of its own.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.errors import Invalid
from gateway.domain.reconciliation import RunStatus
from gateway.services.access import requires
from gateway.services.cursors import decode_cursor, encode_cursor
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.surface import Routes, Surface
from gateway.store import reconciliation
from gateway.store.database import Transaction
from reconciliation import discrepancies_api, resolutions_api, sign_off_api, statements_api
from reconciliation.ask_for_run import ask_for_run
from reconciliation.assistant.causes import Cause
from reconciliation.assistant_api import add_assistant
from reconciliation.callers import check_acts_for_all
from reconciliation.jobs import Queue
from reconciliation.reports import api as reports_api
from reconciliation.reports.run import discrepancies_json, run_json
from reconciliation.schemas import Strict

LIMIT_DEFAULT, LIMIT_MAX = 50, 500


class RunRequest(Strict):
    provider = fields.String(required=True, validate=validate.Length(1, 50))
    business_date = fields.Date(
        required=True, format="iso", error_messages={"invalid": "must be a day like 2026-11-22"}
    )
    correction = fields.Boolean(
        load_default=False, metadata={"description": "Correct a day that is signed off, by a run of its own."}
    )


class RunSchema(Schema):
    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(tuple(RunStatus)))
    provider = fields.String(required=True)
    business_date = fields.String(required=True)
    correction = fields.Integer(required=True)
    corrects = fields.String(required=True, allow_none=True)
    dated = fields.String(required=True)
    sign_off = fields.Raw(required=True, allow_none=True, metadata={"type": "object"})
    report_sha256 = fields.String(required=True, allow_none=True)
    rules_version = fields.String(required=True)
    requested_by = fields.String(required=True)
    error = fields.String(required=True)
    totals = fields.Raw(required=True, metadata={"type": "object"})


class DiscrepancySchema(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(tuple(DiscrepancyKind)))
    status = fields.String(required=True, validate=validate.OneOf(tuple(DiscrepancyStatus)))
    provider = fields.String(required=True)
    business_date = fields.String(required=True)
    payment = fields.String(required=True, allow_none=True)
    refund = fields.String(required=True, allow_none=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    evidence = fields.Raw(required=True, metadata={"type": "object"})
    explanation = fields.Raw(required=True, metadata={"type": "object"})
    cause = fields.String(required=True, allow_none=True, validate=validate.OneOf(tuple(Cause)))
    group = fields.String(required=True, allow_none=True)


class PageQuery(Strict):
    limit = fields.Integer(load_default=LIMIT_DEFAULT, validate=validate.Range(1, LIMIT_MAX))
    after = fields.String(load_default=None, validate=validate.Length(max=1_000))


class RunsQuery(PageQuery):
    provider = fields.String(load_default=None, validate=validate.Length(1, 50))
    first = fields.Date(load_default=None, format="iso", metadata={"description": "The first business date."})
    last = fields.Date(load_default=None, format="iso", metadata={"description": "The last business date."})
    status = fields.String(load_default=None, validate=validate.OneOf(tuple(RunStatus)))


class RunPage(Schema):
    data = fields.List(fields.Nested(RunSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class DiscrepancyPage(Schema):
    data = fields.List(fields.Nested(DiscrepancySchema), required=True)
    next = fields.String(required=True, allow_none=True)


def register(surface: Surface) -> None:
    """Add the routes to the application."""
    resource = surface.resource(
        "Reconciliation", "What the providers settled, compared with the ledger, and explained."
    )
    _add_asking(surface, resource, Queue())
    _add_reading(surface, resource)
    sign_off_api.add(surface, resource)
    _add_discrepancies(surface, resource)
    add_assistant(surface, resource)
    surface.publish(resource)
    discrepancies_api.register(surface)
    resolutions_api.register(surface)
    reports_api.register(surface)
    statements_api.register(surface)


def _add_asking(surface: Surface, resource: Routes, queue: Queue) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/runs", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @resource.arguments(RunRequest)
    @resource.response(202, RunSchema)
    def begin(body: Mapping[str, Any]) -> Any:
        """Run the reconciliation of a provider and a day, or of a bank account as `bank:{account}`.

        It runs in the background: follow its status. Running a day again gives the same result, and takes in what was
        settled since.
        """
        check_acts_for_all(surface.caller())
        return surface.once(lambda tx: asked(tx, body))

    def asked(tx: Transaction, body: Mapping[str, Any]) -> Answer:
        provider, day, correction = body["provider"], body["business_date"], body["correction"]
        run_id = ask_for_run(tx, runtime, queue, surface.caller(), provider, day, correction=correction)
        return Answer(202, run_json(tx, run_id))


def _add_reading(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/runs")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(RunsQuery, location="query")
    @resource.response(200, RunPage)
    def list_runs(query: Mapping[str, Any]) -> Mapping[str, Any]:
        """List the runs, the newest day first."""
        check_acts_for_all(surface.caller())
        after = decode_cursor("runs", query["after"], str, str, int) if query["after"] else None
        place = (_day(after[0]), after[1], after[2]) if after else None
        filters = {name: query[name] for name in ("provider", "first", "last", "status")}
        with runtime.db.read() as tx:
            rows = reconciliation.page_of_runs(tx, **filters, after=place, limit=query["limit"] + 1)
            page = rows[: query["limit"]]
            data = [run_json(tx, row.id) for row in page]
        last = page[-1] if len(rows) > len(page) else None
        following = last and encode_cursor("runs", last.business_date.isoformat(), last.provider, last.correction)
        return {"data": data, "next": following}

    @resource.route("/v1/reconciliation/runs/<uuid:run_id>")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.response(200, RunSchema)
    def show(run_id: UUID) -> Mapping[str, Any]:
        """Show a run with its totals."""
        check_acts_for_all(surface.caller())
        with runtime.db.read() as tx:
            return run_json(tx, run_id)


def _add_discrepancies(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/runs/<uuid:run_id>/discrepancies")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(PageQuery, location="query")
    @resource.response(200, DiscrepancyPage)
    def list_discrepancies(query: Mapping[str, Any], run_id: UUID) -> Mapping[str, Any]:
        """List what a run found, with the evidence and an explanation in each language."""
        after = _decoded("discrepancies", query["after"])
        with runtime.db.read() as tx:
            run_json(tx, run_id)
            rows = reconciliation.page_of_findings(
                tx,
                run_id,
                agency_id=surface.caller().agency_id,
                after=(after[0], after[1]) if after else None,
                limit=query["limit"] + 1,
            )
            page = rows[: query["limit"]]
            data = discrepancies_json(tx, run_id, page)
        last = page[-1] if len(rows) > len(page) else None
        following = last and encode_cursor("discrepancies", last.kind, last.key)
        return {"data": data, "next": following}


def _decoded(kind: str, cursor: str | None) -> list[Any]:
    return decode_cursor(kind, cursor, str, str) if cursor else []


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("This is no cursor of this list.", fields={"after": "is no cursor of this list"}) from None
