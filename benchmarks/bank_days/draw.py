"""The month while it is being made: what providers pay out, by the batches of an honest month, and how it is booked."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from benchmarks.bank_days.calendar import Calendar
from benchmarks.bank_days.model import Batch, Booking, Cause, Expected, Fault, Label, MoneyBack, Payout, Plan
from benchmarks.bank_days.words import paying
from benchmarks.days import Month
from gateway.domain.agency import Agency
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.payout import SATURDAY, PayoutTerms

TAIL = 7
"""Nights after the last settlement, so that what is late comes while somebody looks."""

CREDIT, DEBIT = "PMNT/RCDT/ESCT", "PMNT/ICDT/ESCT"
PREFIX = {"wallet": "WP", "cards": "po_"}
"""How a provider's own names of payouts begin; who has none is known by its batches."""


class Draw:
    """`month` is honest, and has the batches and the payments. `accounts` are by number, with whoever holds each."""

    def __init__(
        self,
        chance: random.Random,
        month: Month,
        terms: PayoutTerms,
        accounts: Mapping[str, Agency | None],
        nights: Sequence[date],
    ) -> None:
        self.chance, self.month, self.terms = chance, month, terms
        self.accounts, self.nights = accounts, nights
        self.calendar = Calendar(terms, accounts, nights)
        self.plan = Plan()
        self.payouts = self._payouts()

    def fault(self, cause: Cause) -> Fault:
        fault = Fault(len(self.plan.faults) + 1, cause)
        self.plan.faults.append(fault)
        return fault

    def expect(self, about: str, kind: DiscrepancyKind, on: date | None, fault: Fault) -> None:
        """From the night `on`, and by this kind on that night; not at all if there is no such night."""
        if on is not None:
            self.plan.labels.append(Label(about, on, fault))
            self.plan.expected.append(Expected(about, kind, on, fault))

    def label(self, about: str, on: date | None, fault: Fault) -> None:
        """Of which kind it is hangs on what else is known that night."""
        if on is not None:
            self.plan.labels.append(Label(about, on, fault))

    def must_match(self, payouts: Iterable[Payout], on: date | None) -> None:
        if on is not None:
            self.plan.matched_on |= {payout.id: on for payout in payouts}

    def free(self, *, opaque: bool = False, positive: bool = True) -> list[Payout]:
        """Payouts of which nothing is decided yet."""
        return [
            payout
            for payout in self.payouts
            if payout.is_free and (payout.minor > 0 or not positive) and (payout.is_opaque or not opaque)
        ]

    def pair(self) -> tuple[Payout, Payout] | None:
        """Two free payouts of a provider that one credit may bring, both within their days."""
        pairs = [
            (one, two)
            for one in self.free()
            for two in self.free()
            if one is not two
            and (one.provider, one.net.currency, one.account) == (two.provider, two.net.currency, two.account)
            and one.minor != two.minor
            and self.is_alone(one, one.minor + two.minor)
            and self.calendar.after(max(one.settled_on, two.settled_on), 1) <= min(one.due_on, two.due_on)
        ]
        return self.chance.choice(pairs) if pairs else None

    def is_alone(self, payout: Payout, minor: int) -> bool:
        """No other payout of that provider is worth so much, so that an amount tells which it is."""
        worth = payout.provider, Money(minor, payout.net.currency)
        return all(other is payout or (other.provider, other.net) != worth for other in self.payouts)

    def usual_day(self, payout: Payout) -> date:
        """A banking day later, as a rule; on the last of its days sometimes, and some pay at weekends too."""
        draw = self.chance.randrange(10)
        if draw == 0:
            return payout.due_on
        if draw <= 2 and payout.provider == "wallet":
            return payout.settled_on + timedelta(days=1)
        return self.calendar.after(payout.settled_on, 1)

    def in_order(self, account: str, *days: date) -> bool:
        """Whether what is booked on the later of these days is not known before what is booked on the earlier."""
        seen = [self.calendar.seen_on(account, day) or date.max for day in days]
        return seen == sorted(seen)

    def seen_on(self, booking: Booking) -> date | None:
        return self.calendar.seen_on(booking.account, booking.booked_on)

    def book(
        self,
        account: str,
        amount: Money,
        booked_on: date,
        text: str,
        pays: Iterable[Payout] = (),
        *,
        code: str = "",
        reference: str | None = None,
        end_to_end_id: str = "",
        undoes: Booking | None = None,
        reversal: bool = False,
        is_charge: bool = False,
    ) -> Booking:
        number = len(self.plan.bookings) + 1
        own = f"FT{booked_on:%y%j}{self.chance.getrandbits(32):08X}"
        booking = Booking(
            number=number,
            account=account,
            amount=amount,
            booked_on=booked_on,
            text=text,
            code=code or (CREDIT if amount.amount_minor > 0 else DEBIT),
            reference=own if reference is None else reference,
            end_to_end_id=end_to_end_id,
            reversal=reversal,
            pays=frozenset(payout.id for payout in pays),
            undoes=undoes.number if undoes else None,
            is_charge=is_charge,
        )
        self.plan.bookings.append(booking)
        return booking

    def pay(
        self, payouts: Sequence[Payout], minor: int, on: date, text: str | None = None, *, end_to_end_id: str = ""
    ) -> Booking:
        """What comes for payouts of one account, `minor` of it; named as banks do, if no `text` is given."""
        first = payouts[0]
        for payout in payouts:
            payout.is_free = False
        if text is None:
            text = paying(self.chance, first.provider, [self.name_of(payout) for payout in payouts])
        amount = Money(minor, first.net.currency)
        return self.book(first.account, amount, on, text, payouts, end_to_end_id=end_to_end_id)

    def name_of(self, payout: Payout) -> str:
        """One that only this payout has: its own, or that of a batch."""
        names = [payout.name, *(batch.ref.id for batch in payout.batches)]
        return self.chance.choice(names)

    def delay_batch(self, payout: Payout, until: date) -> None:
        payout.batches = tuple(replace(batch, loaded_on=until) for batch in payout.batches)

    def price(self, payout: Payout, most: int) -> int | None:
        """What somebody paid at that provider in this currency, no more than `most`."""
        paid = [
            each.amount.amount_minor
            for each in self.month.payments
            if each.provider.name == payout.provider
            and each.amount.currency == payout.net.currency
            and each.amount.amount_minor <= most
        ]
        return self.chance.choice(paid) if paid else None

    def keep_back(self, payout: Payout, minor: int) -> None:
        """The gateway knows of what was given back, and no settlement lists it for some days."""
        first = payout.settled_on - timedelta(days=self.chance.randrange(3))
        last = self.chance.choice([None, payout.due_on + timedelta(days=self.chance.randrange(3))])
        self.plan.money_back.append(MoneyBack(payout.provider, Money(minor, payout.net.currency), first, last))

    def _payouts(self) -> list[Payout]:
        agency_of = {str(payment.id): self.month.agencies[payment.agency].id for payment in self.month.payments}
        by_name: dict[tuple[str, str], list[Batch]] = defaultdict(list)
        for batch in self.month.batches:
            ref, name = batch.ref, batch.provider.name
            if ref.total is None:
                continue
            shares: dict[UUID, int] = defaultdict(int)
            for line in batch.lines:
                shares[agency_of[line.merchant_reference or ""]] += line.net.amount_minor
            own = Batch(name, ref, ref.total, dict(shares), ref.business_date)
            by_name[name, self._together(name, ref.business_date, ref.total.currency, ref.id)].append(own)
        return [self._payout(provider, batches) for (provider, _), batches in by_name.items()]

    def _together(self, provider: str, day: date, currency: str, batch: str) -> str:
        """Who names payouts of its own pays out a weekend's batches at once, if it does not pay at weekends."""
        if provider == "cards" and day.weekday() >= SATURDAY:
            return f"{currency} {day - timedelta(days=day.weekday() - SATURDAY)}"
        return batch

    def _payout(self, provider: str, batches: Sequence[Batch]) -> Payout:
        total = sum((batch.net for batch in batches), Money(0, batches[0].net.currency))
        prefix = PREFIX.get(provider)
        name = f"{prefix}{self.chance.getrandbits(40):012x}" if prefix else batches[0].ref.id
        settled_on = max(batch.ref.business_date for batch in batches)
        named = [replace(batch, ref=replace(batch.ref, payout_id=name if prefix else None)) for batch in batches]
        return Payout(
            provider=provider,
            name=name,
            net=total,
            batches=tuple(named),
            account=self.terms.account_of(provider, total.currency) or "",
            settled_on=settled_on,
            due_on=self.terms.due_on(provider, settled_on),
            is_opaque=prefix is not None,
        )
