"""Runs, matches and discrepancies in the database."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import cast, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.reconciliation import RunStatus
from gateway.store.database import Database, Transaction, new_id
from gateway.store.tables.reconciliation import discrepancies, reconciliation_runs, run_findings

RUNNING, FAILED, SIGNED_OFF = RunStatus.RUNNING, RunStatus.FAILED, RunStatus.SIGNED_OFF

_TRY_HOLD = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")

# A finding that is known keeps its row, its age and its opener, and takes the amount that it has now, unless it was
# decided about or opened as it happened. One that a run of this day or an earlier one had taken
# for explained, and that is here again, is open again; one that a later day has explained stays so.
_RECORD_FINDINGS = text(
    """
    WITH found AS (
        SELECT * FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS finding (
            id uuid, key text, kind text, provider text, agency_id uuid, business_date date, run_id uuid,
            payment_id uuid, refund_id uuid, amount_minor bigint, currency text, evidence jsonb, batch uuid, line int,
            entry_id bigint)
    ), recorded AS (
        INSERT INTO discrepancies (id, key, kind, status, provider, agency_id, business_date, run_id, payment_id,
                                   refund_id, amount_minor, currency, evidence, batch, line, entry_id, opened_at)
        SELECT id, key, kind, 'open', provider, agency_id, business_date, run_id, payment_id, refund_id, amount_minor,
               currency, evidence, batch, line, entry_id, :now
          FROM found
        ON CONFLICT (key) DO UPDATE
           SET batch = excluded.batch, line = excluded.line, entry_id = excluded.entry_id,
               evidence = discrepancies.evidence || excluded.evidence,
               amount_minor = CASE WHEN discrepancies.status = 'resolved' OR discrepancies.run_id IS NULL
                                   THEN discrepancies.amount_minor ELSE excluded.amount_minor END,
               status = CASE WHEN is_explained_until(discrepancies.cleared_by, :day) THEN 'open'
                             ELSE discrepancies.status END,
               closed_at = CASE WHEN is_explained_until(discrepancies.cleared_by, :day) THEN NULL
                                ELSE discrepancies.closed_at END,
               cleared_by = CASE WHEN is_explained_until(discrepancies.cleared_by, :day) THEN NULL
                                 ELSE discrepancies.cleared_by END
        RETURNING id, key
    ), linked AS (
        INSERT INTO run_findings (run_id, discrepancy_id, origin) SELECT :run_id, id, 'matching' FROM recorded
        ON CONFLICT DO NOTHING
    )
    SELECT recorded.id, recorded.key FROM recorded JOIN found USING (id)
    """
)

# What the gateway itself opened as it happened, such as a second payment of one invoice.
_LINK_OPENED = text(
    """
    INSERT INTO run_findings (run_id, discrepancy_id, origin)
    SELECT :run_id, id, 'matching' FROM discrepancies
     WHERE provider = :provider AND business_date = :day AND run_id IS NULL
    ON CONFLICT DO NOTHING
    """
)

_LINK_REPAIRED = text(
    """
    INSERT INTO run_findings (run_id, discrepancy_id, origin)
    SELECT :run_id, id, 'repair' FROM discrepancies
     WHERE provider = :provider AND status = 'open' AND opened_at = :now
    ON CONFLICT DO NOTHING
    RETURNING discrepancy_id
    """
)

_CLEAR = text(
    """
    UPDATE discrepancies AS known SET status = 'cleared', closed_at = :now, cleared_by = :run_id
      FROM reconciliation_runs AS opener
     WHERE opener.id = known.run_id AND known.provider = :provider AND known.status = 'open'
       AND NOT EXISTS (SELECT FROM run_findings AS found
                        WHERE found.run_id = :run_id AND found.discrepancy_id = known.id)
       AND (opener.id = :run_id
            OR EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = known.batch AND gone.line = known.line)
            OR (known.kind = ANY(:carried) AND opener.business_date <= :day)
            OR (known.kind = ANY(:carried)
                AND (EXISTS (SELECT FROM matched_entries AS matched
                              WHERE matched.run_id = :run_id AND matched.block = known.entry_id >> 10
                                AND get_bit(matched.bits, CAST(known.entry_id & 1023 AS int)) = 1)
                     OR EXISTS (SELECT FROM matched_lines AS matched
                                 WHERE matched.run_id = :run_id AND matched.batch = known.batch
                                   AND matched.block = known.line >> 10
                                   AND get_bit(matched.bits, known.line & 1023) = 1))))
    """
)

# The key of such an entry ends with its number: those before the colon that ends the rest belong together.
_POSTED_FEES = text(
    """
    SELECT regexp_replace(entry.key, ':[0-9]+$', '') AS name, entry.agency_id, transfer.currency,
           count(*) AS entries,
           sum(CASE WHEN debit.kind = 'expense' THEN amount_minor ELSE -amount_minor END) AS fee_minor
      FROM ledger_entries AS entry
      JOIN ledger_transfers AS transfer ON transfer.entry_id = entry.id AND transfer.posted_at = entry.posted_at
      JOIN ledger_accounts AS debit ON debit.id = transfer.debit_account_id
     WHERE entry.subject_id = :run_id AND entry.cause = 'provider_fees'
     GROUP BY name, entry.agency_id, transfer.currency
    """
)


@dataclass(frozen=True, slots=True)
class NewDiscrepancy:
    """A finding to be written; the columns of `discrepancies` that the finder knows."""

    key: str
    kind: DiscrepancyKind
    provider: str
    agency_id: UUID | None
    business_date: date
    run_id: UUID | None
    payment_id: UUID | None
    refund_id: UUID | None
    amount_minor: int
    currency: str
    evidence: dict[str, Any]
    batch: UUID | None = None
    line: int | None = None
    entry_id: int | None = None


def insert_discrepancy(
    tx: Transaction, found: NewDiscrepancy, status: DiscrepancyStatus = DiscrepancyStatus.OPEN
) -> UUID | None:
    """The id of the new row; None if its key is already there. One that is not open was cleared by its own run."""
    closed = {} if status is DiscrepancyStatus.OPEN else {"closed_at": tx.now, "cleared_by": found.run_id}
    statement = (
        insert(discrepancies)
        .values(id=new_id(), status=status, opened_at=tx.now, **asdict(found), **closed)
        .on_conflict_do_nothing(index_elements=[discrepancies.c.key])
        .returning(discrepancies.c.id)
    )
    row = tx.one_or_none(statement)
    return None if row is None else row.id


def clear_discrepancy(tx: Transaction, key: str, evidence: dict[str, Any] | None = None) -> None:
    """What `key` is about has explained itself without a run; `evidence` says how."""
    statement = update(discrepancies).where(
        discrepancies.c.key == key, discrepancies.c.status == DiscrepancyStatus.OPEN
    )
    explained = discrepancies.c.evidence.concat(cast(evidence or {}, JSONB))
    tx.execute(statement.values(status=DiscrepancyStatus.CLEARED, closed_at=tx.now, evidence=explained))


def begin_run(
    tx: Transaction,
    provider: str,
    day: date,
    requested_by: str,
    rules_version: str,
    *,
    dated: date,
    corrects: Row[Any] | None = None,
) -> Row[Any] | None:
    """The run of that day, or the correction of the signed run `corrects`: new or begun again; None if it is signed."""
    number = 0 if corrects is None else corrects.correction + 1
    which = {"provider": provider, "business_date": day, "correction": number}
    begun = {"status": RUNNING, "requested_by": requested_by, "rules_version": rules_version, "started_at": tx.now}
    statement = (
        insert(reconciliation_runs)
        .values(id=new_id(), corrects=corrects and corrects.id, dated=dated, totals={}, **which, **begun)
        .on_conflict_do_update(
            index_elements=list(which),
            set_=begun | {"error": "", "finished_at": None},
            where=reconciliation_runs.c.status != SIGNED_OFF,
        )
        .returning(reconciliation_runs)
    )
    return tx.one_or_none(statement)


def end_run(
    tx: Transaction, run_id: UUID, status: str, *, totals: dict[str, Any] | None = None, error: str = ""
) -> None:
    """`totals` None leaves those of the last time."""
    values: dict[str, Any] = {"status": status, "error": error, "finished_at": tx.now}
    if totals is not None:
        values["totals"] = totals
    at_work = reconciliation_runs.c.id == run_id, reconciliation_runs.c.status == RUNNING
    tx.execute(update(reconciliation_runs).where(*at_work).values(**values))


def find_run(tx: Transaction, run_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(reconciliation_runs).where(reconciliation_runs.c.id == run_id))


def runs_of_days(tx: Transaction, provider: str, first: date, last: date) -> list[Row[Any]]:
    query = select(reconciliation_runs).where(
        reconciliation_runs.c.provider == provider, reconciliation_runs.c.business_date.between(first, last)
    )
    return tx.all(query.order_by(reconciliation_runs.c.business_date, reconciliation_runs.c.correction))


def page_of_runs(
    tx: Transaction,
    *,
    provider: str | None,
    first: date | None,
    last: date | None,
    status: str | None,
    after: tuple[date, str, int] | None,
    limit: int,
) -> list[Row[Any]]:
    """The newest day first, from the one after `after` (day, provider, correction) on; each filter may be left out."""
    runs = reconciliation_runs.c
    order = (runs.business_date, runs.provider, runs.correction)
    query = select(reconciliation_runs).order_by(*(column.desc() for column in order)).limit(limit)
    query = query if provider is None else query.where(runs.provider == provider)
    query = query if first is None else query.where(runs.business_date >= first)
    query = query if last is None else query.where(runs.business_date <= last)
    query = query if status is None else query.where(runs.status == status)
    if after is not None:
        query = query.where(tuple_(*order) < after)
    return tx.all(query)


def forget_findings(tx: Transaction, run_id: UUID) -> None:
    """What a repair found stays: it cannot be found twice."""
    tx.execute(delete(run_findings).where(run_findings.c.run_id == run_id, run_findings.c.origin == "matching"))


def record_findings(tx: Transaction, run_id: UUID, day: date, found: Sequence[NewDiscrepancy]) -> dict[str, UUID]:
    """Write what the run of `day` found. Returns the ids, by key, of what was not known before."""
    rows = [{name: getattr(each, name) for name in NewDiscrepancy.__slots__} | {"id": new_id()} for each in found]
    parameters = {"found": json.dumps(rows, default=str), "run_id": run_id, "day": day, "now": tx.now}
    return {row.key: row.id for row in tx.execute(_RECORD_FINDINGS, parameters)}


def link_opened(tx: Transaction, run_id: UUID, provider: str, day: date) -> None:
    """Count to the run what the gateway itself opened on that day."""
    tx.execute(_LINK_OPENED, {"run_id": run_id, "provider": provider, "day": day})


def link_repaired(tx: Transaction, run_id: UUID, provider: str) -> int:
    """Count to the run what the gateway opened about `provider` at this transaction's instant. Returns how many."""
    return len(tx.all(_LINK_REPAIRED, {"run_id": run_id, "provider": provider, "now": tx.now}))


