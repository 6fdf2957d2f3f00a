"""The forms in which a report can be had."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from gateway.domain.errors import Invalid
from gateway.store import reports
from gateway.store.database import Transaction
from reconciliation.reports.document import Document
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.run import as_json
from reconciliation.reports.run_document import run_document
from reconciliation.reports.tabular import as_csv
from reconciliation.reports.words import LANGUAGES
from reconciliation.reports.xlsx import as_xlsx

CONTENT_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
FORMATS = tuple(CONTENT_TYPES)
LANGUAGE = LANGUAGES[0]

LAID_OUT: Mapping[str, Callable[[Document], Iterator[bytes]]] = {"xlsx": as_xlsx, "pdf": as_pdf}


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
    if wanted.format == "json":
        return as_json(tx, run_id)
    if wanted.format == "csv":
        return as_csv(tx, run_id)
    return LAID_OUT[wanted.format](run_document(tx, run_id, language))
