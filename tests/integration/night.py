"""A day at the sandbox's provider and the night after it, for the tests of what a run finds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from gateway.domain.payment import Payment
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.run import as_json, discrepancies_of
from reconciliation.reports.tabular import as_csv
from reconciliation.runs import Run, run_reconciliation
from tests.integration.world import World, a_world

FEE = 200_000
KEPT = 2_200
"""What the provider keeps of it."""


@dataclass
class Night:
    """A world, and the night after its day."""

    world: World
    day: date

    def control(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.world.simulator.url}/_sim/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def plant(self, fault: str, payment: Payment | None = None, day: date | None = None) -> None:
        which = {"payment": str(payment.id)} if payment else {}
        self.control("settlement-faults", date=(day or self.day).isoformat(), fault=fault, **which)

    def settle(self, day: date | None = None) -> None:
        self.control("settle", date=(day or self.day).isoformat())

    def run(self, day: date | None = None) -> Run:
        return run_reconciliation(self.world.runtime, "sandbox", day or self.day, "test")

    def found(self, run: Run) -> list[dict[str, Any]]:
        with self.world.runtime.db.read() as tx:
            return list(discrepancies_of(tx, run.id))

    def kinds(self, run: Run) -> list[tuple[str, str]]:
        return [(found["kind"], found["status"]) for found in self.found(run)]

    def reports(self, run: Run) -> tuple[bytes, bytes]:
        with self.world.runtime.db.read() as tx:
            return b"".join(as_json(tx, run.id)), b"".join(as_csv(tx, run.id))


@contextmanager
def a_night(database_urls: DatabaseUrls, folder: Path) -> Iterator[Night]:
    """After a day with one payment."""
    with a_world(database_urls, folder) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        yield Night(world, payment.business_date)
