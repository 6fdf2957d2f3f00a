"""The agencies that collect fees, as far as a caller acts for them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import caller, language, runtime
from gateway.api.fields import choice, texts
from gateway.api.resource import Resource
from gateway.domain.national_references import ReferenceStyle
from gateway.ports.capabilities import Flow
from gateway.services.access import READERS, requires
from gateway.services.browse import agencies_of
from gateway.services.offer_methods import Offer, offers_of_agencies

resource = Resource("Agencies", "Who collects the fees.")


class MethodSchema(Schema):
    provider = fields.String(required=True)
    titles = texts(required=True)
    flow = choice(Flow, required=True)
    minimum_minor = fields.Integer(required=True, metadata={"description": "the least that can be paid by it"})
    maximum_minor = fields.Integer(
        required=True, allow_none=True, metadata={"description": "the most; null if there is no limit"}
    )
    available = fields.Boolean(
        required=True, metadata={"description": "false while the provider does not answer: no payment is begun with it"}
    )


class AgencySchema(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "in the language of Accept-Language"})
    names = texts(required=True)
    country = fields.String(required=True, metadata={"description": "ISO 3166 alpha-2"})
    time_zone = fields.String(required=True, metadata={"description": "in which its days are cut"})
    currency = fields.String(required=True)
    reference_style = choice(
        ReferenceStyle, required=True, metadata={"description": "in which its payers see their references"}
    )
    methods = fields.List(fields.String(), required=True, metadata={"description": "the providers it offers"})
    method_details = fields.List(
        fields.Nested(MethodSchema),
        required=True,
        metadata={"description": "the methods with their limits, the agency's and the provider's together"},
    )


class AgenciesSchema(Schema):
    data = fields.List(fields.Nested(AgencySchema), required=True)
    next = fields.String(required=True, allow_none=True)


@resource.route("/v1/agencies")
@requires(*READERS)
@resource.response(200, AgenciesSchema)
def list_all() -> Mapping[str, Any]:
    """List the agencies that the key acts for."""
    with runtime().db.read() as tx:
        found = agencies_of(tx, caller())
        offers = offers_of_agencies(tx, runtime(), found)
    data = [
        {
            "code": agency.code,
            "name": agency.names[language()],
            "names": agency.names,
            "country": agency.country,
            "time_zone": agency.time_zone,
            "currency": agency.currency,
            "reference_style": agency.reference_style,
            "methods": [name for name in agency.providers if name in runtime().providers],
            "method_details": [method_view(offer) for offer in its_offers],
        }
        for agency, its_offers in zip(found, offers, strict=True)
    ]
    return {"data": data, "next": None}


def method_view(offer: Offer) -> Mapping[str, Any]:
    return {
        "provider": offer.name,
        "titles": offer.provider.titles,
        "flow": offer.provider.capabilities.flow,
        "minimum_minor": offer.minimum_minor,
        "maximum_minor": offer.maximum_minor,
        "available": offer.is_available,
    }
