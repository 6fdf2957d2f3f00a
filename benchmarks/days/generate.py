"""Makes a month: honest traffic, then whole causes, then single faults, then everything put in its place.

The same seed and extent make the same month, to the byte.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.days.causes import WHOLE, plant_whole
from benchmarks.days.faults import SINGLE, plant_single
from benchmarks.days.model import (
    BankCredit,
    Batch,
    Booked,
    Cause,
    Draft,
    Expected,
    Fault,
    LineAt,
    Month,
    Solvable,
)
from benchmarks.days.traffic import PROVIDERS, Traffic
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.domain.money import Money
from gateway.ports.provider import BatchRef

MONDAY = date(2026, 3, 2)
PAYOUTS = (Cause.PAYOUT_REDUCED, Cause.PAYOUT_RAISED, Cause.PAYOUT_LOST, Cause.STRANGE_CREDIT)


@dataclass(frozen=True, slots=True)
class Extent:
    """`payments` a day over all providers. `single`: how often each single fault is planted, on `payouts` too;
    `whole`: how many whole causes, each of another kind as far as there are kinds."""

    days: int = 5
    payments: int = 150
    single: int = 2
    whole: int = 2
    first: date = MONDAY


def generate(seed: int, extent: Extent = Extent()) -> Month:
    """The month of `seed`. See model.Month for what is in it."""
    chance = random.Random(seed)
    days = [extent.first + timedelta(days=n) for n in range(extent.days)]
    traffic = Traffic(chance, days)
    traffic.fill(extent.payments)
    causes = chance.sample(sorted(WHOLE), min(extent.whole, len(WHOLE)))
    for cause in causes:
        plant_whole(traffic, cause, chance.choice(PROVIDERS), chance.choice(days[: max(1, len(days) - 1)]))
    for _ in range(extent.single):
        for single in SINGLE:
            plant_single(traffic, single)
    return _Finish(traffic, seed).month(extent.single)


class _Finish:
    """Gives every line its batch and its number, and works out what has to be found when."""

    def __init__(self, traffic: Traffic, seed: int) -> None:
        self.traffic, self.draw, self.seed = traffic, traffic.draw, seed
        self.first, self.last = traffic.days[0], traffic.days[-1]
        self.place: dict[Draft, LineAt] = {}
        self.by_batch = self._by_batch()

    def month(self, payouts: int) -> Month:
        faulty = self._payout_faults(payouts)
        batches = [self._batch(name, drafts, faulty) for name, drafts in self.by_batch.items()]
        expected = [*self._of_lines(), *self._of_entries(), *self._paid_twice(), *self._of_payouts(faulty)]
        in_order = sorted(
            expected, key=lambda each: (each.first, each.kind, str(each.line), each.entry or 0, each.batch or "")
        )
        return Month(
            seed=self.seed,
            first=self.first,
            last=self.last,
            providers=PROVIDERS,
            agencies=self.traffic.agencies,
            payments=tuple(sorted(self.draw.payments, key=lambda payment: payment.occurred_at)),
            entries=tuple(self.draw.entries),
            batches=tuple(batches),
            credits=tuple(self._credits(batches, faulty)),
            faults=tuple(self.draw.faults),
            expected=tuple(in_order),
            matches={at: draft.of[0].number for draft, at in self.place.items() if draft.matches},
            solvable=tuple(self._solvable()),
        )

    def _by_batch(self) -> dict[str, list[Draft]]:
        """By the batch's name, in order; what is settled after the last day is not told."""
        found: dict[str, list[Draft]] = defaultdict(list)
        for draft in self.draw.drafts:
            if self.first <= draft.day <= self.last:
                found[
                    f"{draft.provider.name}-{draft.day:%Y%m%d}-{draft.currency}{draft.batch and '-' + draft.batch}"
                ].append(draft)
        for name, drafts in found.items():
            drafts.sort(key=lambda draft: draft.line.occurred_at)
            for number, draft in enumerate(drafts, start=1):
                self.place[draft] = LineAt(name, number)
        return dict(sorted(found.items()))

    def _payout_faults(self, times: int) -> dict[str, tuple[Fault, int]]:
        """By the batch: what is wrong with its payout, and by how much."""
        chance, found = self.traffic.chance, {}
        for cause in PAYOUTS * times:
            free = [name for name in self.by_batch if name not in found]
            if free:
                name = chance.choice(free)
                draft = self.by_batch[name][0]
                number = len(self.draw.faults) + 1
                fault = Fault(number, cause, draft.provider.name, draft.day, f"{cause}:{number}")
                self.draw.faults.append(fault)
                amount = 1 + chance.randrange(100_000)
                found[name] = (fault, -amount if cause is Cause.PAYOUT_REDUCED else amount)
        return found

    def _batch(self, name: str, drafts: Sequence[Draft], faulty: Mapping[str, tuple[Fault, int]]) -> Batch:
        first = drafts[0]
        net = sum(_net(draft) for draft in drafts)
        if name in faulty and faulty[name][0].cause in (Cause.PAYOUT_REDUCED, Cause.PAYOUT_RAISED):
            net += faulty[name][1]
        ref = BatchRef(name, first.day, Money(net, first.currency), f"po-{name}")
        return Batch(first.provider, ref, tuple(draft.line for draft in drafts))

    def _of_lines(self) -> Iterator[Expected]:
        for draft, at in self.place.items():
            entry = draft.of[0].number if draft.of else None
            if draft.named is not None:
                yield Expected(
                    draft.named,
                    draft.provider.name,
                    draft.day,
                    None,
                    at,
                    entry if draft.with_entry else None,
                    fault=draft.fault,
                    repaired=draft.repaired,
                )
            if draft.matches and draft.wrong_fee:
                name = draft.provider.name
                yield Expected(K.FEE_MISMATCH, name, draft.day, draft.day, at, entry, fault=draft.fault)

    def _of_entries(self) -> Iterator[Expected]:
        """While an entry is alone: a matter of timing until it is due, then missing."""
        met = {booked: draft.day for draft in self.place for booked in draft.of}
        for booked in self.draw.entries:
            first = max(self.first, booked.sought_from)
            alone_until = min(self.last, met.get(booked, self.last + timedelta(days=1)) - timedelta(days=1))
            fault = self.draw.entry_faults.get(booked.number)
            name = booked.payment.provider.name
            late = max(first, booked.due_on)
            if first < booked.due_on and first <= alone_until:
                last = min(alone_until, booked.due_on - timedelta(days=1))
                yield Expected(K.TIMING, name, first, last, entry=booked.number, fault=fault)
            if late <= alone_until:
                until = alone_until if booked in met else None
                yield Expected(K.MISSING_AT_PROVIDER, name, late, until, entry=booked.number, fault=fault)

    def _paid_twice(self) -> Iterator[Expected]:
        """Told by the gateway when it happens, and by no matching."""
        for fault, booked in self.draw.twice:
            yield Expected(
                K.DUPLICATE_PAYMENT, fault.provider, booked.business_date, None, entry=booked.number, fault=fault
            )

    def _of_payouts(self, faulty: Mapping[str, tuple[Fault, int]]) -> Iterator[Expected]:
        kinds = {
            Cause.PAYOUT_REDUCED: K.PAYOUT_SHORT,
            Cause.PAYOUT_RAISED: K.PAYOUT_OVER,
            Cause.PAYOUT_LOST: K.PAYOUT_MISSING,
            Cause.STRANGE_CREDIT: K.UNIDENTIFIED_RECEIPT,
        }
        for name, (fault, _) in faulty.items():
            last = fault.day if fault.cause in (Cause.PAYOUT_REDUCED, Cause.PAYOUT_RAISED) else None
            yield Expected(kinds[fault.cause], fault.provider, fault.day, last, batch=name, fault=fault)

    def _credits(self, batches: Sequence[Batch], faulty: Mapping[str, tuple[Fault, int]]) -> Iterator[BankCredit]:
        """The bank books a payout on the next day."""
        for batch in batches:
            ref = batch.ref
            fault, amount = faulty.get(ref.id, (None, 0))
            booked_on = ref.business_date + timedelta(days=1)
            if ref.total and ref.total.amount_minor > 0 and (fault is None or fault.cause is not Cause.PAYOUT_LOST):
                yield BankCredit(batch.provider.name, booked_on, ref.total, f"PAYOUT {ref.payout_id}")
            if fault and fault.cause is Cause.STRANGE_CREDIT and ref.total:
                money = Money(amount, ref.total.currency)
                yield BankCredit(batch.provider.name, booked_on, money, f"TRANSFER {fault.number}")

    def _solvable(self) -> Iterator[Solvable]:
        by_fault: dict[Fault, list[Draft]] = defaultdict(list)
        for draft in self.place:
            if draft.solvable and draft.fault:
                by_fault[draft.fault].append(draft)
        for fault, drafts in by_fault.items():
            entries: dict[Booked, None] = dict.fromkeys(booked for draft in drafts for booked in draft.of)
            lines = tuple(sorted(self.place[draft] for draft in drafts))
            yield Solvable(drafts[0].solvable, lines, tuple(booked.number for booked in entries), fault)


def _net(draft: Draft) -> int:
    """What of the batch's own currency is paid out for the line."""
    line = draft.line
    return line.net.amount_minor if line.settled and line.gross.currency == draft.currency else 0
