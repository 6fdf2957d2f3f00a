"""A provider that does not answer is left alone for a while: the circuit breaker, and the calls that it judges by.

    closed      all is well, or not bad enough to say otherwise
    open        so many calls in a row came to nothing that the next would as well: no payment is begun with it
    half open   the time to cool down is over; one trial at a time may find out whether it answers again

Only what shows that the provider itself is not there counts: that nobody could be reached, or that no answer came. A
refusal is an answer, and so is "slow down". A settlement that is late or cannot be read says nothing about whether
payers can pay. The state is the database's, shared by every process; here are the words and the thresholds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FAILURES = 5
"""In a row. One time-out is the network's, and two may be a restart; after five with nothing answered in between, the
sixth payer would wait as long for nothing."""

WITHIN = timedelta(minutes=5)
"""Longer than five time-outs one after another (20 to 35 s each), so that a lone worker finds out too; short enough
that the troubles of an hour ago are not added to those of today."""

COOL_DOWN = timedelta(seconds=30)
"""A payer waits no longer than that before choosing another way, and one question in 30 s hinders nobody's recovery."""

TRIAL_AT_MOST = timedelta(seconds=60)
"""Longer than all of an adapter's time-outs together: a trial that is older was cut short by a crash."""


class Operation(StrEnum):
    """What a provider is asked to do."""

    CREATE = "create"
    QUERY = "query"
    CANCEL = "cancel"
    REFUND = "refund"
    QUERY_REFUND = "query_refund"
    SETTLEMENT = "settlement"
    CREDITS = "credits"


class Outcome(StrEnum):
    """What became of a call; the classes are those of the errors that the port knows."""

    OK = "ok"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    RATE_LIMITED = "rate_limited"
    UNSUPPORTED = "unsupported"


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


FAILED = frozenset({Outcome.UNKNOWN, Outcome.NOT_SENT})
SAYS_NOTHING = frozenset({Outcome.UNSUPPORTED})
"""Decided by our own side: the provider was not asked."""

FOR_THE_NIGHT = frozenset({Operation.SETTLEMENT, Operation.CREDITS})
"""Often files, and from other machines than those that take payments."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a provider. `code` is the provider's or the transport's own word, for the record; `is_trial` if it
    was let through a half-open circuit to find out."""

    provider: str
    operation: Operation
    outcome: Outcome
    code: str
    latency_ms: int
    at: datetime
    is_trial: bool = False

    @property
    def answered(self) -> bool | None:
        """Whether the provider was there; None if the call says nothing about that."""
        if self.operation in FOR_THE_NIGHT or self.outcome in SAYS_NOTHING:
            return None
        return self.outcome not in FAILED


@dataclass(frozen=True, slots=True)
class Circuit:
    """`opened_at` None: closed. From `retry_at` on one trial at a time is let through; one is under way until
    `trial_until`. `code` is what the call that opened it came to."""

    provider: str
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    trial_until: datetime | None = None
    code: str = ""

    def state(self, now: datetime) -> CircuitState:
        if self.opened_at is None:
            return CircuitState.CLOSED
        cooled_down = self.retry_at is not None and self.retry_at <= now
        return CircuitState.HALF_OPEN if cooled_down else CircuitState.OPEN

    def admits(self, now: datetime) -> bool:
        """Whether a payment may be begun: the circuit is closed, or a trial is due and nobody makes one."""
        if self.state(now) is CircuitState.HALF_OPEN:
            return self.trial_until is None or self.trial_until <= now
        return self.opened_at is None
