"""Invoices a second over HTTP, and how many statements and commits each one costs.

    python -m benchmarks.invoices

One request is a whole `POST /v1/invoices`: key, idempotency, fee, vault, ledger, outbox, audit and a durable commit, by
gunicorn with the workers and threads of `gateway run`. 8 clients keep their connections. Beside it, in alternating
rounds, stands `GET /healthz` from the same gunicorn: what it could do if a request were nothing but a request.

Statements are counted in PostgreSQL's own log, in a run of their own, because writing the log takes time.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from uuid import uuid4

from rich.console import Console

from benchmarks.clients import WARM_UP_ACTS, Act, Load, drive
from benchmarks.portal import Portal
from benchmarks.report import Finding, Goal, show
from benchmarks.server import Server, durable_server
from benchmarks.stack import WEB_NAME, Stack, run_stack

CLIENTS = 8
COUNTED = 50
STATEMENTS_TO_REACH, COMMITS_TO_REACH = 5, 1
# One line of the log for each statement, as `log_line_prefix = '%a '` has them.
LOGGED = re.compile(rf"^{WEB_NAME} LOG:  (?:statement|execute [^:]+):\s*(\w+)", re.MULTILINE)
CONTROL = frozenset({"BEGIN", "COMMIT", "ROLLBACK"})


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request: statements without BEGIN and COMMIT, and COMMITs."""

    statements: float
    commits: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure POST /v1/invoices over gunicorn beside GET /healthz.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each part of a round")
    given = parser.parse_args()
    console = Console()
    with durable_server() as server:
        show(measure(server, given.rounds, given.seconds, console), console)


def measure(server: Server, rounds: int, seconds: float, console: Console) -> list[Finding]:
    cost = _count(server)
    console.print(f"invoices: {cost.statements:g} statements and {cost.commits:g} commits each")
    with run_stack(server, whole=False) as stack:
        taken = []
        for number in range(1, rounds + 1):
            taken.append(
                (drive(partial(health, stack), CLIENTS, seconds), drive(partial(issuing, stack), CLIENTS, seconds))
            )
            console.print(f"invoices, round {number} of {rounds}: {taken[-1][1].rate:,.0f}/s")
    return _findings(cost, [floor for floor, _ in taken], [ours for _, ours in taken])


@contextmanager
def issuing(stack: Stack) -> Iterator[Act]:
    portal = Portal(stack.port, stack.portal_key)
    yield lambda: portal.post("/v1/invoices", invoice())


@contextmanager
def health(stack: Stack) -> Iterator[Act]:
    portal = Portal(stack.port, stack.portal_key)
    yield lambda: portal.get("/healthz")


def invoice() -> dict[str, Any]:
    """A request like those of a day: another payer and another dossier each time."""
    return {
        "procedure": "vn-certified-copy",
        "facts": {"pages": random.randint(1, 12), "copies": random.randint(1, 4)},
        "channel": "online",
        "dossier": f"H26.17-{uuid4().hex[:12]}",
        "payer": {"name": "Nguyễn Thị Lan", "national_id": str(random.randrange(10**11, 10**12))},
    }


def _count(server: Server) -> Cost:
    server.execute("ALTER SYSTEM SET log_line_prefix = '%a '", "SELECT pg_reload_conf()")
    server.execute("ALTER DATABASE congphi SET log_statement = 'all'")
    with run_stack(server, whole=False) as stack, issuing(stack) as issue:
        for _ in range(WARM_UP_ACTS):
            issue()
        already = server.log.stat().st_size
        for _ in range(COUNTED):
            issue()
        with server.log.open("rb") as log:
            log.seek(already)
            told = Counter(LOGGED.findall(log.read().decode(errors="replace")))
    server.execute("ALTER DATABASE congphi RESET log_statement")
    statements = sum(count for verb, count in told.items() if verb not in CONTROL)
    return Cost(statements / COUNTED, told["COMMIT"] / COUNTED)


def _findings(cost: Cost, floors: list[Load], ours: list[Load]) -> list[Finding]:
    rate, floor = median(load.rate for load in ours), median(load.rate for load in floors)
    p50, p95 = (median(load.percentile_ms(percent) for load in ours) for percent in (50, 95))
    return [
        Finding(f"Invoice POST, {CLIENTS} clients", f"{rate:,.0f} requests/s", f"{floor:,.0f} healthz/s", rate / floor),
        Finding(f"Invoice POST, {CLIENTS} clients: latency", f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"),
        Finding(
            "Invoice POST: SQL statements",
            f"{cost.statements:g} a request",
            goal=Goal(cost.statements, STATEMENTS_TO_REACH, at_least=False),
        ),
        Finding(
            "Invoice POST: commits",
            f"{cost.commits:g} a request",
            goal=Goal(cost.commits, COMMITS_TO_REACH, at_least=False),
        ),
    ]


if __name__ == "__main__":
    main()
