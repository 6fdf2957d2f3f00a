"""The engine beside the truth: what it matched that is not the same, what it missed, and what it called it instead."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from benchmarks.days.model import Expected, LineAt, Month
from benchmarks.days.play import Found, PlayedRun, play
from gateway.domain.discrepancy import DiscrepancyKind as K

RECALL = Fraction(99, 100)
"""Of the planted faults so many must be found, each under its own name."""

# What no comparison of a settlement with the ledger can show: the gateway tells it when it happens, or the bank does.
SEEN_ELSEWHERE = frozenset({K.DUPLICATE_PAYMENT, K.PAYOUT_MISSING, K.UNIDENTIFIED_RECEIPT})
NOT_FOUND = "nothing"
NOT_PLANTED = "nothing planted"

Key = tuple[LineAt | None, int | None, str | None, bool]


@dataclass(slots=True)
class Result:
    """`confusion` is by (planted, found). `strays` are wrong names on the later days of what was planted before."""

    matches: int = 0
    false_matches: list[str] = field(default_factory=list)
    missed_matches: int = 0
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    strays: Counter[tuple[str, str]] = field(default_factory=Counter)
    solvable: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        self.matches += other.matches
        self.false_matches += other.false_matches
        self.missed_matches += other.missed_matches
        self.confusion += other.confusion
        self.strays += other.strays
        self.solvable += other.solvable

    def recall(self, kind: str) -> Fraction:
        planted = sum(count for (was, _), count in self.confusion.items() if was == kind)
        return Fraction(self.confusion[kind, kind], planted) if planted else Fraction(1)

    @property
    def kinds(self) -> list[str]:
        return sorted({planted for planted, _ in self.confusion} - {NOT_PLANTED})

    @property
    def is_good(self) -> bool:
        """No false match, no match missed, all kinds recalled, and nothing named that is not wrong."""
        unplanted = sum(count for (was, _), count in self.confusion.items() if was == NOT_PLANTED)
        named_well = all(self.recall(kind) >= RECALL for kind in self.kinds)
        return not self.false_matches and not self.missed_matches and not self.strays and not unplanted and named_well


def evaluate(month: Month) -> Result:
    truth, result = _Truth(month), Result()
    for run in play(month):
        truth.judge_matches(run, result)
        truth.judge_findings(run, result)
    truth.judge_solved(result)
    return result


class _Truth:
    def __init__(self, month: Month) -> None:
        self.month = month
        self.day_of = {batch.ref.id: (batch.provider.name, batch.ref.business_date) for batch in month.batches}
        self.may_match = {(line, entry) for each in month.solvable for line in each.lines for entry in each.entries}
        self.open_lines = {line for each in month.solvable for line in each.lines}
        self.open_entries = {entry for each in month.solvable for entry in each.entries}
        self.solved: set[tuple[LineAt, int]] = set()

    def judge_matches(self, run: PlayedRun, result: Result) -> None:
        of_day = (run.provider.name, run.day)
        due = {(line, entry) for line, entry in self.month.matches.items() if self.day_of[line.batch] == of_day}
        false = run.matches - due - self.may_match
        result.matches += len(run.matches)
        result.missed_matches += len(due - run.matches)
        result.false_matches += [
            f"seed {self.month.seed}, {run.provider.name} {run.day}: {pair}" for pair in sorted(false)
        ]
        self.solved |= run.matches & self.may_match

    def judge_findings(self, run: PlayedRun, result: Result) -> None:
        """Found is looked for by what it is about: the line, else the entry, else the batch."""
        found = {_key(each.line, each.entry, _batch(each), each.kind): each for each in run.found}
        for expected in self.month.expected:
            if expected.provider == run.provider.name and _is_on(expected, run.day):
                named = found.pop(_key(expected.line, expected.entry, expected.batch, expected.kind), None)
                counted = result.confusion if expected.first == run.day else result.strays
                pair = (expected.kind, _name(expected, named))
                if pair[0] != pair[1] or counted is result.confusion:
                    counted[pair] += 1
        for stray in found.values():
            if stray.line not in self.open_lines and stray.entry not in self.open_entries:
                result.confusion[NOT_PLANTED, stray.kind] += 1

    def judge_solved(self, result: Result) -> None:
        for each in self.month.solvable:
            result.solvable[
                each.rule, any((line, entry) in self.solved for line in each.lines for entry in each.entries)
            ] += 1


def _is_on(expected: Expected, day: date) -> bool:
    is_late = expected.last is not None and day > expected.last
    return expected.kind not in SEEN_ELSEWHERE and expected.first <= day and not is_late


def _name(expected: Expected, found: Found | None) -> str:
    """A right name about the wrong entry is a wrong name."""
    if found is None:
        return NOT_FOUND
    return found.kind if found.entry == expected.entry else f"{found.kind} of another entry"


def _key(line: LineAt | None, entry: int | None, batch: str | None, kind: K) -> Key:
    """A match may have a wrong fee, so that is told apart."""
    return line, None if line else entry, None if line or entry else batch, kind is K.FEE_MISMATCH


def _batch(found: Found) -> str | None:
    of_batch = found.line is None and found.entry is None
    return found.discrepancy.evidence["settlement"]["batch"] if of_batch else None


def evaluate_seeds(months: Iterable[Month]) -> Result:
    whole = Result()
    for month in months:
        whole.add(evaluate(month))
    return whole


def as_rows(result: Result) -> list[Mapping[str, str]]:
    """A row a kind: how many were planted, how many of them found by that name, and what else they were called."""
    rows: list[Mapping[str, str]] = []
    for kind in result.kinds:
        of_kind = {found: count for (was, found), count in result.confusion.items() if was == kind}
        other = ", ".join(f"{found} {count:,}" for found, count in sorted(of_kind.items()) if found != kind)
        found, planted = of_kind.get(kind, 0), sum(of_kind.values())
        rows.append({"kind": kind, "planted": f"{planted:,}", "found": f"{found:,}", "otherwise": other or "–"})
    return rows
