"""What can go wrong with a provider, by what it means for the request.

ProviderError
├── NotSent            the provider never got the request; safe to retry or to use another provider
├── RateLimited        refused before it was processed; safe to retry later
├── Unsupported        this provider cannot do that (currency, partial refund, ...); nothing was sent
├── Rejected           the provider understood and said no for good; nothing happened
├── OutcomeUnknown     sent, but the answer was lost, late or unreadable; only a query can tell
└── WebhookRejected    a notification that is not to be believed, and why
"""

from enum import StrEnum


class ProviderError(Exception):
    """The root of what can go wrong with a provider. `code` is the provider's own, for the record."""

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotSent(ProviderError):
    pass


class RateLimited(ProviderError):
    pass


class Unsupported(ProviderError):
    pass


class Rejected(ProviderError):
    pass


class OutcomeUnknown(ProviderError):
    """`answered`: the provider was there and said something, only nothing that tells what became of it."""

    def __init__(self, message: str = "", *, code: str = "", answered: bool = False) -> None:
        super().__init__(message, code=code)
        self.answered = answered


class RejectionReason(StrEnum):
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    MALFORMED = "malformed"
    NO_SECRET = "no_secret"  # noqa: S105 - the name of a reason, not a secret


class WebhookRejected(ProviderError):
    def __init__(self, reason: RejectionReason, message: str = "") -> None:
        super().__init__(message or reason.value, code=reason.value)
        self.reason = reason
