"""Fee invoices: issue one, read it by its id or by what the payer reads off a slip, withdraw it."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import (
    Instant,
    NothingSchema,
    PageQuery,
    RequestSchema,
    choice,
    day,
    moment,
    page_of,
    scalars,
    text,
)
from gateway.api.idempotency import needs_key, once
from gateway.api.quotes import FACTS_MAX, PROCEDURE_CODE_MAX, LineSchema, spoken_steps
from gateway.api.resource import Resource
from gateway.domain.fees import Channel
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.services.access import READERS, requires
from gateway.services.browse import Window, code_of_agency, page_of_invoices
from gateway.services.close_invoice import void_invoice
from gateway.services.find import find_invoice
from gateway.services.idempotency import Answer
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.keys import Scope

resource = Resource("Invoices", "What a payer owes for a procedure, with a reference that a person can type.")

DOSSIER_MAX = 100
METADATA_MAX = 20


class PayerSchema(RequestSchema):
    """Who owes it. Kept encrypted, and shown in no answer."""

    name = text(200, required=True)
    category = text(50)
    national_id = text(30)
    tax_code = text(30)
    email = text(254)
    phone = text(30)


class InvoiceRequestSchema(RequestSchema):
    procedure = text(PROCEDURE_CODE_MAX, required=True)
    facts = scalars(FACTS_MAX, required=True, metadata={"description": "as the procedure asks for"})
    channel = choice(Channel, required=True)
    dossier = text(DOSSIER_MAX, required=True, metadata={"description": "the number of the case; no personal data"})
    payer = fields.Nested(
        PayerSchema, required=True, error_messages={"required": "is required", "null": "must not be null"}
    )
    due_on = day(metadata={"description": "the last day to pay, where the agency is"})
    metadata = scalars(METADATA_MAX, metadata={"description": "of your own, given back as it is; no personal data"})


class InvoiceSchema(Schema):
    id = fields.UUID(required=True)
    reference = fields.String(required=True)
    reference_display = fields.String(
        required=True, metadata={"description": "as its payer reads it, in the habit of the agency's country"}
    )
    references = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "every writing by which the invoice is found: rf, viitenumber (Estonia), fik71 (Denmark), "
            "and of agencies there also fik71_line, the line of a Danish slip, or epn, the Korean payment number"
        },
    )
    status = choice(InvoiceStatus, required=True)
    agency = fields.String(required=True)
    procedure = fields.String(required=True)
    channel = fields.String(required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    amount_due_minor = fields.Integer(required=True, metadata={"description": "what can be paid now"})
    amount_paid_minor = fields.Integer(required=True)
    amount_refunded_minor = fields.Integer(required=True)
    lines = fields.List(fields.Nested(LineSchema), required=True)
    dossier = fields.String(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    assisted = fields.Boolean(required=True, metadata={"description": "an officer helped to pay it at a counter"})
    metadata = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)
    created_at = Instant(required=True)


class InvoiceQuery(PageQuery):
    status = choice(InvoiceStatus, load_default=None)
    dossier = text(DOSSIER_MAX, load_default=None)
    created_from = moment(load_default=None)


EXAMPLE = {
    "procedure": "vn-certified-copy",
    "facts": {"pages": 12, "copies": 3},
    "channel": "online",
    "dossier": "H26.17-261123-0007",
    "payer": {"name": "Nguyễn Thị Lan", "national_id": "001199000001"},
    "due_on": "2099-12-31",
}


@resource.route("/v1/invoices", methods=["POST"])
@requires(Scope.PORTAL)
@needs_key
@resource.arguments(InvoiceRequestSchema, example=EXAMPLE)
@resource.response(201, InvoiceSchema)
def issue(body: Mapping[str, Any]) -> Response:
    """Issue an invoice.

    The fee is worked out on today's rates. An invoice of which nothing is charged is paid at once.
    """
    asked = InvoiceRequest(**{**body, "channel": Channel(body["channel"])})

    def issued(tx: Any) -> Answer:
        invoice = issue_invoice(tx, runtime().vault, caller(), asked)
        return Answer(201, invoice_json(tx, invoice))

    return once(issued)


@resource.route("/v1/invoices")
@requires(*READERS)
@resource.arguments(InvoiceQuery, location="query")
@resource.response(200, page_of(InvoiceSchema, "InvoicePage"))
def list_some(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """List invoices, the oldest first."""
    wanted = InvoiceStatus(query["status"]) if query["status"] else None
    with runtime().db.read() as tx:
        page = page_of_invoices(
            tx,
            caller(),
            Window(query["limit"], query["after"]),
            status=wanted,
            dossier=query["dossier"],
            created_from=query["created_from"],
        )
        return {"data": [_invoice(tx, invoice) for invoice in page.items], "next": page.next}


@resource.route("/v1/invoices/<key>")
@requires(*READERS)
@resource.response(200, InvoiceSchema)
def show(key: str) -> Mapping[str, Any]:
    """Show an invoice, by its id or by any writing of its reference.

    A reference whose check digits do not match is told apart from one that is not known.
    """
    with runtime().db.read() as tx:
        return _invoice(tx, find_invoice(tx, caller(), key))


@resource.route("/v1/invoices/<key>/void", methods=["POST"])
@requires(Scope.PORTAL)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, InvoiceSchema)
def void(_body: Mapping[str, Any], key: str) -> Response:
    """Withdraw an invoice of which nothing was paid."""
    return once(lambda tx: Answer(200, invoice_json(tx, void_invoice(tx, caller(), key))))


def invoice_json(tx: Any, invoice: Invoice) -> Any:
    """The invoice as JSON, as an answer keeps it."""
    return InvoiceSchema().dump(_invoice(tx, invoice))


def _invoice(tx: Any, invoice: Invoice) -> Mapping[str, Any]:
    return {
        "id": invoice.id,
        "reference": invoice.reference,
        "reference_display": invoice.reference_display,
        "references": invoice.references,
        "status": invoice.status,
        "agency": code_of_agency(tx, invoice.agency_id),
        "procedure": invoice.procedure,
        "channel": invoice.channel,
        "currency": invoice.currency,
        "total_minor": invoice.total_minor,
        "amount_due_minor": invoice.amount_due_minor,
        "amount_paid_minor": invoice.paid_minor,
        "amount_refunded_minor": invoice.refunded_minor,
        "lines": [
            {
                "fee_item": line.fee_item,
                "revenue_code": line.revenue_code,
                "quantity": line.quantity,
                "amount_minor": line.amount.amount_minor,
                "reduction_minor": line.reduction.amount_minor,
                "legal_basis": line.legal_basis,
                "steps": spoken_steps([(step["texts"], step["amount_minor"]) for step in line.steps]),
            }
            for line in invoice.lines
        ],
        "dossier": invoice.dossier,
        "due_on": invoice.due_on,
        "assisted": invoice.assisted,
        "metadata": invoice.metadata,
        "created_at": invoice.created_at,
    }
