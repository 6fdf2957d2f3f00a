"""The nightly runs: one task a provider, or bank account, and business date, enqueued by a schedule or by an officer.

A day is due once it is over where the provider cuts its day and it is past RUN_FROM where the agencies are. Days that
have no finished run, because no worker ran or the provider could not be reached, are tried again until they have one;
so are days that wait for their file.

Jobs of one provider wait for one another. One that still meets another run (the command line's), or a provider or a
database that does not answer, is tried again a while later.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import procrastinate
import structlog
from procrastinate import RetryStrategy, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy.engine import Row

from gateway.domain.agency import business_date
from gateway.domain.errors import GatewayError, Unavailable
from gateway.domain.payout import bank_source
from gateway.domain.reconciliation import BY_SCHEDULE, RunStatus
from gateway.ports.provider import SettlementSource
from gateway.services.runtime import Runtime
from gateway.store import bank_runs, catalogue, reconciliation
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount, bank_account
from reconciliation.comparison import FINISHED
from reconciliation.runs import RunUnderWay, run_reconciliation
from reconciliation.waiting import is_waiting

log = structlog.get_logger()

TASK = "reconcile"
RUN_FROM = time(2)  # by then banks and providers have closed their day
CAUGHT_UP = timedelta(days=14)
AT_WORK = timedelta(hours=1)  # so long is a run that has begun left in peace

PASSING = (RunUnderWay, Unavailable)
RETRY = RetryStrategy(max_attempts=6, linear_wait=30, retry_exceptions=PASSING)


class Queue:
    """Enqueues runs in the transaction of who asks for them, so that a job exists if and only if its cause does."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=SyncPsycopgConnector())

    def add(
        self,
        tx: Transaction,
        provider: str,
        day: date,
        requested_by: str,
        *,
        once: bool = False,
        correction: bool = False,
    ) -> None:
        """`once`: unless such a job waits already. Raises AlreadyEnqueued then, and the transaction can do no more."""
        connection: Any = tx.connection.connection.driver_connection
        only = f"reconcile {provider} {day}" if once else None
        task = self._app.configure_task(TASK, connection=connection, lock=f"reconcile {provider}", queueing_lock=only)
        task.defer(provider=provider, business_date=day.isoformat(), requested_by=requested_by, correction=correction)


def register(app: procrastinate.App, runtime: Runtime) -> None:
    """Add the task and its schedule to the worker's app."""
    queue = Queue()

    def reconcile(provider: str, business_date: str, requested_by: str, correction: bool = False) -> None:
        carry_out(runtime, provider, date.fromisoformat(business_date), requested_by, correction=correction)

    def schedule_reconciliations(timestamp: int) -> None:
        schedule(runtime, queue)

    app.task(name=TASK, retry=RETRY)(reconcile)
    lock = "schedule_reconciliations"
    app.periodic(cron="*/15 * * * *")(app.task(name=lock, queueing_lock=lock)(schedule_reconciliations))


def carry_out(runtime: Runtime, provider: str, day: date, requested_by: str, *, correction: bool = False) -> None:
    """Run it. Raises what will pass; of what will not, the run and the log know."""
    try:
        run = run_reconciliation(runtime, provider, day, requested_by, correction=correction)
    except PASSING:
        raise
    except GatewayError as error:
        log.warning("reconciliation did not run", provider=provider, business_date=day.isoformat(), code=error.code)
    else:
        log.info("reconciled", provider=provider, business_date=day.isoformat(), status=run.status)


def schedule(runtime: Runtime, queue: Queue) -> list[tuple[str, date]]:
    """Enqueue what is due and does not wait already. Returns the providers and days."""
    due = []
    for name, provider in runtime.providers.items():
        if isinstance(provider, SettlementSource):
            with runtime.db.transaction() as tx:
                due += [(name, day) for day in due_days(tx, name, provider.capabilities.time_zone)]
    for account in runtime.payouts.all_accounts():
        with runtime.db.transaction() as tx:
            due += due_at_bank(tx, bank_account(tx, runtime.payouts, bank_source(account)))
    return [each for each in due if _enqueued(runtime, queue, *each)]


def _enqueued(runtime: Runtime, queue: Queue, source: str, day: date) -> bool:
    try:
        with runtime.db.transaction() as tx:
            queue.add(tx, source, day, BY_SCHEDULE, once=True)
    except AlreadyEnqueued:
        return False
    return True


def due_at_bank(tx: Transaction, account: BankAccount) -> list[tuple[str, date]]:
    """The days of a bank account that are due: as of a provider, and those about which a statement or a settlement has
    told something since their run. What is signed stays as it is."""
    days = set(due_days(tx, account.source, account.time_zone))
    last = _last_day(tx.now, account.time_zone, [agency.time_zone for agency in account.concerned])
    written = bank_runs.spellings(tx, account.number)
    days |= bank_runs.days_with_news(tx, account.source, written, account.providers, last - CAUGHT_UP, last)
    return [(account.source, day) for day in sorted(days)]


def due_days(tx: Transaction, provider: str, provider_zone: str) -> list[date]:
    """The days that are over and have no finished run, oldest first: yesterday, and what was missed since the first run
    of the last CAUGHT_UP."""
    yesterday = _last_day(tx.now, provider_zone, [agency.time_zone for agency in catalogue.all_agencies(tx)])
    runs = reconciliation.runs_of_days(tx, provider, yesterday - CAUGHT_UP, yesterday)
    first = min((run.business_date for run in runs), default=yesterday)
    at_work = [run for run in runs if run.status == reconciliation.RUNNING and tx.now - run.started_at < AT_WORK]
    done = {run.business_date for run in runs if _is_done(run) or run in at_work}
    days = [first + timedelta(days=n) for n in range((yesterday - first).days + 1)]
    return [day for day in days if day not in done]


def _is_done(run: Row[Any]) -> bool:
    """A day that waits for its file is run again, unless somebody has signed it all the same."""
    waits = is_waiting(run.totals) and run.status != RunStatus.SIGNED_OFF
    return run.status in FINISHED and not waits


def _last_day(now: datetime, provider_zone: str, agency_zones: list[str]) -> date:
    """The newest day that may be run: over at the provider, and RUN_FROM has struck at every agency."""
    days = [business_date(now, provider_zone) - timedelta(days=1)]
    for zone in agency_zones or [str(UTC)]:
        local = now.astimezone(ZoneInfo(zone))
        days.append(local.date() - timedelta(days=1 if local.time() >= RUN_FROM else 2))
    return min(days)
