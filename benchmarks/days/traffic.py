"""An honest month: payments, refunds and disputes, each with its ledger entry and its settlement line.

Most of the day's payments come in its working hours, some in its last and first minute, where the days of the agency,
the provider and the world are not the same.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from benchmarks.days.model import Agency, Booked, Draft, Draw, Payment, Provider
from benchmarks.days.prices import Price, catalogue, draw_price
from gateway.domain.agency import business_date
from gateway.domain.money import Money
from gateway.domain.reference import new_base, rf
from gateway.ports.capabilities import FeeContract
from gateway.ports.provider import LineKind, SettlementLine
from reconciliation.matching.sides import Movement

VIETNAM = "Asia/Ho_Chi_Minh"
WALLET = Provider("wallet", VIETNAM, ("VND",), FeeContract(110))
CARDS = Provider(
    "cards",
    "UTC",
    ("VND", "EUR", "DKK", "SGD", "KRW"),
    FeeContract(290, 30),
    settles_after=1,
    lag_days=2,
    disputes=True,
)
PLAIN_QR = Provider("plain_qr", VIETNAM, ("VND",), FeeContract(55), names_transactions=False)
PROVIDERS = (WALLET, CARDS, PLAIN_QR)
SHARES = (5, 4, 2)  # of the payments

# Of a hundred payments: how many in each hour of the payer's day. The rest come at its very end or beginning.
BY_HOUR = (1, 0, 0, 0, 0, 1, 2, 5, 9, 11, 10, 6, 3, 6, 9, 9, 7, 4, 3, 3, 4, 3, 2, 2)
ONE_IN = {"midnight": 40, "refund": 50, "dispute": 60, "unpaid": 25}

SIGN = {Movement.PAYMENT: 1, Movement.REFUND: -1, Movement.CHARGEBACK: -1, Movement.CHARGEBACK_RETURN: 1}
LINE_KIND = {
    Movement.PAYMENT: LineKind.PAYMENT,
    Movement.REFUND: LineKind.REFUND,
    Movement.CHARGEBACK: LineKind.CHARGEBACK,
    Movement.CHARGEBACK_RETURN: LineKind.CHARGEBACK_REVERSAL,
}
CAUSE = {
    Movement.PAYMENT: "succeeded",
    Movement.REFUND: "succeeded",
    Movement.CHARGEBACK: "opened",
    Movement.CHARGEBACK_RETURN: "won",
}


@dataclass
class Traffic:
    """Draws an honest month into `draw`. Names are counted or drawn from `chance`, so that a seed gives the same."""

    chance: random.Random
    days: Sequence[date]
    draw: Draw = field(default_factory=Draw)
    lines: int = 0
    entries: int = 0

    def __post_init__(self) -> None:
        entries = catalogue().agencies
        self.agencies = tuple(Agency(self.uuid(), entry.code, entry.time_zone) for entry in entries)
        self.place = {entry.code: number for number, entry in enumerate(entries)}

    def uuid(self, at: datetime | None = None) -> UUID:
        """As the gateway makes them: version 7, of the moment."""
        moment = at or datetime.combine(self.days[0], time(), UTC)
        bits = self.chance.getrandbits(74)
        top = int(moment.timestamp()) * 1000 + self.chance.randrange(1000)
        return UUID(int=top << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1)

    def name(self, prefix: str) -> str:
        return f"{prefix}_{self.chance.getrandbits(64):016x}"

    def fill(self, payments: int) -> None:
        """So many attempts a day; what becomes of them may fall on later days, of which the last ones are cut off."""
        for day in self.days:
            for provider in self.chance.choices(PROVIDERS, SHARES, k=payments):
                self.attempt(provider, day)

    def attempt(self, provider: Provider, day: date) -> Payment:
        payment = self.payment(provider, draw_price(self.chance, provider.currencies), day)
        if self.one_in("unpaid"):
            payment.status = self.chance.choice(["declined", "expired", "cancelled"])
            return payment
        self.move(Movement.PAYMENT, payment, payment.amount, payment.occurred_at, payment.transaction_id)
        if provider.disputes and self.one_in("dispute"):
            self.dispute(payment)
        elif self.one_in("refund"):
            self.refund(payment, self.chance.choice([payment.amount.amount_minor, self.part_of(payment)]))
        return payment

    def payment(self, provider: Provider, price: Price, day: date, at: datetime | None = None) -> Payment:
        agency = self.place[price.agency]
        moment = at or self.moment(day, self.agencies[agency].time_zone)
        payment = Payment(
            id=self.uuid(moment),
            provider=provider,
            agency=agency,
            amount=price.amount,
            occurred_at=moment,
            transaction_id=self.name("tx"),
            checkout=self.uuid(moment),
            reference=rf(new_base(day.year, self.chance.randrange(10**12))),
            procedure=price.procedure,
            facts=price.facts,
        )
        self.draw.payments.append(payment)
        return payment

    def part_of(self, payment: Payment) -> int:
        return 1 + self.chance.randrange(payment.amount.amount_minor)

    def refund(self, payment: Payment, amount_minor: int) -> Draft:
        payment.refunded_minor += amount_minor
        at = payment.occurred_at + timedelta(minutes=self.chance.randrange(30, 2_000))
        return self.move(
            Movement.REFUND, payment, Money(amount_minor, payment.amount.currency), at, self.name("re"), self.uuid(at)
        )

    def dispute(self, payment: Payment) -> None:
        payment.disputed = True
        at = payment.occurred_at + timedelta(hours=self.chance.randrange(5, 40))
        self.move(Movement.CHARGEBACK, payment, payment.amount, at, payment.transaction_id)
        if self.chance.randrange(3) == 0:
            at += timedelta(hours=self.chance.randrange(5, 40))
            self.move(Movement.CHARGEBACK_RETURN, payment, payment.amount, at, payment.transaction_id)

    def move(
        self,
        movement: Movement,
        payment: Payment,
        amount: Money,
        at: datetime,
        reference: str,
        refund: UUID | None = None,
    ) -> Draft:
        """Money moves: an entry and a line that say so."""
        self.entries += 1
        signed = Money(SIGN[movement] * amount.amount_minor, amount.currency)
        booked = Booked(
            number=self.entries,
            movement=movement,
            payment=payment,
            reference=reference,
            amount=signed,
            occurred_at=at,
            business_date=business_date(at, self.agencies[payment.agency].time_zone),
            key=f"{'refund' if refund else 'payment'}:{refund or payment.id}:{CAUSE[movement]}",
            refund=refund,
        )
        self.draw.entries.append(booked)
        draft = self.line(movement, payment, signed, at, refund_name=reference if refund else None)
        draft.of = (booked,)
        return draft

    def line(
        self, movement: Movement, payment: Payment, signed: Money, at: datetime, refund_name: str | None = None
    ) -> Draft:
        provider = payment.provider
        self.lines += 1
        fee = provider.fee.fee_minor(signed.amount_minor) if movement is Movement.PAYMENT else 0
        names_it = provider.names_transactions or movement is not Movement.PAYMENT
        line = SettlementLine(
            line_id=f"{provider.name}-{self.lines}",
            kind=LINE_KIND[movement],
            gross=signed,
            fee=Money(fee, signed.currency),
            occurred_at=at,
            provider_transaction_id=payment.transaction_id if names_it else None,
            provider_refund_id=refund_name,
            merchant_reference=str(payment.id),
            status="settled",
        )
        day = provider.day_of(at) + timedelta(days=provider.settles_after)
        draft = Draft(provider, day, line, movement, payment)
        self.draw.drafts.append(draft)
        return draft

    def moment(self, day: date, time_zone: str) -> datetime:
        second = self.chance.randrange(3_600)
        at = time(self.chance.choices(range(24), BY_HOUR)[0], second // 60, second % 60)
        if self.one_in("midnight"):
            at = self.chance.choice([time(23, 59, self.chance.randrange(60)), time(0, 0, self.chance.randrange(60))])
        return datetime.combine(day, at, ZoneInfo(time_zone)).astimezone(UTC)

    def one_in(self, what: str) -> bool:
        return self.chance.randrange(ONE_IN[what]) == 0
