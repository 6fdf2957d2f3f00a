"""A gateway without its web server: real PostgreSQL, the demo catalogue, one provider over real HTTP.

The provider is the sandbox unless a test asks for another; `settings` are those of the demo, for adapter and simulator.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from gateway.domain.checkout import CheckoutSession
from gateway.domain.fees import Channel
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund
from gateway.ports.provider import AckResult, PaymentProvider, Reply, WebhookReceiver
from gateway.services.find import find_invoice, find_payment, find_refund
from gateway.services.idempotency import Answer, Request
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.load_catalogue import load_catalogue
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.read_catalogue import read_catalogue
from gateway.services.receive_event import receive_event
from gateway.services.rotate_vault_keys import rotate_vault_keys
from gateway.services.runtime import Caller, Runtime
from gateway.services.start_payment import start_payment
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database, Transaction, new_id
from gateway.store.embedded import DatabaseUrls
from providers.demo import demo_settings
from providers.registry import SIMULATORS, build
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from tests.providers.rig import Inbox

TIMEOUT = httpx.Timeout(connect=10, read=2, write=10, pool=10)
"""Long enough for a simulator on a busy machine, short enough to wait for the answers that never come."""

demo_catalogue = cache(read_catalogue)  # reading and checking it takes longer than the rest of a world

PAYER = {"name": "Nguyễn Thị Thử", "national_id": "001199000001"}


class MovableClock:
    """The real time, moved ahead as the test wants; the simulator lives in the real time."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    runtime: Runtime
    clock: MovableClock
    simulator: RunningSimulator
    inbox: Inbox
    settings: Mapping[str, str]
    vault_key: bytes
    provider: str = "sandbox"
    delivered: int = 0
    listening: Mapping[str, PaymentProvider] = field(default_factory=dict)
    portal: Caller = field(default_factory=lambda: Caller(new_id(), "portal", frozenset({"portal"}), None))
    finance: Caller = field(default_factory=lambda: Caller(new_id(), "finance", frozenset({"finance"}), None))
    approver: Caller = field(default_factory=lambda: Caller(new_id(), "approver", frozenset({"approver"}), None))

    def invoice(self, procedure: str = "vn-passport-new", facts: Mapping[str, object] | None = None) -> Invoice:
        request = InvoiceRequest(procedure, facts or {}, Channel.COUNTER, "G22.99.108-1", PAYER)
        with self.runtime.db.transaction() as tx:
            return issue_invoice(tx, self.runtime.vault, self.portal, request)

    def checkout(self, *invoices: Invoice) -> CheckoutSession:
        request = CheckoutRequest([invoice.reference for invoice in invoices], "https://portal.example/back", "vi")
        with self.runtime.db.transaction() as tx:
            return open_checkout(tx, self.runtime, self.portal, request)

    def start(self, session: CheckoutSession, provider: str | None = None, key: str | None = None) -> Payment:
        request, chosen = Request(self.portal, key, b"start"), provider or self.provider
        answer = start_payment(self.runtime, request, session.id, chosen, lambda payment: Answer(201, str(payment.id)))
        return self.payment(UUID(answer.body))

    def payment(self, payment_id: UUID) -> Payment:
        with self.runtime.db.read() as tx:
            return find_payment(tx, self.portal, payment_id)

    def refund(self, refund_id: UUID) -> Refund:
        with self.runtime.db.read() as tx:
            return find_refund(tx, self.portal, refund_id)

    def again(self, invoice: Invoice) -> Invoice:
        with self.runtime.db.read() as tx:
            return find_invoice(tx, self.portal, str(invoice.id))

    def play(self, payment: Payment, outcome: str) -> None:
        """The payer does something on the provider's page."""
        assert payment.next_action is not None
        answer = httpx.post(payment.next_action["url"], data={"outcome": outcome}, timeout=10)
        assert answer.status_code == 303, answer.text

    def deliver(self, count: int) -> list[Reply]:
        """Hand the next `count` notifications of the simulator to the gateway, in the order in which they came."""
        requests = self.inbox.wait_for(self.delivered + count)[self.delivered : self.delivered + count]
        self.delivered += count
        return [receive_event(self.runtime, self.provider, request) for request in requests]

    def paid(self, outcome: str = "succeed", notifications: int = 1) -> tuple[Invoice, Payment]:
        invoice = self.invoice()
        payment = self.start(self.checkout(invoice))
        self.play(payment, outcome)
        self.deliver(notifications)
        return self.again(invoice), self.payment(payment.id)

    def balances(self) -> dict[str, int]:
        """Debits less credits by account, over all agencies; accounts at zero left out."""
        query = text(
            "SELECT account.code, sum(side.minor) AS minor FROM ledger_transfers AS t,"
            " LATERAL (VALUES (t.debit_account_id, t.amount_minor), (t.credit_account_id, -t.amount_minor))"
            " AS side (account_id, minor) JOIN ledger_accounts AS account ON account.id = side.account_id"
            " GROUP BY account.code HAVING sum(side.minor) <> 0"
        )
        with self.runtime.db.read() as tx:
            return {row.code: int(row.minor) for row in tx.execute(query)}

    def discrepancies(self) -> list[Any]:
        query = text(
            "SELECT kind, status, payment_id, refund_id, amount_minor, evidence FROM discrepancies"
            " ORDER BY opened_at, key"
        )
        with self.runtime.db.read() as tx:
            return tx.all(query)

    def count(self, table: str) -> int:
        with self.runtime.db.read() as tx:
            counted: int = tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
            return counted

    def unplug(self) -> None:
        """Nothing listens where the provider was."""
        self.listening = self.runtime.providers
        moved = {name: value.replace(self.simulator.url, "http://127.0.0.1:9") for name, value in self.settings.items()}
        self.runtime = replace(self.runtime, providers={self.provider: build(self.provider, moved, TIMEOUT)})

    def plug_in(self) -> None:
        self.runtime = replace(self.runtime, providers=self.listening)

    def replace_vault_key(self) -> None:
        """Rotate to a new master key, and forget the one that sealed everything until now."""
        old, new, lookup = self.vault_key, secrets.token_bytes(32), secrets.token_bytes(32)
        self.runtime = replace(self.runtime, vault=Vault({"v2": new, "v1": old}, lookup))
        rotate_vault_keys(self.runtime)
        self.runtime = replace(self.runtime, vault=Vault({"v2": new}, lookup))

    def fault(self, operation: str, fault: str, times: int = 1) -> None:
        body = {"operation": operation, "fault": fault, "times": times}
        httpx.post(f"{self.simulator.url}/_sim/faults", json=body, timeout=10).raise_for_status()


