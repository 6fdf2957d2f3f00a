"""The reports of a month, a payout and a day's receipts: they add up, and they agree with the trial balance."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from gateway.services.issue_receipts import issue_receipts
from gateway.store import ledger
from gateway.store.catalogue import all_agencies
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.receipts import receipts
from reconciliation.reports.formats import FORMATS, Form, render_month, render_payout, render_receipts
from reconciliation.reports.month import FIGURES, BooksDoNotTie, Month
from reconciliation.reports.payout import PayoutNotFound
from tests.integration.night import FEE, KEPT, Night
from tests.integration.test_reconciliation_refunds import refunded
from tests.integration.world import a_world

PAYMENTS, REFUNDED = 3, 50_000


class Played:
    """A month with a day of three payments and a refund, reconciled, and a line that is nobody's."""

    def __init__(self, night: Night) -> None:
        self.night, self.db = night, night.world.runtime.db
        payment = [night.world.paid()[1] for _ in range(PAYMENTS - 1)][-1]
        refunded(night, payment, REFUNDED)
        night.plant("extra_line")
        night.settle()
        self.run = night.run()
        issue_receipts(night.world.runtime)
        with self.db.read() as tx:
            self.issued_on: date = tx.execute(select(func.min(receipts.c.business_date))).scalar_one()
        self.month = Month.of(night.day)
        self.facts: dict[str, Any] = json.loads(self.of_month("json"))

    def of_month(self, form: str, language: str = "vi") -> bytes:
        with self.db.snapshot() as tx:
            return b"".join(render_month(tx, self.month, None, Form(form, language)))

    def payout(self, form: str) -> bytes:
        with self.db.snapshot() as tx:
            return b"".join(render_payout(tx, "sandbox", f"payout-{self.batch()}", Form(form)))

    def batch(self) -> str:
        return f"{self.night.day}-VND-1"

    def receipts(self, form: str, day: date | None = None) -> bytes:
        with self.db.snapshot() as tx:
            return b"".join(render_receipts(tx, day or self.issued_on, None, Form(form, "en")))


