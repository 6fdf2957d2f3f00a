"""Up to which id a table is settled: no row with that id or a lower one can still appear.

Ids come from a sequence when a row is inserted, but rows appear when their transaction commits, in another order.
Whoever sums up or seals "everything up to id M" must know that nothing below M is still in flight.

A row gets its id while its transaction holds a lock on the table, and keeps that lock until it has committed. So: read
the last id given out; look who holds such a lock now; once all of those have ended, every id up to that one has either
appeared or never will. New writers are not held up, and none is waited for twice.

Transaction ids would seem to answer the same question, but a database restored from a dump begins its own anew, so that
what was compared and stored before would be wrong for ever after.
"""

import time
from datetime import timedelta

from sqlalchemy import text

from gateway.store.database import Database

POLL = timedelta(milliseconds=20)

_LAST_ID = text("SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(:table, 'id')::regclass), 0)")

# Partitions count as well: from PostgreSQL 17 on, a row inserted into one directly takes its id from the same sequence.
_WRITERS = text(
    """
    SELECT DISTINCT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND relation IN (SELECT relid FROM pg_partition_tree(CAST(:table AS regclass))
                        UNION SELECT CAST(CAST(:table AS regclass) AS oid))
    """
)


def settled_upto(db: Database, table: str, patience: timedelta) -> int | None:
    """The id up to which `table` is settled; None if a writer did not end within `patience`.

    Must not be called while the caller itself has a transaction open that writes to the table.
    """
    with db.read() as tx:
        # Two statements: the writers must be looked for after the last id was read, never before.
        last_id: int = tx.execute(_LAST_ID, {"table": table}).scalar_one()
        awaited = set(tx.execute(_WRITERS, {"table": table}).scalars())
    deadline = time.monotonic() + patience.total_seconds()
    while awaited:
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL.total_seconds())
        with db.read() as tx:
            awaited &= set(tx.execute(_WRITERS, {"table": table}).scalars())
    return last_id