# By table; in the order in which they refer to each other.
PUBLISHED: dict[str, str] = {}


def publish_demo_catalogue(tx: Transaction) -> None:
    """Each test process loads it once, and copies what came of that into every further world."""
    if not PUBLISHED:
        load_catalogue(tx, demo_catalogue(), "test")
        for table in ("agencies", "procedures"):
            PUBLISHED[table] = tx.execute(text(f"SELECT json_agg({table})::text FROM {table}")).scalar_one()  # noqa: S608
        return
    for table, rows in PUBLISHED.items():
        copied = text(f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, CAST(:rows AS json))")  # noqa: S608
        tx.execute(copied, {"rows": rows})


@contextmanager
def a_world(
    urls: DatabaseUrls, folder: Path, provider: str = "sandbox", timeout: httpx.Timeout = TIMEOUT
) -> Iterator[World]:
    clock = MovableClock()
    db = Database(urls.app_url, clock, pool_size=16)
    inbox = Inbox()
    secret = secrets.token_hex(16)
    known = demo_settings(provider, "", secret, folder / "settlements")
    simulator = RunningSimulator(SIMULATORS[provider](Options(folder, known, inbox.url)))
    settings = demo_settings(provider, simulator.url, secret, folder / "settlements")
    vault_key = secrets.token_bytes(32)
    adapter = build(provider, settings, timeout)
    if isinstance(adapter, WebhookReceiver):
        inbox.usual = adapter.ack(AckResult.APPLIED)
    runtime = Runtime(
        db=db,
        providers={provider: adapter},
        vault=Vault({"v1": vault_key}, secrets.token_bytes(32)),
        tokens=Tokens(secrets.token_bytes(32)),
        public_url=inbox.url.removesuffix("/webhook"),
    )
    with db.transaction() as tx:
        publish_demo_catalogue(tx)
    try:
        yield World(runtime, clock, simulator, inbox, settings, vault_key, provider)
    finally:
        simulator.stop()
        inbox.stop()
        db.close()
