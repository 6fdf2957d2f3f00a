"""A generated month in the real database: through the services that a payer's day goes through, at its own times.

Only the call that opens a payment is left out, so that payments have the ids that the generated settlement names. The
providers hand out the month's settlement, and pay refunds out under the names that it has for them.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from benchmarks.days.model import Batch, Booked, Month, Payment, Provider
from benchmarks.days.prices import catalogue
from gateway.domain import ledger
from gateway.domain.fees import Channel
from gateway.domain.money import Money
from gateway.domain.payment import Payment as Attempt
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, Flow, SettlementBy
from gateway.ports.provider import (
    BatchRef,
    CreatePayment,
    DisputeObservation,
    DisputeStatus,
    NotFound,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RefundCommand,
    RefundOutcome,
    RefundRef,
    SettlementLine,
    SettlementWindow,
)
from gateway.services.apply_observation import apply_observation
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.load_catalogue import load_catalogue
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from gateway.services.runtime import Caller, Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store import payments
from gateway.store.database import Database, Transaction, new_id
from gateway.store.embedded import DatabaseUrls
from reconciliation.matching.sides import Movement
from reconciliation.runs import Run, run_reconciliation

PAYER = {"name": "Nguyễn Thị Thử", "national_id": "001199000001"}
MORNING = time(12, tzinfo=UTC)  # of the next day, when that day is over in every zone


@dataclass
class Player:
    """A provider that plays its part of the month. `refunds` are the names of those it will pay out, by payment."""

    plays: Provider
    batches: Sequence[Batch]
    refunds: Mapping[tuple[UUID, int], list[str]]
    titles: Mapping[str, str] = field(default_factory=lambda: {"vi": "Thử", "en": "Test"})

    @property
    def name(self) -> str:
        return self.plays.name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            currencies=frozenset(self.plays.currencies),
            flow=Flow.REDIRECT,
            settlement=SettlementBy.API,
            settlement_lag_days=self.plays.lag_days,
            time_zone=self.plays.time_zone,
            fee=self.plays.fee,
        )

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        return PaymentOutcome(PaymentStatus.PENDING, str(command.payment_id))

    def query_payment(self, ref: PaymentRef) -> NotFound:
        return NotFound()

    def refund(self, command: RefundCommand) -> RefundOutcome:
        names = self.refunds[command.payment.payment_id, command.amount.amount_minor]
        return RefundOutcome(RefundStatus.SUCCEEDED, names.pop(0))

    def query_refund(self, ref: RefundRef) -> NotFound:
        return NotFound()

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        return [batch.ref for batch in self.batches if window.first <= batch.ref.business_date <= window.last]

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        return next(iter(known.lines) for known in self.batches if known.ref.id == batch.id)


@dataclass
class Books:
    """The gateway while it lives through the month. `told` counts what of the month has happened."""

    month: Month
    runtime: Runtime
    clock: "SetClock"
    finance: Caller = field(default_factory=lambda: Caller(new_id(), "finance", frozenset({"finance"}), None))
    approver: Caller = field(default_factory=lambda: Caller(new_id(), "approver", frozenset({"approver"}), None))
    portal: Caller = field(default_factory=lambda: Caller(new_id(), "portal", frozenset({"portal"}), None))
    sessions: dict[UUID, tuple[UUID, UUID]] = field(default_factory=dict)
    told: int = 0

    def __post_init__(self) -> None:
        moved = [(booked.occurred_at, booked.number, self._movement(booked)) for booked in self.month.entries]
        begun = [(payment.occurred_at, 0, self._attempt(payment)) for payment in self.month.payments]
        self.happenings = sorted(begun + moved, key=lambda each: each[:2])

    def live_until(self, moment: datetime) -> None:
        while self.told < len(self.happenings) and self.happenings[self.told][0] <= moment:
            self.clock.now, _, happen = self.happenings[self.told]
            happen()
            self.told += 1
        self.clock.now = moment

    def reconcile(self, day: date) -> list[Run]:
        return [run_reconciliation(self.runtime, name, day, "test") for name in self.runtime.providers]

    def rows(self, query: str, **parameters: object) -> list[Any]:
        with self.runtime.db.read() as tx:
            return tx.all(text(query), parameters)

    def _attempt(self, payment: Payment) -> Callable[[], None]:
        def happen() -> None:
            with self.runtime.db.transaction() as tx:
                session, agency = self.sessions.get(payment.checkout) or self._checkout(tx, payment)
                payments.add(tx, _attempt_of(payment, session, agency, tx.now), next_check_at=None)

        return happen

    def _checkout(self, tx: Transaction, payment: Payment) -> tuple[UUID, UUID]:
        request = InvoiceRequest(payment.procedure, payment.facts, Channel.COUNTER, "G22.99.108-1", PAYER)
        invoice = issue_invoice(tx, self.runtime.vault, self.portal, request)
        assert Money(invoice.total_minor, invoice.currency) == payment.amount
        opened = open_checkout(
            tx, self.runtime, self.portal, CheckoutRequest([invoice.reference], "https://portal.example/back", "vi")
        )
        self.sessions[payment.checkout] = opened.id, opened.agency_id
        return self.sessions[payment.checkout]

    def _movement(self, booked: Booked) -> Callable[[], None]:
        def happen() -> None:
            payment = booked.payment
            if booked.refund is not None:
                self._refund(payment, -booked.amount.amount_minor)
                return
            observation: PaymentObservation | DisputeObservation
            if booked.movement is Movement.PAYMENT:
                observation = PaymentObservation(
                    PaymentStatus.SUCCEEDED,
                    booked.occurred_at,
                    payment_id=payment.id,
                    provider_transaction_id=payment.transaction_id,
                    amount=payment.amount,
                )
            else:
                status = DisputeStatus.OPEN if booked.movement is Movement.CHARGEBACK else DisputeStatus.WON
                observation = DisputeObservation(
                    status, booked.occurred_at, payment.amount, str(booked.dispute), payment_id=payment.id
                )
            with self.runtime.db.transaction() as tx:
                apply_observation(tx, payment.provider.name, observation, "webhook")

        return happen

    def _refund(self, payment: Payment, amount_minor: int) -> None:
        with self.runtime.db.transaction() as tx:
            asked = request_refund(tx, self.runtime, self.finance, payment.id, amount_minor, "withdrawn")
        with self.runtime.db.transaction() as tx:
            approve_refund(tx, self.approver, asked.id)
        assert send_refunds(self.runtime) == 1


@dataclass
class SetClock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def the_books(urls: DatabaseUrls, month: Month) -> Iterator[Books]:
    """The month's gateway before its first day."""
    clock = SetClock(datetime.combine(month.first - timedelta(days=2), time(), UTC))
    db = Database(urls.app_url, clock)
    players = {provider.name: _player(month, provider) for provider in month.providers}
    runtime = Runtime(
        db=db,
        providers=players,
        vault=Vault({"v1": secrets.token_bytes(32)}, secrets.token_bytes(32)),
        tokens=Tokens(secrets.token_bytes(32)),
        public_url="https://pay.example",
    )
    demo = catalogue()
    agencies = tuple(replace(agency, providers=(*agency.providers, *players)) for agency in demo.agencies)
    with db.transaction() as tx:
        load_catalogue(tx, replace(demo, agencies=agencies), "test")
    try:
        yield Books(month, runtime, clock)
    finally:
        db.close()


def night_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), MORNING)


def _player(month: Month, provider: Provider) -> Player:
    refunds: dict[tuple[UUID, int], list[str]] = {}
    for booked in month.entries:
        if booked.refund:
            refunds.setdefault((booked.payment.id, -booked.amount.amount_minor), []).append(booked.reference)
    return Player(provider, [batch for batch in month.batches if batch.provider == provider], refunds)


def _attempt_of(payment: Payment, session: UUID, agency: UUID, now: datetime) -> Attempt:
    ended = PaymentStatus.PENDING if payment.status == "succeeded" else PaymentStatus(payment.status)
    return Attempt(
        id=payment.id,
        session_id=session,
        agency_id=agency,
        provider=payment.provider.name,
        lands_on=ledger.in_transit(payment.provider.name),
        status=ended,
        amount_minor=payment.amount.amount_minor,
        currency=payment.amount.currency,
        reference=payment.reference,
        provider_payment_id=str(payment.id),
        provider_transaction_id=None,
        next_action=None,
        code="",
        via_page=False,
        credited_minor=0,
        refunded_minor=0,
        created_at=now,
        expires_at=now + timedelta(hours=1),
        succeeded_at=None,
        business_date=None,
        checks=0,
    )
