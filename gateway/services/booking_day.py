"""The business date of an entry: the day on which its money moved, unless that day is closed."""

from datetime import date, datetime
from uuid import UUID

from gateway.store import catalogue, signed_runs
from gateway.store.database import Transaction


def booking_day(tx: Transaction, agency_id: UUID, provider: str, occurred_at: datetime) -> date:
    """The day of `occurred_at` where the agency is; today, once `provider` is signed for that day.

    So what becomes known later, by a correction or by news that comes late, leaves the trial balance of a signed day
    as it is. The entry's `occurred_at` still names the day that it belongs to. Nobody signs that day until `tx` ends.
    """
    agency = catalogue.agency(tx, agency_id)
    day, today = agency.business_date(occurred_at), agency.business_date(tx.now)
    return today if day < today and signed_runs.held_signed(tx, provider, day) else day
