"""Discrepancies as an officer's work, over HTTP: find them, read one whole, say something about it, look after it."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.services.access import requires
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.resolve_discrepancy import DiscrepancyNotFound, options
from gateway.services.surface import Routes, Surface
from gateway.services.work_on_discrepancy import answer_trace, ask_again, assign, carry, comment, open_trace
from gateway.store import resolutions
from gateway.store.database import Transaction
from reconciliation.reports.formats import LANGUAGE
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.run import aged, discrepancy_json
from reconciliation.reports.trace import letter_of, trace_document
from reconciliation.reports.words import LANGUAGES
from reconciliation.resolutions_api import ResolutionSchema, resolution_json
from reconciliation.schemas import Strict

READERS = (Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
LIMIT_DEFAULT, LIMIT_MAX = 50, 500
TEXT_MAX, NAME_MAX = 2_000, 200
CURSOR = "open discrepancies"


class DiscrepancyQuery(Strict):
    status = fields.String(load_default=None, validate=validate.OneOf(tuple(DiscrepancyStatus)))
    kind = fields.String(load_default=None, validate=validate.OneOf(tuple(DiscrepancyKind)))
    provider = fields.String(load_default=None, validate=validate.Length(max=50))
    assigned_to = fields.String(load_default=None, validate=validate.Length(max=NAME_MAX))
    due = fields.Boolean(load_default=False, metadata={"description": "without what is carried until a later day"})
    older_than_days = fields.Integer(load_default=None, validate=validate.Range(0, 10_000))
    limit = fields.Integer(load_default=LIMIT_DEFAULT, validate=validate.Range(1, LIMIT_MAX))
    after = fields.String(load_default=None, validate=validate.Length(max=1_000))


class OfficersDiscrepancySchema(Schema):
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
    age_days = fields.Integer(required=True)
    assigned_to = fields.String(required=True, allow_none=True)
    carried_until = fields.Date(required=True, allow_none=True)


class OfficersDiscrepancyPage(Schema):
    data = fields.List(fields.Nested(OfficersDiscrepancySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class DecisionOptionSchema(Schema):
    action = fields.String(required=True)
    possible = fields.Boolean(required=True)
    why_not = fields.String(required=True)
    fields_ = fields.Raw(required=True, data_key="fields", attribute="fields", metadata={"type": "object"})
    effect = fields.List(fields.Raw(metadata={"type": "object"}), required=True)


class NoteSchema(Schema):
    at = fields.DateTime(required=True, format="iso")
    author = fields.String(required=True)
    kind = fields.String(required=True)
    text = fields.String(required=True)


class TraceSchema(Schema):
    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    addressee = fields.String(required=True)
    due_on = fields.Date(required=True)
    opened_at = fields.DateTime(required=True, format="iso")
    answer = fields.String(required=True, allow_none=True)


class WholeDiscrepancySchema(OfficersDiscrepancySchema):
    actions = fields.List(fields.Nested(DecisionOptionSchema), required=True)
    notes = fields.List(fields.Nested(NoteSchema), required=True)
    resolutions = fields.List(fields.Nested(ResolutionSchema), required=True)
    traces = fields.List(fields.Nested(TraceSchema), required=True)


class CommentBody(Strict):
    text = fields.String(required=True, validate=validate.Length(1, TEXT_MAX))


class AssignBody(Strict):
    to = fields.String(required=True, allow_none=True, validate=validate.Length(1, NAME_MAX))


class CarryBody(Strict):
    until = fields.Date(required=True, format="iso")
    reason = fields.String(required=True, validate=validate.Length(1, TEXT_MAX))


class TraceBody(Strict):
    kind = fields.String(required=True, validate=validate.OneOf(("trace", "dispute")))
    addressee = fields.String(required=True, validate=validate.Length(1, NAME_MAX))


class LetterQuery(Strict):
    language = fields.String(load_default=LANGUAGE, validate=validate.OneOf(LANGUAGES))


class AnswerBody(Strict):
    answer = fields.String(required=True, validate=validate.Length(1, TEXT_MAX))


class AgeSchema(Schema):
    kind = fields.String(required=True)
    days = fields.String(required=True)
    currency = fields.String(required=True)
    count = fields.Integer(required=True)
    amount_minor = fields.Integer(required=True)


class AgeingSchema(Schema):
    data = fields.List(fields.Nested(AgeSchema), required=True)


class WorkSchema(Schema):
    id = fields.String(required=True)
    trace = fields.String(required=True, allow_none=True)


class AskedSchema(Schema):
    payment_status = fields.String(required=True)


def register(surface: Surface) -> None:
    """Add the routes to the application."""
    resource = surface.resource("Discrepancies", "What does not agree, explained, and what officers do about it.")
    _add_reading(surface, resource)
    _add_ageing(surface, resource)
    _add_work(surface, resource)
    _add_traces(surface, resource)
    surface.publish(resource)


def _add_reading(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/discrepancies")
    @requires(*READERS)
    @resource.arguments(DiscrepancyQuery, location="query")
    @resource.response(200, OfficersDiscrepancyPage)
    def list_discrepancies(query: Mapping[str, Any]) -> Mapping[str, Any]:
        """List discrepancies, the oldest first."""
        wanted = {name: query[name] for name in ("status", "kind", "provider", "assigned_to") if query[name]}
        after = _place(query["after"])
        with runtime.db.read() as tx:
            rows = resolutions.page_of_discrepancies(
                tx,
                surface.caller().agency_id,
                wanted,
                older_than_days=query["older_than_days"],
                due=query["due"],
                after=after,
                limit=query["limit"] + 1,
            )
            ages = resolutions.ages(tx, [row.id for row in rows])
        page = rows[: query["limit"]]
        last = page[-1] if len(rows) > len(page) else None
        following = last and encode_cursor(CURSOR, last.business_date.isoformat(), str(last.id))
        return {"data": [_summary(row, ages[row.id]) for row in page], "next": following}

    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>")
    @requires(*READERS)
    @resource.response(200, WholeDiscrepancySchema)
    def show(discrepancy_id: UUID) -> Mapping[str, Any]:
        """Show a discrepancy: both sides, its explanation, what can be done with what effect, and what was."""
        with runtime.db.transaction() as tx:
            found = resolutions.find_discrepancy(tx, discrepancy_id, surface.caller().agency_id)
            if found is None:
                raise DiscrepancyNotFound(f"There is no discrepancy {discrepancy_id}.")
            is_open = found.status == DiscrepancyStatus.OPEN
            age_days = resolutions.ages(tx, [discrepancy_id])[discrepancy_id]
            return _summary(found, age_days) | {
                "actions": options(tx, runtime, surface.caller(), discrepancy_id) if is_open else [],
                "notes": [row._asdict() for row in resolutions.notes_of(tx, discrepancy_id)],
                "resolutions": [resolution_json(each) for each in resolutions.of_discrepancies(tx, [discrepancy_id])],
                "traces": [row._asdict() for row in resolutions.traces_of(tx, discrepancy_id)],
            }


def _add_ageing(surface: Surface, resource: Routes) -> None:
    @resource.route("/v1/reconciliation/ageing")
    @requires(*READERS)
    @resource.response(200, AgeingSchema)
    def ageing() -> Mapping[str, Any]:
        """What is open, by kind, age and currency; amounts without their signs."""
        with surface.runtime.db.read() as tx:
            return {"data": aged(resolutions.ageing(tx, surface.caller().agency_id))}


def _add_work(surface: Surface, resource: Routes) -> None:
    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>/comments", methods=["POST"])
    @requires(*READERS)
    @surface.needs_key
    @resource.arguments(CommentBody)
    @resource.response(201, WorkSchema)
    def add_comment(body: Mapping[str, Any], discrepancy_id: UUID) -> Any:
        """Say something about it, for the next officer. No personal data."""
        return _done(
            surface, 201, discrepancy_id, lambda tx: comment(tx, surface.caller(), discrepancy_id, body["text"])
        )

    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>/assign", methods=["POST"])
    @requires(*READERS)
    @surface.needs_key
    @resource.arguments(AssignBody)
    @resource.response(200, WorkSchema)
    def assign_to(body: Mapping[str, Any], discrepancy_id: UUID) -> Any:
        """Say who looks after it; null is nobody."""
        return _done(surface, 200, discrepancy_id, lambda tx: assign(tx, surface.caller(), discrepancy_id, body["to"]))

    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>/carry", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @resource.arguments(CarryBody)
    @resource.response(200, WorkSchema)
    def carry_on(body: Mapping[str, Any], discrepancy_id: UUID) -> Any:
        """Carry it as a matter of time until a day."""
        until, reason = body["until"], body["reason"]
        return _done(
            surface, 200, discrepancy_id, lambda tx: carry(tx, surface.caller(), discrepancy_id, until, reason)
        )

    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>/ask-again", methods=["POST"])
    @requires(Scope.FINANCE)
    @resource.response(200, AskedSchema)
    def ask(discrepancy_id: UUID) -> Mapping[str, Any]:
        """Ask the provider about the payment once more, and apply what it says."""
        return {"payment_status": ask_again(surface.runtime, surface.caller(), discrepancy_id)}


def _add_traces(surface: Surface, resource: Routes) -> None:
    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>/traces", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @resource.arguments(TraceBody)
    @resource.response(201, WorkSchema)
    def trace(body: Mapping[str, Any], discrepancy_id: UUID) -> Any:
        """Open a trace request (tra soát) with the bank or the provider, or dispute its figure."""
        return _done(
            surface,
            201,
            discrepancy_id,
            lambda tx: open_trace(tx, surface.caller(), discrepancy_id, body["kind"], body["addressee"]),
        )

    @resource.route("/v1/reconciliation/traces/<uuid:trace_id>/letter")
    @requires(*READERS)
    @resource.arguments(LetterQuery, location="query")
    def letter(query: Mapping[str, Any], trace_id: UUID) -> Response:
        """Download the trace request as an accessible PDF, to be signed and sent. It never says who paid."""
        with surface.runtime.db.read() as tx:
            document = trace_document(letter_of(tx, trace_id, surface.caller().agency_id), query["language"])
        name = f'attachment; filename="trace-{trace_id}.pdf"'
        return Response(
            b"".join(as_pdf(document)), content_type="application/pdf", headers={"Content-Disposition": name}
        )

    @resource.route("/v1/reconciliation/traces/<uuid:trace_id>/answer", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @resource.arguments(AnswerBody)
    @resource.response(200, WorkSchema)
    def answer(body: Mapping[str, Any], trace_id: UUID) -> Any:
        """Write down what the bank or the provider answered."""
        return _done(surface, 200, trace_id, lambda tx: answer_trace(tx, surface.caller(), trace_id, body["answer"]))


def _place(cursor: str | None) -> tuple[date, UUID] | None:
    if cursor is None:
        return None
    day, discrepancy = decode_cursor(CURSOR, cursor, str, str)
    try:
        return date.fromisoformat(day), UUID(discrepancy)
    except ValueError:
        raise invalid_cursor() from None


def _done(surface: Surface, status: int, subject: UUID, work: Any) -> Any:
    def carried_out(tx: Transaction) -> Answer:
        made = work(tx)
        return Answer(status, {"id": str(subject), "trace": made and str(made)})

    return surface.once(carried_out)


def _summary(row: Any, age_days: int) -> dict[str, Any]:
    about = {"age_days": age_days, "assigned_to": row.assigned_to}
    return discrepancy_json(row) | about | {"carried_until": row.carried_until}
