"""A person signs a day: its reports are kept as they are now, and the run does not change any more.

All of it happens in one transaction, in which the reports are written too: a day is signed with every report or it is
not signed. The officer waits for it, because whoever signs must know at once that it is signed, or why not.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Invalid
from gateway.domain.events import EventType
from gateway.domain.reconciliation import GRAPH, RunStatus, SignedBySameOfficer, check_signer
from gateway.domain.states import transition
from gateway.services.runtime import Runtime
from gateway.store import catalogue, reconciliation, signed_runs, spool
from gateway.store.database import Transaction
from reconciliation.reports.run import RunNotFound
from reconciliation.runs import alone

Write = Callable[[Transaction, UUID], Iterator[bytes]]

CANONICAL = "json"
NAMED_MAX = 20  # so many open discrepancies are named in a refusal


class OpenDiscrepancies(Invalid):
    """Something is open that the signer gave no reason for."""

    code = "open_discrepancies"


@contextmanager
def nothing_at_work(runtime: Runtime, run_id: UUID) -> Iterator[None]:
    """No run of the same provider works until the end of the block. Raises RunNotFound, RunUnderWay."""
    with runtime.db.read() as tx:
        provider = _found(reconciliation.find_run(tx, run_id), run_id).provider
    with alone(runtime.db, provider):
        yield


def sign_off(
    tx: Transaction, run_id: UUID, signer: str, note: str, reasons: Mapping[UUID, str], writers: Mapping[str, Write]
) -> None:
    """Sign the run, within nothing_at_work. `reasons` says of each open discrepancy why the day is signed all the same.

    Raises RunNotFound, IllegalTransition, SignedBySameOfficer, and OpenDiscrepancies if a reason is missing.
    """
    spool.take_time(tx)
    run = _found(signed_runs.lock_run(tx, run_id), run_id)
    transition("run", GRAPH, RunStatus(run.status), RunStatus.SIGNED_OFF)
    check_signer(run.requested_by, signer)
    if signed_runs.closed_alone(tx, run_id, signer):
        raise SignedBySameOfficer("You have closed a discrepancy of this run alone: another approver signs it.")
    signed_runs.hold_findings(tx, run_id)
    acknowledged = _acknowledged(tx, run_id, reasons)
    sign = {"signed_off_by": signer, "note": note, "acknowledged": acknowledged}
    signed_runs.sign_run(tx, run_id, report_sha256=b"", **sign)
    digests = {name: signed_runs.keep_report(tx, run_id, name, write(tx, run_id)) for name, write in writers.items()}
    signed_runs.set_report_digest(tx, run_id, digests[CANONICAL])
    _tell(tx, run, signer, digests[CANONICAL].hex())


def _found(run: Row[Any] | None, run_id: UUID) -> Row[Any]:
    if run is None:
        raise RunNotFound(f"There is no reconciliation run {run_id}.")
    return run


def _acknowledged(tx: Transaction, run_id: UUID, reasons: Mapping[UUID, str]) -> list[dict[str, str]]:
    """What is open beside matters of timing, each with its reason."""
    open_now = {row.id: row.kind for row in signed_runs.open_findings(tx, run_id, DiscrepancyKind.TIMING)}
    missing = sorted(str(known) for known in open_now if known not in reasons)
    if missing:
        named = ", ".join(missing[:NAMED_MAX])
        raise OpenDiscrepancies(
            f"{len(missing)} open discrepancies have no reason why the day is signed all the same.",
            fields={"acknowledged": f"must give a reason for {named}"},
        )
    unknown = sorted(str(given) for given in reasons if given not in open_now)
    if unknown:
        named = ", ".join(unknown[:NAMED_MAX])
        raise OpenDiscrepancies(
            "A reason is given for what this run does not have open.",
            fields={"acknowledged": f"must not name {named}"},
        )
    return [{"discrepancy": str(key), "kind": open_now[key], "reason": reasons[key]} for key in sorted(open_now)]


def _tell(tx: Transaction, run: Row[Any], signer: str, sha256: str) -> None:
    signed = {"status": RunStatus.SIGNED_OFF.value, "report_sha256": sha256}
    before = {"status": run.status}
    tx.audit(signer, "reconciliation.signed_off", "reconciliation_run", run.id, before=before, after=signed)
    facts = {"run": str(run.id), "provider": run.provider, "business_date": run.business_date.isoformat()}
    for agency in catalogue.all_agencies(tx):
        if run.provider in agency.providers:
            tx.emit(EventType.RECONCILIATION_SIGNED_OFF, agency.id, facts | {"correction": run.correction} | signed)
