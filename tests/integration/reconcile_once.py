"""A process of its own that reconciles one day, corrects it or signs it: to be killed.

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
from uuid import UUID

from gateway.services.runtime import Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store import signed_runs
from gateway.store.database import Database, Transaction
from providers.registry import build
from reconciliation.reports import formats
from reconciliation.reports.run import as_json
from reconciliation.runs import run_reconciliation
from reconciliation.sign_off import Write, nothing_at_work, sign_off


@dataclass(frozen=True, slots=True)
class Day:
    """What is to be done. All files of the process are in `folder`. With `signer` the day's newest run is signed."""

    database_url: str
    settings: Mapping[str, str]
    day: date
    folder: Path
    report: Path
    correction: bool = False
    signer: str = ""


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
    if task.signer:
        sign(runtime, task, telling)
        return
    run = run_reconciliation(runtime, "sandbox", task.day, "test", telling.send, correction=task.correction)
    telling.send("reporting")
    with runtime.db.read() as tx, task.report.open("wb") as file:
        file.writelines(as_json(tx, run.id))


def sign(runtime: Runtime, task: Day, telling: Connection) -> None:
    """It tells of each report as it begins to be written."""

    def telling_of(name: str, write: Write) -> Write:
        def writing(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
            telling.send(f"writing {name}")
            yield from write(tx, run_id)

        return writing

    with runtime.db.read() as tx:
        run = signed_runs.last_run(tx, "sandbox", task.day)
    assert run is not None
    writers = {name: telling_of(name, write) for name, write in formats.KEPT.items()}
    with nothing_at_work(runtime, run.id), runtime.db.transaction() as tx:
        sign_off(tx, run.id, task.signer, "", {}, writers)
        telling.send("committing")
