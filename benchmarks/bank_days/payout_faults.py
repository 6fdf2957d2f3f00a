"""What goes wrong with a payout that comes: charged, netted, divided, sent twice, sent late, under another name.

Each takes payouts that are free, books what comes for them, and notes what the runs must find on which night.
"""

from collections.abc import Callable, Mapping
from datetime import date

from benchmarks.bank_days.draw import Draw
from benchmarks.bank_days.model import Cause, Payout, about_booking
from benchmarks.bank_days.words import NAMELESS, one_of, paying
from benchmarks.days.faults import swapped
from gateway.domain.discrepancy import DiscrepancyKind as K

CHARGES = {
    "VND": (3_300, 11_000, 22_000, 55_000),
    "EUR": (150, 500, 1_500),
    "DKK": (1_500, 4_000),
    "SGD": (500, 2_000),
    "KRW": (5_000, 10_000),
}
ALIKE = 3
"""So many payouts lack the same charge."""

CHARGED_MOST = 5
"""A charge is no more than one in so many of what comes: nobody pays out by a way that eats more."""


def come_late(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    fault = draw.fault(Cause.PAYOUT_LATE)
    booking = draw.pay([payout], payout.minor, draw.calendar.after(payout.due_on, 1 + draw.chance.randrange(3)))
    missing, seen = draw.calendar.missing_from(payout.account, payout.due_on), draw.seen_on(booking)
    if missing and (seen is None or missing < seen):
        draw.expect(payout.id, K.PAYOUT_MISSING, missing, fault)
    draw.must_match([payout], seen)


def lose(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    payout.is_free = False
    missing = draw.calendar.missing_from(payout.account, payout.due_on)
    draw.expect(payout.id, K.PAYOUT_MISSING, missing, draw.fault(Cause.PAYOUT_LOST))


def charge_all(draw: Draw) -> None:
    """Of one provider and currency, the same from each."""
    first = draw.chance.choice(draw.free())
    charge = draw.chance.choice(CHARGES[first.net.currency])
    alike = [
        payout
        for payout in draw.free()
        if (payout.provider, payout.net.currency, payout.account) == (first.provider, first.net.currency, first.account)
        and charge * CHARGED_MOST < payout.minor
    ]
    if len(alike) >= ALIKE:
        fault = draw.fault(Cause.CHARGE_ON_ALL)
        for payout in draw.chance.sample(alike, ALIKE):
            _come(draw, payout, -charge, fault.cause, number=fault.number)


def charge_once(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    charges = [each for each in CHARGES[payout.net.currency] if each * CHARGED_MOST < payout.minor]
    charges += [each for each in [payout.minor // 1_000] if each]
    if charges:
        _come(draw, payout, -draw.chance.choice(charges), Cause.CHARGE_ONCE)


def net_refund(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    price = draw.price(payout, payout.minor * 9 // 10)
    if price:
        back = draw.chance.choice([price, 1 + draw.chance.randrange(price)])
        draw.keep_back(payout, back)
        _come(draw, payout, -back, Cause.REFUND_NETTED)


def net_refunds(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    one, two = (draw.price(payout, payout.minor * 4 // 10) for _ in range(2))
    if one and two:
        draw.keep_back(payout, one)
        draw.keep_back(payout, two)
        _come(draw, payout, -one - two, Cause.REFUNDS_NETTED)


def net_chargeback(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    price = draw.price(payout, payout.minor * 9 // 10)
    if price:
        _come(draw, payout, -price, Cause.CHARGEBACK_NETTED)


def withhold(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    percent = draw.chance.choice([5, 10, 20])
    kept = draw.chance.choice([payout.minor * percent // 100] * 2 + [draw.chance.randrange(payout.minor // 3 + 1)])
    if kept:
        _come(draw, payout, -kept, Cause.WITHHELD)


def bring_more(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    price = draw.price(payout, payout.minor * 3)
    if price and price != payout.minor:
        _come(draw, payout, price, Cause.RAISED)


def divide(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    _in_parts(draw, payout, Cause.IN_PARTS, payout.due_on)


def divide_late(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    rest_on = draw.calendar.after(payout.due_on, 1 + draw.chance.randrange(3))
    _in_parts(draw, payout, Cause.IN_PARTS_LATE, rest_on)


def unname_rest(draw: Draw) -> None:
    """The first part is one that is divided until the rest is there, under no name."""
    payout = draw.chance.choice(draw.free())
    part, on = _part_of(draw, payout), draw.calendar.after(payout.settled_on, 1)
    if not draw.in_order(payout.account, on, payout.due_on):
        return
    fault = draw.fault(Cause.REST_UNNAMED)
    first = draw.pay([payout], part, on)
    rest = draw.pay([payout], payout.minor - part, payout.due_on, one_of(draw.chance, NAMELESS))
    seen, seen_rest = draw.seen_on(first), draw.seen_on(rest)
    if seen != seen_rest:
        draw.expect(payout.id, K.PAYOUT_SHORT, seen, draw.fault(Cause.IN_PARTS))
    draw.expect(payout.id, K.PAYOUT_SHORT, seen_rest, fault)
    draw.expect(about_booking(rest.number), K.MISSING_IN_GATEWAY, seen_rest, fault)


def pay_twice(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    fault, on = draw.fault(Cause.PAID_TWICE), draw.usual_day(payout)
    for _ in range(2):
        seen = draw.seen_on(draw.pay([payout], payout.minor, on))
    draw.expect(payout.id, K.PAYOUT_OVER, seen, fault)


def pay_again(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    on = draw.usual_day(payout)
    again_on = draw.calendar.after(on, 1 + draw.chance.randrange(3))
    seen = draw.calendar.seen_on(payout.account, on)
    if seen == draw.calendar.seen_on(payout.account, again_on) or not draw.in_order(payout.account, on, again_on):
        return
    fault = draw.fault(Cause.PAID_AGAIN)
    draw.must_match([payout], draw.seen_on(draw.pay([payout], payout.minor, on)))
    again = draw.pay([payout], payout.minor, again_on)
    draw.expect(about_booking(again.number), K.MISSING_IN_GATEWAY, draw.seen_on(again), fault)


def unname(draw: Draw) -> None:
    payout = draw.chance.choice(draw.free())
    _unnamed(draw, payout, Cause.UNNAMED, one_of(draw.chance, NAMELESS))


def mistype(draw: Draw) -> None:
    """Its name has two neighbours swapped, and nothing says who pays."""
    opaque = draw.free(opaque=True)
    if opaque:
        payout = draw.chance.choice(opaque)
        text = paying(draw.chance, payout.provider, [swapped(draw.chance, payout.name)], says_who=False)
        _unnamed(draw, payout, Cause.MISTYPED, text)


def misname(draw: Draw) -> None:
    """One bears the name of another, which comes under that name too: before it, or later."""
    pair = draw.pair()
    if pair is None:
        return
    one, two = pair
    own_on = draw.calendar.after(two.settled_on, 1)
    on = draw.calendar.after(max(one.settled_on, two.settled_on), 1)
    fault = draw.fault(Cause.MISNAMED)
    wrong = draw.pay([one], one.minor, on, paying(draw.chance, one.provider, [two.name]))
    right = draw.pay([two], two.minor, own_on, paying(draw.chance, two.provider, [two.name]))
    seen, seen_right = draw.seen_on(wrong), draw.seen_on(right)
    draw.label(one.id, seen, fault)
    if seen_right and (seen is None or seen_right < seen):
        draw.must_match([two], seen_right)
        draw.expect(about_booking(wrong.number), K.MISSING_IN_GATEWAY, seen, fault)
    else:
        both = seen == seen_right or one.minor > two.minor
        draw.expect(two.id, K.PAYOUT_OVER if both else K.PAYOUT_SHORT, seen, fault)


def tell_late(draw: Draw) -> None:
    """The money is there before the settlement that says what for."""
    alone = [each for each in draw.free() if len(each.batches) == 1 and draw.is_alone(each, each.minor)]
    if not alone:
        return
    payout = draw.chance.choice(alone)
    fault, says_who = draw.fault(Cause.SETTLEMENT_LATE), draw.chance.randrange(4) > 0
    text = paying(draw.chance, payout.provider, [payout.name], says_who=says_who)
    booking = draw.pay([payout], payout.minor, draw.calendar.after(payout.settled_on, 1), text)
    seen = draw.seen_on(booking)
    if seen:
        told_on = draw.calendar.after(seen, 1 + draw.chance.randrange(2))
        draw.delay_batch(payout, told_on)
        draw.expect(about_booking(booking.number), K.MISSING_IN_GATEWAY, seen, fault)
        draw.must_match([payout], told_on if told_on <= draw.nights[-1] else None)


def _come(draw: Draw, payout: Payout, over_minor: int, cause: Cause, *, number: int | None = None) -> None:
    """It comes as so much more, or less, than it is worth."""
    fault = draw.plan.faults[number - 1] if number else draw.fault(cause)
    booking = draw.pay([payout], payout.minor + over_minor, draw.usual_day(payout))
    draw.expect(payout.id, K.PAYOUT_OVER if over_minor > 0 else K.PAYOUT_SHORT, draw.seen_on(booking), fault)


def _in_parts(draw: Draw, payout: Payout, cause: Cause, rest_on: date) -> None:
    """The first part comes a banking day after the settlement, the rest on a later day."""
    on = draw.calendar.after(payout.settled_on, 1)
    if not draw.in_order(payout.account, on, rest_on):
        return
    part, fault = _part_of(draw, payout), draw.fault(cause)
    first = draw.pay([payout], part, on)
    seen, seen_rest = draw.seen_on(first), draw.seen_on(draw.pay([payout], payout.minor - part, rest_on))
    if seen != seen_rest:
        draw.expect(payout.id, K.PAYOUT_SHORT, seen, fault)
    draw.must_match([payout], seen_rest)


def _part_of(draw: Draw, payout: Payout) -> int:
    """Two to eight tenths of it."""
    tenth = max(1, payout.minor // 10)
    return 2 * tenth + draw.chance.randrange(6 * tenth)


def _unnamed(draw: Draw, payout: Payout, cause: Cause, text: str) -> None:
    fault = draw.fault(cause)
    booking = draw.pay([payout], payout.minor, draw.usual_day(payout), text)
    seen = draw.seen_on(booking)
    draw.label(payout.id, seen, fault)
    draw.expect(about_booking(booking.number), K.MISSING_IN_GATEWAY, seen, fault)


PAYOUT_FAULTS: Mapping[Cause, Callable[[Draw], None]] = {
    Cause.PAYOUT_LATE: come_late,
    Cause.PAYOUT_LOST: lose,
    Cause.CHARGE_ON_ALL: charge_all,
    Cause.CHARGE_ONCE: charge_once,
    Cause.REFUND_NETTED: net_refund,
    Cause.REFUNDS_NETTED: net_refunds,
    Cause.CHARGEBACK_NETTED: net_chargeback,
    Cause.WITHHELD: withhold,
    Cause.RAISED: bring_more,
    Cause.IN_PARTS: divide,
    Cause.IN_PARTS_LATE: divide_late,
    Cause.REST_UNNAMED: unname_rest,
    Cause.PAID_TWICE: pay_twice,
    Cause.PAID_AGAIN: pay_again,
    Cause.UNNAMED: unname,
    Cause.MISTYPED: mistype,
    Cause.MISNAMED: misname,
    Cause.SETTLEMENT_LATE: tell_late,
}
