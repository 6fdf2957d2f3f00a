"""What the assistant reads around a run's discrepancies, in bulk, and what it writes down about them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.domain.ledger import PAYER_CREDIT
from gateway.domain.refund import HOLDS_MONEY
from gateway.store.database import Transaction

PAGE = 5_000

# `told`: whether a notification ever spoke of the payment. The zone is the agency's, where it is known. `kept_minor` is
# what no invoice and no refund has taken of money that was kept for its payer; null where none was.
_CASES = """
    SELECT known.id, known.key, known.kind, known.business_date, known.payment_id, known.refund_id,
           known.amount_minor, known.currency, known.evidence, agency.time_zone AS zone,
           entry.occurred_at AS booked_at,
           coalesce(payment.succeeded_at, payment.created_at) AS paid_at, payment.status AS payment_status,
           payment.reference AS shown, refund.requested_by NOT LIKE 'provider:%' AS refund_ours, told.told,
           kept.kept_minor
      FROM {source}
      LEFT JOIN agencies AS agency ON agency.id = known.agency_id
      LEFT JOIN ledger_entries AS entry ON entry.id = known.entry_id
      LEFT JOIN payments AS payment ON payment.id = known.payment_id
      LEFT JOIN refunds AS refund ON refund.id = known.refund_id
      LEFT JOIN LATERAL (
        SELECT bool_or(source = 'webhook') AS told FROM payment_events WHERE payment_id = payment.id) AS told ON true
      LEFT JOIN LATERAL (
        SELECT payment.credited_minor - coalesce(sum(part.amount_minor), 0) AS kept_minor
          FROM refund_parts AS part JOIN refunds AS taken ON taken.id = part.refund_id
         WHERE taken.payment_id = payment.id AND taken.status = ANY(:holds_money)
           AND part.invoice_id IS NULL AND part.account = :payer_credit) AS kept ON known.evidence ? 'credited_minor'
     WHERE {where} AND {id} > :after
     ORDER BY {id}
     LIMIT :limit
