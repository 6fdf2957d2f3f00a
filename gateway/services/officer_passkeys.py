"""Passkeys (WebAuthn Level 3): a second factor, be it the first or one more, or with a PIN or a fingerprint both
factors at once.

A passkey answers a challenge that counts once, and signs for our own address only, so that no other page can collect
it. Whether its count of signatures went on is checked where it counts (6.1.1).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.services import ceremonies
from gateway.services.my_account import check_fresh
from gateway.services.officer_sessions import Officer
from gateway.services.runtime import Runtime
from gateway.services.second_factors import new_recovery_codes
from gateway.services.sign_in import HalfSignedIn, check_first, half_signed_in, note_refusal, open_session
from gateway.services.surface import N_
from gateway.store import identity, officers, passkeys
from gateway.store.database import Transaction, new_id

KIND = "passkey"
NAME = "Cổng Phí"
LABEL_LENGTH_MAX = 60
LOCALHOST, LOOPBACK = "localhost", frozenset({"127.0.0.1", "::1"})
FAULTS = (WebAuthnException, ValueError, KeyError)


class LastFactor(Conflict):
    """Without it the password alone would be enough to sign in, and to set up another second factor."""

    code = "last_factor"


@dataclass(frozen=True, slots=True)
class Here:
    """Where passkeys are for: this host, and pages of this origin.

    Browsers make none for a bare IP address, so on one's own machine they are for `localhost`.
    """

    host: str
    origin: str

    @classmethod
    def of(cls, runtime: Runtime) -> "Here":
        parts = urlsplit(runtime.public_url)
        if parts.hostname in LOOPBACK:
            parts = parts._replace(netloc=f"{LOCALHOST}:{parts.port}" if parts.port else LOCALHOST)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


def begin_adding(tx: Transaction, runtime: Runtime, officer: Officer) -> str:
    """What the browser needs to make a passkey, as JSON. Raises SignInAgain."""
    check_fresh(officer, tx.now)
    return begin_first(tx, runtime, officer)


def begin_first(tx: Transaction, runtime: Runtime, officer: Officer | HalfSignedIn) -> str:
    """The same for an officer who has no second factor yet."""
    options = webauthn.generate_registration_options(
        rp_id=Here.of(runtime).host,
        rp_name=NAME,
        user_id=officer.id.bytes,
        user_name=officer.email,
        user_display_name=officer.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_known(tx, officer.id),
    )
    ceremonies.keep(tx, officer.session, KIND, {"challenge": bytes_to_base64url(options.challenge)})
    return webauthn.options_to_json(options)


def add(runtime: Runtime, officer: Officer, answer: str, label: str) -> None:
    """Raises Invalid, SignInAgain."""
    check_fresh(officer, runtime.db.now())
    passkey = _made(runtime, officer, answer, label)
    with runtime.db.transaction() as tx:
        _keep(tx, passkey)


def set_up(runtime: Runtime, token: str, answer: str, label: str) -> tuple[str, list[str]]:
    """A passkey as the first second factor: the token of the session that it opened, and the recovery codes.

    Raises Invalid, SecondFactorNeeded, SignedOut.
    """
    who = half_signed_in(runtime, token)
    passkey = _made(runtime, who, answer, label)
    with runtime.db.transaction() as tx:
        check_first(tx, who.id)
        _keep(tx, passkey)
        codes = new_recovery_codes(tx, runtime, who.id)
        return open_session(tx, token, who.id, KIND), codes


def _made(runtime: Runtime, officer: Officer | HalfSignedIn, answer: str, label: str) -> dict[str, Any]:
    """The row of the passkey that the browser made. Raises Invalid."""
    name = " ".join(label.split())
    if not 0 < len(name) <= LABEL_LENGTH_MAX or not name.isprintable():
        wrong = {"label": N_("Give the passkey a name of at most 60 characters, by which you know it again.")}
        raise Invalid("The passkey needs a name.", fields=wrong)
    challenge, here = _challenge(runtime, officer.session), Here.of(runtime)
    try:
        verified = webauthn.verify_registration_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=here.host, expected_origin=here.origin
        )
    except FAULTS as error:
        raise _unproven() from error
    return {
        "id": new_id(),
        "officer_id": officer.id,
        "credential_id": verified.credential_id,
        "public_key": verified.credential_public_key,
        "sign_count": verified.sign_count,
        "label": name,
    }


def _keep(tx: Transaction, passkey: dict[str, Any]) -> None:
    """Raises Invalid if it is known already."""
    if not passkeys.add(tx, passkey):
        raise _unproven()
    officer_id, told = passkey["officer_id"], {"passkey": str(passkey["id"])}
    tx.audit(f"officer:{officer_id}", "officer.passkey_added", "officer", officer_id, after=told)


def remove(tx: Transaction, officer: Officer, passkey_id: UUID) -> None:
    """Raises LastFactor, NotFound, SignInAgain."""
    check_fresh(officer, tx.now)
    officers.find(tx, officer.id, lock=True)
    if not passkeys.remove(tx, passkey_id, officer.id):
        raise NotFound("You have no such passkey.")
    if identity.password_of(tx, officer.id) and not identity.factors_of(tx, officer.id):
        raise LastFactor("Your password alone would let somebody in. Add another passkey or an authenticator first.")
    told = {"passkey": str(passkey_id)}
    tx.audit(officer.caller.actor, "officer.passkey_removed", "officer", officer.id, before=told)


def begin_signing_in(tx: Transaction, runtime: Runtime, browser: str, who: HalfSignedIn | None) -> str:
    """What the browser needs to show a passkey, as JSON: one of `who`, or any one that proves both factors."""
    options = webauthn.generate_authentication_options(
        rp_id=Here.of(runtime).host,
        allow_credentials=_known(tx, who.id) if who else None,
        user_verification=_verification(who),
    )
    ceremonies.keep(tx, browser, KIND, {"challenge": bytes_to_base64url(options.challenge)})
    return webauthn.options_to_json(options)


def sign_in(runtime: Runtime, browser: str, who: HalfSignedIn | None, half_token: str, answer: str) -> str:
    """The token of the session that the passkey opened. Raises Invalid, SignedOut."""
    challenge, here = _challenge(runtime, browser), Here.of(runtime)
    try:
        credential_id = parse_authentication_credential_json(answer).raw_id
    except FAULTS as error:
        raise _unproven() from error
    with runtime.db.transaction() as tx:
        known = passkeys.lock(tx, credential_id)
        if known is None or (who and known.officer_id != who.id):
            raise _unproven()
        try:
            verified = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=here.host,
                expected_origin=here.origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=who is None,
            )
        except FAULTS:
            note_refusal(tx, known.officer_id, KIND)
        else:
            passkeys.note_use(tx, known.id, verified.new_sign_count)
            return open_session(tx, half_token if who else "", known.officer_id, KIND)
    raise _unproven()


def _verification(who: HalfSignedIn | None) -> UserVerificationRequirement:
    """Alone, a passkey has to prove that it was its owner who used it."""
    return UserVerificationRequirement.PREFERRED if who else UserVerificationRequirement.REQUIRED


def _known(tx: Transaction, officer_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=row.credential_id) for row in passkeys.all_of(tx, officer_id)]


def _challenge(runtime: Runtime, browser: str) -> bytes:
    """The one that was kept; it is gone with this. Raises Invalid."""
    with runtime.db.transaction() as tx:
        kept: dict[str, Any] | None = ceremonies.take(tx, browser, KIND)
    if kept is None:
        raise _unproven()
    return base64url_to_bytes(kept["challenge"])


def _unproven() -> Invalid:
    told = {"passkey": N_("The passkey did not prove it. Try again, or choose another way.")}
    return Invalid("The passkey did not prove it.", fields=told)
