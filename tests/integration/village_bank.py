"""A small bank for the tests of what becomes of its credits: an adapter and its bank in one, without a network.

What a bank does over HTTP is tested where the adapters are; here it only has to say, in each of the ways a bank has,
that money arrived: by a signed notification, in its list, in its statement, and when it is asked about a payment.
"""

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from gateway.domain.agency import business_date
from gateway.domain.invoice import Invoice
from gateway.domain.money import Money
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, Flow, SettlementBy
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    CreatePayment,
    CreditObservation,
    DisputeObservation,
    DisputeStatus,
    LineKind,
    NotFound,
    NotSent,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RawRequest,
    RefundCommand,
    RefundObservation,
    RefundOutcome,
    RefundRef,
    RejectionReason,
    Reply,
    SettlementLine,
    SettlementWindow,
    ShowTransfer,
    Verified,
    WebhookRejected,
)
from gateway.services.receive_event import receive_event
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from gateway.store import payments
from tests.integration.world import World

SECRET = b"a secret of the village"
SIGNATURE = "village-signature"
NAME = "village"
CAPABILITIES = Capabilities(
    currencies=frozenset({"DKK", "EUR", "KRW", "SGD", "VND"}),
    flow=Flow.TRANSFER,
    payment_lifetime=timedelta(hours=1),
    lands_in_bank=True,
    settlement=SettlementBy.API,
    time_zone="Asia/Ho_Chi_Minh",
)


@dataclass
class VillageBank:
    """`booked` is its truth. `reversed` are bookings that it took back; `closed` answers no question."""

    booked: list[CreditObservation] = field(default_factory=list)
    reversed: list[str] = field(default_factory=list)
    refunds: dict[str, RefundCommand] = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    closed: bool = False
    name: str = NAME
    titles: Mapping[str, str] = field(default_factory=lambda: {"vi": "Ngân hàng làng", "en": "Village bank"})
    capabilities: Capabilities = CAPABILITIES

    # The bank itself.

    def book(self, account: str, amount: Money, words: str, at: datetime, reference: str | None = None) -> RawRequest:
        """Money arrives: the notification of it, which may get lost."""
        credit = CreditObservation(f"vb-{uuid4()}", account, amount, at, words, reference)
        self.booked.append(credit)
        return self.notification(credit)

    def notification(self, credit: CreditObservation) -> RawRequest:
        return self._signed(
            {
                "type": "credit",
                "transaction": credit.provider_transaction_id,
                "account": credit.account,
                "amount_minor": credit.amount.amount_minor,
                "currency": credit.amount.currency,
                "at": credit.occurred_at.isoformat(),
                "words": credit.remittance,
                "reference": credit.reference,
            }
        )

    def take_back(self, credit: CreditObservation, at: datetime, **changed: object) -> RawRequest:
        self.reversed.append(credit.provider_transaction_id)
        said = {
            "type": "reversal",
            "transaction": credit.provider_transaction_id,
            "amount_minor": credit.amount.amount_minor,
            "currency": credit.amount.currency,
            "at": at.isoformat(),
            "status": "open",
        }
        return self._signed(said | changed)

    def _signed(self, said: Mapping[str, object]) -> RawRequest:
        body = json.dumps(said).encode()
        return RawRequest("POST", "", {SIGNATURE: hmac.new(SECRET, body, sha256).hexdigest()}, body)

    # The adapter.

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        shown = ShowTransfer(command.reference, "", "", command.amount, command.expires_at)
        return PaymentOutcome(PaymentStatus.PENDING, str(command.payment_id), shown)

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        self._answer()
        for credit in self.booked:
            if ref.reference in credit.remittance and credit.amount == ref.amount:
                return PaymentObservation(
                    PaymentStatus.SUCCEEDED,
                    credit.occurred_at,
                    payment_id=ref.payment_id,
                    provider_transaction_id=credit.provider_transaction_id,
                    amount=credit.amount,
                )
        return PaymentObservation(PaymentStatus.PENDING, ref.created_at, payment_id=ref.payment_id)

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        right = hmac.new(SECRET, request.body, sha256).hexdigest()
        if not hmac.compare_digest(right, request.headers.get(SIGNATURE, "")):
            raise WebhookRejected(RejectionReason.BAD_SIGNATURE)
        said = json.loads(request.body)
        return Verified(sha256(request.body).hexdigest(), said["type"], said)

    def parse(self, verified: Verified) -> Sequence[Observation]:
        said: Mapping[str, Any] = verified.payload
        amount, at = Money(said["amount_minor"], said["currency"]), datetime.fromisoformat(said["at"])
        if said["type"] == "credit":
            return [
                CreditObservation(said["transaction"], said["account"], amount, at, said["words"], said["reference"])
            ]
        return [
            DisputeObservation(
                status=DisputeStatus(said["status"]),
                occurred_at=at,
                amount=amount,
                provider_dispute_id=f"reversal-{said['transaction']}",
                provider_transaction_id=said["transaction"],
            )
        ]

    def ack(self, result: AckResult) -> Reply:
        return Reply(400 if result is AckResult.REJECTED else 200)

    def list_credits(self, since: datetime, until: datetime) -> Iterator[CreditObservation]:
        self.asked.append((since, until))
        for credit in self.booked:
            self._answer()
            if since <= credit.occurred_at < until:
                yield credit

    def refund(self, command: RefundCommand) -> RefundOutcome:
        self.refunds[command.idempotency_key] = command
        return RefundOutcome(RefundStatus.SUCCEEDED, f"return-{command.refund_id}")

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        return NotFound()

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        days = {self._day(credit) for credit in self.booked}
        return [BatchRef(f"statement-{day}", day) for day in sorted(days) if window.first <= day <= window.last]

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        for credit in self.booked:
            if self._day(credit) != batch.business_date:
                continue
            line = SettlementLine(
                line_id=credit.provider_transaction_id,
                kind=LineKind.PAYMENT,
                gross=credit.amount,
                fee=Money(0, credit.amount.currency),
                occurred_at=credit.occurred_at,
                provider_transaction_id=credit.provider_transaction_id,
                credit=credit,
            )
            yield line
            if credit.provider_transaction_id in self.reversed:
                yield replace(
                    line, line_id=f"-{line.line_id}", kind=LineKind.CHARGEBACK, gross=-credit.amount, credit=None
                )

    def _day(self, credit: CreditObservation) -> date:
        return business_date(credit.occurred_at, self.capabilities.time_zone)

    def _answer(self) -> None:
        if self.closed:
            raise OutcomeUnknown("The bank is closed.") if self.booked else NotSent("The bank is closed.")


