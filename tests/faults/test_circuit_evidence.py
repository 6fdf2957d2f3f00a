"""What counts as evidence that a provider is there or is not: only what it was asked, and whether it answered."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.checkout import ProviderUnavailable
from gateway.domain.circuit import COOL_DOWN, FAILURES, CircuitState
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import OutcomeUnknown
from gateway.services.ask_provider import check_payment
from gateway.store.embedded import DatabaseUrls
from tests.faults.outages import a_world_with_two_methods, fails, state
from tests.faults.seams import traffic
from tests.integration.world import World


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world_with_two_methods(database_urls, tmp_path) as made:
        yield made


def can(world: World, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    provider = world.runtime.provider("sandbox")
    monkeypatch.setattr(provider, "capabilities", replace(provider.capabilities, **changed))


@pytest.mark.parametrize("answered", [True, False])
def test_an_answer_that_settles_nothing_is_an_answer_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    payment = world.start(world.checkout(world.invoice()))

    def says_nothing(_: object) -> None:
        raise OutcomeUnknown("it tells of another refund", code="another", answered=answered)

    monkeypatch.setattr(world.runtime.provider("sandbox"), "query_payment", says_nothing)
    for _ in range(FAILURES):
        check_payment(world.runtime, payment, "poll")
    assert state(world) is (CircuitState.CLOSED if answered else CircuitState.OPEN)


def test_a_link_that_is_made_without_the_provider_neither_closes_its_circuit_nor_keeps_it_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(world, FAILURES - 1)
    can(world, monkeypatch, opened_by_payer=True)
    world.start(world.checkout(world.invoice()))
    can(world, monkeypatch, opened_by_payer=False)
    fails(world, 1)
    assert state(world) is CircuitState.OPEN

    can(world, monkeypatch, opened_by_payer=True)
    world.clock.ahead += COOL_DOWN
    with pytest.raises(ProviderUnavailable):
        world.start(world.checkout(world.invoice()))
    assert state(world) is not CircuitState.CLOSED


def test_a_transfer_needs_no_answer_of_the_bank(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(world)
    can(world, monkeypatch, lands_in_bank=True)
    before = len(traffic(world))
    assert world.start(world.checkout(world.invoice())).status is PaymentStatus.PENDING
    assert len(traffic(world)) == before + 1  # the sandbox has no other way; what a bank's adapter does is its own
    assert state(world) is CircuitState.OPEN
