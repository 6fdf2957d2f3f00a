"""How every run ends, a provider's as a bank account's: what it found is written down, and who must know is told."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

import structlog

from gateway.domain.agency import Agency
from gateway.domain.events import EventType
from gateway.domain.reconciliation import GRAPH, RunStatus
from gateway.domain.states import transition
from gateway.services.open_discrepancy import tell_opened
from gateway.store import reconciliation
from gateway.store.database import Transaction
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.totals import status_of

log = structlog.get_logger()

CHUNK = 5_000


def record(tx: Transaction, run_id: UUID, day: date, found: Iterator[NewDiscrepancy]) -> None:
    """Write what the run of `day` found, and tell of what was not known before."""
    while chunk := list(islice(found, CHUNK)):
        new = reconciliation.record_findings(tx, run_id, day, chunk)
        for discrepancy in chunk:
            if discrepancy.key in new:
                tell_opened(tx, new[discrepancy.key], discrepancy)


def tell_late(
    tx: Transaction,
    source: str,
    day: date,
    agencies: Iterable[Agency],
    before: Mapping[str, Any],
    now: Mapping[str, Any],
) -> None:
    """Tell once that the settlement or the statement is late; `before` are the totals of the same run when it was run
    the last time."""
    if not now["file_late"] or before.get("file_late"):
        return
    log.warning("file is late", provider=source, business_date=day.isoformat())
    facts = {"provider": source, "business_date": day.isoformat()}
    for agency in agencies:
        tx.emit(EventType.RECONCILIATION_FILE_LATE, agency.id, facts)


def end(
    tx: Transaction, run_id: UUID, source: str, day: date, agencies: Iterable[Agency], totals: dict[str, Any]
) -> RunStatus:
    """Keep the totals, and tell the agencies. Returns how it ended."""
    status = transition("run", GRAPH, RunStatus.RUNNING, status_of(totals))
    reconciliation.end_run(tx, run_id, status, totals=totals)
    facts = {"run": str(run_id), "provider": source, "business_date": day.isoformat()}
    for agency in agencies:
        tx.emit(EventType.RECONCILIATION_FINISHED, agency.id, facts | {"status": status})
    return status
