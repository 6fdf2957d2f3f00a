"""Payments: one attempt each, with what was learnt of it, when, and how."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import Instant, PageQuery, choice, identifier, moment, page_of, text
from gateway.api.resource import Resource
from gateway.domain.payment import OPEN, Payment, PaymentStatus
from gateway.services.access import READERS, requires
from gateway.services.browse import Window, page_of_payments, story_of_payment
from gateway.services.find import find_payment

resource = Resource("Payments", "Attempts to pay a checkout session, and what was learnt of each.")

PROVIDER_MAX = 50


class NextActionSchema(Schema):
    """What the payer does next. `redirect` has `url`; `show_qr` has `payload` to scan and the rest for typing;
    `show_transfer` has the rest only, and a `slip_line` where the country has such a thing."""

    type = choice(("redirect", "show_qr", "show_transfer"), required=True)
    url = fields.String()
    payload = fields.String(metadata={"description": "the text in the QR code"})
    reference = fields.String(metadata={"description": "what the transfer must name"})
    account = fields.String()
    account_name = fields.String()
    amount_minor = fields.Integer()
    currency = fields.String()
    slip_line = fields.String()
    expires_at = Instant()


class PaymentSchema(Schema):
    id = fields.UUID(required=True)
    status = choice(PaymentStatus, required=True)
    provider = fields.String(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    next_action = fields.Nested(NextActionSchema, required=True, allow_none=True)
    checkout_session = fields.UUID(required=True)
    reference = fields.String(required=True, metadata={"description": "what the payer sees"})
    provider_payment_id = fields.String(required=True, allow_none=True)
    provider_transaction_id = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, metadata={"description": "the provider's own, for the record"})
    credited_minor = fields.Integer(required=True, metadata={"description": "what no invoice took; the payer's"})
    amount_refunded_minor = fields.Integer(required=True, metadata={"description": "held or paid back by refunds"})
    created_at = Instant(required=True)
    expires_at = Instant(required=True)
    succeeded_at = Instant(required=True, allow_none=True)


class PaymentEventSchema(Schema):
    """Something that was learnt. `changed` is false for a repeat and for old news."""

    source = fields.String(required=True, metadata={"description": "api, webhook, poll, return, settlement, expiry"})
    reported = fields.String(required=True, metadata={"description": "what was said"})
    status = fields.String(required=True, metadata={"description": "the status after it"})
    changed = fields.Boolean(required=True)
    code = fields.String(required=True)
    amount_minor = fields.Integer(required=True, allow_none=True)
    refund = fields.UUID(required=True, allow_none=True)
    occurred_at = Instant(required=True)
    received_at = Instant(required=True)


class PaymentStorySchema(PaymentSchema):
    events = fields.List(fields.Nested(PaymentEventSchema), required=True)


class PaymentQuery(PageQuery):
    status = choice(PaymentStatus, load_default=None)
    provider = text(PROVIDER_MAX, load_default=None)
    checkout_session = identifier(load_default=None)
    created_from = moment(load_default=None)


@resource.route("/v1/payments")
@requires(*READERS)
@resource.arguments(PaymentQuery, location="query")
@resource.response(200, page_of(PaymentSchema, "PaymentPage"))
def list_some(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """List payments, the oldest first."""
    wanted = PaymentStatus(query["status"]) if query["status"] else None
    with runtime().db.read() as tx:
        page = page_of_payments(
            tx,
            caller(),
            Window(query["limit"], query["after"]),
            status=wanted,
            provider=query["provider"],
            session_id=query["checkout_session"],
            created_from=query["created_from"],
        )
    return {"data": [payment_view(payment) for payment in page.items], "next": page.next}


@resource.route("/v1/payments/<uuid:payment_id>")
@requires(*READERS)
@resource.response(200, PaymentStorySchema)
def show(payment_id: UUID) -> Mapping[str, Any]:
    """Show a payment and its story."""
    with runtime().db.read() as tx:
        payment = find_payment(tx, caller(), payment_id)
        story = story_of_payment(tx, payment)
    return payment_view(payment) | {"events": [event._asdict() | {"refund": event.refund_id} for event in story]}


def payment_json(payment: Payment) -> Any:
    """The payment as JSON, as an answer keeps it."""
    return PaymentSchema().dump(payment_view(payment))


def payment_view(payment: Payment) -> dict[str, Any]:
    names = ("id", "status", "provider", "amount_minor", "currency", "reference", "code", "credited_minor")
    more = ("provider_payment_id", "provider_transaction_id", "created_at", "expires_at", "succeeded_at")
    return {name: getattr(payment, name) for name in names + more} | {
        "checkout_session": payment.session_id,
        "amount_refunded_minor": payment.refunded_minor,
        "next_action": _next_action(payment),
    }


def _next_action(payment: Payment) -> Mapping[str, Any] | None:
    """Nothing is left to do once the payment has come to its end."""
    if payment.next_action is None or payment.status not in OPEN:
        return None
    action = dict(payment.next_action)
    if "expires_at" in action:
        action["expires_at"] = datetime.fromisoformat(action["expires_at"])
    return action
