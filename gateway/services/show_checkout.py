"""What a payer sees of a checkout session: what is owed and why, how it can be paid, and how far it has come.

Nothing here changes anything. `stage_of` is the one place that says what a page tells its payer; the order of its
questions is the rule: money that moved comes first, then money that may have moved, then everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.checkout import CheckoutSession, CheckoutStatus
from gateway.domain.fees import Procedure
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.money import Money
from gateway.domain.payment import OPEN, Payment, PaymentStatus
from gateway.services.find import SessionNotFound, find_session
from gateway.services.offer_methods import offers_of_session
from gateway.services.quote_fee import parse
from gateway.services.runtime import Caller, Runtime
from gateway.services.start_payment import SUBMITTING_AT_MOST
from gateway.store import catalogue, invoices, payments
from gateway.store.database import Transaction


class Stage(StrEnum):
    """How far a session has come, as far as its payer is concerned."""

    READY = "ready"  # a method can be chosen
    STARTING = "starting"  # an attempt is being handed to its provider at this moment
    WAITING = "waiting"  # a provider waits for the payer
    UNKNOWN = "unknown"  # money may have moved: paying again could charge twice
    PAID = "paid"
    CREDITED = "credited"  # money came when nothing could take it; it is kept for the payer
    ALREADY_PAID = "already_paid"  # the invoices were paid in another way
    CHANGED = "changed"  # what is due is no longer what this session asks for
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Setback(StrEnum):
    """Why the last attempt came to nothing, where another can be made."""

    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"  # the provider never got the request


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice of the session, what to pay of it here, and the procedure as it was when the fee was fixed."""

    invoice: Invoice
    to_pay: Money
    procedure: Procedure

    @property
    def total(self) -> Money:
        return Money(self.invoice.total_minor, self.invoice.currency)

    def title_of(self, fee_item: str) -> Mapping[str, str]:
        """What people call a fee item, by language."""
        return next(item.titles for item in self.procedure.items if item.code == fee_item)


@dataclass(frozen=True, slots=True)
class Method:
    """A provider as a way to pay: its name for payers by language, what paying by it is like, and whether it can be
    chosen just now."""

    name: str
    titles: Mapping[str, str]
    flow: str
    needs: Sequence[str]
    is_available: bool


@dataclass(frozen=True, slots=True)
class Checkout:
    """All that the page of a session is made of. `attempts` in the order in which they were made."""

    session: CheckoutSession
    agency: Agency
    bills: Sequence[Bill]
    attempts: Sequence[Payment]
    methods: Sequence[Method]
    stage: Stage

    @property
    def total(self) -> Money:
        return Money(self.session.amount_minor, self.session.currency)

    @property
    def received(self) -> Sequence[Payment]:
        """The attempts that moved money."""
        return [attempt for attempt in self.attempts if attempt.status is PaymentStatus.SUCCEEDED]

    @property
    def kept(self) -> Money:
        """What was received and no invoice took: it belongs to the payer."""
        return Money(sum(attempt.credited_minor for attempt in self.received), self.session.currency)

    @property
    def arrived(self) -> Money:
        """What was paid of the invoices so far, here or in another way."""
        return Money(sum(bill.invoice.paid_minor for bill in self.bills), self.session.currency)

    @property
    def still_due(self) -> Money:
        return Money(sum(bill.invoice.amount_due_minor for bill in self.bills), self.session.currency)

    @property
    def unresolved(self) -> Sequence[Payment]:
        """The attempts whose end only their provider knows."""
        return [attempt for attempt in self.attempts if attempt.status in OPEN]

    @property
    def waiting(self) -> Payment | None:
        """The attempt whose provider waits for the payer; its next_action says what for."""
        waiting = [attempt for attempt in self.unresolved if _waits_for_payer(attempt)]
        return waiting[-1] if waiting and self.stage is Stage.WAITING else None

    @property
    def can_choose(self) -> bool:
        """Whether any method is there to be chosen just now."""
        return any(method.is_available for method in self.methods)

    @property
    def setback(self) -> Setback | None:
        last = self.attempts[-1] if self.attempts else None
        if last is None or last.status in OPEN or self.stage is not Stage.READY:
            return None
        never_sent = last.status is PaymentStatus.CANCELLED and last.provider_payment_id is None
        return Setback.UNREACHABLE if never_sent else Setback(last.status)


