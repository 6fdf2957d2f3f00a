"""Where providers reach us: their notifications, their questions what is due, and the payers they send back."""

from uuid import UUID

from flask import Blueprint, Response, request

from gateway.api.context import address, gateway, runtime
from gateway.api.problems import respond
from gateway.api.reading import raw_body
from gateway.api.resource import Resource
from gateway.ports.provider import RawRequest
from gateway.services.access import public
from gateway.services.find import PaymentNotFound
from gateway.services.present_bills import BillRequestRefused, present_bills
from gateway.services.receive_event import WebhookRefused, receive_event
from gateway.services.receive_return import receive_return

pages = Blueprint("providers", __name__, url_prefix="/providers")

resource = Resource("Bills", "What is due, for the platforms of providers that show it to their payers.")

SEE_OTHER = 303
IN_ITS_OWN_WORDS = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


@pages.route("/<provider>/webhook", methods=["GET", "POST"])
@public("a provider calls it; its signature is checked, and refusals are counted", counted=False)
def webhook(provider: str) -> Response:
    """Take a notification. The answer is what the provider's protocol asks for; success means that it is durable."""
    limits = gateway().limits
    limits.check_refusals(address())
    try:
        reply = receive_event(runtime(), provider, _raw_request())
    except WebhookRefused as refused:
        limits.note_refusal(address())
        if refused.reply.status >= 400 and not refused.reply.body:
            response = respond(refused)
            response.status_code = refused.reply.status
            return response
        reply = refused.reply
    return Response(reply.body, reply.status, content_type=reply.content_type)


@resource.route("/providers/<provider>/bills", methods=["POST"])
@public("a provider's platform asks what is due; its signature is checked, and refusals are counted")
@resource.doc(requestBody=IN_ITS_OWN_WORDS)
@resource.response(200, description="What is due, in the provider's own words.")
def bills(provider: str) -> Response:
    """Tell a provider's platform what is due for a dossier.

    It asks and is answered in the provider's own protocol, and is known by the provider's own signature.
    """
    limits = gateway().limits
    limits.check_refusals(address())
    try:
        reply = present_bills(runtime(), provider, _raw_request())
    except BillRequestRefused:
        limits.note_refusal(address())
        raise
    return Response(reply.body, reply.status, content_type=reply.content_type)


@pages.get("/<provider>/return")
@public("a payer's browser comes back; it is believed nothing")
def come_back(provider: str) -> Response:
    """Ask the provider what became of the payment, and send the browser on."""
    try:
        payment_id = UUID(request.args.get("payment", ""))
    except ValueError:
        raise PaymentNotFound("There is no such payment.") from None
    may_ask = gateway().limits.may_ask_about(str(payment_id))
    target = receive_return(runtime(), provider, payment_id, may_ask=may_ask)
    return Response(status=SEE_OTHER, headers={"Location": target}, content_type="text/plain")


def _raw_request() -> RawRequest:
    return RawRequest(
        method=request.method,
        query_string=request.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=raw_body(),
    )
