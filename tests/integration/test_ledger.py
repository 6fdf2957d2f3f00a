"""The ledger: an entry is posted once, and what is read of it is what was posted."""

import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Invalid
from gateway.domain.ledger import PAYER_CREDIT, RECEIVABLE, Entry, fees
from gateway.domain.ledger import in_transit as via
from gateway.services.read_ledger import AccountNotFound, account_balance, entries
from gateway.services.runtime import Caller
from gateway.store.database import Database
from tests.integration.bookkeeping import DAY, at_once, balance, by_code, entry, post, post_a_month, scalar


@pytest.fixture
def a_month(db: Database, agency: UUID, other_agency: UUID) -> list[Entry]:
    return post_a_month(db, agency, other_agency)


@pytest.fixture
def books(db: Database, agency: UUID, other_agency: UUID) -> UUID:
    """An agency with some entries, beside another one."""
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 100)))
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 7), currency="USD"))
    post(db, entry(db, other_agency, (RECEIVABLE, fees("1"), 1000)))
    return agency


def test_a_posted_entry_is_in_the_trial_balance(db: Database, agency: UUID, portal: Caller) -> None:
    post(db, entry(db, agency, (RECEIVABLE, fees("2663"), 200_000), (via("sandbox"), RECEIVABLE, 150_000)))
    trial = balance(db, portal)
    assert by_code(trial) == {
        "vn-moj/fees:2663": (0, 200_000, 200_000),
        "vn-moj/in_transit:sandbox": (150_000, 0, 150_000),
        "vn-moj/receivable": (200_000, 150_000, 50_000),
    }
    assert {account["code"]: account["kind"] for account in trial["accounts"]}["vn-moj/fees:2663"] == "income"
    assert trial["total_debit_minor"] == trial["total_credit_minor"] == 350_000


def test_a_trial_balance_is_of_one_currency_one_day_and_the_callers_agency(
    db: Database, agency: UUID, other_agency: UUID, portal: Caller, everywhere: Caller
) -> None:
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 100)))
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 7), currency="USD"))
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 30), on=DAY + timedelta(days=1)))
    post(db, entry(db, other_agency, (RECEIVABLE, fees("1"), 1000)))
    assert balance(db, portal)["total_debit_minor"] == 100
    assert balance(db, portal, DAY + timedelta(days=1))["total_debit_minor"] == 130
    assert balance(db, portal, DAY - timedelta(days=1))["accounts"] == []
    assert balance(db, portal, currency="USD")["total_credit_minor"] == 7
    assert set(by_code(balance(db, everywhere))) == {
        f"{code}/{account}" for code in ("vn-moj", "vn-mps") for account in ("fees:1", "receivable")
    }


def test_the_same_key_twice_posts_once(db: Database, agency: UUID, portal: Caller) -> None:
    paid = entry(db, agency, (via("sandbox"), RECEIVABLE, 500), key="payment:1")
    post(db, paid)
    post(db, paid)
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 5)), paid)
    assert by_code(balance(db, portal))["vn-moj/in_transit:sandbox"] == (500, 0, 500)


def test_the_same_key_twice_in_one_batch_posts_once(db: Database, agency: UUID, portal: Caller) -> None:
    paid = entry(db, agency, (via("sandbox"), RECEIVABLE, 500), (via("sandbox"), PAYER_CREDIT, 20), key="payment:1")
    post(db, paid, paid)
    assert by_code(balance(db, portal))["vn-moj/in_transit:sandbox"] == (520, 0, 520)
    assert scalar(db, "SELECT count(*) FROM ledger_transfers") == 2


@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_key_with_another_content_is_refused(db: Database, agency: UUID, at_once: bool) -> None:
    subject = entry(db, agency, (via("sandbox"), RECEIVABLE, 500), key="payment:1")
    other = entry(db, agency, (via("sandbox"), RECEIVABLE, 501), key="payment:1")
    if not at_once:
        post(db, subject)
    with pytest.raises(IntegrityError, match="with another content"):
        post(db, *([subject, other] if at_once else [other]))
    assert scalar(db, "SELECT coalesce(sum(amount_minor), 0) FROM ledger_transfers") == (0 if at_once else 500)


def test_one_key_posted_by_eight_at_once_is_one_entry(db: Database, agency: UUID, portal: Caller) -> None:
    paid = entry(db, agency, (via("sandbox"), RECEIVABLE, 500), key="payment:1")
    at_once(8, lambda _: post(db, paid))
    assert scalar(db, "SELECT count(*) FROM ledger_entries") == 1
    assert balance(db, portal)["total_debit_minor"] == 500


