"""Payouts that were settled and matched already, written straight into the books: for runs of a bank account."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from gateway.domain.ledger import RECEIVABLE, Entry, Transfer, in_transit, provider_fees
from gateway.domain.money import Money
from gateway.domain.payout import PayoutTerms, bank_source
from gateway.ports.provider import PaymentProvider
from gateway.services.runtime import Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store import reconciliation
from gateway.store.database import Database, Transaction, new_id
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.reconciliation import match_rows, settlement_batches, settlement_lines
from reconciliation.reports.run import as_json, discrepancies_of
from reconciliation.runs import Run, run_reconciliation
from tests.integration.bank_statements import Booked, write_statement
from tests.integration.conftest import Clock

DAY = date(2026, 3, 2)
"""A Monday."""


@contextmanager
def a_runtime(
    urls: DatabaseUrls, days: int, providers: Mapping[str, PaymentProvider] | None = None
) -> Iterator[Runtime]:
    """So many days after the tests' usual time, when all of DAY has happened."""
    clock = Clock()
    clock.pass_by(timedelta(days=days))
    db = Database(urls.app_url, clock)
    yield Runtime(db, providers or {}, Vault({"v1": b"v" * 32}, b"l" * 32), Tokens(b"t" * 32), "https://pay.example")
    db.close()


BALANCE = text(
    """
    SELECT coalesce(sum(CASE WHEN account.id = debit_account_id THEN amount_minor ELSE -amount_minor END), 0)
      FROM ledger_accounts AS account
      JOIN ledger_transfers ON account.id IN (debit_account_id, credit_account_id)
     WHERE account.code = :code AND account.agency_id = coalesce(CAST(:agency AS uuid), account.agency_id)
    """
)


@dataclass(frozen=True)
class Settled:
    """A line of a settlement. `known`: it was matched with a payment of the agency's."""

    agency: UUID
    gross: int
    fee: int = 0
    known: bool = True


@dataclass
class PayoutBooks:
    """One provider that pays out to one account, both of their own."""

    runtime: Runtime
    days: int = 2
    holidays: frozenset[date] = frozenset()
    provider: str = field(default_factory=lambda: f"p{new_id().hex}")
    account: str = field(default_factory=lambda: f"{new_id().int % 10**16:016}")

    def __post_init__(self) -> None:
        terms = PayoutTerms({self.provider: self.account}, {self.provider: self.days}, self.holidays)
        self.runtime = replace(self.runtime, payouts=terms)

    @property
    def source(self) -> str:
        return bank_source(self.account)

    def settle(self, batch_id: str, *lines: Settled, day: date = DAY, payout: str | None = None) -> int:
        """Returns what the batch pays out."""
        batch = new_id()
        with self.runtime.db.transaction() as tx:
            values = {"id": batch, "provider": self.provider, "batch_id": batch_id, "business_date": day}
            values |= {"payout_id": payout, "sha256": batch.bytes, "lines": len(lines)}
            tx.execute(insert(settlement_batches).values(values))
            rows = [_row(batch, number, line, tx) for number, line in enumerate(lines, start=1)]
            tx.execute(insert(settlement_lines), rows)
        for number, line in enumerate(lines, start=1):
            if line.known:
                self.match(batch, number, line, day)
        return sum(line.gross - line.fee for line in lines)

    def match(self, batch: UUID, number: int, line: Settled, day: date = DAY) -> None:
        """The line is a payment's, as a run of the provider finds it."""
        key = f"test:{batch}:{number}"
        with self.runtime.db.transaction() as tx:
            run = reconciliation.begin_run(tx, self.provider, day, "test", "2", dated=day)
            assert run is not None
            tx.post(_entry(tx, key, self.provider, line, day))
            tx.flush()
            entry = tx.execute(text("SELECT id FROM ledger_entries WHERE key = :key"), {"key": key}).scalar_one()
            values = {"batch": batch, "line": number, "entry_id": entry, "run_id": run.id, "rule": "provider_reference"}
            tx.execute(insert(match_rows).values(values))
            reconciliation.end_run(tx, run.id, "balanced", totals={})

    def book(self, *lines: Booked, day: date = DAY) -> None:
        write_statement(self.runtime.db, self.account, day, *lines)

    def run(self, day: date = DAY) -> Run:
        return run_reconciliation(self.runtime, self.source, day, "test")

    def found(self, run: Run) -> list[tuple[str, str, int]]:
        """Kind, status and amount of what the run found, sorted."""
        with self.runtime.db.read() as tx:
            rows = discrepancies_of(tx, run.id)
            return sorted((row["kind"], row["status"], row["amount_minor"]) for row in rows)

    def report(self, run: Run) -> bytes:
        with self.runtime.db.read() as tx:
            return b"".join(as_json(tx, run.id))

    def rows(self, query: str) -> list[Any]:
        """`:source`, `:provider` and `:account` are ours."""
        about = {"source": self.source, "provider": self.provider, "account": self.account}
        statement = text(query)
        wanted = {name: value for name, value in about.items() if f":{name}" in query}
        with self.runtime.db.read() as tx:
            return tx.all(statement, wanted)

    def balance(self, code: str, agency: UUID | None = None) -> int:
        """Debits less credits of an account of the ledger."""
        with self.runtime.db.read() as tx:
            return int(tx.execute(BALANCE, {"code": code, "agency": agency}).scalar_one())

    def on_its_way(self, agency: UUID | None = None) -> int:
        return self.balance(in_transit(self.provider), agency)

    def at_bank(self, agency: UUID | None = None) -> int:
        return self.balance(f"bank:{self.account}", agency)


def _row(batch: UUID, number: int, line: Settled, tx: Transaction) -> dict[str, Any]:
    return {
        "batch": batch,
        "line": number,
        "line_id": f"{batch}-{number}",
        "kind": "payment",
        "currency": "VND",
        "gross_minor": line.gross,
        "fee_minor": line.fee,
        "occurred_at": tx.now,
        "status": "settled",
        "settled": True,
    }


def _entry(tx: Transaction, key: str, provider: str, line: Settled, day: date) -> Entry:
    moved = [_transfer(in_transit(provider), RECEIVABLE, line.gross)]
    if line.fee:
        moved.append(Transfer(provider_fees(provider), in_transit(provider), Money(line.fee, "VND")))
    return Entry(key, "payment_succeeded", line.agency, new_id(), tx.now, day, tuple(moved))


def _transfer(debit: str, credit: str, minor: int) -> Transfer:
    """A refund is negative."""
    amount = Money(abs(minor), "VND")
    return Transfer(debit, credit, amount) if minor > 0 else Transfer(credit, debit, amount)
