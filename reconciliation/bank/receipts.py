"""Credits of which nobody knew what they were for, and that name a payout whose settlement has come since.

Had the settlement come first, the credit would have been left to the run of the account. So what was booked for it is
undone by an entry, its discrepancy ends, and the line is free to be matched with the payout that it names.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from gateway.domain.payout import PayoutTerms
from gateway.services.credit_is_payout import credit_is_payout
from gateway.store import bank_reversals, bank_runs
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount
from reconciliation.bank.findings import line_json, payout_json
from reconciliation.bank.sides import known_names, line_of, read_payouts


def release_receipts(
    tx: Transaction,
    terms: PayoutTerms,
    account: BankAccount,
    written: Sequence[str],
    run_id: UUID,
    day: date,
    dated: date,
) -> None:
    """Of the lines up to `day`, those that name a payout that is open. What is booked is `dated`."""
    receipts = bank_reversals.unidentified(tx, written, day)
    if not receipts:
        return
    payouts = read_payouts(tx, terms, account, bank_runs.covered(tx, written), day)
    wanted = known_names(account, payouts)
    for receipt in receipts:
        line = line_of(receipt, wanted)
        named = [each for each in payouts if each.payout.names & line.names and not each.later]
        evidence = {"turned_out": [payout_json(each) for each in named], "bank": [line_json(line)]}
        if named and credit_is_payout(tx, receipt.provider, receipt.provider_transaction_id, dated, evidence):
            bank_reversals.end_matches(tx, {receipt.group_id} - {None}, run_id)
