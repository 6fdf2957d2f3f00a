"""Finds the payouts that were settled after a statement had named them.

What a bank writes is kept nowhere but in its sealed file. So a file whose lines are still open is read once more after
a settlement has come; what of its words names a payout that was not known before is kept with the line.
"""

from typing import Any

import structlog
from sqlalchemy.engine import Row

from gateway.ports.statement import UnreadableStatement
from gateway.services.runtime import Runtime
from gateway.services.vault import VaultError
from gateway.store import bank_runs, late_names, statements
from reconciliation.bank.account import BankAccount
from reconciliation.bank.payout_names import KnownNames
from reconciliation.statements.load import PAYOUTS_OF
from reconciliation.statements.names import words_of
from reconciliation.statements.reread import LayoutGone, lines_of

log = structlog.get_logger()


def find_late_names(runtime: Runtime, account: BankAccount) -> int:
    """Look for them in the open lines of the account, with no transaction open. Returns how many lines name one now.

    A file that cannot be opened keeps none of the others back, and is tried again by the next run.
    """
    with runtime.db.read() as tx:
        written = bank_runs.spellings(tx, account.number)
        files = late_names.files_to_look_in(tx, written, account.providers, (tx.now - PAYOUTS_OF).date())
    found = 0
    for file in files:
        try:
            found += _look_in(runtime, account, written, file)
        except (LayoutGone, UnreadableStatement, VaultError):
            log.exception("statement not read again", file=str(file.id))
    return found


def _look_in(runtime: Runtime, account: BankAccount, written: list[str], file: Row[Any]) -> int:
    with runtime.db.read() as tx:
        began = tx.now
        names = KnownNames(statements.payout_names(tx, account.providers, (began - PAYOUTS_OF).date()))
        wanted = late_names.open_lines_of(tx, file.id, written)
    found: dict[int, frozenset[str]] = {}
    for line in lines_of(runtime, file):
        known = wanted.get((line.statement, line.booking.line))
        if known is not None and (named := names.found_in(words_of(line.booking.entry))):
            found[known] = named
    with runtime.db.transaction() as tx:
        late_names.add_names(tx, found)
        statements.change_file(tx, file.id, named_at=began)
    return len(found)