def link(tx: Transaction, run_id: UUID, discrepancy_id: UUID) -> None:
    """Count to the run what a repair of it has written."""
    tx.execute(insert(run_findings).values(run_id=run_id, discrepancy_id=discrepancy_id, origin="repair"))


def clear_explained(
    tx: Transaction, run_id: UUID, provider: str, day: date, carried: Iterable[DiscrepancyKind]
) -> None:
    """Close what runs had found and this one finds explained. `carried` are the kinds that are found again every day
    for as long as they are not."""
    parameters = {"run_id": run_id, "provider": provider, "day": day, "carried": list(carried), "now": tx.now}
    tx.execute(_CLEAR, parameters)


def counts_of_run(tx: Transaction, run_id: UUID) -> list[Row[Any]]:
    """How many discrepancies of each kind and status the run found."""
    query = (
        select(discrepancies.c.kind, discrepancies.c.status, func.count().label("number"))
        .join(run_findings, run_findings.c.discrepancy_id == discrepancies.c.id)
        .where(run_findings.c.run_id == run_id)
        .group_by(discrepancies.c.kind, discrepancies.c.status)
        .order_by(discrepancies.c.kind, discrepancies.c.status)
    )
    return tx.all(query)


def page_of_findings(
    tx: Transaction, run_id: UUID, *, agency_id: UUID | None, after: tuple[str, str] | None, limit: int
) -> list[Row[Any]]:
    """The discrepancies that the run found, by kind and key, from the one after `after` on."""
    order = (discrepancies.c.kind, discrepancies.c.key)
    query = (
        select(discrepancies)
        .join(run_findings, run_findings.c.discrepancy_id == discrepancies.c.id)
        .where(run_findings.c.run_id == run_id)
        .order_by(*order)
        .limit(limit)
    )
    if agency_id is not None:
        query = query.where(discrepancies.c.agency_id == agency_id)
    if after is not None:
        query = query.where(tuple_(*order) > after)
    return tx.all(query)


def posted_fees(tx: Transaction, run_id: UUID) -> list[Row[Any]]:
    """What the run has charged so far: name (the key of its entries without their number), agency_id, currency, how
    many entries, and fee_minor."""
    return tx.all(_POSTED_FEES, {"run_id": run_id})


@contextmanager
def only_one(db: Database, provider: str) -> Iterator[bool]:
    """Whether this is the only run of `provider` now. It stays so until the end of the block, or of the process.

    The lock belongs to the session, since a run has many transactions; a process that is killed loses it with its
    connection.
    """
    name = {"name": f"reconcile {provider}"}
    with db.read() as tx:
        taken: bool = tx.execute(_TRY_HOLD, name).scalar_one()
        try:
            yield taken
        finally:
            if taken:
                _release(tx, name)


def _release(tx: Transaction, name: dict[str, str]) -> None:
    try:
        tx.execute(_RELEASE, name)
    except DBAPIError:
        tx.connection.invalidate()  # the lock went with the connection, which must not go back to the pool
