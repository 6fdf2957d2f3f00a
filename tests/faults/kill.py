"""kill -9 of any process at random moments of a day: python -m tests.faults.kill --rounds 20 [--seed 7]

A round: portals play a day on a local stack while its processes are killed one after another, and the stack is started
again when its supervisor is. Then everything is up, hours pass (for the sweeps: their clock is moved ahead), and every
payment, refund and dispute must be what its provider says, counted once, with books that agree with themselves.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from click import echo
from sqlalchemy import text

from gateway.local import answers
from gateway.services.ask_provider import check_payments
from gateway.services.receive_event import apply_waiting_events
from gateway.services.refund_payment import send_refunds
from gateway.services.runtime import Runtime
from gateway.services.try_circuits import try_circuits
from gateway.store import payments
from gateway.store.database import Database, Transaction
from tests.e2e.stack import Stack, stack
from tests.faults.books import contradictions
from tests.faults.day import Day
from tests.faults.truth import disagreements
from wsgi import compose

PORTALS = 4
KILLS = 8
PAUSE_S = (0.3, 3.0)
UP_WITHIN_S = 60
TOLD_WITHIN_S = 90
LATER = tuple(timedelta(minutes=minutes) for minutes in (3, 10, 40))  # enough for whatever a crash has left

Find = Callable[[Stack], list[psutil.Process]]


def named(*words: str) -> Find:
    """The processes of a stack whose command line has all the words."""

    def find(local: Stack) -> list[psutil.Process]:
        return [process for process in local.processes() if all(word in command(process) for word in words)]

    return find


def servers(*, postmaster: bool) -> Find:
    """PostgreSQL's first process, or those that it has started: one for each connection, and its own helpers."""

    def find(local: Stack) -> list[psutil.Process]:
        found = [process for process in local.processes() if name_of(process) == "postgres"]
        pids = {process.pid for process in found}
        return [process for process in found if (parent_of(process) in pids) is not postmaster]

    return find


def supervisor(local: Stack) -> list[psutil.Process]:
    return [psutil.Process(local.process.pid)] if local.process else []


def everything(local: Stack) -> list[psutil.Process]:
    return local.processes()


VICTIMS: Mapping[str, Find] = {
    "web": named("gunicorn"),  # the master or one of its workers
    "worker": named("wsgi worker"),
    "sandbox": named("providers.simulation --provider sandbox"),
    "stripe": named("providers.simulation --provider stripe"),
    "backend": servers(postmaster=False),
    "postmaster": servers(postmaster=True),
    "supervisor": supervisor,
    "everything": everything,
}


