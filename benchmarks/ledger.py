"""Postings a second, single and in batches, beside pgbench's tpcb-like on the same server.

    python -m benchmarks.ledger

A single posting is a transaction of its own: one entry with one transfer, posted through `Database.transaction()` as a
service does it, and durable when the call returns. A batch is one transaction of BATCH such entries. The entry is made,
the call is sent and the answer is read by Python, in 8 clients: 2 processes of 4 threads that share a pool, which is
the shape of a gunicorn worker. pgbench does its part in C, with 8 clients too; both share the machine with the server.

Every posting is a payment that was collected, for one of as many agencies as pgbench's tables have branches.
"""

import argparse
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median
from uuid import UUID

from rich.console import Console
from sqlalchemy import insert

from benchmarks.clients import Act, drive
from benchmarks.report import Finding, Goal, show
from benchmarks.server import PGBENCH_SCALE, Server, durable_server
from gateway.domain.ledger import Entry, collected, in_transit
from gateway.domain.money import Money
from gateway.store.database import Database, new_id
from gateway.store.tables.catalogue import agencies

CLIENTS = 8
BATCH = 500
FEE, NO_EXCESS = Money(200_000, "VND"), Money(0, "VND")
SINGLE_TO_REACH, BATCHED_TO_REACH = 0.9, 4.0


@dataclass(frozen=True, slots=True)
class Round:
    """Rates a second: pgbench's transactions, then entries posted one by one and in batches."""

    tpcb_like: float
    single: float
    batched: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the ledger's postings beside pgbench's tpcb-like.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each part of a round")
    given = parser.parse_args()
    console = Console()
    with durable_server() as server:
        show(measure(server, given.rounds, given.seconds, console), console)


def measure(server: Server, rounds: int, seconds: float, console: Console) -> list[Finding]:
    """What takes turns is measured under the same conditions, whatever else the machine does meanwhile."""
    server.make_pgbench_tables()
    known = _add_agencies(server.urls.app_url)
    taken = []
    for number in range(1, rounds + 1):
        taken.append(_round(server, known, seconds))
        console.print(f"ledger, round {number} of {rounds}: {_told(taken[-1])}")
    return _findings(
        Round(*(median(getattr(each, name) for each in taken) for name in ("tpcb_like", "single", "batched")))
    )


def _round(server: Server, known: list[UUID], seconds: float) -> Round:
    url = server.urls.app_url
    return Round(
        tpcb_like=server.tpcb_like(CLIENTS, seconds),
        single=drive(partial(posting, url, known, 1), CLIENTS, seconds).rate,
        batched=drive(partial(posting, url, known, BATCH), CLIENTS, seconds).rate * BATCH,
    )


@contextmanager
def posting(url: str, known: list[UUID], count: int) -> Iterator[Act]:
    """Posts `count` entries in a transaction of their own."""
    db = Database(url, lambda: datetime.now(UTC), pool_size=CLIENTS)

    def post() -> None:
        agency_id = random.choice(known)
        with db.transaction() as tx:
            for _ in range(count):
                tx.post(_entry(agency_id, tx.now))

    try:
        yield post
    finally:
        db.close()


def _entry(agency_id: UUID, now: datetime) -> Entry:
    payment_id = new_id()
    return Entry(
        key=f"payment:{payment_id}:succeeded",
        cause="payment_succeeded",
        agency_id=agency_id,
        subject_id=payment_id,
        occurred_at=now,
        business_date=now.date(),
        transfers=collected(in_transit("sandbox"), FEE, NO_EXCESS),
    )


def _add_agencies(url: str) -> list[UUID]:
    db = Database(url, lambda: datetime.now(UTC), pool_size=1)
    known = [new_id() for _ in range(PGBENCH_SCALE)]
    facts = {
        "names": {},
        "time_zone": "UTC",
        "currency": "VND",
        "receipt_series": "",
        "providers": [],
    }
    with db.transaction() as tx:
        for number, agency_id in enumerate(known):
            tx.execute(insert(agencies).values(id=agency_id, code=f"bench-{number}", bank_account=f"{number}", **facts))
    db.close()
    return known


def _findings(rates: Round) -> list[Finding]:
    beside = f"{rates.tpcb_like:,.0f} tpcb-like/s"
    single, batched = rates.single / rates.tpcb_like, rates.batched / rates.tpcb_like
    return [
        Finding(
            f"Single posting, {CLIENTS} clients",
            f"{rates.single:,.0f} entries/s",
            beside,
            single,
            Goal(single, SINGLE_TO_REACH),
        ),
        Finding(
            f"Posting in batches of {BATCH}, {CLIENTS} clients",
            f"{rates.batched:,.0f} entries/s",
            beside,
            batched,
            Goal(batched, BATCHED_TO_REACH),
        ),
    ]


def _told(rates: Round) -> str:
    return (
        f"{rates.tpcb_like:,.0f} tpcb-like/s, {rates.single:,.0f} single ({rates.single / rates.tpcb_like:.2f}), "
        f"{rates.batched:,.0f} batched ({rates.batched / rates.tpcb_like:.1f})"
    )


if __name__ == "__main__":
    main()