@dataclass
class Village:
    """A world with this bank in it."""

    world: World
    bank: VillageBank

    def invoice(self) -> Invoice:
        return self.world.invoice()

    def account(self, invoice: Invoice) -> str:
        with self.world.runtime.db.read() as tx:
            query = text("SELECT bank_account FROM agencies WHERE id = :id")
            account: str = tx.execute(query, {"id": invoice.agency_id}).scalar_one()
            return account

    def transfer(self, invoice: Invoice, words: str | None = None, minor: int | None = None, **more: Any) -> RawRequest:
        """Somebody transfers `minor` to the invoice's agency: what is due, with its reference, if nothing is said."""
        amount = Money(invoice.total_minor if minor is None else minor, invoice.currency)
        written = invoice.reference if words is None else words
        account = more.pop("account", None) or self.account(invoice)
        return self.bank.book(account, amount, written, more.pop("at", None) or self.world.clock(), **more)

    def tell(self, request: RawRequest) -> Reply:
        return receive_event(self.world.runtime, NAME, request)

    def told(self, invoice: Invoice, *args: Any, **more: Any) -> CreditObservation:
        """A transfer that the bank notifies of."""
        assert self.tell(self.transfer(invoice, *args, **more)).status == 200
        return self.bank.booked[-1]

    # What came of it.

    def balances(self) -> dict[str, int]:
        """Without what the invoices themselves are booked on."""
        return {code: minor for code, minor in self.world.balances().items() if not code.startswith("fees:")}

    def payment_of(self, credit: CreditObservation) -> Payment:
        with self.world.runtime.db.read() as tx:
            found = payments.find_by_transaction(tx, NAME, credit.provider_transaction_id)
        assert found is not None
        return found

    def asked_about(self) -> list[tuple[str, int]]:
        """The kind of each discrepancy, and the money in question."""
        return [(found.kind, found.amount_minor) for found in self.world.discrepancies()]

    def evidence(self) -> dict[str, Any]:
        """Of the only discrepancy."""
        (found,) = self.world.discrepancies()
        evidence: dict[str, Any] = found.evidence
        return evidence

    def refunded(self, payment: Payment, minor: int) -> UUID:
        """Asked for, approved and sent."""
        with self.world.runtime.db.transaction() as tx:
            refund = request_refund(tx, self.world.runtime, self.world.finance, payment.id, minor, "too much")
        with self.world.runtime.db.transaction() as tx:
            approve_refund(tx, self.world.approver, refund.id)
        send_refunds(self.world.runtime)
        return refund.id


def a_village(world: World) -> Village:
    """Give `world` the bank, and let every agency take payments by it."""
    bank = VillageBank()
    world.runtime = replace(world.runtime, providers={**world.runtime.providers, NAME: bank})
    with world.runtime.db.transaction() as tx:
        tx.execute(text("UPDATE agencies SET providers = array_append(providers, :name)"), {"name": NAME})
    return Village(world, bank)
