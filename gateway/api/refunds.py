"""Refunds: one asks, another decides, and the money goes back the way it came."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import (
    Instant,
    NothingSchema,
    PageQuery,
    RequestSchema,
    choice,
    identifier,
    page_of,
    text,
    whole,
)
from gateway.api.idempotency import needs_key, once
from gateway.api.resource import Resource
from gateway.domain.refund import Refund, RefundStatus
from gateway.services.access import READERS, requires
from gateway.services.browse import Window, page_of_refunds
from gateway.services.find import find_refund
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.refund_payment import approve_refund, reject_refund, request_refund

resource = Resource("Refunds", "Money back to the payer: one person or key asks, another one decides.")

REASON_MAX = 500


class RefundRequestSchema(RequestSchema):
    payment = identifier(required=True)
    amount_minor = whole(1, required=True)
    reason = text(REASON_MAX, required=True, metadata={"description": "for those who decide; no personal data"})


class RefundSchema(Schema):
    id = fields.UUID(required=True)
    status = choice(RefundStatus, required=True)
    payment = fields.UUID(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    reason = fields.String(required=True)
    requested_by = fields.String(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    provider_refund_id = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, metadata={"description": "the provider's own, for the record"})
    created_at = Instant(required=True)
    sent_at = Instant(required=True, allow_none=True)
    succeeded_at = Instant(required=True, allow_none=True)


class RefundQuery(PageQuery):
    status = choice(RefundStatus, load_default=None)
    payment = identifier(load_default=None)


EXAMPLE = {"payment": "0198f3a2-1c57-7e6b-a1f0-3f1f4f1b9c01", "amount_minor": 42_000, "reason": "Application refused"}


@resource.route("/v1/refunds", methods=["POST"])
@requires(Scope.PORTAL, Scope.FINANCE)
@needs_key
@resource.arguments(RefundRequestSchema, example=EXAMPLE)
@resource.response(201, RefundSchema)
def ask(body: Mapping[str, Any]) -> Response:
    """Ask for a refund.

    The amount is held from now on; nothing moves until another key with the scope approver has approved. A portal may
    ask too, for it knows that an application was refused before any officer does.
    """

    def asked(tx: Any) -> Answer:
        refund = request_refund(tx, runtime(), caller(), body["payment"], body["amount_minor"], body["reason"])
        return Answer(201, _refund_json(refund))

    return once(asked)


@resource.route("/v1/refunds")
@requires(*READERS)
@resource.arguments(RefundQuery, location="query")
@resource.response(200, page_of(RefundSchema, "RefundPage"))
def list_some(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """List refunds, the oldest first."""
    wanted = RefundStatus(query["status"]) if query["status"] else None
    with runtime().db.read() as tx:
        window = Window(query["limit"], query["after"])
        page = page_of_refunds(tx, caller(), window, status=wanted, payment_id=query["payment"])
    return {"data": [_refund(refund) for refund in page.items], "next": page.next}


@resource.route("/v1/refunds/<uuid:refund_id>")
@requires(*READERS)
@resource.response(200, RefundSchema)
def show(refund_id: UUID) -> Mapping[str, Any]:
    """Show a refund."""
    with runtime().db.read() as tx:
        return _refund(find_refund(tx, caller(), refund_id))


@resource.route("/v1/refunds/<uuid:refund_id>/approve", methods=["POST"])
@requires(Scope.APPROVER)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, RefundSchema)
def approve(_body: Mapping[str, Any], refund_id: UUID) -> Response:
    """Approve a refund.

    Not by the key that asked for it. It is sent to the provider within seconds.
    """
    return once(lambda tx: Answer(200, _refund_json(approve_refund(tx, caller(), refund_id))))


@resource.route("/v1/refunds/<uuid:refund_id>/reject", methods=["POST"])
@requires(Scope.APPROVER)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, RefundSchema)
def reject(_body: Mapping[str, Any], refund_id: UUID) -> Response:
    """Reject a refund.

    Not by the key that asked for it. The amount can be refunded again.
    """
    return once(lambda tx: Answer(200, _refund_json(reject_refund(tx, caller(), refund_id))))


def _refund_json(refund: Refund) -> Any:
    return RefundSchema().dump(_refund(refund))


def _refund(refund: Refund) -> Mapping[str, Any]:
    return {name: getattr(refund, name) for name in Refund.__slots__} | {"payment": refund.payment_id}
