"""What the assistant looks at: a discrepancy with what its evidence says, and what is known around it.

Both are plain values, so that the same rules judge a day of the database and a generated one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.payout import account_of_source
from gateway.ports.capabilities import FeeContract
from reconciliation.assistant.statement_gaps import Gap


class Found(Protocol):
    """A row of `discrepancies`, or what is to become one."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def business_date(self) -> date: ...
    @property
    def payment_id(self) -> UUID | None: ...
    @property
    def refund_id(self) -> UUID | None: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def evidence(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Case:
    """A discrepancy as the assistant sees it. `amount_minor` is the money in question, towards us is positive.

    `occurred_at` is when the money moved as far as either side says, `zone` the agency's time zone. `has_line` and
    `has_entry` tell which sides there are. Of the line: `batch`, `transaction`, `merchant` (our payment id as the
    provider returns it), `gross_minor`, `status` in the provider's word, `settled`. Of the entry: `reference` (the
    provider's), `due_on`. `shown` is the reference that the payer saw. `told` whether a notification ever spoke of the
    payment, None where nobody looked. `refund_ours`: the refund was asked for here, and not learnt from the provider.
    `kept_minor` is kept for the payer because no invoice took it. `fits_one`: what the matching proposes can be
    accepted here. `held`: an account of the ledger holds the money until it is matched.

    At a bank, `name` is what was paid out, or the booking, and `paid_by` the provider that pays it out; `payouts` are
    the names of what is paid out, `bookings` what the bank booked for it and `booked_on` when it did last; `names` is
    what the bank's words name that is known here, and `is_reversal` whether it says that it undoes another booking.
    """

    key: str
    kind: DiscrepancyKind
    business_date: date
    amount_minor: int
    currency: str
    zone: str | None
    occurred_at: datetime | None
    payment: UUID | None
    payment_status: str | None
    shown: str | None
    refund: UUID | None
    refund_ours: bool
    told: bool | None
    has_line: bool
    has_entry: bool
    batch: str | None
    line_kind: str
    transaction: str | None
    merchant: str | None
    gross_minor: int | None
    status: str
    settled: bool
    reference: str | None
    due_on: date | None
    expected_minor: int | None
    reported_minor: int | None
    why: str | None
    repaired: bool
    window_closed: bool
    proposed_match: bool
    fits_one: bool
    kept_minor: int
    held: bool
    name: str
    paid_by: str
    payouts: frozenset[str]
    bookings: tuple[int, ...]
    booked_on: date | None
    names: frozenset[str]
    is_reversal: bool


def case_of(
    found: Found,
    *,
    zone: str | None = None,
    booked_at: datetime | None = None,
    paid_at: datetime | None = None,
    payment_status: str | None = None,
    shown: str | None = None,
    refund_ours: bool | None = None,
    told: bool | None = None,
    kept_minor: int | None = None,
) -> Case:
    """What is given is from our own records. The money moved when its entry says (`booked_at`), else when the evidence
    says, else when its payment was made (`paid_at`). `refund_ours` None: a refund that is known was asked for here;
    `kept_minor` None: what was kept for the payer is still there."""
    evidence = found.evidence
    line, entry = evidence.get("settlement") or {}, evidence.get("ledger") or {}
    return Case(
        key=found.key,
        kind=DiscrepancyKind(found.kind),
        business_date=found.business_date,
        amount_minor=found.amount_minor,
        currency=found.currency,
        zone=zone,
        occurred_at=booked_at or _instant(line.get("occurred_at") or evidence.get("occurred_at")) or paid_at,
        payment=found.payment_id,
        payment_status=payment_status or evidence.get("payment_status") or evidence.get("payment_is"),
        shown=shown,
        refund=found.refund_id,
        refund_ours=found.refund_id is not None if refund_ours is None else refund_ours,
        told=told,
        has_entry=bool(entry),
        status=line.get("status") or str(evidence.get("reported_status") or ""),
        reference=entry.get("reference"),
        due_on=_day(entry.get("due_on") or evidence.get("due_on")),
        expected_minor=evidence.get("expected_minor"),
        reported_minor=evidence.get("reported_minor"),
        why=_word(evidence.get("why")) or _word(evidence.get("proposed")),
        repaired=bool(evidence.get("repaired")),
        window_closed=evidence.get("query_window") == "closed",
        proposed_match=bool(evidence.get("proposal")),
        fits_one=bool(evidence.get("proposal")) and not (entry and "lines" in evidence["proposal"]),
        kept_minor=_kept(found) if kept_minor is None else kept_minor,
        held=bool(entry) or "paid_by" in evidence,
        name=str(evidence.get("provider_transaction_id") or ""),
        paid_by=str(evidence.get("paid_by") or ""),
        **_of_line(line),
        **_at_bank(evidence),
    )


def _of_line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "has_line": "line" in line,
        "batch": line.get("batch"),
        "line_kind": line.get("kind") or "",
        "transaction": line.get("transaction"),
        "merchant": line.get("merchant_reference"),
        "gross_minor": line.get("gross_minor") if "line" in line else None,
        "settled": bool(line.get("settled", True)),
    }


