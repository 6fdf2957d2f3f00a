"""Payouts whose settlement comes after the bank's statement, and payouts that the bank takes back."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.services.runtime import Runtime
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.formats import KEPT
from reconciliation.reports.run import discrepancies_of
from reconciliation.runs import Run
from reconciliation.sign_off import sign_off
from reconciliation.statements.learn import learn_statement
from tests.integration.conftest import add_agency
from tests.integration.payout_books import DAY, PayoutBooks, Settled, a_runtime
from tests.integration.statement_files import Movement, camt, load, mt940
from tests.integration.village_bank import VillageBank

A_DAY = timedelta(days=1)
NEXT = DAY + A_DAY
NET = 10_000


@pytest.fixture(scope="module")
def runtime(module_database_urls: DatabaseUrls) -> Iterator[Runtime]:
    with a_runtime(module_database_urls, 30, {"village": VillageBank()}) as made:
        yield made


@pytest.fixture(scope="module")
def agency(runtime: Runtime) -> UUID:
    with runtime.db.transaction() as tx:
        return add_agency(tx, "vn-one")


@pytest.fixture
def books(runtime: Runtime) -> PayoutBooks:
    """Of an account that is no agency's."""
    return PayoutBooks(runtime)


@pytest.fixture
def own(books: PayoutBooks) -> tuple[PayoutBooks, UUID]:
    """Of an account that an agency has itself, so that payers transfer to it too."""
    with books.runtime.db.transaction() as tx:
        agency = add_agency(tx, f"vn-{books.account}")
        change = text("UPDATE agencies SET bank_account = :account, providers = '{village}' WHERE id = :id")
        tx.execute(change, {"account": books.account, "id": agency})
    return books, agency


def hand_in(books: PayoutBooks, *movements: Movement, day: date = DAY, number: int = 1, opening: int = 0) -> None:
    content = mt940(books.account, movements, day=day, number=number, opening=opening)
    learn_statement(books.runtime, load(books.runtime, content).file_id)


def opened(books: PayoutBooks) -> list[Any]:
    """All discrepancies of the account, whoever opened them."""
    return books.rows(
        "SELECT kind, status, amount_minor, evidence FROM discrepancies"
        " WHERE evidence ->> 'account' = :account ORDER BY kind, status"
    )


def kinds(books: PayoutBooks) -> list[tuple[str, str, int]]:
    return [(row.kind, row.status, row.amount_minor) for row in opened(books)]


def explained(books: PayoutBooks, run: Run) -> list[tuple[str, str]]:
    with books.runtime.db.read() as tx:
        found = [each for each in discrepancies_of(tx, run.id) if each["status"] == "open"]
    return [(each["kind"], each["explanation"]["en"]["text"]) for each in found]


def test_a_payout_that_is_settled_after_the_statement_is_found_in_its_open_lines(
    books: PayoutBooks, agency: UUID
) -> None:
    hand_in(books, Movement(NET, "PAYOUT PO77431 OF TODAY", f"{books.account}-1"))
    first = books.run()
    assert books.found(first) == [("missing_in_gateway", "open", NET)]
    books.settle("b-0001", Settled(agency, NET), payout="PO-77431", day=NEXT)
    hand_in(books, day=NEXT, number=2, opening=NET)
    later = books.run(NEXT)
    assert (later.status, later.totals["by_rule"]) == ("balanced", {"payout_reference": 1})
    assert books.found(later) == []
    assert books.found(first) == [("missing_in_gateway", "cleared", NET)]
    assert (books.on_its_way(), books.at_bank(agency)) == (0, NET)
    before = books.report(later)
    assert books.report(books.run(NEXT)) == before


def test_a_receipt_that_turns_out_to_be_a_payout_is_one(own: tuple[PayoutBooks, UUID], agency: UUID) -> None:
    books, holder = own
    hand_in(books, Movement(NET, "PAYOUT PO77431 OF TODAY", f"{books.account}-1"))
    assert books.run().totals["by_rule"] == {"known_credit": 1}
    assert kinds(books) == [("unidentified_receipt", "open", NET)]
    assert (books.at_bank(holder), books.balance("unidentified_receipts", holder)) == (NET, -NET)
    books.settle("b-0001", Settled(agency, 7_000), Settled(holder, 3_000), payout="PO-77431", day=NEXT)
    hand_in(books, day=NEXT, number=2, opening=NET)
    later = books.run(NEXT)
    assert (later.status, later.totals["by_rule"]) == ("balanced", {"payout_reference": 1})
    assert kinds(books) == [("unidentified_receipt", "cleared", NET)]
    told = opened(books)[0].evidence
    assert [each["payout"] for each in told["turned_out"]] == ["PO-77431"]
    assert [each["reference"] for each in told["bank"]] == [f"{books.account}-1"]
    assert (books.at_bank(agency), books.at_bank(holder), books.on_its_way()) == (7_000, 3_000, 0)
    assert books.balance("unidentified_receipts", holder) == 0
    for day in (DAY, NEXT):
        books.run(day)
    assert (books.at_bank(agency), books.at_bank(holder), books.on_its_way()) == (7_000, 3_000, 0)


