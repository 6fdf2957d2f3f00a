"""What becomes of money that arrives on a bank account of an agency.

A credit is identified once it is a payment's; until then it is booked as an unidentified receipt, and a person looks
for its invoice. The bank may take it back before anybody has found out.

Each is known by the bank's own name of the booking, so that it counts once, whoever tells of it and however often: the
bank's notification, its list, its statement, or its answer about a payment.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.money import Money


class CreditStatus(StrEnum):
    IDENTIFIED = "identified"
    UNIDENTIFIED = "unidentified"
    RETURNED = "returned"  # taken back by the bank while it was not identified
    PAYOUT = "payout"  # a provider's, whose settlement came after the credit


@dataclass(frozen=True, slots=True)
class Credit:
    """`account` is that of the agency; if `agency_id` is None it is nobody's here, and then nothing is booked.
    `payment_id` says what the credit turned out to be."""

    id: UUID
    provider: str
    provider_transaction_id: str
    account: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    business_date: date
    status: CreditStatus
    agency_id: UUID | None
    payment_id: UUID | None
    received_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def account_key(account: str) -> str:
    """What two ways of writing one account have in common: "ee38 2200-2210" and "EE3822002210" are the same."""
    return "".join(character for character in account.upper() if character.isalnum() and character.isascii())
