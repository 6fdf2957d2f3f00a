"""Where a test takes hold of a service: at the calls between its transactions, never in place of its logic."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any

import httpx
import pytest

from gateway.domain.payment import Payment
from tests.integration.world import World


class Killed(BaseException):
    """The process is gone; as with a real kill, nothing that handles exceptions may take notice of it."""


@contextmanager
def killed(at: str, *, after: bool = False) -> Iterator[None]:
    """Within the block, the process dies as the function `at` is called, or once it has returned."""
    real = _function(at)

    def dying(*args: Any, **named: Any) -> Any:
        if after:
            real(*args, **named)
        raise Killed

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(at, dying)
        yield


@contextmanager
def once_after(at: str, then: Callable[[], object]) -> Iterator[None]:
    """Within the block, the first call of the function `at` is followed by a call of `then`."""
    real, waiting = _function(at), [then]

    def followed(*args: Any, **named: Any) -> Any:
        result = real(*args, **named)
        if waiting:
            waiting.pop()()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at, followed)
        yield


def with_two_methods(world: World) -> World:
    """The world with the sandbox under a second name, so that a payer can turn to another method."""
    world.runtime = replace(
        world.runtime, providers={**world.runtime.providers, "stripe": world.runtime.providers["sandbox"]}
    )
    return world


def truth(world: World, payment: Payment) -> dict[str, Any]:
    """What the provider holds of a payment; nothing if it never heard of it."""
    held = httpx.get(f"{world.simulator.url}/_sim/truth", timeout=10).json()["payments"]
    return next((found for found in held if found["payment_id"] == str(payment.id)), {})


def control(world: World, path: str, **body: object) -> dict[str, Any]:
    """Use the simulator's own controls."""
    answer = httpx.post(f"{world.simulator.url}/_sim/{path}", json=body, timeout=10)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def traffic(world: World) -> list[dict[str, Any]]:
    """Every request that the provider received."""
    seen: list[dict[str, Any]] = httpx.get(f"{world.simulator.url}/_sim/traffic", timeout=10).json()["data"]
    return seen


def _function(at: str) -> Callable[..., Any]:
    found: Callable[..., Any] = resolve_name(at)
    return found
