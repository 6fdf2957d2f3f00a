"""How often the assistant is right: its causes and groups beside the truth of generated days.

    python -m benchmarks.assistant --seeds 40

The weights of reconciliation/assistant/causes.py were tuned on seeds below 1000; what is measured are seeds from 1000
on, which nobody looked at while tuning (`--from 0` measures the others). Judged is each planted discrepancy twice: on
the first night on which it is found, and on the last on which it is open, when more is known.

A group is pure if all its rows have one planted cause, and complete if it has all rows of that cause of that night.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from rich.console import Console
from rich.table import Table

from benchmarks.days import Cause as Planted
from benchmarks.days import Extent, Month, PlayedRun, generate, play
from benchmarks.days.model import Booked, Payment
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.assistant.cases import Case, Surroundings, case_of
from reconciliation.assistant.causes import Cause
from reconciliation.assistant.judging import Opinion, opinions

FIRST_UNSEEN = 1_000

P, C = Planted, Cause
NAMED: Mapping[Planted, Cause] = {
    P.MISSING_FILE: C.MISSING_FILE,
    P.LATE_FILE: C.LATE_FILE,
    P.TIME_ZONE_CUT: C.TIME_ZONE_CUT,
    P.FEE_CHANGE: C.FEE_CHANGE,
    P.PROVIDER_OUTAGE: C.PROVIDER_OUTAGE,
    P.REPEATED_FILE: C.REPEATED_FILE,
    P.LINE_DROPPED: C.LINE_LEFT_OUT,
    P.LINE_LATE: C.LATE_FILE,
    P.LOST_NOTIFICATION: C.LOST_NOTIFICATION,
    P.OTHER_SYSTEM: C.OTHER_SYSTEM,
    P.REFUND_ELSEWHERE: C.REFUNDED_AT_PROVIDER,
    P.DUPLICATE_LINE: C.DUPLICATE_LINE,
    P.WRONG_AMOUNT_TYPED: C.WRONG_AMOUNT_TYPED,
    P.WRONG_CURRENCY: C.WRONG_IN_REPORT,
    P.PROVIDER_REVERSED: C.PROVIDER_REVERSED,
    P.WRONG_FEE: C.FEE_ONCE_WRONG,
    P.ROUNDING_OF_FEE: C.ROUNDING_OF_FEE,
    P.GARBLED_REFERENCE: C.GARBLED_REFERENCE,
    P.PAYOUT_REDUCED: C.PAYOUT_DIFFERS,
    P.PAYOUT_RAISED: C.PAYOUT_DIFFERS,
}
"""What the assistant has to say. Not here is what the comparison of the two sides does not show, or matches itself."""

WHOLE = frozenset({P.MISSING_FILE, P.LATE_FILE, P.TIME_ZONE_CUT, P.FEE_CHANGE, P.PROVIDER_OUTAGE, P.REPEATED_FILE})
TOP = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """A planted discrepancy and what the assistant said of it, the likeliest first."""

    planted: Planted
    said: tuple[Cause, ...]


@dataclass(slots=True)
class Score:
    """`first` and `last` are by night. Of groups: how many were planted, found whole, found pure, found both."""

    first: list[Judged] = field(default_factory=list)
    last: list[Judged] = field(default_factory=list)
    groups: Counter[Planted] = field(default_factory=Counter)
    whole: Counter[Planted] = field(default_factory=Counter)
    pure: Counter[Planted] = field(default_factory=Counter)
    exact: Counter[Planted] = field(default_factory=Counter)

    def right(self, judged: list[Judged], top: int, planted: Planted | None = None) -> tuple[int, int]:
        """How many of how many have the planted cause among the `top` likeliest."""
        of_cause = [each for each in judged if planted in (None, each.planted)]
        return sum(NAMED[each.planted] in each.said[:top] for each in of_cause), len(of_cause)

    def add(self, other: "Score") -> None:
        self.first += other.first
        self.last += other.last
        for name in ("groups", "whole", "pure", "exact"):
            getattr(self, name).update(getattr(other, name))


class Known:
    """What the gateway's own records say of a generated month."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self.entries: Mapping[int, Booked] = {booked.number: booked for booked in month.entries}
        self.payments: Mapping[UUID, Payment] = {payment.id: payment for payment in month.payments}
        self.zones = {agency.id: agency.time_zone for agency in month.agencies}

    def case(self, found: NewDiscrepancy) -> Case:
        booked = self.entries.get(found.entry_id) if found.entry_id else None
        payment = booked.payment if booked else self.payments.get(found.payment_id) if found.payment_id else None
        return case_of(
            found,
            zone=self.zones.get(found.agency_id) if found.agency_id else None,
            booked_at=booked.occurred_at if booked else None,
            paid_at=payment.occurred_at if payment else None,
            payment_status=payment.status if payment else None,
            shown=payment.reference if payment else None,
        )

    def around(self, run: PlayedRun) -> Surroundings:
        provider = run.provider
        loaded = [
            batch
            for batch in self.month.batches
            if batch.provider == provider and batch.ref.business_date <= run.day and batch.ref.total
        ]
        return Surroundings(
            provider=provider.name,
            day=run.day,
            zone=provider.time_zone,
            lag_days=provider.lag_days,
            fee=provider.fee,
            loaded=Counter((batch.ref.business_date, batch.ref.total.currency) for batch in loaded if batch.ref.total),
            batch_lines={batch.ref.id: len(batch.lines) for batch in loaded},
            matched=Counter(self.entries[entry].amount.currency for _, entry in run.matches),
        )


