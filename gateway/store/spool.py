"""Copies both sides of a reconciliation out of the database, into the files that the matching reads.

The columns and their order are those of reconciliation.matching.sides. The bulk of a side goes by in one COPY; the
details follow for the few rows that the matching asks for. Every statement sees only facts that never change once they
are written (lines, entries), so that the files fit together though they are copied in several transactions.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# What a night's copying may take, instead of what a request may.
STATEMENT_TIMEOUT = "1h"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run of `day` looks at.

    In bulk: the lines of `day_batches`, and the entries of `dates` (business dates) and of the provider's own `day`,
    where agencies west of it have the day before; less what other runs have matched.
    One by one: what earlier runs left unexplained. `batches` has all batches that any of those lines is in; it and
    `agencies` give each its place, counted from 0. `time_zone` is where the provider cuts its day, and `lag_days` what
    it may take to report. `corrects`: the day is closed, and what became known of it since is booked on later days.
    `lands_in_bank`: its money is not on an account of the provider's own but on the agencies'
    bank accounts, beside the money of others.
    """

    run_id: UUID
    provider: str
    day: date
    corrects: bool
    dates: Sequence[date]
    day_batches: Sequence[UUID]
    batches: Sequence[UUID]
    agencies: Sequence[UUID]
    time_zone: str
    lag_days: int
    lands_in_bank: bool


_LINES = """
COPY (
    SELECT ((batch.place - 1) << 32) | line.line,
           movement.name || ':' || reference_of_movement(movement.name, line.provider_transaction_id,
                                                         line.provider_refund_id),
           line.currency, line.gross_minor, line.fee_minor, line.settled
      FROM unnest(%(batches)s::uuid[]) WITH ORDINALITY AS batch (id, place)
      JOIN settlement_lines AS line ON line.batch = batch.id
     CROSS JOIN LATERAL (SELECT movement_of_line(line.kind, line.gross_minor)) AS movement (name)
     WHERE batch.id = ANY(%(day_batches)s::uuid[])
       AND NOT EXISTS (SELECT FROM matched_lines AS matched
                        WHERE matched.batch = line.batch AND matched.block = line.line >> 10
                          AND matched.run_id <> %(run_id)s AND get_bit(matched.bits, line.line & 1023) = 1)
       AND NOT EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = line.batch AND gone.line = line.line)
) TO STDOUT (FORMAT csv)
"""

# Money on a bank account is the provider's if its payment is, or if the bank told of it by this provider.
_ENTRIES = """
COPY (
    WITH moved AS (
        SELECT entry_id, posted_at, currency, sum(amount_minor) AS amount_minor
          FROM (SELECT transfer.entry_id, transfer.posted_at, transfer.currency, transfer.amount_minor
                  FROM ledger_accounts AS account
                  JOIN ledger_transfers AS transfer ON transfer.debit_account_id = account.id
                 WHERE is_landing(account.code, %(provider)s, %(lands_in_bank)s)
                   AND (transfer.business_date = ANY(%(dates)s::date[] || (%(day)s::date - 1))
                        OR %(corrects)s AND transfer.business_date > %(day)s)
                 UNION ALL
                SELECT transfer.entry_id, transfer.posted_at, transfer.currency, -transfer.amount_minor
                  FROM ledger_accounts AS account
                  JOIN ledger_transfers AS transfer ON transfer.credit_account_id = account.id
                 WHERE is_landing(account.code, %(provider)s, %(lands_in_bank)s)
                   AND (transfer.business_date = ANY(%(dates)s::date[] || (%(day)s::date - 1))
                        OR %(corrects)s AND transfer.business_date > %(day)s)) AS either
         GROUP BY entry_id, posted_at, currency
    )
    SELECT entry.id,
           movement.name || ':' || reference_of_movement(
               movement.name, coalesce(payment.provider_transaction_id, receipt.provider_transaction_id),
               refund.provider_refund_id),
           agency.place - 1, moved.currency, moved.amount_minor
      FROM moved
      JOIN ledger_entries AS entry ON entry.id = moved.entry_id AND entry.posted_at = moved.posted_at
     CROSS JOIN LATERAL (SELECT movement_of_entry(entry.cause)) AS movement (name)
      JOIN unnest(%(agencies)s::uuid[]) WITH ORDINALITY AS agency (id, place) ON agency.id = entry.agency_id
      LEFT JOIN refunds AS refund ON refund.id = entry.subject_id
      LEFT JOIN payments AS payment ON payment.id = coalesce(refund.payment_id, entry.subject_id)
      LEFT JOIN bank_credits AS receipt ON %(lands_in_bank)s AND receipt.id = entry.subject_id
     WHERE movement.name IS NOT NULL
       AND (NOT %(lands_in_bank)s OR coalesce(payment.provider, receipt.provider) = %(provider)s)
       AND NOT EXISTS (SELECT FROM matched_entries AS matched
                        WHERE matched.block = entry.id >> 10 AND matched.run_id <> %(run_id)s
                          AND get_bit(matched.bits, (entry.id & 1023)::int) = 1)
       AND (entry.business_date = ANY(%(dates)s::date[])
            OR (entry.occurred_at AT TIME ZONE %(time_zone)s)::date = %(day)s)
) TO STDOUT (FORMAT csv)
"""

