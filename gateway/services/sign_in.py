"""Officers sign in: by e-mail address and password, and then by a second factor.

The password alone begins a session that opens nothing but the second step; that one ends it and begins a session of its
own, so that no token from before the proof is worth anything after it. An unknown address, a wrong password and a
disabled account get one and the same answer, in the same time.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from gateway.domain.errors import Unauthorized
from gateway.services.lock_out import count_try, forget_tries, take_back_try
from gateway.services.officer_sessions import SignedOut, begin_session, end_session, half_session
from gateway.services.passwords import hashed, is_outdated, matches
from gateway.services.runtime import Runtime
from gateway.services.second_factors import confirm_authenticator, new_recovery_codes, spend_code, wrong_code
from gateway.store import identity, officers
from gateway.store.database import Transaction

SECOND_STEP_WITHIN = timedelta(minutes=15)


class WrongCredentials(Unauthorized):
    """The e-mail address and the password do not belong together, or the account is disabled."""

    code = "wrong_credentials"


class SecondFactorNeeded(Unauthorized):
    """The officer has a second factor: it must be shown before another one is set up."""

    code = "second_factor_needed"


@dataclass(frozen=True, slots=True)
class HalfSignedIn:
    """An officer who has shown the password, or followed an invitation. `session` names the session in forms;
    `factors` are the second factors that there are: authenticator, passkey."""

    id: UUID
    name: str
    email: str
    session: str
    factors: frozenset[str]


def sign_in(runtime: Runtime, email: str, password: str, address: str) -> str:
    """The token of a session that waits for the second step. Raises WrongCredentials, TooManyTries."""
    email = email.strip().casefold()
    with runtime.db.transaction() as tx:
        count_try(tx, runtime, "password", email)
        count_try(tx, runtime, "address", address)
    with runtime.db.read() as tx:
        officer = officers.by_email(tx, email)
        kept = identity.password_of(tx, officer.id) if officer else None
    right = matches(password, kept.hash if kept else None)
    with runtime.db.transaction() as tx:
        if officer and kept and right and officer.disabled_at is None:
            forget_tries(tx, runtime, "password", email)
            take_back_try(tx, runtime, "address", address)
            if is_outdated(kept.hash):
                identity.rehash_password(tx, officer.id, kept.hash, hashed(password))
            return begin_session(tx, officer.id, proven=False)
        if officer:
            note_refusal(tx, officer.id, "password")
    raise WrongCredentials("The e-mail address or the password is wrong.")


def half_signed_in(runtime: Runtime, token: str) -> HalfSignedIn:
    """Who has shown the password with `token`. Raises SignedOut."""
    with runtime.db.read() as tx:
        row = half_session(tx, token, SECOND_STEP_WITHIN)
        factors = frozenset(identity.factors_of(tx, row.id))
    return HalfSignedIn(row.id, row.name, row.email, sha256(token.encode()).hexdigest(), factors)


def prove(runtime: Runtime, token: str, code: str) -> str:
    """The token of the session that the second factor opened. Raises Invalid, SignedOut, TooManyTries."""
    who = half_signed_in(runtime, token)
    with runtime.db.transaction() as tx:
        count_try(tx, runtime, "code", str(who.id))
    with runtime.db.transaction() as tx:
        by = spend_code(tx, runtime, who.id, code)
        if by:
            forget_tries(tx, runtime, "code", str(who.id))
            return open_session(tx, token, who.id, by)
        note_refusal(tx, who.id, "code")
    raise wrong_code()


def set_up_authenticator(runtime: Runtime, token: str, code: str) -> tuple[str, list[str]]:
    """An authenticator as the first second factor: the token of the session that it opened, and the recovery codes.

    Raises Invalid for a wrong code, SecondFactorNeeded, SignedOut, TooManyTries.
    """
    who = half_signed_in(runtime, token)
    with runtime.db.transaction() as tx:
        check_first(tx, who.id)
        count_try(tx, runtime, "code", str(who.id))
    with runtime.db.transaction() as tx:
        check_first(tx, who.id)
        confirm_authenticator(tx, runtime, who.id, who.session, code)
        forget_tries(tx, runtime, "code", str(who.id))
        codes = new_recovery_codes(tx, runtime, who.id)
        return open_session(tx, token, who.id, "authenticator"), codes


def check_first(tx: Transaction, officer_id: UUID) -> None:
    """That the officer has no second factor, and gets none until the transaction ends: whoever has one shows it first,
    since the password alone must not be enough to set up another. Raises SecondFactorNeeded."""
    officers.find(tx, officer_id, lock=True)
    if identity.factors_of(tx, officer_id):
        raise SecondFactorNeeded("Show your second factor first.")


def open_session(tx: Transaction, half_token: str, officer_id: UUID, by: str) -> str:
    """A session in place of the one that waited, if it did not end meanwhile; `by` says what proved the officer.

    Raises SignedOut.
    """
    if half_token:
        half_session(tx, half_token, SECOND_STEP_WITHIN)
        end_session(tx, half_token)
    officer = officers.find(tx, officer_id, lock=True)
    if officer is None or officer.disabled_at is not None:
        raise SignedOut("Sign in again: the session has ended.")
    tx.audit(f"officer:{officer_id}", "officer.signed_in", "officer", officer_id, after={"by": by})
    return begin_session(tx, officer_id)


def note_refusal(tx: Transaction, officer_id: UUID, what: str) -> None:
    tx.audit("unknown", "officer.sign_in_refused", "officer", officer_id, after={"by": what})
