"""Bank transfers from end to end: the gateway, its database, and the simulated banks of all schemes over real HTTP.

What becomes of each credit is tested in test_bank_credits.py; here the adapters bring it: by notification in JSON or
camt.054, by the bank's list, when a payment is asked about, and in the statement of the day.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.money import Money
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import Reply
from gateway.services.ask_provider import check_payments
from gateway.services.fetch_credits import fetch_credits
from gateway.services.receive_event import receive_event
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from gateway.store import catalogue
from gateway.store.embedded import DatabaseUrls
from providers.demo import demo_settings
from providers.registry import SIMULATORS, build
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from reconciliation.runs import Run, run_reconciliation
from tests.faults.books import contradictions
from tests.integration.world import World, a_world
from tests.providers.rig import PATIENT, Inbox

PROCEDURES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "vietqr": ("vn-passport-new", {}),
    "paynow": ("sg-passport", {}),
    "sepa": ("ee-id-card", {}),
    "fik": ("dk-passport", {}),
    "epn": ("kr-passport", {}),
}
SOME = ("vietqr", "sepa")  # one that is told in JSON and one in camt.054
some_schemes = pytest.mark.parametrize("branch", SOME, indirect=True)
every_scheme = pytest.mark.parametrize("branch", list(PROCEDURES), indirect=True)


@dataclass
class Branch:
    """A bank with its scheme, and the gateway that is told by it."""

    name: str
    world: World
    simulator: RunningSimulator
    inbox: Inbox
    delivered: int = 0

    def invoice(self) -> Invoice:
        return self.world.invoice(*PROCEDURES[self.name])

    def started(self, invoice: Invoice) -> Payment:
        return self.world.start(self.world.checkout(invoice), self.name)

    def play(self, payment: Payment, outcome: str) -> None:
        """The payer follows what the gateway shows into the banking app."""
        url = self.control("pay-page", next_action=payment.next_action)["url"]
        assert httpx.post(url, data={"outcome": outcome}, timeout=PATIENT).status_code == 303

    def control(self, path: str, **fields: Any) -> Any:
        answer = httpx.post(f"{self.simulator.url}/_sim/{path}", json=fields, timeout=PATIENT)
        answer.raise_for_status()
        return answer.json()

    def deliver(self, count: int = 1) -> list[Reply]:
        requests = self.inbox.wait_for(self.delivered + count)[self.delivered :]
        self.delivered = len(self.inbox.requests)
        return [receive_event(self.world.runtime, self.name, request) for request in requests]

    def account_of(self, invoice: Invoice) -> str:
        with self.world.runtime.db.read() as tx:
            return catalogue.agency(tx, invoice.agency_id).bank_account

    def reconciled(self) -> Run:
        """Its bank's day against the ledger, in the bank's zone and currency."""
        zone = ZoneInfo(self.world.runtime.provider(self.name).capabilities.time_zone)
        today = self.world.clock().astimezone(zone).date()
        self.control("settle", date=today.isoformat())
        return run_reconciliation(self.world.runtime, self.name, today, "test")

    def status(self, invoice: Invoice) -> InvoiceStatus:
        return self.world.again(invoice).status


@contextmanager
def a_branch(name: str, world: World, folder: Path) -> Iterator[Branch]:
    inbox, settings = Inbox(), demo_settings(name, "unknown yet", "a-secret-of-both", folder)
    simulator = RunningSimulator(SIMULATORS[name](Options(folder, settings, inbox.url)))
    adapter = build(name, demo_settings(name, simulator.url, "a-secret-of-both", folder), PATIENT)
    world.runtime = replace(world.runtime, providers={**world.runtime.providers, name: adapter})
    yield Branch(name, world, simulator, inbox)
    simulator.stop()
    inbox.stop()


@pytest.fixture
def branch(request: pytest.FixtureRequest, database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Branch]:
    with ExitStack() as stack:
        world = stack.enter_context(a_world(database_urls, tmp_path))
        yield stack.enter_context(a_branch(getattr(request, "param", "vietqr"), world, tmp_path))
        with world.runtime.db.read() as tx:
            assert contradictions(tx) == {}


@every_scheme
def test_a_transfer_as_it_was_asked_for_pays_the_invoice(branch: Branch) -> None:
    invoice = branch.invoice()
    payment = branch.started(invoice)
    branch.play(payment, "succeed")
    assert [reply.status for reply in branch.deliver()] == [200]
    assert branch.status(invoice) is InvoiceStatus.PAID
    assert branch.world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert branch.world.discrepancies() == []


@every_scheme
def test_a_transfer_that_nobody_announced_pays_the_invoice_that_it_names(branch: Branch) -> None:
    invoice = branch.invoice()
    told = {"account": branch.account_of(invoice), "amount_minor": invoice.amount_due_minor}
    branch.control("credits", **told, text=f"phi {invoice.reference.lower()} xin cam on")
    branch.deliver()
    assert branch.status(invoice) is InvoiceStatus.PAID


@some_schemes
def test_a_notification_that_never_came_is_made_good_by_the_list(branch: Branch) -> None:
    invoice = branch.invoice()
    payment = branch.started(invoice)
    branch.play(payment, "silent")
    branch.world.clock.ahead = timedelta(seconds=2)  # what is booked now is before the end of the list then
    assert fetch_credits(branch.world.runtime) == 1
    assert branch.status(invoice) is InvoiceStatus.PAID
    assert fetch_credits(branch.world.runtime) == 0


@some_schemes
def test_or_by_asking_about_the_payment(branch: Branch) -> None:
    invoice = branch.invoice()
    payment = branch.started(invoice)
    branch.play(payment, "silent")
    branch.world.clock.ahead = timedelta(minutes=2)
    check_payments(branch.world.runtime)
    assert branch.world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert branch.status(invoice) is InvoiceStatus.PAID
    fetch_credits(branch.world.runtime)
    assert branch.world.discrepancies() == []


@pytest.mark.parametrize(
    ("outcome", "notifications", "status", "asked_about"),
    [
        ("under", 1, InvoiceStatus.OPEN, []),
        ("over", 1, InvoiceStatus.PAID, ["amount_mismatch"]),
        ("twice", 2, InvoiceStatus.PAID, ["duplicate_payment"]),
        ("garbled", 1, InvoiceStatus.OPEN, ["unidentified_receipt"]),
        ("cut", 1, InvoiceStatus.OPEN, ["unidentified_receipt"]),
        ("no_reference", 1, InvoiceStatus.OPEN, ["unidentified_receipt"]),
        ("late", 1, InvoiceStatus.PAID, []),
        ("decline", 0, InvoiceStatus.OPEN, []),
    ],
)
def test_whatever_arrives_is_put_in_its_place(
    branch: Branch, outcome: str, notifications: int, status: InvoiceStatus, asked_about: list[str]
) -> None:
    invoice = branch.invoice()
    branch.play(branch.started(invoice), outcome)
    branch.deliver(notifications)
    assert branch.status(invoice) is status
    assert [found.kind for found in branch.world.discrepancies()] == asked_about


@every_scheme
def test_a_refund_is_the_return_of_the_credit(branch: Branch) -> None:
    invoice = branch.invoice()
    payment = branch.started(invoice)
    branch.play(payment, "succeed")
    branch.deliver()
    world = branch.world
    part = Money(world.payment(payment.id).amount_minor // 2, invoice.currency)
    with world.runtime.db.transaction() as tx:
        refund = request_refund(tx, world.runtime, world.finance, payment.id, part.amount_minor, "returned document")
        approve_refund(tx, world.approver, refund.id)
    send_refunds(world.runtime)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    branch.deliver()
    assert world.discrepancies() == []


@some_schemes
def test_a_credit_that_the_bank_takes_back_is_a_dispute(branch: Branch) -> None:
    invoice = branch.invoice()
    branch.play(branch.started(invoice), "reverse")
    branch.deliver(2)
    assert branch.world.discrepancies() == []
    assert [code for code in branch.world.balances() if "disputes" in code]


@every_scheme
def test_the_statement_of_the_day_matches_the_ledger_in_its_own_currency(branch: Branch) -> None:
    told, untold = branch.invoice(), branch.invoice()
    branch.play(branch.started(told), "succeed")
    branch.deliver()
    branch.play(branch.started(untold), "silent")
    done = branch.reconciled()
    assert branch.status(untold) is InvoiceStatus.PAID  # learnt from the statement
    assert (done.status, done.error) == ("balanced", "")
    (figures,) = done.totals["by_currency"]
    both = told.total_minor + untold.total_minor
    assert (figures["currency"], figures["matched"]) == (told.currency, 2)
    assert (figures["ledger_minor"], figures["statement_minor"]) == (both, both)


@some_schemes
def test_returns_reversals_and_charges_of_the_day_are_told_apart(branch: Branch) -> None:
    world = branch.world
    invoice = branch.invoice()
    payment = branch.started(invoice)
    branch.play(payment, "succeed")
    branch.deliver()
    with world.runtime.db.transaction() as tx:
        refund = request_refund(tx, world.runtime, world.finance, payment.id, 1_000, "returned document")
        approve_refund(tx, world.approver, refund.id)
    send_refunds(world.runtime)
    branch.play(branch.started(branch.invoice()), "reverse")
    branch.deliver(3)
    before = branch.reconciled()
    assert (before.status, before.error) == ("balanced", "")
    branch.control("charges", account=branch.account_of(invoice), amount_minor=250)
    after = branch.reconciled()
    assert after.error == ""
