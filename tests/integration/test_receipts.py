"""Receipts: one for each paid invoice, numbered without gaps whoever numbers them and however they fail."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from gateway.domain.money import Money
from gateway.domain.receipt import LARGEST_NUMBER, Receipt
from gateway.services import issue_receipts as service
from gateway.services.issue_receipts import issue_receipts
from gateway.store import receipts
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.receipts import receipts as table
from tests.integration.world import World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


def owe(world: World, count: int) -> None:
    """As if so many invoices of one agency had been paid."""
    for _ in range(count):
        invoice = world.invoice()
        with world.runtime.db.transaction() as tx:
            receipts.add_due(tx, invoice.id, invoice.agency_id, invoice.total_minor, invoice.currency)


def numbers(world: World) -> list[tuple[int, int]]:
    with world.runtime.db.read() as tx:
        rows = tx.all(text("SELECT year, number FROM receipts WHERE number IS NOT NULL ORDER BY year, number"))
    return [(row.year, row.number) for row in rows]


def receipt_of(world: World, invoice_id: UUID) -> Receipt | None:
    with world.runtime.db.read() as tx:
        return receipts.of_invoice(tx, invoice_id)


def test_a_paid_invoice_gets_its_receipt_and_only_one(world: World) -> None:
    invoice, _ = world.paid()
    assert receipt_of(world, invoice.id) is None
    assert issue_receipts(world.runtime) == 1
    receipt = receipt_of(world, invoice.id)
    assert receipt is not None
    assert (receipt.printed_number, receipt.amount) == ("00000001", Money(invoice.total_minor, invoice.currency))
    assert issue_receipts(world.runtime) == 0


def test_an_invoice_that_is_not_paid_gets_none(world: World) -> None:
    invoice = world.invoice()
    assert issue_receipts(world.runtime) == 0
    assert receipt_of(world, invoice.id) is None


def test_workers_side_by_side_leave_no_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 3)
    owe(world, 24)

    def work(_: int) -> int:
        return sum(issue_receipts(world.runtime) for _ in range(6))

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(work, range(4)))
    done += sum(issue_receipts(world.runtime) for _ in range(8))
    assert done == 24
    assert [number for _, number in numbers(world)] == list(range(1, 25))


def test_a_number_taken_by_a_transaction_that_failed_is_given_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(world, 2)
    with monkeypatch.context() as broken:
        broken.setattr(receipts, "put_numbers", lambda *_, **__: 1 / 0)
        assert issue_receipts(world.runtime) == 0
    assert issue_receipts(world.runtime) == 2
    assert [number for _, number in numbers(world)] == [1, 2]


def test_each_year_begins_at_one(world: World) -> None:
    owe(world, 2)
    issue_receipts(world.runtime)
    year = numbers(world)[0][0]
    world.clock.ahead += timedelta(days=366)
    owe(world, 1)
    issue_receipts(world.runtime)
    assert numbers(world) == [(year, 1), (year, 2), (year + 1, 1)]


def test_a_series_that_is_used_up_issues_nothing_and_loses_nothing(world: World) -> None:
    owe(world, 2)
    issue_receipts(world.runtime)
    with world.runtime.db.transaction() as tx:
        tx.execute(text("UPDATE receipt_counters SET last_number = :last"), {"last": LARGEST_NUMBER - 1})
    owe(world, 2)
    assert issue_receipts(world.runtime) == 0
    with world.runtime.db.transaction() as tx:
        tx.execute(text("UPDATE agencies SET receipt_series = 'BB'"))
    assert issue_receipts(world.runtime) == 2
    assert [number for _, number in numbers(world)] == [1, 1, 2, 2]


def test_what_was_issued_does_not_change(world: World) -> None:
    owe(world, 1)
    issue_receipts(world.runtime)
    for change in ({"number": 7}, {"issued_at": world.clock()}, {"series": "ZZ"}):
        with pytest.raises(DBAPIError, match="is issued and does not change"), world.runtime.db.transaction() as tx:
            tx.execute(update(table).values(change))
    with pytest.raises(DBAPIError, match="permission denied"), world.runtime.db.transaction() as tx:
        tx.execute(text("DELETE FROM receipts"))
