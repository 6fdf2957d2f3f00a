"""What reports read in bulk, of a run's matches: rows that PostgreSQL writes as they will be sent, so that a day of
millions costs little; and where their money belongs.

COPY sends one row a message, so each that is read here is a whole row with its line end.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.bank_reports import LINES_AS_JSON, lines_as_csv
from gateway.store.database import Transaction
from gateway.store.matches import matched_batches

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins with one of these is a formula to some spreadsheet."""

# What a report may take to be written, instead of what a request may; the document is put together in between. Memory
# is that of each sort or join, beyond which PostgreSQL goes on in files. A row that goes from one process to another
# costs less here than PostgreSQL supposes, so that joins of millions of rows are worth a second core; and a few rows of
# match_chunks are as many matches, so that no table is too small to be read by two.
SETTINGS = {
    "statement_timeout": "1h",
    "idle_in_transaction_session_timeout": "1h",
    "work_mem": "64MB",
    "parallel_tuple_cost": "0.001",
    "parallel_setup_cost": "100",
    "min_parallel_table_scan_size": "0",
}

_SET = text(
    "SELECT set_config(name, value, true) FROM json_each_text(CAST(:settings AS json)) AS setting (name, value)"
)


def harmless_sql(column: str) -> str:
    """SQL for the text of `column`, with an apostrophe before what a spreadsheet would take for a formula."""
    beginnings = ", ".join(f"E'{beginning.encode('unicode_escape').decode()}'" for beginning in FORMULA_BEGINNINGS)
    return f"CASE WHEN left({column}, 1) IN ({beginnings}) THEN '''' || {column} ELSE {column} END"


def json_sql(column: str) -> str:
    """SQL for the text of `column` as JSON."""
    return f"coalesce(to_json({column})::text, 'null')"


# A line of a group has all entries of the group beside it.
_MATCHES = """
      FROM matches AS match
      JOIN settlement_batches AS batch ON batch.id = match.batch
      JOIN settlement_lines AS line ON line.batch = match.batch AND line.line = match.line
      LEFT JOIN ledger_entries AS entry ON entry.id = match.entry_id
      LEFT JOIN (
        SELECT member.group_no, array_agg(part.key ORDER BY part.id) AS keys, min(part.business_date) AS business_date
          FROM match_rows AS member JOIN ledger_entries AS part ON part.id = member.entry_id
         WHERE member.run_id = %(run_id)s AND member.group_no IS NOT NULL
         GROUP BY member.group_no
      ) AS whole ON whole.group_no = match.group_no
     WHERE match.batch = %(batch)s AND match.run_id = %(run_id)s
     ORDER BY match.line
"""

_DAY = "coalesce(whole.business_date, entry.business_date)"
_ONLY_ENTRY = "CASE WHEN whole.keys IS NULL THEN entry.key WHEN cardinality(whole.keys) = 1 THEN whole.keys[1] END"

# The columns are those of reconciliation.reports.tabular.
_MATCHES_AS_CSV = f"""
COPY (
    SELECT 'match', match.rule, NULL, {_DAY}, line.currency, line.gross_minor, NULL, line.fee_minor, NULL, NULL,
           {harmless_sql("batch.batch_id")}, match.line, {harmless_sql("line.provider_transaction_id")},
           {harmless_sql("coalesce(array_to_string(whole.keys, ' '), entry.key)")},
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    {_MATCHES}
) TO STDOUT (FORMAT csv)
"""

