"""How often the assistant is right about runs of bank accounts: its causes beside the truth of months at the bank.

    python -m benchmarks.assistant --bank --seeds 100

Judged is each row twice, as for providers' runs: on the first night on which its cause can be seen, and on the last on
which it is open. A payout that is on its way, and one that comes when the bank is open again, are rows too: of them the
assistant must not say more.
"""

from collections.abc import Mapping
from datetime import date

from benchmarks.assistant_score import Nights, Score
from benchmarks.bank_days import BankMonth, BankNight, Extent, generate, play
from benchmarks.bank_days import Cause as Planted
from benchmarks.bank_days.model import MoneyBack as PlannedBack
from reconciliation.assistant.cases import Came, MoneyBack, Surroundings, case_of
from reconciliation.assistant.causes import Cause
from reconciliation.assistant.judging import opinions
from reconciliation.assistant.statement_gaps import Balances, gaps_between

P, C = Planted, Cause
NAMED: Mapping[Planted, Cause] = {
    P.STATEMENT_LATE: C.STATEMENT_MISSING,
    P.STATEMENT_SKIPPED: C.STATEMENT_MISSING,
    P.PAYOUT_LATE: C.PAYOUT_LATE,
    P.PAYOUT_LOST: C.PAYOUT_LATE,
    P.CHARGE_ON_ALL: C.BANK_CHARGE,
    P.CHARGE_ONCE: C.BANK_CHARGE,
    P.CHARGE_BOOKED: C.BANK_CHARGE,
    P.CHARGE_UNMARKED: C.BANK_CHARGE,
    P.REFUND_NETTED: C.NETTED_BY_PROVIDER,
    P.REFUNDS_NETTED: C.NETTED_BY_PROVIDER,
    P.CHARGEBACK_NETTED: C.NETTED_BY_PROVIDER,
    P.WITHHELD: C.PAYOUT_DIFFERS,
    P.RAISED: C.PAYOUT_DIFFERS,
    P.IN_PARTS: C.PART_ON_ITS_WAY,
    P.IN_PARTS_LATE: C.PART_ON_ITS_WAY,
    P.REST_UNNAMED: C.PAYOUT_UNNAMED,
    P.TOGETHER_ONE_NAMED: C.PAYOUTS_TOGETHER,
    P.TOGETHER_UNNAMED: C.PAYOUTS_TOGETHER,
    P.TOGETHER_CROSSED: C.PAYOUTS_TOGETHER,
    P.PAID_TWICE: C.PAYOUT_TWICE,
    P.PAID_AGAIN: C.PAYOUT_TWICE,
    P.UNNAMED: C.PAYOUT_UNNAMED,
    P.MISTYPED: C.PAYOUT_UNNAMED,
    P.MISNAMED: C.PAYOUT_UNNAMED,
    P.SETTLEMENT_LATE: C.SETTLEMENT_LATE,
    P.STRANGER: C.OTHER_SYSTEM,
    P.OUTSIDE: C.OUTSIDE_PAYMENT,
    P.TAKEN_BACK: C.CREDIT_TAKEN_BACK,
    P.TAKEN_BACK_UNMARKED: C.CREDIT_TAKEN_BACK,
    P.STRANGER_TAKEN_BACK: C.CREDIT_TAKEN_BACK,
    P.ON_ITS_WAY: C.PAYOUT_LATE,
    P.BANK_CLOSED: C.STATEMENT_MISSING,
}
"""What the assistant has to say."""

EXTENT = Extent()

GROUPED = frozenset({P.STATEMENT_LATE, P.STATEMENT_SKIPPED, P.CHARGE_ON_ALL})
"""Planted causes of which all rows of a night are one decision."""


def measure(seeds: range, extent: Extent = EXTENT) -> Score:
    total = Score()
    for seed in seeds:
        total.add(score(generate(seed, extent)))
    return total


def score(month: BankMonth) -> Score:
    groups, nights = Score(), Nights()
    for night in play(month):
        cases = [case_of(found.discrepancy) for found in night.found]
        judged = list(opinions(cases, around(month, night)))
        about = {found.discrepancy.key: found.abouts for found in night.found}
        for opinion in judged:
            fault = night.truth.get(opinion.key)
            if fault is not None:
                nights.add((about[opinion.key], fault.number), fault.cause, NAMED[fault.cause], opinion)
        grouped = {key: fault for key, fault in night.truth.items() if fault.cause in GROUPED}
        groups.add_groups(judged, {key: (str(fault.number), str(fault.cause)) for key, fault in grouped.items()})
    groups.add(nights.score())
    return groups


def around(month: BankMonth, night: BankNight) -> Surroundings:
    """As bank_opinions.write_bank_opinions has them."""
    providers = night.account.providers
    back = [
        MoneyBack(each.provider, each.amount.currency, each.amount.amount_minor, each.first, _known_end(each, night))
        for each in month.money_back
        if each.provider in providers and each.first <= night.day
    ]
    came = [
        Came(each.provider, each.net.currency, each.minor, each.names)
        for each in month.payouts
        if each.id in night.came
    ]
    statements = [
        each for each in month.statements if each.account == night.account.number and each.known_on <= night.day
    ]
    return Surroundings(
        provider=night.account.source,
        day=night.day,
        zone=night.account.time_zone,
        statement_until=night.until or date.min,
        gaps=gaps_between(
            Balances(currency, each.day, *both) for each in statements for currency, both in each.balances.items()
        ),
        providers=providers,
        money_back=back,
        came=came,
        paid=frozenset(paid for paid in month.paid if paid[0] in providers),
    )


def _known_end(back: PlannedBack, night: BankNight) -> date | None:
    """Nobody knows before the night that a settlement will have it."""
    return back.last if back.last is not None and back.last < night.day else None
