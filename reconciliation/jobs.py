"""The nightly runs: one task a provider and business date, enqueued by a schedule or by an officer.

A day is due once it is over where the provider cuts its day and it is past RUN_FROM where the agencies are. Days that
were missed because no worker ran are caught up with, from the last run on.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import procrastinate
import structlog
from procrastinate import SyncPsycopgConnector

from gateway.domain.agency import business_date
from gateway.domain.errors import GatewayError
from gateway.ports.provider import SettlementSource
from gateway.services.runtime import Runtime
from gateway.store import catalogue, reconciliation
from gateway.store.database import Transaction
from reconciliation.runs import run_reconciliation

log = structlog.get_logger()

TASK = "reconcile"
RUN_FROM = time(2)  # by then banks and providers have closed their day
CAUGHT_UP = timedelta(days=14)


class Queue:
    """Enqueues runs in the transaction of who asks for them, so that a job exists if and only if its cause does."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=SyncPsycopgConnector())

    def add(self, tx: Transaction, provider: str, day: date, requested_by: str) -> None:
        connection: Any = tx.connection.connection.driver_connection
        self._app.configure_task(TASK, connection=connection).defer(
            provider=provider, business_date=day.isoformat(), requested_by=requested_by
        )


def register(app: procrastinate.App, runtime: Runtime) -> None:
    """Add the task and its schedule to the worker's app."""
    queue = Queue()

    def reconcile(provider: str, business_date: str, requested_by: str) -> None:
        try:
            run = run_reconciliation(runtime, provider, date.fromisoformat(business_date), requested_by)
        except GatewayError as error:
            log.warning("reconciliation did not run", provider=provider, business_date=business_date, code=error.code)
        else:
            log.info("reconciled", provider=provider, business_date=business_date, status=run.status)

    def schedule_reconciliations(timestamp: int) -> None:
        schedule(runtime, queue)

    app.task(name=TASK)(reconcile)
    lock = "schedule_reconciliations"
    app.periodic(cron="*/15 * * * *")(app.task(name=lock, queueing_lock=lock)(schedule_reconciliations))


def schedule(runtime: Runtime, queue: Queue) -> list[tuple[str, date]]:
    """Enqueue what is due and was not run. Returns the providers and days."""
    added = []
    for name, provider in runtime.providers.items():
        if isinstance(provider, SettlementSource):
            with runtime.db.transaction() as tx:
                for day in due_days(tx, name, provider.capabilities.time_zone):
                    queue.add(tx, name, day, "schedule")
                    added.append((name, day))
    return added


def due_days(tx: Transaction, provider: str, provider_zone: str) -> list[date]:
    """The days that are over and have no run, oldest first: yesterday, and what was missed since the last run."""
    yesterday = _last_day(tx.now, provider_zone, [agency.time_zone for agency in catalogue.all_agencies(tx)])
    runs = reconciliation.runs_of_days(tx, provider, yesterday - CAUGHT_UP, yesterday)
    known = {run.business_date for run in runs}
    first = max(known) + timedelta(days=1) if known else yesterday
    return [first + timedelta(days=n) for n in range((yesterday - first).days + 1)]


def _last_day(now: datetime, provider_zone: str, agency_zones: list[str]) -> date:
    """The newest day that may be run: over at the provider, and RUN_FROM has struck at every agency."""
    days = [business_date(now, provider_zone) - timedelta(days=1)]
    for zone in agency_zones or [str(UTC)]:
        local = now.astimezone(ZoneInfo(zone))
        days.append(local.date() - timedelta(days=1 if local.time() >= RUN_FROM else 2))
    return min(days)