# JSON holds neither of these control characters, so that it is sent as it is. Its keys are in the order of their names.
_MATCHES_AS_JSON = f"""
COPY (
    SELECT '{{"amount_minor":' || line.gross_minor || ',"batch":' || {json_sql("batch.batch_id")}
           || ',"business_date":"' || {_DAY} || '","currency":"' || line.currency
           || coalesce('","entries":' || to_json(whole.keys) || ',"entry":', '","entry":')
           || {json_sql(_ONLY_ENTRY)}
           || ',"evidence":' || coalesce(match.evidence::text, 'null') || ',"fee_minor":' || line.fee_minor
           || coalesce(',"group":' || match.group_no, '') || ',"line":' || match.line
           || ',"line_id":' || {json_sql("line.line_id")}
           || ',"provider_refund_id":' || {json_sql("line.provider_refund_id")}
           || ',"provider_transaction_id":' || {json_sql("line.provider_transaction_id")}
           || ',"rule":' || {json_sql("match.rule")} || '}}'
    {_MATCHES}
) TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')
"""

_BANK_LINES_AS_CSV = lines_as_csv(harmless_sql)

# A payment pays the lines of an invoice in their order, from where the one before it has ended: see Invoice.paid_lines.
_BY_LINES = """
    SELECT moved.agency_id, moved.currency, 'fees:' || line.revenue_code AS account,
           sum(least(allocation.begins_minor + allocation.amount_minor, line.begins_minor + line.amount_minor)
               - greatest(allocation.begins_minor, line.begins_minor)) AS amount_minor
      FROM moved
      JOIN allocations AS allocation ON allocation.payment_id = moved.subject_id
      JOIN invoice_lines AS line ON line.invoice_id = allocation.invoice_id
                                AND line.begins_minor < allocation.begins_minor + allocation.amount_minor
                                AND line.begins_minor + line.amount_minor > allocation.begins_minor
"""

# `moved` has the `resolution_id` of what was decided later: that takes from the payer's credit what the payment had
# brought there, on the day of the decision, and leaves the day of the payment as it was. What a payment brings that no
# invoice takes is that credit.
BELONGS = f"""
    {_BY_LINES}
     WHERE moved.cause IN ('payment_succeeded', 'receipt_assigned') AND allocation.resolution_id IS NULL
     GROUP BY moved.agency_id, moved.currency, line.revenue_code
     UNION ALL
    {_BY_LINES}
     WHERE moved.cause = 'resolution_accept_late_payment' AND allocation.resolution_id = moved.resolution_id
     GROUP BY moved.agency_id, moved.currency, line.revenue_code
     UNION ALL
    SELECT moved.agency_id, moved.currency, 'payer_credit', sum(payment.credited_minor)
      FROM moved JOIN payments AS payment ON payment.id = moved.subject_id
     WHERE moved.cause IN ('payment_succeeded', 'receipt_assigned') AND payment.credited_minor > 0
     GROUP BY moved.agency_id, moved.currency
     UNION ALL
    SELECT moved.agency_id, moved.currency, 'payer_credit',
           sum(CASE WHEN moved.resolution_id IS NULL THEN accepted.amount_minor ELSE -accepted.amount_minor END)
      FROM moved
      JOIN allocations AS accepted ON accepted.payment_id = moved.subject_id AND accepted.resolution_id IS NOT NULL
                                  AND accepted.resolution_id = coalesce(moved.resolution_id, accepted.resolution_id)
     WHERE moved.cause IN ('payment_succeeded', 'receipt_assigned', 'resolution_accept_late_payment')
     GROUP BY moved.agency_id, moved.currency
     UNION ALL
    SELECT moved.agency_id, moved.currency, part.account, -sum(part.amount_minor)
      FROM moved JOIN refund_parts AS part ON part.refund_id = moved.subject_id
     WHERE moved.cause = 'refund_succeeded'
     GROUP BY moved.agency_id, moved.currency, part.account
"""  # noqa: S608 - put together from a constant