@pytest.fixture(scope="module")
def played(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        yield Played(Night(world, payment.business_date))


def test_the_month_tells_what_came_in_and_what_was_kept_and_paid_back(played: Played) -> None:
    rail = played.facts["rails"][0]
    assert rail["account"] == "in_transit:sandbox"
    assert rail["collected_minor"] == PAYMENTS * FEE
    assert rail["refunds_minor"] == -REFUNDED
    assert rail["fees_minor"] == -PAYMENTS * KEPT
    assert rail["opening_minor"] + sum(rail[f"{name}_minor"] for name in FIGURES) == rail["closing_minor"]


def test_the_days_of_the_month_add_up_to_its_rails(played: Played) -> None:
    for name in FIGURES:
        by_day, by_rail = (sum(row[f"{name}_minor"] for row in played.facts[table]) for table in ("days", "rails"))
        assert by_day == by_rail


def test_every_account_ties_to_the_trial_balance(played: Played) -> None:
    with played.db.read() as tx:
        rows = ledger.turnover(tx, "VND", played.month.last)
    balances = {row.code: int(row.debit_minor) - int(row.credit_minor) for row in rows}
    lines = {line["account"]: line for line in played.facts["tie_out"]}
    assert {code: line["closing_minor"] for code, line in lines.items()} == balances
    assert {line["difference_minor"] for line in lines.values()} == {0}
    assert sum(line["closing_minor"] for line in lines.values()) == 0


def test_what_came_in_belongs_to_revenue_codes_to_the_last_unit(played: Played) -> None:
    collected = {row["account"]: row["collected_minor"] for row in played.facts["revenue"]}
    assert sum(collected.values()) == PAYMENTS * FEE - REFUNDED
    assert "other" not in collected
    assert {row["treasury_account"] for row in played.facts["revenue"]} != {""}


def test_a_month_whose_books_do_not_tie_is_not_reported(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    turnover = ledger.turnover
    monkeypatch.setattr(ledger, "turnover", lambda *args, **named: turnover(*args, **named)[1:])
    with pytest.raises(BooksDoNotTie):
        played.of_month("json")


def test_the_month_tells_each_run_and_what_is_not_explained(played: Played) -> None:
    [run] = played.facts["runs"]
    assert (run["run"], run["status"], run["open"]) == (str(played.run.id), "exceptions", 1)
    assert run["unexplained_minor"] == sum(row["amount_minor"] for row in played.facts["ageing"])


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_month_has_the_same_report(played: Played, form: str) -> None:
    assert played.of_month(form) == played.of_month(form)


def test_a_month_of_one_agency_holds_no_other(played: Played) -> None:
    accounts = {line["account"].partition("/")[0] for line in played.facts["tie_out"]}
    with played.db.snapshot() as tx:
        other = next(agency for agency in all_agencies(tx) if agency.code not in accounts)
        [written] = render_month(tx, played.month, other.id, Form("json"))
    facts = json.loads(written)
    assert (facts["agency"], facts["tie_out"], facts["days"], facts["ageing"]) == (other.code, [], [], [])


def test_the_month_as_csv_has_a_row_for_each_row_of_its_tables(played: Played) -> None:
    rows = list(csv.DictReader(io.StringIO(played.of_month("csv").decode("utf-8-sig"), newline="")))
    rails = [row for row in rows if row["row"] == "rails"]
    assert [(row["account"], row["collected_minor"]) for row in rails] == [("in_transit:sandbox", str(PAYMENTS * FEE))]
    for table in ("days", "revenue", "runs", "ageing", "tie_out"):
        assert len([row for row in rows if row["row"] == table]) == len(played.facts[table])


def test_the_month_is_read_in_its_pdf(played: Played) -> None:
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(played.of_month("pdf"))).pages)
    assert "Báo cáo đối soát tháng" in text
    assert f"{PAYMENTS * FEE:,}".replace(",", ".") in text
    assert played.facts["sha256"] in text


def test_a_payout_is_gross_less_refunds_less_fees(played: Played) -> None:
    facts = json.loads(played.payout("json"))
    assert sum(row["net_minor"] for row in facts["kinds"]) == facts["batches"][0]["stated_minor"]
    refund = next(row for row in facts["kinds"] if row["kind"] == "refund")
    assert refund["gross_minor"] == -REFUNDED
    for form in FORMATS:
        assert played.payout(form)


def test_a_payout_that_is_not_here_is_not_found(played: Played) -> None:
    with played.db.snapshot() as tx, pytest.raises(PayoutNotFound):
        render_payout(tx, "sandbox", "payout-none", Form("json"))


def test_the_receipts_of_a_day_are_the_fees_on_them_by_number(played: Played) -> None:
    book = openpyxl.load_workbook(io.BytesIO(played.receipts("xlsx")), data_only=True)
    sheet = book["Receipts"]
    assert [cell.value for cell in sheet[1]] == [
        "No.", "Form code", "Series", "Number", "Date", "Fee", "Amount", "Rate", "Status", "Adjustment period",
        "Related receipt", "Explanation", "Note", "Currency",
    ]  # fmt: skip
    first = [cell.value for cell in sheet[2]]
    assert first[1:4] == ["01BLP0-001", "DEMO-MPS", "00000001"]
    assert first[5:8] == ["Passport charge", FEE, FEE]
    rows = list(csv.DictReader(io.StringIO(played.receipts("csv").decode("utf-8-sig"), newline="")))
    assert [row["amount_minor"] for row in rows] == [str(FEE)] * PAYMENTS
    assert [row["number"] for row in rows] == [f"{number:08}" for number in range(1, PAYMENTS + 1)]


def test_a_day_on_which_none_was_issued_has_none(played: Played) -> None:
    earlier = date.fromordinal(played.issued_on.toordinal() - 1)
    assert json.loads(played.receipts("json", earlier))["receipts"] == []
