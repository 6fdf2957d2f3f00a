"""The web over real gunicorn: invoices and whole payments a second, and what an invoice costs the database.

    python -m benchmarks.web

The stack is that of `gateway run`: gunicorn with two workers of eight threads, the worker, the simulators, and a
durable PostgreSQL. Eight clients keep their connections open. An invoice is a full POST: the key is checked, the
Idempotency-Key claimed, the fee worked out, the payer sealed in the vault, and ledger, events, audit and answer
written. Beside it stands /healthz on the same gunicorn in alternating rounds: what a request costs here that does
nothing. A whole payment is quote, invoice, checkout, payment, the payer's click at the simulator, and its webhook
applied.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from rich.console import Console

from benchmarks.clients import Act, Load, drive
from benchmarks.report import Finding, Goal, show
from gateway.store.embedded import DATABASE, SUPERUSER, EmbeddedPostgres

CLIENTS = 8
COUNTED = 20
STATEMENTS_AT_MOST, COMMITS_AT_MOST = 5, 1
READY_WITHIN_S = 120
BOUNDARIES = ("BEGIN", "COMMIT", "ROLLBACK")
INVOICE = {"procedure": "vn-certified-copy", "facts": {"pages": 12, "copies": 3}, "channel": "online"}


@dataclass(frozen=True, slots=True)
class Stack:
    url: str
    key: str
    data: Path

    def database(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.data / "postgres", self.data / "log" / "database.log")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the web beside a request that does nothing.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each part of a round")
    given = parser.parse_args()
    console = Console()
    show(measure(given.rounds, given.seconds, console), console)


def measure(rounds: int, seconds: float, console: Console) -> list[Finding]:
    with running_stack() as stack:
        statements, commits = count_statements(stack)
        idle, invoices, payments = [], [], []
        for number in range(1, rounds + 1):
            idle.append(drive(partial(asking, stack, _healthz), CLIENTS, seconds))
            invoices.append(drive(partial(asking, stack, _invoice), CLIENTS, seconds))
            payments.append(drive(partial(asking, stack, _payment), CLIENTS, seconds))
            told = f"{invoices[-1].rate:.0f} invoices/s, {payments[-1].rate:.1f} payments/s, {idle[-1].rate:.0f} idle/s"
            console.print(f"web, round {number} of {rounds}: {told}")
    return _findings(idle, invoices, payments, statements, commits)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """`gateway run` on free ports in a temporary folder, with no limit on the rate."""
    with tempfile.TemporaryDirectory(prefix="congphi-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        settings = {"GATEWAY_DATA_DIR": str(data), "PORT": str(_free_port()), "GATEWAY_RATE_LIMIT": "1000000/second"}
        process = subprocess.Popen(
            [sys.executable, "-m", "wsgi", "run"], env=environment | settings, stdout=subprocess.DEVNULL
        )
        try:
            demo = _wait_for(data / "demo.json", process)
            yield Stack(demo["url"], demo["keys"]["portal"], data)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def count_statements(stack: Stack) -> tuple[float, float]:
    """SQL statements and commits of one invoice POST, as the server logs them while the worker stands still."""
    database = stack.database()
    worker = next(p for p in psutil.process_iter() if _is_worker(p, stack.data))
    url = database.url(SUPERUSER, DATABASE).replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as connection, asking(stack, _invoice) as post:
        post()
        worker.suspend()
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(1)
        start = database.log.stat().st_size
        for _ in range(COUNTED):
            post()
        logged = database.log.read_bytes()[start:].decode(errors="replace")
        connection.execute("ALTER SYSTEM RESET log_statement")
        connection.execute("SELECT pg_reload_conf()")
        worker.resume()
    found = re.findall(r"LOG:  (?:statement|execute [^:]*):\s+(\w+)", logged)
    statements = sum(word.upper() not in BOUNDARIES for word in found)
    return statements / COUNTED, found.count("COMMIT") / COUNTED


@contextmanager
def asking(stack: Stack, ask: Any) -> Iterator[Act]:
    """Calls `ask` with a client whose connections stay open."""
    headers = {"Authorization": f"Bearer {stack.key}"}
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    with httpx.Client(base_url=stack.url, headers=headers, limits=limits, timeout=60) as client:
        yield partial(ask, client)


def _healthz(client: httpx.Client) -> None:
    client.get("/healthz").raise_for_status()


def _invoice(client: httpx.Client) -> Any:
    body = INVOICE | {"dossier": f"B-{uuid4().hex[:12]}", "payer": {"name": "Nguyễn Thị Đo"}}
    return _post(client, "/v1/invoices", body)


def _payment(client: httpx.Client) -> None:
    client.post("/v1/quotes", json=INVOICE).raise_for_status()
    invoice = _invoice(client)
    opened = {"invoices": [invoice["id"]], "return_url": "https://portal.example/back"}
    session = _post(client, "/v1/checkout-sessions", opened)
    payment = _post(client, f"/v1/checkout-sessions/{session['id']}/payments", {"provider": "sandbox"})
    httpx.post(payment["next_action"]["url"], data={"outcome": "succeed"}, timeout=60)
    while client.get(f"/v1/payments/{payment['id']}").json()["status"] != "succeeded":
        time.sleep(0.05)


def _post(client: httpx.Client, path: str, body: Mapping[str, Any]) -> Any:
    answer = client.post(path, json=body, headers={"Idempotency-Key": uuid4().hex})
    answer.raise_for_status()
    return answer.json()


def _findings(
    idle: list[Load], invoices: list[Load], payments: list[Load], statements: float, commits: float
) -> list[Finding]:
    floor, rate = median(load.rate for load in idle), median(load.rate for load in invoices)
    p50, p95 = (median(load.percentile_ms(percent) for load in invoices) for percent in (50, 95))
    lifecycle = median(load.rate for load in payments)
    beside = f"{floor:,.0f} /healthz/s"
    return [
        Finding(
            f"Invoice POST, {CLIENTS} clients",
            f"{rate:,.0f}/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms",
            beside,
            rate / floor,
        ),
        Finding("SQL statements an invoice POST", f"{statements:g}", goal=Goal(statements, STATEMENTS_AT_MOST, False)),
        Finding("Commits an invoice POST", f"{commits:g}", goal=Goal(commits, COMMITS_AT_MOST, False)),
        Finding(f"Whole payments, {CLIENTS} payers", f"{lifecycle:,.1f}/s", beside, lifecycle / floor),
    ]


def _is_worker(process: psutil.Process, data: Path) -> bool:
    try:
        ours = process.environ().get("GATEWAY_DATA_DIR") == str(data)
        return bool(ours and process.cmdline()[-1:] == ["worker"])
    except psutil.Error:
        return False


def _wait_for(file: Path, process: subprocess.Popen[bytes]) -> Any:
    deadline = time.monotonic() + READY_WITHIN_S
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The stack did not start.")
        time.sleep(0.2)
    return json.loads(file.read_text())


def _free_port() -> int:
    """A port that is free, and whose neighbours most likely are: the simulators take them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return min(int(listener.getsockname()[1]), 65_000)


if __name__ == "__main__":
    main()