_REMITTANCE_OF_RUN = text(
    f"""
    WITH whole AS (
        SELECT member.group_no, CAST(min(CAST(entry.agency_id AS text)) AS uuid) AS agency_id,
               min(line.currency) AS currency
          FROM match_rows AS member
          LEFT JOIN settlement_lines AS line ON line.batch = member.batch AND line.line = member.line
          LEFT JOIN ledger_entries AS entry ON entry.id = member.entry_id
         WHERE member.run_id = :run_id AND member.group_no IS NOT NULL
         GROUP BY member.group_no
    ), moved AS (
        SELECT coalesce(entry.agency_id, whole.agency_id) AS agency_id,
               coalesce(line.currency, whole.currency) AS currency, entry.cause, entry.subject_id,
               CAST(NULL AS uuid) AS resolution_id, coalesce(line.gross_minor, 0) AS gross_minor
          FROM matches AS match
          LEFT JOIN settlement_lines AS line ON line.batch = match.batch AND line.line = match.line
          LEFT JOIN ledger_entries AS entry ON entry.id = match.entry_id
          LEFT JOIN whole ON whole.group_no = match.group_no
         WHERE match.run_id = :run_id
    ), belongs AS ({BELONGS}), rest AS (
        SELECT agency_id, currency, sum(gross_minor) AS amount_minor FROM moved GROUP BY agency_id, currency
         UNION ALL
        SELECT agency_id, currency, -sum(amount_minor) FROM belongs GROUP BY agency_id, currency
    )
    SELECT agency.code AS agency, agency.bank_account, sums.currency, sums.account, sum(amount_minor) AS amount_minor
      FROM (SELECT * FROM belongs
             UNION ALL
            SELECT agency_id, currency, 'other', sum(amount_minor) FROM rest GROUP BY agency_id, currency) AS sums
      JOIN agencies AS agency ON agency.id = sums.agency_id
     GROUP BY agency.code, agency.bank_account, sums.currency, sums.account
    HAVING sum(amount_minor) <> 0
     ORDER BY agency.code, sums.currency, sums.account
    """  # noqa: S608 - put together from constants of this module
)

_AGEING_OF_RUN = text(
    """
    SELECT known.kind, known.currency, CAST(:day AS date) - known.business_date AS days, count(*) AS number,
           sum(abs(known.amount_minor)) AS amount_minor
      FROM run_findings AS found JOIN discrepancies AS known ON known.id = found.discrepancy_id
     WHERE found.run_id = :run_id AND known.status = 'open'
     GROUP BY known.kind, known.currency, days
     ORDER BY known.kind, known.currency, days
    """
)


def take_time(tx: Transaction) -> None:
    """Let this transaction take the time and the memory that the largest report does."""
    tx.execute(_SET, {"settings": json.dumps(SETTINGS)})


def matches_as_csv(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """A row a match of the run, by batch and line, without line end. Text that is a formula has an apostrophe."""
    yield from _of_batches(tx, _MATCHES_AS_CSV, run_id)
    yield from _copied(tx, _BANK_LINES_AS_CSV, {"run_id": run_id})


def matches_as_json(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
    """An object a match of the run, by batch and line."""
    yield from _of_batches(tx, _MATCHES_AS_JSON, run_id)
    yield from _copied(tx, LINES_AS_JSON, {"run_id": run_id})


def remittance_of_run(tx: Transaction, run_id: UUID) -> list[Row[Any]]:
    """What the run matched, by the account of the agency that it belongs to, and the treasury account to credit.

    `account` is a ledger account, or `other` for what no invoice and no refund explains: chargebacks, receipts that are
    not identified. The sum of an agency's rows is the gross that was matched.
    """
    return tx.all(_REMITTANCE_OF_RUN, {"run_id": run_id})


def ageing_of_run(tx: Transaction, run_id: UUID, day: date) -> list[Row[Any]]:
    """What is open of what the run found, by kind, currency and age in days on `day`; amounts without their sign."""
    return tx.all(_AGEING_OF_RUN, {"run_id": run_id, "day": day})


def _of_batches(tx: Transaction, query: str, run_id: UUID) -> Iterator[bytes]:
    for batch in matched_batches(tx, run_id):
        yield from _copied(tx, query, {"run_id": run_id, "batch": batch})


def _copied(tx: Transaction, query: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
    driver: Any = tx.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(query, parameters) as copy:
        for row in copy:
            yield bytes(row[:-1])
