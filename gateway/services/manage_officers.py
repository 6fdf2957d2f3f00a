"""Administrators look after officers: who there is, what each may do, and a new start for who lost everything.

Nobody changes their own roles, or shuts themselves out; and the last administrator who acts for every agency stays. An
administrator of one agency sees and changes the officers of that agency only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.domain.officer import Role
from gateway.services.browse import agencies_of
from gateway.services.invite_officer import NewOfficer, add_officer, chosen_roles, invite
from gateway.services.issue_key import EveryAgency
from gateway.services.runtime import Caller, Runtime
from gateway.services.surface import N_
from gateway.store import identity, officers
from gateway.store.database import Transaction

PAGE = 50
FIRST = UUID(int=0)


class OwnAccount(Forbidden):
    """Somebody else has to do this, so that no officer gives themselves rights, or is shut out by mistake."""

    code = "own_account"


class LastAdministrator(Conflict):
    """Without an administrator who acts for every agency nobody could let officers in."""

    code = "last_administrator"


@dataclass(frozen=True, slots=True)
class OfficerState:
    """`is_invited`: has a link that still works."""

    id: UUID
    email: str
    name: str
    roles: tuple[Role, ...]
    agency_id: UUID | None
    is_disabled: bool
    is_invited: bool


def list_officers(tx: Transaction, caller: Caller, after: UUID = FIRST) -> tuple[list[OfficerState], UUID | None]:
    """A page of officers in the order in which they were added, and the last of them if there are more."""
    rows = officers.all_of(tx, caller.agency_id, after, PAGE + 1)
    shown = rows[:PAGE]
    invited = identity.invited(tx, [row.id for row in shown])
    return [_state(row, row.id in invited) for row in shown], shown[-1].id if len(rows) > PAGE else None


def find_officer(tx: Transaction, caller: Caller, officer_id: UUID) -> OfficerState:
    """Raises NotFound."""
    row = _found(tx, caller, officer_id)
    return _state(row, bool(identity.invited(tx, [officer_id])))


def officer_by_email(tx: Transaction, caller: Caller, email: str) -> UUID:
    """Raises NotFound."""
    row = officers.by_email(tx, email.strip().casefold())
    if row is None or caller.agency_id not in (None, row.agency_id):
        raise NotFound("There is no officer with this e-mail address.")
    return UUID(str(row.id))


def add(tx: Transaction, runtime: Runtime, caller: Caller, new: NewOfficer, agency: str | None) -> tuple[UUID, str]:
    """The new officer of the agency with this code, or of all, and their link. Raises Invalid, EveryAgency."""
    known = {one.code: one.id for one in agencies_of(tx, caller)}
    if agency is None and caller.agency_id is not None:
        raise EveryAgency("You act for one agency, so you cannot let in somebody who acts for all. Name the agency.")
    if agency is not None and agency not in known:
        raise Invalid("There is no such agency.", fields={"agency": N_("Choose an agency of the list.")})
    agency_id = known[agency] if agency else None
    officer_id = add_officer(tx, NewOfficer(new.email, new.name, new.roles, agency_id), caller.actor)
    return officer_id, invite(tx, runtime, officer_id, caller.actor)


def set_roles(tx: Transaction, caller: Caller, officer_id: UUID, names: Iterable[str]) -> None:
    """Raises Invalid without a role, OwnAccount, LastAdministrator, NotFound."""
    officer, roles = _another(tx, caller, officer_id), chosen_roles(names)
    if not roles:
        none = {"roles": N_("Choose at least one role. To shut the officer out, disable the account.")}
        raise Invalid("An officer has a role.", fields=none)
    if roles == list(officer.roles):
        return
    if Role.ADMINISTRATOR not in roles:
        _check_not_last(tx, officer_id)
    officers.change(tx, officer_id, roles=roles)
    tx.audit(
        caller.actor,
        "officer.roles_changed",
        "officer",
        officer_id,
        before={"roles": list(officer.roles)},
        after={"roles": roles},
    )


def disable(tx: Transaction, caller: Caller, officer_id: UUID) -> None:
    """The officer is out at once. Raises OwnAccount, LastAdministrator, NotFound."""
    officer = _another(tx, caller, officer_id)
    if officer.disabled_at is not None:
        return
    _check_not_last(tx, officer_id)
    officers.change(tx, officer_id, disabled_at=tx.now)
    officers.end_sessions_of(tx, officer_id)
    identity.withdraw_invitations(tx, officer_id)
    tx.audit(caller.actor, "officer.disabled", "officer", officer_id)


def enable(tx: Transaction, caller: Caller, officer_id: UUID) -> None:
    """Let the officer in again, with what they proved themselves by before. Raises OwnAccount, NotFound."""
    officer = _another(tx, caller, officer_id)
    if officer.disabled_at is None:
        return
    officers.change(tx, officer_id, disabled_at=None)
    tx.audit(caller.actor, "officer.enabled", "officer", officer_id)


def reset(tx: Transaction, runtime: Runtime, caller: Caller, officer_id: UUID) -> str:
    """A link for a new start: password and second factors are forgotten, and every session ends.

    Raises Conflict if the officer is disabled, OwnAccount, NotFound.
    """
    officer = _another(tx, caller, officer_id)
    if officer.disabled_at is not None:
        raise Conflict("The officer is disabled. Enable the account first.")
    identity.forget_proofs(tx, officer_id)
    officers.end_sessions_of(tx, officer_id)
    tx.audit(caller.actor, "officer.reset", "officer", officer_id)
    return invite(tx, runtime, officer_id, caller.actor)


def _found(tx: Transaction, caller: Caller, officer_id: UUID, *, lock: bool = False) -> Row[Any]:
    row = officers.find(tx, officer_id, lock=lock)
    if row is None or caller.agency_id not in (None, row.agency_id):
        raise NotFound("There is no such officer.")
    return row


def _another(tx: Transaction, caller: Caller, officer_id: UUID) -> Row[Any]:
    if caller.kind == "officer" and caller.id == officer_id:
        raise OwnAccount("This is your own account: another administrator has to do it.")
    officers.lock_holders(tx, Role.ADMINISTRATOR)
    return _found(tx, caller, officer_id, lock=True)


def _check_not_last(tx: Transaction, officer_id: UUID) -> None:
    holders = [row.id for row in officers.lock_holders(tx, Role.ADMINISTRATOR)]
    if holders == [officer_id]:
        raise LastAdministrator("This is the last administrator who acts for every agency. Name another one first.")


def _state(row: Row[Any], is_invited: bool) -> OfficerState:
    roles = tuple(Role(role) for role in row.roles)
    return OfficerState(row.id, row.email, row.name, roles, row.agency_id, row.disabled_at is not None, is_invited)
