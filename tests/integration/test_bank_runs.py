"""Runs of a bank account: payouts that were settled, against what the statements of the bank say."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from gateway.domain.errors import NotFound
from gateway.services.runtime import Runtime
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.payout import payout_facts
from reconciliation.reports.run_document import run_document
from reconciliation.reports.tabular import as_csv
from reconciliation.runs import run_reconciliation
from tests.integration.bank_statements import Booked
from tests.integration.conftest import add_agency
from tests.integration.payout_books import DAY, PayoutBooks, Settled, a_runtime

A_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def runtime(module_database_urls: DatabaseUrls) -> Iterator[Runtime]:
    with a_runtime(module_database_urls, 30) as made:
        yield made


@pytest.fixture(scope="module")
def agencies(runtime: Runtime) -> tuple[UUID, UUID]:
    with runtime.db.transaction() as tx:
        return add_agency(tx, "vn-one"), add_agency(tx, "vn-two")


@pytest.fixture
def books(runtime: Runtime) -> PayoutBooks:
    return PayoutBooks(runtime)


def test_a_payout_that_the_bank_names_is_matched_and_each_agency_has_its_share_once(
    books: PayoutBooks, agencies: tuple[UUID, UUID]
) -> None:
    one, two = agencies
    net = books.settle("b-0001", Settled(one, 200_000, 2_200), Settled(two, 50_000, 550), Settled(one, -10_000))
    books.book(Booked(net, ["b-0001"]))
    run = books.run()
    assert (run.status, run.totals["by_rule"], books.found(run)) == ("balanced", {"payout_reference": 1}, [])
    assert (books.on_its_way(one), books.on_its_way(two)) == (0, 0)
    assert (books.at_bank(one), books.at_bank(two)) == (187_800, 49_450)
    before = books.report(run)
    assert books.report(books.run()) == before
    assert (books.on_its_way(), books.at_bank()) == (0, net)


def test_several_payouts_may_come_together(books: PayoutBooks, agencies: tuple[UUID, UUID]) -> None:
    nets = [books.settle(f"b-{n:04}", Settled(agencies[n], 10_000 + n)) for n in range(2)]
    books.book(Booked(sum(nets), ["b-0000", "b-0001"]))
    run = books.run()
    assert run.totals["by_rule"] == {"payouts_in_one": 1}
    assert [books.at_bank(agency) for agency in agencies] == nets


def test_what_has_not_come_is_awaited_for_its_banking_days_and_then_missing(
    runtime: Runtime, agencies: tuple[UUID, UUID]
) -> None:
    books = PayoutBooks(runtime, holidays=frozenset({DAY + A_DAY}))
    net = books.settle("b-0001", Settled(agencies[0], 10_000))
    for number, expected in enumerate(["timing", "timing", "timing", "timing", "payout_missing"]):
        books.book(day=DAY + number * A_DAY)
        run = books.run(DAY + number * A_DAY)
        assert [each for each in books.found(run) if each[1] == "open"] == [(expected, "open", net)]
        in_transit = run.totals["by_currency"][0]["in_transit"]
        assert in_transit == {"balance_minor": net, "unsettled_minor": 0, "settled_minor": net}
    assert run.status == "exceptions"


def test_a_payout_that_comes_at_last_clears_its_discrepancy(books: PayoutBooks, agencies: tuple[UUID, UUID]) -> None:
    net = books.settle("b-0001", Settled(agencies[0], 10_000))
    books.book()
    first = books.run()
    books.book(Booked(net, ["b-0001"]), day=DAY + A_DAY)
    assert books.run(DAY + A_DAY).status == "balanced"
    assert books.found(first) == [("timing", "cleared", net)]
    again = books.run()
    assert books.found(again) == books.found(first)
    assert again.totals | {"open": {"timing": 1}} == first.totals


def test_parts_that_come_on_several_days_are_one_payout_in_the_end(
    books: PayoutBooks, agencies: tuple[UUID, UUID]
) -> None:
    net = books.settle("b-0001", Settled(agencies[0], 70_000), Settled(agencies[1], 30_000))
    books.book(Booked(40_000, ["b-0001"]))
    first = books.run()
    assert (first.status, books.found(first)) == ("exceptions", [("payout_short", "open", -60_000)])
    assert [books.at_bank(agency) for agency in agencies] == [28_000, 12_000]
    books.book(Booked(60_000, ["b-0001"]), day=DAY + A_DAY)
    second = books.run(DAY + A_DAY)
    assert (second.status, second.totals["by_rule"]) == ("balanced", {"payout_in_parts": 2})
    assert books.found(books.run()) == [("payout_short", "cleared", -60_000)]
    assert (books.on_its_way(), books.at_bank()) == (0, net)


def test_what_belongs_to_nobody_that_is_known_is_placed_once_it_is(
    books: PayoutBooks, agencies: tuple[UUID, UUID]
) -> None:
    late = Settled(agencies[1], 30_000, known=False)
    net = books.settle("b-0001", Settled(agencies[0], 70_000), late)
    books.book(Booked(net, ["b-0001"]))
    assert books.run().status == "balanced"
    assert (books.at_bank(agencies[0]), books.at_bank(agencies[1])) == (70_000, 0)
    batch = books.rows("SELECT id FROM settlement_batches WHERE provider = :provider")[0].id
    books.match(batch, 2, late)
    assert books.on_its_way() == 30_000
    books.book(day=DAY + A_DAY)
    books.run(DAY + A_DAY)
    assert (books.on_its_way(), books.at_bank(agencies[1])) == (0, 30_000)
    books.run(DAY + A_DAY)
    books.run()
    assert (books.on_its_way(), books.at_bank()) == (0, net)


def test_what_the_bank_books_otherwise_is_named_once(books: PayoutBooks) -> None:
    books.book(Booked(12_345), Booked(-5_500, code="NTRF"), Booked(-2_000, code="MDOP/CHRG"))
    names = [("missing_in_gateway", "open", minor) for minor in (-5_500, -2_000, 12_345)]
    assert books.found(books.run()) == names
    books.book(day=DAY + A_DAY)
    assert books.found(books.run(DAY + A_DAY)) == names
    assert len(books.rows("SELECT FROM discrepancies WHERE provider = :source")) == 3


def test_a_day_without_a_statement_waits_for_it(books: PayoutBooks, agencies: tuple[UUID, UUID]) -> None:
    books.settle("b-0001", Settled(agencies[0], 10_000))
    run = books.run()
    assert (run.totals["waiting_for_file"], run.totals["file_late"]) == (True, True)
    books.book()
    again = books.run()
    assert (again.totals["waiting_for_file"], again.totals["file_late"]) == (False, False)


def test_reports_tell_what_came_and_by_which_rule(books: PayoutBooks, agencies: tuple[UUID, UUID]) -> None:
    one, two = (books.settle(f"b-000{n}", Settled(agencies[n], 10_000, 100), payout=f"po-{n}") for n in range(2))
    books.settle("b-0003", Settled(agencies[0], 500))
    books.book(Booked(one + two, ["po-0", "po-1"], reference="=1+1"), Booked(77))
    run = books.run()
    report = json.loads(books.report(run))
    (match,) = report["matches"]
    assert (match["rule"], match["entries"], match["amount_minor"]) == ("payouts_in_one", ["po-0", "po-1"], one + two)
    assert [(batch["payout"], batch["net_minor"]) for batch in report["batches"]] == [("po-0", one), ("po-1", two)]
    (sums,) = report["run"]["totals"]["by_currency"]
    assert sums["statement_minor"] - sums["ledger_minor"] == 77
    assert sums["in_transit"] == {"balance_minor": 500, "unsettled_minor": 0, "settled_minor": 500}
    with books.runtime.db.snapshot() as tx:
        table = b"".join(as_csv(tx, run.id)).decode("utf-8-sig")
        document = run_document(tx, run.id, "vi")
        rows = [list(part.rows) for part in document.tables if part.name == "matches"]
        facts = payout_facts(tx, books.provider, "po-0")
    matches = [row for row in csv.DictReader(io.StringIO(table)) if row["row"] == "match"]
    assert [(row["provider_transaction_id"], row["entry"]) for row in matches] == [("'=1+1", "po-0 po-1")]
    assert [len(each) for each in rows] == [1]
    assert [(row["transaction"], row["amount_minor"]) for row in facts["bank_credits"]] == [("=1+1", one + two)]


def test_an_account_that_nobody_pays_out_to_is_refused(books: PayoutBooks) -> None:
    with pytest.raises(NotFound, match=books.source):
        run_reconciliation(books.runtime, "bank:1", DAY, "test")


NAMES = st.frozensets(st.sampled_from(["b-0000", "b-0001", "b-0002"]), max_size=2)
LINES = st.lists(st.tuples(st.integers(-3, 6).filter(bool), NAMES, st.integers(0, 2)), max_size=6)
BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3)), min_size=1, max_size=3), max_size=3)


@settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(BATCHES, LINES, st.booleans())
def test_what_is_on_its_way_is_what_is_open_and_each_line_has_one_place(
    runtime: Runtime,
    agencies: tuple[UUID, UUID],
    batches: list[list[tuple[int, int]]],
    lines: list[tuple[int, frozenset[str], int]],
    again: bool,
) -> None:
    note(f"{batches=} {lines=} {again=}")
    books = PayoutBooks(runtime, days=1)
    for number, batch in enumerate(batches):
        books.settle(f"b-{number:04}", *(Settled(agencies[who], minor) for who, minor in batch))
    days = [DAY + n * A_DAY for n in range(3)]
    for number, day in enumerate(days):
        books.book(*(Booked(minor, sorted(names)) for minor, names, on in lines if on == number), day=day)
        books.run(day)
        if again:
            before = books.report(books.run(days[0]))
            assert books.report(books.run(days[0])) == before
    came = {"timing": 1, "payout_missing": 1, "payout_short": -1, "payout_over": -1}
    known = books.rows("SELECT kind, amount_minor FROM discrepancies WHERE provider = :source AND status = 'open'")
    assert books.on_its_way() == sum(came.get(row.kind, 0) * row.amount_minor for row in known)
    unknown = sum(row.amount_minor for row in known if row.kind == "missing_in_gateway")
    assert books.at_bank() == sum(minor for minor, _, _ in lines) - unknown
    if not known:
        assert [books.on_its_way(agency) for agency in agencies] == [0, 0]
    matched = books.rows(
        "SELECT line.line, line.booked_on FROM bank_matches AS match JOIN bank_lines AS line ON line.id = bank_line"
        " WHERE account = :account"
    )
    named = books.rows(
        "SELECT told ->> 'line' AS line, told ->> 'booked_on' AS booked_on FROM discrepancies,"
        " jsonb_array_elements(evidence -> 'bank') AS told WHERE provider = :source AND status = 'open'"
    )
    placed = [(str(row.line), str(row.booked_on)) for row in (*matched, *named)]
    assert sorted(placed) == sorted(set(placed))
    assert len(placed) == len(lines)
