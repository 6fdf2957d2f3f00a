"""The catalogue: what can be paid for, and the facts that each fee depends on."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import caller, language, runtime
from gateway.api.fields import Scalar, texts
from gateway.api.resource import Resource
from gateway.domain.fees import FactSpec, Procedure
from gateway.services.access import READERS, requires
from gateway.services.quote_fee import list_procedures, procedure_with_agency

resource = Resource("Procedures", "The catalogue of public procedures and the facts that their fees depend on.")

SCALAR = {"type": ["string", "integer", "boolean"]}
SCALAR_OR_NULL = {"type": ["string", "integer", "boolean", "null"]}


class OptionSchema(Schema):
    value = Scalar(required=True, metadata=SCALAR)
    title = fields.String(required=True)
    titles = texts(required=True)


class FactSchema(Schema):
    name = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "integer, money (minor units), choice or boolean"})
    title = fields.String(required=True)
    titles = texts(required=True)
    required = fields.Boolean(required=True, metadata={"description": "whether it must always be given"})
    needed_when = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Raw(metadata=SCALAR)),
        required=True,
        metadata={"description": "it must be given only if each of these facts has one of the values"},
    )
    default = fields.Raw(required=True, allow_none=True, metadata=SCALAR_OR_NULL)
    allowed = fields.String(required=True, metadata={"description": "in words, for a message"})
    minimum = fields.Integer(required=True, allow_none=True)
    maximum = fields.Integer(required=True, allow_none=True)
    options = fields.List(fields.Nested(OptionSchema), required=True)
    unit = texts(required=True)
    units = texts(required=True)


class ProcedureSchema(Schema):
    code = fields.String(required=True)
    official_code = fields.String(required=True)
    agency = fields.String(required=True, metadata={"description": "the code of who collects the fee"})
    currency = fields.String(required=True)
    title = fields.String(required=True, metadata={"description": "in the language of Accept-Language"})
    titles = texts(required=True)
    facts = fields.List(fields.Nested(FactSchema), required=True)
    notice = texts(required=True)
    refund_policy = texts(required=True)


class ProceduresSchema(Schema):
    data = fields.List(fields.Nested(ProcedureSchema), required=True)
    next = fields.String(required=True, allow_none=True)


@resource.route("/v1/procedures")
@requires(*READERS)
@resource.response(200, ProceduresSchema)
def list_all() -> Mapping[str, Any]:
    """List the procedures.

    All of them on one page, those of the key's agency if it acts for one.
    """
    with runtime().db.read() as tx:
        found = list_procedures(tx, caller().agency_id)
    return {"data": [_procedure(procedure, language()) for procedure in found], "next": None}


@resource.route("/v1/procedures/<code>")
@requires(*READERS)
@resource.response(200, ProcedureSchema)
def show(code: str) -> Mapping[str, Any]:
    """Show a procedure and the facts that its fee depends on."""
    with runtime().db.read() as tx:
        procedure, _, _ = procedure_with_agency(tx, code)
    return _procedure(procedure, language())


def _procedure(procedure: Procedure, spoken: str) -> Mapping[str, Any]:
    return {
        "code": procedure.code,
        "official_code": procedure.official_code,
        "agency": procedure.agency,
        "currency": procedure.currency,
        "title": procedure.titles[spoken],
        "titles": procedure.titles,
        "facts": [_fact(spec, spoken) for spec in procedure.facts],
        "notice": procedure.notice,
        "refund_policy": procedure.refund_policy,
    }


def _fact(spec: FactSpec, spoken: str) -> Mapping[str, Any]:
    is_number = spec.minimum < spec.maximum
    return {
        "name": spec.name,
        "kind": spec.kind,
        "title": spec.titles[spoken],
        "titles": spec.titles,
        "required": spec.required,
        "needed_when": {name: list(values) for name, values in spec.needed_when.items()},
        "default": spec.default,
        "allowed": spec.allowed,
        "minimum": spec.minimum if is_number else None,
        "maximum": spec.maximum if is_number else None,
        "options": [
            {"value": option.value, "title": option.titles[spoken], "titles": option.titles} for option in spec.options
        ],
        "unit": spec.unit,
        "units": spec.units,
    }
