"""The assistant over a run of a bank account: what is known around what the bank's statements do not agree with."""

from datetime import date
from uuid import UUID

from gateway.store import assistant
from gateway.store.database import Transaction
from reconciliation.assistant.cases import Surroundings
from reconciliation.assistant.opinions import keep_opinions
from reconciliation.bank_account import BankAccount


def write_bank_opinions(tx: Transaction, account: BankAccount, run_id: UUID, day: date, until: date | None) -> None:
    """Judge all that the run found and keep it with the run. `until`: the last day that a statement tells of."""
    around = Surroundings(
        provider=account.source,
        day=day,
        zone=account.time_zone,
        statement_until=until or date.min,
        money_back=assistant.money_back(tx, account.providers),
    )
    keep_opinions(tx, run_id, around)
