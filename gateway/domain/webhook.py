"""How portals are told: signed as Standard Webhooks has it (standardwebhooks.com), and again if they do not answer.

The signature is HMAC-SHA256 over `id.timestamp.body`, in base64 after "v1,"; during a change of the secret there are
several, separated by spaces. The secret is "whsec_" and 32 random bytes in base64. `id` is that of the event, the same
at every attempt, by which the receiver drops what it has already got.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES = 32

# After each failed attempt, how long until the next: at once, then less and less often, over three days.
RETRY_AFTER: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=20),
)
# So that the portals of a site that comes back are not all called in the same second.
JITTER_PERCENT = 10


def retry_after(failed_attempts: int, chance: int) -> timedelta | None:
    """How long to wait after so many failed attempts (1 or more); None: give up. `chance`: 0 to 99, drawn at random."""
    if failed_attempts > len(RETRY_AFTER):
        return None
    delay = RETRY_AFTER[failed_attempts - 1]
    return delay + delay * JITTER_PERCENT * chance // (100 * 100)


def as_secret(random_bytes: bytes) -> str:
    return SECRET_PREFIX + b64encode(random_bytes).decode()


def headers(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers that prove the message ours, signed with each of `secrets`."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, message_id, timestamp, body) for secret in secrets),
    }


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()
