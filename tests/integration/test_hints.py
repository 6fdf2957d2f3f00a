"""A notification that only hints: its word is believed nothing, and the provider is asked at once.

The sandbox signs all it says; so hints are put into its mouth here, and its honest answers decide.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.domain.circuit import COOL_DOWN, FAILURES
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.ports.provider import Observation, PaymentHint, RawRequest, Verified
from gateway.services.ask_provider import check_payments
from gateway.services.receive_event import apply_waiting_events, receive_event
from gateway.services.try_circuits import try_circuits
from gateway.store import inbox, payments
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import World, a_world

OVER = timedelta(hours=2)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """One whose sandbox hints: the body of a notification is its id, and our payment's."""
    with a_world(database_urls, tmp_path) as made:
        provider = made.runtime.provider("sandbox")

        def verify(request: RawRequest, now: object) -> Verified:
            event_id, _, payment_id = request.body.decode().partition(":")
            return Verified(event_id, "hint", {"payment": payment_id})

        def parse(verified: Verified) -> Sequence[Observation]:
            return [PaymentHint(provider_payment_id=verified.payload["payment"], code="paid")]

        monkeypatch.setattr(provider, "verify", verify)
        monkeypatch.setattr(provider, "parse", parse)
        yield made


def hint(world: World, provider_payment_id: str | None, event_id: str = "e-1") -> int:
    body = f"{event_id}:{provider_payment_id}".encode()
    return receive_event(world.runtime, "sandbox", RawRequest("POST", "", {}, body)).status


def begun(world: World) -> Payment:
    return world.start(world.checkout(world.invoice()))


def questions(world: World) -> int:
    asked: list[dict[str, Any]] = httpx.get(f"{world.simulator.url}/_sim/traffic", timeout=10).json()["data"]
    return sum(request["method"] == "GET" and "/v1/payments" in request["url"] for request in asked)


def story(world: World, payment: Payment) -> list[tuple[str, str, bool]]:
    with world.runtime.db.read() as tx:
        return [(event.source, event.reported, event.changed) for event in payments.events_of(tx, payment.id)]


def test_a_hint_is_confirmed_by_the_providers_own_answer(world: World) -> None:
    invoice = world.invoice()
    payment = world.start(world.checkout(invoice))
    world.play(payment, "succeed")
    assert hint(world, payment.provider_payment_id) == 200
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert story(world, payment)[1:] == [("webhook", "hint", False), ("webhook", "succeeded", True)]
    assert world.discrepancies() == []


def test_a_hint_that_says_paid_pays_nothing(world: World) -> None:
    payment = begun(world)
    for number in range(3):
        assert hint(world, payment.provider_payment_id, f"e-{number}") == 200
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    assert "in_transit:sandbox" not in world.balances()


def test_the_provider_is_asked_outside_of_any_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = begun(world)
    provider: Any = world.runtime.provider("sandbox")
    honest, seen = provider.query_payment, []

    def ask(ref: object) -> object:
        with world.runtime.db.transaction() as tx:  # it is applied already, and nobody holds the payment's lock
            event = inbox.find(tx, "sandbox", "e-1")
            payments.change(tx, payment.id, code="")
        seen.append(event.applied_at)
        return honest(ref)

    monkeypatch.setattr(provider, "query_payment", ask)
    hint(world, payment.provider_payment_id)
    assert len(seen) == 1
    assert seen[0] is not None


def test_a_question_that_was_not_answered_is_asked_again_by_the_sweep(world: World) -> None:
    payment = begun(world)
    world.play(payment, "succeed")
    world.fault("query", "error_500_before")
    assert hint(world, payment.provider_payment_id) == 200
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    world.clock.ahead += timedelta(minutes=1, seconds=1)
    assert check_payments(world.runtime) == 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED


def test_a_provider_that_has_stopped_to_answer_is_asked_once_it_does_again(world: World) -> None:
    payment = begun(world)
    world.play(payment, "succeed")
    world.fault("create", "error_500_before", FAILURES)
    for _ in range(FAILURES):
        assert begun(world).status is PaymentStatus.UNKNOWN
    before = questions(world)
    assert hint(world, payment.provider_payment_id) == 200
    assert questions(world) == before
    world.clock.ahead += COOL_DOWN
    try_circuits(world.runtime)
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED


def test_a_process_that_dies_before_it_asks_leaves_the_payment_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = begun(world)
    world.play(payment, "succeed")
    with monkeypatch.context() as patch:
        patch.setattr("gateway.services.receive_event.ask_about_hint", lambda *_: None)
        hint(world, payment.provider_payment_id)
    assert check_payments(world.runtime) == 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED


def test_money_for_a_payment_that_was_given_up_is_found_by_a_hint(world: World) -> None:
    payment = begun(world)
    world.clock.ahead += OVER
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.CANCELLED
    world.play(payment, "late")
    hint(world, payment.provider_payment_id)
    paid = world.payment(payment.id)
    assert (paid.status, paid.credited_minor) == (PaymentStatus.SUCCEEDED, paid.amount_minor)


def test_about_a_payment_that_was_given_up_the_sweep_asks_until_there_is_an_answer(world: World) -> None:
    payment = begun(world)
    world.clock.ahead += OVER
    check_payments(world.runtime)
    world.fault("query", "error_500_before", times=2)
    hint(world, payment.provider_payment_id)
    for asked in (1, 1, 0, 0):  # unanswered, answered: that it is cancelled as we know; then no more
        world.clock.ahead += HOUR
        assert check_payments(world.runtime) == asked
    assert world.payment(payment.id).status is PaymentStatus.CANCELLED


def test_repeated_hints_and_hints_about_what_succeeded_ask_nobody(world: World) -> None:
    payment = begun(world)
    world.play(payment, "succeed")
    hint(world, payment.provider_payment_id)
    before = questions(world)
    hint(world, payment.provider_payment_id)
    hint(world, payment.provider_payment_id, "e-2")
    assert questions(world) == before
    assert world.count("provider_events") == 2
    assert len(story(world, payment)) == 3


def test_a_hint_about_nothing_here_is_given_up_and_worries_nobody(world: World) -> None:
    assert hint(world, str(uuid4())) == 200
    for _ in range(5):
        world.clock.ahead += OVER
        apply_waiting_events(world.runtime)
    with world.runtime.db.read() as tx:
        assert inbox.oldest_unapplied(tx) is None
    assert world.discrepancies() == []


def test_a_hint_that_comes_again_is_asked_about_once_more_by_the_sweep(world: World) -> None:
    payment = begun(world)
    hint(world, payment.provider_payment_id)
    world.play(payment, "succeed")
    before = questions(world)
    for _ in range(3):
        assert hint(world, payment.provider_payment_id) == 200
    assert questions(world) == before
    assert check_payments(world.runtime) == 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
