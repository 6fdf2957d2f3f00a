"""The report of a run in every format: complete, the same to the byte, harmless, and with one digest."""

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.cli import command
from reconciliation.reports.formats import FORMATS, render
from reconciliation.runs import Run
from tests.integration.night import FEE, KEPT, Night
from tests.integration.world import a_world

FAULTS = ("change_amount", "wrong_fee", "drop_line")


class Reported:
    """A day of five payments, three of which are reported wrongly, and its run."""

    def __init__(self, night: Night) -> None:
        self.night = night
        for fault in FAULTS:
            _, payment = night.world.paid()
            night.plant(fault, payment)
        night.world.paid()
        night.settle()
        self.run: Run = night.run()
        self.as_json: dict[str, Any] = json.loads(self.render("json"))

    def render(self, form: str, language: str = "vi") -> bytes:
        with self.night.world.runtime.db.snapshot() as tx:
            return b"".join(render(tx, self.run.id, form, language))


@pytest.fixture(scope="module")
def day(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        yield Reported(Night(world, payment.business_date))


def test_the_digest_is_that_of_the_report_without_it(day: Reported) -> None:
    facts, _, told = day.render("json").rpartition(b',"sha256":')
    assert hashlib.sha256(facts + b"}\n").hexdigest() == day.as_json["sha256"] == told.decode()[1:65]


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_that_is_run_again_has_the_same_report(day: Reported, form: str) -> None:
    before = day.render(form)
    assert day.night.run().id == day.run.id
    assert day.render(form) == before


def test_what_is_matched_belongs_to_revenue_codes_to_the_last_unit(day: Reported) -> None:
    remittance = day.as_json["remittance"]
    assert sum(part["amount_minor"] for part in remittance) == day.run.totals["by_currency"][0]["matched_minor"]
    assert {part["account"].partition(":")[0] for part in remittance} == {"fees"}


def test_what_is_open_is_counted_by_its_age(day: Reported) -> None:
    open_ones = [found for found in day.as_json["discrepancies"] if found["status"] == "open"]
    assert sum(part["count"] for part in day.as_json["ageing"]) == len(open_ones) == len(FAULTS)
    assert {part["days"] for part in day.as_json["ageing"]} == {"0-1"}
    in_question = sum(abs(found["amount_minor"]) for found in open_ones)
    assert sum(part["amount_minor"] for part in day.as_json["ageing"]) == in_question


def test_the_workbook_has_a_sheet_for_each_part_with_typed_cells(day: Reported) -> None:
    book = openpyxl.load_workbook(io.BytesIO(day.render("xlsx", "en")), data_only=True)
    assert book.sheetnames == [
        "Summary", "Totals by currency", "Settlement batches", "Remittance", "Ageing", "Discrepancies", "Matches",
    ]  # fmt: skip
    matches = book["Matches"]
    assert matches.freeze_panes == "A2"
    assert matches.auto_filter.ref == f"A1:I{1 + len(day.as_json['matches'])}"
    first = {heading.value: cell for heading, cell in zip(matches[1], matches[2], strict=True)}
    assert (first["Amount"].value, first["Amount"].number_format) == (FEE, "#,##0 [$VND]")
    assert first["Provider's fee"].value in (KEPT, KEPT + 500)
    assert first["Business date"].value == datetime.combine(day.run.business_date, datetime.min.time())
    assert day.as_json["sha256"] in [row[1].value for row in book["Summary"].iter_rows()]


def test_the_totals_of_the_workbook_are_formulas_with_their_values(day: Reported) -> None:
    written = day.render("xlsx", "en")
    sheets = [openpyxl.load_workbook(io.BytesIO(written), data_only=only)["Remittance"] for only in (False, True)]
    formula, value = (sheet.cell(sheet.max_row, 5).value for sheet in sheets)
    assert str(formula).startswith("=SUMIFS(")
    assert value == day.run.totals["by_currency"][0]["matched_minor"]


@pytest.mark.parametrize(
    ("language", "words"), [("vi", "Báo cáo đối soát ngày"), ("en", "Daily reconciliation report")]
)
def test_the_pdf_is_tagged_and_its_text_can_be_read(day: Reported, language: str, words: str) -> None:
    pdf = PdfReader(io.BytesIO(day.render("pdf", language)))
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"].value
    assert root["/Lang"] == language
    assert "<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_object().get_data().decode()
    text = "\n".join(page.extract_text() for page in pdf.pages)
    assert words in text
    assert day.as_json["sha256"] in text
    explained = day.as_json["discrepancies"][0]["explanation"][language]["text"]
    assert "".join(explained.split()) in "".join(text.replace("-\n", "").split())


def test_the_documents_bear_the_day_that_they_are_about(day: Reported) -> None:
    made = PdfReader(io.BytesIO(day.render("pdf"))).metadata
    assert made is not None
    assert made.creation_date is not None
    assert made.creation_date.date() == day.run.business_date
    created = openpyxl.load_workbook(io.BytesIO(day.render("xlsx"))).properties.created
    assert isinstance(created, datetime)
    assert created.date() == day.run.business_date


def test_a_day_without_a_settlement_has_a_report_in_every_format(day: Reported, tmp_path: Path) -> None:
    earlier = date.fromordinal(day.run.business_date.toordinal() - 3)
    run = Night(day.night.world, earlier).run()
    with day.night.world.runtime.db.snapshot() as tx:
        for form in FORMATS:
            assert b"".join(render(tx, run.id, form))


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_writes_the_report_into_a_file(day: Reported, tmp_path: Path, form: str) -> None:
    which = ["--provider", "sandbox", "--date", day.run.business_date.isoformat()]
    where = ["--format", form, "--out", str(tmp_path / form)]
    told = CliRunner().invoke(command(lambda: day.night.world.runtime), [*which, *where])
    assert told.exit_code == 0, told.output
    assert (tmp_path / form).read_bytes() == day.render(form)


@pytest.mark.parametrize("given", [[], ["--provider", "sandbox"], ["--month", "2026-03", "--provider", "sandbox"]])
def test_the_command_reports_a_day_or_a_month(day: Reported, tmp_path: Path, given: list[str]) -> None:
    told = CliRunner().invoke(command(lambda: day.night.world.runtime), [*given, "--out", str(tmp_path / "report")])
    assert (told.exit_code, "--month" in told.output) == (2, True)
    assert not (tmp_path / "report").exists()
