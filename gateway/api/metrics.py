"""What Prometheus reads: requests by route and status with their time, and how the work stands. No label holds an id.

Requests are counted in the process. Where several processes serve, prometheus_client adds them up through files in the
folder that PROMETHEUS_MULTIPROC_DIR names (to be emptied before the start); without it each process tells its own
counts. The state of the work is read from the database, so that every process tells the same.
"""

import time
from collections.abc import Iterator, Sequence

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway.domain.circuit import CircuitState
from gateway.domain.errors import Unavailable
from gateway.services.monitor import WorkState, state_of_work
from gateway.services.provider_health import Health
from gateway.services.runtime import Runtime

REQUESTS = Counter("congphi_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("congphi_http_request_duration_seconds", "From the request's begin to its answer.", ["route"])

NO_ROUTE = "none"
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NANOSECONDS = 10**9


def register(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_count)


def route() -> str:
    """The template of the route, so that ids of things do not become labels or log fields."""
    return request.url_rule.rule if request.url_rule else NO_ROUTE


def elapsed_ns() -> int:
    """Since the request began."""
    begun: int = g.get("begun_ns", time.perf_counter_ns())
    return time.perf_counter_ns() - begun


def exposition(runtime: Runtime) -> Response:
    """All metrics in Prometheus' text format."""
    state = CollectorRegistry()
    state.register(_StateOfWork(runtime))
    text = generate_latest(_request_metrics()) + generate_latest(state)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _StateOfWork(Collector):
    """Read anew at each scrape; only that the database is down, if it is."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            state: WorkState | None = state_of_work(self._runtime)
        except Unavailable:
            state = None
        up = GaugeMetricFamily("congphi_database_up", "Whether the database answers.")
        up.add_metric([], int(state is not None))
        yield up
        if state is None:
            return
        payments = GaugeMetricFamily(
            "congphi_payments_last_day",
            "Payments begun within a day.",
            labels=["provider", "status"],
        )
        for (provider, status), count in state.payments.items():
            payments.add_metric([provider, status], count)
        yield payments
        oldest = GaugeMetricFamily(
            "congphi_oldest_unapplied_event_seconds", "How long the oldest notification waits to be applied."
        )
        oldest.add_metric([], state.oldest_event.total_seconds())
        yield oldest
        yield from _reconciliation(state)
        yield from _providers(state.providers)


def _reconciliation(state: WorkState) -> Iterator[GaugeMetricFamily]:
    unexplained = GaugeMetricFamily(
        "congphi_unexplained_minor", "Money in open discrepancies, without matters of timing.", labels=["currency"]
    )
    for currency, minor in state.unexplained_minor.items():
        unexplained.add_metric([currency], minor)
    oldest = GaugeMetricFamily("congphi_oldest_discrepancy_seconds", "How long the oldest discrepancy is open.")
    oldest.add_metric([], state.oldest_discrepancy.total_seconds())
    runs = GaugeMetricFamily(
        "congphi_reconciliation_runs", "Reconciliation runs by provider and status.", labels=["provider", "status"]
    )
    for (provider, status), count in state.runs.items():
        runs.add_metric([provider, status], count)
    late = GaugeMetricFamily(
        "congphi_settlement_files_late", "Open days whose settlement file is late.", labels=["provider"]
    )
    for provider, days in state.late_files.items():
        late.add_metric([provider], days)
    yield from (unexplained, oldest, runs, late)


def _providers(found: Sequence[Health]) -> Iterator[GaugeMetricFamily]:
    calls = GaugeMetricFamily(
        "congphi_provider_calls_last_15m", "Calls of a provider by outcome.", labels=["provider", "outcome"]
    )
    latency = GaugeMetricFamily(
        "congphi_provider_latency_last_15m_milliseconds", "How long calls took.", labels=["provider", "quantile"]
    )
    circuit = GaugeMetricFamily(
        "congphi_provider_circuit", "1 for the state that the circuit is in.", labels=["provider", "state"]
    )
    backlog = GaugeMetricFamily(
        "congphi_provider_backlog", "What is due and waits for a sweep.", labels=["provider", "kind"]
    )
    answered = GaugeMetricFamily(
        "congphi_provider_last_success_timestamp_seconds", "When it last answered.", labels=["provider"]
    )
    for health in found:
        name, (lately,) = health.provider, health.windows
        for outcome, count in lately.calls.outcomes.items():
            calls.add_metric([name, outcome], count)
        for quantile, taken_ms in (("0.5", lately.calls.latency_p50_ms), ("0.95", lately.calls.latency_p95_ms)):
            if taken_ms is not None:
                latency.add_metric([name, quantile], taken_ms)
        for state in CircuitState:
            circuit.add_metric([name, state], int(health.circuit.state(health.seen_at) is state))
        for kind, waiting in (("payment", health.backlog.payments), ("refund", health.backlog.refunds)):
            backlog.add_metric([name, kind], waiting)
        if health.last_success_at:
            answered.add_metric([name], int(health.last_success_at.timestamp()))
    yield from (calls, latency, circuit, backlog, answered)


def _begin() -> None:
    g.begun_ns = time.perf_counter_ns()


def _count(response: Response) -> Response:
    method = request.method if request.method in KNOWN_METHODS else "other"
    REQUESTS.labels(method, route(), response.status_code).inc()
    SECONDS.labels(route()).observe(elapsed_ns() / NANOSECONDS)
    return response


def _request_metrics() -> CollectorRegistry:
    """Of all processes, if they share a folder; else of this one."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:
        return REGISTRY
    return registry
