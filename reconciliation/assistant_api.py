"""The assistant over HTTP: why a discrepancy is there, and the groups in which one decision is enough."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from gateway.domain.errors import Invalid
from gateway.ports.provider import Refunder
from gateway.services.access import requires
from gateway.services.cursors import decode_cursor, encode_cursor
from gateway.services.keys import Scope
from gateway.services.resolve_discrepancy import DiscrepancyNotFound
from gateway.services.runtime import Runtime
from gateway.services.surface import Routes, Surface
from gateway.store import assistant
from gateway.store.database import Transaction
from reconciliation.assistant.causes import Action, Cause
from reconciliation.assistant.listing import groups_of_day, members_of
from reconciliation.assistant.opinions import opinion_now

LIMIT_DEFAULT, LIMIT_MAX = 500, 5_000


class GroupsQuery(Schema):
    error_messages = {"unknown": "is not a field of this request"}  # noqa: RUF012 - marshmallow's own class attribute

    business_date = fields.Date(
        required=True, format="iso", error_messages={"invalid": "must be a day like 2026-11-22"}
    )
    provider = fields.String(load_default=None, validate=validate.Length(1, 200))


class MembersQuery(Schema):
    error_messages = {"unknown": "is not a field of this request"}  # noqa: RUF012 - marshmallow's own class attribute

    limit = fields.Integer(load_default=LIMIT_DEFAULT, validate=validate.Range(1, LIMIT_MAX))
    after = fields.String(load_default=None, validate=validate.Length(max=1_000))


class RankedSchema(Schema):
    cause = fields.String(required=True, validate=validate.OneOf(tuple(Cause)))
    score = fields.Integer(required=True)
    explanation = fields.Raw(required=True, metadata={"type": "object"})


class CausesSchema(Schema):
    id = fields.String(required=True)
    cause = fields.String(required=True, allow_none=True, validate=validate.OneOf(tuple(Cause)))
    group = fields.String(required=True, allow_none=True)
    proposed_action = fields.String(required=True, allow_none=True, validate=validate.OneOf(tuple(Action)))
    ask_first = fields.Raw(required=True, allow_none=True, metadata={"type": "object"})
    causes = fields.List(fields.Nested(RankedSchema), required=True)


class SumSchema(Schema):
    currency = fields.String(required=True)
    count = fields.Integer(required=True)
    amount_minor = fields.Integer(required=True)


class GroupSchema(Schema):
    key = fields.String(required=True)
    cause = fields.String(required=True, validate=validate.OneOf(tuple(Cause)))
    provider = fields.String(required=True)
    proposed_action = fields.String(required=True, validate=validate.OneOf(tuple(Action)))
    ask_first = fields.Raw(required=True, allow_none=True, metadata={"type": "object"})
    kinds = fields.List(fields.String(), required=True)
    count = fields.Integer(required=True)
    sums = fields.List(fields.Nested(SumSchema), required=True)
    first_day = fields.String(required=True)
    last_day = fields.String(required=True)
    first_at = fields.String(required=True, allow_none=True)
    last_at = fields.String(required=True, allow_none=True)
    explanation = fields.Raw(required=True, metadata={"type": "object"})


class GroupsSchema(Schema):
    data = fields.List(fields.Nested(GroupSchema), required=True)


class MembersSchema(Schema):
    data = fields.List(fields.String(), required=True)
    next = fields.String(required=True, allow_none=True)


def add_assistant(surface: Surface, resource: Routes) -> None:
    """Add the routes to the resource of reconciliation."""
    _add_causes(surface, resource)
    _add_groups(surface, resource)


def causes_of(tx: Transaction, runtime: Runtime, discrepancy_id: UUID, agency_id: UUID | None) -> dict[str, Any]:
    """What the assistant thinks of it. Raises DiscrepancyNotFound, also if it is another agency's than `agency_id`."""
    found = assistant.find_discrepancy(tx, discrepancy_id, agency_id)
    if found is None:
        raise DiscrepancyNotFound(f"There is no discrepancy {discrepancy_id}.")
    provider = runtime.providers.get(found.provider)
    sends_back = provider is None or isinstance(provider, Refunder)
    opinion = opinion_now(tx, found, provider.capabilities if provider else None, sends_back=sends_back)
    return {"id": str(discrepancy_id), **opinion}


def _add_causes(surface: Surface, resource: Routes) -> None:
    @resource.route("/v1/reconciliation/discrepancies/<uuid:discrepancy_id>/causes")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.response(200, CausesSchema)
    def causes(discrepancy_id: UUID) -> Mapping[str, Any]:
        """Show the likeliest causes of a discrepancy, with the facts for and against each.

        `score` is in decibans: ten more is ten times as likely. The assistant proposes and never posts.
        """
        with surface.runtime.db.read() as tx:
            return causes_of(tx, surface.runtime, discrepancy_id, surface.caller().agency_id)


def _add_groups(surface: Surface, resource: Routes) -> None:
    @resource.route("/v1/reconciliation/groups")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(GroupsQuery, location="query")
    @resource.response(200, GroupsSchema)
    def list_groups(query: Mapping[str, Any]) -> Mapping[str, Any]:
        """List what the runs of a day left open, grouped by cause: the largest group first."""
        with surface.runtime.db.read() as tx:
            day, provider = query["business_date"], query["provider"]
            return {"data": groups_of_day(tx, day, provider, surface.caller().agency_id)}

    @resource.route("/v1/reconciliation/groups/<string:key>/discrepancies")
    @requires(Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
    @resource.arguments(MembersQuery, location="query")
    @resource.response(200, MembersSchema)
    def list_members(query: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """List the ids of a group's open discrepancies, to be decided together."""
        after, limit = _place(query["after"]), query["limit"]
        with surface.runtime.db.read() as tx:
            ids = members_of(tx, key, surface.caller().agency_id, after, limit + 1)
        page = ids[:limit]
        following = encode_cursor("group", str(page[-1])) if len(ids) > limit else None
        return {"data": list(map(str, page)), "next": following}


def _place(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(decode_cursor("group", cursor, str)[0])
    except ValueError:
        raise Invalid("This is not a cursor of this list.", fields={"after": "is not a cursor of this list"}) from None
