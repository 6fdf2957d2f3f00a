"""Short keyed tokens that prove a link came from us, without storing anything."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

TOKEN_BYTES = 18  # 144 bits: out of reach for guessing, and short enough for a link in a message


class Tokens:
    """`purpose` keeps a token for one use from being taken for another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, purpose: str, text: str) -> str:
        digest = hmac.new(self._key, f"{purpose}\n{text}".encode(), sha256).digest()
        return urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()

    def matches(self, purpose: str, text: str, token: str) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), token.encode())
