"""A run that is killed at any moment leaves nothing that the next one does not put right."""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.domain.payment import Payment
from gateway.store.embedded import DatabaseUrls
from reconciliation.workspace import NAME
from tests.integration.night import FEE, KEPT, Night
from tests.integration.reconcile_once import Day, reconciling
from tests.integration.world import a_world

PHASES = ("starting", "fetching", "comparing", "1 movements were news", "writing", "reporting")
# In each phase so many kills, and as many again at any moment of a run.
ROUNDS = int(os.environ.get("RECONCILIATION_KILLS", "2"))
SEED = int(os.environ.get("RECONCILIATION_KILLS_SEED", "1"))
EXTRA = 500  # what the provider kept too much of one payment


@dataclass
class Runner:
    """Runs the day in processes of their own, whose files are all in one folder."""

    night: Night
    database_url: str
    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "report.json"

    @property
    def task(self) -> Day:
        settings = {**self.night.world.settings, "GATEWAY_SANDBOX_BASE_URL": self.night.world.simulator.url}
        return Day(self.database_url, settings, self.night.day, self.folder, self.report)

    def kill_in(self, phase: str, after_ms: int) -> None:
        """Kill a run so long after it entered `phase`; one that never does ends by itself."""
        with reconciling(self.task) as (process, told):
            for line in told:
                if line.startswith(phase):
                    time.sleep(after_ms / 1000)
                    process.kill()
                    break

    def left_behind(self) -> list[Path]:
        """The folders of runs that are there."""
        return list(self.folder.glob(f"{NAME}-*/*"))

    def finish(self) -> None:
        with reconciling(self.task) as (process, told):
            list(told)
        assert process.exitcode == 0


@pytest.fixture
def runner(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Runner]:
    folder = tmp_path / "files"
    folder.mkdir()
    with a_world(database_urls, tmp_path) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        yield Runner(Night(world, payment.business_date), database_urls.app_url, folder)


def play_the_day(night: Night) -> Payment:
    """Two faults are planted, and of one payment no notification comes. Returns that payment."""
    for fault in ("duplicate_line", "wrong_fee"):
        _, payment = night.world.paid()
        night.plant(fault, payment)
    silent = night.world.start(night.world.checkout(night.world.invoice()))
    night.world.play(silent, "silent")
    night.settle()
    return silent


def test_a_run_that_is_killed_again_and_again_ends_as_if_undisturbed(runner: Runner) -> None:
    night = runner.night
    silent = play_the_day(night)
    chance = random.Random(SEED)
    for phase in PHASES * ROUNDS:
        runner.kill_in(phase, after_ms=chance.randrange(60))
    for _ in range(ROUNDS):
        runner.kill_in("starting", after_ms=chance.randrange(800))
    assert runner.left_behind()
    runner.finish()
    assert runner.left_behind() == []
    report = runner.report.read_bytes()

    run = night.run()
    assert night.reports(run)[0] == report
    assert night.world.payment(silent.id).status == "succeeded"
    assert night.kinds(run) == [
        ("duplicate_at_provider", "open"),
        ("fee_mismatch", "open"),
        ("status_mismatch", "cleared"),
    ]
    assert (run.status, run.totals["matched"]) == ("exceptions", 4)
    balances = night.world.balances()
    assert balances["provider_fees:sandbox"] == 4 * KEPT + EXTRA
    assert balances["in_transit:sandbox"] == 4 * (FEE - KEPT) - EXTRA
    assert sum(balances.values()) == 0
