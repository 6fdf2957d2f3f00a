"""What belonged to nobody that was known when its payout came, once it is known whose it is.

A line of a settlement may find its payment days after the payout was matched. Its share of the payout is posted by the
next run of the bank account, with that run's business date, whether the run that matched the payout is signed or not.
"""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.money import Money
from gateway.store import bank_runs
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount
from reconciliation.bank.posting import Placing, left_over, placings, post_lines
from reconciliation.bank.sides import Line


def post_late_shares(tx: Transaction, account: BankAccount, run_id: UUID, dated: date) -> None:
    """Place what runs other than `run_id` could not."""
    groups: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in bank_runs.unplaced(tx, account.source, run_id):
        groups[row.group_id].append(row)
    batches = {row.batch for rows in groups.values() for row in rows if row.batch}
    known = bank_runs.shares(tx, batches) if batches else []
    lines: list[Line] = []
    wanted: list[Placing] = []
    for rows in groups.values():
        providers = {(row.batch, row.currency): row.provider for row in rows if row.batch}
        shares: dict[tuple[str, UUID | None], int] = defaultdict(int)
        for share in known:
            if (share.batch, share.currency) in providers:
                shares[providers[share.batch, share.currency], share.agency_id] += int(share.net_minor)
        of_group = [_line(row) for row in rows if not row.batch]
        lines += of_group
        wanted += placings(of_group, shares)
    post_lines(tx, account, lines, wanted, dated)
    bank_runs.set_unplaced(tx, left_over(lines, wanted))


def _line(row: Row[Any]) -> Line:
    amount = Money(row.amount_minor, row.currency)
    return Line(row.id, row.statement_id, "", row.line, amount, row.booked_on, "", "")
