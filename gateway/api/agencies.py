"""The agencies that collect fees, as far as a caller acts for them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import caller, language, runtime
from gateway.api.fields import choice, texts
from gateway.api.resource import Resource
from gateway.domain.national_references import ReferenceStyle
from gateway.services.access import READERS, requires
from gateway.services.browse import agencies_of

resource = Resource("Agencies", "Who collects the fees.")


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
        }
        for agency in found
    ]
    return {"data": data, "next": None}
