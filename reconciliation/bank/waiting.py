"""A day of a bank account that no statement tells of: it waits, is run again by the schedule, and at last is late.

It waits while a payout may be in the statement that is not there. A bank that is closed makes none: the statement of a
weekend is that of the next banking day, and is late at LATE_FROM of the one after.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.domain.payout import PayoutTerms
from reconciliation.waiting import LATE_FROM


def late_from(day: date, terms: PayoutTerms, zone: str) -> datetime:
    """From when on the statement of `day` is late."""
    return datetime.combine(terms.banking_day_after(day, 1), LATE_FROM, ZoneInfo(zone))


def statement_state(day: date, until: date | None, *, awaited: bool, is_due: bool) -> dict[str, bool]:
    """What the run's totals say of its statement. `until`: the last day that a statement tells of; `awaited`: whether
    a payout has not come."""
    waiting = awaited and (until is None or until < day)
    return {"waiting_for_file": waiting, "file_late": waiting and is_due}
