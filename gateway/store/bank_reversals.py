"""What a run of a bank account reads of lines that undo others, and of credits that turned out to be payouts."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.engine import Row

from gateway.domain.credit import account_key
from gateway.store.database import Transaction
from gateway.store.tables.bank_matches import bank_matches

# A credit of the same amount that was a payout when it came, or is nothing that is known yet. `payouts`: those that it
# is, or was, matched with, as the runs name them.
_UNDOABLE = text(
    """
    SELECT DISTINCT ON (line.id) line.id, line.statement_id, line.line, statement.statement_id AS statement,
           line.account, line.currency, line.amount_minor, line.booked_on, line.code, line.bank_reference,
           line.end_to_end_id, line.names, line.reversal, false AS later, match.group_id,
           ARRAY(SELECT DISTINCT name
                   FROM bank_matches AS had
                   JOIN bank_matches AS side ON side.group_id = had.group_id
                   JOIN settlement_batches AS batch ON batch.id = side.batch
                  CROSS JOIN LATERAL (VALUES (batch.provider || ':' || coalesce(batch.payout_id, batch.batch_id) || ':'
                                              || side.currency)) AS payout (name)
                  WHERE had.bank_line = line.id
                  ORDER BY name) AS payouts
      FROM bank_lines AS taken
      JOIN bank_lines AS line ON line.account = ANY(:accounts) AND line.currency = taken.currency
       AND line.amount_minor = -taken.amount_minor AND line.booked_on <= taken.booked_on
      JOIN bank_statements AS statement ON statement.id = line.statement_id
      LEFT JOIN bank_matches AS match ON match.bank_line = line.id AND match.ended_by IS NULL
      LEFT JOIN reconciliation_runs AS run ON run.id = match.run_id
     WHERE taken.id = ANY(:taken)
       AND (match.id IS NULL
            OR run.business_date <= :day AND match.rule <> 'decided'
               AND EXISTS (SELECT FROM bank_matches AS side
                            WHERE side.group_id = match.group_id AND side.batch IS NOT NULL))
     ORDER BY line.id
    """
)

_TAKEN_BACK = text(
    """
    SELECT match.group_id, match.evidence -> 'payouts' AS payouts, line.id, line.statement_id, line.line,
           statement.statement_id AS statement, line.account, line.currency, line.amount_minor, line.booked_on,
           line.code, line.bank_reference, line.end_to_end_id, line.names, line.reversal, false AS later
      FROM bank_matches AS match
      JOIN bank_lines AS line ON line.id = match.bank_line
      JOIN bank_statements AS statement ON statement.id = line.statement_id
     WHERE match.rule = :rule AND match.ended_by IS NULL AND line.account = ANY(:accounts) AND line.booked_on <= :day
     ORDER BY line.booked_on, line.id
    """
)

# A line that is known to be such a credit, by the bank's own name of it, as bank_runs.match_credits finds it.
_UNIDENTIFIED = text(
    """
    SELECT line.id, line.statement_id, line.line, statement.statement_id AS statement, line.account, line.currency,
           line.amount_minor, line.booked_on, line.code, line.bank_reference, line.end_to_end_id, line.names,
           line.reversal, false AS later, match.group_id, credit.provider, credit.provider_transaction_id
      FROM bank_lines AS line
      JOIN bank_statements AS statement ON statement.id = line.statement_id
      JOIN bank_credits AS credit ON credit.provider_transaction_id = line.bank_reference
                                 AND credit.currency = line.currency AND credit.amount_minor = line.amount_minor
                                 AND credit.status = 'unidentified'
      LEFT JOIN bank_matches AS match ON match.bank_line = line.id AND match.ended_by IS NULL
     WHERE line.account = ANY(:accounts) AND line.booked_on <= :day
       AND (match.id IS NULL OR match.credit = credit.id)
       AND upper(regexp_replace(credit.account, '[^0-9A-Za-z]', '', 'g')) = :account_key
     ORDER BY line.booked_on, line.id
    """
)


def undoable(tx: Transaction, accounts: Sequence[str], day: date, taken: Collection[int]) -> list[Row[Any]]:
    """What each of the lines `taken` may undo: credits as bank_runs.open_lines has them, with their live match
    (`group_id`), if any, and the `payouts` that they are or were."""
    return tx.all(_UNDOABLE, {"accounts": list(accounts), "day": day, "taken": list(taken)})


def taken_back(tx: Transaction, accounts: Sequence[str], day: date, rule: str) -> list[Row[Any]]:
    """The lines that are matched by `rule`, each beside the one that undoes it (`group_id`), and their `payouts`."""
    return tx.all(_TAKEN_BACK, {"accounts": list(accounts), "day": day, "rule": rule})


def unidentified(tx: Transaction, accounts: Sequence[str], day: date) -> list[Row[Any]]:
    """Lines that are known credits of which nobody knows what they are for, with the credit's names and the match that
    they are in, if any."""
    which = {"accounts": list(accounts), "day": day, "account_key": account_key(accounts[0]) if accounts else ""}
    return tx.all(_UNIDENTIFIED, which)


def end_matches(tx: Transaction, groups: Collection[UUID], run_id: UUID) -> None:
    """These matches are undone: their sides are free again, and what was written stays."""
    live = bank_matches.c.group_id.in_(groups), bank_matches.c.ended_by.is_(None)
    tx.execute(update(bank_matches).where(*live).values(ended_by=run_id))
