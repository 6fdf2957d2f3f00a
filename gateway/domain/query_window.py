"""When a provider is asked what became of a payment or refund, and when there is no point in asking any more.

It is asked after 1, 5 and 15 minutes, then hourly; once more when the payer's time is over, which is when most are
decided; and for the last time shortly before the provider stops to answer, where it does. Then, or after two days where
it answers for ever, what is not resolved is named as a discrepancy. Nothing is concluded from silence: a notification,
a settlement line or an officer may still tell the end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.payment import next_check

UNRESOLVED_AFTER = timedelta(hours=48)

LAST_QUESTION_BEFORE = timedelta(minutes=10)
"""So long before the window closes: enough for a sweep that lags and for clocks that differ. What is not found later
than this proves nothing either, as it may be the window that has closed."""

AFTER_EXPIRY = timedelta(seconds=30)
"""So long after the payer's time is over, so that the provider's clock has come there too."""


@dataclass(frozen=True, slots=True)
class QueryWindow:
    """`lasts` is how long after `opened_at` the provider answers; None for ever. `expires_at` is when the payer's time
    is over, if anybody's is."""

    opened_at: datetime
    lasts: timedelta | None
    expires_at: datetime | None = None

    @property
    def closes_at(self) -> datetime | None:
        return None if self.lasts is None else self.opened_at + self.lasts

    def is_closed(self, now: datetime) -> bool:
        """There is no point in asking any more."""
        return self.closes_at is not None and now >= self.closes_at

    def proves_absence(self, now: datetime, after: timedelta) -> bool:
        """Whether what cannot be found now, `after` so long, was never there."""
        too_late = self.closes_at is not None and now > self.closes_at - LAST_QUESTION_BEFORE
        return not too_late and now - self.opened_at >= after

    def is_unresolved(self, now: datetime) -> bool:
        """What has no end yet is to be named."""
        return self.is_closed(now) if self.lasts is not None else now - self.opened_at > UNRESOLVED_AFTER

    def next_question(self, now: datetime, checks: int) -> datetime | None:
        """When to look at it again, after so many questions; None once there is no point."""
        if self.is_closed(now):
            return None
        moments = [now + next_check(checks)]
        if self.expires_at is not None:
            moments.append(self.expires_at + AFTER_EXPIRY)
        if self.closes_at is not None:
            moments += [self.closes_at - LAST_QUESTION_BEFORE, self.closes_at]
        return min(moment for moment in moments if moment > now)

    def evidence(self, now: datetime) -> dict[str, str]:
        """For the discrepancy that names what is not resolved: until when it was asked, and why no longer."""
        until = min(self.closes_at, now) if self.closes_at is not None else now
        return {
            "why": "no_end",
            "asked_until": until.isoformat(timespec="seconds"),
            "query_window": "closed" if self.is_closed(now) else "open",
        }
