"""Where portals want to be told of events, what was delivered there, and sending it once more."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import Instant, NothingSchema, PageQuery, RequestSchema, choice, listed, page_of, text
from gateway.api.idempotency import needs_key, once, once_with_secret
from gateway.api.resource import Resource
from gateway.domain.events import EventType
from gateway.services.access import requires
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.public_address import URL_LENGTH_MAX
from gateway.services.register_webhook_endpoint import register_webhook_endpoint
from gateway.services.webhook_deliveries import list_deliveries, resend
from gateway.services.webhook_endpoints import (
    disable_webhook_endpoint,
    endpoint_as_json,
    find_endpoint,
    list_webhook_endpoints,
    rotate_endpoint_secret,
)

resource = Resource("Webhook endpoints", "Signed notifications to portals, by Standard Webhooks.")

TOLD_ONCE = {"description": "whsec_...; told this once, and null if the request is repeated"}


class EndpointRequestSchema(RequestSchema):
    url = text(URL_LENGTH_MAX, required=True)
    events = listed(
        choice(EventType), 0, len(EventType), load_default=list, metadata={"description": "all, if none is named"}
    )


class EndpointSchema(Schema):
    id = fields.UUID(required=True)
    url = fields.String(required=True)
    events = fields.List(choice(EventType), required=True, metadata={"description": "all, if none is named"})
    status = choice(("enabled", "disabled"), required=True)
    created_at = Instant(required=True)


class NewEndpointSchema(EndpointSchema):
    secret = fields.String(required=True, allow_none=True, metadata=TOLD_ONCE)


class SecretSchema(Schema):
    secret = fields.String(required=True, allow_none=True, metadata=TOLD_ONCE)


class AttemptSchema(Schema):
    at = fields.String(required=True, metadata={"format": "date-time"})
    http_status = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True)
    duration_ms = fields.Integer(required=True)


class DeliverySchema(Schema):
    event = fields.UUID(required=True)
    type = fields.String(required=True)
    status = choice(("pending", "delivered", "failed"), required=True)
    attempts = fields.Integer(required=True)
    next_attempt_at = Instant(required=True, allow_none=True)
    log = fields.List(fields.Nested(AttemptSchema), required=True)


class EndpointsSchema(Schema):
    data = fields.List(fields.Nested(EndpointSchema), required=True)
    next = fields.String(required=True, allow_none=True)


EXAMPLE = {"url": "https://portal.example/hooks", "events": ["invoice.paid", "payment.succeeded"]}


@resource.route("/v1/webhook-endpoints", methods=["POST"])
@requires(Scope.PORTAL, Scope.ADMIN)
@needs_key
@resource.arguments(EndpointRequestSchema, example=EXAMPLE)
@resource.response(201, NewEndpointSchema)
def register(body: Mapping[str, Any]) -> Response:
    """Register a webhook endpoint.

    It gets the events from now on, each signed with the secret that this answer tells, and no other ever will.
    """

    def registered(tx: Any) -> tuple[Answer, str]:
        made = register_webhook_endpoint(tx, runtime(), caller(), body["url"], body["events"])
        return Answer(201, NewEndpointSchema().dump(made | {"secret": None})), made["secret"]

    return once_with_secret("secret", registered)


@resource.route("/v1/webhook-endpoints")
@requires(Scope.PORTAL, Scope.ADMIN)
@resource.response(200, EndpointsSchema)
def list_all() -> Mapping[str, Any]:
    """List the webhook endpoints."""
    with runtime().db.read() as tx:
        return {"data": list_webhook_endpoints(tx, caller()), "next": None}


@resource.route("/v1/webhook-endpoints/<uuid:endpoint_id>")
@requires(Scope.PORTAL, Scope.ADMIN)
@resource.response(200, EndpointSchema)
def show(endpoint_id: UUID) -> Mapping[str, Any]:
    """Show a webhook endpoint."""
    with runtime().db.read() as tx:
        return endpoint_as_json(find_endpoint(tx, caller(), endpoint_id))


@resource.route("/v1/webhook-endpoints/<uuid:endpoint_id>/disable", methods=["POST"])
@requires(Scope.PORTAL, Scope.ADMIN)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, EndpointSchema)
def disable(_body: Mapping[str, Any], endpoint_id: UUID) -> Response:
    """Disable a webhook endpoint.

    Nothing more is sent there, not even what waits.
    """

    def disabled(tx: Any) -> Answer:
        disable_webhook_endpoint(tx, caller(), endpoint_id)
        return Answer(200, EndpointSchema().dump(endpoint_as_json(find_endpoint(tx, caller(), endpoint_id))))

    return once(disabled)


@resource.route("/v1/webhook-endpoints/<uuid:endpoint_id>/rotate-secret", methods=["POST"])
@requires(Scope.PORTAL, Scope.ADMIN)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, SecretSchema)
def rotate_secret(_body: Mapping[str, Any], endpoint_id: UUID) -> Response:
    """Change the signing secret.

    For a day, what is sent carries the signatures of both, so that nothing is lost while you change over.
    """

    def rotated(tx: Any) -> tuple[Answer, str]:
        return Answer(200, {"secret": None}), rotate_endpoint_secret(tx, runtime().vault, caller(), endpoint_id)

    return once_with_secret("secret", rotated)


@resource.route("/v1/webhook-endpoints/<uuid:endpoint_id>/deliveries")
@requires(Scope.PORTAL, Scope.ADMIN)
@resource.arguments(PageQuery, location="query")
@resource.response(200, page_of(DeliverySchema, "DeliveryPage"))
def deliveries(query: Mapping[str, Any], endpoint_id: UUID) -> Mapping[str, Any]:
    """List what was delivered, the newest first, with every attempt."""
    with runtime().db.read() as tx:
        page = list_deliveries(tx, caller(), endpoint_id, query["after"], query["limit"])
    return page | {"data": [delivery | {"event": delivery["event_id"]} for delivery in page["data"]]}


@resource.route("/v1/webhook-endpoints/<uuid:endpoint_id>/deliveries/<uuid:event_id>/resend", methods=["POST"])
@requires(Scope.PORTAL, Scope.ADMIN)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(202, NothingSchema)
def send_again(_body: Mapping[str, Any], endpoint_id: UUID, event_id: UUID) -> Response:
    """Send an event once more, also one from before the endpoint was there."""

    def resent(tx: Any) -> Answer:
        resend(tx, caller(), endpoint_id, event_id)
        return Answer(202, {})

    return once(resent)
