"""Where providers pay out what they collected, and by when a bank should have it.

A payout is due so many banking days after the provider settled it: a bank books nothing at weekends and on its
holidays. Which days these are is the operator's to say, because governments set and move them from year to year.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from gateway.domain.credit import account_key

DAYS_DEFAULT = 2
SATURDAY = 5
BANK = "bank:"
"""How the name of a bank account begins where providers are named, as `bank:0123456789`."""


def bank_source(account: str) -> str:
    """The name by which runs and discrepancies know what a bank reports about `account`."""
    return f"{BANK}{account}"


def account_of_source(source: str) -> str | None:
    """The account of such a name; None for a provider."""
    return source.removeprefix(BANK) if source.startswith(BANK) else None


@dataclass(frozen=True, slots=True)
class PayoutTerms:
    """`accounts`: by provider ("stripe") or, for one currency of it, "stripe:DKK". `days`: banking days by provider,
    DAYS_DEFAULT where it is not named. `holidays`: working days on which the banks are closed."""

    accounts: Mapping[str, str] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def account_of(self, provider: str, currency: str) -> str | None:
        """The account that `provider` pays out to in `currency`; None if nobody has said."""
        return self.accounts.get(f"{provider}:{currency}") or self.accounts.get(provider)

    def all_accounts(self) -> list[str]:
        """Each once, as it was written first, in a fixed order."""
        by_key: dict[str, str] = {}
        for _, account in sorted(self.accounts.items()):
            by_key.setdefault(account_key(account), account)
        return sorted(by_key.values())

    def named(self, account: str) -> str | None:
        """`account` as all_accounts names it, however it is written; None if nobody pays out to it."""
        key = account_key(account)
        return next((known for known in self.all_accounts() if account_key(known) == key), None)

    def paying_into(self, account: str) -> list[str]:
        """The providers that pay out to `account`, in any currency."""
        key = account_key(account)
        return sorted({name.partition(":")[0] for name, known in self.accounts.items() if account_key(known) == key})

    def pays_into(self, provider: str, currency: str, account: str) -> bool:
        known = self.account_of(provider, currency)
        return known is not None and account_key(known) == account_key(account)

    def due_on(self, provider: str, settled_on: date) -> date:
        """The last day on which the payout of `settled_on` is not late."""
        return self.banking_day_after(settled_on, self.days.get(provider, DAYS_DEFAULT))

    def banking_day_after(self, day: date, count: int) -> date:
        """The banking day that is `count` of them after `day`; with 0 the first from `day` on."""
        day = self._from(day)
        for _ in range(count):
            day = self._from(day + timedelta(days=1))
        return day

    def _from(self, day: date) -> date:
        while day.weekday() >= SATURDAY or day in self.holidays:
            day += timedelta(days=1)
        return day
