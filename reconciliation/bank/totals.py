"""What a run of a bank account comes to, in the words of every run's totals.

    ledger_minor     what should have come by this day: payouts at their net, charges and known credits at what they are
    statement_minor  what the statements have of what is in no run before, up to this day
    matched_minor    what both have
    in_transit       what the providers that pay out here hold in this currency, by the ledger at the end of the day:
                     `settled_minor` of it is paid out and not in the bank, each payout with its discrepancy; the rest
                     is in no settlement, or in one that pays out elsewhere

The statement is what should have come, and all that its discrepancies say: more, less, missing and not known.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.payout import PayoutTerms
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount
from reconciliation.totals import balance_in_transit, found_of


@dataclass(slots=True)
class Sums:
    """Of one currency, in minor units. `ledger_entries` are payouts, charges and known credits."""

    ledger_minor: int = 0
    ledger_entries: int = 0
    statement_minor: int = 0
    statement_lines: int = 0
    matched_minor: int = 0
    matched: int = 0
    on_its_way_minor: int = 0

    def add_match(self, expected_minor: int, entries: int, came_minor: int, lines: int) -> None:
        self.add_expected(expected_minor, entries)
        self.add_lines(came_minor, lines)
        self.matched_minor += came_minor
        self.matched += lines

    def add_expected(self, expected_minor: int, entries: int) -> None:
        self.ledger_minor += expected_minor
        self.ledger_entries += entries

    def add_lines(self, came_minor: int, lines: int) -> None:
        self.statement_minor += came_minor
        self.statement_lines += lines


@dataclass(slots=True)
class Tally:
    """The sums of a run by currency, and how many lines matched by each rule."""

    by_currency: dict[str, Sums] = field(default_factory=dict)
    by_rule: Counter[str] = field(default_factory=Counter)

    def of(self, currency: str) -> Sums:
        return self.by_currency.setdefault(currency, Sums())


def bank_totals(
    tx: Transaction, run_id: UUID, account: BankAccount, terms: PayoutTerms, day: date, tally: Tally
) -> dict[str, Any]:
    """As they are kept with the run. What this transaction posted counts."""
    found = found_of(tx, run_id)
    currencies = tally.by_currency
    main = max(currencies, key=lambda each: (currencies[each].statement_lines, each), default=None)
    return {
        "currency": main,
        "ledger_minor": currencies[main].ledger_minor if main else 0,
        "statement_minor": currencies[main].statement_minor if main else 0,
        "matched": sum(sums.matched for sums in currencies.values()),
        "by_rule": dict(sorted(tally.by_rule.items())),
        **found,
        "by_currency": [
            _currency(tx, account, terms, day, currency, sums) for currency, sums in sorted(currencies.items())
        ],
    }


def _currency(
    tx: Transaction, account: BankAccount, terms: PayoutTerms, day: date, currency: str, sums: Sums
) -> dict[str, Any]:
    paying = [name for name in account.providers if terms.pays_into(name, currency, account.number)]
    balance = balance_in_transit(tx, paying, currency, day)
    return {
        "currency": currency,
        "ledger_minor": sums.ledger_minor,
        "ledger_entries": sums.ledger_entries,
        "statement_minor": sums.statement_minor,
        "statement_lines": sums.statement_lines,
        "matched_minor": sums.matched_minor,
        "matched": sums.matched,
        "in_transit": {
            "balance_minor": balance,
            "unsettled_minor": balance - sums.on_its_way_minor,
            "settled_minor": sums.on_its_way_minor,
        },
    }