def in_mt940(books: PayoutBooks, minor: int, kind: str, day: date, number: int) -> bytes:
    movement = Movement(minor, "", f"{books.account}-1", kind=kind)
    return mt940(books.account, [movement], day=day, number=number, opening=NET if minor < 0 else 0)


def in_camt(books: PayoutBooks, minor: int, kind: str, day: date, number: int) -> bytes:
    reversal = kind.startswith("R")
    return camt(
        books.account,
        [Movement(minor, "", f"{books.account}-{number}")],
        day=day,
        number=number,
        reversal=reversal,
        end_to_end_id="E2E-1",
    )


def check_stays(books: PayoutBooks, taken: Run) -> None:
    """What has ended is not taken up again, whatever the code does."""
    ended = text("UPDATE bank_matches SET ended_by = NULL WHERE ended_by = :run")
    with books.runtime.db.transaction() as tx, pytest.raises(DBAPIError, match="written anew by its run, or stays"):
        tx.execute(ended, {"run": taken.id})


@pytest.mark.parametrize("written", [in_mt940, in_camt])
@pytest.mark.parametrize("signed", [False, True], ids=["open", "signed"])
def test_what_the_bank_takes_back_of_a_payout_is_missing_again_until_it_comes_again(
    books: PayoutBooks, agency: UUID, written: Any, signed: bool
) -> None:
    runtime = books.runtime
    first_file = mt940(books.account, [Movement(NET, "PAYOUT PO77431", f"{books.account}-1")])
    if written is in_camt:
        first_file = camt(books.account, [Movement(NET, "PAYOUT PO77431", f"{books.account}-1")], end_to_end_id="E2E-1")
    books.settle("b-0001", Settled(agency, NET), payout="PO-77431")
    load(runtime, first_file)
    matched = books.run()
    assert matched.status == "balanced"
    if signed:
        with runtime.db.transaction() as tx:
            sign_off(tx, matched.id, "approver", "as the statement has it", {}, KEPT)
    before = books.report(matched)

    load(runtime, written(books, -NET, "RC", NEXT, 2))
    taken = books.run(NEXT)
    assert (taken.status, taken.totals["by_rule"]) == ("exceptions", {"payout_taken_back": 2})
    ((kind, told),) = explained(books, taken)
    assert kind == "payout_missing"
    assert "the bank took it back on 2026-03-03" in told
    assert (books.on_its_way(agency), books.at_bank(agency)) == (NET, 0)
    undone = books.rows(
        "SELECT entry.cause FROM ledger_entries AS entry JOIN bank_statements ON bank_statements.id = subject_id"
        " WHERE account = :account ORDER BY entry.id"
    )
    assert [row.cause for row in undone] == ["payout", "payout_taken_back"]
    assert books.report(matched) == before
    check_stays(books, taken)
    totals = books.run(NEXT).totals
    assert totals == taken.totals
    if not signed:
        books.run()
        assert (books.on_its_way(agency), books.at_bank(agency)) == (NET, 0)

    load(runtime, written(books, NET, "RD", NEXT + A_DAY, 3))
    again = books.run(NEXT + A_DAY)
    assert (again.status, again.totals["by_rule"]) == ("balanced", {"payout_reference": 1})
    assert books.found(taken) == [("payout_missing", "cleared", NET)]
    assert (books.on_its_way(agency), books.at_bank(agency)) == (0, NET)


def test_a_receipt_that_the_bank_takes_back_is_no_debit_that_nobody_knows(own: tuple[PayoutBooks, UUID]) -> None:
    books, _ = own
    hand_in(books, Movement(700, "?", f"{books.account}-1"))
    hand_in(books, Movement(-700, "", f"{books.account}-1", kind="RC"), number=2, day=NEXT, opening=700)
    run = books.run(NEXT)
    assert (run.status, run.totals["by_rule"]) == ("balanced", {"known_credit": 1, "known_return": 1})
    assert kinds(books) == [("unidentified_receipt", "cleared", 700)]
