"""A report that somebody asks for, written whole before any of it is sent.

It is written to a temporary file at one moment of the database: a slow reader holds no transaction, and a report that
cannot be finished is a problem, not half a file.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from threading import BoundedSemaphore
from typing import IO
from uuid import UUID

from gateway.domain.errors import Unavailable
from gateway.domain.reconciliation import RunStatus
from gateway.services.runtime import Caller, Runtime
from gateway.store import signed_runs
from gateway.store.database import Transaction
from reconciliation.callers import check_acts_for_all
from reconciliation.reports.formats import (
    CONTENT_TYPES,
    Form,
    kept_name,
    render,
    render_month,
    render_payout,
    render_receipts,
)
from reconciliation.reports.month import Month
from reconciliation.reports.run import run_json

CHUNK = 1 << 16
_AT_ONCE = BoundedSemaphore(2)  # of each process

Write = Callable[[Transaction], Iterator[bytes]]


class ReportsBusy(Unavailable):
    code = "reports_busy"


@dataclass(frozen=True, slots=True)
class Report:
    """A file that is there; whoever takes it closes it."""

    file: IO[bytes]
    name: str
    content_type: str
    size_bytes: int

    def pieces(self) -> Iterator[bytes]:
        with self.file:
            yield from iter(partial(self.file.read, CHUNK), b"")


def run_report(runtime: Runtime, caller: Caller, run_id: UUID, form: Form) -> Report:
    """The report of a run; of a signed one what was kept. Raises OneAgencyOnly, RunNotFound, ReportsBusy."""
    check_acts_for_all(caller)
    with runtime.db.read() as tx:
        run = run_json(tx, run_id)
    correction = f"-correction-{run['correction']}" if run["correction"] else ""
    name = f"{run['provider']}-{run['business_date']}{correction}"
    if run["status"] == RunStatus.SIGNED_OFF:
        return _written(runtime, form, name, lambda tx: signed_runs.read_report(tx, run_id, kept_name(form)))
    return _written(runtime, form, name, lambda tx: render(tx, run_id, form.format, form.language))


def month_report(runtime: Runtime, span: Month, agency_id: UUID | None, form: Form) -> Report:
    """Of one agency, or (None) of all. Raises BooksDoNotTie, ReportsBusy."""
    return _written(runtime, form, f"month-{span}", lambda tx: render_month(tx, span, agency_id, form))


def payout_report(runtime: Runtime, caller: Caller, provider: str, payout: str, form: Form) -> Report:
    """Raises OneAgencyOnly, PayoutNotFound, ReportsBusy."""
    check_acts_for_all(caller)
    return _written(runtime, form, "payout", lambda tx: render_payout(tx, provider, payout, form))


def receipts_report(runtime: Runtime, on: date, agency_id: UUID | None, form: Form) -> Report:
    """Of one agency, or (None) of all. Raises ReportsBusy."""
    return _written(runtime, form, f"receipts-{on}", lambda tx: render_receipts(tx, on, agency_id, form))


def _written(runtime: Runtime, form: Form, name: str, write: Write) -> Report:
    with ExitStack() as opened, _one_of_few():
        file = opened.enter_context(tempfile.TemporaryFile())
        with runtime.db.snapshot() as tx:
            for piece in write(tx):
                file.write(piece)
        size = file.tell()
        file.seek(0)
        opened.pop_all()
    return Report(file, f"{name}.{form.format}", CONTENT_TYPES[form.format], size)


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Raises ReportsBusy. A report may take a thread and a connection for minutes; payers need theirs."""
    if not _AT_ONCE.acquire(blocking=False):
        raise ReportsBusy("Other reports are being written. Try again in a minute.")
    try:
        yield
    finally:
        _AT_ONCE.release()
