"""Fetches what a provider settled on a day, and loads it: each batch whole, and once however often it is told.

A batch is read to its end into a file before anything is written, because a provider may break off or contradict
itself in its last line. The digest over what was read tells a repetition from a change. A batch that tells another
story than before becomes a new version: what it tells as before stays, the rest is gone or added, and matches of lines
that are gone have ended. A signed day is only loaded by its correction.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date
from pathlib import Path
from uuid import UUID

import structlog

from gateway.domain.circuit import Operation
from gateway.domain.errors import Conflict, Invalid, Unavailable
from gateway.ports.provider import (
    BatchRef,
    CreditObservation,
    NotSent,
    ProviderError,
    RateLimited,
    SettlementLine,
    SettlementSource,
    SettlementWindow,
)
from gateway.services.call_provider import Calls
from gateway.store import batch_versions, settlements
from gateway.store.copy_text import copy_row
from gateway.store.database import Database
from gateway.store.settlements import StagedBatch

log = structlog.get_logger()

SetAside = Callable[[CreditObservation], object]


class SettlementUnavailable(Unavailable):
    """The provider did not hand out its settlement, or not in a form that can be read."""

    code = "settlement_unavailable"


class SettlementChanged(Conflict):
    """The provider tells a batch in a way that cannot take the place of how it was told before."""

    code = "settlement_changed"


class NoSettlement(Invalid):
    """The provider has no settlement that could be fetched."""

    code = "no_settlement"


def load_settlements(
    db: Database, run_id: UUID, provider: str, source: object, day: date, folder: Path, set_aside: SetAside
) -> int:
    """Load all batches of `day` for a run, reading them over the network first. Returns how many lines they have.

    What a line tells of a credit to a bank account is not loaded, because it may hold personal data: it is `set_aside`.

    Raises NoSettlement, SettlementUnavailable or SettlementChanged. What was loaded before the fault stays.
    """
    if not isinstance(source, SettlementSource):
        raise NoSettlement(f"{provider} offers no settlement to reconcile with.")
    lines = 0
    calls = Calls(db, provider)
    try:
        for batch in _listed(provider, calls, source, day):
            staged = _staged(provider, calls, source, batch, folder / "batch", set_aside)
            _load(db, run_id, staged)
            staged.file.unlink()
            lines += staged.lines
    finally:
        calls.keep_now()
    return lines


def _listed(provider: str, calls: Calls, source: SettlementSource, day: date) -> Sequence[BatchRef]:
    try:
        return calls.make(Operation.SETTLEMENT, lambda: source.list_settlements(SettlementWindow(day, day)))
    except ProviderError as error:
        raise _unavailable(provider, error) from error


def _staged(
    provider: str, calls: Calls, source: SettlementSource, batch: BatchRef, file: Path, set_aside: SetAside
) -> StagedBatch:
    try:
        return calls.make(Operation.SETTLEMENT, lambda: _stage(provider, source, batch, file, set_aside))
    except ProviderError as error:
        raise _unavailable(provider, error) from error


def _stage(provider: str, source: SettlementSource, batch: BatchRef, file: Path, set_aside: SetAside) -> StagedBatch:
    """Read the batch into `file`, a row a line in COPY's text format, without the batch."""
    total = (batch.total.amount_minor, batch.total.currency) if batch.total else (None, None)
    stated = (provider, batch.id, batch.business_date.isoformat(), batch.payout_id, *total)
    digest = hashlib.sha256(copy_row(stated))
    lines = 0
    with file.open("wb") as rows:
        for lines, line in enumerate(source.read_settlement(batch), start=1):
            row = copy_row(_values(lines, line))
            digest.update(row)
            rows.write(row)
            if line.credit is not None:
                set_aside(line.credit)
    return StagedBatch(
        provider=provider,
        batch_id=batch.id,
        business_date=batch.business_date,
        payout_id=batch.payout_id,
        total_minor=total[0],
        total_currency=total[1],
        lines=lines,
        sha256=digest.digest(),
        file=file,
    )


def _load(db: Database, run_id: UUID, staged: StagedBatch) -> None:
    about = {"provider": staged.provider, "batch": staged.batch_id, "lines": staged.lines}
    with db.transaction() as tx:
        known = settlements.find_batch(tx, staged.provider, staged.batch_id)
        if known is None:
            batch = settlements.load_batch(tx, staged)
            batch_versions.keep_version(tx, batch, 1, staged.lines, staged)
            log.info("settlement loaded", **about)
        elif known.sha256 != staged.sha256:
            if known.business_date != staged.business_date:
                raise _refused(staged, f"it was of {known.business_date}, and is of {staged.business_date} now")
            if not batch_versions.replace_lines(tx, known, staged, run_id):
                raise _refused(staged, "it has a line no more that people have accepted as the same as a ledger entry")
            log.warning("settlement told anew", version=known.version + 1, **about)


def _refused(staged: StagedBatch, why: str) -> SettlementChanged:
    return SettlementChanged(
        f"{staged.provider} tells batch {staged.batch_id} in another way than before: {why}. Ask the provider for a"
        " correction in a batch of its own."
    )


def _values(number: int, line: SettlementLine) -> Iterator[object]:
    """The columns of settlements.load_batch, in their order."""
    yield from (number, line.line_id, line.kind.value)
    yield from (line.provider_transaction_id, line.provider_refund_id, line.merchant_reference)
    yield from (line.gross.currency, line.gross.amount_minor, line.fee.amount_minor)
    yield from (line.occurred_at.astimezone(UTC).isoformat(), line.status, line.settled)


def _unavailable(provider: str, error: ProviderError) -> SettlementUnavailable:
    """Where and why is in the log: it is for who keeps the connection, not for who asked for the run."""
    log.warning(
        "settlement not read", provider=provider, error=type(error).__name__, code=error.code, reason=str(error)
    )
    when = "It was not reached" if isinstance(error, NotSent | RateLimited) else "What it sent cannot be used"
    return SettlementUnavailable(f"{provider} did not hand out its settlement. {when} ({error.code or 'no code'}).")
