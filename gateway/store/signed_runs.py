"""Runs that are signed, and their reports, kept byte for byte: cut into pieces, each compressed, so that no report is
ever in memory whole. The application may insert and read the reports, and nothing else."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.reconciliation import RunStatus
from gateway.domain.resolution import ResolutionStatus
from gateway.store.database import Transaction
from gateway.store.tables.reconciliation import (
    discrepancies,
    reconciliation_runs,
    run_findings,
    run_report_chunks,
    run_reports,
)
from gateway.store.tables.resolutions import resolutions

CHUNK_BYTES = 1 << 20


def last_run(tx: Transaction, provider: str, day: date) -> Row[Any] | None:
    """The day's own run, or the newest correction of it; locked."""
    query = select(reconciliation_runs).where(
        reconciliation_runs.c.provider == provider, reconciliation_runs.c.business_date == day
    )
    return tx.one_or_none(query.order_by(reconciliation_runs.c.correction.desc()).limit(1).with_for_update())


def held_signed(tx: Transaction, provider: str, day: date) -> bool:
    """Whether the day's own run is signed (corrections follow only then), which stays so until `tx` ends.

    Who signs at this moment is waited for, and who signs next waits for `tx`.
    """
    query = select(reconciliation_runs.c.status).where(
        reconciliation_runs.c.provider == provider,
        reconciliation_runs.c.business_date == day,
        reconciliation_runs.c.correction == 0,
    )
    run = tx.one_or_none(query.with_for_update(read=True))
    return run is not None and run.status == RunStatus.SIGNED_OFF


def lock_run(tx: Transaction, run_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(reconciliation_runs).where(reconciliation_runs.c.id == run_id).with_for_update())


def sign_run(tx: Transaction, run_id: UUID, **signed: Any) -> None:
    """`signed` are the columns of a signature: signed_off_by, note, acknowledged, report_sha256."""
    values = {"status": RunStatus.SIGNED_OFF, "signed_off_at": tx.now, **signed}
    tx.execute(update(reconciliation_runs).where(reconciliation_runs.c.id == run_id).values(**values))


def set_report_digest(tx: Transaction, run_id: UUID, sha256: bytes) -> None:
    digest = update(reconciliation_runs).where(reconciliation_runs.c.id == run_id).values(report_sha256=sha256)
    tx.execute(digest)


def hold_findings(tx: Transaction, run_id: UUID) -> None:
    """What the run found stays as it is until the end of the transaction: nobody decides about it meanwhile."""
    found = select(run_findings.c.discrepancy_id).where(run_findings.c.run_id == run_id)
    held = select(discrepancies.c.id).where(discrepancies.c.id.in_(found)).order_by(discrepancies.c.id)
    tx.execute(held.with_for_update(read=True))


def closed_alone(tx: Transaction, run_id: UUID, officer: str) -> bool:
    """Whether `officer` has resolved something that the run found, without anybody's approval."""
    query = (
        select(resolutions.c.id)
        .join(run_findings, run_findings.c.discrepancy_id == resolutions.c.discrepancy_id)
        .where(
            run_findings.c.run_id == run_id,
            resolutions.c.proposed_by == officer,
            resolutions.c.decided_by.is_(None),
            resolutions.c.status == ResolutionStatus.APPLIED,
        )
        .limit(1)
    )
    return tx.one_or_none(query) is not None


def open_findings(tx: Transaction, run_id: UUID, but: DiscrepancyKind) -> list[Row[Any]]:
    """Id and kind of what the run found and is still open, except the kind `but`."""
    query = (
        select(discrepancies.c.id, discrepancies.c.kind)
        .join(run_findings, run_findings.c.discrepancy_id == discrepancies.c.id)
        .where(run_findings.c.run_id == run_id, discrepancies.c.status == "open", discrepancies.c.kind != but)
    )
    return tx.all(query.order_by(discrepancies.c.id))


def keep_report(tx: Transaction, run_id: UUID, name: str, content: Iterable[bytes]) -> bytes:
    """Keep `content` as the run's report in the format `name`. Returns its SHA-256."""
    digest, size = hashlib.sha256(), 0
    for number, chunk in enumerate(_chunks(content)):
        digest.update(chunk)
        size += len(chunk)
        values = {"run_id": run_id, "format": name, "number": number, "compressed": zlib.compress(chunk)}
        tx.execute(insert(run_report_chunks).values(**values))
    kept = {"run_id": run_id, "format": name, "sha256": digest.digest(), "size_bytes": size}
    tx.execute(insert(run_reports).values(**kept))
    return digest.digest()


def kept_reports(tx: Transaction, run_id: UUID) -> list[Row[Any]]:
    """Format, sha256 and size_bytes of what is kept of the run; nothing unless it is signed."""
    query = select(run_reports.c.format, run_reports.c.sha256, run_reports.c.size_bytes)
    return tx.all(query.where(run_reports.c.run_id == run_id).order_by(run_reports.c.format))


def read_report(tx: Transaction, run_id: UUID, name: str) -> Iterator[bytes]:
    """What keep_report was given, a piece at a time."""
    query = select(run_report_chunks.c.compressed).where(
        run_report_chunks.c.run_id == run_id, run_report_chunks.c.format == name
    )
    number = 0
    while row := tx.one_or_none(query.where(run_report_chunks.c.number == number)):
        yield zlib.decompress(row.compressed)
        number += 1


def _chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    """`content` in pieces of CHUNK_BYTES; the last may be shorter."""
    held = bytearray()
    for piece in content:
        held += piece
        while len(held) >= CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    if held:
        yield bytes(held)
