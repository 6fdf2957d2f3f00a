"""The port to payment providers: the neutral words in which every provider is spoken to.

A provider implements the narrow protocols it can honour (PaymentProvider always) and declares its Capabilities, so that
the core never asks by name and nothing raises NotImplemented. Adapters are stateless: they see no rows, no session, no
Flask, and they are called outside any database transaction.

Requests carry only our ids, the amount, a generic title, what is billed and URLs: no personal data.

What can go wrong is in errors.py, what is billed in bills.py; both are imported from here, as one vocabulary.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.bills import Bill as Bill
from gateway.ports.bills import BillLine as BillLine
from gateway.ports.bills import BillRequest as BillRequest
from gateway.ports.bills import Payee as Payee
from gateway.ports.capabilities import Capabilities
from gateway.ports.errors import NotSent as NotSent
from gateway.ports.errors import OutcomeUnknown as OutcomeUnknown
from gateway.ports.errors import ProviderError as ProviderError
from gateway.ports.errors import RateLimited as RateLimited
from gateway.ports.errors import Rejected as Rejected
from gateway.ports.errors import RejectionReason as RejectionReason
from gateway.ports.errors import Unsupported as Unsupported
from gateway.ports.errors import WebhookRejected as WebhookRejected


@dataclass(frozen=True, slots=True)
class Redirect:
    """Raises OutcomeUnknown if `url` is no address of the web: a payer's browser is not sent elsewhere."""

    url: str

    def __post_init__(self) -> None:
        if not re.match(r"https?://[\w.:\[\]-]+([/?#]|$)", self.url):
            raise OutcomeUnknown("the address to go to is none of the web", code="unreadable", answered=True)


@dataclass(frozen=True, slots=True)
class ShowQr:
    """`payload` goes into the QR code; the rest is shown beside it for those who type."""

    payload: str
    reference: str
    account: str
    account_name: str
    amount: Money
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ShowTransfer:
    """The payer makes a bank transfer with these: there is no code to scan. `slip_line` is what a slip is read by, if
    the country has such a thing."""

    reference: str
    account: str
    account_name: str
    amount: Money
    expires_at: datetime
    slip_line: str = ""


NextAction = Redirect | ShowQr | ShowTransfer


@dataclass(frozen=True, slots=True)
class CreatePayment:
    """Open a payment. `title` is generic ("Fee RF18...") and carries no personal data; `locale` is "vi" or "en".

    `payee` is where the agency collects, for a transfer straight to its account; `bills` say what is being paid.
    `references` are the writings of `reference` by name ("viitenumber", "fik71", "epn"; see national_references.py).
    """

    payment_id: UUID
    reference: str
    amount: Money
    title: str
    locale: str
    idempotency_key: str
    return_url: str
    cancel_url: str
    webhook_url: str
    created_at: datetime
    expires_at: datetime
    payee: Payee | None = None
    bills: Sequence[Bill] = ()
    references: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentRef:
    """Enough to find a payment again. `provider_payment_id` is None if the answer to its creation was lost."""

    payment_id: UUID
    reference: str
    amount: Money
    idempotency_key: str
    created_at: datetime
    provider_payment_id: str | None = None
    provider_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefundCommand:
    """Pay back `amount` of `payment`. A retry carries the same `idempotency_key` and the same `created_at`, which is
    when it was sent first."""

    refund_id: UUID
    payment: PaymentRef
    amount: Money
    idempotency_key: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RefundRef:
    """`command` as it was sent; `provider_refund_id` is None if the answer was lost."""

    command: RefundCommand
    provider_refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentOutcome:
    """The answer to a creation. `provider_payment_id` finds the payment again; `next_action` is for the payer."""

    status: PaymentStatus
    provider_payment_id: str | None = None
    next_action: NextAction | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    status: RefundStatus
    provider_refund_id: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class PaymentObservation:
    """What a provider says of a payment, by our id or by its own.

    `provider_transaction_id` identifies the movement of money as the settlement will name it (for Stripe the payment
    intent). Two successes of one payment with different transaction ids are two movements.
    `amount` is None where the provider does not state one, which it must for a success.
    """

    status: PaymentStatus
    occurred_at: datetime
    payment_id: UUID | None = None
    provider_payment_id: str | None = None
    provider_transaction_id: str | None = None
    amount: Money | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class RefundObservation:
    """What a provider says of a refund. Without `refund_id` it may have been made in the provider's own console."""

    status: RefundStatus
    occurred_at: datetime
    amount: Money
    refund_id: UUID | None = None
    provider_refund_id: str | None = None
    payment_id: UUID | None = None
    provider_transaction_id: str | None = None
    code: str = ""


