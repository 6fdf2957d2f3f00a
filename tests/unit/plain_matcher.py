"""The matching once more, in plain Python over lists: slow, short, and written to be read beside rules.py.

Whatever the engine does with files, joins and windows must come to the same.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import uuid4

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.engine import FeeSum, Finding, Limits, Matching, Totals
from reconciliation.matching.sides import Entry, Line, Movement, key_of, place

K = DiscrepancyKind
Found = tuple[DiscrepancyKind, int | None, int | None]
UNIQUE = (Movement.PAYMENT, Movement.REFUND, Movement.REFUND_RETURN)


@dataclass
class Result:
    """Matches by (line, entry) with their rule, and findings by (kind, line, entry)."""

    matches: dict[tuple[int, int], str] = field(default_factory=dict)
    findings: list[Found] = field(default_factory=list)


class PlainMatcher:
    """`lines` and `entries` are in order. What nobody has taken yet is free."""

    def __init__(self, day: date, lines: Sequence[Line], entries: Sequence[Entry], fee: FeeContract | None) -> None:
        self.day, self.fee = day, fee
        self.lines, self.entries = lines, entries
        self.free_lines, self.free_entries = list(lines), list(entries)
        self.result = Result()

    def match(self) -> Result:
        self.match_by_reference()
        self.match_by_merchant()
        self.name_differences(self.nth_with_nth())
        self.name_differences(self.without_choice(self.free_lines, self.free_entries))
        self.name_repetitions()
        for line in self.free_lines:
            self.result.findings.append((kind_of_lone(line), line.line, None))
        for entry in self.free_entries:
            if entry.sought_from <= self.day:
                kind = K.TIMING if self.day < entry.due_on else K.MISSING_AT_PROVIDER
                self.result.findings.append((kind, None, entry.entry))
        self.name_wrong_fees()
        return self.result

    def match_by_reference(self) -> None:
        for line in self.lines:
            for entry in self.entries:
                same = line.reference is not None and line.reference == entry.reference and equal(line, entry)
                if same and line in self.free_lines and entry in self.free_entries:
                    self.take(line, entry)
                    self.result.matches[line.line, entry.entry] = "provider_reference"

    def match_by_merchant(self) -> None:
        lines = [line for line in self.free_lines if not line.later]
        entries = [entry for entry in self.free_entries if not entry.later]
        for line, entry in self.without_choice(lines, entries, equal):
            self.take(line, entry)
            self.result.matches[line.line, entry.entry] = "merchant_reference"

    def name_differences(self, pairs: Sequence[tuple[Line, Entry]]) -> None:
        for line, entry in pairs:
            if kind := what_differs(line, entry.currency, entry.amount):
                self.take(line, entry)
                self.result.findings.append((kind, line.line, entry.entry))

    def nth_with_nth(self) -> list[tuple[Line, Entry]]:
        found = []
        for key in {(line.movement, line.reference) for line in self.free_lines if line.reference is not None}:
            of_line = [line for line in self.free_lines if (line.movement, line.reference) == key]
            of_entry = [entry for entry in self.free_entries if (entry.movement, entry.reference) == key]
            found += list(zip(of_line, of_entry, strict=False))
        return found

    def without_choice(
        self, lines: list[Line], entries: list[Entry], also: Callable[[Line, Entry], bool] = lambda line, entry: True
    ) -> list[tuple[Line, Entry]]:
        """Pairs by our payment id: a line that could be two entries is none; of an entry's lines it is the first."""
        pairs = [
            (line, entry)
            for line in lines
            for entry in entries
            if line.merchant is not None
            and (line.merchant, line.movement) == (entry.merchant, entry.movement)
            and None in (line.reference, entry.reference)
            and also(line, entry)
        ]
        choices = Counter(line.line for line, _ in pairs)
        first = {entry.entry: line for line, entry in reversed(pairs)}
        return [(line, entry) for line, entry in pairs if choices[line.line] == 1 and first[entry.entry] == line]

    def name_repetitions(self) -> None:
        free = {line.line for line in self.free_lines}
        known = {(line.movement, line.reference) for line in self.lines if line.reference and line.line not in free}
        matched = {entry for _, entry in self.result.matches}
        for line in list(self.free_lines):
            if line.movement in UNIQUE:
                again = (line.movement, line.reference) in known
                if again or line.counterpart_matched or line.counterpart in matched:
                    self.take(line, None)
                    self.result.findings.append((K.DUPLICATE_AT_PROVIDER, line.line, None))
                if line.reference is not None:
                    known.add((line.movement, line.reference))

    def name_wrong_fees(self) -> None:
        of_number = {line.line: line for line in self.lines}
        for line_number, entry_number in self.result.matches:
            line = of_number[line_number]
            if self.fee and line.movement is Movement.PAYMENT and line.fee != self.fee.fee_minor(line.gross):
                self.result.findings.append((K.FEE_MISMATCH, line_number, entry_number))

    def take(self, line: Line, entry: Entry | None) -> None:
        self.free_lines.remove(line)
        if entry:
            self.free_entries.remove(entry)


