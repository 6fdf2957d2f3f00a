"""Receipts, as portals hand them on."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import Instant
from gateway.api.resource import Resource
from gateway.domain.amount_in_words import amount_in_words
from gateway.services.access import READERS, requires
from gateway.services.keys import Scope
from gateway.services.show_receipt import check_url, hand_out, receipt_of_invoice

resource = Resource("Receipts", "The receipt of each paid invoice, numbered without gaps.")


class ReceiptSchema(Schema):
    id = fields.UUID(required=True)
    invoice = fields.UUID(required=True)
    series = fields.String(required=True)
    year = fields.Integer(required=True)
    number = fields.String(required=True, metadata={"description": "eight digits, from 00000001 on each 1 January"})
    currency = fields.String(required=True)
    amount_minor = fields.Integer(required=True)
    amount_in_words = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    business_date = fields.Date(required=True, metadata={"description": "the day of issue, where the agency is"})
    issued_at = Instant(required=True)
    url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the PDF, for the payer: whoever has the link sees it. Told to portals alone"},
    )
    check_url = fields.String(required=True, metadata={"description": "shows that it is real, without personal data"})


@resource.route("/v1/invoices/<key>/receipt")
@requires(*READERS)
@resource.response(200, ReceiptSchema)
def show(key: str) -> Mapping[str, Any]:
    """Show the receipt of an invoice.

    It follows some seconds after the invoice is paid in full; event `receipt.issued` tells.
    """
    with runtime().db.transaction() as tx:
        receipt = receipt_of_invoice(tx, caller(), key)
        url = hand_out(tx, runtime(), caller(), receipt) if Scope.PORTAL in caller().scopes else None
    names = ("id", "series", "year", "currency", "amount_minor", "business_date", "issued_at")
    return {name: getattr(receipt, name) for name in names} | {
        "invoice": receipt.invoice_id,
        "number": receipt.printed_number,
        "amount_in_words": {spoken: amount_in_words(receipt.amount, spoken) for spoken in ("vi", "en")},
        "url": url,
        "check_url": check_url(runtime(), receipt.id),
    }
