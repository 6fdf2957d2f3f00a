"""A new officer is invited by a link that works once, within a day: by it they choose their own password.

Nobody else ever knows it. The link is told once, to the one who invites; kept is its hash. The same link gives an
officer who lost everything a new start.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.officer import Role
from gateway.services.lock_out import forget_tries
from gateway.services.officer_sessions import begin_session
from gateway.services.passwords import check_password, hashed
from gateway.services.runtime import Runtime
from gateway.services.surface import N_
from gateway.store import identity, officers
from gateway.store.database import Transaction, constraint_of, new_id

INVITED_FOR = timedelta(hours=24)
EMAIL_LENGTH_MAX = 254


class InvitationOver(NotFound):
    """The link was used, replaced by a later one, or is older than a day."""

    code = "invitation_over"


@dataclass(frozen=True, slots=True)
class NewOfficer:
    """`agency_id` None acts for every agency."""

    email: str
    name: str
    roles: Iterable[str]
    agency_id: UUID | None = None


def add_officer(tx: Transaction, new: NewOfficer, actor: str) -> UUID:
    """Raises Invalid, also if the e-mail address is taken."""
    email, name = new.email.strip().casefold(), " ".join(new.name.split())
    faults = {}
    if email.count("@") != 1 or email.startswith("@") or email.endswith("@") or not email.isprintable() or " " in email:
        faults["email"] = N_("Write the whole e-mail address, like lan@agency.gov.")
    if len(email) > EMAIL_LENGTH_MAX:
        faults["email"] = N_("Write an e-mail address of at most 254 characters.")
    if not 0 < len(name) <= 100 or not name.isprintable():
        faults["name"] = N_("Write the officer's name, in at most 100 characters.")
    roles = chosen_roles(new.roles)
    if not roles:
        faults["roles"] = N_("Choose at least one role.")
    if faults:
        raise Invalid("The officer cannot be added like this.", fields=faults)
    officer_id = new_id()
    row = {"id": officer_id, "email": email, "name": name, "roles": roles, "agency_id": new.agency_id}
    try:
        officers.add(tx, row)
    except IntegrityError as error:
        if constraint_of(error) != "officers_email_key":
            raise
        taken = {"email": N_("There is an officer with this e-mail address already.")}
        raise Invalid("The e-mail address is taken.", fields=taken) from error
    told = {"roles": roles, "agency": str(new.agency_id) if new.agency_id else None}
    tx.audit(actor, "officer.added", "officer", officer_id, after=told)
    return officer_id


def chosen_roles(names: Iterable[str]) -> list[str]:
    """Those that there are, in their order."""
    chosen = set(names)
    return [str(role) for role in Role if role in chosen]


def invite(tx: Transaction, runtime: Runtime, officer_id: UUID, actor: str) -> str:
    """The link for the officer, told this once; an earlier one no longer works."""
    token = secrets.token_urlsafe(32)
    identity.invite(tx, _hash(token), officer_id, tx.now + INVITED_FOR)
    tx.audit(actor, "officer.invited", "officer", officer_id)
    return f"{runtime.public_url}/console/welcome/{token}"


def invited_officer(runtime: Runtime, token: str) -> Row[Any]:
    """Whom the link is for. Raises InvitationOver."""
    with runtime.db.read() as tx:
        return _officer(tx, token)


def accept_invitation(runtime: Runtime, token: str, password: str) -> str:
    """The officer has this password; the token of a session in which they go on to set up the second factor.

    Raises Invalid if the password is not good enough, InvitationOver.
    """
    check_password(password, invited_officer(runtime, token).email)
    password_hash = hashed(password)
    with runtime.db.transaction() as tx:
        officer = _officer(tx, token, lock=True)
        identity.withdraw_invitations(tx, officer.id)
        identity.set_password(tx, officer.id, password_hash)
        forget_tries(tx, runtime, "password", officer.email)
        officers.end_sessions_of(tx, officer.id)
        tx.audit(f"officer:{officer.id}", "officer.password_set", "officer", officer.id)
        return begin_session(tx, officer.id, proven=False)


def _officer(tx: Transaction, token: str, *, lock: bool = False) -> Row[Any]:
    invitation = identity.invitation(tx, _hash(token), lock=lock)
    officer = officers.find(tx, invitation.officer_id) if invitation else None
    if officer is None or officer.disabled_at is not None:
        raise InvitationOver("This link no longer works. Ask an administrator for a new one.")
    return officer


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