def equal(line: Line, entry: Entry) -> bool:
    alike = line.movement == entry.movement and (line.currency, line.gross) == (entry.currency, entry.amount)
    return alike and line.settled and not line.later and not entry.later


def what_differs(line: Line, currency: str, amount: int) -> DiscrepancyKind | None:
    if line.currency != currency:
        return K.CURRENCY_MISMATCH
    if line.gross != amount:
        return K.AMOUNT_MISMATCH
    return None if line.settled else K.STATUS_MISMATCH


def kind_of_lone(line: Line) -> DiscrepancyKind:
    if line.movement is Movement.PAYMENT and line.payment is not None:
        kind = what_differs(line, line.payment_currency or "", line.payment_amount or 0)
        if kind:
            return kind
    refunded = line.movement in (Movement.REFUND, Movement.REFUND_RETURN)
    return K.REFUND_UNKNOWN if refunded else K.MISSING_IN_GATEWAY


@dataclass
class EngineResult(Result):
    totals: list[Totals] = field(default_factory=list)
    fees: list[FeeSum] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)


def match_by_engine(
    folder: Path, day: date, lines: Sequence[Line], entries: Sequence[Entry], fee: FeeContract | None
) -> EngineResult:
    """The same through the engine and its files."""
    batches = [uuid4() for _ in range(max((place(line.line)[0] for line in lines), default=-1) + 1)]
    bulk_lines = [
        (line.line, key_of(line.movement, line.reference), line.currency, line.gross, line.fee, line.settled)
        for line in lines
        if not line.later
    ]
    bulk_entries = [
        (entry.entry, key_of(entry.movement, entry.reference), entry.agency, entry.currency, entry.amount)
        for entry in entries
        if not entry.later
    ]
    with Matching(folder, day, batches, fee, Limits(threads=1)) as matching:
        matching.pair(written(folder / "lines", bulk_lines), written(folder / "entries", bulk_entries))
        wanted_lines = {line for chunk in matching.wanted_lines() for line in chunk}
        wanted_entries = {entry for chunk in matching.wanted_entries() for entry in chunk}
        matching.add_details(
            written(folder / "line_details", [astuple(x) for x in lines if x.later or x.line in wanted_lines]),
            written(folder / "entry_details", [astuple(x) for x in entries if x.later or x.entry in wanted_entries]),
        )
        matching.decide()
        matching.write_matches(folder / "matches", uuid4())
        found = list(matching.findings())
        with (folder / "matches").open(newline="") as file:
            rows = list(csv.reader(file))
        of_batch = {str(batch): number for number, batch in enumerate(batches)}
        return EngineResult(
            matches={((of_batch[row[0]] << 32) + int(row[1]), int(row[2])): row[4] for row in rows},
            findings=[(f.kind, f.line.line if f.line else None, f.entry.entry if f.entry else None) for f in found],
            totals=matching.totals(),
            fees=matching.fees(),
            found=found,
        )


def written(path: Path, rows: Iterable[tuple[object, ...]]) -> Path:
    """CSV as COPY writes it: nothing for null, quotes around an empty text, t and f."""
    with path.open("w", newline="") as file:
        for row in rows:
            file.write(",".join(map(cell, row)) + "\n")
    return path


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if not text or set(text) & set(',"\n\r') else text


def line(number: int, **values: object) -> Line:
    """A settled payment line of 100,000 đồng."""
    plain = Line(
        line=number, movement=Movement.PAYMENT, reference=f"tx_{number}", merchant=None, currency="VND", gross=100_000,
        fee=1_100, settled=True, later=False, line_id=f"l_{number}", kind="payment", status="settled",
        transaction_id=f"tx_{number}", refund_reference=None, occurred_at="2026-03-02 04:00:00+00", payment=None,
        payment_status=None, payment_currency=None, payment_amount=None, refund=None, refund_unresolved=False,
        agency=None, counterpart=None, counterpart_matched=False,
    )  # fmt: skip
    return replace(plain, **values)  # type: ignore[arg-type]


def entry(number: int, **values: object) -> Entry:
    """A payment of 100,000 đồng that succeeded on the day."""
    plain = Entry(
        entry=number, movement=Movement.PAYMENT, reference=f"tx_{number}", merchant=None, currency="VND",
        amount=100_000, later=False, entry_key=f"payment:{number}:succeeded", business_date=date(2026, 3, 2),
        sought_from=date(2026, 3, 2),
        due_on=date(2026, 3, 2), payment=None, refund=None, agency=0,
    )  # fmt: skip
    return replace(plain, **values)  # type: ignore[arg-type]