# A line says which payment it is of by the provider's transaction or by our payment id; the first is the surer. So is a
# refund, which has no name of the provider's yet if its answer was lost.
_LINE_DETAILS = """
COPY (
    SELECT wanted.handle, movement.name,
           reference_of_movement(movement.name, line.provider_transaction_id, line.provider_refund_id),
           line.merchant_reference, line.currency, line.gross_minor, line.fee_minor, line.settled, %(later)s,
           line.line_id, line.kind, line.status, line.provider_transaction_id, line.provider_refund_id,
           line.occurred_at, payment.id, payment.status, payment.currency, payment.amount_minor, refund.id,
           EXISTS (SELECT FROM refunds AS sent
                    WHERE sent.payment_id = payment.id AND sent.provider_refund_id IS NULL
                      AND sent.status IN ('submitting', 'pending', 'unknown')),
           agency.place - 1, counterpart.id,
           EXISTS (SELECT FROM matched_entries AS matched
                    WHERE matched.block = counterpart.id >> 10 AND matched.run_id <> %(run_id)s
                      AND get_bit(matched.bits, (counterpart.id & 1023)::int) = 1),
           payment.session_id, payment.provider_transaction_id
      FROM unnest(%(wanted)s::bigint[]) AS wanted (handle)
      JOIN unnest(%(batches)s::uuid[]) WITH ORDINALITY AS batch (id, place) ON batch.place - 1 = wanted.handle >> 32
      JOIN settlement_lines AS line ON line.batch = batch.id AND line.line = (wanted.handle & 4294967295)::int
     CROSS JOIN LATERAL (SELECT movement_of_line(line.kind, line.gross_minor)) AS movement (name)
      LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT 1 AS preference, known.* FROM payments AS known
             WHERE known.provider = %(provider)s AND known.provider_transaction_id = line.provider_transaction_id
             UNION ALL
            SELECT 2, known.* FROM payments AS known
             WHERE known.provider = %(provider)s AND known.id = uuid_or_null(line.merchant_reference)) AS named
         ORDER BY preference LIMIT 1) AS payment ON true
      LEFT JOIN LATERAL (
        SELECT known.id FROM refunds AS known
         WHERE known.payment_id = payment.id
           AND (known.provider_refund_id = line.provider_refund_id
                OR known.provider_refund_id IS NULL AND known.id = uuid_or_null(line.merchant_reference))
         ORDER BY known.provider_refund_id LIMIT 1) AS refund ON movement.name IN ('refund', 'refund_return')
      LEFT JOIN bank_credits AS receipt ON %(lands_in_bank)s AND receipt.provider = %(provider)s
       AND receipt.provider_transaction_id = line.provider_transaction_id
      LEFT JOIN LATERAL (
        SELECT entry.id FROM ledger_entries AS entry
         WHERE entry.subject_id = CASE WHEN movement.name IN ('refund', 'refund_return') THEN refund.id
                                       WHEN line.provider_transaction_id IS NULL THEN payment.id
                                       WHEN line.provider_transaction_id = payment.provider_transaction_id
                                       THEN payment.id
                                       ELSE receipt.id END
           AND movement_of_entry(entry.cause) = movement.name
         LIMIT 1) AS counterpart ON movement.name IN ('payment', 'refund', 'refund_return')
      LEFT JOIN unnest(%(agencies)s::uuid[]) WITH ORDINALITY AS agency (id, place)
        ON agency.id = coalesce(payment.agency_id, receipt.agency_id)
     ORDER BY wanted.handle
) TO STDOUT (FORMAT csv)
"""

