"""A procedure and its price list: fee items, their dated versions, and the reductions on top of a rule.

Reductions stack in the order in which the version lists them: each works on what the one before it left, rounded half
up to one minor unit. Dates are the first and the last day, both included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from gateway.domain.errors import Invalid
from gateway.domain.fees.explain import Step, say
from gateway.domain.fees.facts import Case, Conditions, FactSpec, holds
from gateway.domain.fees.rules import Rule, rounded
from gateway.domain.money import Money


class NoRateOnDate(Invalid):
    code = "no_rate_on_date"


@dataclass(frozen=True, slots=True)
class Reduction:
    """Where `when` holds, on the days it is valid, the payer pays `keep` of the amount, or `reduced_to_minor` instead.

    Just one of the two is given; `keep` of 0 is an exemption. `source` is as in FeeVersion.
    """

    titles: Mapping[str, str]
    when: Conditions
    legal_basis: str
    source: str
    keep: Fraction | None = None
    reduced_to_minor: int | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def applies(self, case: Case, on: date) -> bool:
        return (self.valid_from or on) <= on <= (self.valid_until or on) and holds(self.when, case.facts)

    def after(self, amount_minor: int) -> int:
        """What is left to pay of `amount_minor`; never more than it."""
        if self.keep is not None:
            return rounded(self.keep * amount_minor)
        return amount_minor if self.reduced_to_minor is None else min(amount_minor, self.reduced_to_minor)

    def step(self, case: Case, amount_minor: int) -> Step:
        after = self.after(amount_minor)
        before, left = case.money(amount_minor), case.money(after)
        if self.keep is not None:
            text = say("keep", title=self.titles, rate=self.keep, before=before, after=left, basis=self.legal_basis)
        else:
            text = say("reduced_to", title=self.titles, before=before, after=left, basis=self.legal_basis)
        return Step(text, case.money(after - amount_minor))


@dataclass(frozen=True, slots=True)
class Instalments:
    """A fee on the fact `value` that may be raised in parts; `already_assessed` is the value of the parts before.

    An instalment is the fee on both values together less the fee on what was already assessed, so that the parts add
    up to the fee raised at once, whatever the bands, caps and rounding.
    """

    value: str
    already_assessed: str


@dataclass(frozen=True, slots=True)
class FeeVersion:
    """The price of an item from `valid_from` to `valid_until` (open if None), and where the law says so.

    `share_kept_basis_points` is the agency's share of the fee (8500 is 85%); the rest goes to the budget. `source` says
    whether the rate was read in a legal text ("verified") or is given from memory ("memory").
    """

    valid_from: date
    valid_until: date | None
    rule: Rule
    legal_basis: str
    source: str
    share_kept_basis_points: int = 0
    reductions: tuple[Reduction, ...] = ()
    instalments: Instalments | None = None


@dataclass(frozen=True, slots=True)
class FeeItem:
    """One fee of a procedure, charged where `when` holds. A fee that was abolished has a version of zero since then."""

    code: str
    titles: Mapping[str, str]
    revenue_code: str
    versions: tuple[FeeVersion, ...]
    when: Conditions = field(default_factory=dict)

    def version_on(self, on: date) -> FeeVersion:
        """The version of the day. Raises NoRateOnDate, naming the days for which there is one."""
        for version in self.versions:
            if version.valid_from <= on <= (version.valid_until or on):
                return version
        known = ", ".join(
            f"{version.valid_from} to {version.valid_until or 'further notice'}" for version in self.versions
        )
        raise NoRateOnDate(
            f"No rate of {self.code} is known for {on}. Known: {known}.", fields={"on": f"must be within {known}"}
        )


@dataclass(frozen=True, slots=True)
class Procedure:
    """A public procedure. `agency` is the code of who collects, `official_code` the state's own number, if known."""

    code: str
    agency: str
    titles: Mapping[str, str]
    currency: str
    facts: tuple[FactSpec, ...]
    items: tuple[FeeItem, ...]
    official_code: str
    refund_policy: Mapping[str, str]
    notice: Mapping[str, str]

    def money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)
