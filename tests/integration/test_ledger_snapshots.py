"""Snapshots of the ledger: totals and what came since add up to the plain sum, at every moment."""

import random
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from gateway.domain.ledger import DISPUTES, PAYER_CREDIT, RECEIVABLE, REFUNDS_PAYABLE, Entry, bank, fees
from gateway.domain.ledger import in_transit as via
from gateway.services.runtime import Caller, Runtime
from gateway.services.snapshot_ledger import snapshot_ledger
from gateway.store import months
from gateway.store.database import Database
from gateway.store.settled import settled_upto
from tests.integration.bookkeeping import DAY, at_once, balance, by_code, entry, post, post_a_month, scalar

ACCOUNTS = [RECEIVABLE, PAYER_CREDIT, REFUNDS_PAYABLE, DISPUTES, fees("2663"), bank("0011"), via("sandbox")]


@pytest.fixture
def a_month(db: Database, agency: UUID, other_agency: UUID) -> list[Entry]:
    return post_a_month(db, agency, other_agency)


def plain_sum(db: Database) -> dict[tuple[UUID, str, str], tuple[int, int]]:
    """Debit and credit turnover by agency, account and currency, added up here from the bare transfers."""
    sums: dict[tuple[UUID, str, str], list[int]] = defaultdict(lambda: [0, 0])
    query = text(
        "SELECT t.agency_id, t.currency, t.amount_minor, d.code AS debit, c.code AS credit FROM ledger_transfers t"
        " JOIN ledger_accounts d ON d.id = debit_account_id JOIN ledger_accounts c ON c.id = credit_account_id"
    )
    with db.read() as tx:
        for row in tx.all(query):
            sums[row.agency_id, row.debit, row.currency][0] += row.amount_minor
            sums[row.agency_id, row.credit, row.currency][1] += row.amount_minor
    return {account: (debit, credit) for account, (debit, credit) in sums.items()}


def snapshot_upto(db: Database) -> int:
    return int(scalar(db, "SELECT coalesce(max(upto_transfer_id), 0) FROM ledger_snapshots"))


def test_a_snapshot_changes_no_balance(
    db: Database, runtime: Runtime, everywhere: Caller, a_month: list[Entry]
) -> None:
    before = [balance(db, everywhere, DAY + timedelta(days=n)) for n in range(10)]
    snapshot_ledger(runtime)
    assert snapshot_upto(db) == scalar(db, "SELECT max(id) FROM ledger_transfers")
    assert [balance(db, everywhere, DAY + timedelta(days=n)) for n in range(10)] == before
    snapshot_ledger(runtime)
    assert scalar(db, "SELECT count(*) FROM ledger_snapshots") == 1


