"""Plays a month night after night through the engine, as runs in their order would.

What the database does around the matching is done here in memory: which lines and entries a run looks at, and what
earlier runs have matched. The matching, the names and the evidence are the product's own.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid5

from benchmarks.days.model import Batch, Expected, Fault, LineAt, Month, Provider
from benchmarks.days.rows import Books, bulk_entry, bulk_line, entry_row, write_rows
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.ports.provider import SettlementLine
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation import findings
from reconciliation.comparison import LOOK_AHEAD
from reconciliation.findings import Context, discrepancy_of
from reconciliation.matching.engine import Limits, Matching
from reconciliation.matching.sides import Entry, Line, handle, place

NAMES = UUID(int=0)
LIMITS = Limits(memory_mb=250, threads=1)


@dataclass(frozen=True, slots=True)
class Found:
    """One discrepancy of a run, by what it is about, and as it would be written down."""

    kind: DiscrepancyKind
    line: LineAt | None
    entry: int | None
    discrepancy: NewDiscrepancy


@dataclass(frozen=True, slots=True)
class PlayedRun:
    """A night: `matches` are its new ones. A line or an entry of a group occurs with each of the other side."""

    provider: Provider
    day: date
    matches: frozenset[tuple[LineAt, int]]
    rules: Mapping[str, int]
    found: tuple[Found, ...]
    truth: Mapping[str, Fault]

    @property
    def discrepancies(self) -> list[NewDiscrepancy]:
        return [found.discrepancy for found in self.found]


def play(month: Month) -> Iterator[PlayedRun]:
    """Every night of every provider, provider by provider."""
    for provider in month.providers:
        yield from _Nights(month, provider).play()


class _Nights:
    def __init__(self, month: Month, provider: Provider) -> None:
        self.month, self.provider = month, provider
        self.books = Books(month, provider)
        of_provider = [batch for batch in month.batches if batch.provider == provider]
        self.batches = sorted(of_provider, key=lambda batch: (batch.ref.business_date, batch.ref.id))
        self.line: dict[int, SettlementLine] = {
            handle(number, n): line
            for number, batch in enumerate(self.batches)
            for n, line in enumerate(batch.lines, 1)
        }
        self.entries = {booked.number: entry_row(booked) for booked in self.books.entries}
        self.made_on = {booked.number: booked.made_on for booked in self.books.entries}
        self.matched_lines: set[int] = set()
        self.matched_entries: set[int] = set()
        self.faults = _FaultsBehind(month.expected, month)

    def play(self) -> Iterator[PlayedRun]:
        for day in self.month.days:
            with TemporaryDirectory(prefix="congphi-days-") as folder:
                yield self.night(day, Path(folder))

    def night(self, day: date, folder: Path) -> PlayedRun:
        context = self.context(day)
        statement, ledger = self.lines_of(day), self.entries_of(day)
        ids = [batch.id for batch in context.batches]
        with Matching(folder, day, ids, self.provider.fee, LIMITS) as matching:
            _match(matching, folder, statement, ledger)
            matching.write_matches(folder / "matches", context.run_id)
            pairs = _pairs(folder / "matches", {str(batch): number for number, batch in enumerate(ids)})
            of_lines = [(finding, discrepancy_of(finding, context)) for finding in matching.findings()]
            rules = matching.matched_by_rule()
        self.matched_lines |= {line for line, _ in pairs}
        self.matched_entries |= {entry for _, entry in pairs}
        found = [
            Found(
                finding.kind,
                self.at(finding.line.line) if finding.line else None,
                finding.entry.entry if finding.entry else None,
                discrepancy,
            )
            for finding, discrepancy in of_lines
        ]
        found += self.payouts(day, context)
        matches = frozenset((self.at(line), entry) for line, entry in pairs)
        return PlayedRun(self.provider, day, matches, rules, tuple(found), self.faults.behind(found, day))

    def lines_of(self, day: date) -> list[Line]:
        """The day's, and what earlier days left."""
        return [
            self.books.line(number, line, self.matched_entries)
            for number, line in self.line.items()
            if number not in self.matched_lines and self.batches[place(number)[0]].ref.business_date <= day
        ]

    def entries_of(self, day: date) -> list[Entry]:
        """Up to the day after, and of the provider's own day."""
        return [
            entry
            for number, entry in self.entries.items()
            if number not in self.matched_entries
            and (entry.business_date <= day + LOOK_AHEAD or self.made_on[number] == day)
        ]

    def context(self, day: date) -> Context:
        batches = [
            findings.Batch(uuid5(NAMES, batch.ref.id), batch.ref.id, batch.ref.business_date) for batch in self.batches
        ]
        agencies = [agency.id for agency in self.month.agencies]
        return Context(uuid5(NAMES, f"{self.provider.name}:{day}"), self.provider.name, day, batches, agencies)

    def payouts(self, day: date, context: Context) -> Iterator[Found]:
        """What the stated totals and the sums of the lines say of each other."""
        rows: list[Any] = [row for batch in self.batches if batch.ref.business_date == day for row in _sums(batch)]
        for discrepancy in findings.payout_findings(rows, context):
            yield Found(discrepancy.kind, None, None, discrepancy)

    def at(self, number: int) -> LineAt:
        batch, line = place(number)
        return LineAt(self.batches[batch].ref.id, line)


