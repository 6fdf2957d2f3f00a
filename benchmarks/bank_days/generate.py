"""Makes a month at the bank: an honest month of benchmarks.days, then faults, then everything else as banks book it.

The same seed and extent make the same month.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from benchmarks import days
from benchmarks.bank_days.booking_faults import BOOKING_FAULTS, CHARGE_CODE, charge
from benchmarks.bank_days.draw import TAIL, Draw
from benchmarks.bank_days.model import BankMonth, Cause, MoneyBack, Payout
from benchmarks.bank_days.payout_faults import PAYOUT_FAULTS
from benchmarks.bank_days.words import paying
from benchmarks.days.generate import MONDAY
from benchmarks.days.prices import catalogue
from gateway.domain.agency import Agency
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.domain.payout import PayoutTerms
from reconciliation.bank.account import BankAccount

ACCOUNTS = ("0071000123456", "1903555777888", "EE382200221020145685")
LAYOUTS: tuple[Mapping[str, int], ...] = (
    {"wallet": 0, "cards": 1, "plain_qr": 2},
    {"wallet": 0, "cards": 1, "plain_qr": 0},
    {"wallet": 0, "cards": 0, "plain_qr": 0},
    {"wallet": 0, "cards": 1, "plain_qr": 0, "cards:EUR": 2},
)
"""Which provider pays out to which of the accounts."""

FAULTS: Mapping[Cause, Callable[[Draw], None]] = {**PAYOUT_FAULTS, **BOOKING_FAULTS}
PLANTED_PERCENT = 65
"""So many of a month's possible faults are planted."""


@dataclass(frozen=True, slots=True)
class Extent:
    """`payments` a day over all providers, settled within `days`."""

    days: int = 12
    payments: int = 100
    first: date = MONDAY