# An entry is looked for from the day on which it was made, where the agency is or where the provider is.
_ENTRY_DETAILS = """
COPY (
    SELECT entry.id, movement.name,
           reference_of_movement(
               movement.name, coalesce(payment.provider_transaction_id, receipt.provider_transaction_id),
               refund.provider_refund_id),
           payment.id, moved.currency, moved.amount_minor, %(later)s, entry.key, entry.business_date,
           least(entry.business_date, made.day), made.day + %(lag_days)s::int, payment.id, refund.id,
           agency.place - 1, payment.session_id
      FROM unnest(%(wanted)s::bigint[]) AS wanted (id)
      JOIN ledger_entries AS entry ON entry.id = wanted.id
     CROSS JOIN LATERAL (SELECT movement_of_entry(entry.cause)) AS movement (name)
     CROSS JOIN LATERAL (SELECT (entry.occurred_at AT TIME ZONE %(time_zone)s)::date) AS made (day)
     CROSS JOIN LATERAL (
        SELECT transfer.currency,
               sum(transfer.amount_minor * (is_landing(debit.code, %(provider)s, %(lands_in_bank)s)::int
                                            - is_landing(credit.code, %(provider)s, %(lands_in_bank)s)::int))
               AS amount_minor
          FROM ledger_transfers AS transfer
          JOIN ledger_accounts AS debit ON debit.id = transfer.debit_account_id
          JOIN ledger_accounts AS credit ON credit.id = transfer.credit_account_id
         WHERE transfer.entry_id = entry.id AND transfer.posted_at = entry.posted_at
           AND (is_landing(debit.code, %(provider)s, %(lands_in_bank)s)
                OR is_landing(credit.code, %(provider)s, %(lands_in_bank)s))
         GROUP BY transfer.currency) AS moved
      JOIN unnest(%(agencies)s::uuid[]) WITH ORDINALITY AS agency (id, place) ON agency.id = entry.agency_id
      LEFT JOIN refunds AS refund ON refund.id = entry.subject_id
      LEFT JOIN payments AS payment ON payment.id = coalesce(refund.payment_id, entry.subject_id)
      LEFT JOIN bank_credits AS receipt ON %(lands_in_bank)s AND receipt.id = entry.subject_id
     ORDER BY entry.id
) TO STDOUT (FORMAT csv)
"""

# What earlier runs left unexplained, and what they left that this run, or one of a later day, has explained since; and
# what people accepted as the same, which a run has still to match.
_CARRIED_LINES = text(
    """
    SELECT DISTINCT line.batch, line.line, batch.business_date, batch.batch_id
      FROM discrepancies AS known
      JOIN settlement_lines AS line ON line.batch = known.batch AND line.line = known.line
      JOIN settlement_batches AS batch ON batch.id = line.batch AND batch.business_date < :day
     WHERE known.provider = :provider
       AND NOT EXISTS (SELECT FROM matched_lines AS matched
                        WHERE matched.batch = line.batch AND matched.block = line.line >> 10
                          AND matched.run_id <> :run_id AND get_bit(matched.bits, line.line & 1023) = 1)
       AND NOT EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = line.batch AND gone.line = line.line)
       AND (known.status = 'open'
            OR known.cleared_by IN (
                SELECT id FROM reconciliation_runs WHERE provider = :provider AND business_date >= :day)
            OR EXISTS (SELECT FROM accepted_pairs AS pair WHERE pair.batch = line.batch AND pair.line = line.line))
     ORDER BY batch.business_date, batch.batch_id, line.line
    """
)

_CARRIED_ENTRIES = text(
    """
    SELECT DISTINCT entry.id
      FROM discrepancies AS known
      JOIN ledger_entries AS entry ON entry.id = known.entry_id
       AND entry.business_date < :day AND entry.business_date <> ALL(CAST(:dates AS date[]))
     WHERE known.provider = :provider
       AND NOT EXISTS (SELECT FROM matched_entries AS matched
                        WHERE matched.block = entry.id >> 10 AND matched.run_id <> :run_id
                          AND get_bit(matched.bits, CAST(entry.id & 1023 AS int)) = 1)
       AND (known.status = 'open'
            OR known.cleared_by IN (
                SELECT id FROM reconciliation_runs WHERE provider = :provider AND business_date >= :day)
            OR EXISTS (SELECT FROM accepted_pairs AS pair WHERE pair.entry_id = entry.id))
     ORDER BY entry.id
    """
)

