"""Forget a payer: destroy the key of their data. Invoices, ledger and reports stay whole, for they hold none of it."""

from uuid import UUID

from gateway.services.read_payer import payer_of
from gateway.services.runtime import Caller
from gateway.store import vault as rows
from gateway.store.database import Transaction


def erase_payer(tx: Transaction, caller: Caller, payer_id: UUID) -> None:
    """Erase the payer's data for good; a second time changes nothing. Raises NotFound.

    Backups made earlier still hold the wrapped key, and with it the data, until they are thrown away.
    """
    payer = payer_of(tx, caller, payer_id)
    if payer.erased_at is None:
        rows.erase(tx, payer_id, tx.now)
        tx.audit(caller.actor, "payer_erased", "payer", payer_id)
