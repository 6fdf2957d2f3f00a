"""Signing a run over HTTP, and what was signed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from gateway.services.access import requires
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.surface import Routes, Surface
from reconciliation.callers import check_acts_for_all
from reconciliation.reports.formats import KEPT
from reconciliation.reports.run import run_json
from reconciliation.schemas import Strict
from reconciliation.sign_off import nothing_at_work, sign_off

ACKNOWLEDGED_MAX = 10_000


class Acknowledgement(Strict):
    discrepancy = fields.UUID(required=True)
    reason = fields.String(required=True, validate=validate.Length(3, 500))


class SignOffRequest(Strict):
    note = fields.String(load_default="", validate=validate.Length(max=2_000))
    acknowledged = fields.List(
        fields.Nested(Acknowledgement),
        load_default=list,
        validate=validate.Length(max=ACKNOWLEDGED_MAX),
        metadata={"description": "Each discrepancy that is open, with the reason why the day is signed all the same."},
    )


class SignedSchema(Schema):
    id = fields.String(required=True)
    status = fields.String(required=True)
    provider = fields.String(required=True)
    business_date = fields.String(required=True)
    correction = fields.Integer(required=True)
    sign_off = fields.Raw(required=True, metadata={"type": "object"})
    report_sha256 = fields.String(required=True)


def add(surface: Surface, resource: Routes) -> None:
    runtime = surface.runtime

    @resource.route("/v1/reconciliation/runs/<uuid:run_id>/sign-off", methods=["POST"])
    @requires(Scope.APPROVER)
    @surface.needs_key
    @resource.arguments(SignOffRequest)
    @resource.response(200, SignedSchema)
    def sign(body: Mapping[str, Any], run_id: UUID) -> Any:
        """Sign a run, so that the day is closed.

        Who asked for the run may not sign it. What is open needs a reason each. The reports are kept as they are now,
        and later downloads are these bytes; `report_sha256` is the digest of the JSON report. Afterwards only a
        correction, which is a run of its own, changes what the day came to.
        """
        check_acts_for_all(surface.caller())
        reasons = {given["discrepancy"]: given["reason"] for given in body["acknowledged"]}

        def signed(tx: Any) -> Answer:
            sign_off(tx, run_id, surface.caller().actor, body["note"], reasons, KEPT)
            run = run_json(tx, run_id)
            return Answer(200, {name: run[name] for name in SignedSchema().fields})

        with nothing_at_work(runtime, run_id):
            return surface.once(signed)