def _at_bank(evidence: Mapping[str, Any]) -> dict[str, Any]:
    payouts, bookings = evidence.get("payouts") or [], evidence.get("bank") or []
    return {
        "payouts": frozenset(name for each in payouts for name in (each["payout"], *each["batches"])),
        "bookings": tuple(each["amount_minor"] for each in bookings),
        "booked_on": max((date.fromisoformat(each["booked_on"]) for each in bookings), default=None),
        "names": frozenset(evidence.get("names") or ()),
        "is_reversal": bool(evidence.get("reversal")),
    }


def _kept(found: Found) -> int:
    return found.evidence.get("credited_minor") or 0 if found.payment_id else 0


@dataclass(frozen=True, slots=True)
class Outage:
    """From when until when a provider answered no call."""

    begun_at: datetime
    ended_at: datetime
    calls: int


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """What a provider gave back, and in which days no settlement had it; `last` None: none has it yet."""

    provider: str
    currency: str
    amount_minor: int
    first: date
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Came:
    """A payout that came to the account and is matched; `names` are its own and its batches'."""

    provider: str
    currency: str
    amount_minor: int
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around the discrepancies of one provider and one day.

    `zone` is where the provider cuts its day, `lag_days` what it may take to settle. `loaded` has how many batches are
    loaded for each day and currency around, `batch_lines` how many lines each batch has. `matched` is how many entries
    the run of `day` matched by currency; None if there was none. `sends_back`: refunds can go out through the provider.

    Of a bank account, `provider` is its source, `statement_until` the last day that a statement tells of (date.min:
    there is none; None: it is not known), `gaps` where one is left out before that, `providers` who pays out there,
    `money_back` what refunds and reversals took back, `came` what came of late, and `paid` what payers paid through
    these providers, by provider, currency and amount: of the amounts that payouts lack, those that somebody paid.
    """

    provider: str
    day: date
    zone: str = "UTC"
    lag_days: int = 0
    lands_in_bank: bool = False
    sends_back: bool = True
    fee: FeeContract | None = None
    loaded: Mapping[tuple[date, str], int] = field(default_factory=dict)
    batch_lines: Mapping[str, int] = field(default_factory=dict)
    matched: Mapping[str, int] | None = None
    outages: Sequence[Outage] = ()
    statement_until: date | None = None
    gaps: Sequence[Gap] = ()
    providers: Sequence[str] = ()
    money_back: Sequence[MoneyBack] = ()
    came: Sequence[Came] = ()
    paid: frozenset[tuple[str, str, int]] = frozenset()

    @property
    def is_bank(self) -> bool:
        return account_of_source(self.provider) is not None


def provider_day(case: Case, around: Surroundings) -> date:
    """The day on which the provider would have settled it at the earliest: its own, not the agency's."""
    return case.occurred_at.astimezone(ZoneInfo(around.zone)).date() if case.occurred_at else case.business_date


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _day(text: object) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None
