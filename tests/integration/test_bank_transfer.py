"""Transfers through the whole gateway, from the code on the page to the bank's statement: each scheme with its adapter
and its simulator over real HTTP, and every thing that a payer can do in a banking app."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.ports.provider import PaymentProvider
from gateway.services.fetch_credits import fetch_credits
from gateway.services.receive_event import receive_event
from gateway.store import catalogue
from gateway.store.embedded import DatabaseUrls
from providers.demo import TEMPLATES
from providers.registry import SIMULATORS, build
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from reconciliation.report import discrepancies_of
from reconciliation.runs import run_reconciliation
from tests.faults.books import contradictions
from tests.integration.world import World, a_world
from tests.providers.rig import PATIENT, Inbox

K = DiscrepancyKind
SCHEMES = [
    ("vietqr", "vn-passport-new"),
    ("paynow", "sg-passport"),
    ("sepa", "ee-id-card"),
    ("fik", "dk-passport"),
    ("epn", "kr-passport"),
]
PAID, OPEN = InvoiceStatus.PAID, InvoiceStatus.OPEN

# What becomes of the invoice, how often the bank tells, and what an officer is asked about.
EXPECTED: Mapping[str, tuple[InvoiceStatus, int, list[str]]] = {
    "succeed": (PAID, 1, []),
    "twice": (PAID, 2, [K.DUPLICATE_PAYMENT]),
    "under": (OPEN, 1, []),
    "over": (PAID, 1, [K.AMOUNT_MISMATCH]),
    "silent": (PAID, 0, []),
    "garbled": (OPEN, 1, [K.UNIDENTIFIED_RECEIPT]),
    "cut": (OPEN, 1, [K.UNIDENTIFIED_RECEIPT]),
    "no_reference": (OPEN, 1, [K.UNIDENTIFIED_RECEIPT]),
    "decline": (OPEN, 0, []),
}
# A number without check digits is believed only for what its invoice asks.
UNCHECKED = {"under": (OPEN, 1, [K.UNIDENTIFIED_RECEIPT]), "over": (OPEN, 1, [K.UNIDENTIFIED_RECEIPT])}


@dataclass
class Town:
    world: World
    bank: PaymentProvider
    simulator: RunningSimulator
    inbox: Inbox
    heard: int = 0

    def control(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.simulator.url}/_sim/{path}", json=body, timeout=10)
        assert answer.is_success, answer.text
        return answer.json()

    def play(self, invoice: Invoice, outcome: str) -> None:
        """The payer scans or types what the page shows, and does something."""
        payment = self.world.start(self.world.checkout(invoice), self.bank.name)
        page = self.control("pay-page", next_action=payment.next_action)["url"]
        assert httpx.post(page, data={"outcome": outcome}, timeout=10).status_code in (200, 303)

    def hear(self, count: int) -> None:
        for request in self.inbox.wait_for(self.heard + count)[self.heard :]:
            assert receive_event(self.world.runtime, self.bank.name, request).status == 200
        self.heard += count

    def asked_about(self, before: int) -> list[Any]:
        return self.world.discrepancies()[before:]


@contextmanager
def a_town(world: World, scheme: str, folder: Path) -> Iterator[Town]:
    filled = {"secret": secrets.token_hex(16), "url": "", "folder": str(folder)}
    inbox = Inbox()
    settings = {name: value.format_map(filled) for name, value in TEMPLATES[scheme].items()}
    simulator = RunningSimulator(SIMULATORS[scheme](Options(folder, settings, inbox.url)))
    settings = {name: value.format_map(filled | {"url": simulator.url}) for name, value in TEMPLATES[scheme].items()}
    bank = build(scheme, settings, PATIENT)
    world.runtime = replace(world.runtime, providers={**world.runtime.providers, scheme: bank})
    try:
        yield Town(world, bank, simulator, inbox)
    finally:
        simulator.stop()
        inbox.stop()


@pytest.mark.parametrize(("scheme", "procedure"), SCHEMES)
def test_whatever_a_payer_does_in_a_banking_app_comes_to_its_place(
    database_urls: DatabaseUrls, tmp_path: Path, scheme: str, procedure: str
) -> None:
    expected = {**EXPECTED, **(UNCHECKED if scheme == "epn" else {})}
    with a_world(database_urls, tmp_path) as world, a_town(world, scheme, tmp_path) as town:
        for outcome, (status, told, kinds) in expected.items():
            invoice, before = world.invoice(procedure), len(world.discrepancies())
            town.play(invoice, outcome)
            town.hear(told)
            world.clock.ahead += timedelta(seconds=2)  # banks list by the second
            fetch_credits(world.runtime)
            asked = town.asked_about(before)
            assert (outcome, world.again(invoice).status) == (outcome, status)
            assert (outcome, [found.kind for found in asked]) == (outcome, kinds)
            if outcome == "garbled":
                assert asked[0].evidence["proposed"] == [invoice.reference]
        with world.runtime.db.read() as tx:
            assert contradictions(tx) == {}
            agency = catalogue.agency(tx, invoice.agency_id)
        day = agency.business_date(world.clock())
        town.control("settle", date=day.isoformat())
        run = run_reconciliation(world.runtime, scheme, day, "test")
        with world.runtime.db.read() as tx:
            found = {row["kind"] for row in discrepancies_of(tx, run.id)}
        assert run.totals["matched"] == len(expected)  # one came twice, and one not at all
        assert found <= {K.UNIDENTIFIED_RECEIPT, K.DUPLICATE_PAYMENT, K.AMOUNT_MISMATCH}
        assert run.totals["currency"] == agency.currency


def test_what_the_bank_takes_back_is_a_dispute_or_nobodys_matter(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with a_world(database_urls, tmp_path) as world, a_town(world, "vietqr", tmp_path) as town:
        invoice = world.invoice()
        town.play(invoice, "reverse")
        town.hear(2)
        assert world.balances()["disputes"] == invoice.total_minor
        with world.runtime.db.read() as tx:
            assert contradictions(tx) == {}


def test_the_banks_second_form_of_notification_is_as_good(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with a_world(database_urls, tmp_path) as world, a_town(world, "sepa", tmp_path) as town:
        town.control("notify-by", form="camt.054")
        invoice = world.invoice("ee-id-card")
        town.play(invoice, "succeed")
        town.hear(1)
        assert world.again(invoice).status is PAID
