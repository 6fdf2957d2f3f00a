"""Reports over HTTP, each in any of the formats.

A report is written to a temporary file at one moment of the database, and sent from there: a slow reader holds no
transaction, and a report that cannot be finished is a problem, not half a file.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import IO, Any
from uuid import UUID

from flask import Response, request
from marshmallow import Schema, fields, validate

from gateway.services.access import requires
from gateway.services.keys import Scope
from gateway.services.runtime import Runtime
from gateway.services.surface import Routes, Surface
from gateway.store.database import Transaction
from reconciliation.callers import check_acts_for_all
from reconciliation.reports.formats import CONTENT_TYPES, LANGUAGE, Form, render
from reconciliation.reports.run import run_json
from reconciliation.reports.words import LANGUAGES

CHUNK = 1 << 16

Write = Callable[[Transaction], Iterator[bytes]]


class Strict(Schema):
    error_messages = {"unknown": "is not a field of this request"}  # noqa: RUF012 - marshmallow's own class attribute


class ReportQuery(Strict):
    format = fields.String(load_default=None, validate=validate.Length(max=20))
    language = fields.String(load_default=LANGUAGE, validate=validate.OneOf(LANGUAGES))


def register(surface: Surface) -> None:
    """Add the routes to the application."""
    resource = surface.resource("Reports", "What was collected, settled and explained, for spreadsheets and to sign.")
    _add_run(surface, resource)
    surface.publish(resource)


def _add_run(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/runs/<uuid:run_id>/report")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(ReportQuery, location="query")
    def report(query: Mapping[str, Any], run_id: UUID) -> Response:
        """Download the report of a run, by `?format=` or by Accept: JSON, CSV, XLSX or PDF.

        The same run gives the same bytes. `sha256` is the digest of the JSON report without that member; XLSX and PDF
        print it.
        """
        check_acts_for_all(surface.caller())
        form = _form(query)
        with runtime.db.read() as tx:
            run = run_json(tx, run_id)
        name = f"{run['provider']}-{run['business_date']}"
        return _download(runtime, form, name, lambda tx: render(tx, run_id, form.format, form.language))


def _form(query: Mapping[str, Any]) -> Form:
    return Form(query["format"] or _accepted(), query["language"])


def _accepted() -> str:
    """What the caller prefers of what there is; what it says itself if it takes none of it."""
    forms = {content_type.partition(";")[0]: name for name, content_type in CONTENT_TYPES.items()}
    best = request.accept_mimetypes.best_match(forms) if request.accept_mimetypes else "application/json"
    return forms[best] if best else str(request.accept_mimetypes)


def _download(runtime: Runtime, form: Form, name: str, write: Write) -> Response:
    with ExitStack() as opened:
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


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, CHUNK), b"")
