"""A report laid out for people, before it is a workbook or a PDF: figures, charts, and tables of typed columns.

Whoever writes it out decides on looks only. Amounts are Money, so that each is shown with its currency's decimals, and
sums never cross currencies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum

from gateway.domain.money import Money
from reconciliation.reports.words import word

CURRENCY = "currency"
"""The column by which the amounts of a table are added up; a table that has amounts has one."""

Cell = str | int | date | Money | None


class Type(StrEnum):
    TEXT = "text"
    DAY = "day"
    COUNT = "count"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is a key of the words; `width` is in characters, and beside it in a PDF the share of the page."""

    name: str
    type: Type = Type.TEXT
    width: int = 16


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is a key of the words. `rows` are read once, to their end, and may be any number.

    A PDF shows `shown` of them and says how many more there are; None is all of them, and 0 leaves the table out. With
    `is_summed` the amounts of each currency are added up at the end.
    """

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    shown: int | None = None
    is_summed: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, each with its name and what it is long as; all amounts of a chart are of one currency."""

    name: str
    about: str
    bars: Sequence[tuple[str, Money | int]]


@dataclass(frozen=True, slots=True)
class Document:
    """`day` dates the document: what it is about, not when it was made, so that it is the same whenever it is made.

    `sha256` is the digest at the end of its report as JSON. `signatures` are the words for who signs it.
    """

    title: str
    language: str
    day: date
    figures: Sequence[tuple[str, Cell]]
    tables: Sequence[Table]
    charts: Sequence[Chart] = ()
    sha256: str = ""
    notes: Sequence[str] = ()
    signatures: Sequence[str] = field(default=("prepared_by", "approved_by"))

    @property
    def dated(self) -> datetime:
        return datetime.combine(self.day, time(), UTC)

    def word(self, name: str) -> str:
        return word(name, self.language)


def shown(cell: Cell, language: str) -> str:
    """A cell as people of that language write it; exact."""
    if isinstance(cell, Money):
        return f"{_grouped(f'{cell.major():,f}', language)} {cell.currency}"
    if isinstance(cell, int):
        return _grouped(f"{cell:,}", language)
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}" if language == "vi" else cell.isoformat()
    return cell or ""


def _grouped(figure: str, language: str) -> str:
    return figure.translate(str.maketrans(",.", ".,")) if language == "vi" else figure
