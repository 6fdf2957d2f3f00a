"""Providers that do not answer, in a world with a second method that does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gateway.domain.circuit import FAILURES, Circuit, CircuitState
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import PaymentProvider
from gateway.services.circuits import circuit_of
from gateway.store.embedded import DatabaseUrls
from providers.registry import build
from tests.integration.world import World, a_world
from tests.providers.rig import IMPATIENT, PATIENT

A_MINUTE = timedelta(minutes=1, seconds=1)
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def a_world_with_two_methods(urls: DatabaseUrls, folder: Path) -> Iterator[World]:
    """The second one, under the name of stripe, is well whatever happens to the first."""
    with a_world(urls, folder) as made:
        with_methods(made, sandbox=adapter(made), stripe=adapter(made))
        yield made


def adapter(world: World, url: str | None = None, *, patient: bool = True) -> PaymentProvider:
    settings = {**world.settings, "GATEWAY_SANDBOX_BASE_URL": url or world.simulator.url}
    return build("sandbox", settings, PATIENT if patient else IMPATIENT)


def with_methods(world: World, **providers: PaymentProvider) -> None:
    world.runtime = replace(world.runtime, providers={**world.runtime.providers, **providers})


def circuit(world: World, provider: str = "sandbox") -> Circuit:
    with world.runtime.db.read() as tx:
        return circuit_of(tx, provider)


def state(world: World, provider: str = "sandbox") -> CircuitState:
    return circuit(world, provider).state(world.clock())


def fails(world: World, times: int = FAILURES, fault: str = "error_500_before") -> None:
    """Payments that the provider does not answer for."""
    world.fault("create", fault, times)
    for _ in range(times):
        assert world.start(world.checkout(world.invoice())).status is PaymentStatus.UNKNOWN
