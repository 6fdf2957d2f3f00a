"""Single faults: each takes one honest line and makes it wrong in one way, and notes what it must be called.

A line is hit by one fault at most, so that the truth stays one sentence.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from benchmarks.days.model import Cause, Draft, Fault
from benchmarks.days.prices import Price
from benchmarks.days.traffic import Traffic
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.domain.money import Money
from reconciliation.matching.sides import Movement

ELSEWHERE = {"VND": "USD", "EUR": "USD", "DKK": "SEK", "SGD": "MYR", "KRW": "JPY"}


@dataclass(frozen=True, slots=True)
class Plant:
    """`act` plants the fault at a line; `fits` says at which lines it can be planted."""

    act: Callable[[Traffic, Draft, Fault], None]
    fits: Callable[[Draft], bool]


def plant_single(traffic: Traffic, cause: Cause) -> None:
    """Plant one fault of `cause`, if there is a line left that it fits."""
    last = traffic.days[-1]
    free = [each for each in traffic.draw.drafts if each.is_free and each.day <= last and SINGLE[cause].fits(each)]
    if free:
        draft = traffic.chance.choice(free)
        fault = new_fault(traffic, cause, draft)
        draft.fault = fault
        SINGLE[cause].act(traffic, draft, fault)


def new_fault(traffic: Traffic, cause: Cause, draft: Draft, group: str = "") -> Fault:
    number = len(traffic.draw.faults) + 1
    fault = Fault(number, cause, draft.provider.name, draft.day, group or f"{cause}:{number}")
    traffic.draw.faults.append(fault)
    return fault


def drop(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    traffic.draw.drafts.remove(draft)
    for booked in draft.of:
        traffic.draw.entry_faults[booked.number] = fault


def delay(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    draft.day += timedelta(days=traffic.chance.choice([1, 1, 2]))
    traffic.draw.entry_faults[draft.of[0].number] = fault


def silence(traffic: Traffic, draft: Draft, _: Fault) -> None:
    """Nobody told the gateway that the payer paid."""
    draft.payment.status = "pending"
    traffic.draw.entries.remove(draft.of[0])
    draft.of, draft.repaired = (), True
    _name(draft, K.MISSING_IN_GATEWAY)


def add_stranger(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    """A payment that was never ours, about as large and as late as one of ours."""
    ours = draft.payment
    price = Price(traffic.agencies[ours.agency].code, ours.procedure, ours.facts, ours.amount)
    stranger = traffic.payment(ours.provider, price, draft.day, ours.occurred_at + _seconds(traffic.chance))
    traffic.draw.payments.remove(stranger)
    added = traffic.line(Movement.PAYMENT, stranger, stranger.amount, stranger.occurred_at)
    added.line = replace(added.line, merchant_reference=traffic.name("order"))
    added.day, added.fault, draft.fault = draft.day, fault, None
    _name(added, K.MISSING_IN_GATEWAY)


def refund_elsewhere(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    payment = draft.payment
    amount = Money(-traffic.part_of(payment), payment.amount.currency)
    payment.refunded_minor = -amount.amount_minor
    added = traffic.line(
        Movement.REFUND, payment, amount, payment.occurred_at + _seconds(traffic.chance), traffic.name("re")
    )
    added.day, added.fault = draft.day, fault
    _name(added, K.REFUND_UNKNOWN)


def repeat(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    """The same line again, in the same batch or the next one, under its own number or another."""
    again = traffic.chance.choice([draft.line.line_id, f"{draft.line.line_id}-2"])
    day = min(draft.day + timedelta(days=traffic.chance.randrange(2)), traffic.days[-1])
    copy = replace(draft, day=day, line=replace(draft.line, line_id=again), of=(), fault=fault)
    traffic.draw.drafts.append(copy)
    _name(copy, K.DUPLICATE_AT_PROVIDER)


def pay_twice(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    """Both movements are real and match; the gateway itself tells of the second when it comes."""
    first = draft.payment
    second = replace(
        first,
        id=traffic.uuid(first.occurred_at),
        transaction_id=traffic.name("tx"),
        occurred_at=first.occurred_at + _seconds(traffic.chance),
    )
    traffic.draw.payments.append(second)
    moved = traffic.move(Movement.PAYMENT, second, second.amount, second.occurred_at, second.transaction_id)
    moved.fault = fault
    traffic.draw.twice.append((fault, moved.of[0]))


def mistype(traffic: Traffic, draft: Draft, _: Fault) -> None:
    gross = draft.line.gross
    digits, sign = str(abs(gross.amount_minor)), 1 if gross.amount_minor > 0 else -1
    at = traffic.chance.randrange(max(1, len(digits) - 1))
    swapped = digits[:at] + digits[at : at + 2][::-1] + digits[at + 2 :]
    typed = [swapped, digits + "0", str(int(digits) + 1), str(int(digits) * 9 // 10 + 1)]
    wrong = [each for each in typed if int(each) not in (0, int(digits))]
    _set_gross(draft, Money(sign * int(traffic.chance.choice(wrong)), gross.currency))
    _name(draft, K.AMOUNT_MISMATCH, with_entry=True)


def exchange(_traffic: Traffic, draft: Draft, _: Fault) -> None:
    gross = draft.line.gross
    _set_gross(draft, Money(gross.amount_minor, ELSEWHERE[gross.currency]))
    _name(draft, K.CURRENCY_MISMATCH, with_entry=True)


def reverse(traffic: Traffic, draft: Draft, _: Fault) -> None:
    status = traffic.chance.choice(["reversed", "failed", "pending"])
    draft.line = replace(draft.line, settled=False, status=status)
    _name(draft, K.STATUS_MISMATCH, with_entry=True)


def overcharge(traffic: Traffic, draft: Draft, _: Fault) -> None:
    fee = draft.line.fee
    draft.line = replace(draft.line, fee=fee + Money(2 + traffic.chance.randrange(1_000), fee.currency))
    draft.wrong_fee = True


def misround(traffic: Traffic, draft: Draft, _: Fault) -> None:
    fee = draft.line.fee
    draft.line = replace(draft.line, fee=fee + Money(traffic.chance.choice([1, -1]), fee.currency))
    draft.wrong_fee = True


def garble(traffic: Traffic, draft: Draft, _: Fault) -> None:
    """The name that the provider gives back is damaged, and there is no other."""
    chance, name, line = traffic.chance, draft.line.provider_transaction_id, draft.line
    if name is not None:
        at = chance.randrange(3, len(name) - 1)
        damaged = [name.upper(), f"000{name}", name[:-2], name[:at] + name[at + 1] + name[at] + name[at + 2 :]]
        wrong = [each for each in damaged if each != name]
        draft.line = replace(line, provider_transaction_id=chance.choice(wrong), merchant_reference=None)
    else:
        payment = draft.payment
        text, at = str(payment.id), chance.randrange(4, len(payment.reference) - 1)
        reference = payment.reference
        slip = reference[:at] + str((int(reference[at]) + 1 + chance.randrange(9)) % 10) + reference[at + 1 :]
        wrong = [text.upper(), text.replace("-", ""), text.replace("-", "")[:25], slip]
        draft.line = replace(line, merchant_reference=chance.choice(wrong))
    draft.matches, draft.solvable = False, "repaired_reference"


def settle_in_parts(traffic: Traffic, draft: Draft, fault: Fault) -> None:
    gross, fee = draft.line.gross, draft.line.fee
    part = Money(1 + traffic.chance.randrange(gross.amount_minor - 1), gross.currency)
    rest = replace(draft.line, line_id=f"{draft.line.line_id}-b", gross=gross - part, fee=fee - fee)
    draft.line = replace(draft.line, gross=part)
    draft.matches, draft.solvable = False, "settled_in_parts"
    traffic.draw.drafts.append(replace(draft, line=rest))


def settle_together(traffic: Traffic, draft: Draft, _: Fault) -> None:
    """Two refunds of one payment in one line, which names the payment alone."""
    payment = draft.payment
    first = traffic.refund(payment, 1 + traffic.chance.randrange(payment.amount.amount_minor // 2))
    second = traffic.refund(payment, traffic.chance.randrange(1, payment.amount.amount_minor // 2))
    traffic.draw.drafts.remove(second)
    first.of = (*first.of, *second.of)
    first.day = max(first.day, draft.provider.day_of(second.line.occurred_at))
    first.line = replace(first.line, gross=first.line.gross + second.line.gross, provider_refund_id=None)
    first.matches, first.solvable, first.fault, draft.fault = False, "settled_together", draft.fault, None


def _seconds(chance: random.Random) -> timedelta:
    return timedelta(seconds=chance.randrange(20, 1_200))


def _set_gross(draft: Draft, gross: Money) -> None:
    fee = draft.provider.fee.fee_minor(gross.amount_minor) if draft.movement is Movement.PAYMENT else 0
    draft.line = replace(draft.line, gross=gross, fee=Money(fee, gross.currency))


def _name(draft: Draft, kind: K, *, with_entry: bool = False) -> None:
    draft.matches, draft.named, draft.with_entry = False, kind, with_entry


def _moved(draft: Draft) -> bool:
    return draft.movement in (Movement.PAYMENT, Movement.REFUND)


def _paid(draft: Draft) -> bool:
    return draft.movement is Movement.PAYMENT


def _alone(draft: Draft) -> bool:
    """A payment that nothing else is about."""
    payment = draft.payment
    return _paid(draft) and not payment.refunded_minor and not payment.disputed


def _divisible(draft: Draft) -> bool:
    return _alone(draft) and draft.line.gross.amount_minor > 10


SINGLE: Mapping[Cause, Plant] = {
    Cause.LINE_DROPPED: Plant(drop, _moved),
    Cause.LINE_LATE: Plant(delay, _moved),
    Cause.LOST_NOTIFICATION: Plant(silence, _alone),
    Cause.OTHER_SYSTEM: Plant(add_stranger, _paid),
    Cause.REFUND_ELSEWHERE: Plant(refund_elsewhere, _alone),
    Cause.DUPLICATE_LINE: Plant(repeat, _moved),
    Cause.PAID_TWICE: Plant(pay_twice, _alone),
    Cause.WRONG_AMOUNT_TYPED: Plant(mistype, _moved),
    Cause.WRONG_CURRENCY: Plant(exchange, _moved),
    Cause.PROVIDER_REVERSED: Plant(reverse, _moved),
    Cause.WRONG_FEE: Plant(overcharge, _paid),
    Cause.ROUNDING_OF_FEE: Plant(misround, _paid),
    Cause.GARBLED_REFERENCE: Plant(garble, _alone),
    Cause.SETTLED_IN_PARTS: Plant(settle_in_parts, _divisible),
    Cause.SETTLED_TOGETHER: Plant(settle_together, _divisible),
}
