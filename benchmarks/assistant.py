"""How often the assistant is right: its causes and groups beside the truth of generated days.

    python -m benchmarks.assistant --seeds 40           of providers' runs
    python -m benchmarks.assistant --seeds 40 --bank    of bank accounts' runs; see assistant_bank.py

The weights of reconciliation/assistant/causes.py were tuned on seeds below 1000; what is measured are seeds from 1000
on, which nobody looked at while tuning (`--from 0` measures the others). Judged is each planted discrepancy twice: on
the first night on which it is found, and on the last on which it is open, when more is known.

A group is pure if all its rows have one planted cause, and complete if it has all rows of that cause of that night.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from rich.console import Console

from benchmarks import assistant_bank
from benchmarks.assistant_score import Nights, Score, show
from benchmarks.bank_days import Extent as BankExtent
from benchmarks.days import Cause as Planted
from benchmarks.days import Extent, Month, PlayedRun, generate, play
from benchmarks.days.model import Booked, Payment
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.assistant.cases import Case, Surroundings, case_of
from reconciliation.assistant.causes import Cause
from reconciliation.assistant.judging import opinions

FIRST_UNSEEN = 1_000

P, C = Planted, Cause
NAMED: Mapping[Planted, Cause] = {
    P.MISSING_FILE: C.MISSING_FILE,
    P.LATE_FILE: C.LATE_FILE,
    P.TIME_ZONE_CUT: C.TIME_ZONE_CUT,
    P.FEE_CHANGE: C.FEE_CHANGE,
    P.PROVIDER_OUTAGE: C.PROVIDER_OUTAGE,
    P.REPEATED_FILE: C.REPEATED_FILE,
    P.LINE_DROPPED: C.LINE_LEFT_OUT,
    P.LINE_LATE: C.LATE_FILE,
    P.LOST_NOTIFICATION: C.LOST_NOTIFICATION,
    P.OTHER_SYSTEM: C.OTHER_SYSTEM,
    P.REFUND_ELSEWHERE: C.REFUNDED_AT_PROVIDER,
    P.DUPLICATE_LINE: C.DUPLICATE_LINE,
    P.WRONG_AMOUNT_TYPED: C.WRONG_AMOUNT_TYPED,
    P.WRONG_CURRENCY: C.WRONG_IN_REPORT,
    P.PROVIDER_REVERSED: C.PROVIDER_REVERSED,
    P.WRONG_FEE: C.FEE_ONCE_WRONG,
    P.ROUNDING_OF_FEE: C.ROUNDING_OF_FEE,
    P.GARBLED_REFERENCE: C.GARBLED_REFERENCE,
    P.PAYOUT_REDUCED: C.PAYOUT_DIFFERS,
    P.PAYOUT_RAISED: C.PAYOUT_DIFFERS,
}
"""What the assistant has to say. Not here is what the comparison of the two sides does not show, or matches itself."""

WHOLE = frozenset({P.MISSING_FILE, P.LATE_FILE, P.TIME_ZONE_CUT, P.FEE_CHANGE, P.PROVIDER_OUTAGE, P.REPEATED_FILE})


class Known:
    """What the gateway's own records say of a generated month."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self.entries: Mapping[int, Booked] = {booked.number: booked for booked in month.entries}
        self.payments: Mapping[UUID, Payment] = {payment.id: payment for payment in month.payments}
        self.zones = {agency.id: agency.time_zone for agency in month.agencies}

    def case(self, found: NewDiscrepancy) -> Case:
        booked = self.entries.get(found.entry_id) if found.entry_id else None
        payment = booked.payment if booked else self.payments.get(found.payment_id) if found.payment_id else None
        return case_of(
            found,
            zone=self.zones.get(found.agency_id) if found.agency_id else None,
            booked_at=booked.occurred_at if booked else None,
            paid_at=payment.occurred_at if payment else None,
            payment_status=payment.status if payment else None,
            shown=payment.reference if payment else None,
        )

    def around(self, run: PlayedRun) -> Surroundings:
        provider = run.provider
        loaded = [
            batch
            for batch in self.month.batches
            if batch.provider == provider and batch.ref.business_date <= run.day and batch.ref.total
        ]
        return Surroundings(
            provider=provider.name,
            day=run.day,
            zone=provider.time_zone,
            lag_days=provider.lag_days,
            fee=provider.fee,
            loaded=Counter((batch.ref.business_date, batch.ref.total.currency) for batch in loaded if batch.ref.total),
            batch_lines={batch.ref.id: len(batch.lines) for batch in loaded},
            matched=Counter(self.entries[entry].amount.currency for _, entry in run.matches),
        )


def score(month: Month) -> Score:
    known, groups, nights = Known(month), Score(), Nights()
    for run in play(month):
        judged = list(opinions([known.case(found) for found in run.discrepancies], known.around(run)))
        for opinion in judged:
            fault = run.truth.get(opinion.key)
            if fault is not None and fault.cause in NAMED:
                nights.add((_about(opinion.key), fault.number), fault.cause, NAMED[fault.cause], opinion)
        whole = {key: (fault.group, str(fault.cause)) for key, fault in run.truth.items() if fault.cause in WHOLE}
        groups.add_groups(judged, whole)
    groups.add(nights.score())
    return groups


def _about(key: str) -> str:
    """Without its kind, which changes when a matter of timing falls due."""
    return key.partition(":")[2]


def measure(seeds: range, extent: Extent) -> Score:
    total = Score()
    for seed in seeds:
        total.add(score(generate(seed, extent)))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how often the assistant names the right cause.")
    parser.add_argument("--seeds", type=int, default=40, help="how many generated months")
    parser.add_argument("--from", type=int, default=FIRST_UNSEEN, dest="begin", help="the first seed")
    parser.add_argument("--days", type=int, help="on which providers settle")
    parser.add_argument("--payments", type=int, help="a day")
    parser.add_argument("--bank", action="store_true", help="of the bank's side of the months")
    given = parser.parse_args()
    seeds = range(given.begin, given.begin + given.seeds)
    size = {name: count for name in ("days", "payments") if (count := getattr(given, name)) is not None}
    if given.bank:
        score_of_bank = assistant_bank.measure(seeds, BankExtent(**size))
        show(score_of_bank, assistant_bank.NAMED, Console(width=160))
    else:
        show(measure(seeds, Extent(**size)), NAMED, Console(width=160))


if __name__ == "__main__":
    main()
