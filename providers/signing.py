"""A signature in a header, for the protocols that are ours to define: HMAC-SHA256 with the time inside.

The header is `t=<seconds>,v1=<hex>`, and what is signed is

    a request       "<t>.<METHOD> <path and query> <idempotency key>\\n<body>"
    a notification  "<t>.<body>"

A signature older or newer than TOLERANCE is refused, and several secrets can be valid while one replaces another; the
first of them signs.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.ports.provider import RejectionReason, WebhookRejected

TOLERANCE = timedelta(seconds=300)

_HEADER = re.compile(r"t=(\d{1,11}),v1=([0-9a-f]{64})", re.ASCII)


def signature(secret: str, now: datetime, message: bytes) -> str:
    """The signature header for `message`."""
    timestamp = int(now.timestamp())
    return f"t={timestamp},v1={_digest(secret, timestamp, message)}"


def request_message(method: str, target: str, idempotency_key: str, body: bytes) -> bytes:
    """What a request signs. `target` is the path with its query, as sent."""
    return f"{method} {target} {idempotency_key}\n".encode() + body


def check_signature(header: str, secrets: Sequence[str], message: bytes, now: datetime) -> None:
    """Raises WebhookRejected unless one of `secrets` signed `message` within TOLERANCE of `now`."""
    usable = [secret for secret in secrets if secret.strip()]
    if not usable:
        raise WebhookRejected(RejectionReason.NO_SECRET)
    match = _HEADER.fullmatch(header)
    if match is None:
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE, "the signature is missing or malformed")
    timestamp = int(match[1])
    if not any(hmac.compare_digest(_digest(secret, timestamp, message), match[2]) for secret in usable):
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE)
    if abs(timestamp - int(now.timestamp())) > TOLERANCE.total_seconds():
        raise WebhookRejected(RejectionReason.STALE)


def _digest(secret: str, timestamp: int, message: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + message, hashlib.sha256).hexdigest()
