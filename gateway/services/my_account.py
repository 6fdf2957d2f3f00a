"""An officer's own account: what they prove themselves by, and where they are signed in.

What could keep a thief of the session inside (another second factor, new recovery codes) is open only for a quarter of
an hour after signing in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.errors import Forbidden, Invalid
from gateway.services.lock_out import count_try, forget_tries
from gateway.services.officer_sessions import Officer, end_sessions, sessions_of
from gateway.services.passwords import check_password, hashed, matches
from gateway.services.runtime import Runtime
from gateway.services.second_factors import confirm_authenticator, new_recovery_codes
from gateway.services.surface import N_
from gateway.store import identity, passkeys
from gateway.store.database import Transaction

FRESH = timedelta(minutes=15)


class SignInAgain(Forbidden):
    """This needs a session that was begun a moment ago."""

    code = "sign_in_again"


@dataclass(frozen=True, slots=True)
class Account:
    """`sessions`: begun_at, seen_at and token_hash of each, the newest first; `passkeys`: id, label, added_at,
    used_at."""

    has_password: bool
    has_authenticator: bool
    recovery_codes_left: int
    passkeys: Sequence[Row[Any]]
    sessions: Sequence[Row[Any]]


def account_of(tx: Transaction, officer: Officer) -> Account:
    return Account(
        has_password=identity.password_of(tx, officer.id) is not None,
        has_authenticator=identity.authenticator_of(tx, officer.id) is not None,
        recovery_codes_left=identity.recovery_codes_left(tx, officer.id),
        passkeys=passkeys.all_of(tx, officer.id),
        sessions=sessions_of(tx, officer.id),
    )


def check_fresh(officer: Officer, now: datetime) -> None:
    """Raises SignInAgain."""
    if officer.begun_at <= now - FRESH:
        raise SignInAgain("Sign in again to do this: it is some time since you did.")


def change_password(runtime: Runtime, officer: Officer, current: str, password: str) -> None:
    """The officer is signed out everywhere else. Raises Invalid, naming current or password; TooManyTries."""
    with runtime.db.transaction() as tx:
        count_try(tx, runtime, "password", officer.email)
    with runtime.db.read() as tx:
        kept = identity.password_of(tx, officer.id)
    if not matches(current, kept.hash if kept else None):
        wrong = {"current": N_("This is not your present password. Check it, and try again.")}
        raise Invalid("The present password is wrong.", fields=wrong)
    check_password(password, officer.email)
    password_hash = hashed(password)
    with runtime.db.transaction() as tx:
        forget_tries(tx, runtime, "password", officer.email)
        identity.set_password(tx, officer.id, password_hash)
        identity.withdraw_invitations(tx, officer.id)
        end_sessions(tx, officer.id, but=officer.session)
        tx.audit(officer.caller.actor, "officer.password_set", "officer", officer.id)


def replace_authenticator(runtime: Runtime, officer: Officer, code: str) -> None:
    """The one that waits for its first code takes the place of the present one. Raises Invalid, SignInAgain."""
    check_fresh(officer, runtime.db.now())
    with runtime.db.transaction() as tx:
        count_try(tx, runtime, "code", str(officer.id))
    with runtime.db.transaction() as tx:
        confirm_authenticator(tx, runtime, officer.id, officer.session, code)
        forget_tries(tx, runtime, "code", str(officer.id))


def renew_recovery_codes(runtime: Runtime, officer: Officer) -> list[str]:
    """Raises SignInAgain."""
    check_fresh(officer, runtime.db.now())
    with runtime.db.transaction() as tx:
        return new_recovery_codes(tx, runtime, officer.id)


def sign_out_elsewhere(runtime: Runtime, officer: Officer) -> None:
    with runtime.db.transaction() as tx:
        end_sessions(tx, officer.id, but=officer.session)
        tx.audit(officer.caller.actor, "officer.signed_out_elsewhere", "officer", officer.id)
