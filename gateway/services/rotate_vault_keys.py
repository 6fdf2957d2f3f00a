"""Bring everything that is sealed with an older master key under the current one, so that the older can be destroyed.

To rotate: give every process the new key as a second one, then as the first, then run this. Run it again until it finds
nothing, in case a process with the old order wrote meanwhile.
"""

from collections.abc import Callable
from uuid import UUID

from gateway.services.runtime import Runtime
from gateway.services.vault import (
    Vault,
    authenticator_purpose,
    bank_credit_purpose,
    endpoint_secret_purpose,
    provider_event_purpose,
    statement_chunk_purpose,
)
from gateway.store import vault as rows

BATCH_ROWS = 500

Reseal = Callable[[UUID, str, bytes], tuple[str, bytes]]


def rotate_vault_keys(runtime: Runtime) -> dict[str, int]:
    """Reseal in batches, each a transaction of its own; answers how many rows of each table were resealed.

    Can be stopped and run again at any time. Raises VaultError if an older master key is missing.
    """
    vault = runtime.vault
    work: tuple[tuple[rows.SealedColumn, Reseal], ...] = (
        (rows.PAYER_KEYS, vault.rewrap),
        (rows.PROVIDER_EVENTS, _resealed(vault, provider_event_purpose)),
        (rows.BANK_CREDITS, _resealed(vault, bank_credit_purpose)),
        (rows.STATEMENT_CHUNKS, _resealed(vault, statement_chunk_purpose)),
        (rows.ENDPOINT_SECRETS, _resealed(vault, endpoint_secret_purpose)),
        (rows.AUTHENTICATORS, _resealed(vault, authenticator_purpose)),
    )
    return {where.table.name: _rotate(runtime, where, reseal) for where, reseal in work}


def _rotate(runtime: Runtime, where: rows.SealedColumn, reseal: Reseal) -> int:
    done, after = 0, UUID(int=0)
    while True:
        with runtime.db.transaction() as tx:
            found = rows.lock_sealed_otherwise(tx, where, runtime.vault.current_key_id, after, BATCH_ROWS)
            if not found:
                return done
            rows.replace_sealed(tx, where, {id: reseal(id, key_id, value) for id, key_id, value in found})
        done, after = done + len(found), found[-1][0]


def _resealed(vault: Vault, purpose: Callable[[UUID], str]) -> Reseal:
    def reseal(id: UUID, master_key_id: str, sealed: bytes) -> tuple[str, bytes]:
        return vault.seal_bytes(purpose(id), vault.open_bytes(purpose(id), master_key_id, sealed))

    return reseal
