"""What goes wrong with bookings: several payouts in one, what no payout explains, what the bank takes back or takes."""

from collections.abc import Callable, Mapping
from datetime import date

from benchmarks.bank_days.draw import DEBIT, TAIL, Draw
from benchmarks.bank_days.model import Booking, Cause, Fault, about_booking
from benchmarks.bank_days.payout_faults import CHARGES
from benchmarks.bank_days.words import CHARGING, NAMELESS, OUTGOING, STRANGERS, one_of, paying
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.domain.money import Money

CHARGE_CODE = "PMNT/MDOP/CHRG"
CURRENCY = "VND"
"""What an account's own business is in."""


def join_under_one_name(draw: Draw) -> None:
    pair = draw.pair()
    if pair:
        one, two = pair
        fault, on = draw.fault(Cause.TOGETHER_ONE_NAMED), draw.calendar.after(max(one.settled_on, two.settled_on), 1)
        text = paying(draw.chance, one.provider, [draw.name_of(one)])
        seen = draw.seen_on(draw.pay(pair, one.minor + two.minor, on, text))
        draw.expect(one.id, K.PAYOUT_OVER, seen, fault)
        draw.label(two.id, seen, fault)


def join_unnamed(draw: Draw) -> None:
    pair = draw.pair()
    if pair:
        one, two = pair
        fault, on = draw.fault(Cause.TOGETHER_UNNAMED), draw.calendar.after(max(one.settled_on, two.settled_on), 1)
        who = paying(draw.chance, one.provider, ["doanh thu"])
        text = draw.chance.choice([who, one_of(draw.chance, NAMELESS)])
        joined = draw.pay(pair, one.minor + two.minor, on, text)
        _open(draw, joined, fault)
        for payout in pair:
            draw.label(payout.id, draw.seen_on(joined), fault)


def cross(draw: Draw) -> None:
    """A part of the second comes with the first."""
    pair = draw.pair()
    if pair:
        one, two = pair
        fault, on = draw.fault(Cause.TOGETHER_CROSSED), draw.calendar.after(max(one.settled_on, two.settled_on), 1)
        part = 1 + draw.chance.randrange(two.minor)
        text = paying(draw.chance, two.provider, [draw.name_of(two)])
        bookings = [draw.pay(pair, one.minor + part, on), draw.pay([two], two.minor - part, on, text)]
        for booking in bookings:
            _open(draw, booking, fault)
        for payout in pair:
            draw.label(payout.id, draw.seen_on(bookings[0]), fault)


def bring_stranger(draw: Draw) -> None:
    """By another system, of a merchant of the same provider at times."""
    _open(draw, _stranger(draw), draw.fault(Cause.STRANGER))


def move_away(draw: Draw) -> None:
    """A round sum to the treasury, as a rule; at times a stranger's money is sent on."""
    fault, account = draw.fault(Cause.OUTSIDE), _account(draw)
    if draw.chance.randrange(5) == 0:
        stranger = _stranger(draw)
        _open(draw, stranger, draw.fault(Cause.STRANGER))
        account, amount = stranger.account, -stranger.amount
        on = draw.calendar.after(stranger.booked_on, 1 + draw.chance.randrange(2))
    else:
        amount, on = Money(-draw.chance.randrange(1, 200) * 1_000_000, CURRENCY), _day(draw)
    _open(draw, draw.book(account, amount, on, one_of(draw.chance, OUTGOING)), fault)


def take_back(draw: Draw) -> None:
    """By a debit that bears the credit's reference or end-to-end id. Half of them come again, by the same name."""
    payout = draw.chance.choice(draw.free())
    on = draw.usual_day(payout)
    back_on = draw.calendar.after(on, 1 + draw.chance.randrange(2))
    if not draw.in_order(payout.account, on, back_on):
        return
    fault = draw.fault(Cause.TAKEN_BACK)
    end_to_end_id = draw.chance.choice(["", f"E2E{draw.chance.getrandbits(40):010X}"])
    credit = draw.pay([payout], payout.minor, on, end_to_end_id=end_to_end_id)
    debit = draw.book(
        payout.account,
        -payout.net,
        back_on,
        "DAO BUT TOAN GHI CO",
        reference=None if end_to_end_id else credit.reference,
        end_to_end_id=end_to_end_id,
        undoes=credit,
        reversal=True,
    )
    seen, again_on = draw.seen_on(debit), draw.calendar.after(debit.booked_on, 2)
    if draw.seen_on(credit) != seen:
        draw.must_match([payout], draw.seen_on(credit))
    comes_again = draw.chance.randrange(2) == 0
    if comes_again:
        draw.pay([payout], payout.minor, again_on)
    if not comes_again or draw.calendar.seen_on(payout.account, again_on) != seen:
        draw.expect(payout.id, K.PAYOUT_MISSING, seen, fault)


