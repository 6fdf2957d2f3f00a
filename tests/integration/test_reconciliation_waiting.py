"""A day whose file has not come is run again until it is there, and is late at a told hour."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from gateway.services.monitor import state_of_work
from reconciliation.jobs import due_days
from reconciliation.waiting import file_state, late_from
from tests.integration.night import Night

NOTHING_DUE = {"open": {"amount_mismatch": 1}}
DUE = {"open": {"timing": 1}}


def late_events(night: Night) -> set[str]:
    with night.world.runtime.db.read() as tx:
        query = text("SELECT data ->> 'business_date' FROM events WHERE type = 'reconciliation.file_late'")
        return set(tx.execute(query).scalars())


def is_due(night: Night) -> bool:
    zone = night.world.runtime.provider("sandbox").capabilities.time_zone
    with night.world.runtime.db.transaction() as tx:
        return night.day in due_days(tx, "sandbox", zone)


def test_a_day_waits_for_its_file_and_is_run_again_until_it_is_there(night: Night) -> None:
    waiting = night.run()
    assert (waiting.status, waiting.totals["waiting_for_file"], waiting.totals["file_late"]) == (
        "exceptions",
        True,
        False,
    )
    assert late_events(night) == set()
    night.world.clock.ahead = timedelta(days=3)
    assert is_due(night)
    assert state_of_work(night.world.runtime).late_files == {}
    assert night.run().totals["file_late"]
    assert state_of_work(night.world.runtime).late_files == {"sandbox": 1}
    assert late_events(night) == {night.day.isoformat()}
    told = night.world.count("events WHERE type = 'reconciliation.file_late'")
    assert night.run().totals["file_late"]
    assert night.world.count("events WHERE type = 'reconciliation.file_late'") == told
    night.settle()
    done = night.run()
    assert (done.status, done.totals["waiting_for_file"], done.totals["file_late"]) == ("balanced", False, False)
    assert not is_due(night)
    assert state_of_work(night.world.runtime).late_files == {}


def test_a_file_is_late_at_ten_in_the_morning_where_the_provider_is(night: Night) -> None:
    capabilities = night.world.runtime.provider("sandbox").capabilities
    day, at = date(2026, 1, 15), late_from(date(2026, 1, 15), capabilities)
    assert (at.hour, str(at.tzinfo)) == (10, capabilities.time_zone)
    assert at.date() == day + timedelta(days=1 + capabilities.settlement_lag_days)
    before = at.astimezone(UTC) - timedelta(microseconds=1)

    def state(due: dict[str, dict[str, int]], batches: bool, now: datetime) -> tuple[bool, ...]:
        return tuple(file_state(due, batches, day, capabilities, now).values())

    assert state(DUE, False, before) == (True, False)
    assert state(DUE, False, at) == (True, True)
    assert state(DUE, True, at) == (False, False)
    assert state(NOTHING_DUE, False, at) == (False, False)