class DisputeStatus(StrEnum):
    OPEN = "open"  # the money has been taken back from us
    WON = "won"  # and returned
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DisputeObservation:
    """A payer's bank takes money back (a chargeback), or the dispute about it ended."""

    status: DisputeStatus
    occurred_at: datetime
    amount: Money
    provider_dispute_id: str
    payment_id: UUID | None = None
    provider_transaction_id: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class CreditObservation:
    """Money arrived on a bank account of ours; what for, only its text may tell.

    `provider_transaction_id` is the bank's own name of the booking, the same in its notification, its list and its
    statement. `account` is our account as the bank names it. `remittance` is what the payer wrote: it may hold personal
    data, so it is never logged, and stored only sealed. `reference` is a creditor reference that came apart from it.
    """

    provider_transaction_id: str
    account: str
    amount: Money
    occurred_at: datetime
    remittance: str = field(default="", repr=False)
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentHint:
    """Something may have become of a payment; what, only its provider's answer to a question can tell.

    For notifications whose signature does not cover what they say: their word changes no status, it only makes us ask
    now. At least one of the ids names the payment. `code` is the word that is not believed, for the record.
    """

    payment_id: UUID | None = None
    provider_payment_id: str | None = None
    code: str = ""


Observation = PaymentObservation | RefundObservation | DisputeObservation | CreditObservation | PaymentHint


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider does not know it. Proof of absence only if the capabilities say so."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A notification exactly as it came. Header names are lower case; `query_string` is undecoded."""

    method: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """A notification whose sender is proven. `event_id` is the provider's, or a digest of the content if it gives none.

    `payload` is the decoded message. It may hold personal data, so it is never logged, and stored only sealed.
    """

    event_id: str
    event_type: str
    payload: Mapping[str, Any]


class AckResult(StrEnum):
    """What became of a notification, for the answer that its sender expects."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    NOT_FOUND = "not_found"
    AMOUNT_MISMATCH = "amount_mismatch"
    REJECTED = "rejected"
    RETRY = "retry"  # not durable; the sender must try again


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class SettlementWindow:
    """Business dates of the provider's zone, both inclusive."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class BatchRef:
    """One report of the provider: a payout or a day's file. `total` is its stated net, if it states one."""

    id: str
    business_date: date
    total: Money | None = None
    payout_id: str | None = None


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    FEE = "fee"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One line of a settlement. Signs are ours: money towards us is positive, so a refund's gross is negative.

    gross - fee = net. `line_id` is unique within the provider. `provider_transaction_id` is that of the observations;
    so is `provider_refund_id`, of a refund or, where the provider names it, of a dispute;
    `merchant_reference` is our payment id where the provider returns it, or our refund's id if it is a refund's.
    `status` is the provider's word, for the record; `settled` is what it means: whether the money of this line is part
    of what the provider pays out. `credit` is the line of a bank's statement in the words in which the bank would have
    notified of it.
    """

    line_id: str
    kind: LineKind
    gross: Money
    fee: Money
    occurred_at: datetime
    provider_transaction_id: str | None = None
    provider_refund_id: str | None = None
    merchant_reference: str | None = None
    status: str = ""
    settled: bool = True
    credit: CreditObservation | None = None

    @property
    def net(self) -> Money:
        return self.gross - self.fee


@runtime_checkable
class PaymentProvider(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def titles(self) -> Mapping[str, str]:
        """The method's name for payers, by language."""

    @property
    def capabilities(self) -> Capabilities: ...
    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        """Raises NotSent, RateLimited, Unsupported, Rejected or OutcomeUnknown."""

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        """Raises NotSent, RateLimited or OutcomeUnknown, none of which says anything about the payment."""


@runtime_checkable
class Cancellable(Protocol):
    def cancel_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        """Close a payment so that the payer can no longer finish it; the answer may be that it succeeded already."""


@runtime_checkable
class Refunder(Protocol):
    def refund(self, command: RefundCommand) -> RefundOutcome:
        """Raises NotSent, RateLimited, Unsupported, Rejected or OutcomeUnknown."""

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound: ...


@runtime_checkable
class WebhookReceiver(Protocol):
    def verify(self, request: RawRequest, now: datetime) -> Verified:
        """Raises WebhookRejected. Signatures are compared in constant time; several secrets can be valid at once."""

    def parse(self, verified: Verified) -> Sequence[Observation]:
        """What a verified notification says; nothing for an event that does not concern us."""

    def ack(self, result: AckResult) -> Reply: ...


@runtime_checkable
class BillPresenter(Protocol):
    """A platform that asks us what is due, to show it to the payer itself."""

    def read_bill_request(self, request: RawRequest, now: datetime) -> BillRequest:
        """Raises WebhookRejected unless the platform's own signature proves who asks."""

    def write_bills(self, found: Sequence[Bill] | None) -> Reply:
        """The answer: what is due, oldest first; nothing if that is empty; None if there is no such dossier."""


@runtime_checkable
class CreditSource(Protocol):
    """A bank that can be asked what has arrived, for when its notification does not."""

    def list_credits(self, since: datetime, until: datetime) -> Iterator[CreditObservation]:
        """What was booked in [since, until). Raises NotSent, RateLimited or OutcomeUnknown."""


@runtime_checkable
class SettlementSource(Protocol):
    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]: ...
    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]: ...
