"""Entries for the tests of the ledger, and what they add up to."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from gateway.domain.ledger import RECEIVABLE, Entry, Transfer, fees
from gateway.domain.ledger import in_transit as via
from gateway.domain.money import Money
from gateway.services.read_ledger import trial_balance
from gateway.services.runtime import Caller
from gateway.store.database import Database, new_id

DAY = date(2026, 3, 2)


def entry(
    db: Database, agency: UUID, *transfers: tuple[str, str, int], key: str = "", on: date = DAY, currency: str = "VND"
) -> Entry:
    moved = tuple(Transfer(debit, credit, Money(amount, currency)) for debit, credit, amount in transfers)
    return Entry(key or str(new_id()), "test", agency, new_id(), db.now(), on, moved)


def post(db: Database, *posted: Entry) -> None:
    with db.transaction() as tx:
        for each in posted:
            tx.post(each)


def scalar(db: Database, query: str) -> Any:
    with db.read() as tx:
        return tx.execute(text(query)).scalar_one()


def balance(db: Database, caller: Caller, on: date = DAY, currency: str = "VND") -> dict[str, Any]:
    with db.transaction() as tx:
        return trial_balance(tx, caller, currency, on)


def by_code(trial: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    columns = ("debit_minor", "credit_minor", "balance_minor")
    return {account["code"]: tuple(account[column] for column in columns) for account in trial["accounts"]}


def at_once(count: int, work: Callable[[int], None]) -> None:
    """Run `work` in so many threads that begin together; the first exception is raised."""
    start = threading.Barrier(count)

    def run(n: int) -> None:
        start.wait()
        work(n)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def post_a_month(db: Database, agency: UUID, other_agency: UUID) -> list[Entry]:
    """Entries on several days, posted in no order; every third is a payment, and every fourth of the other agency."""
    chance = random.Random(3)
    month = []
    for n in range(31):
        on = DAY + timedelta(days=chance.randrange(9))
        sides = (via("sandbox"), RECEIVABLE) if n % 3 == 0 else (RECEIVABLE, fees("1"))
        month.append(entry(db, other_agency if n % 4 == 0 else agency, (*sides, 1 + n), (*sides, 1), on=on))
    post(db, *month[:20])
    post(db, *month[20:])
    return month
