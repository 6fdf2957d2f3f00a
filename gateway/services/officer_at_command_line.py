"""Officers who work at the command line: whoever runs it says who they are, and the trail says on whose login.

The command line is for those who run the gateway, and it asks no password: it can name any officer. So each use is in
the audit trail with the login of the machine.
"""

from gateway.domain.errors import NotFound
from gateway.services.keys import Scope
from gateway.services.officer_sessions import RoleMissing, caller_of
from gateway.services.runtime import Caller
from gateway.store import officers
from gateway.store.database import Transaction


class OfficerNotFound(NotFound):
    code = "officer_not_found"


def officer_at_command_line(tx: Transaction, email: str, login: str, command: str, *allowed: Scope) -> Caller:
    """The officer of that e-mail address, who may do what one of `allowed` may. Raises OfficerNotFound, RoleMissing."""
    row = officers.by_email(tx, email.strip().casefold())
    if row is None or row.disabled_at is not None:
        raise OfficerNotFound(f"There is no officer {email}, or the account is closed.")
    caller = caller_of(row)
    if caller.scopes.isdisjoint(allowed):
        raise RoleMissing(f"{row.name} may not do this: it takes the role of {' or '.join(allowed)}.")
    tx.audit(caller.actor, "command_line.used", "officer", row.id, after={"command": command, "login": login})
    return caller
