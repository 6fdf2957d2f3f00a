"""What only many discrepancies together show: each is found once for a whole day, in passes over sets."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.bank_patterns import BankPatterns, bank_patterns
from reconciliation.assistant.cases import Case, Surroundings, provider_day
from reconciliation.assistant.fee_pattern import FeeRate, find_rates, kept
from reconciliation.assistant.slips import is_slip_of

K = DiscrepancyKind

UNFINISHED = frozenset({"submitting", "pending", "unknown"})
ABSENT = frozenset({K.MISSING_AT_PROVIDER, K.TIMING})
"""What the ledger has and the settlement has not."""

TOGETHER_MIN = 4
SLOT_S = 1_800
SLOTS_A_DAY = 48
CROWDED_TIMES = 6
"""An outage shows by half hours with many times as many unfinished payments as the usual half hour of the day has.
Rush hours have some three times as many."""

MIDNIGHT_WITHIN = timedelta(minutes=65)
REPEATED_PERCENT = 80
PAIRS_MAX = 50
"""So many of one amount are compared with each other; of more, an amount says nothing."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Discrepancies that lie close together in time."""

    begun_at: datetime
    ended_at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Midnight:
    """The end of a day in a zone, and how much of what is absent of that day lies close before or after it."""

    zone: str
    at: datetime
    near: int
    among: int


@dataclass
class Patterns:
    """By the key of a discrepancy: `pair` the other side's reference that is a slip away, `same_amount` how many of
    the same amount stand open on the other side, `opposite` whether one of the same amount and other sign does.

    `absent` counts by the provider's day and the currency what the settlement lacks. `repeated` has by batch the
    percentage of its lines that were settled before.
    """

    absent: Mapping[tuple[date, str], int]
    midnight: Mapping[str, Midnight]
    unfinished: Mapping[str, Stretch]
    rates: Mapping[str, FeeRate]
    repeated: Mapping[str, int]
    pair: Mapping[str, str] = field(default_factory=dict)
    same_amount: Mapping[str, int] = field(default_factory=dict)
    opposite: frozenset[str] = frozenset()
    bank: BankPatterns = field(default_factory=lambda: bank_patterns(()))


def find_patterns(cases: Sequence[Case], around: Surroundings) -> Patterns:
    cases = sorted(cases, key=lambda case: case.key)  # so that what is found does not depend on their order
    absent = [case for case in cases if case.kind in ABSENT]
    pair, same_amount = _pairs(cases, absent)
    return Patterns(
        absent=Counter((provider_day(case, around), case.currency) for case in absent),
        midnight=_midnights(absent, around),
        unfinished=_stretches(cases, around),
        rates=_rates(cases, around),
        repeated=_repeated(cases, around),
        pair=pair,
        same_amount=same_amount,
        opposite=_opposites(cases),
        bank=bank_patterns(cases) if around.is_bank else bank_patterns(()),
    )


def is_unfinished(case: Case) -> bool:
    """Its money moved, or may have, and nobody told us."""
    return case.payment_status in UNFINISHED or case.repaired or case.why == "no_end"


def _midnights(absent: Sequence[Case], around: Surroundings) -> dict[str, Midnight]:
    """For each absent movement, of the midnights that it lies close to, the one that most of its day lies close to."""
    near: dict[tuple[date, str, datetime], list[Case]] = defaultdict(list)
    among = Counter(provider_day(case, around) for case in absent)
    for case in absent:
        for zone, at in _midnights_near(case, around):
            near[provider_day(case, around), zone, at].append(case)
    best: dict[str, Midnight] = {}
    for (day, zone, at), close in sorted(near.items(), key=lambda one: one[0]):
        for case in close:
            known = best.get(case.key)
            if known is None or len(close) > known.near:
                best[case.key] = Midnight(zone, at, len(close), among[day])
    return best


