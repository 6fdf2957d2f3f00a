"""What a benchmark found, as a table for the terminal and for docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

HEADINGS = ("What", "Measured", "Beside it, in the same run", "Ratio", "To reach")


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: `value` at least, or at most, `bound`."""

    value: float
    bound: float
    at_least: bool = True

    @property
    def is_reached(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.bound:g}: {'reached' if self.is_reached else 'MISSED'}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. `beside` is what the ratio is taken to."""

    what: str
    measured: str
    beside: str = ""
    ratio: float | None = None
    goal: Goal | None = None

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return (self.what, self.measured, self.beside, ratio, "" if self.goal is None else str(self.goal))


def show(findings: Sequence[Finding], console: Console) -> None:
    table = Table(*HEADINGS)
    for finding in findings:
        missed = finding.goal is not None and not finding.goal.is_reached
        table.add_row(*finding.cells(), style="red" if missed else "")
    console.print(table)


def as_markdown(findings: Sequence[Finding]) -> str:
    rows = [HEADINGS, ("---", "---:", "---:", "---:", "---"), *(finding.cells() for finding in findings)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
