"""Webhook endpoints, for administrators: where portals are told of events, what was delivered, and sending it again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for

from gateway.console import words
from gateway.console.api_keys import shown_once
from gateway.console.forms import Form, once, refused
from gateway.console.roles import OF_ACCESS
from gateway.domain.agency import Agency, day_bounds
from gateway.domain.errors import GatewayError
from gateway.domain.events import EventType
from gateway.forms.faults import Mistyped
from gateway.forms.lists import asked_part
from gateway.forms.reading import NO_CHOICE, NO_DAY, asked, day_or_none, given
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of, usual_zone
from gateway.services.public_address import URL_LENGTH_MAX
from gateway.services.register_webhook_endpoint import register_webhook_endpoint
from gateway.services.runtime import Caller
from gateway.services.surface import N_, ConsoleSurface, Section
from gateway.services.webhook_deliveries import list_deliveries, resend, resend_failed
from gateway.services.webhook_endpoints import (
    disable_webhook_endpoint,
    find_endpoint,
    list_webhook_endpoints,
    rotate_endpoint_secret,
)

SHOWN = 25
LISTED = 50
STATES = ("pending", "delivered", "failed")


def register(console: ConsoleSurface) -> None:
    console.add_section(Section(N_("Webhooks"), "console.webhooks", OF_ACCESS))
    _add_list(console)
    _add_one(console)
    _add_sending(console)


def _add_list(console: ConsoleSurface) -> None:
    @console.route("/webhooks", endpoint="webhooks")
    @for_officers(*OF_ACCESS)
    def show() -> Any:
        return _list(console, Form())

    @console.route("/webhooks", endpoint="add_webhook", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def add() -> Any:
        officer, runtime = console.officer().caller, console.runtime
        try:
            with runtime.db.read() as tx:
                caller = _for_agency(officer, agencies_of(tx, officer), request.form.get("agency") or None)
            url, events = given("url", URL_LENGTH_MAX), request.form.getlist("events")
            made = once(runtime, officer, lambda tx: register_webhook_endpoint(tx, runtime, caller, url, events))
            return shown_once(console, None if made is None else made["secret"], "webhook", url_for("console.webhooks"))
        except GatewayError as error:
            return _list(console, refused(error), 422)


def _for_agency(caller: Caller, agencies: list[Agency], code: str | None) -> Caller:
    """Whoever acts for every agency may add an endpoint for one of them."""
    if code is None:
        return caller
    chosen = next((agency.id for agency in agencies if agency.code == code), None)
    if chosen is None:
        raise Mistyped("There is no such agency.", fields={"agency": NO_CHOICE})
    return replace(caller, agency_id=chosen)


def _list(console: ConsoleSurface, form: Form, status: int = 200) -> Any:
    caller = console.officer().caller
    with console.runtime.db.read() as tx:
        found = list_webhook_endpoints(tx, caller)
        agencies = agencies_of(tx, caller)
    ordered = sorted(found, key=lambda one: (one["status"] == "disabled", str(one["id"])))
    return console.page(
        "webhooks.html",
        status,
        part=asked_part(ordered, LISTED),
        agencies=agencies,
        zone=usual_zone(agencies),
        may_name_all=caller.agency_id is None,
        event_types=list(EventType),
        chosen=request.form.getlist("events"),
        form=form,
        words=words,
        url_max=URL_LENGTH_MAX,
    )


def _add_one(console: ConsoleSurface) -> None:
    @console.route("/webhooks/<uuid:endpoint_id>", endpoint="webhook")
    @for_officers(*OF_ACCESS)
    def show(endpoint_id: UUID) -> Any:
        return _one(console, endpoint_id, Form())

    @console.route("/webhooks/<uuid:endpoint_id>/rotate-secret", endpoint="rotate_secret", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def rotate(endpoint_id: UUID) -> Any:
        caller, runtime = console.officer().caller, console.runtime
        try:
            secret = once(runtime, caller, lambda tx: rotate_endpoint_secret(tx, runtime.vault, caller, endpoint_id))
            return shown_once(console, secret, "webhook", url_for("console.webhook", endpoint_id=endpoint_id))
        except GatewayError as error:
            return _one(console, endpoint_id, refused(error), 422)

    @console.route("/webhooks/<uuid:endpoint_id>/disable", endpoint="disable_webhook", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def disable(endpoint_id: UUID) -> Any:
        caller = console.officer().caller
        return _done(console, endpoint_id, lambda tx: disable_webhook_endpoint(tx, caller, endpoint_id))


def _add_sending(console: ConsoleSurface) -> None:
    @console.route("/webhooks/<uuid:endpoint_id>/resend", endpoint="resend_webhook", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def send_again(endpoint_id: UUID) -> Any:
        caller = console.officer().caller
        return _done(console, endpoint_id, lambda tx: resend(tx, caller, endpoint_id, _event_given()))

    @console.route("/webhooks/<uuid:endpoint_id>/resend-failed", endpoint="resend_failed", methods=["POST"])
    @for_officers(*OF_ACCESS)
    def send_failed_again(endpoint_id: UUID) -> Any:
        caller = console.officer().caller

        def sent(tx: Any) -> None:
            first, last = _days_given()
            zone = _zone(tx, caller, find_endpoint(tx, caller, endpoint_id).agency_id)
            resend_failed(tx, caller, endpoint_id, day_bounds(first, zone)[0], day_bounds(last, zone)[1])

        return _done(console, endpoint_id, sent)


def _days_given() -> tuple[date, date]:
    """Raises Mistyped."""
    first, last = day_or_none("from"), day_or_none("to")
    if first is None or last is None:
        missing = [name for name, day in (("from", first), ("to", last)) if day is None]
        raise Mistyped("A day is missing.", fields=dict.fromkeys(missing, NO_DAY))
    if last < first:
        raise Mistyped("The days are swapped.", fields={"to": N_("This must not be before the first day.")})
    return first, last


def _event_given() -> UUID:
    try:
        return UUID(request.form.get("event", ""))
    except ValueError:
        raise Mistyped("There is no such event.", fields={"event": NO_CHOICE}) from None


def _done(console: ConsoleSurface, endpoint_id: UUID, action: Callable[[Any], object]) -> Any:
    try:
        with console.runtime.db.transaction() as tx:
            action(tx)
    except GatewayError as error:
        return _one(console, endpoint_id, refused(error), 422)
    return redirect(url_for("console.webhook", endpoint_id=endpoint_id), 303)


def _one(console: ConsoleSurface, endpoint_id: UUID, form: Form, status: int = 200) -> Any:
    caller = console.officer().caller
    chosen = asked("state")
    state = chosen if chosen in STATES else None
    with console.runtime.db.read() as tx:
        endpoint = find_endpoint(tx, caller, endpoint_id)
        page = list_deliveries(tx, caller, endpoint_id, asked("after"), SHOWN, state)
        agency = next((each for each in agencies_of(tx, caller) if each.id == endpoint.agency_id), None)
        zone = _zone(tx, caller, endpoint.agency_id)
    return console.page(
        "webhook.html",
        status,
        told=endpoint,
        agency=agency,
        page=page,
        state=state,
        states=STATES,
        zone=zone,
        form=form,
        words=words,
    )


def _zone(tx: Any, caller: Caller, agency_id: UUID | None) -> str:
    """That of the endpoint's agency; of one for all agencies the usual one."""
    agencies = agencies_of(tx, caller)
    return usual_zone([agency for agency in agencies if agency_id == agency.id] or agencies)
