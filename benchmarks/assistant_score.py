"""What is counted of the assistant's opinions beside the truth, and the tables that tell it."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from reconciliation.assistant.causes import Cause
from reconciliation.assistant.judging import Opinion

TOP = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """A planted discrepancy, what the assistant has to say of it, and what it said, the likeliest first."""

    planted: str
    right: Cause
    said: tuple[Cause, ...]


@dataclass(slots=True)
class Nights:
    """What was said of each planted row of one month, by what it is about: first of all, and last of all."""

    first: dict[Hashable, Judged] = field(default_factory=dict)
    last: dict[Hashable, Judged] = field(default_factory=dict)

    def add(self, about: Hashable, planted: str, right: Cause, opinion: Opinion) -> None:
        row = Judged(planted, right, tuple(ranked.cause for ranked in opinion.ranking[:TOP]))
        self.first.setdefault(about, row)
        self.last[about] = row

    def score(self) -> "Score":
        return Score(list(self.first.values()), list(self.last.values()))


@dataclass(slots=True)
class Score:
    """`first` and `last` are by night. Of groups: how many were planted, found whole, found pure, found both."""

    first: list[Judged] = field(default_factory=list)
    last: list[Judged] = field(default_factory=list)
    groups: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    pure: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)

    def right(self, judged: Iterable[Judged], top: int, planted: str | None = None) -> tuple[int, int]:
        """How many of how many have the planted cause among the `top` likeliest."""
        of_cause = [each for each in judged if planted in (None, each.planted)]
        return sum(each.right in each.said[:top] for each in of_cause), len(of_cause)

    def add(self, other: "Score") -> None:
        self.first += other.first
        self.last += other.last
        for name in ("groups", "whole", "pure", "exact"):
            getattr(self, name).update(getattr(other, name))

    def add_groups(self, judged: Iterable[Opinion], planted: Mapping[str, tuple[str, str]]) -> None:
        """Every planted group of two rows and more beside the group of the assistant's that has most of its rows.
        `planted` has by the key of a row its group and that group's cause."""
        said: dict[str, set[str]] = defaultdict(set)
        of_group: dict[str, str] = {}
        rows_of_group: dict[str, set[str]] = defaultdict(set)
        for opinion in judged:
            said[opinion.group].add(opinion.key)
            of_group[opinion.key] = opinion.group
            if opinion.key in planted:
                rows_of_group[planted[opinion.key][0]].add(opinion.key)
        for rows in rows_of_group.values():
            if len(rows) < 2:
                continue
            cause = planted[min(rows)][1]
            largest = max(sorted({of_group[key] for key in rows}), key=lambda group: len(said[group] & rows))
            is_whole, is_pure = rows <= said[largest], said[largest] <= rows
            self.groups[cause] += 1
            self.whole[cause] += is_whole
            self.pure[cause] += is_pure
            self.exact[cause] += is_whole and is_pure


def rows_of(result: Score, planted_causes: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """A row a planted cause: how many, right on the first and the last night, and what it was taken for else."""
    for planted in planted_causes:
        right_first, number = result.right(result.first, 1, planted)
        if not number:
            continue
        right_last, _ = result.right(result.last, 1, planted)
        among, _ = result.right(result.last, TOP, planted)
        taken = Counter(each.said[0] for each in result.last if each.planted == planted and each.said[0] != each.right)
        other = ", ".join(f"{cause} {count}" for cause, count in sorted(taken.items()))
        shares = (_percent(right, number) for right in (right_first, right_last, among))
        yield planted, f"{number:,}", *shares, other or "–"


def group_rows(result: Score) -> Iterator[tuple[str, ...]]:
    for planted in sorted(result.groups):
        number = result.groups[planted]
        counts = (result.whole[planted], result.pure[planted], result.exact[planted])
        yield planted, f"{number:,}", *(_percent(count, number) for count in counts)


def mean_of_causes(judged: Iterable[Judged]) -> int:
    """Each cause counted once, in tenths of a percent, rounded down."""
    rows: dict[str, list[bool]] = defaultdict(list)
    for each in judged:
        rows[each.planted].append(each.said[0] is each.right)
    return sum(1_000 * sum(of_cause) // len(of_cause) for of_cause in rows.values()) // max(1, len(rows))


def _percent(part: int, of: int) -> str:
    """In tenths of a percent, rounded down, so that 100% means all."""
    return _tenths(part * 1_000 // of)


def _tenths(tenths: int) -> str:
    whole, tenth = divmod(tenths, 10)
    return f"{whole}.{tenth}%"


def show(result: Score, planted_causes: Iterable[str], console: Console) -> None:
    columns = ("planted", "rows", "first night", "last night", f"among {TOP}", "else")
    console.print(_table(columns, rows_of(result, planted_causes)))
    console.print(_table(("group of", "groups", "complete", "pure", "both"), group_rows(result)))
    for name, judged in (("first", result.first), ("last", result.last)):
        one, number = result.right(judged, 1)
        among, _ = result.right(judged, TOP)
        console.print(
            f"{name} night: {_percent(one, number)} right, {_percent(among, number)} among {TOP}, of {number:,};"
            f" mean of the causes {_tenths(mean_of_causes(judged))}"
        )


def _table(columns: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table()
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    return table
