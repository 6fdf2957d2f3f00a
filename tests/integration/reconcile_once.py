"""A process of its own that reconciles one day: to be killed.

It tells each phase as it begins; the last is the writing of the report into a file.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from gateway.services.runtime import Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database
from providers.registry import build
from reconciliation.reports.run import as_json
from reconciliation.runs import run_reconciliation


@dataclass(frozen=True, slots=True)
class Day:
    """What is to be done. All files of the process are in `folder`."""

    database_url: str
    settings: Mapping[str, str]
    day: date
    folder: Path
    report: Path


@contextmanager
def reconciling(day: Day) -> Iterator[tuple[BaseProcess, Iterator[str]]]:
    """The process, and the phases that it tells until it ends. It is forked from one that has imported all it needs."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    told, telling = context.Pipe(duplex=False)
    process = context.Process(target=reconcile, args=(day, telling))
    process.start()
    telling.close()
    with told:
        yield process, phases(told)
    process.join()


def phases(told: Connection) -> Iterator[str]:
    while True:
        try:
            yield told.recv()
        except EOFError:
            return


def reconcile(task: Day, telling: Connection) -> None:
    os.environ["TMPDIR"] = tempfile.tempdir = str(task.folder)
    runtime = Runtime(
        db=Database(task.database_url, lambda: datetime.now(UTC)),
        providers={"sandbox": build("sandbox", task.settings)},
        vault=Vault({"v1": secrets.token_bytes(32)}, secrets.token_bytes(32)),
        tokens=Tokens(secrets.token_bytes(32)),
        public_url="https://pay.example",
    )
    telling.send("starting")
    run = run_reconciliation(runtime, "sandbox", task.day, "test", telling.send)
    telling.send("reporting")
    with runtime.db.read() as tx, task.report.open("wb") as file:
        file.writelines(as_json(tx, run.id))
