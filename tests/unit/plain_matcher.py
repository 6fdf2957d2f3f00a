"""The matching once more, in plain Python over lists: slow, short, and written to be read beside rules.py.

Whatever the engine does with files, joins and windows must come to the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import uuid4

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.engine import FeeSum, Finding, Limits, Matching, Totals
from reconciliation.matching.names import Named
from reconciliation.matching.sides import Entry, Line, Movement, key_of, place, write_records
from tests.unit.match_files import Member, members_of
from tests.unit.plain_rules import (
    by_checkout,
    by_merchant,
    by_reference,
    equal,
    in_window,
    is_long_alike,
    is_part,
    is_slip,
    kind_of_lone,
    may_match,
    what_differs,
)

K = DiscrepancyKind
Found = tuple[DiscrepancyKind, int | None, int | None]
Proposed = tuple[str, str, frozenset[int]]
UNIQUE = (Movement.PAYMENT, Movement.REFUND, Movement.REFUND_RETURN)


@dataclass
class Result:
    """Matches by (line, entry) with their rule, and findings by (kind, line, entry). A member of a group has no line or
    no entry, but for the first; `groups` are the groups by their members. `proposed` is the rule, why and what of the
    other side, by the line or the entry that is alone."""

    matches: dict[Member, str] = field(default_factory=dict)
    findings: list[Found] = field(default_factory=list)
    groups: set[frozenset[Member]] = field(default_factory=set)
    proposed: dict[Member, Proposed] = field(default_factory=dict)


class PlainMatcher:
    """`lines` and `entries` are in order. What nobody has taken yet is free."""

    def __init__(
        self,
        day: date,
        lines: Sequence[Line],
        entries: Sequence[Entry],
        fee: FeeContract | None,
        named: Sequence[Named] = (),
    ) -> None:
        self.day, self.fee, self.named = day, fee, named
        self.lines, self.entries = lines, entries
        self.free_lines, self.free_entries = list(lines), list(entries)
        self.result = Result()

    def match(self) -> Result:
        self.match_by_reference()
        self.match_by_merchant()
        for shared in (by_reference, by_merchant):
            self.match_settled_in_parts(shared)
        for shared in (by_reference, by_merchant, by_checkout):
            self.match_settled_together(shared)
        self.match_by_repaired_name()
        self.name_differences(self.nth_with_nth())
        self.name_differences(self.without_choice(self.free_lines, self.free_entries))
        self.name_repetitions()
        self.name_differences_from_payments()
        self.propose()
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

    def match_settled_in_parts(self, shared: Callable[[Line, Entry], bool]) -> None:
        pairs = self.sharing(shared)
        for entry in [entry for entry in self.free_entries if sum(entry is other for _, other in pairs) > 1]:
            parts = [line for line, other in pairs if other is entry]
            only_of_it = all(sum(line is other for other, _ in pairs) == 1 for line in parts)
            told_once = len({line.line_id for line in parts}) == len(parts)
            adds_up = sum(line.gross for line in parts) == entry.amount
            if only_of_it and told_once and adds_up and all(is_part(line, entry) for line in parts):
                self.take_group(parts, [entry], "settled_in_parts")

    def match_settled_together(self, shared: Callable[[Line, Entry], bool]) -> None:
        pairs = self.sharing(shared)
        for line in [line for line in self.free_lines if sum(line is other for other, _ in pairs) > 1]:
            parts = [entry for other, entry in pairs if other is line]
            only_of_it = all(sum(entry is other for _, other in pairs) == 1 for entry in parts)
            adds_up = sum(entry.amount for entry in parts) == line.gross and len({entry.agency for entry in parts}) == 1
            is_named = shared is not by_checkout or any(line.payment and line.payment == e.payment for e in parts)
            if only_of_it and adds_up and is_named and all(is_part(line, entry) for entry in parts):
                self.take_group([line], parts, "settled_together")

    def sharing(self, shared: Callable[[Line, Entry], bool]) -> list[tuple[Line, Entry]]:
        return [
            (line, entry)
            for line in self.free_lines
            for entry in self.free_entries
            if line.movement == entry.movement and shared(line, entry)
        ]

    def take_group(self, lines: list[Line], entries: list[Entry], rule: str) -> None:
        members: list[Member] = [(lines[0].line, entries[0].entry)]
        members += [(line.line, None) for line in lines[1:]] + [(None, entry.entry) for entry in entries[1:]]
        for line in lines:
            self.free_lines.remove(line)
        for entry in entries:
            self.free_entries.remove(entry)
        self.result.matches |= dict.fromkeys(members, rule)
        self.result.groups.add(frozenset(members))

    def match_by_repaired_name(self) -> None:
        pairs = self.fitting()
        for (line, entry), (how, rivals) in pairs.items():
            entries, lines = sum(other is line for other, _ in pairs), sum(other is entry for _, other in pairs)
            if (entries, lines, rivals) == (1, 1, 1):
                self.take(line, entry)
                self.result.matches[line.line, entry.entry] = (
                    "merchant_reference" if how == "whole" else "repaired_reference"
                )

    def fitting(self) -> dict[tuple[Line, Entry], tuple[str, int]]:
        """What garbled names lead to: how they were read (by the first word), and how many payments they may name."""
        found: dict[tuple[Line, Entry], tuple[str, int]] = {}
        for line in self.free_lines:
            for entry in self.free_entries:
                if read := list(self.readings(line, entry)):
                    found[line, entry] = (min(how for how, _ in read), max(rivals for _, rivals in read))
        return found

    def readings(self, line: Line, entry: Entry) -> Iterator[tuple[str, int]]:
        if not may_match(line, entry):
            return
        if is_long_alike(line.reference, entry.reference):
            yield (
                "writing",
                sum(
                    is_long_alike(line.reference, other.reference) and other.movement == line.movement
                    for other in self.entries
                    if not other.later
                ),
            )
        if is_long_alike(line.merchant, entry.merchant) and None in (line.reference, entry.reference):
            yield "writing", 1
        of_line = [known for known in self.named if known.line == line.line]
        rivals = {
            known.payment
            for known in of_line
            if line.movement is not Movement.PAYMENT or (known.amount, known.currency) == (line.gross, line.currency)
        }
        for known in of_line:
            own_name = known.read == line.reference == line.transaction_id
            if rivals and known.payment == entry.payment and (None in (line.reference, entry.reference) or own_name):
                yield known.how, len(rivals)

    def propose(self) -> None:
        pairs = dict.fromkeys(self.fitting(), ("repaired_reference", "several_fit"))
        alike = [
            (line, entry)
            for line in self.free_lines
            for entry in self.free_entries
            if may_match(line, entry) and entry.sought_from <= self.day and line.gross
        ]
        for line, entry in alike:
            if (line, entry) not in pairs and is_slip(line.reference, entry.reference):
                pairs[line, entry] = ("repaired_reference", "one_slip_away")
        near = [pair for pair in alike if in_window(*pair)]
        taken = [side for pair in pairs for side in pair]
        for line, entry in near:
            alone = sum(line is other for other, _ in near) == sum(entry is other for _, other in near) == 1
            if alone and line not in taken and entry not in taken:
                pairs[line, entry] = ("amount_window", "only_one_of_its_amount")
        for side in {side for pair in pairs for side in pair}:
            if isinstance(side, Entry) and side.sought_from > self.day:
                continue
            told = [(words, pair) for pair, words in pairs.items() if side in pair]
            fitting = frozenset(pair[1].entry if isinstance(side, Line) else pair[0].line for _, pair in told)
            name = (side.line, None) if isinstance(side, Line) else (None, side.entry)
            self.result.proposed[name] = (*min(words for words, _ in told), fitting)

    def name_differences_from_payments(self) -> None:
        for line in list(self.free_lines):
            kind = kind_of_lone(line)
            if kind not in (K.REFUND_UNKNOWN, K.MISSING_IN_GATEWAY):
                self.take(line, None)
                self.result.findings.append((kind, line.line, None))

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
            line = of_number[line_number] if line_number is not None else None
            if not self.fee or line is None or line.movement is not Movement.PAYMENT:
                continue
            if line.fee != self.fee.fee_minor(line.gross) and not self.group_has_fee((line_number, entry_number)):
                self.result.findings.append((K.FEE_MISMATCH, line_number, entry_number))

    def group_has_fee(self, member: Member) -> bool:
        """Whether the lines of its group cost together what its entries would have cost."""
        group = next((group for group in self.result.groups if member in group), frozenset[Member]())
        lines = [line for line in self.lines if line.line in {number for number, _ in group}]
        entries = [entry for entry in self.entries if entry.entry in {number for _, number in group}]
        agreed = sum(self.fee.fee_minor(entry.amount) for entry in entries) if self.fee else 0
        return bool(group) and sum(line.fee for line in lines) == agreed

    def take(self, line: Line, entry: Entry | None) -> None:
        self.free_lines.remove(line)
        if entry:
            self.free_entries.remove(entry)


@dataclass
class EngineResult(Result):
    totals: list[Totals] = field(default_factory=list)
    fees: list[FeeSum] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)


def match_by_engine(
    folder: Path,
    day: date,
    lines: Sequence[Line],
    entries: Sequence[Entry],
    fee: FeeContract | None,
    named: Sequence[Named] = (),
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
        write_records(folder / "named", named)
        matching.add_named(folder / "named")
        matching.decide()
        written_to = folder / "matches"
        written_to.mkdir()
        matching.write_matches(written_to, uuid4())
        found = list(matching.findings())
        matches, groups = members_of(written_to, batches)
        return EngineResult(
            matches=matches,
            findings=[(f.kind, f.line.line if f.line else None, f.entry.entry if f.entry else None) for f in found],
            groups=groups,
            proposed=dict(proposed(found, {entry.entry_key: entry.entry for entry in entries})),
            totals=matching.totals(),
            fees=matching.fees(),
            found=found,
        )


def proposed(found: Sequence[Finding], of_key: dict[str, int]) -> Iterator[tuple[Member, Proposed]]:
    for each in found:
        if proposal := each.proposal:
            fitting = frozenset(proposal.lines) | {of_key[key] for key in proposal.entries}
            name = (each.line.line if each.line else None, each.entry.entry if each.entry else None)
            yield name, (proposal.rule, proposal.why, fitting)


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
