"""A day at a glance: what came in, where the money is, what is not explained, and how far its runs are.

The figures are those of the month's report for a span of few days: the ledger's own, and told only if they tie to the
trial balance. Amounts never cross currencies.

    collected    came in on the day, on every account that money comes in on
    in transit   what the providers hold at the end of the day
    at the bank  what has come to the agencies' accounts by the end of the day
    unexplained  what is open of the days up to this one and is no matter of timing; amounts without their sign
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.ledger import account_in_bank
from gateway.domain.money import Money
from gateway.domain.reconciliation import RunStatus
from gateway.store import months
from gateway.store.database import Transaction
from reconciliation.reports.facts import Facts
from reconciliation.reports.month import Month, rails_and_days
from reconciliation.reports.run import BUCKETS
from reconciliation.waiting import is_waiting

DAYS_SHOWN = 7


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one currency. `by_day` are the last DAYS_SHOWN days with what was collected."""

    collected: Money
    in_transit: Money
    at_bank: Money
    unexplained: Money
    unexplained_count: int
    by_day: Sequence[tuple[date, Money]]


@dataclass(frozen=True, slots=True)
class Rail:
    """An account that money comes in on, on the day: `provider` holds it, or else it is the bank `account`."""

    agency: str
    provider: str | None
    account: str | None
    collected: Money
    taken: Money
    paid_out: Money
    closing: Money


@dataclass(frozen=True, slots=True)
class Age:
    """What is open and so many days old: "2-7"."""

    days: str
    number: int
    amounts: Sequence[Money]


@dataclass(frozen=True, slots=True)
class Day:
    figures: Sequence[Figures]
    rails: Sequence[Rail]
    ages: Sequence[Age]
    unexplained_by_provider: Mapping[str, Sequence[Money]]

    @property
    def most(self) -> int:
        """So many are open of the age of which most are."""
        return max((age.number for age in self.ages), default=0)

    def largest(self, currency: str) -> int:
        """The largest balance in that currency, whatever its sign, in minor units."""
        return max(
            (abs(rail.closing.amount_minor) for rail in self.rails if rail.closing.currency == currency), default=0
        )


class Stage(StrEnum):
    """How far a run is, and so what it waits for."""

    NOT_RUN = "not_run"
    RUNNING = "running"
    FAILED = "failed"
    WAITING = "waiting"
    LATE = "late"
    EXCEPTIONS = "exceptions"
    BALANCED = "balanced"
    SIGNED_OFF = "signed_off"


def stage_of(status: str | None, totals: Mapping[str, Any]) -> Stage:
    """`status` None: there is no run. A day that waits for its file waits for that first."""
    if status is None:
        return Stage.NOT_RUN
    if status in (RunStatus.BALANCED, RunStatus.EXCEPTIONS) and is_waiting(totals):
        return Stage.LATE if totals.get("file_late") else Stage.WAITING
    return Stage(status)


def day_at_a_glance(tx: Transaction, day: date, agency_id: UUID | None) -> Day:
    """Of one agency, or (None) of all; the currency of most accounts first. `tx` is one that sees a single moment.

    Raises BooksDoNotTie.
    """
    rails, days = rails_and_days(tx, Month(day - timedelta(days=DAYS_SHOWN - 1), day), agency_id)
    open_ones = months.open_discrepancies(tx, agency_id, day)
    unexplained = [row for row in open_ones if row.kind != DiscrepancyKind.TIMING]
    of_day = {(each["agency"], each["account"], each["currency"]): each for each in days if _is_of(each, day)}
    used = Counter(each["currency"] for each in rails)
    currencies = sorted({*used, *(row.currency for row in unexplained)}, key=lambda each: (-used[each], each))
    return Day(
        figures=[_figures(currency, day, rails, days, unexplained) for currency in currencies],
        rails=[_rail(each, of_day.get((each["agency"], each["account"], each["currency"]), {})) for each in rails],
        ages=_ages(open_ones),
        unexplained_by_provider=_by_provider(unexplained),
    )


def _figures(
    currency: str, day: date, rails: Sequence[Facts], days: Sequence[Facts], unexplained: Sequence[Row[Any]]
) -> Figures:
    collected: dict[date, int] = defaultdict(int)
    for each in days:
        if each["currency"] == currency:
            collected[date.fromisoformat(each["business_date"])] += each["collected_minor"] + each["unidentified_minor"]
    at_bank = in_transit = 0
    for rail in rails:
        if rail["currency"] == currency:
            in_bank = account_in_bank(rail["account"]) is not None
            at_bank += rail["closing_minor"] if in_bank else 0
            in_transit += 0 if in_bank else rail["closing_minor"]
    mine = [row for row in unexplained if row.currency == currency]
    shown = [day - timedelta(days=before) for before in reversed(range(DAYS_SHOWN))]
    return Figures(
        collected=Money(collected[day], currency),
        in_transit=Money(in_transit, currency),
        at_bank=Money(at_bank, currency),
        unexplained=Money(sum(int(row.amount_minor) for row in mine), currency),
        unexplained_count=sum(row.number for row in mine),
        by_day=[(on, Money(collected[on], currency)) for on in shown],
    )


def _rail(rail: Facts, moved: Facts) -> Rail:
    def money(*names: str) -> Money:
        return Money(sum(moved.get(f"{name}_minor", 0) for name in names), rail["currency"])

    account = account_in_bank(rail["account"])
    return Rail(
        agency=rail["agency"],
        provider=None if account is not None else rail["account"].partition(":")[2],
        account=account,
        collected=money("collected", "unidentified"),
        taken=money("refunds", "fees", "chargebacks", "other"),
        paid_out=money("payouts"),
        closing=Money(rail["closing_minor"], rail["currency"]),
    )


def _ages(open_ones: Iterable[Row[Any]]) -> list[Age]:
    """In BUCKETS, the youngest first; all of them, so that none seems forgotten."""
    numbers = [0] * len(BUCKETS)
    sums: list[dict[str, int]] = [defaultdict(int) for _ in BUCKETS]
    for row in open_ones:
        place = next(place for place, (upto, _) in enumerate(BUCKETS) if upto is None or row.days <= upto)
        numbers[place] += row.number
        sums[place][row.currency] += int(row.amount_minor)
    return [Age(BUCKETS[place][1], number, _moneys(sums[place])) for place, number in enumerate(numbers)]


def _by_provider(unexplained: Iterable[Row[Any]]) -> dict[str, list[Money]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in unexplained:
        sums[row.provider][row.currency] += int(row.amount_minor)
    return {provider: _moneys(of_provider) for provider, of_provider in sorted(sums.items())}


def _moneys(sums: Mapping[str, int]) -> list[Money]:
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]


def _is_of(moved: Facts, day: date) -> bool:
    return bool(moved["business_date"] == day.isoformat())
