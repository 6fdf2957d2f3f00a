"""Asking the bank: signed requests, and what its refusals mean."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from gateway.ports.provider import OutcomeUnknown
from providers import signing
from providers.bank_transfer import wire
from providers.transport import Answer, Transport


class BankClient:
    """Stateless but for its connections. `secret` signs; it shows in no representation."""

    def __init__(self, base_url: str, client: str, secret: str, timeout: httpx.Timeout) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = client
        self._secret = secret
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def asked(self, path: str, **query: str) -> Mapping[str, Any] | None:
        """The answer to a question; None if the bank does not know what it is about. An answer that is neither says
        nothing, so it is OutcomeUnknown, or NotSent where the request was not even looked at."""
        answer = self._sent("GET", _target(path, query))
        data = answer.json()
        if answer.status == httpx.codes.NOT_FOUND and _code(data) == wire.NOT_FOUND:
            return None
        if answer.status != httpx.codes.OK:
            raise OutcomeUnknown(f"HTTP {answer.status}", code=_code(data), answered=True)
        return data

    def downloaded(self, path: str) -> bytes:
        """A file. Raises what wire.ERROR says of a refusal."""
        answer = self._sent("GET", _target(path, {}))
        if answer.status != httpx.codes.OK:
            _raise(answer.status, answer.json())
        return answer.body

    def changed(self, path: str, idempotency_key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a POST. Raises what wire.ERROR says of a refusal."""
        body = json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()
        answer = self._sent("POST", path, idempotency_key, body)
        data = answer.json()
        if answer.status not in (httpx.codes.OK, httpx.codes.CREATED):
            _raise(answer.status, data)
        return data

    def _sent(self, method: str, target: str, idempotency_key: str = "", body: bytes = b"") -> Answer:
        url = self._base_url + target
        parts = urlsplit(url)
        signed = f"{parts.path}?{parts.query}" if parts.query else parts.path
        message = signing.request_message(method, signed, idempotency_key, body)
        headers = {
            wire.CLIENT: self._client,
            wire.SIGNATURE: signing.signature(self._secret, datetime.now(UTC), message),
            "content-type": "application/json",
        }
        if idempotency_key:
            headers[wire.IDEMPOTENCY_KEY] = idempotency_key
        return self._transport.send(method, url, headers, body)


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")


def unreadable(fault: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer cannot be read: {fault}", code="unreadable")


def _target(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _raise(status: int, data: Mapping[str, Any]) -> None:
    code = _code(data)
    raise wire.ERROR.get(code, OutcomeUnknown)(f"HTTP {status}: {code}", code=code)


def _code(data: Mapping[str, Any]) -> str:
    error = data.get("error")
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else "unreadable"
