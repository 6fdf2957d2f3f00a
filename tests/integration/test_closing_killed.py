"""A late file, a signature and a correction, each killed at drawn moments: the next try ends as if undisturbed."""

import hashlib
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.store.embedded import DatabaseUrls
from reconciliation.reports import formats
from tests.integration.night import FEE, KEPT, Night
from tests.integration.reconcile_once import Day, reconciling
from tests.integration.test_reconciliation_killed import Runner
from tests.integration.test_reconciliation_sign_off import correct, kept, matches, state
from tests.integration.world import a_world

SEED = int(os.environ.get("RECONCILIATION_KILLS_SEED", "1"))
TRIES = 40  # a killed process is noticed by the database when its statement ends


@dataclass
class Closer(Runner):
    """Kills what closes a day, and lets it end."""

    chance: random.Random

    def disturb(self, task: Day, phases: Sequence[str]) -> None:
        """Kill `task` once in each phase; what has gone through by then may stand."""
        for phase in phases:
            with reconciling(task) as (process, told):
                for line in told:
                    if line.startswith(phase):
                        time.sleep(self.chance.randrange(40) / 1000)
                        process.kill()
                        break

    def end(self, task: Day) -> None:
        for _ in range(TRIES):
            with reconciling(task) as (process, told):
                list(told)
            if process.exitcode == 0:
                return
            time.sleep(0.25)
        pytest.fail("what was killed still holds the day")


@pytest.fixture
def closer(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Closer]:
    folder = tmp_path / "files"
    folder.mkdir()
    with a_world(database_urls, tmp_path) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        yield Closer(Night(world, payment.business_date), database_urls.app_url, folder, random.Random(SEED))


def entries(night: Night) -> list[Any]:
    query = text("SELECT cause, count(*), count(DISTINCT subject_id) FROM ledger_entries GROUP BY 1 ORDER BY 1")
    with night.world.runtime.db.read() as tx:
        return [tuple(row) for row in tx.all(query)]


def test_a_day_that_is_killed_at_each_step_is_closed_and_corrected_all_the_same(closer: Closer) -> None:
    night = closer.night
    assert night.run().totals["waiting_for_file"]
    night.settle()  # late
    closer.disturb(closer.task, ("fetching", "comparing", "writing"))
    closer.end(closer.task)
    run = night.run()
    assert night.reports(run)[0] == closer.report.read_bytes()
    assert (run.status, run.totals["matched"]) == ("balanced", 1)

    signing = replace(closer.task, signer="officer:other")
    matched, booked = matches(night, run), entries(night)
    for moment in ("starting", "writing json", "writing xlsx"):
        closer.disturb(signing, (moment,))
        assert (state(night, run).status, kept(night, run)) == ("balanced", {})
    closer.end(signing)
    signed, reports = state(night, run), kept(night, run)
    assert (signed.status, set(reports)) == ("signed_off", set(formats.KEPT))
    assert hashlib.sha256(reports["json"]).digest() == signed.report_sha256
    assert (matches(night, run), entries(night)) == (matched, booked)

    silent = night.world.start(night.world.checkout(night.world.invoice()))
    night.world.play(silent, "silent")
    night.settle()
    correcting = replace(closer.task, correction=True)
    closer.disturb(correcting, ("fetching", "1 movements were news", "writing"))
    closer.end(correcting)
    report = closer.report.read_bytes()
    assert night.reports(correct(night))[0] == report
    assert (state(night, run), kept(night, run), matches(night, run)) == (signed, reports, matched)
    assert closer.left_behind() == []
    assert [row for row in entries(night) if row[0] == "payment_succeeded"] == [("payment_succeeded", 2, 2)]
    assert night.world.balances()["provider_fees:sandbox"] == 2 * KEPT
    assert night.world.balances()["in_transit:sandbox"] == 2 * (FEE - KEPT)
