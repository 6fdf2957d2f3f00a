"""The life of a checkout session: one sitting in which a payer settles one or more invoices."""

from datetime import timedelta
from enum import StrEnum

from gateway.domain.errors import Conflict, Invalid, Unavailable
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
