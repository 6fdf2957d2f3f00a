"""A portal as a load: one keep-alive connection a thread, no client library between the clock and the gateway."""

import json
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from gateway.local import HOST

TIMEOUT_S = 30


class Unexpected(Exception):
    """An answer that a benchmark cannot go on with: what was measured would not be the work that was meant."""


@dataclass(frozen=True, slots=True)
class Portal:
    """Speaks to the gateway on `port` with an API key; may be used by many threads."""

    port: int
    key: str = field(repr=False)
    _own: threading.local = field(default_factory=threading.local)

    def get(self, path: str) -> Any:
        return self._call("GET", path, None, {}, 200)

    def post(self, path: str, body: Any, expected: int = 201) -> Any:
        """With a new Idempotency-Key each time."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        return self._call("POST", path, json.dumps(body), headers, expected)

    def _call(self, method: str, path: str, body: str | None, headers: dict[str, str], expected: int) -> Any:
        status, content = exchange(
            self._own, self.port, method, path, body, headers | {"Authorization": f"Bearer {self.key}"}
        )
        if status != expected:
            raise Unexpected(f"{method} {path}: {status} {content.decode(errors='replace')}")
        return json.loads(content)


def submit_form(own: threading.local, url: str, fields: dict[str, str]) -> None:
    """Send a form as a payer's browser does; the answer sends it on."""
    target = urlsplit(url)
    path = f"{target.path}?{target.query}" if target.query else target.path
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, content = exchange(own, target.port or 80, "POST", path, urlencode(fields), headers)
    if status != 303:
        raise Unexpected(f"POST {url}: {status} {content.decode(errors='replace')}")


def exchange(
    own: threading.local, port: int, method: str, path: str, body: str | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    """One request on the thread's own connection to `port`, kept in `own`; on a new one if the server hung up."""
    connections: dict[int, HTTPConnection] = own.__dict__.setdefault("connections", {})
    connection = connections.setdefault(port, HTTPConnection(HOST, port, timeout=TIMEOUT_S))
    used_before = connection.sock is not None
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
    except ConnectionError:
        if not used_before:
            raise
        # A server ends a connection that stood idle, as this one did while its thread waited for the others.
        connection.close()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
    return answer.status, answer.read()
