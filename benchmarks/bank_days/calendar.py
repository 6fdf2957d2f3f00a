"""When what is booked is known here: a bank makes a statement each banking day, and may send it later."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from benchmarks.bank_days.model import Statement
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

    def seen_on(self, account: str, booked_on: date) -> date | None:
        """The first night that knows of what was booked then; None if none does."""
        nights = [known for day, known in self._known_on[account].items() if day >= booked_on]
        return min((night for night in nights if night <= self.nights[-1]), default=None)

    def told_until(self, account: str, night: date) -> date | None:
        """The last day that a statement which is known that night tells of."""
        return max((day for day, known in self._known_on[account].items() if known <= night), default=None)

    def missing_from(self, account: str, due_on: date) -> date | None:
        """The first night on which what was due then is missing, if it has not come."""
        told = ((night, self.told_until(account, night)) for night in self.nights)
        return next((night for night, until in told if until and min(night, until) > due_on), None)

    def statements(self) -> list[Statement]:
        known: Mapping[str, Mapping[date, date]] = self._known_on
        return [Statement(name, day, on) for name, days in known.items() for day, on in days.items()]
