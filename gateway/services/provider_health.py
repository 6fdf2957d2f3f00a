"""How each provider does, for those who look after the gateway: calls, payments, circuit, and what waits for it.

Rates come from two sources, because they answer two questions: whether the provider answers (its calls), and whether
payers get through (the payments begun, by what became of them). Rates are basis points, hundredths of a per cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.circuit import Circuit, Outcome
from gateway.domain.payment import OPEN, PaymentStatus
from gateway.services.circuits import unavailable_ones
from gateway.services.runtime import Runtime
from gateway.store import circuits, monitoring, settlements
from gateway.store import provider_health as store
from gateway.store.database import Transaction

LATELY = ("15m", timedelta(minutes=15))
LAST_DAY = ("24h", timedelta(hours=24))
WINDOWS: Sequence[tuple[str, timedelta]] = (LATELY, LAST_DAY)

ONE = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class CallCounts:
    """How many calls there were and what they came to. Latencies are None if no call reached the provider."""

    outcomes: Mapping[Outcome, int]
    latency_p50_ms: int | None
    latency_p95_ms: int | None

    @property
    def calls(self) -> int:
        return sum(self.outcomes.values())

    @property
    def unknown_basis_points(self) -> int | None:
        return _share(self.outcomes.get(Outcome.UNKNOWN, 0), self.calls)

    @property
    def not_sent_basis_points(self) -> int | None:
        return _share(self.outcomes.get(Outcome.NOT_SENT, 0), self.calls)


@dataclass(frozen=True, slots=True)
class Window:
    """What happened within `name` ("15m", "24h"). `payments`: those begun in it, by status."""

    name: str
    calls: CallCounts
    operations: Mapping[str, CallCounts]
    payments: Mapping[PaymentStatus, int]

    @property
    def success_basis_points(self) -> int | None:
        """Of the payments that have an end."""
        return self._share_of_ended(PaymentStatus.SUCCEEDED)

    @property
    def decline_basis_points(self) -> int | None:
        return self._share_of_ended(PaymentStatus.DECLINED)

    def _share_of_ended(self, status: PaymentStatus) -> int | None:
        ended = sum(count for found, count in self.payments.items() if found not in OPEN)
        return _share(self.payments.get(status, 0), ended)


@dataclass(frozen=True, slots=True)
class LastError:
    at: datetime
    outcome: Outcome
    operation: str
    code: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is due to be taken up by a sweep."""

    payments: int
    refunds: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    provider: str
    circuit: Circuit
    seen_at: datetime
    windows: Sequence[Window]
    last_success_at: datetime | None
    last_error: LastError | None
    backlog: Backlog


def health_of_all(
    tx: Transaction, runtime: Runtime, windows: Sequence[tuple[str, timedelta]] = WINDOWS
) -> Sequence[Health]:
    """Every provider that is enabled here, in the order of the configuration."""
    return _health(tx, list(runtime.providers), windows)


def health_of(tx: Transaction, runtime: Runtime, name: str) -> Health:
    """Raises NotFound if no such provider is enabled here."""
    runtime.provider(name)
    return _health(tx, [name], WINDOWS)[0]


@dataclass(frozen=True, slots=True)
class Overview:
    """`is_offered`: payers can begin a payment with it now. `last_settlement` is its newest batch, if it has any."""

    health: Health
    is_offered: bool
    last_settlement: Row[Any] | None


def overview_of_all(tx: Transaction, runtime: Runtime) -> Sequence[Overview]:
    """How every provider does and what comes of it, in the order of the configuration."""
    return _overview(tx, runtime, list(runtime.providers))


def overview_of(tx: Transaction, runtime: Runtime, name: str) -> Overview:
    """Raises NotFound if no such provider is enabled here."""
    runtime.provider(name)
    return _overview(tx, runtime, [name])[0]


def _overview(tx: Transaction, runtime: Runtime, names: Sequence[str]) -> Sequence[Overview]:
    away = unavailable_ones(tx, runtime)
    settled = {row.provider: row for row in settlements.last_of_each(tx, names)}
    return [
        Overview(health, health.provider not in away, settled.get(health.provider))
        for health in _health(tx, names, WINDOWS)
    ]


def _health(tx: Transaction, names: Sequence[str], windows: Sequence[tuple[str, timedelta]]) -> Sequence[Health]:
    shut = circuits.not_closed(tx)
    happened = [_windows(tx, names, name, length) for name, length in windows]
    last = {row.provider: row for row in store.last_calls(tx, names)}
    waiting = {(row.provider, row.kind): row for row in store.backlog(tx)}
    return [
        Health(
            provider=name,
            circuit=shut.get(name, Circuit(name)),
            seen_at=tx.now,
            windows=[by_provider[name] for by_provider in happened],
            last_success_at=last[name].answered_at,
            last_error=_last_error(last[name]),
            backlog=_backlog(waiting.get((name, "payment")), waiting.get((name, "refund"))),
        )
        for name in names
    ]


def _windows(tx: Transaction, providers: Sequence[str], name: str, length: timedelta) -> Mapping[str, Window]:
    """The window called `name` of each provider."""
    counted = {(row.provider, row.operation): _counts(row) for row in store.calls_since(tx, providers, tx.now - length)}
    begun: dict[str, dict[PaymentStatus, int]] = {provider: {} for provider in providers}
    for row in monitoring.payments_by_state(tx, length):
        begun.setdefault(row.provider, {})[PaymentStatus(row.status)] = row.payments
    return {
        provider: Window(
            name=name,
            calls=counted.get((provider, None), NO_CALLS),
            operations={
                operation: counts for (whose, operation), counts in counted.items() if whose == provider and operation
            },
            payments=begun[provider],
        )
        for provider in providers
    }


def _counts(row: Row[Any]) -> CallCounts:
    outcomes = {outcome: row._mapping[outcome.value] for outcome in Outcome}
    return CallCounts(outcomes, row.latency_p50_ms, row.latency_p95_ms)


def _last_error(row: Row[Any]) -> LastError | None:
    if row.failed_at is None:
        return None
    return LastError(row.failed_at, Outcome(row.outcome), row.operation, row.code)


def _backlog(payments: Row[Any] | None, refunds: Row[Any] | None) -> Backlog:
    oldest = [row.oldest for row in (payments, refunds) if row]
    return Backlog(payments.waiting if payments else 0, refunds.waiting if refunds else 0, min(oldest, default=None))


def _share(part: int, whole: int) -> int | None:
    """In basis points; None of nothing."""
    return part * ONE // whole if whole else None


NO_CALLS = CallCounts(dict.fromkeys(Outcome, 0), None, None)