def test_batches_that_share_keys_and_accounts_in_any_order_do_not_deadlock(
    db: Database, agency: UUID, portal: Caller
) -> None:
    shared = [entry(db, agency, (RECEIVABLE, fees(str(n)), 1 + n), key=f"invoice:{n}") for n in range(40)]

    def work(n: int) -> None:
        post(db, *random.Random(n).sample(shared, len(shared)))

    at_once(8, work)
    assert scalar(db, "SELECT count(*) FROM ledger_entries") == len(shared)
    assert balance(db, portal)["total_debit_minor"] == sum(1 + n for n in range(40))


def test_an_accounts_balance_is_its_line_of_the_trial_balance(db: Database, books: UUID, portal: Caller) -> None:
    with db.transaction() as tx:
        assert account_balance(tx, portal, "vn-moj/receivable", "VND", DAY)["balance_minor"] == 100
        assert account_balance(tx, portal, "vn-moj/receivable", "USD", DAY)["balance_minor"] == 7
        assert account_balance(tx, portal, "vn-moj/receivable", "KRW", DAY)["balance_minor"] == 0


@pytest.mark.parametrize("unknown", ["vn-moj/bank:9", "vn-mps/receivable", "nobody/receivable"])
def test_an_account_that_the_caller_does_not_have_is_not_found(
    db: Database, books: UUID, portal: Caller, unknown: str
) -> None:
    with db.transaction() as tx:
        with pytest.raises(AccountNotFound):
            account_balance(tx, portal, unknown, "VND", DAY)
        with pytest.raises(AccountNotFound):
            entries(tx, portal, account=unknown)


def test_an_account_without_its_agency_is_refused(db: Database, portal: Caller) -> None:
    with db.transaction() as tx, pytest.raises(Invalid, match="with its agency"):
        entries(tx, portal, account="receivable")


def pages(db: Database, caller: Caller, **asked: Any) -> list[dict[str, Any]]:
    """All that `entries` lists, read page by page."""
    found, after = [], None
    while True:
        with db.transaction() as tx:
            page = entries(tx, caller, after=after, limit=3, **asked)
        found += page["data"]
        after = page["next"]
        if after is None:
            return found
        assert len(page["data"]) == 3


@pytest.mark.parametrize(
    "asked", [{}, {"first": DAY + timedelta(days=2)}, {"first": DAY, "last": DAY + timedelta(days=5)}]
)
@pytest.mark.parametrize("account", [None, "vn-moj/in_transit:sandbox", "vn-moj/receivable"])
def test_the_pages_of_a_list_hold_every_entry_once_by_day(
    db: Database, agency: UUID, portal: Caller, a_month: list[Entry], account: str | None, asked: dict[str, date]
) -> None:
    found = pages(db, portal, account=account, **asked)
    expected = {
        each.key
        for each in a_month
        if each.agency_id == agency
        and asked.get("first", date.min) <= each.business_date <= asked.get("last", date.max)
        and (
            account is None or any(account == f"vn-moj/{code}" for t in each.transfers for code in (t.debit, t.credit))
        )
    }
    assert len(found) == len(expected)
    assert {each["key"] for each in found} == expected
    assert [each["business_date"] for each in found] == sorted(each["business_date"] for each in found)


def test_a_listed_entry_has_all_its_transfers(db: Database, agency: UUID, portal: Caller) -> None:
    paid = entry(db, agency, (via("sandbox"), RECEIVABLE, 500), (via("sandbox"), PAYER_CREDIT, 20))
    post(db, paid)
    (listed,) = pages(db, portal, account="vn-moj/payer_credit")
    assert [(t["debit"], t["credit"], t["amount_minor"], t["currency"]) for t in listed["transfers"]] == [
        ("vn-moj/in_transit:sandbox", "vn-moj/receivable", 500, "VND"),
        ("vn-moj/in_transit:sandbox", "vn-moj/payer_credit", 20, "VND"),
    ]
    assert (listed["key"], listed["cause"], listed["agency"]) == (paid.key, "test", "vn-moj")
    assert listed["subject_id"] == paid.subject_id


def test_every_agencys_entries_are_listed_for_who_acts_for_all(
    db: Database, everywhere: Caller, a_month: list[Entry]
) -> None:
    assert {each["key"] for each in pages(db, everywhere)} == {each.key for each in a_month}


@pytest.mark.parametrize("wrong", ["", "x", "W10", "bm90IGpzb24", "WyJsZWRnZXJfZW50cmllcyIsIjIwMjYtMTMtMDEiLDFd", "é"])
def test_what_is_no_cursor_is_refused(db: Database, portal: Caller, wrong: str) -> None:
    with db.transaction() as tx, pytest.raises(Invalid, match="cursor"):
        entries(tx, portal, after=wrong)
