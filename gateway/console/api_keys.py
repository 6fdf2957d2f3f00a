"""API keys, for administrators: who may call, a new key, a successor, an end. A key itself is shown once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for

from gateway.console.forms import Form, once, refused
from gateway.console.roles import OF_ACCESS
from gateway.domain.agency import Agency, day_bounds
from gateway.domain.errors import Conflict, GatewayError
from gateway.forms.lists import asked_part
from gateway.forms.reading import day_or_none, given, whole
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of, key_of, keys_of, usual_zone
from gateway.services.issue_key import KeyRequest, issue_key
from gateway.services.keys import KeyRing, Scope
from gateway.services.surface import N_, ConsoleSurface, Section

LABEL_MAX = 100
SHOWN = 50
OVERLAP_HOURS, OVERLAP_HOURS_MAX = "24", 24 * 90

SCOPES = {
    Scope.PORTAL: N_("A portal: issues invoices and opens pages to pay on"),
    Scope.FINANCE: N_("Finance: reads the books, asks for refunds"),
    Scope.APPROVER: N_("Approver: approves what moves money"),
    Scope.ADMIN: N_("Administrator: issues keys, looks after webhooks"),
}


class AlreadyDone(Conflict):
    """The form was sent before: what is shown once cannot be shown again."""

    code = "already_done"


def register(console: ConsoleSurface, keys: KeyRing) -> None:
    console.add_section(Section(N_("API keys"), "console.api_keys", OF_ACCESS))
    _add_list(console, keys)
    _add_one(console, keys)


def _add_list(console: ConsoleSurface, keys: KeyRing) -> None:
    @console.route("/api-keys", endpoint="api_keys")
    @for_officers(*OF_ACCESS)
    def show() -> Any:
        return _list(console, Form())

    @console.route("/api-keys", endpoint="issue_key", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def issue() -> Any:
        caller = console.officer().caller
        try:
            with console.runtime.db.read() as tx:
                agencies = agencies_of(tx, caller)
            wanted = KeyRequest(
                label=given("label", LABEL_MAX),
                scopes=request.form.getlist("scopes"),
                agency=request.form.get("agency") or None,
                expires_at=_end_of(agencies, request.form.get("agency")),
            )
            made = once(console.runtime, caller, lambda tx: issue_key(tx, keys, caller, wanted))
            return shown_once(console, None if made is None else made[1], "api_key", url_for("console.api_keys"))
        except GatewayError as error:
            return _list(console, refused(error), 422)


def _end_of(agencies: list[Agency], code: str | None) -> datetime | None:
    """The end of the last day that was typed, where the agency is. Raises Invalid."""
    last = day_or_none("expires_at")
    if last is None:
        return None
    return day_bounds(last, usual_zone([agency for agency in agencies if agency.code == code] or agencies))[1]


def _list(console: ConsoleSurface, form: Form, status: int = 200) -> Any:
    caller = console.officer().caller
    with console.runtime.db.read() as tx:
        found = keys_of(tx, caller)
        agencies = agencies_of(tx, caller)
        now = tx.now
    newest = sorted(found, key=lambda key: key.created_at, reverse=True)
    ordered = sorted(newest, key=lambda key: state_of(key, now) == "ended")
    return console.page(
        "api_keys.html",
        status,
        part=asked_part(ordered, SHOWN),
        agencies={agency.id: agency for agency in agencies},
        zone=usual_zone(agencies),
        state_of=lambda key: state_of(key, now),
        may_name_all=caller.agency_id is None,
        scopes=SCOPES,
        chosen=request.form.getlist("scopes"),
        form=form,
        label_max=LABEL_MAX,
    )


def state_of(key: Any, now: datetime) -> str:
    """Whether the key works, works until a known end, or has ended."""
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return "ended"
    return "working" if key.expires_at is None else "ending"


def _add_one(console: ConsoleSurface, keys: KeyRing) -> None:
    @console.route("/api-keys/<uuid:key_id>", endpoint="api_key")
    @for_officers(*OF_ACCESS)
    def show(key_id: UUID) -> Any:
        return _one(console, key_id, Form({"overlap_hours": OVERLAP_HOURS}))

    @console.route("/api-keys/<uuid:key_id>/rotate", endpoint="rotate_key", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def rotate(key_id: UUID) -> Any:
        caller = console.officer().caller

        def rotated() -> Any:
            overlap = timedelta(hours=whole("overlap_hours", 0, OVERLAP_HOURS_MAX))
            made = once(console.runtime, caller, lambda tx: keys.rotate(tx, caller, key_id, overlap))
            return shown_once(console, None if made is None else made[1], "api_key", url_for("console.api_keys"))

        return _tried(console, key_id, rotated)

    @console.route("/api-keys/<uuid:key_id>/revoke", endpoint="revoke_key", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def revoke(key_id: UUID) -> Any:
        def revoked() -> Any:
            with console.runtime.db.transaction() as tx:
                keys.revoke(tx, console.officer().caller, key_id)
            return redirect(url_for("console.api_key", key_id=key_id), 303)

        return _tried(console, key_id, revoked)


def _tried(console: ConsoleSurface, key_id: UUID, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except GatewayError as error:
        return _one(console, key_id, refused(error), 422)


def _one(console: ConsoleSurface, key_id: UUID, form: Form, status: int = 200) -> Any:
    caller = console.officer().caller
    with console.runtime.db.read() as tx:
        key = key_of(tx, caller, key_id)
        agencies = agencies_of(tx, caller)
        state = state_of(key, tx.now)
    agency = next((each for each in agencies if each.id == key.agency_id), None)
    return console.page(
        "api_key.html",
        status,
        key=key,
        state=state,
        agency=agency,
        zone=usual_zone([agency] if agency else agencies),
        scopes=SCOPES,
        form=form,
        overlap_max=OVERLAP_HOURS_MAX,
    )


def shown_once(console: ConsoleSurface, secret: str | None, kind: str, back: str) -> Any:
    """The answer that holds a new secret: it stands in no address, and is kept nowhere. Raises AlreadyDone."""
    if secret is None:
        raise AlreadyDone("What is shown once was shown before.")
    return console.page("shown_once.html", secret=secret, kind=kind, back=back)
