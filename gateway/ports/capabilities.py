"""What a provider can do, declared as data, so that the core never asks by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from gateway.domain.money import Money


class Flow(StrEnum):
    REDIRECT = "redirect"
    QR = "qr"
    TRANSFER = "transfer"


class Need(StrEnum):
    """What a payer must have at hand; any one of what a provider names is enough."""

    CARD = "card"
    BANK_APP = "bank_app"
    WALLET = "wallet"  # the app of the wallet, on a phone


class SettlementBy(StrEnum):
    API = "api"
    FILE = "file"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FeeContract:
    """What the provider may keep of a payment: `basis_points` of it, rounded half up, plus `fixed_minor`."""

    basis_points: int
    fixed_minor: int = 0

    def fee_minor(self, amount_minor: int) -> int:
        return (amount_minor * self.basis_points + 5_000) // 10_000 + self.fixed_minor


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as data.

    `not_found_proves_absence`: a query that finds nothing proves that nothing happened, after `not_found_after`.
    `idempotency_window`: how long the provider recognises a repeated idempotency key; None if it has no such thing.
    `idempotency_by_day`: it recognises the key only on the business day on which it was first used.
    `opened_by_payer`: the provider hears of a payment only when its payer's browser arrives. Until then it does not
    know what is merely waiting, and what it does not know once the payment's time is over was never begun.
    `single_bill`: a payment is for one invoice, not for several at once.
    `payment_lifetime`: how long a payer may take before the provider gives the payment up.
    `tells_expiry`: the provider itself says when the time of an unpaid payment is over, so that one which is still
    pending then is being worked on.
    `query_window`: how long after a creation the provider still answers questions about it; None if for ever.
    `lands_in_bank`: the money comes straight to the agency's bank account, not through the provider's hands.
    `settlement_lag_days`: within so many days a line missing from the settlement is a matter of timing, not a fault.
    `needs`: what a payer must have, in the order in which it is named to payers.
    `time_zone`: IANA name of the zone in which the provider cuts its business day.
    """

    currencies: frozenset[str]
    flow: Flow
    minimum_minor: Mapping[str, int] = field(default_factory=dict)
    maximum_minor: Mapping[str, int] = field(default_factory=dict)
    partial_refunds: bool = True
    idempotency_window: timedelta | None = None
    idempotency_by_day: bool = False
    not_found_proves_absence: bool = False
    not_found_after: timedelta = timedelta(minutes=5)
    opened_by_payer: bool = False
    single_bill: bool = False
    payment_lifetime: timedelta = timedelta(hours=1)
    tells_expiry: bool = False
    query_window: timedelta | None = None
    lands_in_bank: bool = False
    settlement: SettlementBy = SettlementBy.NONE
    settlement_lag_days: int = 0
    time_zone: str = "UTC"
    needs: tuple[Need, ...] = ()
    fee: FeeContract | None = None

    @property
    def begins_unsent(self) -> bool:
        """A payment begins without the provider: nothing is sent, so nothing is found out about it either."""
        return self.opened_by_payer or self.lands_in_bank

    def limits(self, currency: str) -> tuple[int, int | None]:
        """The least and the most that a payment can be over, in minor units; None is without end."""
        return self.minimum_minor.get(currency, 1), self.maximum_minor.get(currency)

    def takes(self, amount: Money) -> bool:
        """Whether a payment of `amount` can be made at all."""
        lowest, highest = self.limits(amount.currency)
        fits = lowest <= amount.amount_minor and (highest is None or amount.amount_minor <= highest)
        return amount.currency in self.currencies and fits
