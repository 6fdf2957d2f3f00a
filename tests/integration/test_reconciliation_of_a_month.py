"""Generated days with planted faults through the real database: what the runs write down is the truth."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from benchmarks.days import Cause, Expected, Extent, Month, generate
from benchmarks.days.model import Booked, LineAt
from gateway.domain.discrepancy import DiscrepancyKind as K
from reconciliation.reports.run import as_json
from reconciliation.reports.tabular import as_csv
from tests.database import SessionDatabase
from tests.faults.books import contradictions
from tests.integration.month_in_books import Books, night_after, the_books

SEED = 59
EXTENT = Extent(days=3, payments=20, single=1, whole=2)
OTHER_ORDER = (2, 0, 1)
ONE_SIDED = frozenset({K.PAYOUT_MISSING, K.UNIDENTIFIED_RECEIPT})  # which the bank's statement tells
BY_PAYMENT = frozenset({K.DUPLICATE_PAYMENT, K.REFUND_UNKNOWN})  # which the gateway itself opens
LASTING = frozenset({K.FEE_MISMATCH, K.PAYOUT_SHORT, K.PAYOUT_OVER})  # which nothing that comes later explains

About = tuple[object, ...]
Named = tuple[str, str, About]

DISCREPANCIES = """
SELECT known.kind, known.status, known.payment_id AS payment, batch.batch_id AS batch, known.line,
       known.evidence -> 'settlement' ->> 'batch' AS of_batch, movement_of_entry(entry.cause) AS movement,
       coalesce(refund.provider_refund_id, entry.subject_id::text) AS reference
  FROM discrepancies AS known
  LEFT JOIN settlement_batches AS batch ON batch.id = known.batch
  LEFT JOIN ledger_entries AS entry ON entry.id = known.entry_id
  LEFT JOIN refunds AS refund ON refund.id = entry.subject_id
"""
MATCHES = """
SELECT batch.batch_id AS batch, match.line, movement_of_entry(entry.cause) AS movement,
       coalesce(refund.provider_refund_id, entry.subject_id::text) AS reference
  FROM matches AS match
  JOIN settlement_batches AS batch ON batch.id = match.batch
  JOIN ledger_entries AS entry ON entry.id = match.entry_id
  LEFT JOIN refunds AS refund ON refund.id = entry.subject_id
"""
IN_TRANSIT = """
SELECT account.code, transfer.currency, sum(CASE WHEN account.id = debit_account_id THEN 1 ELSE -1 END * amount_minor)
       AS minor
  FROM ledger_accounts AS account
  JOIN ledger_transfers AS transfer ON account.id IN (debit_account_id, credit_account_id)
 WHERE account.code LIKE 'in_transit:%'
 GROUP BY account.code, transfer.currency
"""
# What has moved, less what providers kept of the lines that matched.
MOVED_LESS_FEES = """
SELECT payment.provider, payment.currency, sum(moved.minor)::bigint AS minor
  FROM payments AS payment
  JOIN (SELECT id, amount_minor FROM payments WHERE status = 'succeeded'
         UNION ALL
        SELECT payment_id, -amount_minor FROM refunds WHERE status = 'succeeded'
         UNION ALL
        SELECT payment_id, -amount_minor FROM disputes WHERE status <> 'won') AS moved (id, minor) USING (id)
 GROUP BY payment.provider, payment.currency
"""
KEPT = """
SELECT batch.provider, line.currency, sum(line.fee_minor)::bigint AS minor
  FROM (SELECT DISTINCT batch, line FROM matches WHERE line IS NOT NULL) AS match
  JOIN settlement_lines AS line USING (batch, line)
  JOIN settlement_batches AS batch ON batch.id = match.batch
 GROUP BY batch.provider, line.currency
