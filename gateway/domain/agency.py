"""The authority that collects, and the calendar it lives by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.national_references import ReferenceStyle, fixed_digits, issuer_of


@dataclass(frozen=True, slots=True)
class Limits:
    """What an agency takes by one method, in minor units of its own currency; None leaves it to the provider."""

    minimum_minor: int | None = None
    maximum_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """`time_zone` is an IANA name; `providers` are the enabled payment methods, in the order that payers see,
    and `method_limits` the agency's own limits for some of them.

    `country` is ISO 3166 alpha-2. `bank_account` is where it collects: an account number, an IBAN, a Singapore UEN or a
    Danish creditor number, of no other agency; `bank_code` the BIN or BIC of that bank, if one is needed; and
    `account_holder` its holder as the bank prints it. Payers see their references in `reference_style`;
    `reference_prefix` is what a Korean agency was given for its numbers: organisation, type and item. Its receipts are
    of `receipt_form` and `receipt_series` and name its `tax_code`; form and tax code may be blank.
    """

    id: UUID
    code: str
    names: dict[str, str]
    country: str
    time_zone: str
    currency: str
    bank_account: str
    bank_code: str
    account_holder: str
    reference_style: ReferenceStyle
    reference_prefix: str
    receipt_series: str
    receipt_form: str
    tax_code: str
    providers: tuple[str, ...]
    method_limits: Mapping[str, Limits]

    @property
    def reference_issuer(self) -> str:
        """What names it beside its references; blank where nothing does."""
        return issuer_of(self.reference_style, self.reference_prefix, self.bank_account)

    @property
    def reference_fixed(self) -> str:
        """The digits that follow the year in its references."""
        return fixed_digits(self.reference_style, self.reference_prefix)

    def business_date(self, at: datetime) -> date:
        return business_date(at, self.time_zone)


def business_date(at: datetime, time_zone: str) -> date:
    """The calendar day of the aware instant `at` where people of `time_zone` live."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """The instants at which `day` begins and ends (exclusive) in `time_zone`."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time.min, zone)
    return start, datetime.combine(day + timedelta(days=1), time.min, zone)