def generate(seed: int, extent: Extent = Extent()) -> BankMonth:
    """The month of `seed`. See model.BankMonth for what is in it."""
    chance = random.Random(seed)
    honest = days.generate(seed, days.Extent(extent.days, extent.payments, single=0, whole=0, first=extent.first))
    nights = [honest.first + timedelta(days=n) for n in range(extent.days + TAIL)]
    terms = _terms(chance, nights[0])
    draw = Draw(chance, honest, terms, {name: _holder(chance, honest) for name in terms.all_accounts()}, nights)
    chance.choice([_delay_statements, _skip_statement, _leave_statements])(draw)
    for cause in chance.sample(sorted(FAULTS), len(FAULTS) * PLANTED_PERCENT // 100):
        FAULTS[cause](draw)
    _book_honestly(draw)
    plan = draw.plan
    return BankMonth(
        seed=seed,
        first=nights[0],
        settled_until=honest.last,
        last=nights[-1],
        terms=terms,
        accounts=tuple(_account(draw, name) for name in terms.all_accounts()),
        payouts=tuple(draw.payouts),
        bookings=tuple(plan.bookings),
        statements=tuple(draw.calendar.statements(plan.bookings)),
        money_back=(*plan.money_back, *_money_back(honest)),
        paid=frozenset(
            (each.provider.name, each.amount.currency, each.amount.amount_minor) for each in honest.payments
        ),
        faults=tuple(plan.faults),
        labels=tuple(plan.labels),
        expected=tuple(plan.expected),
        matched_on=plan.matched_on,
        without_statement=plan.without_statement,
        skipped=plan.skipped,
    )


def _terms(chance: random.Random, first: date) -> PayoutTerms:
    """With a bank holiday in the second week, every third month."""
    layout = chance.choice(LAYOUTS)
    holidays = {first + timedelta(days=7 + chance.randrange(4))} if chance.randrange(3) == 0 else set()
    return PayoutTerms({name: ACCOUNTS[at] for name, at in layout.items()}, {"cards": 3}, frozenset(holidays))


def _holder(chance: random.Random, honest: days.Month) -> Agency | None:
    """Nobody in particular, or one of the agencies."""
    if chance.randrange(2):
        return None
    at = chance.randrange(len(honest.agencies))
    entry = asdict(catalogue().agencies[at]) | {"method_limits": {}}
    return Agency(id=honest.agencies[at].id, **entry)


def _account(draw: Draw, number: str) -> BankAccount:
    holder = draw.accounts[number]
    return BankAccount(
        number=number,
        in_ledger=number,
        providers=tuple(draw.terms.paying_into(number)),
        concerned=(holder,) if holder else (),
        holder=holder,
        time_zone=holder.time_zone if holder else "UTC",
        codes={str(agency.id): agency.code for agency in draw.month.agencies},
    )


def _delay_statements(draw: Draw) -> None:
    account = draw.chance.choice(sorted(draw.accounts))
    day = draw.calendar.after(draw.nights[draw.chance.randrange(1, 9)], 0)
    without = draw.calendar.delay(account, day, 1 + draw.chance.randrange(3))
    fault = draw.fault(Cause.STATEMENT_LATE)
    for night in without:
        draw.plan.without_statement[account, night] = fault


def _skip_statement(draw: Draw) -> None:
    account = draw.chance.choice(sorted(draw.accounts))
    day = draw.calendar.after(draw.nights[draw.chance.randrange(2, 9)], 0)
    without = draw.calendar.skip(account, day, 2 + draw.chance.randrange(3))
    fault = draw.fault(Cause.STATEMENT_SKIPPED)
    for night in without:
        draw.plan.skipped[account, night] = fault, day


def _leave_statements(draw: Draw) -> None:
    """All of them come in time."""


def _book_honestly(draw: Draw) -> None:
    """Each of the rest in its days: by its name, by a batch's, by its end-to-end id, by the provider's name alone, some
    together and some in parts; and what the bank charges whoever holds the account."""
    by_day: dict[tuple[str, str, str, date], list[Payout]] = defaultdict(list)
    for payout in draw.free(positive=False):
        if payout.minor:
            by_day[payout.account, payout.provider, payout.net.currency, draw.usual_day(payout)].append(payout)
    for (*_, on), payouts in by_day.items():
        for together in _groups(draw, payouts):
            _book_group(draw, together, on)
    for account, holder in draw.accounts.items():
        if holder and draw.chance.randrange(2):
            charge(draw, account, draw.calendar.after(draw.nights[0], 2), CHARGE_CODE)


def _groups(draw: Draw, payouts: list[Payout]) -> list[list[Payout]]:
    joined = len(payouts) > 1 and draw.chance.randrange(2) == 0 and sum(payout.minor for payout in payouts) > 0
    return [payouts] if joined else [[payout] for payout in payouts]


def _book_group(draw: Draw, payouts: list[Payout], on: date) -> None:
    first, chance = payouts[0], draw.chance
    minor = sum(payout.minor for payout in payouts)
    how = chance.randrange(10) if len(payouts) == 1 else None
    if how == 0 and minor > 1:
        part = 1 + chance.randrange(minor - 1)
        bookings = [draw.pay(payouts, part, on), draw.pay(payouts, minor - part, on)]
    elif how == 1:
        bookings = [draw.pay(payouts, minor, on, paying(chance, first.provider, []), end_to_end_id=first.name)]
    elif how == 2 and draw.is_alone(first, minor):
        bookings = [draw.pay(payouts, minor, on, paying(chance, first.provider, ["doanh thu"]))]
    else:
        bookings = [draw.pay(payouts, minor, on)]
    draw.must_match(payouts, draw.seen_on(bookings[-1]))


def _money_back(honest: days.Month) -> list[MoneyBack]:
    """What went back in the honest month, while no settlement has it."""
    entries = {entry.number: entry for entry in honest.entries}
    return [
        MoneyBack(each.provider, -entries[each.entry].amount, each.first, each.last)
        for each in honest.expected
        if each.entry and each.kind in (K.TIMING, K.MISSING_AT_PROVIDER) and entries[each.entry].amount.amount_minor < 0
    ]
