"""Read a payer's personal data, leaving a trace of who read it and why."""

from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import Invalid, NotFound
from gateway.services.runtime import Caller
from gateway.services.vault import Vault
from gateway.store import vault as rows
from gateway.store.database import Transaction


class PayerErased(NotFound):
    """The payer's data was erased; what they paid is still on the books."""

    code = "payer_erased"


def read_payer(tx: Transaction, vault: Vault, caller: Caller, payer_id: UUID, purpose: str) -> dict[str, str]:
    """The payer's data. The reading is logged in the same transaction, and the payer can ask for that log.

    Raises NotFound if the caller's agency knows no such payer, PayerErased, Invalid without a `purpose`, VaultError.
    """
    if not purpose.strip():
        raise Invalid("Say what the data is read for.", fields={"purpose": "must not be blank"})
    payer = payer_of(tx, caller, payer_id)
    if payer.wrapped_key is None:
        raise PayerErased("The data of this payer was erased.")
    rows.log_read(tx, payer_id, caller.actor, purpose.strip())
    return vault.open_payer(payer_id, payer.master_key_id, payer.wrapped_key, payer.sealed)


def vault_reads(tx: Transaction, caller: Caller, payer_id: UUID) -> list[dict[str, Any]]:
    """Who read the payer's data, when and for what; the newest first. Raises NotFound."""
    payer_of(tx, caller, payer_id)
    return [read._asdict() for read in rows.reads_of(tx, payer_id)]


def payer_of(tx: Transaction, caller: Caller, payer_id: UUID) -> Row[Any]:
    """The payer's row. Raises NotFound if the caller's agency knows no such payer."""
    payer = rows.find_payer(tx, payer_id)
    if payer is None or caller.agency_id not in (None, payer.agency_id):
        raise NotFound("There is no such payer.")
    return payer
