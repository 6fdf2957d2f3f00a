"""What a generated month is made of: both sides, what is wrong between them, and what is to be found.

Everything is what the gateway, a provider or a bank would know; only `faults`, `expected` and `solvable` are the truth
that nobody is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from gateway.domain.agency import business_date
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.ports.capabilities import FeeContract
from gateway.ports.provider import BatchRef, SettlementLine
from reconciliation.matching.sides import Movement


class Cause(StrEnum):
    """Why something is wrong. The first five are one cause of many discrepancies, which belong in one group."""

    MISSING_FILE = "missing_file"  # a whole batch never came
    LATE_FILE = "late_file"  # a whole batch came with the next day's
    TIME_ZONE_CUT = "time_zone_cut"  # the last hour of the day is in the next day's report
    FEE_CHANGE = "fee_change"  # from a moment on the provider keeps another fee
    PROVIDER_OUTAGE = "provider_outage"  # no news came in a window: its payments have no end here
    REPEATED_FILE = "repeated_file"  # all lines of a batch again, in a batch of another name
    LINE_DROPPED = "line_dropped"
    LINE_LATE = "line_late"
    LOST_NOTIFICATION = "lost_notification"
    OTHER_SYSTEM = "other_system"  # another system takes payments by the same account
    REFUND_ELSEWHERE = "refund_elsewhere"  # made in the provider's own console
    DUPLICATE_LINE = "duplicate_line"
    PAID_TWICE = "paid_twice"
    WRONG_AMOUNT_TYPED = "wrong_amount_typed"
    WRONG_CURRENCY = "wrong_currency"
    PROVIDER_REVERSED = "provider_reversed"
    WRONG_FEE = "wrong_fee"
    ROUNDING_OF_FEE = "rounding_of_fee"
    GARBLED_REFERENCE = "garbled_reference"
    SETTLED_TOGETHER = "settled_together"  # one line for the payments of one checkout
    SETTLED_IN_PARTS = "settled_in_parts"
    PAYOUT_REDUCED = "payout_reduced"
    PAYOUT_RAISED = "payout_raised"
    PAYOUT_LOST = "payout_lost"  # the bank has no credit for it
    STRANGE_CREDIT = "strange_credit"  # the bank has a credit that no payout explains


@dataclass(frozen=True, slots=True)
class Provider:
    """`settles_after` and `lag_days` are in days: when a day's payments are in a batch as a rule, and at the latest.

    `names_transactions`: its lines have the transaction's name, else only our payment id.
    """

    name: str
    time_zone: str
    currencies: tuple[str, ...]
    fee: FeeContract
    settles_after: int = 0
    lag_days: int = 0
    names_transactions: bool = True
    disputes: bool = False

    def day_of(self, moment: datetime) -> date:
        return business_date(moment, self.time_zone)


@dataclass(frozen=True, slots=True)
class Agency:
    id: UUID
    code: str
    time_zone: str


@dataclass(slots=True)
class Payment:
    """An attempt as the gateway knows it: `transaction_id` once it has succeeded, as the settlement will name it.

    `procedure` and `facts` are what its invoice is for, so that the same one can be issued again. `agency` is a place
    among the month's agencies. `checkout` is its session; two payments of one session paid twice.
    """

    id: UUID
    provider: Provider
    agency: int
    amount: Money
    occurred_at: datetime
    transaction_id: str
    checkout: UUID
    reference: str
    procedure: str
    facts: Mapping[str, int | str]
    status: str = "succeeded"
    refunded_minor: int = 0
    disputed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Booked:
    """A ledger entry on the provider's account. `reference` is the provider's name of the movement."""

    number: int
    movement: Movement
    payment: Payment
    reference: str
    amount: Money
    occurred_at: datetime
    business_date: date
    key: str
    refund: UUID | None = None

    @property
    def made_on(self) -> date:
        """The provider's day."""
        return self.payment.provider.day_of(self.occurred_at)

    @property
    def sought_from(self) -> date:
        return min(self.business_date, self.made_on)

    @property
    def due_on(self) -> date:
        return self.made_on + timedelta(days=self.payment.provider.lag_days)


@dataclass(frozen=True, slots=True)
class Batch:
    """A settlement as it is fetched: what SettlementSource would answer. Lines are counted from 1."""

    provider: Provider
    ref: BatchRef
    lines: tuple[SettlementLine, ...]


@dataclass(frozen=True, slots=True)
class BankCredit:
    """A payout as the bank's statement has it; `text` names the payout."""

    provider: str
    booked_on: date
    amount: Money
    text: str


@dataclass(frozen=True, slots=True, order=True)
class LineAt:
    batch: str
    number: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was planted. `group` is the same for all that one cause did; `day` is the provider's."""

    number: int
    cause: Cause
    provider: str
    day: date
    group: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run of `first` to `last` (None: of every later day) has to name, about a line, an entry, both or a batch.

    Without a fault it is a matter of timing: the provider has not settled it yet and may still. `repaired`: a run with
    the gateway at hand learns what happened and clears it in the same night.
    """

    kind: DiscrepancyKind
    provider: str
    first: date
    last: date | None
    line: LineAt | None = None
    entry: int | None = None
    batch: str | None = None
    fault: Fault | None = None
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Solvable:
    """What a clever rule may match and a careful one may leave: any pair of these lines and entries is right, and what
    is left of them is a discrepancy of whatever kind. `rule` says which clever rule."""

    rule: str
    lines: tuple[LineAt, ...]
    entries: tuple[int, ...]
    fault: Fault


@dataclass(frozen=True, slots=True)
class Month:
    """All providers' days from `first` to `last`. `matches` are the pairs that must come together, each with its entry.

    `credits` is the bank's side of the payouts; what is expected of it (payout_missing, unidentified_receipt) names
    the payout or the credit's text in `batch`.
    """

    seed: int
    first: date
    last: date
    providers: tuple[Provider, ...]
    agencies: tuple[Agency, ...]
    payments: tuple[Payment, ...]
    entries: tuple[Booked, ...]
    batches: tuple[Batch, ...]
    credits: tuple[BankCredit, ...]
    faults: tuple[Fault, ...]
    expected: tuple[Expected, ...]
    matches: Mapping[LineAt, int]
    solvable: tuple[Solvable, ...]

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


@dataclass(slots=True, eq=False)
class Draft:
    """A settlement line until it has its place. `of` are the entries that it speaks of.

    `matches`: it must match them. `named`: what it must be called instead, with its entry if `with_entry`.
    `day` is that of its batch, `batch` a name beside the provider's usual one. `kept`: no fault may touch it.
    """

    provider: Provider
    day: date
    line: SettlementLine
    movement: Movement
    payment: Payment
    of: Sequence[Booked] = ()
    matches: bool = True
    named: DiscrepancyKind | None = None
    with_entry: bool = False
    wrong_fee: bool = False
    repaired: bool = False
    batch: str = ""
    fault: Fault | None = None
    solvable: str = ""
    kept: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it is still as honest as it came."""
        return self.fault is None and not self.kept

    @property
    def currency(self) -> str:
        """That of its batch; a line may wrongly have another."""
        return self.payment.amount.currency


@dataclass(slots=True)
class Draw:
    """The month while it is being made."""

    drafts: list[Draft] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    entries: list[Booked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    entry_faults: dict[int, Fault] = field(default_factory=dict)

    twice: list[tuple[Fault, Booked]] = field(default_factory=list)
