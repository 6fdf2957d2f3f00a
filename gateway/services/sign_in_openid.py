"""Officers sign in at the ministry: the account is the one that an administrator made, and no other is made.

At the first time it is found by the e-mail address that the issuer verified; from then on by the issuer and its name
for the officer (sub), which alone is promised to stay (OpenID Connect Core 1.0, 5.7). The second factor is the issuer's
concern.
"""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.services import ceremonies
from gateway.services.invite_officer import chosen_roles
from gateway.services.openid import Ceremony, Identity, OpenId, OpenIdRefused
from gateway.services.runtime import Runtime
from gateway.services.sign_in import open_session
from gateway.store import identity as rows
from gateway.store import officers
from gateway.store.database import Transaction

KIND = "openid"


def begin(runtime: Runtime, client: OpenId, browser: str, wanted: str) -> str:
    """Where the browser goes; `wanted` is the page that it comes back to. Raises OpenIdUnavailable."""
    ceremony = Ceremony.fresh()
    address = client.address(ceremony, redirect_uri(runtime))
    with runtime.db.transaction() as tx:
        ceremonies.keep(tx, browser, KIND, asdict(ceremony) | {"wanted": wanted})
    return address


def finish(runtime: Runtime, client: OpenId, browser: str, state: str, code: str) -> tuple[str, str]:
    """The token of the session, and the page that was wanted. Raises OpenIdRefused, OpenIdUnavailable, SignedOut."""
    with runtime.db.transaction() as tx:
        kept = ceremonies.take(tx, browser, KIND)
    if kept is None:
        raise OpenIdRefused("This sign-in is over. Begin it once more.")
    wanted = str(kept.pop("wanted"))
    who = client.identify(Ceremony(**kept), state, code, redirect_uri(runtime), runtime.db.now())
    with runtime.db.transaction() as tx:
        officer = _officer(tx, who)
        if officer is not None:
            _take_over_roles(tx, officer, who)
            return open_session(tx, "", officer.id, KIND), wanted
    raise OpenIdRefused("Your account at the ministry is not known here. Ask an administrator to add you.")


def redirect_uri(runtime: Runtime) -> str:
    """As it is registered with the issuer."""
    return f"{runtime.public_url}/console/sign-in/openid/callback"


def _officer(tx: Transaction, who: Identity) -> Row[Any] | None:
    linked = rows.officer_of_identity(tx, who.issuer, who.subject)
    if linked is not None:
        return officers.find(tx, linked)
    found = officers.by_email(tx, who.email) if who.email else None
    officer = officers.find(tx, found.id, lock=True) if found else None
    if officer is None or officer.disabled_at is not None or rows.has_identity(tx, officer.id, who.issuer):
        return None
    rows.link_identity(tx, who.issuer, who.subject, officer.id)
    actor = f"officer:{officer.id}"
    tx.audit(actor, "officer.identity_linked", "officer", officer.id, after={"issuer": who.issuer})
    return officer


def _take_over_roles(tx: Transaction, officer: Row[Any], who: Identity) -> None:
    """If roles are the issuer's to say, they are these. Raises OpenIdRefused if it names none of ours."""
    if who.roles is None:
        return
    roles, held = chosen_roles(who.roles), list(officer.roles)
    if not roles:
        raise OpenIdRefused("Your account at the ministry has no role here. Ask those who look after it.")
    if roles != held:
        officers.change(tx, UUID(str(officer.id)), roles=roles)
        change = {"before": {"roles": held}, "after": {"roles": roles}}
        tx.audit(f"issuer:{who.issuer}", "officer.roles_changed", "officer", officer.id, **change)
