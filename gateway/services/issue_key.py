"""An administrator lets somebody in: a new API key for an agency the administrator acts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.errors import Forbidden, Invalid
from gateway.services.browse import agencies_of
from gateway.services.keys import KeyRing
from gateway.services.runtime import Caller
from gateway.store.database import Transaction


class EveryAgency(Forbidden):
    """Only who acts for every agency can let another do so."""

    code = "every_agency"


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """`agency` is a code; None is every agency. `expires_at` None never ends."""

    label: str
    scopes: Sequence[str]
    agency: str | None = None
    expires_at: datetime | None = None


def issue_key(tx: Transaction, keys: KeyRing, caller: Caller, request: KeyRequest) -> tuple[UUID, str]:
    """The new key's id and the key itself, which is told this once. Raises Invalid or EveryAgency."""
    if request.expires_at is not None and request.expires_at <= tx.now:
        raise Invalid("The key would have ended already.", fields={"expires_at": "must be in the future"})
    agency_id = _agency_id(tx, caller, request.agency)
    return keys.issue(tx, request.label, request.scopes, agency_id, request.expires_at, issued_by=caller.actor)


def _agency_id(tx: Transaction, caller: Caller, code: str | None) -> UUID | None:
    if code is None:
        if caller.agency_id is not None:
            raise EveryAgency("This key acts for one agency, so it cannot make one that acts for all. Name the agency.")
        return None
    found = {agency.code: agency.id for agency in agencies_of(tx, caller)}
    if code not in found:
        raise Invalid("There is no such agency.", fields={"agency": f"must be one of {', '.join(found)}"})
    return found[code]
