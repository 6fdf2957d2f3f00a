"""The forms in which a report can be had."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from gateway.domain.errors import Invalid
from gateway.store import reports
from gateway.store.database import Transaction
from reconciliation.reports.document import Document
from reconciliation.reports.facts import facts_as_json
from reconciliation.reports.month import Month, month_facts
from reconciliation.reports.month_document import month_document
from reconciliation.reports.payout import payout_document, payout_facts
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.receipts import receipts_document, receipts_facts
from reconciliation.reports.run import as_json
from reconciliation.reports.run_document import run_document
from reconciliation.reports.tabular import as_csv, document_as_csv
from reconciliation.reports.words import LANGUAGES, NO_LANGUAGE
from reconciliation.reports.xlsx import as_xlsx

CONTENT_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
FORMATS = tuple(CONTENT_TYPES)
IN_NO_LANGUAGE = ("json", "csv")
LANGUAGE = LANGUAGES[0]


class NoSuchFormat(Invalid):
    code = "unknown_report_format"


@dataclass(frozen=True, slots=True)
class Form:
    """How a report is wanted. Raises NoSuchFormat. JSON and CSV are the same in each language."""

    format: str
    language: str = LANGUAGE

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            told = f"must be one of {', '.join(FORMATS)}"
            raise NoSuchFormat(f"There is no report as {self.format}.", fields={"format": told})


def render(tx: Transaction, run_id: UUID, form: str, language: str = LANGUAGE) -> Iterator[bytes]:
    """The report of a run, piece by piece. Raises RunNotFound or NoSuchFormat.

    `tx` is one that sees a single moment (Database.snapshot, or a transaction that holds the run): the digest is made
    in a reading of its own.
    """
    wanted = Form(form, language)
    reports.take_time(tx)
    match wanted.format:
        case "json":
            return as_json(tx, run_id)
        case "csv":
            return as_csv(tx, run_id)
        case _:
            return _laid_out(wanted.format, run_document(tx, run_id, language))


def kept_name(form: Form) -> str:
    """How a signed run's report in this form is called among those that were kept."""
    return form.format if form.format in IN_NO_LANGUAGE else f"{form.format}:{form.language}"


def _writers() -> dict[str, Callable[[Transaction, UUID], Iterator[bytes]]]:
    forms = [Form(form, language) for form in FORMATS for language in LANGUAGES]
    return {kept_name(form): partial(render, form=form.format, language=form.language) for form in forms}


KEPT = _writers()
"""What writes each report that is kept when a run is signed, by its name."""


def render_month(tx: Transaction, month: Month, agency_id: UUID | None, wanted: Form) -> Iterator[bytes]:
    """The report of a month, of one agency or of all. Raises BooksDoNotTie."""
    reports.take_time(tx)
    facts = month_facts(tx, month, agency_id)
    return _written(facts, wanted, lambda language: month_document(facts, month, language))


def render_payout(tx: Transaction, provider: str, payout: str, wanted: Form) -> Iterator[bytes]:
    """The report of a payout. Raises PayoutNotFound."""
    reports.take_time(tx)
    facts = payout_facts(tx, provider, payout)
    return _written(facts, wanted, lambda language: payout_document(facts, language))


def render_receipts(tx: Transaction, day: date, agency_id: UUID | None, wanted: Form) -> Iterator[bytes]:
    """The receipts of a day, of one agency or of all."""
    reports.take_time(tx)
    facts = receipts_facts(tx, day, agency_id)
    return _written(facts, wanted, lambda language: receipts_document(facts, language))


def _written(facts: dict[str, Any], wanted: Form, lay_out: Callable[[str], Document]) -> Iterator[bytes]:
    if wanted.format == "json":
        return facts_as_json(facts)
    return _laid_out(wanted.format, lay_out(NO_LANGUAGE if wanted.format == "csv" else wanted.language))


def _laid_out(form: str, document: Document) -> Iterator[bytes]:
    return {"csv": document_as_csv, "xlsx": as_xlsx, "pdf": as_pdf}[form](document)