def session_of(runtime: Runtime, token: str) -> UUID:
    """The session whose page has this token; see Runtime.page_url. Raises SessionNotFound, whatever is wrong with it.

    The database is not asked, so a guess learns nothing, not even from the time it takes.
    """
    session_id, _, signature = token.partition(".")
    if not runtime.tokens.matches("checkout", session_id, signature):
        raise SessionNotFound("There is no such page.")
    return UUID(session_id)


def payer_of(session_id: UUID) -> Caller:
    """Whoever holds the link to a session's page: may see and pay that session, which is all the page asks for."""
    return Caller(session_id, "payer", frozenset(), None, kind="session")


def show_checkout(runtime: Runtime, session_id: UUID) -> Checkout:
    """The session as it stands. Raises SessionNotFound."""
    with runtime.db.read() as tx:
        session = find_session(tx, payer_of(session_id), session_id)
        agency = catalogue.agency(tx, session.agency_id)
        bills = bills_of(tx, invoices.of_session(tx, session.id))
        attempts = payments.of_session(tx, session_id)  # last: a success that arrives meanwhile is seen here
        return Checkout(
            session=session,
            agency=agency,
            bills=bills,
            attempts=attempts,
            methods=_methods(tx, runtime, session),
            stage=stage_of(session, bills, attempts, tx.now),
        )


def stage_of(session: CheckoutSession, bills: Sequence[Bill], attempts: Sequence[Payment], now: datetime) -> Stage:
    statuses = {attempt.status for attempt in attempts}
    all_paid = all(bill.invoice.status is InvoiceStatus.PAID for bill in bills)
    has_credit = any(attempt.credited_minor for attempt in attempts)
    is_over = session.status is not CheckoutStatus.OPEN or session.expires_at <= now
    as_agreed = all(bill.invoice.amount_due_minor == bill.to_pay.amount_minor for bill in bills)
    answers = (
        (PaymentStatus.SUCCEEDED in statuses, Stage.PAID if all_paid or not has_credit else Stage.CREDITED),
        (any(_may_have_moved_money(attempt, now) for attempt in attempts), Stage.UNKNOWN),
        (PaymentStatus.SUBMITTING in statuses, Stage.STARTING),
        (all_paid, Stage.ALREADY_PAID),
        (session.status is CheckoutStatus.CANCELLED, Stage.CANCELLED),
        (is_over, Stage.EXPIRED),
        (not as_agreed, Stage.CHANGED),
        (any(_waits_for_payer(attempt) for attempt in attempts), Stage.WAITING),
    )
    return next((stage for is_so, stage in answers if is_so), Stage.READY)


def _waits_for_payer(attempt: Payment) -> bool:
    """Without a next action the provider's answer was lost: the payer never got there, and can begin anew."""
    return attempt.status is PaymentStatus.PENDING and attempt.next_action is not None


def _may_have_moved_money(attempt: Payment, now: datetime) -> bool:
    """Only the provider can say: its answer was lost, or it has not been asked again since the time ran out."""
    if attempt.status is PaymentStatus.SUBMITTING:
        return now - attempt.created_at >= SUBMITTING_AT_MOST
    return attempt.status is PaymentStatus.UNKNOWN or (
        attempt.status is PaymentStatus.PENDING and attempt.expires_at <= now
    )


def bills_of(tx: Transaction, owed: Sequence[tuple[Invoice, int]]) -> Sequence[Bill]:
    """These invoices, each with what to pay of it in minor units, as they are explained."""
    versions = {(invoice.procedure, invoice.procedure_version) for invoice, _ in owed}
    procedures = {
        (row.code, row.version): parse(row.sha256, row.definition)
        for row in catalogue.published_procedures(tx, versions)
    }
    return [
        Bill(invoice, Money(to_pay, invoice.currency), procedures[invoice.procedure, invoice.procedure_version])
        for invoice, to_pay in owed
    ]


def _methods(tx: Transaction, runtime: Runtime, session: CheckoutSession) -> Sequence[Method]:
    return [
        Method(
            offer.name,
            offer.provider.titles,
            offer.provider.capabilities.flow,
            offer.provider.capabilities.needs,
            offer.is_available,
        )
        for offer in offers_of_session(tx, runtime, session)
    ]
