"""What the ledger adds up to, and its entries.

A sum is the totals of the snapshots plus the transfers that came since: both are read by one statement, so that they
are of one moment. The queries are text, because they are about sets (both sides of each transfer), not about rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.domain.ledger import bank
from gateway.store.catalogue import key_of_account
from gateway.store.database import Transaction
from gateway.store.tables.catalogue import agencies
from gateway.store.tables.ledger import ledger_accounts, ledger_snapshots

FIRST_DAY, LAST_DAY = date.min, date.max
BANK = bank("")  # how the codes of bank accounts begin

# :upto comes from a query before, not from a subquery: the planner must know it to see how little comes after it.
_TURNOVER = text(
    """
    WITH account AS (
        SELECT account.id, agency.code || '/' || account.code AS code, account.kind
          FROM ledger_accounts AS account JOIN agencies AS agency ON agency.id = account.agency_id
         WHERE account.currency = :currency AND account.agency_id = coalesce(:agency_id, account.agency_id)
           AND agency.code || '/' || account.code = coalesce(:code, agency.code || '/' || account.code)
    ), part AS (
        SELECT account_id, debit_minor, credit_minor
          FROM ledger_totals
         WHERE business_date <= :on AND account_id IN (SELECT id FROM account)
           AND snapshot_id IN (SELECT id FROM ledger_snapshots WHERE upto_transfer_id <= :upto)
         UNION ALL
        SELECT side.account_id, side.debit_minor, side.credit_minor
          FROM (SELECT debit_account_id, credit_account_id, sum(amount_minor) AS amount_minor
                  FROM ledger_transfers
                 WHERE id > :upto AND business_date <= :on AND currency = :currency
                 GROUP BY debit_account_id, credit_account_id) AS moved
         CROSS JOIN LATERAL (VALUES (debit_account_id, amount_minor, 0), (credit_account_id, 0, amount_minor))
               AS side (account_id, debit_minor, credit_minor)
    )
    SELECT account.code, account.kind, sum(debit_minor) AS debit_minor, sum(credit_minor) AS credit_minor
      FROM part JOIN account ON account.id = part.account_id
     GROUP BY account.code, account.kind
     ORDER BY account.code
    """
).bindparams(agency_id=None, code=None)

# An account's entries by day, walked along the index of either side: a page costs the same however many there are.
_ENTRIES_OF_ACCOUNTS = text(
    """
    SELECT DISTINCT business_date, entry_id AS id
      FROM unnest(CAST(:account_ids AS bigint[])) AS account (id) CROSS JOIN LATERAL (
        (SELECT DISTINCT business_date, entry_id FROM ledger_transfers
          WHERE debit_account_id = account.id AND business_date BETWEEN :first AND :last
            AND (business_date, entry_id) > (:after_date, :after_id)
          ORDER BY business_date, entry_id LIMIT :limit)
         UNION ALL
        (SELECT DISTINCT business_date, entry_id FROM ledger_transfers
          WHERE credit_account_id = account.id AND business_date BETWEEN :first AND :last
            AND (business_date, entry_id) > (:after_date, :after_id)
          ORDER BY business_date, entry_id LIMIT :limit)
    ) AS either
    ORDER BY business_date, entry_id LIMIT :limit
    """
)

_ENTRIES = text(
    """
    SELECT business_date, id FROM ledger_entries
     WHERE business_date BETWEEN :first AND :last AND (business_date, id) > (:after_date, :after_id)
       AND agency_id = coalesce(:agency_id, agency_id)
     ORDER BY business_date, id LIMIT :limit
    """
)

# A transfer carries the instant of its entry, by which its partition is found.
_ENTRIES_IN_FULL = text(
    """
    SELECT entry.id, entry.key, entry.cause, entry.subject_id, entry.occurred_at, entry.business_date, entry.posted_at,
           agency.code AS agency,
           jsonb_agg(jsonb_build_object('id', transfer.id, 'debit', agency.code || '/' || debit.code,
                                        'credit', agency.code || '/' || credit.code, 'currency', transfer.currency,
                                        'amount_minor', transfer.amount_minor) ORDER BY transfer.id) AS transfers
      FROM ledger_entries AS entry
      JOIN agencies AS agency ON agency.id = entry.agency_id
      JOIN ledger_transfers AS transfer ON transfer.entry_id = entry.id AND transfer.posted_at = entry.posted_at
      JOIN ledger_accounts AS debit ON debit.id = transfer.debit_account_id
      JOIN ledger_accounts AS credit ON credit.id = transfer.credit_account_id
     WHERE entry.id = ANY(:ids)
     GROUP BY entry.id, entry.agency_id, entry.posted_at, agency.code
     ORDER BY entry.business_date, entry.id
    """
)

_NET_OF_DAY = text(
    """
    SELECT coalesce(sum(CASE WHEN debit_account_id = :account_id THEN amount_minor ELSE -amount_minor END), 0) AS minor
      FROM ledger_transfers
     WHERE :account_id IN (debit_account_id, credit_account_id) AND business_date = :day AND entry_id <= :upto
    """
)

_ADD_TOTALS = text(
    """
    INSERT INTO ledger_totals (snapshot_id, account_id, business_date, debit_minor, credit_minor)
    SELECT :snapshot_id, side.account_id, transfer.business_date, sum(side.debit_minor), sum(side.credit_minor)
      FROM ledger_transfers AS transfer
     CROSS JOIN LATERAL (VALUES (debit_account_id, amount_minor, 0), (credit_account_id, 0, amount_minor))
           AS side (account_id, debit_minor, credit_minor)
     WHERE transfer.id > :after AND transfer.id <= :upto
     GROUP BY side.account_id, transfer.business_date
    """
)

_ADD_FLOWS = text(
    """
    INSERT INTO ledger_flows (snapshot_id, debit_account_id, credit_account_id, business_date, amount_minor)
    SELECT :snapshot_id, debit_account_id, credit_account_id, business_date, sum(amount_minor)
      FROM ledger_transfers
     WHERE id > :after AND id <= :upto
     GROUP BY debit_account_id, credit_account_id, business_date
    """
)


@dataclass(frozen=True, slots=True)
class Span:
    """Business dates, both inclusive, and the last entry (its day and id) that was already seen."""

    first: date = FIRST_DAY
    last: date = LAST_DAY
    after: tuple[date, int] = (FIRST_DAY, 0)


def turnover(
    tx: Transaction, currency: str, on: date, *, agency_id: UUID | None = None, code: str | None = None
) -> list[Row[Any]]:
    """Code, kind, debit and credit turnover (numeric) up to the end of the day `on` of each account that has any."""
    which = {"currency": currency, "on": on, "agency_id": agency_id, "code": code}
    return tx.all(_TURNOVER, which | {"upto": last_snapshot(tx)})


def last_snapshot(tx: Transaction) -> int:
    """The id up to which transfers are summed up in ledger_totals and ledger_flows."""
    upto: int = tx.execute(select(func.coalesce(func.max(ledger_snapshots.c.upto_transfer_id), 0))).scalar_one()
    return upto


def add_snapshot(tx: Transaction, after: int, upto: int) -> None:
    """Sum up the transfers with ids above `after`, up to `upto`, all of which must be settled."""
    added = insert(ledger_snapshots).values(upto_transfer_id=upto).returning(ledger_snapshots.c.id)
    which = {"snapshot_id": tx.execute(added).scalar_one(), "after": after, "upto": upto}
    tx.execute(_ADD_TOTALS, which)
    tx.execute(_ADD_FLOWS, which)


def find_account(
    tx: Transaction, agency_code: str, code: str, agency_id: UUID | None, currency: str | None = None
) -> list[int]:
    """The ids, one a currency, of an account that a caller who acts for `agency_id` (None: for all) may see."""
    found = (
        select(ledger_accounts.c.id)
        .join(agencies, agencies.c.id == ledger_accounts.c.agency_id)
        .where(agencies.c.code == agency_code, ledger_accounts.c.code == code)
    )
    if agency_id:
        found = found.where(agencies.c.id == agency_id)
    if currency:
        found = found.where(ledger_accounts.c.currency == currency)
    return list(tx.execute(found.order_by(ledger_accounts.c.id)).scalars())


def entry_ids(tx: Transaction, span: Span, agency_id: UUID | None, limit: int) -> list[int]:
    """The ids of the entries of a span, by day and id."""
    found = tx.execute(_ENTRIES, _span(span) | {"agency_id": agency_id, "limit": limit})
    return [row.id for row in found]


def entry_ids_of(tx: Transaction, account_ids: list[int], span: Span, limit: int) -> list[int]:
    """The ids of the entries of a span that debit or credit one of the accounts, by day and id."""
    found = tx.execute(_ENTRIES_OF_ACCOUNTS, _span(span) | {"account_ids": account_ids, "limit": limit})
    return [row.id for row in found]


def entries(tx: Transaction, ids: Sequence[int]) -> list[Row[Any]]:
    """The entries with their transfers, by day and id."""
    return tx.all(_ENTRIES_IN_FULL, {"ids": list(ids)})


def net_of_day(tx: Transaction, account_id: int, day: date, upto: int) -> int:
    """Debits less credits of an account on one day, in minor units, by its entries up to the one with id `upto`."""
    found = tx.execute(_NET_OF_DAY, {"account_id": account_id, "day": day, "upto": upto})
    return int(found.scalar_one())


def _span(span: Span) -> dict[str, Any]:
    after_date, after_id = span.after
    return {"first": span.first, "last": span.last, "after_date": after_date, "after_id": after_id}


def bank_accounts(tx: Transaction, key: str) -> Sequence[Row[Any]]:
    """Agency and account of the bank accounts in the ledger with this key; see gateway.domain.credit.account_key."""
    account = func.substr(ledger_accounts.c.code, len(BANK) + 1)
    query = select(ledger_accounts.c.agency_id, account.label("account")).distinct()
    return tx.all(query.where(ledger_accounts.c.code.startswith(BANK), key_of_account(account) == key))
