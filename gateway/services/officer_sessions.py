"""The sessions of officers: begun by signing in, ended by leaving, by being idle, or by the end of the working day.

The cookie holds a token of 256 random bits, the database only its hash.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import Forbidden, Unauthorized
from gateway.domain.officer import Role
from gateway.services.keys import Scope
from gateway.services.runtime import Caller
from gateway.store import officers
from gateway.store.database import Database, Transaction

# NIST SP 800-63B, 4.2.3: sign in again after 12 hours, or after 30 minutes without a sign of life.
LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
SEEN_NOTED_EVERY = timedelta(minutes=1)

SCOPES = {Role.FINANCE: Scope.FINANCE, Role.APPROVER: Scope.APPROVER, Role.ADMINISTRATOR: Scope.ADMIN}
"""What a role is worth where the services ask for the scope of an API key."""


class RoleMissing(Forbidden):
    """The officer is known, but this is not for their roles."""

    code = "role_missing"


class SignedOut(Unauthorized):
    """There is no such session, or no longer."""

    code = "signed_out"


@dataclass(frozen=True, slots=True)
class Officer:
    """Who is signed in. `agency_id` None acts for every agency. `session` names the session in forms, and is no key to
    it."""

    id: UUID
    name: str
    email: str
    roles: frozenset[Role]
    agency_id: UUID | None
    session: str
    begun_at: datetime

    @property
    def caller(self) -> Caller:
        """The officer as the services know who calls."""
        return caller_of(self)

    def is_any_of(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


def caller_of(officer: Any) -> Caller:
    """An officer, or the row of one, as the services know who calls."""
    scopes = frozenset(str(SCOPES[Role(role)]) for role in officer.roles if Role(role) in SCOPES)
    return Caller(officer.id, officer.name, scopes, officer.agency_id, kind="officer")


def begin_session(tx: Transaction, officer_id: UUID, *, proven: bool = True) -> str:
    """The token for the officer's browser. Not `proven`, it opens nothing but the second step of signing in."""
    token = secrets.token_urlsafe(32)
    officers.begin_session(tx, _hash(token), officer_id, proven=proven)
    return token


def officer_of(db: Database, token: str) -> Officer:
    """Who holds `token`; that they were here is noted. Raises SignedOut."""
    with db.transaction() as tx:
        row = officers.of_session(tx, _hash(token), tx.now - LONGEST, tx.now - IDLE)
        if row is None:
            raise SignedOut("Sign in again: the session has ended.")
        if row.seen_at <= tx.now - SEEN_NOTED_EVERY:
            officers.touch_session(tx, _hash(token), tx.now - SEEN_NOTED_EVERY)
    roles = frozenset(Role(role) for role in row.roles)
    return Officer(row.id, row.name, row.email, roles, row.agency_id, _hash(token).hex(), row.begun_at)


def half_session(tx: Transaction, token: str, within: timedelta) -> Row[Any]:
    """The officer who showed the password with `token`, but not yet a second factor. Raises SignedOut."""
    row = officers.of_session(tx, _hash(token), tx.now - within, tx.now - within, proven=False)
    if row is None:
        raise SignedOut("Sign in again: too much time went by.")
    return row


def end_sessions(tx: Transaction, officer_id: UUID, but: str = "") -> None:
    """Sign the officer out everywhere, except in the session named `but`."""
    officers.end_sessions_of(tx, officer_id, bytes.fromhex(but) or None)


def sessions_of(tx: Transaction, officer_id: UUID) -> list[Row[Any]]:
    """Where the officer is signed in, the newest first: begun_at, seen_at, and the hash of its token."""
    return officers.sessions_of(tx, officer_id, tx.now - LONGEST, tx.now - IDLE)


def end_session(tx: Transaction, token: str) -> None:
    officers.end_session(tx, _hash(token))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
