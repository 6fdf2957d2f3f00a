"""The assistant over a run of a bank account: what is known around what the bank's statements do not agree with."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from gateway.store import assistant_at_bank
from gateway.store.database import Transaction
from reconciliation.assistant.cases import Came, MoneyBack, Surroundings
from reconciliation.assistant.opinions import keep_opinions
from reconciliation.assistant.statement_gaps import Balances, gaps_between
from reconciliation.bank.account import BankAccount


def write_bank_opinions(
    tx: Transaction, account: BankAccount, written: Sequence[str], run_id: UUID, day: date, until: date | None
) -> None:
    """Judge all that the run found and keep it with the run. `written`: how statements write the account; `until`:
    the last day that one tells of."""
    around = Surroundings(
        provider=account.source,
        day=day,
        zone=account.time_zone,
        statement_until=until or date.min,
        gaps=gaps_between(
            Balances(row.currency, row.business_date, row.opening_minor, row.closing_minor)
            for row in assistant_at_bank.balances(tx, written, day)
        ),
        providers=account.providers,
        money_back=[
            MoneyBack(row.provider, row.currency, int(row.amount_minor), row.first, row.last)
            for row in assistant_at_bank.money_back(tx, run_id, account.providers)
        ],
        came=[
            Came(row.provider, row.currency, int(row.amount_minor), frozenset(row.names))
            for row in assistant_at_bank.payouts_that_came(tx, account.source, day)
        ],
        paid=frozenset(
            (row.provider, row.currency, int(row.amount_minor)) for row in assistant_at_bank.paid_amounts(tx, run_id)
        ),
    )
    keep_opinions(tx, run_id, around)
