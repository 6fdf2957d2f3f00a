"""Where an officer is: the zone in which moments are shown, and what days are run of."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.agency import Agency
from gateway.domain.payout import bank_source
from gateway.ports.provider import SettlementSource
from gateway.services.browse import usual_zone
from gateway.services.runtime import Runtime


def sources_of(runtime: Runtime) -> list[str]:
    """What days are run of: the providers that settle, and the bank accounts that they pay out to."""
    providers = [name for name, each in runtime.providers.items() if isinstance(each, SettlementSource)]
    return sorted([*providers, *map(bank_source, runtime.payouts.all_accounts())])


def zone_of(agencies: list[Agency], agency_id: UUID | None = None) -> str:
    """That of the agency, or else the one that most of them are in."""
    return usual_zone([each for each in agencies if each.id == agency_id] or agencies)


def today_of(agencies: list[Agency], now: datetime) -> date:
    """The day it is where they are."""
    return now.astimezone(ZoneInfo(zone_of(agencies))).date()
