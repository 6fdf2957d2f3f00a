"""Sum up the settled part of the ledger, so that a balance need not read it from its beginning."""

from datetime import timedelta

from gateway.services.runtime import Runtime
from gateway.store import ledger
from gateway.store.locks import try_lock
from gateway.store.settled import settled_upto

# Longer than any transaction of ours may stay open; one that lasts longer leaves the snapshot to the next turn.
PATIENCE = timedelta(seconds=60)

# A snapshot after a long time is made in steps, none of which takes a transaction too long.
TRANSFERS_A_STEP = 500_000


def snapshot_ledger(runtime: Runtime, *, patience: timedelta = PATIENCE) -> None:
    """Sum up the transfers that were settled since the last snapshot.

    Changes no balance: a balance is what the snapshots hold plus what came since, at any moment. Holds up no posting.
    Nothing happens if a writer does not end within `patience`, or if another process is at it.
    """
    settled = settled_upto(runtime.db, "ledger_transfers", patience)
    if settled is not None:
        while _step(runtime, settled):
            pass


def _step(runtime: Runtime, settled: int) -> bool:
    """Whether there is more to do."""
    with runtime.db.transaction() as tx:
        if not try_lock(tx, "snapshot_ledger"):
            return False
        after = ledger.last_snapshot(tx)
        upto = min(settled, after + TRANSFERS_A_STEP)
        if upto > after:
            ledger.add_snapshot(tx, after, upto)
        return upto < settled
