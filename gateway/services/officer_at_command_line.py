"""Officers who work at the command line: whoever runs it says who they are, and the trail says on whose login.

The command line is for those who run the gateway, and it asks no password: it can name any officer. So each use is in
the audit trail with the login of the machine.
"""

from gateway.domain.errors import Forbidden, NotFound
from gateway.domain.officer import Role
from gateway.services.keys import Scope
from gateway.services.officer_sessions import SCOPES
from gateway.services.runtime import Caller
from gateway.store import officers
from gateway.store.database import Transaction


class OfficerNotFound(NotFound):
    code = "officer_not_found"


class RoleMissing(Forbidden):
    code = "role_missing"


def officer_at_command_line(tx: Transaction, email: str, login: str, command: str, *allowed: Scope) -> Caller:
    """The officer of that e-mail address, who may do what one of `allowed` may. Raises OfficerNotFound, RoleMissing."""
    row = officers.by_email(tx, email.strip().lower())
    if row is None or row.disabled_at is not None:
        raise OfficerNotFound(f"There is no officer {email}, or the account is closed.")
    roles = {Role(role) for role in row.roles}
    scopes = frozenset(str(SCOPES[role]) for role in roles if role in SCOPES)
    if scopes.isdisjoint(allowed):
        raise RoleMissing(f"{row.name} may not do this: it takes the role of {' or '.join(allowed)}.")
    caller = Caller(row.id, row.name, scopes, row.agency_id, kind="officer")
    tx.audit(caller.actor, "command_line.used", "officer", row.id, after={"command": command, "login": login})
    return caller
