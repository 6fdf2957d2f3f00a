"""Banks' statements: hand one in, see what is wrong with it line by line, and how far it is learnt.

A file may hold the accounts of several agencies, so these pages are for officers who act for all.
"""

from typing import Any, BinaryIO, cast
from uuid import UUID

from flask import Response, redirect, request, url_for

from gateway.domain.errors import GatewayError, Invalid
from gateway.domain.money import Money
from gateway.forms.faults import Mistyped, faults_of
from gateway.forms.lists import with_cursor
from gateway.forms.reading import TEXT_MAX, asked, given, typed
from gateway.services.access import for_officers, takes_up_to
from gateway.services.browse import agencies_of
from gateway.services.name_actors import names_of
from gateway.services.surface import N_, ConsoleSurface
from gateway.store import statements
from reconciliation.callers import check_acts_for_all
from reconciliation.console import statement_words, words
from reconciliation.console.here import zone_of
from reconciliation.console.roles import DECIDERS, READERS
from reconciliation.statements.jobs import LearningQueue
from reconciliation.statements.listing import files_after
from reconciliation.statements.load import FORM_BYTES, NotOurAccount, StatementChanged, Upload, load_statement
from reconciliation.statements.read_back import read_back
from reconciliation.statements.telling import found_file

PAGE = 50


def add(console: ConsoleSurface) -> None:
    queue = LearningQueue()

    @console.route("/statements", endpoint="statements")
    @for_officers(*READERS)
    def files() -> Any:
        return _list_page(console)

    @console.route("/statements", endpoint="hand_in_statement", methods=["POST"])
    @for_officers(*DECIDERS)
    @takes_up_to(console.runtime.statement_bytes_max + FORM_BYTES)
    def hand_in() -> Any:
        me = console.officer()
        check_acts_for_all(me.caller)
        try:
            loaded = load_statement(console.runtime, _upload(), me.caller.actor, queue.add)
        except GatewayError as error:
            return _list_page(console, error)
        known = None if loaded.is_new else "1"
        return redirect(url_for("console.statement", file_id=loaded.file_id, known=known), 303)

    @console.route("/statements/<uuid:file_id>", endpoint="statement")
    @for_officers(*READERS)
    def file(file_id: UUID) -> Any:
        return _file_page(console, file_id)

    @console.route("/statements/<uuid:file_id>/file", endpoint="statement_file", methods=["POST"])
    @for_officers(*DECIDERS)
    def download(file_id: UUID) -> Any:
        return _download(console, file_id)


def _upload() -> Upload:
    """Raises Invalid."""
    part = request.files.get("file")
    if part is None or not part.filename:
        raise Mistyped("There is no file.", fields={"file": N_("Choose the file that the bank sent.")})
    return Upload(cast("BinaryIO", part.stream), part.filename, request.form.get("layout", ""))


def _list_page(console: ConsoleSurface, error: GatewayError | None = None) -> Any:
    me = console.officer()
    check_acts_for_all(me.caller)
    with console.runtime.db.read() as tx:
        shown, cursor = files_after(tx, asked("after"), PAGE)
        zone = zone_of(agencies_of(tx, me.caller))
    return console.page(
        "statements.html",
        status=200 if error is None else 422,
        words=words,
        rows=[(row, statement_words.stage_of(row)) for row in shown],
        zone=zone,
        layouts=sorted({name.partition("/")[0] for name in console.runtime.statement_layouts}),
        may_hand_in=me.is_any_of(*DECIDERS),
        following=with_cursor(cursor) if cursor else None,
        typed=typed("layout"),
        faults=faults_of(error) if error else {},
        about=error.about if isinstance(error, NotOurAccount | StatementChanged) else None,
    )


def _file_page(console: ConsoleSurface, file_id: UUID, error: GatewayError | None = None) -> Any:
    """Raises StatementFileNotFound, OneAgencyOnly."""
    me = console.officer()
    check_acts_for_all(me.caller)
    with console.runtime.db.read() as tx:
        row = found_file(tx, file_id)
        brought = statements.statements_of(tx, file_id)
        names = names_of(tx, [row.uploaded_by])
        zone = zone_of(agencies_of(tx, me.caller))
    stage = statement_words.stage_of(row)
    return console.page(
        "statement.html",
        status=200 if error is None else 422,
        words=words,
        money=Money,
        file=row,
        stage=stage,
        brought=brought,
        names=names,
        zone=zone,
        is_known=asked("known") == "1",
        may_read=me.is_any_of(*DECIDERS) and stage != statement_words.RENEWED,
        typed=typed("purpose"),
        faults=faults_of(error) if error else {},
    )


def _download(console: ConsoleSurface, file_id: UUID) -> Any:
    """The file itself, for a purpose that is written down first: it says who paid."""
    try:
        content = read_back(console.runtime, console.officer().caller, file_id, given("purpose", TEXT_MAX))
    except Invalid as error:
        return _file_page(console, file_id, error)
    return Response(
        content,
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="statement-{file_id}"'},
    )
