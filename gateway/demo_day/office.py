"""A running gateway and its simulated providers, as a portal, an officer and a payer can reach them."""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import httpx

from gateway.domain.money import Money

Document = dict[str, Any]

TIMEOUT = httpx.Timeout(60)
SETTLED_WITHIN = timedelta(minutes=5)
BACK_WITHIN = timedelta(minutes=1)
POLL = timedelta(milliseconds=500)


class DemoFailed(Exception):
    """Something that should have happened did not; the message says what."""


class Refused(DemoFailed):
    """A problem that the gateway tells a portal; `code` says which."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Office:
    """A running gateway as var/demo.json describes it."""

    url: str
    keys: Mapping[str, str] = field(repr=False)
    simulators: Mapping[str, str]

    def call(self, scope: str, method: str, path: str, body: Document | None = None) -> Document:
        """Raises Refused with the problem's own words."""
        content: Document = self._ask(scope, method, path, body).json()
        return content

    def download(self, scope: str, path: str) -> bytes:
        """Raises Refused with the problem's own words."""
        return self._ask(scope, "GET", path, None).content

    def upload(self, scope: str, path: str, name: str, content: bytes) -> Document:
        """Raises Refused with the problem's own words."""
        told: Document = self._ask(scope, "POST", path, None, {"file": (name, content)}).json()
        return told

    def run_until_it_ends(self, which: Document) -> Document:
        """A run of reconciliation, with all that it `found`. Raises DemoFailed if it does not end."""
        run = self.call("finance", "POST", "/v1/reconciliation/runs", which)
        path = f"/v1/reconciliation/runs/{run['id']}"
        deadline = time.monotonic() + SETTLED_WITHIN.total_seconds()
        while (run := self.call("finance", "GET", path))["status"] == "running":
            if time.monotonic() > deadline:
                raise DemoFailed(f"the run of {run['provider']} does not end")
            time.sleep(POLL.total_seconds())
        return run | {"found": self.pages("finance", f"{path}/discrepancies")}

    def _ask(
        self, scope: str, method: str, path: str, body: Document | None, files: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[scope]}", "Idempotency-Key": str(uuid4())}
        url = f"{self.url}{path}"
        answer = _asked(method, url, json=body, files=files, headers=headers)
        if answer.is_error:
            is_problem = "json" in answer.headers.get("content-type", "")
            code = answer.json().get("code", "") if is_problem else ""
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:300]}", code)
        return answer

    def pages(self, scope: str, path: str) -> list[Document]:
        """All of a list, page by page."""
        found: list[Document] = []
        after = ""
        while True:
            page = self.call(scope, "GET", f"{path}{'&' if '?' in path else '?'}limit=500{after}")
            found += page["data"]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    def agencies(self) -> list[Document]:
        found: list[Document] = self.call("finance", "GET", "/v1/agencies")["data"]
        return found

    def control(self, provider: str, path: str, body: Document | None = None) -> Any:
        method = "GET" if body is None else "POST"
        answer = _asked(method, f"{self.simulators[provider]}/_sim/{path}", json=body)
        if answer.is_error:
            raise DemoFailed(f"{provider} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def play(self, provider: str, action: Document, outcome: str) -> None:
        """The payer follows `next_action` and does something there; while nobody answers, again and again."""
        page = self._pay_page(provider, action)
        answer = _patiently(lambda: _asked("POST", page, data={"outcome": outcome}))
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise DemoFailed(f"{provider} did not play {outcome}: {answer.status_code} {answer.text[:200]}")
        _asked("GET", answer.headers["location"])  # the browser comes back, which is only a hint

    def _pay_page(self, provider: str, action: Document) -> str:
        """Where the payer goes; for a transfer, the app of a bank that has read the code or the slip."""
        if action["type"] == "redirect":
            return str(action["url"])
        return str(_patiently(lambda: self.control(provider, "pay-page", {"next_action": action}))["url"])


def _asked(method: str, url: str, **given: Any) -> httpx.Response:
    return httpx.request(method, url, verify=_tls(), timeout=TIMEOUT, **given)


@cache
def _tls() -> ssl.SSLContext:
    """Made once: it would take longer than the question."""
    return httpx.create_ssl_context()


def _patiently(ask: Callable[[], Any]) -> Any:
    """A payer whose provider is gone tries again until it is back."""
    deadline = time.monotonic() + BACK_WITHIN.total_seconds()
    while True:
        try:
            return ask()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL.total_seconds())


def shown(amount_minor: int, currency: str) -> str:
    return f"{Money(amount_minor, currency).major():,f} {currency}"
