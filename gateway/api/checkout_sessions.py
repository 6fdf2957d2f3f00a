"""Checkout sessions: one sitting in which a payer settles one or more invoices, on our page or on the portal's own."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from gateway.api.agencies import MethodSchema, method_view
from gateway.api.context import caller, gateway, runtime
from gateway.api.fields import Instant, NothingSchema, RequestSchema, choice, listed, text
from gateway.api.idempotency import needs_key, once, repeatable_request, respond
from gateway.api.payments import PROVIDER_MAX, PaymentSchema, payment_json, payment_view
from gateway.api.resource import Resource
from gateway.domain.checkout import MAX_INVOICES, CheckoutSession, CheckoutStatus
from gateway.domain.fees.explain import LANGUAGES
from gateway.services.access import READERS, requires
from gateway.services.browse import invoices_of_session, payments_of_session
from gateway.services.find import find_session
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.offer_methods import offers_of_session
from gateway.services.open_checkout import CheckoutRequest, cancel_checkout, open_checkout
from gateway.services.receive_return import URL_LENGTH_MAX, check_return_url
from gateway.services.start_payment import start_payment

resource = Resource("Checkout sessions", "One sitting in which a payer settles one or more invoices.")

INVOICE_KEY_MAX = 64
METHODS_MAX = 20


class CheckoutRequestSchema(RequestSchema):
    invoices = listed(
        text(INVOICE_KEY_MAX),
        1,
        MAX_INVOICES,
        required=True,
        metadata={"description": "ids, or references in any writing"},
    )
    return_url = text(
        URL_LENGTH_MAX, required=True, metadata={"description": "where the payer's browser goes at the end"}
    )
    locale = choice(LANGUAGES, load_default=LANGUAGES[0])
    methods = listed(
        text(PROVIDER_MAX),
        1,
        METHODS_MAX,
        load_default=None,
        metadata={"description": "providers to offer; all of the agency's, if left out"},
    )


class SessionInvoiceSchema(Schema):
    id = fields.UUID(required=True)
    reference = fields.String(required=True)
    reference_display = fields.String(required=True)
    amount_minor = fields.Integer(required=True, metadata={"description": "what is paid of it in this session"})


class CheckoutSessionSchema(Schema):
    id = fields.UUID(required=True)
    status = choice(CheckoutStatus, required=True)
    url = fields.String(required=True, metadata={"description": "our page; whoever has it can see and pay the session"})
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    expires_at = Instant(required=True)
    payments = fields.List(fields.Nested(PaymentSchema), required=True)
    invoices = fields.List(fields.Nested(SessionInvoiceSchema), required=True)
    methods = fields.List(fields.String(), required=True)
    method_details = fields.List(
        fields.Nested(MethodSchema),
        required=True,
        metadata={"description": "the methods as they stand now: with limits, and whether they are available"},
    )
    locale = fields.String(required=True)
    return_url = fields.String(required=True)
    created_at = Instant(required=True)


class PaymentRequestSchema(RequestSchema):
    provider = text(PROVIDER_MAX, required=True)


EXAMPLE = {"invoices": ["RF18 5390 0754 7034"], "return_url": "https://portal.example/back", "locale": "vi"}


@resource.route("/v1/checkout-sessions", methods=["POST"])
@requires(Scope.PORTAL)
@needs_key
@resource.arguments(CheckoutRequestSchema, example=EXAMPLE)
@resource.response(201, CheckoutSessionSchema)
def open_session(body: Mapping[str, Any]) -> Response:
    """Open a checkout session.

    Send the payer to its `url`, or start payments yourself and show the payer the next action.
    """
    check_return_url(body["return_url"], allow_insecure=gateway().insecure_return_urls)
    asked = CheckoutRequest(**body)

    def opened(tx: Any) -> Answer:
        return Answer(201, _session_json(tx, open_checkout(tx, runtime(), caller(), asked)))

    return once(opened)


@resource.route("/v1/checkout-sessions/<uuid:session_id>")
@requires(*READERS)
@resource.response(200, CheckoutSessionSchema)
def show(session_id: UUID) -> Mapping[str, Any]:
    """Show a checkout session with its payments."""
    with runtime().db.read() as tx:
        return _session(tx, find_session(tx, caller(), session_id))


@resource.route("/v1/checkout-sessions/<uuid:session_id>/cancel", methods=["POST"])
@requires(Scope.PORTAL)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, CheckoutSessionSchema)
def cancel(_body: Mapping[str, Any], session_id: UUID) -> Response:
    """Cancel a checkout session.

    Not possible while a payment of it may have moved the money.
    """
    return once(lambda tx: Answer(200, _session_json(tx, cancel_checkout(tx, caller(), session_id))))


@resource.route("/v1/checkout-sessions/<uuid:session_id>/payments", methods=["POST"])
@requires(Scope.PORTAL)
@needs_key
@resource.arguments(PaymentRequestSchema, example={"provider": "sandbox"})
@resource.response(201, PaymentSchema)
def pay(body: Mapping[str, Any], session_id: UUID) -> Response:
    """Start a payment.

    For portals with a payment page of their own. The answer says what the payer does next; what becomes of the payment
    is told by webhook, by the feed, or by asking for it.
    """
    answer = start_payment(
        runtime(),
        repeatable_request(),
        session_id,
        body["provider"],
        lambda payment: Answer(201, payment_json(payment)),
    )
    return respond(answer)


def _session_json(tx: Any, session: CheckoutSession) -> Any:
    return CheckoutSessionSchema().dump(_session(tx, session))


def _session(tx: Any, session: CheckoutSession) -> Mapping[str, Any]:
    return {
        "id": session.id,
        "status": session.status,
        "url": runtime().page_url(session.id),
        "amount_minor": session.amount_minor,
        "currency": session.currency,
        "expires_at": session.expires_at,
        "payments": [payment_view(payment) for payment in payments_of_session(tx, session)],
        "invoices": _invoices(tx, session),
        "methods": session.methods,
        "method_details": [method_view(offer) for offer in offers_of_session(tx, runtime(), session)],
        "locale": session.locale,
        "return_url": session.return_url,
        "created_at": session.created_at,
    }


def _invoices(tx: Any, session: CheckoutSession) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "id": invoice.id,
            "reference": invoice.reference,
            "reference_display": invoice.reference_display,
            "amount_minor": to_pay_minor,
        }
        for invoice, to_pay_minor in invoices_of_session(tx, session)
    ]
