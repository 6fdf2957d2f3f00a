"""How providers did lately, read from the records of their calls and from what waits for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# Of the latencies, those of calls that reached the provider: also of the ones that were given up, for payers waited.
_CALLS = text(
    """
    SELECT provider, operation, count(*) AS calls,
           count(*) FILTER (WHERE outcome = 'ok') AS ok,
           count(*) FILTER (WHERE outcome = 'declined') AS declined,
           count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
           count(*) FILTER (WHERE outcome = 'not_sent') AS not_sent,
           count(*) FILTER (WHERE outcome = 'rate_limited') AS rate_limited,
           count(*) FILTER (WHERE outcome = 'unsupported') AS unsupported,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ms)
               FILTER (WHERE outcome IN ('ok', 'declined', 'unknown')) AS latency_p50_ms,
           percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms)
               FILTER (WHERE outcome IN ('ok', 'declined', 'unknown')) AS latency_p95_ms
      FROM provider_calls
     WHERE provider = ANY(:providers) AND at > :since
     GROUP BY GROUPING SETS ((provider), (provider, operation))
     ORDER BY provider, operation
    """
)
_LAST = text(
    """
    SELECT name AS provider, answered.at AS answered_at,
           failed.at AS failed_at, failed.outcome, failed.operation, failed.code
      FROM unnest(CAST(:providers AS text[])) AS name
      LEFT JOIN LATERAL (SELECT at FROM provider_calls
                          WHERE provider = name AND outcome IN ('ok', 'declined')
                          ORDER BY at DESC LIMIT 1) AS answered ON true
      LEFT JOIN LATERAL (SELECT at, outcome, operation, code FROM provider_calls
                          WHERE provider = name AND outcome IN ('unknown', 'not_sent')
                          ORDER BY at DESC LIMIT 1) AS failed ON true
    """
)
_BACKLOG = text(
    """
    SELECT provider, 'payment' AS kind, count(*) AS waiting, min(next_check_at) AS oldest
      FROM payments WHERE next_check_at <= :now GROUP BY provider
     UNION ALL
    SELECT payments.provider, 'refund', count(*), min(refunds.next_check_at)
      FROM refunds JOIN payments ON payments.id = refunds.payment_id
     WHERE refunds.next_check_at <= :now GROUP BY payments.provider
    """
)


def calls_since(tx: Transaction, providers: Sequence[str], since: datetime) -> list[Row[Any]]:
    """How many calls came to what: by provider and operation, and by provider alone (`operation` is None)."""
    return tx.all(_CALLS, {"providers": list(providers), "since": since})


def last_calls(tx: Transaction, providers: Sequence[str]) -> list[Row[Any]]:
    """For each provider when it last answered, and the last call that it did not answer."""
    return tx.all(_LAST, {"providers": list(providers)})


def backlog(tx: Transaction) -> list[Row[Any]]:
    """By provider and kind (payment, refund) how many are due to be taken up by a sweep, and since when the oldest."""
    return tx.all(_BACKLOG, {"now": tx.now})
