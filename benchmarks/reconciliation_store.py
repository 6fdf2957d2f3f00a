"""The writing of a night's matches and discrepancies to PostgreSQL, for benchmarks/reconciliation.py.

The server is durable and on the same machine. It holds what the rows refer to: the agency, the batch, the run, and
those settlement lines that are matched by the row.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, text

from gateway.store import matches, reconciliation, spool
from gateway.store.database import Database
from gateway.store.tables.catalogue import agencies
from gateway.store.tables.reconciliation import settlement_batches, settlement_lines
from reconciliation.findings import Batch, Context, discrepancy_of
from reconciliation.matching.engine import Finding
from reconciliation.run_end import CHUNK

PROVIDER = "sandbox"
AGENCY = UUID(int=3)
BATCH_ID = "bench"


def prepare(url: str, day: date, batch: UUID, run_id: UUID, lines: Iterable[int]) -> None:
    """A day without matches. `lines` are the numbers of those that may be matched by the row."""
    db = Database(url, _now, pool_size=1)
    facts = {"names": {}, "time_zone": "UTC", "currency": "VND", "receipt_series": "", "providers": []}
    line = {"batch": batch, "line_id": "", "kind": "payment", "currency": "VND", "gross_minor": 0, "fee_minor": 0}
    line |= {"occurred_at": _now(), "status": "", "settled": True}
    with db.transaction() as tx:
        tx.execute(insert(agencies).values(id=AGENCY, code="bench", bank_account="1", **facts))
        tx.execute(
            insert(settlement_batches).values(
                id=batch, provider=PROVIDER, batch_id=BATCH_ID, business_date=day, sha256=b"", lines=0
            )
        )
        tx.execute(insert(settlement_lines), [line | {"line": number} for number in lines])
        reconciliation.begin_run(tx, PROVIDER, day, "bench", "", dated=day)
        tx.execute(text("UPDATE reconciliation_runs SET id = :id"), {"id": run_id})
    db.close()


def write(url: str, day: date, batch: UUID, run_id: UUID, folder: Path, findings: Iterable[Finding]) -> None:
    """What a run writes in its last transaction, but for its totals and fees."""
    db = Database(url, _now, pool_size=1)
    context = Context(run_id, PROVIDER, day, [Batch(batch, BATCH_ID, day)], [AGENCY])
    found = (discrepancy_of(finding, context) for finding in findings)
    with db.transaction() as tx:
        spool.take_time(tx)
        matches.replace_matches(tx, run_id, folder)
        reconciliation.forget_findings(tx, run_id)
        while chunk := list(islice(found, CHUNK)):
            reconciliation.record_findings(tx, run_id, day, chunk)
    db.close()


def written(url: str) -> tuple[int, int]:
    """How many matches and discrepancies there are."""
    db = Database(url, _now, pool_size=1)
    with db.transaction() as tx:
        spool.take_time(tx)
        matched: int = tx.execute(text("SELECT count(*) FROM matches")).scalar_one()
        found: int = tx.execute(text("SELECT count(*) FROM discrepancies")).scalar_one()
    db.close()
    return matched, found


def _now() -> datetime:
    return datetime.now(UTC)