"""
_CASES_OF_RUN = text(
    _CASES.format(
        source="run_findings AS finding JOIN discrepancies AS known ON known.id = finding.discrepancy_id",
        where="finding.run_id = :run_id",
        id="finding.discrepancy_id",
    )
)
_CASES_OF_DAY = text(
    _CASES.format(
        source="discrepancies AS known",
        where="known.provider = :provider AND known.business_date = :day AND known.status = 'open'",
        id="known.id",
    )
)
_CASE = text(_CASES.format(source="discrepancies AS known", where="known.id = :discrepancy_id", id="known.id"))

_LOADED = text(
    """
    SELECT business_date, currency, count(*) AS batches
      FROM (SELECT business_date,
                   coalesce(total_currency, (SELECT currency FROM settlement_lines
                                              WHERE batch = settlement_batches.id ORDER BY line LIMIT 1)) AS currency
              FROM settlement_batches
             WHERE provider = :provider AND business_date BETWEEN :first AND :last) AS batch
     WHERE currency IS NOT NULL
     GROUP BY business_date, currency ORDER BY business_date, currency
    """
)
_BATCH_LINES = text(
    """
    SELECT batch_id, lines FROM settlement_batches
     WHERE provider = :provider AND business_date BETWEEN :first AND :last
    """
)

# A stretch of calls that were not answered ends with the next that was; one of fewer than :at_least calls is no outage.
_OUTAGES = text(
    """
    WITH call AS (
        SELECT at, answered, count(*) FILTER (WHERE answered) OVER (ORDER BY at, id) AS answers_before
          FROM provider_calls
         WHERE provider = :provider AND at BETWEEN :begun_at AND :ended_at AND answered IS NOT NULL
    )
    SELECT min(at) FILTER (WHERE NOT answered) AS begun_at, max(at) FILTER (WHERE NOT answered) AS last_at,
           lead(min(at)) OVER (ORDER BY answers_before) AS answered_at,
           count(*) FILTER (WHERE NOT answered) AS calls
      FROM call GROUP BY answers_before
     ORDER BY answers_before
    """
)

_FORGET = text("DELETE FROM finding_causes WHERE run_id = :run_id")
_COPY = """
COPY finding_causes (run_id, discrepancy_id, cause, group_key, action, asks_first, moved_at, ranking, figures)
FROM STDIN
"""

_OF_FINDINGS = text(
    """
    SELECT discrepancy_id, cause, group_key, action, asks_first, ranking, figures FROM finding_causes
     WHERE run_id = :run_id AND discrepancy_id = ANY(:ids)
    """
)
_LATEST = text(
    """
    SELECT opinion.* FROM finding_causes AS opinion JOIN reconciliation_runs AS run ON run.id = opinion.run_id
     WHERE opinion.discrepancy_id = :id ORDER BY run.business_date DESC LIMIT 1
    """
)
_DISCREPANCY = text(
    """
    SELECT * FROM discrepancies
     WHERE id = :id AND (CAST(:agency_id AS uuid) IS NULL OR agency_id = :agency_id)
    """
)

_GROUPS = text(
    """
    SELECT opinion.group_key, opinion.cause, run.provider, known.currency,
           min(opinion.action) AS action, bool_or(opinion.asks_first) AS asks_first,
           array_agg(DISTINCT known.kind) AS kinds,
           count(*) AS number, sum(known.amount_minor) AS amount_minor,
           min(known.business_date) AS first_day, max(known.business_date) AS last_day,
           min(opinion.moved_at) AS first_at, max(opinion.moved_at) AS last_at
      FROM reconciliation_runs AS run
      JOIN finding_causes AS opinion ON opinion.run_id = run.id
      JOIN discrepancies AS known ON known.id = opinion.discrepancy_id
     WHERE run.business_date = :day AND (CAST(:provider AS text) IS NULL OR run.provider = :provider)
       AND known.status = 'open' AND (CAST(:agency_id AS uuid) IS NULL OR known.agency_id = :agency_id)
     GROUP BY opinion.group_key, opinion.cause, run.provider, known.currency
     ORDER BY opinion.group_key, known.currency
    """
)
_MEMBERS = text(
    """
    SELECT known.id FROM finding_causes AS opinion JOIN discrepancies AS known ON known.id = opinion.discrepancy_id
     WHERE opinion.group_key = :key AND opinion.run_id = :run_id AND known.status = 'open' AND known.id > :after
       AND (CAST(:agency_id AS uuid) IS NULL OR known.agency_id = :agency_id)
     ORDER BY known.id LIMIT :limit
    """
)
_LATEST_RUN = text(
    """
    SELECT run.id FROM finding_causes AS opinion JOIN reconciliation_runs AS run ON run.id = opinion.run_id
     WHERE opinion.group_key = :key ORDER BY run.business_date DESC LIMIT 1
    """
)

_FIRST_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class NewOpinion:
    """A row of `finding_causes`, but for its run."""

    discrepancy_id: UUID
    cause: str
    group_key: str
    action: str
    asks_first: bool
    moved_at: datetime | None
    ranking: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any]


def cases_of_run(tx: Transaction, run_id: UUID) -> Iterator[Row[Any]]:
    """What the run found, with what is known of each: page by page, by id."""
    return _paged(tx, _CASES_OF_RUN, {"run_id": run_id})


def cases_of_day(tx: Transaction, provider: str, day: date) -> Iterator[Row[Any]]:
    """What stands open of that business date, found by a run or not: as cases_of_run."""
    return _paged(tx, _CASES_OF_DAY, {"provider": provider, "day": day})


def case_of(tx: Transaction, discrepancy_id: UUID) -> list[Row[Any]]:
    """The one discrepancy, as cases_of_run has it."""
    return list(_paged(tx, _CASE, {"discrepancy_id": discrepancy_id}))


def loaded_batches(tx: Transaction, provider: str, first: date, last: date) -> dict[tuple[date, str], int]:
    """How many batches are loaded for each day and currency that has any. A batch is of the currency of its total, or
    of its first line if it states none."""
    rows = tx.all(_LOADED, {"provider": provider, "first": first, "last": last})
    return {(row.business_date, row.currency): row.batches for row in rows}


def batch_lines(tx: Transaction, provider: str, first: date, last: date) -> dict[str, int]:
    """How many lines each batch of those days has, by its name."""
    rows = tx.all(_BATCH_LINES, {"provider": provider, "first": first, "last": last})
    return {row.batch_id: row.lines for row in rows}


def unanswered(tx: Transaction, provider: str, begun_at: datetime, ended_at: datetime, at_least: int) -> list[Row[Any]]:
    """Stretches of calls in a row without an answer: begun_at, last_at, answered_at (None if none was since), calls.
    What the records of calls still hold."""
    rows = tx.all(_OUTAGES, {"provider": provider, "begun_at": begun_at, "ended_at": ended_at})
    return [row for row in rows if row.calls >= at_least]


def replace_opinions(tx: Transaction, run_id: UUID, opinions: Iterable[NewOpinion]) -> None:
    """Put these in the place of all that were written down for the run."""
    tx.execute(_FORGET, {"run_id": run_id})
    driver: Any = tx.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for each in opinions:
            judged = (each.cause, each.group_key, each.action, each.asks_first, each.moved_at)
            reasons = (json.dumps(part, ensure_ascii=False) for part in (each.ranking, each.figures))
            copy.write_row((run_id, each.discrepancy_id, *judged, *reasons))


def opinions_of(tx: Transaction, run_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """What was written down for the run about these, by discrepancy."""
    return {row.discrepancy_id: row for row in tx.all(_OF_FINDINGS, {"run_id": run_id, "ids": list(ids)})}


def latest_opinion(tx: Transaction, discrepancy_id: UUID) -> Row[Any] | None:
    """As the run of the latest day saw it."""
    return tx.one_or_none(_LATEST, {"id": discrepancy_id})


def find_discrepancy(tx: Transaction, discrepancy_id: UUID, agency_id: UUID | None) -> Row[Any] | None:
    """None also if it is another agency's than `agency_id`."""
    return tx.one_or_none(_DISCREPANCY, {"id": discrepancy_id, "agency_id": agency_id})


def groups(tx: Transaction, day: date, provider: str | None, agency_id: UUID | None) -> list[Row[Any]]:
    """What stands open of what the runs of `day` found, by group and currency."""
    return tx.all(_GROUPS, {"day": day, "provider": provider, "agency_id": agency_id})


def members(tx: Transaction, key: str, *, agency_id: UUID | None, after: UUID | None, limit: int) -> list[UUID] | None:
    """The open discrepancies of a group by id, as the run of the latest day that has it saw it; None if none has."""
    run = tx.one_or_none(_LATEST_RUN, {"key": key})
    if run is None:
        return None
    which = {"key": key, "run_id": run.id, "after": after or _FIRST_ID, "agency_id": agency_id, "limit": limit}
    return list(tx.execute(_MEMBERS, which).scalars())


def _paged(tx: Transaction, query: Any, which: Mapping[str, Any]) -> Iterator[Row[Any]]:
    after = _FIRST_ID
    which = {"holds_money": sorted(HOLDS_MONEY), "payer_credit": PAYER_CREDIT, **which}
    while rows := tx.all(query, {**which, "after": after, "limit": PAGE}):
        yield from rows
        after = rows[-1].id
