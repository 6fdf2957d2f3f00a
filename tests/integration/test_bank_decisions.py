"""What a person decides about a payout at the bank, and when a day of the bank is run."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from gateway.domain.credit import Credit, CreditStatus
from gateway.domain.refund import SamePerson
from gateway.domain.resolution import AboveLimit, Action, NotAllowed
from gateway.services.resolve_discrepancy import approve, options, propose
from gateway.services.runtime import Caller, Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store import credits
from gateway.store.database import Database, new_id
from gateway.store.embedded import DatabaseUrls
from reconciliation.assistant.opinions import opinion_now
from reconciliation.bank.account import bank_account
from reconciliation.jobs import due_at_bank
from reconciliation.reports.formats import KEPT
from reconciliation.reports.run import discrepancies_of
from reconciliation.runs import Run, RunSignedOff, run_reconciliation
from reconciliation.sign_off import sign_off
from tests.integration.bank_statements import Booked
from tests.integration.conftest import Clock, add_agency
from tests.integration.payout_books import DAY, PayoutBooks, Settled

A_DAY = timedelta(days=1)
FINANCE, APPROVER = (Caller(new_id(), name, frozenset({name}), None) for name in ("finance", "approver"))


@pytest.fixture(scope="module")
def clock() -> Clock:
    clock = Clock()
    clock.pass_by(timedelta(days=10))
    return clock


@pytest.fixture(scope="module")
def runtime(module_database_urls: DatabaseUrls, clock: Clock) -> Iterator[Runtime]:
    db = Database(module_database_urls.app_url, clock)
    made = Runtime(db, {}, Vault({"v1": b"v" * 32}, b"l" * 32), Tokens(b"t" * 32), "https://pay.example")
    yield replace(made, write_off_limits={"VND": 1_000})
    db.close()


@pytest.fixture(scope="module")
def agency(runtime: Runtime) -> UUID:
    with runtime.db.transaction() as tx:
        return add_agency(tx, "vn-one")


@pytest.fixture(scope="module")
def other(runtime: Runtime) -> UUID:
    with runtime.db.transaction() as tx:
        return add_agency(tx, "vn-two")


@pytest.fixture
def books(runtime: Runtime) -> PayoutBooks:
    return PayoutBooks(runtime)


def only(books: PayoutBooks, run: Run) -> UUID:
    with books.runtime.db.read() as tx:
        (found,) = (each for each in discrepancies_of(tx, run.id) if each["status"] == "open")
    return UUID(found["id"])


def a_credit(account: str, name: str, minor: int, agency: UUID, at: datetime) -> Credit:
    return Credit(
        id=new_id(),
        provider="village",
        provider_transaction_id=name,
        account=account,
        amount_minor=minor,
        currency="VND",
        occurred_at=at,
        business_date=DAY,
        status=CreditStatus.UNIDENTIFIED,
        agency_id=agency,
        payment_id=None,
        received_at=at,
    )


def test_what_is_missing_of_a_payout_is_written_off_and_the_day_after_it_is_closed(
    books: PayoutBooks, agency: UUID
) -> None:
    books.settle("b-0001", Settled(agency, 10_000))
    books.book(Booked(9_500, ["b-0001"]))
    found = only(books, books.run())
    with books.runtime.db.transaction() as tx:
        (resolution,) = propose(tx, books.runtime, FINANCE, [found], Action.WRITE_OFF, "a fee of the way", {})
    with books.runtime.db.transaction() as tx:
        approve(tx, books.runtime, APPROVER, [resolution.id])
    assert (books.on_its_way(), books.at_bank()) == (0, 9_500)
    books.book(Booked(500, ["b-0001"]), day=DAY + A_DAY)
    run = books.run(DAY + A_DAY)
    after_all = ("missing_in_gateway", "open", 500)
    assert books.found(run) == [after_all, ("payout_short", "resolved", -500)]
    books.book(day=DAY + 2 * A_DAY)
    assert books.found(books.run(DAY + 2 * A_DAY)) == [after_all]
    assert (books.on_its_way(), books.at_bank()) == (0, 9_500)


@pytest.mark.parametrize(
    ("came", "effect"),
    [
        (9_500, {"vn-one": 333, "vn-two": 167}),
        (10_001, {"vn-one": -1}),
        (None, {"vn-one": 6_667, "vn-two": 3_333}),
    ],
    ids=["short", "over", "missing"],
)
def test_each_agency_bears_its_share_of_what_is_written_off(
    books: PayoutBooks, agency: UUID, other: UUID, came: int | None, effect: dict[str, int]
) -> None:
    books.runtime = replace(books.runtime, write_off_limits={"VND": 10_000})
    books.settle("b-0001", Settled(agency, 6_667), Settled(other, 3_333))
    books.book()
    books.run()
    books.book(*([Booked(came, ["b-0001"])] if came else []), day=DAY + 7 * A_DAY)
    run = books.run(DAY + 7 * A_DAY)
    with books.runtime.db.transaction() as tx:
        (resolution,) = propose(tx, books.runtime, FINANCE, [only(books, run)], Action.WRITE_OFF, "it is agreed", {})
    signed = {
        each["agency"]: each["amount_minor"] * (1 if each["debit"] == "write_offs" else -1)
        for each in resolution.effect
    }
    assert signed == effect
    with books.runtime.db.transaction() as tx, pytest.raises(SamePerson):
        approve(tx, books.runtime, FINANCE, [resolution.id])
    before = {each: books.balance("write_offs", each) for each in (agency, other)}
    with books.runtime.db.transaction() as tx:
        approve(tx, books.runtime, APPROVER, [resolution.id])
    assert [books.on_its_way(each) for each in (agency, other)] == [0, 0]
    borne = [books.balance("write_offs", each) - before[each] for each in (agency, other)]
    assert borne == [effect.get(code, 0) for code in ("vn-one", "vn-two")]
    again = books.run(DAY + 7 * A_DAY)
    assert again.status == "balanced"
    assert [books.on_its_way(each) for each in (agency, other)] == [0, 0]


def test_what_is_written_off_of_all_agencies_is_within_one_limit_and_nobodys_is_not(
    books: PayoutBooks, agency: UUID, other: UUID
) -> None:
    books.settle("b-0001", Settled(agency, 6_000), Settled(other, 6_000))
    books.book(Booked(10_800, ["b-0001"]))
    found = only(books, books.run())
    with books.runtime.db.transaction() as tx, pytest.raises(AboveLimit, match="this is 1200 VND"):
        propose(tx, books.runtime, FINANCE, [found], Action.WRITE_OFF, "each is below it", {})
    late = PayoutBooks(books.runtime)
    late.settle("b-0002", Settled(agency, 6_000), Settled(other, 6_000, known=False))
    late.book(Booked(11_900, ["b-0002"]))
    found = only(late, late.run())
    with books.runtime.db.transaction() as tx, pytest.raises(NotAllowed, match="not known yet whose a part"):
        propose(tx, books.runtime, FINANCE, [found], Action.WRITE_OFF, "whose?", {})
    (batch,) = late.rows("SELECT id FROM settlement_batches WHERE provider = :provider")
    late.match(batch.id, 2, Settled(other, 6_000))
    late.run()
    with books.runtime.db.transaction() as tx:
        (proposed,) = propose(tx, books.runtime, FINANCE, [found], Action.WRITE_OFF, "known now", {})
    assert [(each["agency"], each["amount_minor"]) for each in proposed.effect] == [("vn-one", 50), ("vn-two", 50)]


def test_money_in_transit_is_not_explained_away(books: PayoutBooks, agency: UUID) -> None:
    books.settle("b-0001", Settled(agency, 10_000))
    books.book(Booked(9_500, ["b-0001"]))
    found = only(books, books.run())
    with books.runtime.db.transaction() as tx, pytest.raises(NotAllowed, match="The ledger holds money"):
        propose(tx, books.runtime, FINANCE, [found], Action.CLOSE_EXPLAINED, "it is fine", {})
    with books.runtime.db.transaction() as tx:
        effects = {each["action"]: each["effect"] for each in options(tx, books.runtime, FINANCE, found)}
    (transfer,) = effects["write_off"]
    assert (transfer["debit"], transfer["credit"]) == ("write_offs", f"in_transit:{books.provider}")


def test_a_credit_that_was_told_before_is_known_by_the_banks_own_name_of_it(books: PayoutBooks, agency: UUID) -> None:
    one, two, other = (f"{books.account}-{number}" for number in (1, 2, 3))
    with books.runtime.db.transaction() as tx:
        for name, minor in ((one, 700), (two, 800)):
            assert credits.add(tx, a_credit(books.account, name, minor, agency, tx.now))
    books.book(*(Booked(700, reference=name) for name in (one, one, two, other)), Booked(800, reference=two))
    run = books.run()
    assert run.totals["by_rule"] == {"known_credit": 2}
    assert books.found(run) == [("missing_in_gateway", "open", 700)] * 3
    assert books.at_bank() == 0
    assert books.run().totals == run.totals


def test_a_signed_day_stays_and_what_comes_later_is_a_correction(books: PayoutBooks, agency: UUID) -> None:
    net = books.settle("b-0001", Settled(agency, 10_000))
    books.book(Booked(net, ["b-0001"]))
    run = books.run()
    with books.runtime.db.transaction() as tx:
        sign_off(tx, run.id, "approver", "as the statement has it", {}, KEPT)
    late = books.settle("b-0002", Settled(agency, 5_000))
    books.book(Booked(late, ["b-0002"]))
    with pytest.raises(RunSignedOff):
        books.run()
    correction = run_reconciliation(books.runtime, books.source, DAY, "test", correction=True)
    assert (correction.status, correction.totals["by_rule"]) == ("balanced", {"payout_reference": 1})
    assert (books.on_its_way(), books.at_bank()) == (0, net + late)
    assert correction.dated > DAY


def test_the_assistant_ranks_the_causes_of_what_a_run_of_the_account_found(books: PayoutBooks, agency: UUID) -> None:
    books.settle("b-0001", Settled(agency, 10_000))
    books.book(Booked(6_511, ["b-0001"]))
    books.run()
    (found,) = books.rows("SELECT * FROM discrepancies WHERE provider = :source")
    with books.runtime.db.read() as tx:
        told = opinion_now(tx, found, None)
    assert (told["cause"], told["proposed_action"]) == ("part_on_its_way", "open_trace")
    assert told["causes"][0]["explanation"]["en"]["for"] == [
        f"The rest may still come until {found.evidence['due_on']}.",
        "What is missing is more than 20% of the payout.",
    ]


def test_a_day_is_run_again_when_a_statement_or_a_settlement_has_come_since(
    books: PayoutBooks, agency: UUID, clock: Clock
) -> None:
    def due() -> list[int]:
        with books.runtime.db.transaction() as tx:
            account = bank_account(tx, books.runtime.payouts, books.source)
            return [(day - DAY).days for _, day in due_at_bank(tx, account)]

    books.book(Booked(100))
    for number in range(10):
        books.run(DAY + number * A_DAY)
    clock.pass_by(timedelta(hours=1))
    for number in range(10):
        books.run(DAY + number * A_DAY)
    assert due() == []
    clock.pass_by(timedelta(minutes=5))
    books.book(Booked(200), day=DAY + 7 * A_DAY)
    assert due() == [7, 8, 9]