@dataclass(frozen=True, slots=True)
class _Sum:
    """As settlements.sums_of_day has it."""

    batch_id: str
    business_date: date
    payout_id: str | None
    total_minor: int
    total_currency: str
    lines: int
    currency: str
    gross_minor: int
    fee_minor: int


class _FaultsBehind:
    """Which fault is behind a line, an entry or a batch. What may be solved is one, too."""

    def __init__(self, expected: Sequence[Expected], month: Month) -> None:
        planted = [each for each in expected if each.fault]
        self.of_line = {each.line: each.fault for each in planted if each.line}
        self.of_entry = {each.entry: each.fault for each in planted if each.entry}
        self.of_batch = {each.batch: each.fault for each in planted if each.batch}
        self.of_line |= {line: each.fault for each in month.solvable for line in each.lines}
        self.of_entry |= {entry: each.fault for each in month.solvable for entry in each.entries}

    def behind(self, found: Sequence[Found], day: date) -> dict[str, Fault]:
        by_key = {each.discrepancy.key: self._behind(each) for each in found}
        return {key: fault for key, fault in by_key.items() if fault is not None and fault.day <= day}

    def _behind(self, found: Found) -> Fault | None:
        if found.line is None and found.entry is None:
            return self.of_batch.get(found.discrepancy.evidence["settlement"]["batch"])
        by_line = self.of_line.get(found.line) if found.line else None
        return by_line or (self.of_entry.get(found.entry) if found.entry else None)


def _match(matching: Matching, folder: Path, statement: Sequence[Line], ledger: Sequence[Entry]) -> None:
    """What comparison.compared does with the database."""
    matching.pair(
        write_rows(folder / "lines", map(bulk_line, statement)), write_rows(folder / "entries", map(bulk_entry, ledger))
    )
    lines, entries = set(chain(*matching.wanted_lines())), set(chain(*matching.wanted_entries()))
    matching.add_details(
        write_rows(folder / "line_details", (astuple(line) for line in statement if line.line in lines)),
        write_rows(folder / "entry_details", (astuple(entry) for entry in ledger if entry.entry in entries)),
    )
    matching.decide()


def _pairs(file: Path, place_of: Mapping[str, int]) -> list[tuple[int, int]]:
    with file.open(newline="") as rows:
        return [(handle(place_of[row[0]], int(row[1])), int(row[2])) for row in csv.reader(rows)]


def _sums(batch: Batch) -> Iterator[_Sum]:
    ref = batch.ref
    if ref.total is None:
        return
    for currency in sorted({line.gross.currency for line in batch.lines if line.settled}):
        counted = [line for line in batch.lines if line.settled and line.gross.currency == currency]
        gross, fee = sum(line.gross.amount_minor for line in counted), sum(line.fee.amount_minor for line in counted)
        total = ref.total
        yield _Sum(
            ref.id, ref.business_date, ref.payout_id, total.amount_minor, total.currency, len(batch.lines), currency,
            gross, fee,
        )  # fmt: skip
