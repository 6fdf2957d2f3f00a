"""kill -9 of any process at any moment of a busy day, again and again: the books end as the providers' own.

Portals and payers go on as they would in life: whoever gets no answer asks again, with the same key. The moments are
random; the seed is printed. GATEWAY_KILL_ROUNDS asks for more of them than the default.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from gateway.local import answers
from tests.e2e.stack import Stack, stack

ROUNDS = int(os.environ.get("GATEWAY_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("GATEWAY_KILL_SEED", str(random.randrange(10**6))))
PAYERS = 3
PATIENCE_S = 60
ANSWERED_LATE = (409, 502, 503)  # in flight, or a moment without a database: ask again with the same key
OUTCOMES = ("succeed", "succeed", "succeed", "silent", "decline")

VICTIMS = ("gunicorn", "wsgi worker", "simulator sandbox", "simulator stripe", "postgres", "supervisor")


@dataclass
class Day:
    """A running demo and what its portals have asked of it."""

    local: Stack
    demo: dict[str, Any]
    over: threading.Event = field(default_factory=threading.Event)
    dossiers: list[str] = field(default_factory=list)
    payments: dict[str, str] = field(default_factory=dict)  # the payment and its provider
    refused: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None, scope: str = "portal") -> Any:
        """The answer, however often it takes to get one."""
        headers = {"Authorization": f"Bearer {self.demo['keys'][scope]}", "Idempotency-Key": str(uuid4())}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.request(method, self.demo["url"] + path, json=body, headers=headers, timeout=20)
                if answer.is_success:
                    return answer.json()
                if answer.status_code not in ANSWERED_LATE:
                    raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path} got no answer in {PATIENCE_S} s")
            time.sleep(0.2)

    def visit(self, provider: str, outcome: str) -> None:
        """A payer's sitting; it ends where no provider could be asked, or where the outcome is not known."""
        dossier = f"KILL-{uuid4().hex}"
        self.dossiers.append(dossier)
        body = {"procedure": "vn-passport-new", "facts": {}, "channel": "online", "dossier": dossier}
        invoice = self.ask("POST", "/v1/invoices", body | {"payer": {"name": "Nguyễn Thử"}})
        opened = {"invoices": [invoice["id"]], "return_url": "https://portal.example/back"}
        session = self.ask("POST", "/v1/checkout-sessions", opened)
        try:
            path = f"/v1/checkout-sessions/{session['id']}/payments"
            payment = self.ask("POST", path, {"provider": provider})
        except TimeoutError:
            return
        self.payments[payment["id"]] = provider
        if payment["next_action"] is None:
            return
        with contextlib.suppress(httpx.TransportError):
            httpx.post(payment["next_action"]["url"], data={"outcome": outcome}, timeout=10)

    def pay_until_over(self, seed: int) -> None:
        chance = random.Random(seed)
        try:
            while not self.over.is_set():
                self.visit(chance.choice(self.demo["providers"]), chance.choice(OUTCOMES))
        except Exception as error:
            self.refused.append(repr(error))

    def kill(self, victim: str, chance: random.Random) -> None:
        if victim == "supervisor":
            self.local.stop(signal.SIGKILL)
            assert self.local.start() == self.demo
            return
        found = [process for process in self.local.processes() if victim in _command(process)]
        if found:
            with contextlib.suppress(psutil.Error):
                chance.choice(found).kill()

    def truth(self, provider: str) -> list[dict[str, Any]]:
        found = httpx.get(f"{self.demo['simulators'][provider]}/_sim/truth", timeout=20).json()["payments"]
        return list(found)

    def paid_at(self, provider: str) -> dict[str, int]:
        """What was paid, by our payment id, in minor units, as the provider's own books have it."""
        paid = {p["payment_id"]: sum(t["amount_minor"] for t in p["transactions"]) for p in self.truth(provider)}
        return {payment: amount for payment, amount in paid.items() if amount}


@pytest.fixture
def day(server_folder: Path) -> Iterator[Day]:
    with stack(server_folder) as local:
        yield Day(local, local.start())


@pytest.mark.timeout(900)
def test_whatever_is_killed_and_whenever_the_books_end_as_the_providers_own(day: Day) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(SEED)
    payers = [threading.Thread(target=day.pay_until_over, args=(SEED + n,)) for n in range(PAYERS)]
    for payer in payers:
        payer.start()
    for number in range(ROUNDS):
        time.sleep(chance.uniform(1, 4))
        day.kill(VICTIMS[number % len(VICTIMS)] if number < len(VICTIMS) else chance.choice(VICTIMS), chance)
    time.sleep(2)
    day.over.set()
    for payer in payers:
        payer.join()
    assert day.refused == []
    _wait_until_everything_answers(day)
    assert len(day.payments) >= ROUNDS

    for provider in day.demo["providers"]:
        _bring_back_the_browsers(day, provider)
        paid = day.paid_at(provider)
        assert set(paid) <= set(_succeeded(day, provider))
        assert set(_succeeded(day, provider)) <= set(paid)
        assert _collected(day, provider) == sum(paid.values())
    for dossier in day.dossiers:
        assert len(day.ask("GET", f"/v1/invoices?dossier={dossier}")["data"]) <= 1
    balance = day.ask("GET", "/v1/ledger/trial-balance?currency=VND", scope="finance")
    assert balance["total_debit_minor"] == balance["total_credit_minor"] > 0


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return f"{process.name()} {' '.join(process.cmdline())}"
    return ""


def _wait_until_everything_answers(day: Day) -> None:
    addresses = [f"{day.demo['url']}/readyz", *(f"{url}/_sim/health" for url in day.demo["simulators"].values())]
    deadline = time.monotonic() + PATIENCE_S
    while not all(answers(address) for address in addresses):
        assert time.monotonic() < deadline, day.local.output()
        time.sleep(0.2)


def _bring_back_the_browsers(day: Day, provider: str) -> None:
    """Payers come back from the provider, which makes the gateway ask; what was told meanwhile is applied by itself."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while missing := set(day.paid_at(provider)) - set(_succeeded(day, provider)):
        assert time.monotonic() < deadline, f"{provider} was paid for {missing}, and it is not known here"
        for payment in missing:
            url = f"{day.demo['url']}/providers/{provider}/return?payment={payment}"
            httpx.get(url, timeout=20, follow_redirects=False)
        time.sleep(1)


def _succeeded(day: Day, provider: str) -> list[str]:
    found: list[str] = []
    path = f"/v1/payments?status=succeeded&provider={provider}&limit=500"
    page = day.ask("GET", path)
    while True:
        found += [payment["id"] for payment in page["data"]]
        if page["next"] is None:
            return found
        page = day.ask("GET", f"{path}&after={page['next']}")


def _collected(day: Day, provider: str) -> int:
    """All that the ledger ever debited to what is in transit with the provider."""
    balance = day.ask("GET", "/v1/ledger/trial-balance?currency=VND", scope="finance")
    name = f"/in_transit:{provider}"
    return sum(account["debit_minor"] for account in balance["accounts"] if account["code"].endswith(name))