def test_a_snapshot_in_steps_is_the_same(
    db: Database, runtime: Runtime, everywhere: Caller, a_month: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = balance(db, everywhere, date.max)
    monkeypatch.setattr("gateway.services.snapshot_ledger.TRANSFERS_A_STEP", 7)
    snapshot_ledger(runtime)
    assert scalar(db, "SELECT count(*) FROM ledger_snapshots") == 9
    assert balance(db, everywhere, date.max) == before


def moved(db: Database, agency_id: UUID | None = None) -> list[list[tuple[object, ...]]]:
    """What moves between accounts, by every transfer and by the sums of the snapshots."""
    with db.snapshot() as tx:
        span = (agency_id, DAY + timedelta(days=1), DAY + timedelta(days=6))
        return [list(map(tuple, read(tx, *span))) for read in (months.movements, months.flows)]


def test_what_moves_between_accounts_is_the_same_with_and_without_snapshots(
    db: Database,
    runtime: Runtime,
    agency: UUID,
    other_agency: UUID,
    a_month: list[Entry],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.services.snapshot_ledger.TRANSFERS_A_STEP", 7)
    by_transfer, summed = moved(db)
    assert by_transfer
    assert summed == by_transfer
    snapshot_ledger(runtime)
    post_a_month(db, agency, other_agency)
    for which in (None, agency, other_agency):
        by_transfer, summed = moved(db, which)
        assert by_transfer
        assert summed == by_transfer


def test_an_empty_ledger_has_an_empty_snapshot(db: Database, runtime: Runtime, everywhere: Caller) -> None:
    snapshot_ledger(runtime)
    assert snapshot_upto(db) == 0
    assert balance(db, everywhere)["total_debit_minor"] == 0


def test_a_snapshot_waits_for_a_writer_that_has_a_lower_id(
    db: Database, runtime: Runtime, agency: UUID, portal: Caller
) -> None:
    """The danger: a writer takes its id first and commits last, below what was meanwhile summed up."""
    opened = entry(db, agency, (RECEIVABLE, fees("1"), 1), (via("sandbox"), RECEIVABLE, 1))
    post(db, opened)
    with db.transaction() as slow:
        slow.post(entry(db, agency, (RECEIVABLE, fees("1"), 1)))
        slow.flush()
        post(db, entry(db, agency, (via("sandbox"), RECEIVABLE, 20)))
        snapshot_ledger(runtime, patience=timedelta(milliseconds=100))
        assert snapshot_upto(db) == 0
        waiting = ThreadPoolExecutor(1)
        snapshot = waiting.submit(snapshot_ledger, runtime, patience=timedelta(seconds=20))
        post(db, entry(db, agency, (via("sandbox"), RECEIVABLE, 300)))
    snapshot.result(timeout=20)
    waiting.shutdown()
    assert snapshot_upto(db) >= 4
    assert balance(db, portal)["total_debit_minor"] == 323


def test_a_writer_that_comes_later_is_not_waited_for(db: Database, agency: UUID) -> None:
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 1)))
    with db.transaction() as first:
        first.post(entry(db, agency, (RECEIVABLE, fees("1"), 1)))
        first.flush()
        with ThreadPoolExecutor(1) as pool:
            settled = pool.submit(settled_upto, db, "ledger_transfers", timedelta(seconds=20))
            with pytest.raises(TimeoutError):
                settled.result(timeout=0.3)
            with db.transaction() as later:
                later.post(entry(db, agency, (RECEIVABLE, fees("1"), 1)))
                later.flush()
                first.connection.rollback()
                assert settled.result(timeout=10) == 2


def test_readers_are_not_waited_for(db: Database, a_month: list[Entry]) -> None:
    with db.transaction() as tx:
        tx.all(text("TABLE ledger_transfers"))
        assert settled_upto(db, "ledger_transfers", timedelta(0)) == 62


@pytest.mark.parametrize("seed", range(3))
def test_totals_and_tail_equal_the_plain_sum_while_posters_and_snapshots_race(
    db: Database, runtime: Runtime, agency: UUID, other_agency: UUID, everywhere: Caller, seed: int
) -> None:
    posters, done = 5, threading.Event()
    codes = {agency: "vn-moj", other_agency: "vn-mps"}

    def work(n: int) -> None:
        chance = random.Random(f"{seed} {n}")
        for _ in range(25):
            debit, credit = chance.sample(ACCOUNTS, 2)
            new = entry(db, chance.choice(list(codes)), (debit, credit, chance.randint(1, 10**6)))
            if chance.random() < 0.2:
                with db.transaction() as tx:
                    tx.post(new)
                    tx.flush()
                    tx.connection.rollback()
            with db.transaction() as tx:
                tx.post(new)
                tx.flush()
                if chance.random() < 0.3:
                    tx.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": chance.random() / 50})

    def watch() -> None:
        while not done.is_set():
            snapshot_ledger(runtime)
            trial = balance(db, everywhere, date.max)
            assert trial["total_debit_minor"] == trial["total_credit_minor"]

    with ThreadPoolExecutor(2) as watchers:
        watching = [watchers.submit(watch) for _ in range(2)]
        try:
            at_once(posters, work)
        finally:
            done.set()
        for each in watching:
            each.result()
    assert scalar(db, "SELECT count(*) FROM ledger_snapshots") > 1
    assert snapshot_upto(db) > 0
    summed = {f"{codes[agency_id]}/{account}": totals for (agency_id, account, _), totals in plain_sum(db).items()}
    assert {code: line[:2] for code, line in by_code(balance(db, everywhere, date.max)).items()} == summed
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 5)))
    snapshot_ledger(runtime)
    assert balance(db, everywhere, date.max)["total_debit_minor"] == sum(t[0] for t in summed.values()) + 5
