"""Send a webhook: to the address that was checked, within a time, following nothing, reading only the status."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import Any

import certifi
import httpx

from gateway.services.public_address import is_public

# The whole call must end within this, however slowly the receiver drips its bytes.
CALL_TIMEOUT = timedelta(seconds=15)
CONNECT_TIMEOUT = timedelta(seconds=5)
USER_AGENT = "congphi-webhooks/1"


@dataclass(frozen=True, slots=True)
class Message:
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """How it went. `error` is "" after an answer in the two hundreds; it never holds anything that was received."""

    http_status: int | None
    error: str
    duration_ms: int

    @property
    def succeeded(self) -> bool:
        return not self.error

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


class NotPublic(Exception):
    """The name leads to an address that webhooks may not reach."""


class Sender:
    """Sends to one endpoint, keeping its connection. One per endpoint: two names can share an address, and a connection
    that was opened for one of them must not serve the other."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        timeout = httpx.Timeout(CALL_TIMEOUT.total_seconds(), connect=CONNECT_TIMEOUT.total_seconds())
        # Without the environment, in which a proxy could be named that would resolve the name once more.
        self._client = httpx.AsyncClient(verify=_tls(), timeout=timeout, follow_redirects=False, trust_env=False)

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, message: Message) -> Attempt:
        """Never raises for what the network or the receiver does: that is the answer."""
        start = monotonic()
        status, error = None, ""
        try:
            async with asyncio.timeout(CALL_TIMEOUT.total_seconds()):
                status = await self._post(message)
            if not 200 <= status < 300:
                error = f"answered {status}"
        except (TimeoutError, httpx.TimeoutException):
            error = "no answer in time"
        except NotPublic:
            error = "the name leads to an address that is not on the public internet"
        except socket.gaierror:
            error = "the name has no address"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as failure:
            untrusted = "CERTIFICATE_VERIFY_FAILED" in str(failure)
            error = "its certificate is not to be trusted" if untrusted else f"no answer: {type(failure).__name__}"
        return Attempt(status, error, int((monotonic() - start) * 1000))

    async def _post(self, message: Message) -> int:
        """The status of the answer, of the first address that lets itself be connected to."""
        url = httpx.URL(message.url)
        addresses = await self._addresses(url)
        for address in addresses[:-1]:
            try:
                return await self._post_to(address, url, message)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post_to(addresses[-1], url, message)

    async def _post_to(self, address: str, url: httpx.URL, message: Message) -> int:
        name = url.raw_host.decode()
        request = self._client.build_request(
            "POST",
            url.copy_with(host=address),
            content=message.body,
            headers={**message.headers, "Host": url.netloc.decode(), "User-Agent": USER_AGENT}
            | {"Content-Type": "application/json"},
            extensions={"sni_hostname": name},  # the certificate must be that of the name
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()
        return response.status_code

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """The addresses of the URL's host, all of which are public. Raises NotPublic, or gaierror if there are none."""
        loop = asyncio.get_running_loop()
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await loop.getaddrinfo(url.raw_host.decode().strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._allow_private and not all(map(is_public, addresses)):
            raise NotPublic
        return addresses


@cache
def _tls() -> ssl.SSLContext:
    """Trusts what the machine trusts, where ministries have their own authorities, and what browsers trust."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