"""


@pytest.fixture(scope="module")
def month() -> Month:
    return generate(SEED, EXTENT)


@pytest.fixture(scope="module")
def lived(session_database: SessionDatabase, month: Month) -> Iterator[Books]:
    """The month, each day reconciled in the night after it."""
    with session_database.fresh() as urls, the_books(urls, month) as books:
        for day in month.days:
            books.live_until(night_after(day))
            books.reconcile(day)
        yield books


def test_the_month_is_a_hard_one(month: Month) -> None:
    """Disputes and refunds, more than one currency, and what has to be learnt from the settlement."""
    assert {booked.movement for booked in month.entries} >= {"payment", "refund", "chargeback"}
    assert len({batch.ref.total.currency for batch in month.batches if batch.ref.total}) > 1
    assert {fault.cause for fault in month.faults} >= {
        Cause.LOST_NOTIFICATION,
        Cause.REFUND_ELSEWHERE,
        Cause.PAID_TWICE,
    }


def test_the_runs_name_what_was_planted_and_nothing_else(lived: Books, month: Month) -> None:
    told = Truth(month)
    found = {name for name in map(named, lived.rows(DISCREPANCIES)) if not told.may_be(name[2])}
    assert found == told.expected


def test_the_runs_match_what_is_the_same_and_nothing_else(lived: Books, month: Month) -> None:
    told = Truth(month)
    found = {(LineAt(row.batch, row.line), (row.movement, row.reference)) for row in lived.rows(MATCHES)}
    due = {(line, told.entry[entry]) for line, entry in month.matches.items()}
    assert due <= found
    learnt = {each.line for each in month.expected if each.repaired or each.kind is K.REFUND_UNKNOWN}
    assert {line for line, _ in found - due} <= learnt | told.solvable_lines
    of_solvable = {entry for line, entry in found - due if line in told.solvable_lines}
    assert of_solvable <= told.solvable_entries


def test_the_books_agree_and_the_accounts_of_the_providers_hold_what_is_on_its_way(lived: Books) -> None:
    with lived.runtime.db.read() as tx:
        off = contradictions(tx)
    assert set(off) <= {"in transit and in the bank is what moved"}  # it knows nothing of fees, which are next
    kept = Counter({(row.provider, row.currency): row.minor for row in lived.rows(KEPT)})
    moved = {(row.provider, row.currency): row.minor for row in lived.rows(MOVED_LESS_FEES)}
    held = {(row.code.removeprefix("in_transit:"), row.currency): int(row.minor) for row in lived.rows(IN_TRANSIT)}
    assert held == {key: minor - kept[key] for key, minor in moved.items()}


def test_running_the_nights_again_changes_nothing(lived: Books, month: Month) -> None:
    """What a night learnt is old news to the nights before it once they are run again; then all is settled."""
    for day in (*month.days, *month.days[:-1]):
        lived.reconcile(day)
    before = everything(lived)
    for day in reversed(month.days):
        lived.reconcile(day)
    assert everything(lived) == before


def test_the_nights_in_another_order_come_to_the_same(
    session_database: SessionDatabase, lived: Books, month: Month
) -> None:
    """A day that was run before the days it needs leaves lines that the next run of a later day, or its own, takes."""
    with session_database.fresh() as urls, the_books(urls, month) as books:
        books.live_until(night_after(month.last))
        for place in OTHER_ORDER:
            books.reconcile(month.days[place])
        assert still_open(books) != still_open(lived)
        books.reconcile(month.last)
        assert still_open(books) == still_open(lived)
        assert len(books.rows(MATCHES)) == len(lived.rows(MATCHES))


class Truth:
    """The month's truth in the words of the database."""

    def __init__(self, month: Month) -> None:
        self.entry = {booked.number: about_entry(booked) for booked in month.entries}
        self.lines = {
            LineAt(batch.ref.id, number): line
            for batch in month.batches
            for number, line in enumerate(batch.lines, start=1)
        }
        self.solvable_lines = {line for each in month.solvable for line in each.lines}
        self.solvable_entries = {self.entry[number] for each in month.solvable for number in each.entries}
        self.month = month
        self.expected = {self._named(each) for each in month.expected if each.kind not in ONE_SIDED}
        self.expected = {name for name in self.expected if not self.may_be(name[2])}

    def may_be(self, about: About) -> bool:
        """Whether it is about what a clever rule may match and a careful one may leave."""
        return about in self.solvable_entries or about in {(line.batch, line.number) for line in self.solvable_lines}

    def _named(self, expected: Expected) -> Named:
        is_over = expected.last is not None and expected.last < self.month.last and expected.kind not in LASTING
        if expected.repaired:
            return K.STATUS_MISMATCH, "cleared", self._about(expected)
        return expected.kind, "cleared" if is_over else "open", self._about(expected)

    def _about(self, expected: Expected) -> About:
        if expected.kind is K.REFUND_UNKNOWN and expected.line:
            return (self.lines[expected.line].merchant_reference,)
        if expected.line:
            return expected.line.batch, expected.line.number
        about = self.entry[expected.entry] if expected.entry else (expected.batch,)
        return about[1:] if expected.kind in BY_PAYMENT else about


def about_entry(booked: Booked) -> About:
    return booked.movement, booked.reference if booked.refund else str(booked.payment.id)


def named(row: Any) -> Named:
    if row.kind in BY_PAYMENT:
        about: About = (str(row.payment),)
    elif row.batch:
        about = row.batch, row.line
    else:
        about = (row.movement, row.reference) if row.movement else (row.of_batch,)
    return row.kind, row.status, about


def still_open(books: Books) -> Counter[About]:
    """Which of two equal lines is the repetition depends on which was read first, so lines have no place here."""
    rows = [row for row in books.rows(DISCREPANCIES) if row.status == "open"]
    return Counter((row.kind, row.payment, row.movement, row.of_batch if row.payment is None else None) for row in rows)


def everything(books: Books) -> Sequence[object]:
    """What the runs have left: discrepancies, matches, accounts, and the reports to the byte."""
    order = "SELECT id, status, kind, closed_at FROM discrepancies ORDER BY id"
    reports = []
    for run in books.rows("SELECT id FROM reconciliation_runs ORDER BY business_date, provider"):
        with books.runtime.db.read() as tx:
            reports += [b"".join(as_json(tx, run.id)), b"".join(as_csv(tx, run.id))]
    left = [sorted(map(str, books.rows(query))) for query in (order, MATCHES, IN_TRANSIT)]
    return left, reports
