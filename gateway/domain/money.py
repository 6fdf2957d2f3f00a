"""Money: an integer number of minor units and its ISO 4217 currency, always together.

A minor unit is the smallest that the currency has: one đồng for VND (exponent 0), one cent for USD (exponent 2), one
fils for KWD (exponent 3). There is no float anywhere; a ratio is applied with integers and an explicit rounding.

The exponents are ISO 4217's; a test compares this table with Babel's copy of the CLDR.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

from gateway.domain.errors import CurrencyMismatch, Invalid

MAX_MINOR = 2**63 - 1  # what a BIGINT holds
_EXACT = Context(traps=[InvalidOperation, Overflow, Inexact])  # a digit too many is refused, never rounded away

_EXPONENTS: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED ALL AMD ARS AUD AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CHF CNY COP CRC CZK DKK DOP "
        "EGP ETB EUR FJD GBP GEL GHS GTQ HKD HNL HUF IDR ILS INR JMD KES KGS KHR KZT LAK LKR MAD MDL MKD MNT MOP "
        "MUR MVR MXN MYR MZN NAD NGN NIO NOK NPR NZD PEN PGK PHP PLN QAR RON RSD SAR SEK SGD THB TJS TRY TTD TWD "
        "UAH USD UYU UZS XCD ZAR ZMW"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENT: dict[str, int] = {code: exponent for exponent, codes in _EXPONENTS.items() for code in codes.split()}


def exponent_of(currency: str) -> int:
    """How many decimal places the major unit of `currency` has. Raises Invalid for a code that is not known."""
    try:
        return EXPONENT[currency]
    except KeyError:
        raise Invalid(
            f"{currency!r} is not a currency this gateway knows.", fields={"currency": "must be an ISO 4217 code"}
        ) from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`amount_minor` minor units of `currency`. Negative only as the result of a subtraction."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:  # a bool or a float would pass for a number
            raise Invalid(
                "An amount is an integer number of minor units.", fields={"amount_minor": "must be an integer"}
            )
        if abs(self.amount_minor) > MAX_MINOR:
            raise Invalid("The amount is too large.", fields={"amount_minor": f"must be at most {MAX_MINOR}"})
        exponent_of(self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._same(other)

    def __str__(self) -> str:
        return f"{self.major():f} {self.currency}"

    def major(self) -> Decimal:
        """The amount in major units, exact: Money(1050, "USD").major() == Decimal("10.50")."""
        return Decimal(self.amount_minor).scaleb(-exponent_of(self.currency))

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined.")
        return other.amount_minor


def from_major(amount: Decimal | str, currency: str) -> Money:
    """Money from major units. Raises Invalid if the amount has more decimals than the currency, or is no number."""
    try:
        minor = _EXACT.scaleb(Decimal(amount), exponent_of(currency))
        whole = int(minor)
    except (ArithmeticError, ValueError):
        raise Invalid(f"{amount!r} is not an amount.") from None
    if whole != minor:
        raise Invalid(f"{amount} has more decimals than {currency} allows.")
    return Money(whole, currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, all of which must be in `currency`; zero if there are none."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result
