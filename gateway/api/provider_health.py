"""How the providers do: for finance, who waits for money, and for those who run the gateway."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import runtime
from gateway.api.fields import Instant, choice
from gateway.api.resource import Resource
from gateway.domain.circuit import CircuitState, Operation, Outcome
from gateway.domain.payment import PaymentStatus
from gateway.services.access import requires
from gateway.services.keys import Scope
from gateway.services.provider_health import WINDOWS, CallCounts, Health, Window, health_of, health_of_all

resource = Resource("Providers", "How the providers do, and which of them answer.")


def _counts(of: str) -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": of})


def _share(of: str) -> fields.Integer:
    described = f"{of}, in basis points (10000 is all); null if there were none"
    return fields.Integer(required=True, allow_none=True, metadata={"description": described})


class CallsSchema(Schema):
    calls = fields.Integer(required=True)
    outcomes = _counts(f"calls by what they came to: {', '.join(Outcome)}")
    unknown_basis_points = _share("calls that were sent and not answered")
    not_sent_basis_points = _share("calls that never reached the provider")
    latency_p50_ms = fields.Integer(required=True, allow_none=True)
    latency_p95_ms = fields.Integer(required=True, allow_none=True)


class OperationSchema(CallsSchema):
    operation = choice(Operation, required=True)


class WindowSchema(CallsSchema):
    window = choice([name for name, _ in WINDOWS], required=True)
    payments = _counts(f"payments begun in this time, by status: {', '.join(PaymentStatus)}")
    success_basis_points = _share("payments that succeeded, of those that have an end")
    decline_basis_points = _share("payments that were declined, of those that have an end")


class DetailedWindowSchema(WindowSchema):
    operations = fields.List(fields.Nested(OperationSchema), required=True)


class CircuitSchema(Schema):
    state = choice(
        CircuitState,
        required=True,
        metadata={
            "description": "closed: payments are begun. open: the provider does not answer, nothing is sent. half_open:"
            " one trial at a time finds out whether it answers again"
        },
    )
    opened_at = Instant(required=True, allow_none=True)
    retry_at = Instant(required=True, allow_none=True, metadata={"description": "when the next trial is due"})
    code = fields.String(required=True, metadata={"description": "what the last call before it opened came to"})


class LastErrorSchema(Schema):
    at = Instant(required=True)
    outcome = choice(Outcome, required=True)
    operation = choice(Operation, required=True)
    code = fields.String(required=True)


class BacklogSchema(Schema):
    payments = fields.Integer(required=True, metadata={"description": "due to be asked about"})
    refunds = fields.Integer(required=True, metadata={"description": "due to be sent or asked about"})
    oldest_due_at = Instant(required=True, allow_none=True)


class HealthSchema(Schema):
    provider = fields.String(required=True)
    circuit = fields.Nested(CircuitSchema, required=True)
    last_success_at = Instant(required=True, allow_none=True, metadata={"description": "when it last answered a call"})
    last_error = fields.Nested(LastErrorSchema, required=True, allow_none=True)
    backlog = fields.Nested(BacklogSchema, required=True)
    windows = fields.List(fields.Nested(WindowSchema), required=True)


class DetailedHealthSchema(HealthSchema):
    windows = fields.List(fields.Nested(DetailedWindowSchema), required=True)


class HealthOfAllSchema(Schema):
    data = fields.List(fields.Nested(HealthSchema), required=True)
    next = fields.String(required=True, allow_none=True)


@resource.route("/v1/providers/health")
@requires(Scope.FINANCE, Scope.ADMIN)
@resource.response(200, HealthOfAllSchema)
def show_all() -> Mapping[str, Any]:
    """Show how each provider does.

    Its calls and the payments begun with it in the last 15 minutes and 24 hours, whether its circuit is closed, and
    what waits for it.
    """
    with runtime().db.read() as tx:
        found = health_of_all(tx, runtime())
    return {"data": [_health(health) for health in found], "next": None}


@resource.route("/v1/providers/<provider>/health")
@requires(Scope.FINANCE, Scope.ADMIN)
@resource.response(200, DetailedHealthSchema)
def show(provider: str) -> Mapping[str, Any]:
    """Show how one provider does, operation by operation."""
    with runtime().db.read() as tx:
        return _health(health_of(tx, runtime(), provider))


def _health(health: Health) -> Mapping[str, Any]:
    circuit = health.circuit
    return {
        "provider": health.provider,
        "circuit": {
            "state": circuit.state(health.seen_at),
            "opened_at": circuit.opened_at,
            "retry_at": circuit.retry_at,
            "code": circuit.code,
        },
        "last_success_at": health.last_success_at,
        "last_error": health.last_error,
        "backlog": health.backlog,
        "windows": [_window(window) for window in health.windows],
    }


def _window(window: Window) -> Mapping[str, Any]:
    return {
        "window": window.name,
        **_calls(window.calls),
        "payments": {status: window.payments.get(status, 0) for status in PaymentStatus},
        "success_basis_points": window.success_basis_points,
        "decline_basis_points": window.decline_basis_points,
        "operations": [{"operation": name, **_calls(counts)} for name, counts in window.operations.items()],
    }


def _calls(counts: CallCounts) -> Mapping[str, Any]:
    names = ("calls", "outcomes", "unknown_basis_points", "not_sent_basis_points", "latency_p50_ms", "latency_p95_ms")
    return {name: getattr(counts, name) for name in names}
