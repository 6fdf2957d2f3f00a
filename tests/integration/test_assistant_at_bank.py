"""What the assistant reads of the database around a run of a bank account: what went back, what came, what was paid."""

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.services.runtime import Runtime
from gateway.store import reconciliation
from gateway.store.database import new_id
from gateway.store.embedded import DatabaseUrls
from gateway.store.reconciliation import NewDiscrepancy
from gateway.store.tables.invoices import checkout_sessions
from gateway.store.tables.payments import payments
from reconciliation.assistant.opinions import opinion_now
from tests.integration.bank_statements import Booked
from tests.integration.conftest import add_agency
from tests.integration.payout_books import DAY, PayoutBooks, Settled, a_runtime

A_DAY = timedelta(days=1)
WORTH = 1_000_013
LACKS = 140_000


@pytest.fixture(scope="module")
def runtime(module_database_urls: DatabaseUrls) -> Iterator[Runtime]:
    with a_runtime(module_database_urls, 10) as made:
        yield made


@pytest.fixture(scope="module")
def agency(runtime: Runtime) -> UUID:
    with runtime.db.transaction() as tx:
        return add_agency(tx, "vn-one")


@pytest.fixture
def books(runtime: Runtime) -> PayoutBooks:
    return PayoutBooks(runtime)


def likeliest(books: PayoutBooks) -> tuple[str, list[str]]:
    """Of the only discrepancy that is open at the bank: its cause, and what speaks for it."""
    (found,) = books.rows("SELECT * FROM discrepancies WHERE provider = :source AND status = 'open'")
    with books.runtime.db.read() as tx:
        told = opinion_now(tx, found, None)
    return told["cause"], told["causes"][0]["for"]


def short(books: PayoutBooks, agency: UUID) -> tuple[str, list[str]]:
    books.settle("b-0001", Settled(agency, WORTH))
    books.book(Booked(WORTH - LACKS, ["b-0001"]))
    books.run()
    return likeliest(books)


def went_back(books: PayoutBooks, minor: int, day: date, until: date | None = None) -> None:
    """The provider has not settled it by the run of `day`; the run of `until` finds it settled."""
    with books.runtime.db.transaction() as tx:
        runs = {}
        for each in filter(None, (day, until)):
            run = reconciliation.begin_run(tx, books.provider, each, "test", "2", dated=each)
            assert run is not None
            runs[each] = run.id
        found = reconciliation.insert_discrepancy(
            tx,
            NewDiscrepancy(
                f"timing:{new_id()}",
                DiscrepancyKind.TIMING,
                books.provider,
                None,
                day,
                runs[day],
                None,
                None,
                -minor,
                "VND",
                {},
            ),
        )
        if until:
            close = "UPDATE discrepancies SET status = 'cleared', cleared_by = :run, closed_at = :now WHERE id = :id"
            tx.execute(text(close), {"run": runs[until], "now": tx.now, "id": found})


def paid(books: PayoutBooks, agency: UUID, minor: int) -> None:
    with books.runtime.db.transaction() as tx:
        session = new_id()
        about = {"agency_id": agency, "currency": "VND", "amount_minor": minor, "created_at": tx.now}
        about |= {"expires_at": tx.now + A_DAY}
        opened = {"id": session, "status": "open", "return_url": "https://portal.example", "locale": "vi"}
        tx.execute(insert(checkout_sessions).values(about | opened | {"methods": [], "created_by": new_id()}))
        attempt = {"id": new_id(), "session_id": session, "provider": books.provider, "lands_on": "in_transit:x"}
        attempt |= {"status": "succeeded", "succeeded_at": tx.now, "reference": "RF1", "via_page": False}
        tx.execute(insert(payments).values(about | attempt))


def test_without_any_of_it_a_round_shortfall_is_a_charge(books: PayoutBooks, agency: UUID) -> None:
    assert short(books, agency)[0] == "bank_charge"


@pytest.mark.parametrize("until", [None, DAY + A_DAY], ids=["in no settlement", "settled later"])
def test_a_refund_that_no_settlement_had_when_the_payout_came_explains_what_it_lacks(
    books: PayoutBooks, agency: UUID, until: date | None
) -> None:
    went_back(books, LACKS, DAY - A_DAY, until)
    cause, speaks_for = short(books, agency)
    assert cause == "netted_by_provider"
    assert speaks_for[0] == "equals_money_back"


@pytest.mark.parametrize(
    ("day", "until"), [(DAY - A_DAY, DAY), (DAY + A_DAY, None)], ids=["in the settlement of the payout", "made later"]
)
def test_another_refund_explains_nothing(books: PayoutBooks, agency: UUID, day: date, until: date | None) -> None:
    went_back(books, LACKS, day, until)
    assert short(books, agency)[0] == "bank_charge"


def test_a_payment_of_what_a_payout_lacks_may_have_been_charged_back(books: PayoutBooks, agency: UUID) -> None:
    paid(books, agency, LACKS)
    assert short(books, agency) == ("netted_by_provider", ["equals_payment", "round_shortfall"])


def test_what_came_before_is_known_when_it_comes_again_or_is_taken_back(books: PayoutBooks, agency: UUID) -> None:
    net = books.settle("b-0001", Settled(agency, WORTH))
    books.book(Booked(net, ["b-0001"]))
    assert books.run().status == "balanced"
    books.book(Booked(net, ["b-0001", books.provider]), day=DAY + A_DAY)
    books.run(DAY + A_DAY)
    assert likeliest(books) == ("payout_twice", ["came_before"])
    (found,) = books.rows("SELECT * FROM discrepancies WHERE provider = :source")
    assert found.evidence["names"] == sorted(["b-0001", books.provider])


def test_a_debit_of_what_came_takes_it_back(books: PayoutBooks, agency: UUID) -> None:
    net = books.settle("b-0001", Settled(agency, WORTH))
    books.book(Booked(net, ["b-0001"]))
    books.run()
    books.book(Booked(-net, code="NTRF"), day=DAY + A_DAY)
    books.run(DAY + A_DAY)
    assert likeliest(books) == ("credit_taken_back", ["equals_came"])


def test_a_payout_may_be_in_a_statement_that_is_left_out(books: PayoutBooks, agency: UUID) -> None:
    """The second begins with another balance than the first ended with."""
    net = books.settle("b-0001", Settled(agency, WORTH))
    books.settle("b-0002", Settled(agency, 2 * WORTH))
    books.book(Booked(net, ["b-0001"]))
    books.book(day=DAY + 3 * A_DAY)
    books.run(DAY + 3 * A_DAY)
    assert likeliest(books) == ("statement_missing", ["statement_gap"])
