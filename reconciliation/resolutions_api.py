"""Decisions about discrepancies, over HTTP: one key proposes, another approves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from gateway.domain.resolution import Action, Resolution, ResolutionStatus
from gateway.services.access import requires
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.resolve_discrepancy import AT_ONCE, approve, propose, reject, withdraw
from gateway.services.surface import Routes, Surface
from gateway.store import resolutions
from gateway.store.database import Transaction
from reconciliation.schemas import Strict

READERS = (Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
LIMIT_DEFAULT, LIMIT_MAX = 50, 500
CURSOR = "resolutions"


class ResolutionSchema(Schema):
    id = fields.String(required=True)
    discrepancy = fields.String(required=True)
    action = fields.String(required=True, validate=validate.OneOf(tuple(Action)))
    status = fields.String(required=True, validate=validate.OneOf(tuple(ResolutionStatus)))
    reason = fields.String(required=True)
    parameters = fields.Raw(required=True, metadata={"type": "object"})
    effect = fields.List(fields.Raw(metadata={"type": "object"}), required=True)
    proposed_by = fields.String(required=True)
    decided_by = fields.String(required=True, allow_none=True)


class ResolutionsSchema(Schema):
    data = fields.List(fields.Nested(ResolutionSchema), required=True)


class ResolutionPage(ResolutionsSchema):
    next = fields.String(required=True, allow_none=True)


class ResolutionQuery(Strict):
    status = fields.String(load_default=None, validate=validate.OneOf(tuple(ResolutionStatus)))
    limit = fields.Integer(load_default=LIMIT_DEFAULT, validate=validate.Range(1, LIMIT_MAX))
    after = fields.String(load_default=None, validate=validate.Length(max=1_000))


class ProposeBody(Strict):
    discrepancies = fields.List(fields.UUID(), required=True, validate=validate.Length(1, AT_ONCE))
    action = fields.String(required=True, validate=validate.OneOf(tuple(Action)))
    reason = fields.String(
        required=True, validate=validate.Length(1, 2_000), metadata={"description": "kept for ever: no personal data"}
    )
    invoice = fields.String(
        load_default=None,
        validate=validate.Length(1, 100),
        metadata={"description": "for accept_late_payment and assign_receipt: its id or reference"},
    )
    entry = fields.String(
        load_default=None,
        validate=validate.Length(1, 200),
        metadata={"description": "for accept_proposal where several fit: the ledger entry by its key"},
    )


class DecideBody(Strict):
    resolutions = fields.List(fields.UUID(), required=True, validate=validate.Length(1, AT_ONCE))


def register(surface: Surface) -> None:
    """Add the routes to the application."""
    resource = surface.resource("Resolutions", "Decisions about discrepancies: one person proposes, another approves.")
    _add_proposing(surface, resource)
    _add_deciding(surface, resource)
    surface.publish(resource)


def _add_proposing(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/resolutions", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @resource.arguments(ProposeBody)
    @resource.response(201, ResolutionsSchema)
    def propose_one_or_many(body: Mapping[str, Any]) -> Any:
        """Propose one decision about one or many discrepancies, all or none.

        The answer shows its effect on the ledger. What moves no money is applied at once; else another person approves.
        """
        parameters = {name: body[name] for name in ("invoice", "entry") if body[name]}
        action = Action(body["action"])

        def proposed(tx: Transaction) -> Answer:
            made = propose(tx, runtime, surface.caller(), body["discrepancies"], action, body["reason"], parameters)
            return Answer(201, {"data": list(map(resolution_json, made))})

        return surface.once(proposed)

    @resource.route("/v1/reconciliation/resolutions")
    @requires(*READERS)
    @resource.arguments(ResolutionQuery, location="query")
    @resource.response(200, ResolutionPage)
    def list_resolutions(query: Mapping[str, Any]) -> Mapping[str, Any]:
        """List decisions, the oldest first; `?status=proposed` is what waits for approval."""
        after = _place(query["after"])
        status = ResolutionStatus(query["status"]) if query["status"] else None
        with runtime.db.read() as tx:
            found = resolutions.page(tx, surface.caller().agency_id, status, after=after, limit=query["limit"] + 1)
        page = found[: query["limit"]]
        following = encode_cursor(CURSOR, str(page[-1].id)) if len(found) > len(page) else None
        return {"data": list(map(resolution_json, page)), "next": following}


def _add_deciding(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/resolutions/approve", methods=["POST"])
    @requires(Scope.APPROVER)
    @surface.needs_key
    @resource.arguments(DecideBody)
    @resource.response(200, ResolutionsSchema)
    def approve_some(body: Mapping[str, Any]) -> Any:
        """Approve what another person proposed: it is applied in the same moment, all or none."""
        return _decided(surface, lambda tx: approve(tx, runtime, surface.caller(), body["resolutions"]))

    @resource.route("/v1/reconciliation/resolutions/reject", methods=["POST"])
    @requires(Scope.APPROVER)
    @surface.needs_key
    @resource.arguments(DecideBody)
    @resource.response(200, ResolutionsSchema)
    def reject_some(body: Mapping[str, Any]) -> Any:
        """Refuse what another person proposed; the discrepancies stay open."""
        return _decided(surface, lambda tx: reject(tx, surface.caller(), body["resolutions"]))

    @resource.route("/v1/reconciliation/resolutions/withdraw", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @resource.arguments(DecideBody)
    @resource.response(200, ResolutionsSchema)
    def withdraw_some(body: Mapping[str, Any]) -> Any:
        """Take back what was proposed and not decided."""
        return _decided(surface, lambda tx: withdraw(tx, surface.caller(), body["resolutions"]))


def _decided(surface: Surface, decide: Callable[[Transaction], Sequence[Resolution]]) -> Any:
    return surface.once(lambda tx: Answer(200, {"data": list(map(resolution_json, decide(tx)))}))


def _place(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(decode_cursor(CURSOR, cursor, str)[0])
    except ValueError:
        raise invalid_cursor() from None


def resolution_json(resolution: Resolution) -> dict[str, Any]:
    return {
        "id": str(resolution.id),
        "discrepancy": str(resolution.discrepancy_id),
        "action": resolution.action.value,
        "status": resolution.status.value,
        "reason": resolution.reason,
        "parameters": dict(resolution.parameters),
        "effect": [dict(each) for each in resolution.effect],
        "proposed_by": resolution.proposed_by,
        "decided_by": resolution.decided_by,
    }
