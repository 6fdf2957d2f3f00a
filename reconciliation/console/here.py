"""Where an officer is: the zone in which moments are shown."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.agency import Agency
from gateway.services.browse import usual_zone


def zone_of(agencies: list[Agency], agency_id: UUID | None = None) -> str:
    """That of the agency, or else the one that most of them are in."""
    return usual_zone([each for each in agencies if each.id == agency_id] or agencies)


def today_of(agencies: list[Agency], now: datetime) -> date:
    """The day it is where they are."""
    return now.astimezone(ZoneInfo(zone_of(agencies))).date()