def _midnights_near(case: Case, around: Surroundings) -> Iterator[tuple[str, datetime]]:
    if case.occurred_at is None:
        return
    for zone in dict.fromkeys((around.zone, case.zone or around.zone, "UTC")):
        local = case.occurred_at.astimezone(ZoneInfo(zone))
        for day in (local.date(), local.date() + timedelta(days=1)):
            midnight = datetime.combine(day, time(), ZoneInfo(zone))
            if abs(midnight - local) <= MIDNIGHT_WITHIN:
                yield zone, midnight


def _stretches(cases: Sequence[Case], around: Surroundings) -> dict[str, Stretch]:
    """Crowded half hours next to each other, with all that is unfinished in them."""
    by_slot: dict[int, list[Case]] = defaultdict(list)
    for case in cases:
        if is_unfinished(case) and case.occurred_at is not None:
            by_slot[int(case.occurred_at.timestamp()) // SLOT_S].append(case)
    stretches: dict[str, Stretch] = {}
    for slots in _runs(_crowded(by_slot, around)):
        together = [case for slot in slots for case in by_slot[slot]]
        if len(together) >= TOGETHER_MIN:
            moments = [case.occurred_at for case in together if case.occurred_at is not None]
            stretch = Stretch(min(moments), max(moments), len(together))
            stretches |= {case.key: stretch for case in together}
    return stretches


def _crowded(by_slot: Mapping[int, Sequence[Case]], around: Surroundings) -> list[int]:
    """The half hours with many times what the usual one of their day has. Of a quiet day the usual one has nothing."""
    by_day: dict[date, list[int]] = defaultdict(list)
    for slot, cases in by_slot.items():
        by_day[provider_day(cases[0], around)].append(slot)
    crowded = []
    for slots in by_day.values():
        counts = sorted((len(by_slot[slot]) for slot in slots), reverse=True)
        usual = counts[SLOTS_A_DAY // 2] if len(counts) > SLOTS_A_DAY // 2 else 0
        crowded += [slot for slot in slots if len(by_slot[slot]) >= CROWDED_TIMES * usual]
    return sorted(crowded)


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Stretches of numbers that follow each other."""
    run: list[int] = []
    for number in numbers:
        if run and number > run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _rates(cases: Sequence[Case], around: Surroundings) -> dict[str, FeeRate]:
    fees = [fee for case in cases if case.kind is K.FEE_MISMATCH and (fee := kept(case)) is not None]
    return {key: rate for rate in find_rates(fees, around.fee) for key in rate.of}


def _repeated(cases: Sequence[Case], around: Surroundings) -> dict[str, int]:
    again = Counter(case.batch for case in cases if case.kind is K.DUPLICATE_AT_PROVIDER)
    lines = {batch: around.batch_lines.get(batch, 0) for batch in again if batch is not None}
    return {batch: again[batch] * 100 // number for batch, number in lines.items() if number}


def _pairs(cases: Sequence[Case], absent: Sequence[Case]) -> tuple[dict[str, str], dict[str, int]]:
    entries: dict[tuple[str, int], list[Case]] = defaultdict(list)
    for case in absent:
        entries[case.currency, case.amount_minor].append(case)
    pair: dict[str, str] = {}
    same: dict[str, int] = defaultdict(int)
    for line in cases:
        others = entries.get((line.currency, line.amount_minor), ()) if line.kind is K.MISSING_IN_GATEWAY else ()
        if not 0 < len(others) <= PAIRS_MAX:
            continue
        same[line.key] = len(others)
        for entry in others:
            same[entry.key] += 1
            names = [
                (line.transaction, entry.reference),
                (line.merchant, str(entry.payment) if entry.payment else None),
                (line.merchant, entry.shown),
            ]
            if any(is_slip_of(one, other) for one, other in names):
                pair.setdefault(line.key, entry.reference or str(entry.payment))
                pair.setdefault(entry.key, line.transaction or line.merchant or "")
    return pair, dict(same)


def _opposites(cases: Sequence[Case]) -> frozenset[str]:
    by_name: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for case in cases:
        name = case.transaction or case.reference
        if name and case.amount_minor:
            by_name[name, case.currency, case.amount_minor].append(case.key)
    return frozenset(
        key for (name, money, amount), keys in by_name.items() if (name, money, -amount) in by_name for key in keys
    )
