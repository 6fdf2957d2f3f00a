"""How the providers do, as finance and the operators see it, and as Prometheus reads it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.checkout import ProviderUnavailable
from gateway.domain.circuit import FAILURES, Outcome
from gateway.services.ask_provider import check_payments
from gateway.services.try_circuits import try_circuits
from providers.registry import build
from tests.integration.api import Api, problem
from tests.integration.world import World
from tests.providers.rig import PATIENT


@pytest.fixture
def world(api: Api) -> World:
    """Without memory of the test before, and with nothing waiting."""
    world = api.world
    world.clock.ahead = timedelta()
    world.simulator.bank.board.clear()
    settings = {**world.settings, "GATEWAY_SANDBOX_BASE_URL": world.simulator.url}
    world.runtime.providers["sandbox"] = build("sandbox", settings, PATIENT)  # type: ignore[index]
    with world.runtime.db.transaction() as tx:
        tx.execute(text("DELETE FROM provider_calls"))
        tx.execute(text("UPDATE provider_circuits SET opened_at = NULL, retry_at = NULL, trial_until = NULL"))
        tx.execute(text("UPDATE payments SET next_check_at = NULL"))
    return world


def health(api: Api) -> dict[str, Any]:
    answer = api.get("/v1/providers/sandbox/health", "finance")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


def window(api: Api, name: str = "15m") -> dict[str, Any]:
    return next(window for window in health(api)["windows"] if window["window"] == name)


def started(world: World, outcome: str | None = None) -> None:
    payment = world.start(world.checkout(world.invoice()))
    if outcome:
        world.play(payment, outcome)


def test_only_finance_and_administrators_see_it(api: Api) -> None:
    for path in ("/v1/providers/health", "/v1/providers/sandbox/health"):
        assert api.get(path, "finance").status_code == api.get(path, "admin").status_code == 200
        for scope in ("portal", "approver"):
            problem(api.get(path, scope), 403, "scope_missing")
        problem(api.get(path, None), 401, "unauthorized")


def test_a_provider_that_is_not_here_is_not_found(api: Api) -> None:
    problem(api.get("/v1/providers/barter/health", "admin"), 404, "not_found")


def test_a_provider_that_was_never_called_has_no_rates(api: Api, world: World) -> None:
    shown = window(api)
    assert shown["calls"] == 0
    assert shown["outcomes"] == dict.fromkeys(Outcome, 0)
    assert shown["unknown_basis_points"] is shown["latency_p50_ms"] is shown["latency_p95_ms"] is None
    assert health(api)["circuit"] == {"state": "closed", "opened_at": None, "retry_at": None, "code": ""}


def test_every_call_is_counted_by_what_it_came_to(api: Api, world: World) -> None:
    started(world)
    world.fault("create", "rejected")
    started(world)
    world.fault("create", "error_500_before")
    started(world)
    world.fault("create", "rate_limited")
    with pytest.raises(ProviderUnavailable):
        started(world)
    shown = window(api)
    counted = {"ok": 1, "declined": 1, "unknown": 1, "rate_limited": 1, "not_sent": 0, "unsupported": 0}
    assert (shown["calls"], shown["outcomes"]) == (4, counted)
    assert (shown["unknown_basis_points"], shown["not_sent_basis_points"]) == (2_500, 0)
    assert shown["operations"] == [shown["operations"][0] | {"operation": "create", "calls": 4, "outcomes": counted}]
    assert 0 <= shown["latency_p50_ms"] <= shown["latency_p95_ms"]
    assert window(api, "24h")["outcomes"] == counted
    last = health(api)["last_error"]
    assert (last["outcome"], last["operation"], last["code"]) == ("unknown", "create", "http_500")
    assert health(api)["last_success_at"] < last["at"]


def test_payments_tell_whether_payers_get_through(api: Api, world: World) -> None:
    before = window(api)["payments"]
    for outcome in ("succeed", "succeed", "decline"):
        started(world, outcome)
    world.clock.ahead += timedelta(minutes=2)
    check_payments(world.runtime)
    shown = window(api)
    assert shown["payments"]["succeeded"] - before["succeeded"] == 2
    assert shown["payments"]["declined"] - before["declined"] == 1
    ended = sum(shown["payments"][status] for status in ("succeeded", "declined", "cancelled", "expired"))
    assert shown["success_basis_points"] == shown["payments"]["succeeded"] * 10_000 // ended
    assert shown["decline_basis_points"] == shown["payments"]["declined"] * 10_000 // ended
    assert {operation["operation"] for operation in shown["operations"]} == {"create", "query"}


def test_what_was_long_ago_counts_no_more(api: Api, world: World) -> None:
    started(world)
    world.clock.ahead += timedelta(minutes=16)
    assert window(api)["calls"] == 0
    assert window(api, "24h")["calls"] == 1
    world.clock.ahead += timedelta(hours=24)
    assert window(api, "24h")["calls"] == 0


def test_an_open_circuit_and_what_waits_for_it_are_shown_everywhere(api: Api, world: World) -> None:
    session = world.checkout(world.invoice())
    world.fault("create", "error_500_before", FAILURES)
    for _ in range(FAILURES):
        started(world)
    shown = health(api)
    assert (shown["circuit"]["state"], shown["circuit"]["code"]) == ("open", "http_500")
    assert shown["circuit"]["opened_at"] < shown["circuit"]["retry_at"]
    world.clock.ahead += timedelta(minutes=2)
    assert check_payments(world.runtime) == 0
    shown = health(api)
    assert shown["circuit"]["state"] == "half_open"
    assert shown["backlog"]["payments"] == FAILURES
    assert shown["backlog"]["oldest_due_at"] is not None
    metrics = api.get("/metrics", None).text
    assert 'congphi_provider_circuit{provider="sandbox",state="half_open"} 1.0' in metrics
    assert 'congphi_provider_circuit{provider="sandbox",state="closed"} 0.0' in metrics
    assert f'congphi_provider_backlog{{kind="payment",provider="sandbox"}} {FAILURES}.0' in metrics
    assert f'congphi_provider_calls_last_15m{{outcome="unknown",provider="sandbox"}} {FAILURES}.0' in metrics
    world.clock.ahead -= timedelta(minutes=2)
    assert available(api, f"/v1/checkout-sessions/{session.id}") == {"sandbox": False}
    world.clock.ahead += timedelta(minutes=2)
    try_circuits(world.runtime)
    assert health(api)["circuit"]["state"] == "closed"
    assert available(api, f"/v1/checkout-sessions/{session.id}") == {"sandbox": True}
    assert "congphi_provider_last_success_timestamp_seconds" in api.get("/metrics", None).text


def available(api: Api, path: str) -> dict[str, bool]:
    return {method["provider"]: method["available"] for method in api.get(path).json["method_details"]}


def test_agencies_tell_their_methods_with_the_limits_that_hold(api: Api, world: World) -> None:
    (shown,) = [agency for agency in api.get("/v1/agencies").json["data"] if agency["code"] == "vn-moj"]
    assert shown["methods"] == ["sandbox"]
    (method,) = shown["method_details"]
    limits = {"minimum_minor": 1_000, "maximum_minor": 10**12, "available": True}
    assert method == {"provider": "sandbox", "flow": "redirect", "titles": method["titles"], **limits}
    assert method["titles"]["en"] == "Test payment"


def test_no_call_leaves_a_person_in_its_record(api: Api, world: World) -> None:
    started(world, "succeed")
    with world.runtime.db.read() as tx:
        kept = " ".join(tx.execute(text("SELECT c::text FROM provider_calls AS c")).scalars())
    assert "sandbox" in kept
    assert "Thử" not in kept
    assert "001199000001" not in kept
