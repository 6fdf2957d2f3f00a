"""API keys, for administrators: issue, list, revoke, replace. A key itself is told once, when it is made."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from gateway.api.context import caller, gateway, runtime
from gateway.api.fields import Instant, NothingSchema, RequestSchema, choice, listed, moment, text, whole
from gateway.api.idempotency import needs_key, once, once_with_secret
from gateway.api.resource import Resource
from gateway.services.access import requires
from gateway.services.browse import code_of_agency, key_of, keys_of
from gateway.services.idempotency import Answer
from gateway.services.issue_key import KeyRequest, issue_key
from gateway.services.keys import Scope

resource = Resource("API keys", "Who may call, and what they may do. For administrators.")

LABEL_MAX = 100
OVERLAP_HOURS_DEFAULT, OVERLAP_HOURS_MAX = 24, 24 * 90
TOLD_ONCE = {"description": "cp_...; told this once, and null if the request is repeated"}


class KeyRequestSchema(RequestSchema):
    label = text(LABEL_MAX, required=True, metadata={"description": "whose key it is"})
    scopes = listed(choice(Scope), 1, len(Scope), required=True)
    agency = text(100, load_default=None, metadata={"description": "its code; every agency you act for, if left out"})
    expires_at = moment(load_default=None)


class RotationSchema(RequestSchema):
    overlap_hours = whole(
        0,
        OVERLAP_HOURS_MAX,
        load_default=OVERLAP_HOURS_DEFAULT,
        metadata={"description": "how long the old key works on"},
    )


class KeySchema(Schema):
    id = fields.UUID(required=True)
    label = fields.String(required=True)
    scopes = fields.List(choice(Scope), required=True)
    agency = fields.String(required=True, allow_none=True, metadata={"description": "null: acts for every agency"})
    created_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)
    revoked_at = Instant(required=True, allow_none=True)
    last_used_at = Instant(required=True, allow_none=True, metadata={"description": "to within ten minutes"})


class NewKeySchema(KeySchema):
    key = fields.String(required=True, allow_none=True, metadata=TOLD_ONCE)


class KeysSchema(Schema):
    data = fields.List(fields.Nested(KeySchema), required=True)
    next = fields.String(required=True, allow_none=True)


EXAMPLE = {"label": "Portal of the Ministry of Justice", "scopes": ["portal"], "agency": "vn-moj"}


@resource.route("/v1/api-keys", methods=["POST"])
@requires(Scope.ADMIN)
@needs_key
@resource.arguments(KeyRequestSchema, example=EXAMPLE)
@resource.response(201, NewKeySchema)
def issue(body: Mapping[str, Any]) -> Response:
    """Issue an API key."""

    def issued(tx: Any) -> tuple[Answer, str]:
        key_id, plaintext = issue_key(tx, gateway().keys, caller(), KeyRequest(**body))
        return _new(tx, key_id), plaintext

    return once_with_secret("key", issued)


@resource.route("/v1/api-keys")
@requires(Scope.ADMIN)
@resource.response(200, KeysSchema)
def list_all() -> Mapping[str, Any]:
    """List the API keys, also those that have ended."""
    with runtime().db.read() as tx:
        return {"data": [_key(tx, row) for row in keys_of(tx, caller())], "next": None}


@resource.route("/v1/api-keys/<uuid:key_id>/revoke", methods=["POST"])
@requires(Scope.ADMIN)
@needs_key
@resource.arguments(NothingSchema, required=False)
@resource.response(200, KeySchema)
def revoke(_body: Mapping[str, Any], key_id: UUID) -> Response:
    """Revoke an API key. It ends at once."""

    def revoked(tx: Any) -> Answer:
        gateway().keys.revoke(tx, caller(), key_id)
        return Answer(200, KeySchema().dump(_key(tx, key_of(tx, caller(), key_id))))

    return once(revoked)


@resource.route("/v1/api-keys/<uuid:key_id>/rotate", methods=["POST"])
@requires(Scope.ADMIN)
@needs_key
@resource.arguments(RotationSchema, required=False, example={"overlap_hours": 24})
@resource.response(201, NewKeySchema)
def rotate(body: Mapping[str, Any], key_id: UUID) -> Response:
    """Replace an API key by a new one with the same rights; the old one works on for a while."""

    def rotated(tx: Any) -> tuple[Answer, str]:
        overlap = timedelta(hours=body["overlap_hours"])
        successor_id, plaintext = gateway().keys.rotate(tx, caller(), key_id, overlap)
        return _new(tx, successor_id), plaintext

    return once_with_secret("key", rotated)


def _new(tx: Any, key_id: UUID) -> Answer:
    """The answer as it is kept: without the key itself."""
    return Answer(201, NewKeySchema().dump({**_key(tx, key_of(tx, caller(), key_id)), "key": None}))


def _key(tx: Any, row: Any) -> Mapping[str, Any]:
    agency = None if row.agency_id is None else code_of_agency(tx, row.agency_id)
    return {**row._mapping, "agency": agency}
