"""What a generated month at the bank is made of: what providers pay out, what the statements say, and what is wrong.

Everything is what the gateway, a provider or the bank would know; only `faults`, `labels`, `expected`, `matched_on` and
what a booking truly pays or undoes are the truth that nobody is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.payout import PayoutTerms
from gateway.ports.provider import BatchRef
from reconciliation.bank.account import BankAccount


class Cause(StrEnum):
    """Why a payout or a booking is open. The last two are of every month: nothing is wrong with what they are about."""

    STATEMENT_LATE = "statement_late"  # the bank sends the statements of some days later
    STATEMENT_SKIPPED = "statement_skipped"  # one is left out while later ones come
    PAYOUT_LATE = "payout_late"  # it comes some days after it was due
    PAYOUT_LOST = "payout_lost"  # it never comes
    CHARGE_ON_ALL = "charge_on_all"  # the same charge is taken from several payouts on their way
    CHARGE_ONCE = "charge_once"
    CHARGE_BOOKED = "charge_booked"  # a line of its own by the bank's code, on an account that is nobody's alone
    CHARGE_UNMARKED = "charge_unmarked"  # a line of its own without the bank's code
    REFUND_NETTED = "refund_netted"  # the provider keeps a refund that its settlement does not list yet
    REFUNDS_NETTED = "refunds_netted"  # two of them
    CHARGEBACK_NETTED = "chargeback_netted"  # one that nobody here has heard of yet
    WITHHELD = "withheld"  # the provider keeps a reserve
    RAISED = "raised"  # it brings what is in no settlement
    IN_PARTS = "in_parts"  # the rest comes within its days
    IN_PARTS_LATE = "in_parts_late"
    REST_UNNAMED = "rest_unnamed"  # the rest comes under no name
    TOGETHER_ONE_NAMED = "together_one_named"  # two payouts in one credit that names one of them
    TOGETHER_UNNAMED = "together_unnamed"  # in one that names none
    TOGETHER_CROSSED = "together_crossed"  # one payout in two credits, one of which is another payout too
    PAID_TWICE = "paid_twice"
    PAID_AGAIN = "paid_again"  # days after it came
    UNNAMED = "unnamed"
    MISTYPED = "mistyped"
    MISNAMED = "misnamed"  # it bears the name of another payout
    SETTLEMENT_LATE = "settlement_late"  # it comes before its settlement is told
    STRANGER = "stranger"  # a credit that is no payout
    OUTSIDE = "outside"  # somebody moves money away
    TAKEN_BACK = "taken_back"  # by a debit that says of which credit
    TAKEN_BACK_UNMARKED = "taken_back_unmarked"  # by one that does not
    STRANGER_TAKEN_BACK = "stranger_taken_back"
    ON_ITS_WAY = "on_its_way"
    BANK_CLOSED = "bank_closed"


NATURAL = frozenset({Cause.ON_ITS_WAY, Cause.BANK_CLOSED})


@dataclass(frozen=True, slots=True)
class Batch:
    """A settlement as a provider tells it: `ref.total` is what it pays out, in one currency. `shares`: of whom that is.
    Nobody knows of it before `loaded_on`."""

    provider: str
    ref: BatchRef
    net: Money
    shares: Mapping[UUID, int]
    loaded_on: date


@dataclass(slots=True, eq=False)
class Payout:
    """What a provider pays out at once. `is_free`: nothing is decided about how it comes. `is_opaque`: its name has
    nothing of the provider's."""

    provider: str
    name: str
    net: Money
    batches: tuple[Batch, ...]
    account: str
    settled_on: date
    due_on: date
    is_opaque: bool
    is_free: bool = True

    @property
    def id(self) -> str:
        """As the runs name it."""
        return f"{self.provider}:{self.name}:{self.net.currency}"

    @property
    def names(self) -> frozenset[str]:
        """Its own, and its batches'."""
        return frozenset({self.name, *(batch.ref.id for batch in self.batches)})

    @property
    def minor(self) -> int:
        return self.net.amount_minor


@dataclass(frozen=True, slots=True)
class Booking:
    """A line of a statement. `pays`: the payouts that it truly is, or a part of; `undoes`: the booking that it takes
    back; `is_charge`: it is the bank's own."""

    number: int
    account: str
    amount: Money
    booked_on: date
    text: str
    code: str
    reference: str = ""
    end_to_end_id: str = ""
    reversal: bool = False
    pays: frozenset[str] = frozenset()
    undoes: int | None = None
    is_charge: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """What was booked since the one before until the end of `day`; nobody here has it before `known_on`. `balances` are
    before and after it, by currency."""

    account: str
    day: date
    known_on: date
    balances: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """What the gateway knows that a provider gave back, while it is in no settlement: from one night to another."""

    provider: str
    amount: Money
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was planted. All that one fault did has its number."""

    number: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Label:
    """From the night `since` on, what is open `about` a payout or a booking is so because of the fault."""

    about: str
    since: date
    fault: Fault


@dataclass(frozen=True, slots=True)
class Expected:
    """What the run of the night `on` has to find about a payout or a booking."""

    about: str
    kind: DiscrepancyKind
    on: date
    fault: Fault


@dataclass(frozen=True, slots=True)
class BankMonth:
    """All accounts' nights from `first` to `last`; nothing is settled after `settled_until`. `matched_on`: the night by
    which a payout must be matched. `paid`: what payers paid, by provider, currency and amount. `without_statement`:
    nights of an account whose statement is late; `skipped`: nights without an earlier one, and of which day."""

    seed: int
    first: date
    settled_until: date
    last: date
    terms: PayoutTerms
    accounts: tuple[BankAccount, ...]
    payouts: tuple[Payout, ...]
    bookings: tuple[Booking, ...]
    statements: tuple[Statement, ...]
    money_back: tuple[MoneyBack, ...]
    paid: frozenset[tuple[str, str, int]]
    faults: tuple[Fault, ...]
    labels: tuple[Label, ...]
    expected: tuple[Expected, ...]
    matched_on: Mapping[str, date]
    without_statement: Mapping[tuple[str, date], Fault]
    skipped: Mapping[tuple[str, date], tuple[Fault, date]]

    def booking(self, number: int) -> Booking:
        return self.bookings[number - 1]

    @property
    def nights(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


@dataclass(slots=True)
class Plan:
    """The month while it is being made."""

    bookings: list[Booking] = field(default_factory=list)
    money_back: list[MoneyBack] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    matched_on: dict[str, date] = field(default_factory=dict)
    without_statement: dict[tuple[str, date], Fault] = field(default_factory=dict)
    skipped: dict[tuple[str, date], tuple[Fault, date]] = field(default_factory=dict)


def about_booking(number: int) -> str:
    return f"line:{number}"