def take_back_unmarked(draw: Draw) -> None:
    """Nothing but its amount says that the debit undoes the payout's credit; at times it is marked as a reversal."""
    payout = draw.chance.choice(draw.free())
    fault, on = draw.fault(Cause.TAKEN_BACK_UNMARKED), draw.usual_day(payout)
    credit = draw.pay([payout], payout.minor, on)
    debit = _undo(draw, credit)
    draw.must_match([payout], draw.seen_on(credit))
    _open(draw, debit, fault)


def take_back_stranger(draw: Draw) -> None:
    """Which is seen when both are known."""
    stranger = _stranger(draw)
    debit, fault = _undo(draw, stranger), draw.fault(Cause.STRANGER_TAKEN_BACK)
    seen, undone = draw.seen_on(stranger), draw.seen_on(debit)
    both = max(seen, undone) if seen and undone else None
    if seen != both:
        _open(draw, stranger, draw.fault(Cause.STRANGER))
    _open(draw, debit, fault)
    draw.expect(about_booking(stranger.number), K.MISSING_IN_GATEWAY, both, fault)


def book_charge(draw: Draw) -> None:
    nobodys = [account for account, holder in draw.accounts.items() if holder is None]
    if nobodys:
        account = draw.chance.choice(nobodys)
        _open(draw, charge(draw, account, _day(draw), CHARGE_CODE), draw.fault(Cause.CHARGE_BOOKED))


def book_unmarked_charge(draw: Draw) -> None:
    _open(draw, charge(draw, _account(draw), _day(draw), DEBIT), draw.fault(Cause.CHARGE_UNMARKED))


def charge(draw: Draw, account: str, on: date, code: str) -> Booking:
    amount = Money(-draw.chance.choice(CHARGES[CURRENCY]), CURRENCY)
    return draw.book(account, amount, on, one_of(draw.chance, CHARGING), code=code, is_charge=True)


def _stranger(draw: Draw) -> Booking:
    amount = draw.chance.choice(
        [draw.chance.choice(draw.month.payments).amount.amount_minor, 1_000 * draw.chance.randrange(50, 90_000)]
    )
    texts = [one_of(draw.chance, STRANGERS)] * 3
    account = _account(draw)
    texts.append(paying(draw.chance, draw.chance.choice(draw.terms.paying_into(account)), ["merchant 77"]))
    return draw.book(account, Money(amount, CURRENCY), _day(draw), draw.chance.choice(texts))


def _undo(draw: Draw, credit: Booking) -> Booking:
    on = draw.calendar.after(credit.booked_on, draw.chance.randrange(3))
    reversal = draw.chance.randrange(2) == 0
    return draw.book(credit.account, -credit.amount, on, "DIEU CHINH", undoes=credit, reversal=reversal)


def _open(draw: Draw, booking: Booking, fault: Fault) -> None:
    draw.expect(about_booking(booking.number), K.MISSING_IN_GATEWAY, draw.seen_on(booking), fault)


def _account(draw: Draw) -> str:
    return draw.chance.choice(sorted(draw.accounts))


def _day(draw: Draw) -> date:
    """A banking day that every account has statements after."""
    return draw.calendar.after(draw.chance.choice(draw.nights[: len(draw.nights) - TAIL]), 0)


BOOKING_FAULTS: Mapping[Cause, Callable[[Draw], None]] = {
    Cause.TOGETHER_ONE_NAMED: join_under_one_name,
    Cause.TOGETHER_UNNAMED: join_unnamed,
    Cause.TOGETHER_CROSSED: cross,
    Cause.STRANGER: bring_stranger,
    Cause.OUTSIDE: move_away,
    Cause.TAKEN_BACK: take_back,
    Cause.TAKEN_BACK_UNMARKED: take_back_unmarked,
    Cause.STRANGER_TAKEN_BACK: take_back_stranger,
    Cause.CHARGE_BOOKED: book_charge,
    Cause.CHARGE_UNMARKED: book_unmarked_charge,
}