_LATER_LINES = text(
    """
    SELECT matched.batch, (matched.block << 10) | bit AS line, batch.business_date, batch.batch_id
      FROM reconciliation_runs AS run
      JOIN matched_lines AS matched ON matched.run_id = run.id
      JOIN settlement_batches AS batch ON batch.id = matched.batch AND batch.business_date <= :day
     CROSS JOIN generate_series(0, 1023) AS bit
     WHERE run.provider = :provider AND run.business_date > :day AND get_bit(matched.bits, bit) = 1
     ORDER BY batch.business_date, batch.batch_id, line
    """
)

_LATER_ENTRIES = text(
    """
    SELECT entry.id
      FROM reconciliation_runs AS run
      JOIN matched_entries AS matched ON matched.run_id = run.id
     CROSS JOIN generate_series(0, 1023) AS bit
      JOIN ledger_entries AS entry ON entry.id = (matched.block << 10) | bit AND entry.business_date <= :day
     WHERE run.provider = :provider AND run.business_date > :day AND get_bit(matched.bits, bit) = 1
     ORDER BY entry.id
    """
)


def take_time(tx: Transaction) -> None:
    """Let this transaction's statements take as long as a night's work may."""
    tx.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": STATEMENT_TIMEOUT})


def copy_lines(tx: Transaction, scope: Scope, file: Path) -> None:
    _copy_out(tx, _LINES, _parameters(scope), file)


def copy_entries(tx: Transaction, scope: Scope, file: Path) -> None:
    _copy_out(tx, _ENTRIES, _parameters(scope), file)


def add_line_details(tx: Transaction, scope: Scope, handles: Sequence[int], file: Path, *, later: bool = False) -> None:
    """Append the details of these lines; `later` says that a run of a later day has matched them."""
    _copy_out(tx, _LINE_DETAILS, _parameters(scope) | {"wanted": list(handles), "later": later}, file)


def add_entry_details(tx: Transaction, scope: Scope, ids: Sequence[int], file: Path, *, later: bool = False) -> None:
    """Append the details of these entries; `later` says that a run of a later day has matched them."""
    _copy_out(tx, _ENTRY_DETAILS, _parameters(scope) | {"wanted": list(ids), "later": later}, file)


def carried_lines(tx: Transaction, run_id: UUID, provider: str, day: date) -> list[Row[Any]]:
    """Batch, line, business_date and batch_id of the lines that earlier days left unexplained."""
    return tx.all(_CARRIED_LINES, {"run_id": run_id, "provider": provider, "day": day})


def carried_entries(tx: Transaction, scope: Scope) -> list[int]:
    """The entries that earlier days left unexplained, and that the scope's dates do not hold anyway."""
    which = {"run_id": scope.run_id, "provider": scope.provider, "day": scope.day, "dates": list(scope.dates)}
    return list(tx.execute(_CARRIED_ENTRIES, which).scalars())


def later_lines(tx: Transaction, provider: str, day: date) -> list[Row[Any]]:
    """Batch, line, business_date and batch_id of the lines up to `day` that runs of later days have matched."""
    return tx.all(_LATER_LINES, {"provider": provider, "day": day})


def later_entries(tx: Transaction, provider: str, day: date) -> list[int]:
    """The ids of the entries up to `day` that runs of later days have matched."""
    return list(tx.execute(_LATER_ENTRIES, {"provider": provider, "day": day}).scalars())


def _parameters(scope: Scope) -> dict[str, Any]:
    lists = ("dates", "day_batches", "batches", "agencies")
    return asdict(scope) | {name: list(getattr(scope, name)) for name in lists}


def _copy_out(tx: Transaction, statement: str, parameters: dict[str, Any], file: Path) -> None:
    driver: Any = tx.connection.connection.driver_connection
    with file.open("ab") as sink, driver.cursor() as cursor, cursor.copy(statement, parameters) as rows:
        for chunk in rows:
            sink.write(chunk)