class Killing:
    """One stack, and what is done to it. `tell` hears each step."""

    def __init__(self, local: Stack, seed: int, tell: Callable[[str], object]) -> None:
        self._local, self._tell = local, tell
        self._chance = random.Random(seed)
        self._demo = local.start()
        self._settings: Mapping[str, str] = {}

    def round(self, kills: int) -> list[str]:
        """What was wrong afterwards; nothing, it is hoped."""
        day = Day(self._demo["url"], self._demo["keys"])
        with ThreadPoolExecutor(PORTALS) as portals:
            playing = [portals.submit(day.play, random.Random(self._chance.random())) for _ in range(PORTALS)]
            for name in self._chance.choices(list(VICTIMS), k=kills):
                time.sleep(self._chance.uniform(*PAUSE_S))
                self._kill(name)
            self._wait_until_up()
            day.over.set()
            for player in playing:
                player.result()
        made = {kind: len(ids) for kind, ids in day.acknowledged.items()}
        self._tell(f"{day.visits} payers came, {day.left} left before the end; made: {made}")
        self._wait_until_told()
        return [*day.faults, *self._wrong(day)]

    def _kill(self, name: str) -> None:
        found = VICTIMS[name](self._local)
        victims = found if name == "everything" else found[:1] and [self._chance.choice(found)]
        self._tell(f"kill -9 {name}: {[process.pid for process in victims] or 'not there at this moment'}")
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                self._tell("... it was gone already")
        if name in ("supervisor", "everything") and self._local.process:
            self._local.process.wait()
            self._demo = self._local.start()

    def _wait_until_up(self) -> None:
        urls = [f"{self._demo['url']}/readyz", *(f"{url}/_sim/health" for url in self._demo["simulators"].values())]
        wait_for(lambda: all(answers(url) for url in urls), UP_WITHIN_S, "the stack is not up again")
        wait_for(self._sees_worker, UP_WITHIN_S, "the worker is not up again")

    def _sees_worker(self) -> bool:
        """What it was started with is kept: a database that was killed may end it once more."""
        with suppress(psutil.Error):
            for worker in VICTIMS["worker"](self._local):
                self._settings = worker.environ()
        return bool(self._settings)

    def _wait_until_told(self) -> None:
        """Until no provider has a notification left to deliver."""

        def told() -> bool:
            return not any(self._ask(name, "webhooks")["waiting"] for name in self._demo["simulators"])

        wait_for(told, TOLD_WITHIN_S, "notifications are still under way")

    def _wrong(self, day: Day) -> list[str]:
        with self._runtime(timedelta()) as runtime, runtime.db.read() as tx:
            found = [*lost(tx, day), *doubled(tx)]
        for ahead in LATER:
            with self._runtime(ahead) as later:
                let_run(later)
        with self._runtime(timedelta()) as runtime, runtime.db.read() as tx:
            found += [f"{statement}: off by {off}" for statement, off in contradictions(tx).items()]
            found += [sentence for name in self._demo["simulators"] for sentence in self._differences(tx, name)]
        return found + self._trial_balance()

    @contextmanager
    def _runtime(self, ahead: timedelta) -> Iterator[Runtime]:
        """The stack's own services, at a later time."""
        runtime = compose(self._settings).runtime
        db = Database(runtime.db.engine.url.render_as_string(hide_password=False), lambda: datetime.now(UTC) + ahead)
        try:
            yield replace(runtime, db=db)
        finally:
            db.close()
            runtime.db.close()

    def _differences(self, tx: Transaction, provider: str) -> list[str]:
        truth = self._ask(provider, "truth")
        held = {kind: truth[f"{kind}s"] for kind in ("payment", "refund", "dispute")}
        begun = Counter(payment["reference"] for payment in held["payment"])
        twice = [f"{reference} was begun {count} times" for reference, count in begun.items() if count > 1]
        ours = payments.page(tx, None, provider=provider, limit=sys.maxsize)
        return [f"{provider}: {sentence}" for sentence in (*twice, *disagreements(tx, ours, held))]

    def _ask(self, provider: str, what: str) -> Any:
        return httpx.get(f"{self._demo['simulators'][provider]}/_sim/{what}", timeout=30, trust_env=False).json()

    def _trial_balance(self) -> list[str]:
        headers = {"authorization": f"Bearer {self._demo['keys']['finance']}"}
        url = f"{self._demo['url']}/v1/ledger/trial-balance?currency=VND"
        balance = httpx.get(url, headers=headers, timeout=30, trust_env=False).raise_for_status().json()
        same = balance["total_debit_minor"] == balance["total_credit_minor"] > 0
        return [] if same else [f"the trial balance is off: {balance}"]


def let_run(runtime: Runtime) -> None:
    """The sweeps, until they find nothing more that is due."""
    for sweep in (try_circuits, apply_waiting_events, send_refunds, check_payments):
        while sweep(runtime):
            pass


def lost(tx: Transaction, day: Day) -> list[str]:
    """What the gateway said that it had made, and has not."""
    wrong = []
    for table, ids in day.acknowledged.items():
        known = tx.execute(text(f"SELECT id::text FROM {table} WHERE id::text = ANY(:ids)"), {"ids": ids})  # noqa: S608
        wrong += [f"{table}: {missing} was acknowledged and is lost" for missing in set(ids) - set(known.scalars())]
    return wrong


def doubled(tx: Transaction) -> list[str]:
    """What one request, however often it was repeated, has made twice."""
    queries = {
        "invoices": "SELECT dossier FROM invoices GROUP BY dossier HAVING count(*) > 1",
        "sessions": "SELECT invoice_id FROM checkout_invoices GROUP BY invoice_id HAVING count(*) > 1",
        "refunds": "SELECT reason FROM refunds GROUP BY reason HAVING count(*) > 1",
    }
    return [f"two {what} for {row[0]}" for what, query in queries.items() for row in tx.execute(text(query))]


def wait_for(happened: Callable[[], bool], within_s: int, complaint: str) -> None:
    deadline = time.monotonic() + within_s
    while not _happened(happened):
        if time.monotonic() > deadline:
            raise AssertionError(complaint)
        time.sleep(0.3)


def _happened(happened: Callable[[], bool]) -> bool:
    """Not yet, while whoever is asked is not there."""
    try:
        return happened()
    except httpx.TransportError:
        return False


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def name_of(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def parent_of(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill", description="Kill a day, again and again.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    echo(f"seed {given.seed}")
    with (
        TemporaryDirectory(prefix="congphi-kill-", ignore_cleanup_errors=True) as folder,
        a_stack(Path(folder)) as local,
    ):
        killing = Killing(local, given.seed, echo)
        for number in range(1, given.rounds + 1):
            echo(f"== round {number}")
            wrong = killing.round(KILLS)
            if wrong:
                sys.exit("\n".join(["WRONG:", *wrong, local.output()]))
    echo(f"{given.rounds} rounds, and nothing was wrong")


def a_stack(folder: Path) -> AbstractContextManager[Stack]:
    return stack(folder, GATEWAY_RATE_LIMIT="1000000/minute")


if __name__ == "__main__":
    main()
