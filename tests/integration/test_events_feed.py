"""The feed: a portal that follows it sees each committed event of its agency once, whatever the order of commits."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gateway.domain.errors import Invalid
from gateway.services.list_events import list_events
from gateway.services.runtime import Caller
from gateway.store.database import Database, new_id


def emit(db: Database, agency: UUID, *numbers: int) -> None:
    with db.transaction() as tx:
        for n in numbers:
            tx.emit("payment.succeeded", agency, {"n": n})


def page(db: Database, caller: Caller, after: str | None = None, limit: int = 50) -> dict[str, Any]:
    with db.transaction() as tx:
        return list_events(tx, caller, after, limit)


def follow(db: Database, caller: Caller, after: str | None = None, limit: int = 50) -> tuple[list[int], str | None]:
    """The numbers of all events after a cursor, and the cursor of the last."""
    numbers = []
    while True:
        got = page(db, caller, after, limit)
        numbers += [event["data"]["n"] for event in got["data"]]
        after = got["data"][-1]["id"] if got["data"] else after
        if got["next"] is None:
            return numbers, after
        assert got["next"] == after


def test_the_feed_tells_what_happened_in_order(db: Database, agency: UUID, portal: Caller) -> None:
    emit(db, agency, 1, 2)
    emit(db, agency, 3)
    (first, *_) = page(db, portal)["data"]
    assert set(first) == {"id", "type", "timestamp", "data"}
    assert (first["type"], first["timestamp"]) == ("payment.succeeded", db.now().isoformat())
    assert follow(db, portal, limit=2)[0] == [1, 2, 3]


def test_a_portal_goes_on_from_the_last_event_it_has(db: Database, agency: UUID, portal: Caller) -> None:
    emit(db, agency, 1, 2)
    _, last = follow(db, portal)
    assert follow(db, portal, last) == ([], last)
    emit(db, agency, 3)
    assert follow(db, portal, last)[0] == [3]


def test_an_agency_sees_its_own_events_only(
    db: Database, agency: UUID, other_agency: UUID, portal: Caller, everywhere: Caller
) -> None:
    emit(db, agency, 1)
    emit(db, other_agency, 2)
    emit(db, agency, 3)
    assert follow(db, portal, limit=1)[0] == [1, 3]
    assert follow(db, everywhere, limit=1)[0] == [1, 2, 3]


def test_another_agencys_event_is_no_cursor(
    db: Database, agency: UUID, other_agency: UUID, portal: Caller, everywhere: Caller
) -> None:
    emit(db, other_agency, 2)
    theirs = page(db, everywhere)["data"][0]["id"]
    for wrong in (theirs, str(new_id()), "x", ""):
        with pytest.raises(Invalid):
            page(db, portal, wrong)


def test_what_is_rolled_back_was_never_in_the_feed(db: Database, agency: UUID, portal: Caller) -> None:
    with db.transaction() as tx:
        tx.emit("payment.succeeded", agency, {"n": 1})
        tx.flush()
        assert follow(db, portal)[0] == []
        tx.connection.rollback()
    emit(db, agency, 2)
    assert follow(db, portal)[0] == [2]


def test_an_event_that_commits_late_comes_late_and_is_not_missed(db: Database, agency: UUID, portal: Caller) -> None:
    with db.transaction() as slow:
        slow.emit("payment.succeeded", agency, {"n": 1})
        slow.flush()
        emit(db, agency, 2)
        seen, last = follow(db, portal)
        assert seen == [2]
    assert follow(db, portal, last)[0] == [1]
    assert follow(db, portal)[0] == [2, 1]


def test_readers_miss_nothing_and_see_nothing_twice_while_writers_commit_in_any_order(
    db: Database, agency: UUID, portal: Caller
) -> None:
    writers, each, done = 5, 30, threading.Event()

    def write(writer: int) -> None:
        chance = random.Random(writer)
        for n in range(each):
            with db.transaction() as tx:
                tx.emit("payment.succeeded", agency, {"n": writer * each + n})
                tx.flush()
                tx.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": chance.random() / 40})
                if chance.random() < 0.2:
                    tx.connection.rollback()

    def read(limit: int) -> list[int]:
        seen: list[int] = []
        last = None
        while True:
            finished = done.is_set()
            new, last = follow(db, portal, last, limit)
            seen += new
            if finished:
                return seen

    with ThreadPoolExecutor(writers) as writing, ThreadPoolExecutor(3) as reading:
        readers = [reading.submit(read, limit) for limit in (1, 7, 50)]
        try:
            list(writing.map(write, range(writers)))
        finally:
            done.set()
        seen = [reader.result() for reader in readers]
    with db.read() as tx:
        committed = set(tx.execute(text("SELECT CAST(data ->> 'n' AS int) FROM events")).scalars())
    assert 100 < len(committed) < writers * each
    assert all(len(one) == len(committed) and set(one) == committed for one in seen)
    assert seen[0] == seen[1] == seen[2]
