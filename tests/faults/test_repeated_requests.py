"""The same thing asked many times at once over the network: it happens once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import uuid4

import httpx
import pytest

from gateway.ports.provider import RawRequest
from gateway.store.embedded import DatabaseUrls
from tests.faults.service import Service, a_service
from tests.integration.api import INVOICE

TIMES = 50

T = TypeVar("T")


@pytest.fixture(scope="module")
def service(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with a_service(module_database_urls, tmp_path_factory.mktemp("service")) as running:
        yield running


def at_once(work: Callable[[int], T], times: int = TIMES) -> list[T]:
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(work, range(times)))


def payment_waiting(service: Service) -> dict[str, object]:
    invoice = service.post("/v1/invoices", INVOICE).json()
    asked = {"invoices": [invoice["id"]], "return_url": "https://portal.example/back"}
    session = service.post("/v1/checkout-sessions", asked).json()
    payment: dict[str, object] = service.post(
        f"/v1/checkout-sessions/{session['id']}/payments", {"provider": "sandbox"}
    ).json()
    return payment | {"invoice": invoice["id"]}


def play(service: Service, payment: dict[str, object], outcome: str) -> RawRequest:
    """The payer decides; the notification that follows."""
    before = len(service.world.inbox.requests)
    action = payment["next_action"]
    assert isinstance(action, dict)
    assert httpx.post(action["url"], data={"outcome": outcome}, timeout=10).status_code == 303
    return service.world.inbox.wait_for(before + 1)[before]


def test_the_same_invoice_asked_for_fifty_times_at_once_is_one_invoice(service: Service) -> None:
    key, before = str(uuid4()), service.world.count("invoices")
    replies = at_once(lambda _: service.post("/v1/invoices", INVOICE, key))
    statuses = Counter(reply.status_code for reply in replies)
    assert set(statuses) <= {201, 409}, statuses
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} <= {"request_in_flight"}
    assert len({reply.content for reply in replies if reply.status_code == 201}) == 1
    assert service.world.count("invoices") == before + 1
    assert service.post("/v1/invoices", INVOICE, key).status_code == 201
    assert service.world.count("invoices") == before + 1


def test_the_same_payment_started_fifty_times_at_once_is_one_payment(service: Service) -> None:
    invoice = service.post("/v1/invoices", INVOICE).json()
    asked = {"invoices": [invoice["id"]], "return_url": "https://portal.example/back"}
    path = f"/v1/checkout-sessions/{service.post('/v1/checkout-sessions', asked).json()['id']}/payments"
    key, before = str(uuid4()), service.world.count("payments")
    replies = at_once(lambda _: service.post(path, {"provider": "sandbox"}, key))
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({reply.json()["id"] for reply in replies if reply.status_code == 201}) == 1
    assert service.world.count("payments") == before + 1


@pytest.mark.parametrize("with_returns", [False, True], ids=["alone", "among_returning_browsers"])
def test_the_same_webhook_fifty_times_at_once_moves_the_money_once(service: Service, with_returns: bool) -> None:
    payment = payment_waiting(service)
    notification = play(service, payment, "succeed")
    transfers, events = service.world.count("ledger_transfers"), service.world.count("provider_events")

    def deliver(turn: int) -> int:
        if with_returns and turn % 5 == 0:
            return httpx.get(f"{service.url}/providers/sandbox/return?payment={payment['id']}", timeout=30).status_code
        url = f"{service.url}/providers/sandbox/webhook"
        headers = {"sandbox-signature": notification.headers["sandbox-signature"]}
        return httpx.post(url, content=notification.body, headers=headers, timeout=30).status_code

    assert set(at_once(deliver)) <= {200, 303}
    assert service.get(f"/v1/payments/{payment['id']}")["status"] == "succeeded"
    assert service.get(f"/v1/invoices/{payment['invoice']}")["status"] == "paid"
    assert service.world.count("provider_events") == events + 1
    assert service.world.count("ledger_transfers") == transfers + 1
    balance = service.get("/v1/ledger/trial-balance?currency=VND")
    assert balance["total_debit_minor"] == balance["total_credit_minor"]


def test_one_id_goes_through_a_request_and_its_provider_call(service: Service) -> None:
    with service.client() as client:
        reply = client.get("/v1/invoices", headers={"X-Request-Id": "0123456789abcdef"})
    assert reply.headers["X-Request-Id"] == "0123456789abcdef"
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("request_id") == "0123456789abcdef"]
    assert [line["route"] for line in mine] == ["/v1/invoices"]
    assert mine[0]["status"] == 200
    assert service.key not in service.log.read_text()


def test_nothing_of_all_this_was_a_fault_of_the_service(service: Service) -> None:
    assert service.faults() == []