def score(month: Month) -> Score:
    known, result = Known(month), Score()
    first: dict[tuple[str, int], Judged] = {}
    last: dict[tuple[str, int], Judged] = {}
    for run in play(month):
        judged = list(opinions([known.case(found) for found in run.discrepancies], known.around(run)))
        for opinion in judged:
            fault = run.truth.get(opinion.key)
            if fault is not None and fault.cause in NAMED:
                row = Judged(fault.cause, tuple(ranked.cause for ranked in opinion.ranking[:TOP]))
                first.setdefault((_about(opinion.key), fault.number), row)
                last[_about(opinion.key), fault.number] = row
        _score_groups(run, judged, result)
    result.first, result.last = list(first.values()), list(last.values())
    return result


def _about(key: str) -> str:
    """Without its kind, which changes when a matter of timing falls due."""
    return key.partition(":")[2]


def _score_groups(run: PlayedRun, judged: list[Opinion], result: Score) -> None:
    """Every planted whole cause of two rows and more beside the group that has most of its rows."""
    planted: dict[str, set[str]] = defaultdict(set)
    said: dict[str, set[str]] = defaultdict(set)
    of_group: dict[str, str] = {}
    for opinion in judged:
        said[opinion.group].add(opinion.key)
        of_group[opinion.key] = opinion.group
        fault = run.truth.get(opinion.key)
        if fault is not None and fault.cause in WHOLE:
            planted[fault.group].add(opinion.key)
    for rows in planted.values():
        if len(rows) < 2:
            continue
        cause = run.truth[min(rows)].cause
        largest = max(sorted({of_group[key] for key in rows}), key=lambda group: len(said[group] & rows))
        is_whole, is_pure = rows <= said[largest], said[largest] <= rows
        result.groups[cause] += 1
        result.whole[cause] += is_whole
        result.pure[cause] += is_pure
        result.exact[cause] += is_whole and is_pure


def measure(seeds: range, extent: Extent) -> Score:
    total = Score()
    for seed in seeds:
        total.add(score(generate(seed, extent)))
    return total


def rows_of(result: Score) -> Iterator[tuple[str, ...]]:
    """A row a planted cause: how many, right on the first and the last night, and what it was taken for else."""
    for planted in NAMED:
        right_first, number = result.right(result.first, 1, planted)
        if not number:
            continue
        right_last, _ = result.right(result.last, 1, planted)
        among, _ = result.right(result.last, TOP, planted)
        taken = Counter(each.said[0] for each in result.last if each.planted is planted)
        other = ", ".join(f"{cause} {count}" for cause, count in sorted(taken.items()) if cause != NAMED[planted])
        shares = (_percent(right, number) for right in (right_first, right_last, among))
        yield planted, f"{number:,}", *shares, other or "–"


def group_rows(result: Score) -> Iterator[tuple[str, ...]]:
    for planted in sorted(result.groups):
        number = result.groups[planted]
        counts = (result.whole[planted], result.pure[planted], result.exact[planted])
        yield planted, f"{number:,}", *(_percent(count, number) for count in counts)


def _percent(part: int, of: int) -> str:
    """In tenths of a percent, rounded down, so that 100% means all."""
    whole, tenth = divmod(part * 1_000 // of, 10)
    return f"{whole}.{tenth}%"


def show(result: Score, console: Console) -> None:
    console.print(_table(("planted", "rows", "first night", "last night", f"among {TOP}", "else"), rows_of(result)))
    console.print(_table(("group of", "groups", "complete", "pure", "both"), group_rows(result)))
    for name, judged in (("first", result.first), ("last", result.last)):
        one, number = result.right(judged, 1)
        among, _ = result.right(judged, TOP)
        console.print(
            f"{name} night: {_percent(one, number)} right, {_percent(among, number)} among {TOP}, of {number:,}"
        )


def _table(columns: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table()
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how often the assistant names the right cause.")
    parser.add_argument("--seeds", type=int, default=40, help="how many generated months")
    parser.add_argument("--from", type=int, default=FIRST_UNSEEN, dest="begin", help="the first seed")
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--payments", type=int, default=150, help="a day")
    given = parser.parse_args()
    seeds = range(given.begin, given.begin + given.seeds)
    show(measure(seeds, Extent(days=given.days, payments=given.payments)), Console(width=160))


if __name__ == "__main__":
    main()
