"""Changes of fees: an editor drafts one, a second editor publishes or rejects it, and it may be taken back in time.

/console/fees/{code}/{item}/change    a new version of a fee: a form for a fixed amount, or the catalogue's own text
/console/fees/drafts/{id}             what it would change, for whom, and who decided
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Response, redirect, request, url_for
from werkzeug import Response as AnyResponse

from gateway.console.gate import officer
from gateway.console.rendering import language, page
from gateway.domain.errors import Invalid
from gateway.domain.fee_draft import DraftStatus, FeeChangeFault, FeeDraft, FeesMovedOn, TooLateForDraft
from gateway.domain.officer import Role
from gateway.domain.typed_amount import typed_amount
from gateway.forms.faults import faults_of
from gateway.services.access import for_officers
from gateway.services.catalogue_text import Written, as_text, read_text
from gateway.services.draft_fee import (
    WantedChange,
    draft_fee_change,
    find_draft,
    publish_fee_draft,
    reject_fee_draft,
    withdraw_fee_draft,
)
from gateway.services.fee_changes import item_of, version_before
from gateway.services.runtime import Runtime
from gateway.services.show_fees import ShownProcedure, show_draft, show_procedure
from gateway.services.surface import N_, ConsoleSurface

Fault = tuple[str, str, int | None]
"""The id of a field, what to do there, and the line of the text, if it is about one."""

NO_AMOUNT = N_("Type the amount in digits, such as 250000.")
TEXT, AMOUNT = "text", "amount"
REASON_MAX = 500

TOLD = {
    "amount": NO_AMOUNT,
    "legal_basis": N_("Name the law and its article."),
    "reason": N_("Say in a sentence why."),
    "valid_from": N_("Choose a day after today; a correction begins today or earlier."),
    "valid_until": N_("This must not be before the first day."),
}
"""What the use case's complaints come to in the form for a fixed amount, by their field."""


def register(console: ConsoleSurface) -> None:
    drafts = FeeDraftPages(console.runtime)
    change, draft = "/fees/<code>/<item>/change", "/fees/drafts/<uuid:draft_id>"
    console.route(change, endpoint="change_fee")(drafts.ask)
    console.route(change, endpoint="draft_fee", methods=["POST"])(drafts.draft)
    console.route(draft, endpoint="fee_draft")(drafts.show)
    console.route(f"{draft}/publish", endpoint="publish_fee_draft", methods=["POST"])(drafts.publish)
    console.route(f"{draft}/reject", endpoint="reject_fee_draft", methods=["POST"])(drafts.reject)
    console.route(f"{draft}/withdraw", endpoint="withdraw_fee_draft", methods=["POST"])(drafts.withdraw)


class FeeDraftPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @for_officers(Role.CATALOGUE_EDITOR)
    def ask(self, code: str, item: str) -> Response:
        return self._form(code, item, request.args.get("as", ""), {}, [])

    @for_officers(Role.CATALOGUE_EDITOR)
    def draft(self, code: str, item: str) -> AnyResponse:
        form = request.form.to_dict()
        by = TEXT if form.get("by") == TEXT else AMOUNT
        written: Written | None = None
        try:
            if by == TEXT:
                written = read_text(form.get("text", ""))
                change: Mapping[str, Any] = written.plain
            else:
                change = self._amended(code, item, form)
            wanted = WantedChange(code, item, change, form.get("reason", "")[:REASON_MAX], "is_correction" in form)
            with self._runtime.db.transaction() as tx:
                draft = draft_fee_change(tx, officer().caller, wanted)
        except Invalid as error:
            return self._form(code, item, by, form, _faults(error, by, written))
        return redirect(url_for("console.fee_draft", draft_id=draft.id), 303)

    @for_officers()
    def show(self, draft_id: UUID) -> Response:
        return self._page(draft_id)

    @for_officers(Role.CATALOGUE_EDITOR)
    def publish(self, draft_id: UUID) -> AnyResponse:
        number = request.form.get("number", "")
        return self._decided(
            draft_id,
            lambda tx: publish_fee_draft(tx, officer().caller, draft_id, int(number) if number.isdecimal() else 0),
        )

    @for_officers(Role.CATALOGUE_EDITOR)
    def reject(self, draft_id: UUID) -> AnyResponse:
        reason = request.form.get("reason", "")[:REASON_MAX]
        return self._decided(draft_id, lambda tx: reject_fee_draft(tx, officer().caller, draft_id, reason))

    @for_officers(Role.CATALOGUE_EDITOR)
    def withdraw(self, draft_id: UUID) -> AnyResponse:
        reason = request.form.get("reason", "")[:REASON_MAX]
        return self._decided(draft_id, lambda tx: withdraw_fee_draft(tx, officer().caller, draft_id, reason))

    def _decided(self, draft_id: UUID, decide: Callable[[Any], FeeDraft]) -> AnyResponse:
        try:
            with self._runtime.db.transaction() as tx:
                decide(tx)
        except (Invalid, FeesMovedOn, TooLateForDraft) as error:
            return self._page(
                draft_id, 422 if isinstance(error, Invalid) else 409, next(iter(faults_of(error).values()))
            )
        return redirect(url_for("console.fee_draft", draft_id=draft_id), 303)

    def _page(self, draft_id: UUID, status: int = 200, fault: str = "") -> Response:
        with self._runtime.db.read() as tx:
            shown = show_draft(tx, officer().caller, find_draft(tx, officer().caller, draft_id))
        draft, editor = shown.draft, officer().is_any_of(Role.CATALOGUE_EDITOR)
        is_open = draft.status is DraftStatus.DRAFT
        ahead = draft.status is DraftStatus.PUBLISHED and draft.first_day > shown.today
        return page(
            "fee_draft.html",
            status,
            shown=shown,
            fault=fault,
            text=as_text(draft.change),
            may_decide=editor and is_open and draft.drafted_by != officer().id,
            may_withdraw=editor and (ahead or (is_open and draft.drafted_by == officer().id)),
            is_own=draft.drafted_by == officer().id,
            is_open=is_open,
        )

    def _form(self, code: str, item: str, by: str, form: Mapping[str, str], faults: list[Fault]) -> Response:
        shown, now = self._today(code, item)
        is_fixed = now["rule"]["kind"] == "fixed"
        return page(
            "fee_change.html",
            422 if faults else 200,
            shown=shown,
            item=next(one for one in shown.procedure.items if one.code == item),
            now=now,
            by=AMOUNT if is_fixed and by != TEXT else TEXT,
            is_fixed=is_fixed,
            text=form.get("text") or as_text(now),
            typed=form,
            faults=faults,
            faulty={name for name, _, _ in faults},
            reason_max=REASON_MAX,
        )

    def _today(self, code: str, item: str) -> tuple[ShownProcedure, Mapping[str, Any]]:
        """The procedure, and the version of the item that holds today. Raises ProcedureNotFound, FeeItemNotFound."""
        with self._runtime.db.read() as tx:
            shown = show_procedure(tx, officer().caller, code)
        return shown, version_before(item_of(shown.definition, item)["versions"], shown.today)

    def _amended(self, code: str, item: str, form: Mapping[str, str]) -> dict[str, Any]:
        """The version of today with another fixed amount. Raises FeeChangeFault."""
        shown, now = self._today(code, item)
        try:
            amount = typed_amount(form.get("amount", ""), shown.procedure.currency, language())
        except Invalid as error:
            raise FeeChangeFault(error.detail, fields={"amount": NO_AMOUNT}) from error
        days = {name: form[name].strip() for name in ("valid_from", "valid_until") if form.get(name, "").strip()}
        kept = {name: value for name, value in now.items() if name not in ("valid_from", "valid_until")}
        told = {
            "legal_basis": form.get("legal_basis", "").strip(),
            "source": "verified" if "verified" in form else "memory",
            "rule": {"kind": "fixed", "amount_minor": amount.amount_minor},
        }
        return kept | told | days


def _faults(error: Invalid, by: str, written: Written | None) -> list[Fault]:
    """Where the form shows each fault: at its field, or in the text with its line."""
    told: list[Fault] = []
    for place, fix in (error.fields or {"": error.detail}).items():
        if place == "reason":
            told.append((place, TOLD[place], None))
        elif by == AMOUNT:
            told.append((place, TOLD[place], None) if place in TOLD else ("amount", fix, None))
        elif place.startswith("line "):
            told.append((TEXT, fix, int(place.removeprefix("line "))))
        else:
            told.append((TEXT, f"{place} {fix}".strip(), written.line_of(place) if written else None))
    return told
