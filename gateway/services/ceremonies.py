"""What a sign-in that is under way must bring back: kept for the browser that began it, a quarter of an hour, once."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from gateway.store import ceremonies
from gateway.store.database import Transaction

LASTS = timedelta(minutes=15)


def keep(tx: Transaction, browser: str, kind: str, content: dict[str, Any]) -> None:
    """`browser` is the secret that only it has; `kind` is openid or passkey."""
    ceremonies.keep(tx, _hash(browser), kind, content, tx.now - LASTS)


def take(tx: Transaction, browser: str, kind: str) -> dict[str, Any] | None:
    """None if none was kept, or it was taken, or too much time went by."""
    return ceremonies.take(tx, _hash(browser), kind, tx.now - LASTS)


def _hash(browser: str) -> bytes:
    return sha256(browser.encode()).digest()
