"""A receipt (biên lai): what the collector gives for money that it received, numbered without gaps.

Numbers restart at 1 on each 1 January, for each agency and series, and have at most eight digits (Circular
78/2021/TT-BTC of the Ministry of Finance, on electronic receipts). A receipt is due from the moment its invoice is
paid, and numbered soon after: whoever pays does not wait in line for a number.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from gateway.domain.errors import Conflict
from gateway.domain.money import Money

LARGEST_NUMBER = 99_999_999
DIGITS = 8


class SeriesExhausted(Conflict):
    """The series has no number left this year: the agency needs a new one."""

    code = "receipt_series_exhausted"


@dataclass(frozen=True, slots=True)
class Receipt:
    """`business_date` is the day of issue where the agency is, and `year` its year. Amounts are minor units."""

    id: UUID
    invoice_id: UUID
    agency_id: UUID
    series: str
    year: int
    number: int
    currency: str
    amount_minor: int
    issued_at: datetime
    business_date: date

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def printed_number(self) -> str:
        """As it stands on the receipt: "00000042"."""
        return f"{self.number:0{DIGITS}}"


def check_number(number: int, series: str, year: int) -> None:
    """Raises SeriesExhausted if `number` no longer fits."""
    if number > LARGEST_NUMBER:
        raise SeriesExhausted(
            f"Series {series} has used all {LARGEST_NUMBER:,} numbers of {year}: give the agency another."
        )
