"""A day's load on a running stack, from portals that keep trying: refused connections and lost answers are answered by
the same request with the same Idempotency-Key, as a real portal would do it."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

Document = dict[str, Any]

PATIENCE_S = 20  # so long a portal repeats a request before its payer leaves
AGAIN_AFTER_S = 0.2
TIMEOUT = httpx.Timeout(15, connect=2)
BUSY = ("request_in_flight", "session_busy")
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "sandbox": ("succeed",) * 6 + ("decline", "cancel", "abandon", "twice", "silent", "late"),
    "stripe": ("succeed",) * 6 + ("decline", "cancel", "abandon", "silent", "late"),
}
REFUNDED_ONE_IN = 4


class GaveUp(Exception):
    """The payer or the officer has left; what was begun stays as it is."""


@dataclass
class Day:
    """What was played. `acknowledged` holds, by kind, the ids of what the gateway said it has made."""

    url: str
    keys: Mapping[str, str]
    over: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[str, list[str]] = field(default_factory=lambda: {"invoices": [], "payments": [], "refunds": []})
    visits: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)
    """Answers that no failure around it excuses: a 500, a refusal of what is right."""

    def play(self, chance: random.Random) -> None:
        """Visits, one after another, until the day is over."""
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
            while not self.over.is_set():
                self.visits += 1
                try:
                    Visit(self, client, chance).play()
                except GaveUp:
                    self.left += 1

    def note(self, kind: str, made: Document) -> Document:
        self.acknowledged[kind].append(made["id"])
        return made


class Visit:
    """One payer's sitting."""

    def __init__(self, day: Day, client: httpx.Client, chance: random.Random) -> None:
        self._day, self._client, self._chance = day, client, chance
        self._name = f"KILL-{uuid4().hex[:16].upper()}"

    def play(self) -> None:
        invoice = self._issued()
        reference = {"invoices": [invoice["reference"]], "return_url": f"{self._day.url}/", "locale": "vi"}
        session = self._call("portal", "/v1/checkout-sessions", reference)
        provider = self._chance.choice(list(OUTCOMES))
        outcome = self._chance.choice(OUTCOMES[provider])
        path = f"/v1/checkout-sessions/{session['id']}/payments"
        payment = self._day.note("payments", self._call("portal", path, {"provider": provider}))
        if payment["next_action"] is None or outcome == "abandon":
            raise GaveUp  # a crash swallowed where to go: the payer leaves
        self._browse("POST", payment["next_action"]["url"], {"outcome": outcome})
        self._browse("GET", f"{self._day.url}/providers/{provider}/return?payment={payment['id']}")
        if outcome == "succeed" and self._chance.randrange(REFUNDED_ONE_IN) == 0:
            self._refund(payment)

    def _issued(self) -> Document:
        request = {
            "procedure": self._chance.choice(["vn-passport-new", "vn-passport-lost"]),
            "facts": {},
            "channel": "counter",
            "dossier": self._name,
            "payer": {"name": "Nguyễn Văn Mẫu"},
        }
        return self._day.note("invoices", self._call("portal", "/v1/invoices", request))

    def _refund(self, payment: Document) -> None:
        self._wait_for_success(payment)
        part = payment["amount_minor"] // self._chance.choice([1, 2])
        asked = {"payment": payment["id"], "amount_minor": part, "reason": self._name}
        refund = self._day.note("refunds", self._call("finance", "/v1/refunds", asked))
        self._call("approver", f"/v1/refunds/{refund['id']}/approve", {})

    def _wait_for_success(self, payment: Document) -> None:
        for _ in range(int(PATIENCE_S / AGAIN_AFTER_S)):
            if self._call("finance", f"/v1/payments/{payment['id']}")["status"] == "succeeded":
                return
            time.sleep(AGAIN_AFTER_S)
        raise GaveUp

    def _call(self, scope: str, path: str, body: Document | None = None) -> Document:
        """A POST if there is a body, repeated with one key until it is answered. Raises GaveUp."""
        headers = {"authorization": f"Bearer {self._day.keys[scope]}", "idempotency-key": str(uuid4())}
        method = "GET" if body is None else "POST"
        for _ in self._tries():
            try:
                answer = self._client.request(method, f"{self._day.url}{path}", json=body, headers=headers)
            except httpx.TransportError:
                continue
            if answer.is_success:
                made: Document = answer.json()
                return made
            self._judge(method, path, answer)
        raise GaveUp

    def _judge(self, method: str, path: str, answer: httpx.Response) -> None:
        """Whether to try again. Raises GaveUp if there is no point."""
        if answer.status_code in (429, 502, 503):
            return
        code = answer.json().get("code") if "json" in answer.headers.get("content-type", "") else ""
        if code in BUSY:
            return
        if code != "payment_outcome_unknown":
            self._day.faults.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        raise GaveUp

    def _browse(self, method: str, url: str, form: Mapping[str, str] | None = None) -> None:
        """What a payer's browser does, and its payer again and again. 409: the page says that it was done before."""
        for _ in self._tries():
            try:
                answer = self._client.request(method, url, data=form)
            except httpx.TransportError:
                continue
            if answer.is_success or answer.status_code in (303, 409):
                return
            if answer.status_code not in (429, 503):
                self._day.faults.append(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
                raise GaveUp
        raise GaveUp

    def _tries(self) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            yield
            time.sleep(AGAIN_AFTER_S)
