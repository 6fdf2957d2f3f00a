"""Call a provider, and write down what became of the call with whatever it brought.

Every call of a provider goes through `Calls.make`, outside any transaction; `Calls.keep` hands the records to the
transaction that writes the outcome down, so that health and circuits cost no round trip of their own. A record lost
with the process that made it costs nothing but itself.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.domain.circuit import Call, Operation, Outcome
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    NotSent,
    OutcomeUnknown,
    PaymentOutcome,
    ProviderError,
    RateLimited,
    RefundOutcome,
    Rejected,
    Unsupported,
)
from gateway.store.database import Database, Transaction

T = TypeVar("T")

NANOSECONDS_A_MILLISECOND = 1_000_000
LATENCY_MAX_MS = 2**31 - 1  # what an INTEGER holds
CODE_LENGTH_MAX = 64  # a code is a word; whatever is longer is none, and may hold anything

OUTCOME_OF_ERROR: Mapping[type[ProviderError], Outcome] = {
    NotSent: Outcome.NOT_SENT,
    RateLimited: Outcome.RATE_LIMITED,
    Unsupported: Outcome.UNSUPPORTED,
    Rejected: Outcome.DECLINED,
}
"""Anything else, a fault in an adapter too, is unknown; but one that says that it was answered is an answer."""


@dataclass(slots=True)
class Calls:
    """The calls of a provider that are not written down yet. `is_trial`: a half-open circuit let them through."""

    db: Database
    provider: str
    is_trial: bool = False
    _made: list[Call] = field(default_factory=list)

    def make(self, operation: Operation, call: Callable[[], T]) -> T:
        """What `call` gives; raises what it raises."""
        begun_ns = time.perf_counter_ns()
        try:
            answer = call()
        except Exception as error:
            code = getattr(error, "code", "") or type(error).__name__
            self._note(operation, _outcome_of_error(error), str(code), begun_ns)
            raise
        self._note(operation, _outcome_of_answer(answer), str(getattr(answer, "code", "")), begun_ns)
        return answer

    def keep(self, tx: Transaction) -> None:
        """Write them down with the transaction."""
        for call in self._made:
            tx.note_call(call)
        self._made.clear()

    def keep_now(self) -> None:
        """Write them down by themselves, if there are any."""
        if self._made:
            with self.db.transaction() as tx:
                self.keep(tx)

    def _note(self, operation: Operation, outcome: Outcome, code: str, begun_ns: int) -> None:
        latency_ms = (time.perf_counter_ns() - begun_ns) // NANOSECONDS_A_MILLISECOND
        call = Call(
            provider=self.provider,
            operation=operation,
            outcome=outcome,
            code=code.replace("\0", "")[:CODE_LENGTH_MAX],
            latency_ms=min(latency_ms, LATENCY_MAX_MS),
            at=self.db.now(),
            is_trial=self.is_trial,
        )
        self._made.append(call)


def _outcome_of_error(error: Exception) -> Outcome:
    if isinstance(error, OutcomeUnknown) and error.answered:
        return Outcome.OK
    return next((found for kind, found in OUTCOME_OF_ERROR.items() if isinstance(error, kind)), Outcome.UNKNOWN)


def _outcome_of_answer(answer: object) -> Outcome:
    """The answer to a question is an answer whatever it says; one that leaves open what became of an order is none."""
    if isinstance(answer, PaymentOutcome | RefundOutcome):
        if answer.status in (PaymentStatus.UNKNOWN, RefundStatus.UNKNOWN):
            return Outcome.UNKNOWN
        if answer.status in (PaymentStatus.DECLINED, RefundStatus.FAILED):
            return Outcome.DECLINED
    return Outcome.OK
