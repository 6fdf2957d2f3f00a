"""One cause of many discrepancies: what went wrong with a whole file, a whole hour or a whole contract.

They are planted before the single faults, and take all lines they touch, so that no line has two things wrong with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from benchmarks.days.faults import drop, new_fault, silence
from benchmarks.days.model import Cause, Draft, Provider
from benchmarks.days.traffic import Traffic
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.domain.money import Money
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.sides import Movement


def plant_whole(traffic: Traffic, cause: Cause, provider: Provider, day: date) -> None:
    """`day` is one of the provider's; a cause that fits nothing on it is not planted."""
    WHOLE[cause](traffic, provider, day)


def lose_file(traffic: Traffic, provider: Provider, day: date) -> None:
    for draft in _batch(traffic, provider, day):
        _take(traffic, Cause.MISSING_FILE, draft, day)
        drop(traffic, draft, traffic.draw.faults[-1])


def delay_file(traffic: Traffic, provider: Provider, day: date) -> None:
    """It comes with the next day's, under a name of its own."""
    for draft in _batch(traffic, provider, day):
        _take(traffic, Cause.LATE_FILE, draft, day)
        traffic.draw.entry_faults[draft.of[0].number] = traffic.draw.faults[-1]
        draft.day, draft.batch = day + timedelta(days=1), "late"


def cut_elsewhere(traffic: Traffic, provider: Provider, day: date) -> None:
    """The provider cuts its report an hour early: the last hour of the day is in the next day's."""
    zone = ZoneInfo(provider.time_zone)
    for draft in _batch(traffic, provider, day):
        if draft.line.occurred_at.astimezone(zone).hour == 23:
            _take(traffic, Cause.TIME_ZONE_CUT, draft, day)
            traffic.draw.entry_faults[draft.of[0].number] = traffic.draw.faults[-1]
            draft.day = day + timedelta(days=1)


def raise_fee(traffic: Traffic, provider: Provider, day: date) -> None:
    """From noon of the day on, for all that is paid."""
    since = datetime.combine(day, time(12), ZoneInfo(provider.time_zone)).astimezone(UTC)
    dearer = FeeContract(provider.fee.basis_points + 40, provider.fee.fixed_minor)
    for draft in _free(traffic, provider):
        gross = draft.line.gross
        fee = Money(dearer.fee_minor(gross.amount_minor), gross.currency)
        is_dearer = draft.movement is Movement.PAYMENT and fee != draft.line.fee
        if draft.line.occurred_at >= since and is_dearer:
            _take(traffic, Cause.FEE_CHANGE, draft, day)
            draft.line, draft.wrong_fee = replace(draft.line, fee=fee), True


def cut_off(traffic: Traffic, provider: Provider, day: date) -> None:
    """No news comes for an hour and a half of the working day; who began to pay then has no end here."""
    since = datetime.combine(day, time(8 + traffic.chance.randrange(7)), ZoneInfo(provider.time_zone)).astimezone(UTC)
    for draft in _free(traffic, provider):
        payment = draft.payment
        is_open = timedelta() <= draft.line.occurred_at - since < timedelta(minutes=90)
        if is_open and draft.movement is Movement.PAYMENT and not payment.refunded_minor and not payment.disputed:
            _take(traffic, Cause.PROVIDER_OUTAGE, draft, day)
            silence(traffic, draft, traffic.draw.faults[-1])


def repeat_file(traffic: Traffic, provider: Provider, day: date) -> None:
    """The whole batch again under another name, on its own day or the next."""
    lines = _batch(traffic, provider, day)
    again = day + timedelta(days=traffic.chance.randrange(2))
    if any(draft.movement not in (Movement.PAYMENT, Movement.REFUND) for draft in lines):
        return
    for draft in lines:
        _take(traffic, Cause.REPEATED_FILE, draft, day)
        copy = replace(draft, day=again, batch="repeated", of=(), matches=False, named=K.DUPLICATE_AT_PROVIDER)
        traffic.draw.drafts.append(copy)
        draft.fault = None
        draft.kept = True


def _take(traffic: Traffic, cause: Cause, draft: Draft, day: date) -> None:
    fault = new_fault(traffic, cause, draft, group=f"{cause}:{draft.provider.name}:{day}")
    draft.fault = fault


def _free(traffic: Traffic, provider: Provider) -> list[Draft]:
    return [each for each in traffic.draw.drafts if each.provider is provider and each.is_free]


def _batch(traffic: Traffic, provider: Provider, day: date) -> Sequence[Draft]:
    """The lines of one batch of the day: of one currency. None if a line of it is taken."""
    of_day = [each for each in traffic.draw.drafts if each.provider is provider and each.day == day]
    currencies = sorted({draft.currency for draft in of_day})
    if not currencies:
        return []
    currency = traffic.chance.choice(currencies)
    batch = [draft for draft in of_day if draft.currency == currency]
    return batch if all(draft.is_free for draft in batch) else []


Whole = Callable[[Traffic, Provider, date], None]
WHOLE: Mapping[Cause, Whole] = {
    Cause.MISSING_FILE: lose_file,
    Cause.LATE_FILE: delay_file,
    Cause.TIME_ZONE_CUT: cut_elsewhere,
    Cause.FEE_CHANGE: raise_fee,
    Cause.PROVIDER_OUTAGE: cut_off,
    Cause.REPEATED_FILE: repeat_file,
}
