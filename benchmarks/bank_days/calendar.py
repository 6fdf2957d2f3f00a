"""When what is booked is known here: a bank makes a statement each banking day, and may send it later."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from benchmarks.bank_days.model import Booking, Statement
from gateway.domain.payout import PayoutTerms


class Calendar:
    """The statements of all accounts until the night `last`."""

    def __init__(self, terms: PayoutTerms, accounts: Iterable[str], nights: Sequence[date]) -> None:
        self.terms, self.nights = terms, nights
        banking = [day for day in nights if self.is_banking_day(day)]
        self._known_on: dict[str, dict[date, date]] = {name: {day: day for day in banking} for name in accounts}

    def is_banking_day(self, day: date) -> bool:
        return self.terms.banking_day_after(day, 0) == day

    def after(self, day: date, count: int) -> date:
        """The banking day that is `count` of them after `day`."""
        return self.terms.banking_day_after(day, count)

    def delay(self, account: str, day: date, count: int) -> list[date]:
        """The statements of `day` and of the next banking days are known when the one `count` of them later is. Returns
        the nights that are without."""
        until = self.after(day, count)
        for each in self._known_on[account]:
            if day <= each < until:
                self._known_on[account][each] = until
        return [night for night in self.nights if day <= night < until]

    def skip(self, account: str, day: date, count: int) -> list[date]:
        """The statement of `day` is known with the one `count` banking days later, and the ones between in time.
        Returns the nights that have a later one and not this."""
        until = self.after(day, count)
        self._known_on[account][day] = until
        return [night for night in self.nights if self.after(day, 1) <= night < until]

    def seen_on(self, account: str, booked_on: date) -> date | None:
        """The night on which the statement that has what was booked then is known; None if none is any more."""
        day = self.terms.banking_day_after(booked_on, 0)
        known = self._known_on[account].get(day)
        return known if known is not None and known <= self.nights[-1] else None

    def told_until(self, account: str, night: date) -> date | None:
        """The last day that a statement which is known that night tells of."""
        return max((day for day, known in self._known_on[account].items() if known <= night), default=None)

    def missing_from(self, account: str, due_on: date) -> date | None:
        """The first night on which what was due then is missing, if it has not come."""
        told = ((night, self.told_until(account, night)) for night in self.nights)
        return next((night for night, until in told if until and min(night, until) > due_on), None)

    def statements(self, bookings: Iterable[Booking]) -> list[Statement]:
        """With what the account had before and after each."""
        moved: dict[tuple[str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        currencies: dict[str, set[str]] = defaultdict(set)
        for booking in bookings:
            amount, day = booking.amount, self.terms.banking_day_after(booking.booked_on, 0)
            moved[booking.account, day][amount.currency] += amount.amount_minor
            currencies[booking.account].add(amount.currency)
        found = []
        for account, days in self._known_on.items():
            balance = dict.fromkeys(sorted(currencies[account]), 0)
            for day, known_on in days.items():
                before, of_day = balance, moved[account, day]
                balance = {currency: minor + of_day[currency] for currency, minor in before.items()}
                both = {currency: (before[currency], balance[currency]) for currency in balance}
                found.append(Statement(account, day, known_on, both))
        return found
