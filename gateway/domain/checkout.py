"""The life of a checkout session: one sitting in which a payer settles one or more invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from gateway.domain.errors import Conflict, Invalid, Unavailable
from gateway.domain.money import Money
from gateway.domain.states import Graph


class CheckoutStatus(StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


S = CheckoutStatus
GRAPH: Graph[CheckoutStatus] = {
    S.OPEN: frozenset({S.COMPLETED, S.EXPIRED, S.CANCELLED}),
    S.COMPLETED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}
LIFETIME = timedelta(hours=1)
MAX_INVOICES = 50


class SessionNotPayable(Conflict):
    code = "session_not_payable"


class SessionBusy(Conflict):
    """Another attempt is being started for this session at this very moment."""

    code = "session_busy"


class PaymentOutcomeUnknown(Conflict):
    """An earlier attempt may have moved the money; a second one could charge twice."""

    code = "payment_outcome_unknown"


class MethodNotOffered(Invalid):
    code = "method_not_offered"


class ProviderUnavailable(Unavailable):
    """Nothing was sent to the provider; the payer may try again or choose another method."""

    code = "provider_unavailable"


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """`amount_minor` of `currency` is the sum over its invoices; `methods` are the providers on offer."""

    id: UUID
    agency_id: UUID
    status: CheckoutStatus
    currency: str
    amount_minor: int
    return_url: str
    locale: str
    methods: Sequence[str]
    created_by: UUID
    created_at: datetime
    expires_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def check_open(session: CheckoutSession, now: datetime) -> None:
    """Raises SessionNotPayable unless the session is open and in time."""
    status = S.EXPIRED if session.status is S.OPEN and session.expires_at <= now else session.status
    if status is not S.OPEN:
        raise SessionNotPayable(f"This checkout session is {status}. Open a new one for what is still due.")
