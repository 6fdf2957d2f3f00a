"""Where an officer is: the zone in which moments are shown, and the agencies that are theirs."""

from uuid import UUID

from gateway.domain.agency import Agency
from gateway.services.officer_sessions import Officer
from gateway.store import catalogue
from gateway.store.database import Transaction

NOWHERE = "UTC"


def agencies_of(tx: Transaction, officer: Officer) -> list[Agency]:
    """All, or the officer's own."""
    return [each for each in catalogue.all_agencies(tx) if officer.agency_id in (None, each.id)]


def zone_of(agencies: list[Agency], agency_id: UUID | None = None) -> str:
    """That of the agency, or else of the first."""
    of_it = [each.time_zone for each in agencies if each.id == agency_id]
    return next(iter([*of_it, *(each.time_zone for each in agencies)]), NOWHERE)
