"""The authority that collects, and the calendar it lives by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Limits:
    """What an agency takes by one method, in minor units of its own currency; None leaves it to the provider."""

    minimum_minor: int | None = None
    maximum_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """`time_zone` is an IANA name; `providers` are the enabled payment methods, in the order that payers see, and
    `method_limits` the agency's own limits for some of them."""

    id: UUID
    code: str
    names: dict[str, str]
    time_zone: str
    currency: str
    bank_account: str
    receipt_series: str
    providers: tuple[str, ...]
    method_limits: Mapping[str, Limits]

    def business_date(self, at: datetime) -> date:
        return business_date(at, self.time_zone)


def business_date(at: datetime, time_zone: str) -> date:
    """The calendar day of the aware instant `at` where people of `time_zone` live."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """The instants at which `day` begins and ends (exclusive) in `time_zone`."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time.min, zone)
    return start, datetime.combine(day + timedelta(days=1), time.min, zone)
