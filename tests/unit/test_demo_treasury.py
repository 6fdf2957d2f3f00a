"""The statement that the demo's bank writes is one that banks could send, and has the faults that it says."""

import io
from datetime import date

from gateway.demo_day.treasury import ACCOUNT, CURRENCY, Payout, as_booked, mt940
from gateway.domain.money import Money
from gateway.ports.statement import Statement, StatementEntry
from gateway.ports.statements import read_statement
from reconciliation.bank.payout_names import names_in

DAY = date(2026, 11, 22)
PAYOUTS = [Payout(f"wallet{n}", f"po_{n}-2026.csv", 10_000 * (n + 1)) for n in range(7)]


def test_the_statement_is_read_back_as_it_was_booked() -> None:
    bookings, _ = as_booked(PAYOUTS)
    head, *entries = read_statement(io.BytesIO(mt940(DAY, "T1", bookings).encode()))
    assert isinstance(head, Statement)
    assert (head.account, head.business_date) == (ACCOUNT, DAY)
    assert head.closing == Money(sum(booking.minor for booking in bookings), CURRENCY)
    read = [entry for entry in entries if isinstance(entry, StatementEntry)]
    assert [entry.signed.amount_minor for entry in read] == [booking.minor for booking in bookings]
    assert len({entry.servicer_reference for entry in read}) == len(bookings)


def test_each_payout_but_one_is_named_and_comes_but_for_what_is_planted() -> None:
    bookings, planted = as_booked(PAYOUTS)
    names = [payout.name for payout in PAYOUTS]
    named = {name for booking in bookings for name in names_in(booking.text, names)}
    (missing,) = (fault for fault in planted if "payout_missing" in fault.kinds)
    assert named == set(names) - {missing.name}
    off = sum(fault.minor for fault in planted if fault is not missing) - missing.minor
    assert sum(booking.minor for booking in bookings) == sum(payout.minor for payout in PAYOUTS) + off


def test_without_payouts_nothing_is_planted_about_them() -> None:
    bookings, planted = as_booked([])
    assert [booking.minor for booking in bookings] == [fault.minor for fault in planted]
