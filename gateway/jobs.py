"""What runs by itself: thin wrappers that call a service at its time, by Procrastinate on the same PostgreSQL.

A sweep claims the rows that are due with FOR UPDATE SKIP LOCKED, so it may run on any number of workers at once and be
killed at any moment; there is no job per payment. At most one job of each sweep waits in the queue.
"""

import logging
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import procrastinate
import structlog
from procrastinate import JobContext, PsycopgConnector

from gateway.services.ask_provider import check_payments, expire_sessions
from gateway.services.close_invoice import expire_invoices
from gateway.services.deliver_events import deliver_events
from gateway.services.fetch_credits import fetch_credits
from gateway.services.idempotency import purge_keys
from gateway.services.issue_receipts import issue_receipts
from gateway.services.lock_out import forget_old_tries
from gateway.services.mail_receipts import Render, mail_receipts
from gateway.services.receive_event import apply_waiting_events
from gateway.services.refund_payment import send_refunds
from gateway.services.runtime import Runtime
from gateway.services.seal_ledger import seal_ledger
from gateway.services.sealer import Sealer
from gateway.services.snapshot_ledger import snapshot_ledger
from gateway.services.try_circuits import forget_calls, try_circuits

log = structlog.get_logger()

CONCURRENCY = 4

STOPPING = "stopping worker"
ENDED_WITHIN = timedelta(seconds=20)  # twice what running jobs are given


@dataclass(frozen=True, slots=True)
class Sweep:
    """`run` returns how much it did, if it can say. `cron` has a sixth field: seconds. Times are UTC."""

    name: str
    cron: str
    run: Callable[[Runtime], int | None]


SWEEPS: Sequence[Sweep] = (
    Sweep("apply_waiting_events", "* * * * * */5", apply_waiting_events),
    Sweep("deliver_events", "* * * * * */2", lambda runtime: deliver_events(runtime).total()),
    Sweep("send_refunds", "* * * * * */2", send_refunds),
    Sweep("issue_receipts", "* * * * * */5", issue_receipts),
    Sweep("check_payments", "* * * * * */10", check_payments),
    Sweep("fetch_credits", "*/2 * * * *", fetch_credits),
    Sweep("try_circuits", "* * * * * */5", try_circuits),
    Sweep("expire_sessions", "* * * * * */30", expire_sessions),
    Sweep("expire_invoices", "*/15 * * * *", expire_invoices),
    Sweep("snapshot_ledger", "7 * * * *", snapshot_ledger),
    Sweep("purge_keys", "40 3 * * *", purge_keys),
    Sweep("forget_old_tries", "45 3 * * *", forget_old_tries),
    Sweep("forget_calls", "50 * * * *", forget_calls),
)

Register = Callable[[procrastinate.App, Runtime], None]


def build_jobs(runtime: Runtime, database_url: str, extensions: Sequence[Register] = ()) -> procrastinate.App:
    """The app that knows all tasks. `extensions` add those of other packages, such as reconciliation's."""
    # Not by SQLAlchemy's URL, which writes a space as a plus: PostgreSQL's own reader takes that for a plus.
    conninfo = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    app = procrastinate.App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=CONCURRENCY + 2))
    for sweep in SWEEPS:
        _add_sweep(app, runtime, sweep)
    _add_rescue(app)
    for register in extensions:
        register(app, runtime)
    return app


def nightly_seal(sealer: Sealer) -> Register:
    """Seal each day once it is over in UTC; what could not be sealed then is sealed with the next."""

    def seal_yesterday(runtime: Runtime) -> int:
        sealed = seal_ledger(runtime.db, sealer, (runtime.db.now() - timedelta(days=1)).date())
        return 0 if sealed is None else 1

    def register(app: procrastinate.App, runtime: Runtime) -> None:
        _add_sweep(app, runtime, Sweep("seal_ledger", "*/20 0 * * *", seal_yesterday))

    return register


def receipt_mail(render: Render) -> Register:
    """Send receipts by e-mail; `render` makes the PDF of one."""

    def register(app: procrastinate.App, runtime: Runtime) -> None:
        _add_sweep(
            app, runtime, Sweep("mail_receipts", "* * * * * */10", lambda runtime: mail_receipts(runtime, render))
        )

    return register


class EndIfStuck(logging.Handler):
    """Ends the process if it has not ended by itself in time. A worker that loses the database stops, and tells so in
    its log alone; a job that waits for what never comes would keep it from ending, and nobody would start it again."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and STOPPING in record.getMessage():
            ending = threading.Timer(ENDED_WITHIN.total_seconds(), os._exit, (1,))
            ending.daemon = True
            ending.start()


def run_worker(app: procrastinate.App) -> None:
    """Work until SIGTERM or SIGINT, which let running jobs end. Jobs that succeeded leave no row."""
    logging.getLogger("procrastinate.worker.worker").addHandler(EndIfStuck())
    app.run_worker(concurrency=CONCURRENCY, delete_jobs="successful", shutdown_graceful_timeout=10)


def _add_sweep(app: procrastinate.App, runtime: Runtime, sweep: Sweep) -> None:
    def run(timestamp: int) -> None:
        done = sweep.run(runtime)
        if done:
            log.info("sweep", sweep=sweep.name, done=done)

    app.periodic(cron=sweep.cron)(app.task(name=sweep.name, queueing_lock=sweep.name)(run))


def _add_rescue(app: procrastinate.App) -> None:
    """A worker that was killed leaves its jobs behind as if it were still at them; they are run again."""

    async def rescue_jobs(context: JobContext, timestamp: int) -> None:
        for job in await app.job_manager.get_stalled_jobs():
            log.warning("job rescued", task=job.task_name, job=job.id)
            await app.job_manager.retry_job(job)

    task: Callable[..., Coroutine[Any, Any, None]] = rescue_jobs
    app.periodic(cron="* * * * *")(app.task(name="rescue_jobs", queueing_lock="rescue_jobs", pass_context=True)(task))
