"""What the assistant reads around what a run of a bank account found."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction, first_id

CAME_WITHIN = timedelta(days=60)
"""What came longer ago is not sent again, nor taken back."""

PAID_WITHIN = timedelta(days=120)
"""Payers' banks charge back within this time."""

# What is in no settlement yet; and, of the days of payouts that came short, what was in none then.
_MONEY_BACK = text(
    """
    WITH short AS (
        SELECT known.evidence ->> 'paid_by' AS provider, min(known.business_date) AS since
          FROM run_findings AS finding JOIN discrepancies AS known ON known.id = finding.discrepancy_id
         WHERE finding.run_id = :run_id AND known.kind = 'payout_short'
         GROUP BY 1
    )
    SELECT provider, currency, -amount_minor AS amount_minor, business_date AS first, CAST(NULL AS date) AS last
      FROM discrepancies
     WHERE provider = ANY(:providers) AND status = 'open' AND amount_minor < 0
       AND kind IN ('timing', 'missing_at_provider')
     UNION
    SELECT back.provider, back.currency, -back.amount_minor, back.business_date, explained.business_date - 1
      FROM short
      JOIN reconciliation_runs AS run ON run.provider = short.provider AND run.business_date >= short.since - 7
      JOIN discrepancies AS back ON back.run_id = run.id AND back.status = 'cleared' AND back.amount_minor < 0
       AND back.kind IN ('timing', 'missing_at_provider')
      JOIN reconciliation_runs AS explained ON explained.id = back.cleared_by
     ORDER BY 1, 2, 3, 4, 5
    """
)

_BALANCES = text(
    """
    SELECT currency, business_date, opening_minor, closing_minor
      FROM bank_statements WHERE account = ANY(:accounts) AND business_date >= :since
     ORDER BY currency, business_date, statement_id
    """
)

_CAME = text(
    """
    SELECT batch.provider, match.currency, sum(match.amount_minor) AS amount_minor,
           array_agg(DISTINCT coalesce(batch.payout_id, batch.batch_id)) || array_agg(DISTINCT batch.batch_id) AS names
      FROM reconciliation_runs AS run
      JOIN bank_matches AS match ON match.run_id = run.id AND match.ended_by IS NULL
      JOIN settlement_batches AS batch ON batch.id = match.batch
     WHERE run.provider = :source AND run.business_date BETWEEN :since AND :day
     GROUP BY batch.provider, coalesce(batch.payout_id, batch.batch_id), match.currency
     ORDER BY batch.provider, coalesce(batch.payout_id, batch.batch_id), match.currency
    """
)

# Ids of payments are in the order of time.
_PAID = text(
    """
    SELECT DISTINCT payment.provider, payment.currency, payment.amount_minor
      FROM run_findings AS finding
      JOIN discrepancies AS known ON known.id = finding.discrepancy_id AND known.kind = 'payout_short'
      JOIN payments AS payment ON payment.provider = known.evidence ->> 'paid_by'
       AND payment.currency = known.currency AND payment.amount_minor = -known.amount_minor
       AND payment.status = 'succeeded'
     WHERE finding.run_id = :run_id AND payment.id >= :first_id
     ORDER BY payment.provider, payment.currency, payment.amount_minor
    """
)


def money_back(tx: Transaction, run_id: UUID, providers: Sequence[str]) -> list[Row[Any]]:
    """What went back to payers and is in no settlement of these providers, or was in none when a payout came that the
    run finds short: provider, currency, amount_minor, and the `first` and the `last` day on which none had it (None:
    none has it yet)."""
    return tx.all(_MONEY_BACK, {"run_id": run_id, "providers": list(providers)})


def balances(tx: Transaction, accounts: Sequence[str], day: date) -> list[Row[Any]]:
    """Of the statements of these accounts around `day`: currency, business_date, opening_minor, closing_minor."""
    return tx.all(_BALANCES, {"accounts": list(accounts), "since": day - CAME_WITHIN})


def payouts_that_came(tx: Transaction, source: str, day: date) -> list[Row[Any]]:
    """What runs of `source` have matched by `day`: provider, currency, amount_minor, and the names of the payout and
    its batches."""
    return tx.all(_CAME, {"source": source, "since": day - CAME_WITHIN, "day": day})


def paid_amounts(tx: Transaction, run_id: UUID) -> list[Row[Any]]:
    """Of what the payouts lack that the run finds short, the amounts that somebody paid through their provider:
    provider, currency, amount_minor."""
    return tx.all(_PAID, {"run_id": run_id, "first_id": first_id(tx.now - PAID_WITHIN)})
