"""What a procedure costs, explained; nothing is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import language, runtime
from gateway.api.fields import RequestSchema, choice, day, scalars, text, texts
from gateway.api.resource import Resource
from gateway.domain.fees import Channel
from gateway.services.access import READERS, requires
from gateway.services.quote_fee import quote_fee

resource = Resource("Quotes", "What a procedure costs, step by step, with its legal basis.")

PROCEDURE_CODE_MAX = 100
FACTS_MAX = 50


class StepSchema(Schema):
    """One line of the sum; the amounts of a line's steps add up to the line's amount."""

    text = fields.String(required=True, metadata={"description": "in the language of Accept-Language"})
    texts = texts(required=True)
    amount_minor = fields.Integer(required=True)


class LineSchema(Schema):
    fee_item = fields.String(required=True)
    revenue_code = fields.String(required=True)
    quantity = fields.Integer(required=True)
    amount_minor = fields.Integer(required=True, metadata={"description": "what is due, after the reduction"})
    reduction_minor = fields.Integer(required=True)
    legal_basis = fields.String(required=True)
    steps = fields.List(fields.Nested(StepSchema), required=True)


class QuoteLineSchema(LineSchema):
    title = fields.String(required=True)
    titles = texts(required=True)


class QuoteRequestSchema(RequestSchema):
    procedure = text(PROCEDURE_CODE_MAX, required=True)
    facts = scalars(FACTS_MAX, required=True, metadata={"description": "as the procedure asks for"})
    channel = choice(Channel, required=True)
    on = day(metadata={"description": "the day whose rates apply; today where the agency is, if left out"})


class QuoteSchema(Schema):
    procedure = fields.String(required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    lines = fields.List(fields.Nested(QuoteLineSchema), required=True)


EXAMPLE = {"procedure": "vn-certified-copy", "facts": {"pages": 12, "copies": 3}, "channel": "online"}


@resource.route("/v1/quotes", methods=["POST"])
@requires(*READERS)
@resource.arguments(QuoteRequestSchema, example=EXAMPLE)
@resource.response(200, QuoteSchema)
def quote(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Price a procedure.

    A missing or wrong fact is a problem that names it and what is allowed.
    """
    with runtime().db.read() as tx:
        priced = quote_fee(tx, body["procedure"], body["facts"], Channel(body["channel"]), body.get("on"))
    return {
        "procedure": priced.procedure,
        "currency": priced.currency,
        "total_minor": priced.total.amount_minor,
        "lines": [
            {
                "fee_item": line.fee_item,
                "title": line.titles[language()],
                "titles": line.titles,
                "revenue_code": line.revenue_code,
                "quantity": line.quantity,
                "amount_minor": line.amount.amount_minor,
                "reduction_minor": line.reduction.amount_minor,
                "legal_basis": line.legal_basis,
                "steps": spoken_steps([(step.texts, step.amount.amount_minor) for step in line.steps]),
            }
            for line in priced.lines
        ],
    }


def spoken_steps(steps: Sequence[tuple[Mapping[str, str], int]]) -> list[Mapping[str, Any]]:
    """Steps, given as their texts and amount in minor units, with the one text that the caller reads."""
    return [{"text": said[language()], "texts": said, "amount_minor": minor} for said, minor in steps]
