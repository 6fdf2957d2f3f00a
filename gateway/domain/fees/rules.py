"""The kinds of fee rule, each a small frozen object that turns facts into explained steps.

    Fixed         one amount
    PerUnit       an amount for each page, copy or document, by tiers (a tier of 0 is free), capped for each group
    Slab          an amount looked up by facts and by the range in which a value falls
    Progressive   base + rate above a bound, by bands of the value, with a floor and a cap;
                  a plain percentage is a Progressive of a single band

A product of a rate is rounded half up to one minor unit; it is the only rounding there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from gateway.domain.fees.explain import Step, capitalised, joined, say
from gateway.domain.fees.facts import Case, Conditions, FactsInvalid, FactSpec, holds


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a rule found: `quantity` of what is charged (0: nothing is), and the steps that add up to the fee."""

    quantity: int
    steps: tuple[Step, ...]

    @property
    def amount_minor(self) -> int:
        return sum(step.amount.amount_minor for step in self.steps)


class Rule(Protocol):
    def assess(self, case: Case) -> Assessed: ...


def rounded(exact: Fraction) -> int:
    """The whole number nearest to `exact`; a half goes up."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


@dataclass(frozen=True, slots=True)
class Fixed:
    amount_minor: int

    def assess(self, case: Case) -> Assessed:
        amount = case.money(self.amount_minor)
        return Assessed(1, (Step(say("fixed", amount=amount), amount),))


@dataclass(frozen=True, slots=True)
class Tier:
    """Each unit up to and including the unit number `up_to` (the last tier has no end) costs `amount_minor`."""

    up_to: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PerUnit:
    """Charges the fact `unit` by tiers; with `each`, once for every one of that fact, each capped at `cap_minor`."""

    unit: str
    tiers: tuple[Tier, ...]
    each: str | None = None
    cap_minor: int | None = None

    def assess(self, case: Case) -> Assessed:
        groups = case.number(self.each) if self.each else 1
        steps: list[Step] = []
        charged = 0
        uncapped = 0
        for tier, first, last in self._spans(case.number(self.unit)):
            count = last - first + 1
            charged += count if tier.amount_minor else 0
            uncapped += count * tier.amount_minor
            steps.append(self._step(case, tier, first, last, groups))
        if self.cap_minor is not None and uncapped > self.cap_minor:
            steps.append(self._capped(case, uncapped, groups))
        return Assessed(groups if self.each and charged else charged, tuple(steps))

    def _spans(self, units: int) -> list[tuple[Tier, int, int]]:
        """The tiers that `units` reach into, each with its first and last unit."""
        spans = []
        first = 1
        for tier in self.tiers:
            last = units if tier.up_to is None else min(units, tier.up_to)
            if last >= first:
                spans.append((tier, first, last))
            first = last + 1
        return spans

    def _step(self, case: Case, tier: Tier, first: int, last: int, groups: int) -> Step:
        spec = case.specs[self.unit]
        one = say("one", unit=spec.unit, first=first)
        units = capitalised(one if first == last else say("many", units=spec.units, first=first, last=last))
        amount = case.money(tier.amount_minor)
        count = last - first + 1
        if not tier.amount_minor:
            return Step(say("units_free", units=units), amount)
        whole = case.money(count * tier.amount_minor * groups)
        if not self.each:
            return Step(say("units", units=units, count=count, amount=amount), whole)
        counted = _counted(case.specs[self.each], groups)
        return Step(say("units_each", units=units, count=count, amount=amount, groups=counted), whole)

    def _capped(self, case: Case, uncapped: int, groups: int) -> Step:
        cap = self.cap_minor or 0
        group = case.specs[self.each or self.unit].unit
        excess = case.money(uncapped - cap)
        text = say(
            "group_cap", cap=case.money(cap), group=group, uncapped=case.money(uncapped), count=groups, excess=excess
        )
        return Step(text, case.money(-excess.amount_minor * groups))


@dataclass(frozen=True, slots=True)
class Range:
    """A range of values; `low_included` and `high_included` say on which side the bounds themselves fall."""

    low_minor: int | None = None
    high_minor: int | None = None
    low_included: bool = False
    high_included: bool = True

    def contains(self, value: int) -> bool:
        if self.low_minor is not None and (
            value < self.low_minor or (value == self.low_minor and not self.low_included)
        ):
            return False
        return self.high_minor is None or value < self.high_minor or (value == self.high_minor and self.high_included)

    def texts(self, case: Case) -> dict[str, str]:
        parts = []
        if self.low_minor is not None:
            parts.append(say("from" if self.low_included else "above", bound=case.money(self.low_minor)))
        if self.high_minor is not None:
            parts.append(say("up_to" if self.high_included else "below", bound=case.money(self.high_minor)))
        return joined(list(parts), " ")

    @property
    def is_bounded(self) -> bool:
        return self.low_minor is not None or self.high_minor is not None


@dataclass(frozen=True, slots=True)
class Row:
    when: Conditions
    range: Range
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Slab:
    """The amount of the row whose conditions hold and whose range contains the fact `value`."""

    rows: tuple[Row, ...]
    value: str | None = None

    def assess(self, case: Case) -> Assessed:
        row = next((row for row in self.rows if self.fits(row, case)), None)
        if row is None:
            raise FactsInvalid("No amount is laid down for these facts.", fields={"facts": "have no amount laid down"})
        why = [case.specs[name].shown(case.facts[name]) for name in row.when if name in case.specs]
        if self.value and row.range.is_bounded:
            value = case.money(case.number(self.value))
            why.append(say("value", value=value, range=row.range.texts(case)))
        amount = case.money(row.amount_minor)
        text = (
            say("slab", why=capitalised(joined(list(why), "; ")), amount=amount) if why else say("fixed", amount=amount)
        )
        return Assessed(1, (Step(text, amount),))

    def fits(self, row: Row, case: Case) -> bool:
        if not holds(row.when, case.facts):
            return False
        return not (self.value and row.range.is_bounded) or row.range.contains(case.number(self.value))


@dataclass(frozen=True, slots=True)
class Band:
    """For a value in `range`: `base_minor`, plus `rate` of the whole value, plus `rate_above` of what lies above the
    lower bound of the range."""

    range: Range
    base_minor: int = 0
    rate: Fraction = Fraction(0)
    rate_above: Fraction = Fraction(0)

    def steps(self, case: Case, value: int) -> list[Step]:
        steps = []
        within = self.range.texts(case)
        bounded = self.range.is_bounded
        whole = case.money(value)
        if self.base_minor or not (self.rate or self.rate_above):
            why = capitalised(say("value" if bounded else "value_any", value=whole, range=within))
            base = case.money(self.base_minor)
            steps.append(Step(say("slab", why=why, amount=base), base))
        if self.rate:
            text = say("rate" if bounded else "rate_any", rate=self.rate, part=whole, range=within)
            steps.append(Step(text, case.money(rounded(self.rate * value))))
        if self.rate_above:
            bound = self.range.low_minor or 0
            part = value - bound
            text = say("rate_above", rate=self.rate_above, part=case.money(part), bound=case.money(bound), value=whole)
            steps.append(Step(text, case.money(rounded(self.rate_above * part))))
        return steps


@dataclass(frozen=True, slots=True)
class Progressive:
    """The band into which the fact `value` falls, then not less than `floor_minor` and not more than `cap_minor`."""

    value: str
    bands: tuple[Band, ...]
    floor_minor: int | None = None
    cap_minor: int | None = None

    def assess(self, case: Case) -> Assessed:
        value = case.number(self.value)
        band = next((band for band in self.bands if band.range.contains(value)), None)
        if band is None:
            raise FactsInvalid("No rate is laid down for this value.", fields={f"facts.{self.value}": "has no rate"})
        steps = band.steps(case, value)
        return Assessed(1, (*steps, *self._bounded(case, steps)))

    def _bounded(self, case: Case, steps: Sequence[Step]) -> list[Step]:
        amount = sum(step.amount.amount_minor for step in steps)
        if self.floor_minor is not None and amount < self.floor_minor:
            sentence, bound = "floor", self.floor_minor
        elif self.cap_minor is not None and amount > self.cap_minor:
            sentence, bound = "cap", self.cap_minor
        else:
            return []
        text = say(sentence, bound=case.money(bound), amount=case.money(amount))
        return [Step(text, case.money(bound - amount))]


def _counted(spec: FactSpec, count: int) -> dict[str, str]:
    return say("units_counted", count=count, units=spec.unit if count == 1 else spec.units)
