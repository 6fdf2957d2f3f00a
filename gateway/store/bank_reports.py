"""What reports read of the runs of bank accounts: the lines that matched, the payouts that came, a payout's lines.

The lines are sent as those of settlements are; see reports.py. Of a line are told: the statement as its batch, the
bank's name of it as its transaction, and the payouts that it brought as its entries.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# Groups are numbered by their first lines, so that a run that is run again has the same numbers.
_LINES = """
      FROM (SELECT whole.*, dense_rank() OVER (ORDER BY first_line) AS group_no,
                   count(*) OVER (PARTITION BY group_id) AS members
              FROM (SELECT member.*, min(bank_line) OVER (PARTITION BY group_id) AS first_line
                      FROM bank_matches AS member WHERE run_id = %(run_id)s) AS whole) AS match
      JOIN bank_lines AS line ON line.id = match.bank_line
      JOIN bank_statements AS statement ON statement.id = line.statement_id
     CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(DISTINCT coalesce(batch.payout_id, batch.batch_id)), '{}') AS names
          FROM bank_matches AS side JOIN settlement_batches AS batch ON batch.id = side.batch
         WHERE side.group_id = match.group_id) AS payouts
     ORDER BY line.booked_on, line.id
"""

LINES_AS_JSON = f"""
COPY (
    SELECT '{{"amount_minor":' || line.amount_minor || ',"batch":' || to_json(statement.statement_id)
           || ',"business_date":"' || line.booked_on || '","currency":"' || line.currency
           || '","entries":' || to_json(payouts.names) || ',"entry":null,"evidence":'
           || coalesce(match.evidence::text, 'null') || ',"fee_minor":0'
           || CASE WHEN match.members > 1 THEN ',"group":' || match.group_no ELSE '' END
           || ',"line":' || line.line || ',"line_id":"' || line.id || '","provider_refund_id":null'
           || ',"provider_transaction_id":' || to_json(line.bank_reference) || ',"rule":' || to_json(match.rule) || '}}'
    {_LINES}
) TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')
"""


def lines_as_csv(harmless: Any) -> str:
    """The columns are those of reconciliation.reports.tabular; `harmless` makes SQL of a text that is no formula."""
    return f"""
COPY (
    SELECT 'match', match.rule, NULL, line.booked_on, line.currency, line.amount_minor, NULL, 0, NULL, NULL,
           {harmless("statement.statement_id")}, line.line, {harmless("line.bank_reference")},
           {harmless("array_to_string(payouts.names, ' ')")},
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    {_LINES}
) TO STDOUT (FORMAT csv)
"""


_BATCHES = text(
    """
    SELECT batch.id, batch.batch_id, batch.business_date, batch.payout_id, batch.total_minor, batch.total_currency,
           batch.sha256, batch.version, batch.lines, match.currency, line.gross_minor, line.fee_minor
      FROM bank_matches AS match JOIN settlement_batches AS batch ON batch.id = match.batch
     CROSS JOIN LATERAL (
        SELECT sum(gross_minor) AS gross_minor, sum(fee_minor) AS fee_minor
          FROM settlement_lines
         WHERE settlement_lines.batch = batch.id AND settlement_lines.currency = match.currency
           AND settlement_lines.settled
           AND NOT EXISTS (SELECT FROM gone_lines AS gone
                            WHERE gone.batch = settlement_lines.batch AND gone.line = settlement_lines.line)) AS line
     WHERE match.run_id = :run_id
     ORDER BY batch.provider, batch.batch_id, match.currency
    """
)

_OF_PAYOUT = text(
    """
    SELECT DISTINCT line.account, line.booked_on, line.bank_reference, line.currency, line.amount_minor, line.id
      FROM settlement_batches AS batch
      JOIN bank_matches AS match ON match.batch = batch.id AND match.ended_by IS NULL
      JOIN bank_matches AS side ON side.group_id = match.group_id
      JOIN bank_lines AS line ON line.id = side.bank_line
     WHERE batch.provider = :provider AND coalesce(batch.payout_id, batch.batch_id) = :payout
     ORDER BY line.booked_on, line.id
    """
)


def batches_of_run(tx: Transaction, run_id: UUID) -> list[Row[Any]]:
    """The batches whose payout the run found in the bank, as settlements.sums_of_day has them."""
    return tx.all(_BATCHES, {"run_id": run_id})


def lines_of_payout(tx: Transaction, provider: str, payout: str) -> list[Row[Any]]:
    """The bookings by which the payout came, alone or with others, by day."""
    return tx.all(_OF_PAYOUT, {"provider": provider, "payout": payout})
