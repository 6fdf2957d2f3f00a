"""A provider that is gone: it is left alone, the others go on, and when it is back everything is resolved by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from gateway.domain.checkout import CheckoutStatus, ProviderUnavailable
from gateway.domain.circuit import COOL_DOWN, FAILURES, TRIAL_AT_MOST, WITHIN, CircuitState
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.services.ask_provider import check_payments, expire_sessions
from gateway.services.receive_return import receive_return
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from gateway.services.try_circuits import CALLS_KEPT, forget_calls, try_circuits
from gateway.store import checkouts, circuits
from gateway.store.embedded import DatabaseUrls
from providers.registry import SIMULATORS
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from tests.faults.outages import (
    A_MINUTE,
    NOWHERE,
    a_world_with_two_methods,
    adapter,
    circuit,
    fails,
    state,
    with_methods,
)
from tests.faults.seams import once_after, traffic
from tests.faults.service import a_service
from tests.integration.world import World


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world_with_two_methods(database_urls, tmp_path) as made:
        yield made


def test_nothing_is_sent_to_a_provider_that_did_not_answer_so_often(world: World) -> None:
    fails(world)
    assert state(world) is CircuitState.OPEN
    assert circuit(world).code == "http_500"
    session, sent = world.checkout(world.invoice()), len(traffic(world))
    with pytest.raises(ProviderUnavailable, match="Nothing was sent"):
        world.start(session, key="k-1")
    assert len(traffic(world)) == sent
    assert world.count("payments") == FAILURES
    assert world.count("idempotency_keys") == 0
    assert world.start(session, "stripe", key="k-1").status is PaymentStatus.PENDING


def test_nobody_listens_where_the_provider_was(world: World) -> None:
    with_methods(world, sandbox=adapter(world, NOWHERE))
    for _ in range(FAILURES):
        with pytest.raises(ProviderUnavailable):
            world.start(world.checkout(world.invoice()))
    assert state(world) is CircuitState.OPEN
    assert circuit(world).code == "ConnectError"
    with pytest.raises(ProviderUnavailable):
        world.start(world.checkout(world.invoice()))
    assert world.count("payments") == FAILURES


def test_one_answer_in_between_keeps_the_circuit_closed(world: World) -> None:
    fails(world, FAILURES - 1)
    world.start(world.checkout(world.invoice()))
    fails(world, FAILURES - 1)
    assert state(world) is CircuitState.CLOSED


def test_a_refusal_and_slow_down_are_answers(world: World) -> None:
    for fault in ("rejected", "rate_limited"):
        fails(world, FAILURES - 1)
        world.fault("create", fault)
        session = world.checkout(world.invoice())
        if fault == "rejected":
            assert world.start(session).status is PaymentStatus.DECLINED
        else:
            with pytest.raises(ProviderUnavailable):
                world.start(session)
    fails(world, FAILURES - 1)
    assert state(world) is CircuitState.CLOSED


def test_failures_far_apart_do_not_add_up(world: World) -> None:
    fails(world, FAILURES - 1)
    world.clock.ahead += WITHIN
    fails(world, 1)
    assert state(world) is CircuitState.CLOSED


def test_the_others_go_on_untouched(world: World) -> None:
    fails(world)
    payment = world.start(world.checkout(world.invoice()), "stripe")
    world.play(payment, "silent")
    world.clock.ahead += A_MINUTE
    assert check_payments(world.runtime) == 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert state(world, "stripe") is CircuitState.CLOSED


def test_a_sweep_asks_the_providers_in_turns(world: World) -> None:
    """So that one that hangs, and whose circuit is not open yet, does not keep the other waiting for all of its own."""
    begun = [world.start(world.checkout(world.invoice()), "sandbox") for _ in range(3)]
    begun += [world.start(world.checkout(world.invoice()), "stripe") for _ in range(2)]
    world.clock.ahead += A_MINUTE
    asked = len(traffic(world))
    assert check_payments(world.runtime) == 5
    of = {payment.provider_payment_id: payment.provider for payment in begun}
    order = [of[request["url"].rpartition("/")[2]] for request in traffic(world)[asked:]]
    assert order == ["sandbox", "stripe", "sandbox", "stripe", "sandbox"]


def test_sweeps_do_not_hammer_it_but_ask_once_a_cool_down(world: World) -> None:
    fails(world)
    world.fault("query", "error_500_before", 100)
    world.clock.ahead += timedelta(minutes=10)
    asked = len(traffic(world))
    assert check_payments(world.runtime) == 0
    for turn in range(1, 4):
        assert try_circuits(world.runtime) == 1
        assert try_circuits(world.runtime) == 0  # the circuit has to cool down first
        assert len(traffic(world)) == asked + turn
        world.clock.ahead += COOL_DOWN
    assert state(world) is CircuitState.HALF_OPEN


def test_when_it_is_back_one_question_closes_the_circuit_and_all_that_waited_is_resolved(world: World) -> None:
    fails(world, fault="error_500_after_accept")
    world.clock.ahead += timedelta(minutes=10)
    assert try_circuits(world.runtime) == 1
    assert state(world) is CircuitState.CLOSED
    check_payments(world.runtime)
    with world.runtime.db.read() as tx:
        statuses = set(tx.execute(text("SELECT DISTINCT status FROM payments")).scalars())
    assert statuses == {PaymentStatus.PENDING}
    assert world.start(world.checkout(world.invoice())).status is PaymentStatus.PENDING


def test_it_is_stopped_in_the_middle_of_the_day_and_comes_back(world: World, tmp_path: Path) -> None:
    invoice = world.invoice()
    payment = world.start(world.checkout(invoice))
    world.play(payment, "silent")
    port = urlsplit(world.simulator.url).port or 0
    world.simulator.stop()
    for _ in range(FAILURES):
        with pytest.raises(ProviderUnavailable):
            world.start(world.checkout(world.invoice()))
    world.clock.ahead += A_MINUTE
    check_payments(world.runtime)
    try_circuits(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    world.simulator = RunningSimulator(SIMULATORS["sandbox"](Options(tmp_path, world.settings)), port)
    world.clock.ahead += A_MINUTE
    try_circuits(world.runtime)
    check_payments(world.runtime)
    assert state(world) is CircuitState.CLOSED
    assert world.again(invoice).paid_minor == invoice.total_minor


def test_it_hangs_and_recovers(world: World) -> None:
    with_methods(world, sandbox=adapter(world, patient=False))
    fails(world, fault="timeout_after_accept")
    assert state(world) is CircuitState.OPEN
    assert circuit(world).code == "ReadTimeout"
    with_methods(world, sandbox=adapter(world))
    world.clock.ahead += A_MINUTE
    assert try_circuits(world.runtime) == 1
    check_payments(world.runtime)
    assert world.count("payments WHERE status = 'pending'") == FAILURES


def test_a_batch_of_a_sweep_stops_asking_as_the_circuit_opens_and_loses_nothing(world: World) -> None:
    begun = [world.start(world.checkout(world.invoice())) for _ in range(FAILURES + 3)]
    world.clock.ahead += A_MINUTE
    world.fault("query", "error_500_before", 100)
    asked = len(traffic(world))
    assert check_payments(world.runtime) == FAILURES + 3
    assert len(traffic(world)) == asked + FAILURES
    put_back = [payment for payment in begun if world.payment(payment.id).checks == 0]
    assert len(put_back) == 3
    world.simulator.bank.board.clear()
    world.clock.ahead += COOL_DOWN
    try_circuits(world.runtime)
    assert check_payments(world.runtime) >= 2  # at once, not after another wait


def test_a_half_open_circuit_lets_exactly_one_payment_through(world: World) -> None:
    fails(world)
    world.clock.ahead += COOL_DOWN
    sessions = [world.checkout(world.invoice()) for _ in range(3)]
    world.fault("create", "error_500_before")
    trials = []

    class Meanwhile(type(world.runtime.providers["sandbox"])):  # type: ignore[misc]
        def create_payment(self, command: object) -> object:
            trials.append(command)
            if len(trials) == 1:
                for session in sessions[1:]:
                    with pytest.raises(ProviderUnavailable):
                        world.start(session)
            return super().create_payment(command)

    provider = world.runtime.providers["sandbox"]
    provider.__class__ = Meanwhile
    assert world.start(sessions[0]).status is PaymentStatus.UNKNOWN
    assert len(trials) == 1
    assert state(world) is CircuitState.OPEN  # for another cool-down
    world.clock.ahead += COOL_DOWN
    assert world.start(sessions[1]).status is PaymentStatus.PENDING
    assert state(world) is CircuitState.CLOSED
    assert world.start(sessions[2]).status is PaymentStatus.PENDING


def test_a_circuit_that_closes_as_a_payment_is_begun_lets_it_through(world: World) -> None:
    fails(world)
    world.clock.ahead += COOL_DOWN
    session = world.checkout(world.invoice())
    with once_after("gateway.services.start_payment.circuit_of", lambda: try_circuits(world.runtime)):
        assert world.start(session).status is PaymentStatus.PENDING


def test_of_many_who_want_to_make_the_trial_one_does(world: World) -> None:
    fails(world)
    world.clock.ahead += COOL_DOWN

    def claim(_: int) -> bool:
        with world.runtime.db.transaction() as tx:
            return circuits.claim_trial(tx, "sandbox")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(claim, range(24))).count(True) == 1
    assert not circuit(world).admits(world.clock())
    world.clock.ahead += TRIAL_AT_MOST  # who claimed it has died
    assert claim(0)


def test_a_straggler_that_fails_late_does_not_make_room_for_a_second_trial(world: World) -> None:
    fails(world)
    world.clock.ahead += COOL_DOWN
    sessions = [world.checkout(world.invoice()) for _ in range(2)]
    with world.runtime.db.transaction() as tx:
        assert circuits.claim_trial(tx, "sandbox")
    with world.runtime.db.transaction() as tx:
        tx.execute(text("SELECT record_calls(CAST(:calls AS jsonb), 5, '5 min', '30 s')"), {"calls": late(world)})
    world.clock.ahead += COOL_DOWN - timedelta(seconds=1)
    with pytest.raises(ProviderUnavailable):
        world.start(sessions[0])


def late(world: World) -> str:
    at = (world.clock() - timedelta(seconds=20)).isoformat()
    return (
        '[{"provider": "sandbox", "operation": "create", "outcome": "unknown", "code": "x", "latency_ms": 1,'
        f' "at": "{at}", "answered": false, "is_trial": false}}]'
    )


def test_refunds_wait_and_are_sent_when_it_is_back(world: World) -> None:
    _, payment = world.paid()
    with world.runtime.db.transaction() as tx:
        refund = request_refund(tx, world.runtime, world.finance, payment.id, 50_000, "the application was refused")
    fails(world)
    with world.runtime.db.transaction() as tx:
        approve_refund(tx, world.approver, refund.id)
    sent = len(traffic(world))
    assert send_refunds(world.runtime) == 0
    assert len(traffic(world)) == sent
    assert world.refund(refund.id).status is RefundStatus.APPROVED
    world.clock.ahead += A_MINUTE
    try_circuits(world.runtime)
    assert send_refunds(world.runtime) == 1
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED


def test_a_session_is_not_closed_over_a_payment_that_cannot_be_asked_about(world: World) -> None:
    session = world.checkout(world.invoice())
    payment = world.start(session)
    world.play(payment, "silent")
    fails(world)
    world.clock.ahead += timedelta(days=2)
    world.fault("query", "error_500_before", 100)
    for _ in range(FAILURES):
        try_circuits(world.runtime)
        world.clock.ahead += COOL_DOWN
    sent = len(traffic(world))
    expire_sessions(world.runtime)
    assert len(traffic(world)) == sent
    with world.runtime.db.read() as tx:
        found = checkouts.find(tx, session.id)
    assert found is not None
    assert found.status is CheckoutStatus.OPEN
    world.simulator.bank.board.clear()
    world.clock.ahead += timedelta(minutes=6)
    try_circuits(world.runtime)
    expire_sessions(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED


def test_an_officer_is_told_of_what_stays_open_however_long_the_provider_is_away(world: World) -> None:
    _, paid = world.paid()
    with world.runtime.db.transaction() as tx:
        refund = request_refund(tx, world.runtime, world.finance, paid.id, 50_000, "the application was refused")
        approve_refund(tx, world.approver, refund.id)
    world.fault("refund", "error_500_after_accept")
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.UNKNOWN
    fails(world, FAILURES - 1)
    assert state(world) is CircuitState.OPEN
    world.clock.ahead += timedelta(hours=49)
    sent = len(traffic(world))
    assert check_payments(world.runtime) == FAILURES - 1
    assert send_refunds(world.runtime) == 1
    assert (check_payments(world.runtime), send_refunds(world.runtime)) == (0, 0)
    assert len(traffic(world)) == sent
    assert sum(found.payment_id is not None for found in world.discrepancies()) == FAILURES
    world.clock.ahead += timedelta(hours=1, seconds=1)
    try_circuits(world.runtime)
    check_payments(world.runtime)
    send_refunds(world.runtime)
    assert world.count("payments WHERE status = 'unknown'") == 0
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED


def test_a_payer_who_comes_back_does_not_wait_for_it(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    fails(world)
    sent = len(traffic(world))
    assert receive_return(world.runtime, "sandbox", payment.id, may_ask=True).startswith("https://portal.example/back")
    assert len(traffic(world)) == sent


def test_old_calls_are_forgotten(world: World) -> None:
    world.start(world.checkout(world.invoice()))
    assert forget_calls(world.runtime) == 0
    world.clock.ahead += CALLS_KEPT + A_MINUTE
    assert forget_calls(world.runtime) == 1
    assert world.count("provider_calls") == 0


def test_processes_share_the_circuit(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with a_service(database_urls, tmp_path) as service:
        invoice = service.world.invoice()
        asked = {"invoices": [invoice.reference], "return_url": "https://portal.example/back"}
        session = service.post("/v1/checkout-sessions", asked).json()
        path = f"/v1/checkout-sessions/{session['id']}/payments"
        assert [method["available"] for method in session["method_details"]] == [True]
        with_methods(service.world, sandbox=adapter(service.world))
        fails(service.world)  # in this process
        sent = len(traffic(service.world))
        refused = service.post(path, {"provider": "sandbox"})  # in one of gunicorn's
        assert (refused.status_code, refused.json()["code"]) == (503, "provider_unavailable")
        assert len(traffic(service.world)) == sent
        shown = service.get(f"/v1/checkout-sessions/{session['id']}")
        assert [method["available"] for method in shown["method_details"]] == [False]
        with service.world.runtime.db.transaction() as tx:
            tx.execute(text("UPDATE provider_circuits SET retry_at = opened_at"))  # it has cooled down
        assert service.post(path, {"provider": "sandbox"}).status_code == 201
        assert state(service.world) is CircuitState.CLOSED
