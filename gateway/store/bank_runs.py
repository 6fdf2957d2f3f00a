"""What a run of a bank account reads and writes: the statements' lines, the payouts that may be in them, matches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.engine import Row

from gateway.domain.credit import account_key
from gateway.domain.reconciliation import RunStatus
from gateway.store.catalogue import key_of_account
from gateway.store.database import Transaction
from gateway.store.tables.bank_matches import bank_matches
from gateway.store.tables.reconciliation import reconciliation_runs
from gateway.store.tables.statements import bank_lines, bank_statements

# Lines that are in no match, up to the end of a day; and those that a later day has matched.
_OPEN_LINES = text(
    """
    SELECT line.id, line.statement_id, line.line, statement.statement_id AS statement, line.account, line.currency,
           line.amount_minor, line.booked_on, line.code, line.bank_reference, line.end_to_end_id, line.names,
           line.reversal, match.id IS NOT NULL AS later
      FROM bank_lines AS line JOIN bank_statements AS statement ON statement.id = line.statement_id
      LEFT JOIN bank_matches AS match ON match.bank_line = line.id AND match.ended_by IS NULL
      LEFT JOIN reconciliation_runs AS run ON run.id = match.run_id
     WHERE line.account = ANY(:accounts) AND line.booked_on <= :day AND line.amount_minor <> 0
       AND (match.id IS NULL OR run.business_date > :day)
     ORDER BY line.booked_on, line.id
    """
)

_OPEN_BATCHES = text(
    """
    SELECT batch.id, batch.provider, batch.batch_id, coalesce(batch.payout_id, batch.batch_id) AS payout,
           batch.business_date, line.currency, line.gross_minor, line.fee_minor,
           CASE WHEN batch.total_currency = line.currency THEN batch.total_minor END AS total_minor,
           match.id IS NOT NULL AS later
      FROM settlement_batches AS batch
     CROSS JOIN LATERAL (
        SELECT currency, sum(gross_minor) AS gross_minor, sum(fee_minor) AS fee_minor
          FROM settlement_lines
         WHERE settlement_lines.batch = batch.id AND settlement_lines.settled
           AND NOT EXISTS (SELECT FROM gone_lines AS gone
                            WHERE gone.batch = settlement_lines.batch AND gone.line = settlement_lines.line)
         GROUP BY currency) AS line
      LEFT JOIN bank_matches AS match
        ON match.batch = batch.id AND match.currency = line.currency AND match.ended_by IS NULL
      LEFT JOIN reconciliation_runs AS run ON run.id = match.run_id
     WHERE batch.provider = ANY(:providers) AND batch.business_date BETWEEN :first AND :day
       AND (match.id IS NULL OR run.business_date > :day)
     ORDER BY batch.provider, batch.business_date, batch.batch_id, line.currency
    """
)

# A line belongs to the agency of the entry that it is matched with; a line that is not, to that of its discrepancy.
_SHARES = text(
    """
    WITH matched AS (
        SELECT match.batch, match.line, coalesce(entry.agency_id, whole.agency_id) AS agency_id
          FROM matches AS match
          LEFT JOIN ledger_entries AS entry ON entry.id = match.entry_id
          LEFT JOIN LATERAL (
            SELECT part.agency_id
              FROM match_rows AS member JOIN ledger_entries AS part ON part.id = member.entry_id
             WHERE match.entry_id IS NULL AND member.run_id = match.run_id AND member.group_no = match.group_no
             LIMIT 1) AS whole ON true
         WHERE match.batch = ANY(:batches) AND match.line IS NOT NULL
    ), explained AS (
        SELECT DISTINCT ON (batch, line) batch, line, agency_id
          FROM discrepancies WHERE batch = ANY(:batches) AND agency_id IS NOT NULL ORDER BY batch, line, id
    )
    SELECT line.batch, line.currency, coalesce(matched.agency_id, explained.agency_id) AS agency_id,
           sum(line.gross_minor - line.fee_minor) AS net_minor
      FROM settlement_lines AS line
      LEFT JOIN matched ON matched.batch = line.batch AND matched.line = line.line
      LEFT JOIN explained ON explained.batch = line.batch AND explained.line = line.line
     WHERE line.batch = ANY(:batches) AND line.settled
       AND NOT EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = line.batch AND gone.line = line.line)
     GROUP BY line.batch, line.currency, coalesce(matched.agency_id, explained.agency_id)
    """
)

# A booking that a notification, a list or the statement itself told of is known by the bank's own name of it. If
# statements tell it twice, it is one credit, and the second line is left.
_MATCH_CREDITS = text(
    """
    INSERT INTO bank_matches (group_id, run_id, rule, rules_version, bank_line, credit, currency, amount_minor)
    SELECT DISTINCT ON (credit.id) gen_random_uuid(), :run_id, :rule, :rules_version, line.id, credit.id, line.currency,
           line.amount_minor
      FROM bank_lines AS line
      JOIN bank_credits AS credit ON credit.provider_transaction_id = line.bank_reference
                                 AND credit.currency = line.currency AND credit.amount_minor = line.amount_minor
                                 AND credit.status <> 'payout'
      LEFT JOIN bank_matches AS match ON match.bank_line = line.id AND match.ended_by IS NULL
      LEFT JOIN bank_matches AS taken ON taken.credit = credit.id AND taken.ended_by IS NULL
     WHERE line.account = ANY(:accounts) AND line.booked_on <= :day AND match.id IS NULL AND taken.id IS NULL
       AND upper(regexp_replace(credit.account, '[^0-9A-Za-z]', '', 'g')) = :account_key
     ORDER BY credit.id, line.booked_on, line.id
    """
)

# What went back to a payer, or was taken back by the bank, as the statement or a notification told.
_MATCH_RETURNS = text(
    """
    INSERT INTO bank_matches (group_id, run_id, rule, rules_version, bank_line, currency, amount_minor)
    SELECT DISTINCT ON (known.id) gen_random_uuid(), :run_id, :rule, :rules_version, line.id, line.currency,
           line.amount_minor
      FROM bank_lines AS line
      JOIN (SELECT id, provider_refund_id AS reference, currency, amount_minor FROM refunds WHERE status = 'succeeded'
             UNION ALL
            SELECT id, provider_dispute_id, currency, amount_minor FROM disputes
             UNION ALL
            SELECT id, returned_as, currency, amount_minor FROM bank_credits WHERE status = 'returned') AS known
        ON known.reference = line.bank_reference AND known.currency = line.currency
       AND known.amount_minor = -line.amount_minor
      LEFT JOIN bank_matches AS match ON match.bank_line = line.id AND match.ended_by IS NULL
     WHERE line.account = ANY(:accounts) AND line.booked_on <= :day AND line.bank_reference <> '' AND match.id IS NULL
     ORDER BY known.id, line.booked_on, line.id
    """
)

_SUMS_OF_RULE = text(
    """
    SELECT currency, count(*) AS number, sum(amount_minor) AS amount_minor
      FROM bank_matches WHERE run_id = :run_id AND rule = :rule GROUP BY currency ORDER BY currency
    """
)

# What of a payout belonged to nobody that was known when it was matched, with its lines and batches.
_UNPLACED = text(
    """
    SELECT match.group_id, match.currency, match.batch, batch.provider, line.id, line.statement_id, line.line,
           line.amount_minor, line.booked_on
      FROM bank_matches AS match
      LEFT JOIN settlement_batches AS batch ON batch.id = match.batch
      LEFT JOIN bank_lines AS line ON line.id = match.bank_line
     WHERE match.group_id IN (
        SELECT unplaced.group_id
          FROM bank_matches AS unplaced JOIN reconciliation_runs AS run ON run.id = unplaced.run_id
         WHERE run.provider = :source AND run.id <> :run_id AND unplaced.unplaced_minor <> 0
           AND unplaced.ended_by IS NULL)
     ORDER BY match.group_id, match.id
    """
)

# What came while a run was at work may not have been there for it, so that it is run once more.
_DAYS_WITH_NEWS = text(
    """
    SELECT run.business_date
      FROM reconciliation_runs AS run
     WHERE run.provider = :source AND run.correction = 0 AND run.status IN ('balanced', 'exceptions')
       AND run.business_date BETWEEN :first AND :last
       AND (EXISTS (SELECT FROM bank_statements AS statement JOIN statement_files AS file ON file.id = statement.file_id
                     WHERE statement.account = ANY(:accounts)
                       AND greatest(file.received_at, file.learnt_at) > run.started_at - interval '30 min'
                       AND EXISTS (SELECT FROM bank_lines AS line
                                    WHERE line.statement_id = statement.id AND line.booked_on <= run.business_date))
            OR EXISTS (SELECT FROM settlement_batches AS batch
                        WHERE batch.provider = ANY(:providers) AND batch.loaded_at > run.started_at
                          AND batch.business_date BETWEEN :first AND run.business_date))
    """
)

# The key of such an entry ends with its number: those before the colon that ends the rest belong together.
_POSTED = text(
    """
    SELECT regexp_replace(entry.key, ':[0-9]+$', '') AS name, entry.cause, entry.agency_id, entry.subject_id,
           transfer.currency,
           max(CASE WHEN debit.code LIKE 'bank:%' THEN debit.code ELSE credit.code END) AS bank,
           max(CASE WHEN debit.code LIKE 'bank:%' THEN credit.code ELSE debit.code END) AS other,
           count(*) AS entries,
           sum(CASE WHEN debit.code LIKE 'bank:%' THEN amount_minor ELSE -amount_minor END) AS amount_minor
      FROM ledger_entries AS entry
      JOIN ledger_transfers AS transfer ON transfer.entry_id = entry.id AND transfer.posted_at = entry.posted_at
      JOIN ledger_accounts AS debit ON debit.id = transfer.debit_account_id
      JOIN ledger_accounts AS credit ON credit.id = transfer.credit_account_id
     WHERE entry.subject_id = ANY(:statements) AND entry.cause = ANY(:causes)
     GROUP BY name, entry.cause, entry.agency_id, entry.subject_id, transfer.currency
     ORDER BY name
    """
)

_DECIDED_PAYOUTS = text(
    """
    SELECT evidence -> 'payouts' AS payouts, evidence -> 'bank' AS lines FROM discrepancies
     WHERE provider = :source AND status = 'resolved' AND kind IN ('payout_short', 'payout_over', 'payout_missing')
     ORDER BY key
    """
)

_RESOLVED = text("SELECT key FROM discrepancies WHERE key = ANY(:keys) AND status = 'resolved'")


@dataclass(frozen=True, slots=True)
class BankMatch:
    """Lines and payouts that are the same money: what should have come and what came, in minor units. `undone`: the
    payouts that lines which undo each other were, as the runs name them."""

    group_id: UUID
    rule: str
    currency: str
    expected_minor: int
    reported_minor: int
    undone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchSide:
    """A row of bank_matches: `bank_line` or `batch` says what it is a side of."""

    match: BankMatch
    amount_minor: int
    bank_line: int | None = None
    batch: UUID | None = None
    unplaced_minor: int | None = None


def spellings(tx: Transaction, account: str) -> list[str]:
    """How the statements here write `account`."""
    query = select(bank_statements.c.account).distinct().order_by(bank_statements.c.account)
    return list(tx.execute(query.where(key_of_account(bank_statements.c.account) == account_key(account))).scalars())


def covered(tx: Transaction, accounts: Sequence[str]) -> tuple[date, date] | None:
    """The first and the last day that the statements of these accounts tell of; None if there is none."""
    closed = bank_statements.c.business_date
    days = select(func.min(closed).label("first"), func.max(closed).label("until"))
    told = tx.execute(days.where(bank_statements.c.account.in_(accounts))).one()
    if told.until is None:
        return None
    booked = select(func.min(bank_lines.c.booked_on)).where(bank_lines.c.account.in_(accounts))
    first: date | None = tx.execute(booked).scalar_one()
    return min(told.first, first or told.first), told.until


def first_run_on(tx: Transaction, source: str) -> date | None:
    """The first day of which there is a run."""
    runs = reconciliation_runs.c
    first: date | None = tx.execute(select(func.min(runs.business_date)).where(runs.provider == source)).scalar_one()
    return first


def has_later_run(tx: Transaction, source: str, day: date) -> bool:
    """Whether a day after `day` had its run."""
    runs = reconciliation_runs.c
    later = select(runs.id).where(runs.provider == source, runs.business_date > day, runs.status != RunStatus.FAILED)
    return tx.execute(later.limit(1)).first() is not None


def days_with_news(
    tx: Transaction, source: str, accounts: Sequence[str], providers: Sequence[str], first: date, last: date
) -> set[date]:
    """The days with a finished run that is not signed, about which a statement or a settlement has come since."""
    which = {"source": source, "accounts": list(accounts), "providers": list(providers), "first": first, "last": last}
    return set(tx.execute(_DAYS_WITH_NEWS, which).scalars())


def open_lines(tx: Transaction, accounts: Sequence[str], day: date) -> list[Row[Any]]:
    """What was booked up to `day` and is in no match, by day; `later`: or in one of a later day."""
    return tx.all(_OPEN_LINES, {"accounts": list(accounts), "day": day})


def open_batches(tx: Transaction, providers: Sequence[str], first: date, day: date) -> list[Row[Any]]:
    """The batches of these days that are in no match, a row for each currency of what they pay out; `later`: or in a
    match of a later day."""
    return tx.all(_OPEN_BATCHES, {"providers": list(providers), "first": first, "day": day})


def shares(tx: Transaction, batches: Collection[UUID]) -> list[Row[Any]]:
    """Whose the settled lines of these batches are: batch, currency, agency_id (None: nobody's that is known) and
    net_minor."""
    return tx.all(_SHARES, {"batches": list(batches)})


def match_credits(
    tx: Transaction, run_id: UUID, accounts: Sequence[str], day: date, rule: str, rules_version: str
) -> list[Row[Any]]:
    """Match the lines that are known credits. Returns by currency how many the run has, and their sum."""
    which = {"accounts": list(accounts), "day": day, "account_key": account_key(accounts[0]) if accounts else ""}
    about = {"run_id": run_id, "rule": rule}
    tx.execute(_MATCH_CREDITS, which | about | {"rules_version": rules_version})
    return tx.all(_SUMS_OF_RULE, about)


def match_returns(
    tx: Transaction, run_id: UUID, accounts: Sequence[str], day: date, rule: str, rules_version: str
) -> list[Row[Any]]:
    """Match the lines that are known refunds and disputes. Returns as match_credits does."""
    about = {"run_id": run_id, "rule": rule}
    tx.execute(_MATCH_RETURNS, about | {"accounts": list(accounts), "day": day, "rules_version": rules_version})
    return tx.all(_SUMS_OF_RULE, about)


def posted(tx: Transaction, statements: Collection[UUID], causes: Collection[str]) -> list[Row[Any]]:
    """What is booked about these statements: name (the keys of the entries without their number), cause,
    agency_id, subject_id, currency, the two accounts `bank` and `other`, entries, and amount_minor, which is positive
    if it came to the bank."""
    return tx.all(_POSTED, {"statements": list(statements), "causes": list(causes)})


def unplaced(tx: Transaction, source: str, run_id: UUID) -> list[Row[Any]]:
    """The sides of what other runs of `source` have matched and could not place whole, by group: each a batch with its
    provider, or a line."""
    return tx.all(_UNPLACED, {"source": source, "run_id": run_id})


def set_unplaced(tx: Transaction, lines: Mapping[int, int]) -> None:
    """How much of each of these lines still belongs to nobody that is known."""
    for line, minor in lines.items():
        live = bank_matches.c.bank_line == line, bank_matches.c.ended_by.is_(None)
        tx.execute(update(bank_matches).where(*live).values(unplaced_minor=minor))


def decided_payouts(tx: Transaction, source: str) -> list[Row[Any]]:
    """The payouts about which a person has decided, and the lines that they had then, as their evidence has them."""
    return tx.all(_DECIDED_PAYOUTS, {"source": source})


def resolved(tx: Transaction, keys: Collection[str]) -> frozenset[str]:
    """Those of the discrepancies with these keys that a person has decided."""
    return frozenset(tx.execute(_RESOLVED, {"keys": list(keys)}).scalars())


def forget_matches(tx: Transaction, run_id: UUID) -> None:
    tx.execute(delete(bank_matches).where(bank_matches.c.run_id == run_id))


def add_matches(tx: Transaction, run_id: UUID, rules_version: str, sides: Sequence[MatchSide]) -> None:
    """Raises IntegrityError if another run has matched one of them."""
    if sides:
        tx.execute(insert(bank_matches), [_values(side, run_id, rules_version) for side in sides])


def _values(side: MatchSide, run_id: UUID, rules_version: str) -> dict[str, Any]:
    match = side.match
    undone = {"payouts": list(match.undone)} if match.undone else {}
    return {
        "run_id": run_id,
        "rules_version": rules_version,
        "group_id": match.group_id,
        "rule": match.rule,
        "currency": match.currency,
        "evidence": {"expected_minor": match.expected_minor, "reported_minor": match.reported_minor, **undone},
        "amount_minor": side.amount_minor,
        "bank_line": side.bank_line,
        "batch": side.batch,
        "unplaced_minor": side.unplaced_minor,
    }
