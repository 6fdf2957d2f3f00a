"""API keys: who calls, and what they may do.

    cp_ <id: 22> <secret: 43> <checksum: 6>        in base 62

The checksum (CRC-32 of all before it) tells a mistyped or cut key from a real one without asking the database. The
secret has 256 bits. Stored is HMAC-SHA256 of the whole key with a pepper that the database does not hold, so that a
stolen table neither opens the door nor lets keys be tried.
"""

import hmac
import re
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID
from zlib import crc32

from sqlalchemy.engine import Row

from gateway.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from gateway.services.runtime import Caller
from gateway.store import api_keys
from gateway.store.database import Database, Transaction, new_id

PREFIX = "cp_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_DIGITS, SECRET_DIGITS, CHECKSUM_DIGITS = 22, 43, 6  # of 128, 256 and 32 bits
SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{ID_DIGITS + SECRET_DIGITS + CHECKSUM_DIGITS}}}", re.ASCII)
PEPPER_BYTES_MIN = 32

# A key's last use is a hint for those who clean up; to note every one would make each request a write.
USE_NOTED_EVERY = timedelta(minutes=10)


class Scope(StrEnum):
    PORTAL = "portal"
    FINANCE = "finance"
    APPROVER = "approver"
    ADMIN = "admin"


class InvalidKey(Unauthorized):
    code = "invalid_key"


class KeyRing:
    """Issues and checks API keys. `pepper`: 32 bytes or more; with another one, no key issued before is known."""

    def __init__(self, pepper: bytes) -> None:
        if len(pepper) < PEPPER_BYTES_MIN:
            raise ValueError(f"The pepper of the API keys has at least {PEPPER_BYTES_MIN} bytes.")
        self._pepper = pepper

    def issue(
        self,
        tx: Transaction,
        label: str,
        scopes: Iterable[str],
        agency_id: UUID | None,
        expires_at: datetime | None = None,
        *,
        plaintext: str | None = None,
        issued_by: str = "system",
        principal: UUID | None = None,
    ) -> tuple[UUID, str]:
        """A new key: its id, and the plaintext, which is told this once. `agency_id` None acts for every agency, and
        `principal` None makes it somebody else's than any other key.

        With a `plaintext` of `new_plaintext()`, that one; if it was issued before, it stays as it is.
        Raises Invalid for an unknown scope, for none at all, or for a `plaintext` that is not one.
        """
        granted = _checked_scopes(scopes)
        plaintext = plaintext or new_plaintext()
        if not _is_well_formed(plaintext):
            raise Invalid("That is not an API key.", fields={"plaintext": "is malformed"})
        key_id = UUID(int=_decode(plaintext[len(PREFIX) :][:ID_DIGITS]))
        key = {"id": key_id, "label": label, "scopes": granted, "agency_id": agency_id, "expires_at": expires_at}
        if api_keys.add(tx, key | {"key_hash": self._hash(plaintext), "principal": principal or key_id}):
            tx.audit(issued_by, "api_key_issued", "api_key", key_id, after={"label": label, "scopes": granted})
        return key_id, plaintext

    def authenticate(self, db: Database, plaintext: str) -> Caller:
        """Whose key this is, in one statement; without any if the checksum is wrong. Raises InvalidKey."""
        if not _is_well_formed(plaintext):
            raise InvalidKey("This is not an API key: it is cut short or mistyped.")
        with db.read() as tx:
            key = api_keys.find_and_touch(tx, self._hash(plaintext), tx.now, tx.now - USE_NOTED_EVERY)
        if key is None:
            raise InvalidKey("This API key is not known here.")
        if key.revoked_at is not None:
            raise InvalidKey("This API key was revoked.")
        if key.expires_at is not None and key.expires_at <= tx.now:
            raise InvalidKey("This API key has expired.")
        return Caller(key.id, key.label, frozenset(key.scopes), key.agency_id, principal=key.principal)

    def revoke(self, tx: Transaction, caller: Caller, key_id: UUID) -> None:
        """The key ends at once. Raises NotFound."""
        key = _lock(tx, caller, key_id)
        if key.revoked_at is None:
            api_keys.revoke(tx, key_id)
            tx.audit(caller.actor, "api_key_revoked", "api_key", key_id)

    def rotate(self, tx: Transaction, caller: Caller, key_id: UUID, overlap: timedelta) -> tuple[UUID, str]:
        """A new key with the same rights, of the same principal; the old one works on for `overlap`. Raises NotFound,
        Conflict if revoked."""
        key = _lock(tx, caller, key_id)
        if key.revoked_at is not None:
            raise Conflict("A revoked API key has no successor; issue a new one.")
        same = {"issued_by": caller.actor, "principal": key.principal}
        new = self.issue(tx, key.label, key.scopes, key.agency_id, **same)
        api_keys.expire_by(tx, key_id, tx.now + overlap)
        tx.audit(caller.actor, "api_key_rotated", "api_key", key_id, after={"successor": str(new[0])})
        return new

    def _hash(self, plaintext: str) -> bytes:
        return hmac.new(self._pepper, plaintext.encode(), sha256).digest()


def new_plaintext() -> str:
    """A key that nobody has."""
    body = PREFIX + _encode(new_id().int, ID_DIGITS) + _encode(secrets.randbits(256), SECRET_DIGITS)
    return body + _checksum(body)


def _is_well_formed(plaintext: str) -> bool:
    return bool(SHAPE.fullmatch(plaintext)) and _checksum(plaintext[:-CHECKSUM_DIGITS]) == plaintext[-CHECKSUM_DIGITS:]


def _checksum(body: str) -> str:
    return _encode(crc32(body.encode()), CHECKSUM_DIGITS)


def _encode(number: int, digits: int) -> str:
    encoded = ""
    for _ in range(digits):
        number, digit = divmod(number, len(ALPHABET))
        encoded = ALPHABET[digit] + encoded
    return encoded


def _decode(encoded: str) -> int:
    number = 0
    for digit in encoded:
        number = number * len(ALPHABET) + ALPHABET.index(digit)
    return number


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    asked = sorted(set(scopes))
    unknown = [scope for scope in asked if scope not in set(Scope)]
    if unknown or not asked:
        raise Invalid("A key needs scopes that exist.", fields={"scopes": f"must be among {', '.join(Scope)}"})
    return [str(scope) for scope in asked]


def _lock(tx: Transaction, caller: Caller, key_id: UUID) -> Row[Any]:
    key = api_keys.lock(tx, key_id)
    if key is None or caller.agency_id not in (None, key.agency_id):
        raise NotFound("There is no such API key.")
    return key
