"""PayGov with the whole gateway over HTTP: its hints, what it may be paid for, and what it is told when it asks."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.domain.checkout import MethodNotOffered
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import NotRefundable
from gateway.services.ask_provider import check_payments
from gateway.services.close_invoice import void_invoice
from gateway.services.keys import KeyRing
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.refund_payment import request_refund
from gateway.store import payments
from gateway.store.embedded import DatabaseUrls
from providers.paygov import wire
from providers.paygov.wire import Name
from providers.registry import SIMULATORS, build
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from tests.integration.api import settings_for
from tests.integration.world import PAYER, World, a_world
from tests.ports import free_port
from tests.providers.rig import PATIENT

FEE = 200_000
KEY_2 = "planted-key-two"
DOSSIER = "G22.99.108-1"


@dataclass
class Portal:
    """The gateway where PayGov reaches it, and PayGov itself. `world` is the gateway's inside."""

    world: World
    url: str
    simulator: RunningSimulator

    def begun(self, *invoices: Invoice) -> Payment:
        return self.world.start(self.world.checkout(*(invoices or (self.world.invoice(),))), "paygov")

    def fault(self, operation: str, fault: str, times: int = 1) -> None:
        body = {"operation": operation, "fault": fault, "times": times}
        httpx.post(f"{self.simulator.url}/_sim/faults", json=body, timeout=10).raise_for_status()

    def becomes(self, payment: Payment, status: PaymentStatus, seconds: int = 30) -> Payment:
        """Wait until the payment is so; fails if it does not come to it."""
        deadline = time.monotonic() + seconds
        while (now := self.world.payment(payment.id)).status is not status:
            assert time.monotonic() < deadline, f"it is {now.status} and was to become {status}"
            time.sleep(0.05)
        return now

    def call_back(self, payment: Payment, status: str, key: str = KEY_2) -> httpx.Response:
        """As PayGov notifies, or whoever has seen it do so and alters what it does not sign."""
        fields = {
            Name.ADDITION_FEE: "0",
            Name.CLIENT_ID: "ministry",
            Name.COMMAND: wire.PAY,
            Name.AMOUNT: str(payment.amount_minor),
            Name.TRANSACTION_ID: wire.transaction_id(payment.id),
            Name.VERSION: wire.VERSION,
        }
        body = {**fields, Name.STATUS: status, Name.CHECKSUM: wire.checksum(key, "callback", fields)}
        return httpx.post(f"{self.url}/webhook", json=body, timeout=30)

    def pull(self, dossier: str) -> Any:
        answer = httpx.post(f"{self.simulator.url}/_sim/pull", json={"dossier": dossier}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def due(self, dossier: str) -> Any:
        told = self.pull(dossier)
        assert told["status"] == 200, told
        return told["answer"]


@pytest.fixture
def portal(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Portal]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/providers/paygov"
    settings = {
        "GATEWAY_PAYGOV_CLIENT_ID": "ministry",
        "GATEWAY_PAYGOV_HASH_KEY_1": "planted-key-one",
        "GATEWAY_PAYGOV_HASH_KEYS_2": KEY_2,
        "GATEWAY_PAYGOV_SETTLEMENT_DIR": str(tmp_path / "settlements"),
    }
    with a_world(database_urls, tmp_path) as world:
        simulator = RunningSimulator(SIMULATORS["paygov"](Options(tmp_path, settings, f"{url}/webhook")))
        provider = build("paygov", {**settings, "GATEWAY_PAYGOV_BASE_URL": simulator.url}, PATIENT)
        world.runtime = replace(world.runtime, providers={**world.runtime.providers, "paygov": provider})
        config = settings_for(database_urls.app_url)
        server = make_server("127.0.0.1", port, create_app(config, world.runtime, KeyRing(config.api_key_pepper)))
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        serving.start()
        yield Portal(world, url, simulator)
        simulator.stop()
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_payment_is_made_known_by_a_hint_and_confirmed_by_a_question(portal: Portal) -> None:
    invoice = portal.world.invoice()
    payment = portal.begun(invoice)
    portal.world.play(payment, "succeed")
    paid = portal.becomes(payment, PaymentStatus.SUCCEEDED)
    assert paid.provider_payment_id == wire.transaction_id(payment.id)
    assert portal.world.again(invoice).status is InvoiceStatus.PAID
    assert portal.world.balances()["in_transit:paygov"] == FEE
    with portal.world.runtime.db.read() as tx:
        story = [(event.source, event.reported) for event in payments.events_of(tx, payment.id)]
    assert story[1:] == [("webhook", "hint"), ("webhook", "succeeded")]


def test_a_forged_status_in_a_rightly_signed_callback_never_pays(portal: Portal) -> None:
    payment = portal.begun()
    for _ in range(2):
        answer = portal.call_back(payment, "0")
        assert (answer.status_code, answer.json()["return_code"]) == (200, 0)
    assert portal.world.payment(payment.id).status is PaymentStatus.PENDING
    assert "in_transit:paygov" not in portal.world.balances()
    assert portal.world.count("provider_events") == 1


def test_a_callback_that_is_not_signed_is_told_so_and_not_kept(portal: Portal) -> None:
    answer = portal.call_back(portal.begun(), "0", key="another")
    assert answer.json()["return_code"] == -1
    assert portal.world.count("provider_events") == 0


def test_a_hint_while_paygov_does_not_answer_is_asked_about_later(portal: Portal) -> None:
    payment = portal.begun()
    portal.fault("webhook", "drop", times=5)
    portal.world.play(payment, "succeed")
    portal.fault("query", "error_500_before")
    assert portal.call_back(payment, "0").json()["return_code"] == 0
    assert portal.world.payment(payment.id).status is PaymentStatus.PENDING
    portal.world.clock.ahead += timedelta(minutes=2)
    check_payments(portal.world.runtime)
    assert portal.world.payment(payment.id).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("fault", ["error_500_after_accept", "close_connection"])
def test_a_creation_whose_answer_was_lost_is_found_by_the_id_that_we_made(portal: Portal, fault: str) -> None:
    portal.fault("create", fault)
    payment = portal.begun()
    assert payment.status is PaymentStatus.UNKNOWN
    page = f"{portal.simulator.url}/pay/{wire.transaction_id(payment.id)}"
    assert httpx.post(page, data={"outcome": "succeed"}, timeout=30).status_code == 303
    assert portal.becomes(payment, PaymentStatus.SUCCEEDED).provider_payment_id == wire.transaction_id(payment.id)


def test_for_several_invoices_at_once_it_is_not_offered_and_nothing_is_sent(portal: Portal) -> None:
    world = portal.world
    invoices = [world.invoice(), world.invoice("vn-passport-lost")]
    assert "paygov" in world.checkout(invoices[0]).methods
    session = world.checkout(*invoices)
    assert session.methods == ("sandbox",)
    with pytest.raises(MethodNotOffered):
        world.start(session, "paygov")
    wanted = CheckoutRequest([i.reference for i in invoices], "https://portal.example/", "vi", ["paygov"])
    with world.runtime.db.transaction() as tx, pytest.raises(MethodNotOffered, match="one invoice at a time"):
        open_checkout(tx, world.runtime, world.portal, wanted)
    assert httpx.get(f"{portal.simulator.url}/_sim/traffic", timeout=10).json()["data"] == []


def test_a_refund_that_could_never_be_sent_is_refused_at_once(portal: Portal) -> None:
    world = portal.world
    payment = portal.begun()
    world.play(payment, "succeed")
    portal.becomes(payment, PaymentStatus.SUCCEEDED)
    with world.runtime.db.transaction() as tx, pytest.raises(NotRefundable, match="paygov has no way"):
        request_refund(tx, world.runtime, world.finance, payment.id, FEE, "refused")
    assert world.payment(payment.id).refunded_minor == 0


def test_nothing_that_paygov_receives_tells_who_pays(portal: Portal) -> None:
    payment = portal.begun()
    portal.world.play(payment, "succeed")
    portal.becomes(payment, PaymentStatus.SUCCEEDED)
    traffic = httpx.get(f"{portal.simulator.url}/_sim/traffic", timeout=10).json()
    ours = [json.loads(request["body"]) for request in traffic["data"] if "/payment/" in request["url"]]
    said = json.dumps([ours, traffic, portal.pull(DOSSIER)], ensure_ascii=False)
    assert DOSSIER in said
    assert not any(fact in said for fact in PAYER.values())


class TestWhatIsDue:
    def test_a_dossier_is_due_until_it_is_paid(self, portal: Portal) -> None:
        invoice = portal.world.invoice()
        told = portal.due(DOSSIER)
        assert (told["error_code"], told["MaHoSo"], told["MaDonVi"]) == (1, DOSSIER, "vn-mps")
        assert [(fee["MaPhiLePhi"], fee["SoTien"]) for fee in told["PhiLePhi"]] == [("2751", str(FEE))]
        assert invoice.reference in told["NoiDungThanhToan"]
        payment = portal.begun(invoice)
        portal.world.play(payment, "succeed")
        portal.becomes(payment, PaymentStatus.SUCCEEDED)
        assert portal.due(DOSSIER)["error_code"] == 0

    def test_a_dossier_that_nobody_knows_is_not_found(self, portal: Portal) -> None:
        portal.world.invoice()
        assert portal.due("H26-0")["error_code"] == -1

    def test_a_dossier_of_an_agency_without_paygov_is_not_found(self, portal: Portal) -> None:
        portal.world.invoice()
        assert portal.due(DOSSIER)["error_code"] == 1
        with portal.world.runtime.db.transaction() as tx:
            tx.execute(text("UPDATE agencies SET providers = '{sandbox}' WHERE code = 'vn-mps'"))
        assert portal.due(DOSSIER)["error_code"] == -1

    def test_the_oldest_is_due_first_and_what_is_void_never(self, portal: Portal) -> None:
        first, second = portal.world.invoice(), portal.world.invoice("vn-passport-lost")
        assert first.reference in portal.due(DOSSIER)["NoiDungThanhToan"]
        with portal.world.runtime.db.transaction() as tx:
            void_invoice(tx, portal.world.portal, str(first.id))
        assert second.reference in portal.due(DOSSIER)["NoiDungThanhToan"]

    def test_what_may_have_been_paid_already_is_not_called_due(self, portal: Portal) -> None:
        portal.fault("create", "error_500_after_accept")
        assert portal.begun().status is PaymentStatus.UNKNOWN
        assert portal.due(DOSSIER)["error_code"] == 0

    def test_what_is_just_being_paid_is_not_called_due_until_the_time_for_that_is_over(self, portal: Portal) -> None:
        payment = portal.begun()
        assert portal.due(DOSSIER)["error_code"] == 0
        portal.world.clock.ahead += payment.expires_at - portal.world.clock() + timedelta(minutes=1)
        assert portal.due(DOSSIER)["error_code"] == 1

    def test_who_asks_without_a_signature_is_refused(self, portal: Portal) -> None:
        portal.world.invoice()
        asked = {Name.CLIENT_ID: "ministry", Name.DOSSIER: DOSSIER}
        for body in (asked, {**asked, Name.CHECKSUM: wire.checksum("another", "pull", asked)}):
            answer = httpx.post(f"{portal.url}/bills", json=body, timeout=30)
            assert (answer.status_code, answer.json()["code"]) == (422, "bill_request_refused")
            assert DOSSIER not in answer.text

    @pytest.mark.usefixtures("still")
    def test_who_guesses_is_stopped(self, portal: Portal) -> None:
        answers = [httpx.post(f"{portal.url}/bills", content=b"{}", timeout=30).status_code for _ in range(31)]
        assert answers == [422] * 30 + [429]

    def test_a_provider_that_does_not_ask_has_no_such_address(self, portal: Portal) -> None:
        answer = httpx.post(f"{portal.url.replace('paygov', 'sandbox')}/bills", content=b"{}", timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_bills")
