"""The second factor: one-time codes of an authenticator app (RFC 6238), and recovery codes for when it is lost.

The secret of an authenticator is sealed in the vault. A code counts once, and one step of 30 seconds before or after
its time. Recovery codes are shown once; kept are keyed hashes, each good for one sign-in.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy.engine import Row

from gateway.domain.errors import Conflict, Invalid
from gateway.services.runtime import Runtime
from gateway.services.surface import N_
from gateway.services.vault import authenticator_purpose
from gateway.store import identity
from gateway.store.database import Transaction, new_id

ISSUER = "Cong Phi"  # the name in the officer's app; some show nothing but ASCII
STEP = timedelta(seconds=30)
SET_UP_WITHIN = timedelta(minutes=15)  # as long as the sessions last in which one can be set up
CODES = 10
CODE_CHARACTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that is easily taken for another
CODE_LENGTH = 10
RECOVERY = "recovery code"


class NothingToConfirm(Conflict):
    """The set-up of an authenticator was not begun, or is done."""

    code = "nothing_to_confirm"


def add_authenticator(tx: Transaction, runtime: Runtime, officer_id: UUID, secret: str, session: str = "") -> UUID:
    """It counts once a first code, typed in the session of this name, proves that the officer's app has the secret."""
    authenticator_id = new_id()
    key_id, sealed = runtime.vault.seal_bytes(authenticator_purpose(authenticator_id), secret.encode())
    row = {"id": authenticator_id, "officer_id": officer_id, "master_key_id": key_id, "sealed": sealed}
    identity.add_authenticator(tx, row | {"session": bytes.fromhex(session) or None}, tx.now - SET_UP_WITHIN)
    return authenticator_id


def pending_secret(tx: Transaction, runtime: Runtime, officer_id: UUID, session: str) -> str:
    """The secret to put into the officer's app: the same as long as this session has not proven it.

    Another session gets another, or else whoever knows the password could read the secret that the officer takes.
    """
    row = identity.pending_authenticator(tx, officer_id, bytes.fromhex(session))
    if row:
        return _secret(runtime, row)
    add_authenticator(tx, runtime, officer_id, pyotp.random_base32(), session)
    return pending_secret(tx, runtime, officer_id, session)


def confirm_authenticator(tx: Transaction, runtime: Runtime, officer_id: UUID, session: str, code: str) -> None:
    """The authenticator counts from now on, in place of an earlier one. Raises Invalid, NothingToConfirm."""
    row = identity.pending_authenticator(tx, officer_id, bytes.fromhex(session))
    if row is None:
        raise NothingToConfirm("Begin the set-up of the authenticator once more.")
    step = _step_of(_secret(runtime, row), code, tx.now)
    if step is None or not identity.spend_step(tx, row.id, step):
        raise wrong_code()
    identity.confirm_authenticator(tx, row.id, officer_id)
    tx.audit(f"officer:{officer_id}", "officer.authenticator_added", "officer", officer_id)


def spend_code(tx: Transaction, runtime: Runtime, officer_id: UUID, code: str) -> str | None:
    """By what the officer is proven: authenticator, or recovery_code. None if the code is wrong, or was used."""
    typed = _plain(code)
    if len(typed) == CODE_LENGTH:
        spent = identity.spend_recovery_code(tx, officer_id, _hash(runtime, officer_id, typed))
        return "recovery_code" if spent else None
    row = identity.authenticator_of(tx, officer_id)
    step = _step_of(_secret(runtime, row), typed, tx.now) if row else None
    spent = row is not None and step is not None and identity.spend_step(tx, row.id, step)
    return "authenticator" if spent else None


def new_recovery_codes(tx: Transaction, runtime: Runtime, officer_id: UUID) -> list[str]:
    """Ten codes, which are told this once; earlier ones end."""
    codes = ["".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH)) for _ in range(CODES)]
    identity.replace_recovery_codes(tx, officer_id, [_hash(runtime, officer_id, code) for code in codes])
    tx.audit(f"officer:{officer_id}", "officer.recovery_codes_made", "officer", officer_id)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def address_for_app(secret: str, email: str) -> str:
    """What the app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def code_at(secret: str, at: datetime) -> str:
    return pyotp.TOTP(secret).at(at)


def wrong_code() -> Invalid:
    wrong = N_("This code is wrong or was used already. Wait for the next one in your app, and type it here.")
    return Invalid("The code is wrong or was used.", fields={"code": wrong})


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code this is: the present one, or a neighbour, since clocks differ."""
    typed = _plain(code).encode()
    for offset in (0, -1, 1):
        at = now + offset * STEP
        if hmac.compare_digest(code_at(secret, at).encode(), typed):
            return int(at.timestamp()) // STEP.seconds
    return None


def _secret(runtime: Runtime, row: Row[Any]) -> str:
    purpose = authenticator_purpose(row.id)
    return runtime.vault.open_bytes(purpose, row.master_key_id, row.sealed).decode()


def _plain(code: str) -> str:
    return "".join(character for character in code.upper() if character.isalnum())


def _hash(runtime: Runtime, officer_id: UUID, code: str) -> bytes:
    return runtime.tokens.sign(RECOVERY, f"{officer_id}\n{code}").encode()
