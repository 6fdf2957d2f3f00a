"""A day whose file has not come: it waits, is run again by the schedule until the file comes, and at last is late.

A day waits if the provider lists no batch for it though the ledger has something that is in no settlement. Its run says
so in its totals:

    waiting_for_file  no batch yet, and something is in no settlement
    file_late         so it was at LATE_FROM, where the provider cuts its day, of the day on which the file was due
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.ports.capabilities import Capabilities

UNSETTLED = frozenset({DiscrepancyKind.MISSING_AT_PROVIDER.value, DiscrepancyKind.TIMING.value})
LATE_FROM = time(10)  # files come at night; by then somebody is there to ask for them


def late_from(day: date, capabilities: Capabilities) -> datetime:
    """From when on the file of `day` is late: the morning after, and the days that the provider may take."""
    due = day + timedelta(days=1 + capabilities.settlement_lag_days)
    return datetime.combine(due, LATE_FROM, ZoneInfo(capabilities.time_zone))


def file_state(
    totals: Mapping[str, Any], has_batches: bool, day: date, capabilities: Capabilities, now: datetime
) -> dict[str, bool]:
    """What the run's totals say of its file."""
    waiting = not has_batches and not UNSETTLED.isdisjoint(totals["open"])
    return {"waiting_for_file": waiting, "file_late": waiting and now >= late_from(day, capabilities)}


def is_waiting(totals: Mapping[str, Any]) -> bool:
    return bool(totals.get("waiting_for_file"))
