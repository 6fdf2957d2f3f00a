"""HTTP to a provider, and the one place that says what a broken connection means.

What never left us is NotSent. Anything after bytes may have been sent (a read that timed out, a reset, a 5xx, an
answer that cannot be read) is OutcomeUnknown: the provider may have acted on it, and only a query can tell. 429 is
RateLimited: refused before it was processed. Nothing is retried here; the sweeps retry, with the same idempotency key.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from gateway.ports.provider import NotSent, OutcomeUnknown, ProviderError, RateLimited
from providers import reading

TIMEOUT = httpx.Timeout(connect=5, read=20, write=10, pool=5)
"""In seconds. A payer waits behind a creation, which providers answer within one or two seconds: after twenty it is
kinder to say "we are checking" and let the sweep ask. A connection that takes five is not coming. Waiting longer would
only hold a worker thread; waiting less would turn slow answers into questions."""

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")


@cache
def _tls() -> ssl.SSLContext:
    """httpx's own, made once: reading all authorities takes as long as a payer's whole request, for each provider."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class Answer:
    """Any answer below 500 but 429. Its body may hold personal data or tokens, so it is not shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Mapping[str, Any]:
        """Raises OutcomeUnknown if the body is no JSON object."""
        try:
            return reading.decoded(self.body)
        except reading.Unreadable as fault:
            reason = str(fault)
        raise OutcomeUnknown(f"HTTP {self.status}: {reason}", code="unreadable")


class Transport:
    """A pool of connections to one provider. Safe to share between threads."""

    def __init__(self, timeout: httpx.Timeout = TIMEOUT) -> None:
        # A simulator on this machine is reached directly even where a proxy leads to the rest of the world.
        mounts = dict.fromkeys(_LOOPBACK)
        self._client = httpx.Client(verify=_tls(), timeout=timeout, follow_redirects=False, mounts=mounts)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Raises NotSent, RateLimited or OutcomeUnknown, outside the handler: what they replace holds our headers."""
        error: ProviderError
        try:
            response = self._client.request(method, url, headers=dict(headers), content=body)
        except _NEVER_SENT as failure:
            error = NotSent(f"never sent: {type(failure).__name__}", code=type(failure).__name__)
        except httpx.HTTPError as failure:
            error = OutcomeUnknown(f"no answer: {type(failure).__name__}", code=type(failure).__name__)
        else:
            return _answer(response)
        raise error

    def close(self) -> None:
        self._client.close()


def _answer(response: httpx.Response) -> Answer:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise RateLimited("the provider asks us to slow down", code=f"http_{status}")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise OutcomeUnknown(f"the provider answered HTTP {status}", code=f"http_{status}")
    return Answer(status, response.headers, response.content)
