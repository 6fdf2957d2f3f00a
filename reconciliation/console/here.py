"""Where an officer is: the zone in which moments are shown, the agencies that are theirs, and what days are run of."""

from collections import Counter
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.agency import Agency
from gateway.domain.payout import bank_source
from gateway.ports.provider import SettlementSource
from gateway.services.officer_sessions import Officer
from gateway.services.runtime import Runtime
from gateway.store import catalogue
from gateway.store.database import Transaction

NOWHERE = "UTC"


def sources_of(runtime: Runtime) -> list[str]:
    """What days are run of: the providers that settle, and the bank accounts that they pay out to."""
    providers = [name for name, each in runtime.providers.items() if isinstance(each, SettlementSource)]
    return sorted([*providers, *map(bank_source, runtime.payouts.all_accounts())])


def agencies_of(tx: Transaction, officer: Officer) -> list[Agency]:
    """All, or the officer's own."""
    return [each for each in catalogue.all_agencies(tx) if officer.agency_id in (None, each.id)]


def zone_of(agencies: list[Agency], agency_id: UUID | None = None) -> str:
    """That of the agency, or else the one that most of them are in."""
    of_it = [each.time_zone for each in agencies if each.id == agency_id]
    usual = Counter(each.time_zone for each in agencies).most_common(1)
    return next(iter([*of_it, *(zone for zone, _ in usual)]), NOWHERE)


def today_of(agencies: list[Agency], now: datetime) -> date:
    """The day it is where they are."""
    return now.astimezone(ZoneInfo(zone_of(agencies))).date()
