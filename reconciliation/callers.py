"""Who may see what is about every agency."""

from gateway.domain.errors import Forbidden
from gateway.services.runtime import Caller


class OneAgencyOnly(Forbidden):
    code = "one_agency_only"


def check_acts_for_all(caller: Caller) -> None:
    """Raises OneAgencyOnly for who acts for one agency."""
    if caller.agency_id is not None:
        raise OneAgencyOnly("A run covers every agency that a provider collects for, and you act for one.")
