"""Bank statements over HTTP: hand one in, follow how it is learnt, read it back.

A bank's file may hold the accounts of several agencies, so these are for keys that act for every agency.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from gateway.domain.bank_file import FileStatus
from gateway.services.access import requires, takes_up_to
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.surface import Routes, Surface
from reconciliation.callers import check_acts_for_all
from reconciliation.schemas import Strict
from reconciliation.statements.jobs import LearningQueue
from reconciliation.statements.listing import files_after
from reconciliation.statements.load import FORM_BYTES, Upload, load_statement
from reconciliation.statements.read_back import PURPOSE_MAX, read_back
from reconciliation.statements.telling import file_json, head_json

LIMIT_DEFAULT, LIMIT_MAX = 50, 500


class StatementFileUpload(Schema):
    file = fields.Raw(
        required=True,
        metadata={"type": "string", "format": "binary"},
        error_messages={"required": "is missing: send the bank's file as this part of the form"},
    )


class StatementForm(Schema):
    layout = fields.String(
        load_default="",
        validate=validate.Length(max=60),
        metadata={"description": "Of a delimited file: which column map it is read by, as in `example-bank`."},
    )


class StatementErrorSchema(Schema):
    line = fields.Integer(required=True, allow_none=True)
    field = fields.String(required=True)
    reason = fields.String(required=True)


class BankStatementSchema(Schema):
    id = fields.String(required=True)
    statement_id = fields.String(required=True)
    account = fields.String(required=True)
    currency = fields.String(required=True)
    business_date = fields.String(required=True)
    opening_minor = fields.Integer(required=True, allow_none=True)
    closing_minor = fields.Integer(required=True, allow_none=True)
    lines = fields.Integer(required=True)


class StatementFileSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    sha256 = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    format = fields.String(required=True)
    layout = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(tuple(FileStatus)))
    uploaded_by = fields.String(required=True)
    received_at = fields.String(required=True)
    lines = fields.Integer(required=True)
    read_lines = fields.Integer(required=True, metadata={"description": "So many of its lines are through."})
    learnt_lines = fields.Integer(required=True, metadata={"description": "So many of them were news."})
    learnt_at = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Nested(StatementErrorSchema), required=True)


class WholeStatementFileSchema(StatementFileSchema):
    statements = fields.List(fields.Nested(BankStatementSchema), required=True)


class StatementReading(Strict):
    purpose = fields.String(
        required=True,
        validate=validate.Length(1, PURPOSE_MAX),
        metadata={"description": "What the file is read for, without anybody's name."},
        error_messages={"required": "is missing: say what the file is read for"},
    )


class StatementFilePage(Schema):
    data = fields.List(fields.Nested(StatementFileSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class StatementsQuery(Strict):
    limit = fields.Integer(load_default=LIMIT_DEFAULT, validate=validate.Range(1, LIMIT_MAX))
    after = fields.String(load_default=None, validate=validate.Length(max=1_000))


def register(surface: Surface) -> None:
    """Add the routes to the application."""
    resource = surface.resource("Bank statements", "What banks state of the accounts, handed in as files.")
    _add_upload(surface, resource)
    _add_reading(surface, resource)
    _add_download(surface, resource)
    surface.publish(resource)


def _add_upload(surface: Surface, resource: Routes) -> None:
    runtime, queue = surface.runtime, LearningQueue()

    @resource.route("/v1/reconciliation/statements", methods=["POST"])
    @requires(Scope.FINANCE)
    @takes_up_to(runtime.statement_bytes_max + FORM_BYTES)
    @resource.arguments(StatementFileUpload, location="files")
    @resource.arguments(StatementForm, location="form")
    @resource.response(201, WholeStatementFileSchema)
    def hand_in(files: Mapping[str, Any], form: Mapping[str, Any]) -> Any:
        """Hand in a bank's statement: camt.053, camt.054, MT940, or a delimited file with its layout.

        All of it is loaded, or nothing: a file with a fault is kept as quarantined, and `errors` says where the faults
        are. The same file again is answered with 200 and what is known of it. What it tells of payers' money is learnt
        in the background: follow `read_lines`.
        """
        check_acts_for_all(surface.caller())
        part = files["file"]
        upload = Upload(part.stream, part.filename or "", form["layout"])
        loaded = load_statement(runtime, upload, surface.caller().actor, queue.add)
        with runtime.db.read() as tx:
            told = file_json(tx, loaded.file_id)
        return surface.respond(Answer(201 if loaded.is_new else 200, dict(told)))


def _add_reading(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/statements")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(StatementsQuery, location="query")
    @resource.response(200, StatementFilePage)
    def list_files(query: Mapping[str, Any]) -> Mapping[str, Any]:
        """List the files that were handed in, the newest first."""
        check_acts_for_all(surface.caller())
        with runtime.db.read() as tx:
            page, following = files_after(tx, query["after"], query["limit"])
        return {"data": [head_json(row) for row in page], "next": following}

    @resource.route("/v1/reconciliation/statements/<uuid:file_id>")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.response(200, WholeStatementFileSchema)
    def show(file_id: UUID) -> Mapping[str, Any]:
        """Show a file: its faults if it is quarantined, its statements, and how far it is learnt."""
        check_acts_for_all(surface.caller())
        with runtime.db.read() as tx:
            return file_json(tx, file_id)


def _add_download(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/statements/<uuid:file_id>/file", methods=["POST"])
    @requires(Scope.FINANCE)
    @resource.arguments(StatementReading)
    @resource.response(200, content_type="application/octet-stream")
    def download(body: Mapping[str, Any], file_id: UUID) -> Response:
        """Read the file back as it was handed in, for a purpose.

        It holds personal data: who reads it, and what for, is in the audit trail. The purpose is in the body, as a URL
        is written into logs.
        """
        return Response(
            read_back(runtime, surface.caller(), file_id, body["purpose"]),
            mimetype="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="statement-{file_id}"', "Cache-Control": "no-store"},
        )
