"""Everything that can happen, in any order: payers, officers, providers and crashes, chosen by Hypothesis.

After every step the books agree with themselves, and what has succeeded stays as it was. At the end all notifications
are delivered and time passes; then every payment, refund and dispute is what its provider says it is, counted once.

FAULTS_EXAMPLES=1000 in the environment explores as many histories by chance, instead of the same few in every run.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, TypeVar
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.domain.checkout import CheckoutSession
from gateway.domain.errors import GatewayError
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import Refund
from gateway.ports.provider import RawRequest
from gateway.services.ask_provider import check_payment, check_payments, expire_sessions
from gateway.services.close_invoice import void_invoice
from gateway.services.open_checkout import cancel_checkout
from gateway.services.receive_event import apply_waiting_events, receive_event
from gateway.services.refund_payment import approve_refund, reject_refund, request_refund, send_refunds
from gateway.store import payments, refunds
from gateway.store.database import Transaction
from providers import signing
from providers.sandbox import wire
from providers.simulation.bank import NotPossible
from providers.simulation.books import Document
from providers.simulation.faults import Fault
from tests.faults.books import contradictions
from tests.faults.seams import killed, with_two_methods
from tests.faults.truth import disagreements
from tests.integration.world import World

HISTORIES = 12
STEPS = 40
AFTERWARDS = 8  # hours

N = st.integers(0, 11)
LOST = ("close_connection", "error_500_after_accept", "garbled_answer", "unknown_code", "timeout_after_accept")
REFUSED = ("error_500_before", "rate_limited", "close_connection_before", "rejected", "unauthorized")
OUTCOMES = (
    *("succeed", "succeed", "succeed", "decline", "cancel", "expire", "pending"),
    *("late", "twice", "silent", "wrong_amount", "review", "abandon"),
)
WAIT = st.sampled_from([timedelta(seconds=10), timedelta(minutes=2), timedelta(minutes=20), timedelta(hours=2)])
FAULTS = st.sampled_from([None, None, None, *LOST, *REFUSED])
NOT_FOUND = st.just("not_found")
VISITS = st.tuples(st.sampled_from(["sandbox", "stripe"]), st.sampled_from(OUTCOMES))
SELDOM = st.integers(1, 2)  # only the newest, so that not every session ends before it began

T = TypeVar("T")


class Office(RuleBasedStateMachine):
    """One history. Everything is picked by number among what there is, so that no rule has to wait for another."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.bank = self.world.simulator.bank
        self.world.clock.ahead = timedelta()
        self.bank.board.clear()
        self.heard: list[Document] = []
        self.seen_before = len(self.bank.books.all("webhook"))
        self.invoices: list[Invoice] = []
        self.sessions: list[CheckoutSession] = []
        self.succeeded: dict[UUID, Payment] = {}

    # Portals and payers.

    @initialize(visits=st.lists(VISITS, min_size=3, max_size=4))
    def begin_the_day(self, visits: list[tuple[str, str]]) -> None:
        for provider, outcome in visits:
            self.visit(provider, outcome)

    @rule(visit=VISITS)
    def somebody_comes(self, visit: tuple[str, str]) -> None:
        self.visit(*visit)

    def visit(self, provider: str, outcome: str) -> None:
        """A payer with a fee of their own, who does something on the provider's page."""
        self.invoices.append(self.world.invoice())
        self.sessions.append(self.world.checkout(self.invoices[-1]))
        payment = self.world.start(self.sessions[-1], provider)
        self.play(payment, outcome)

    @rule(n=N, count=st.integers(1, 3))
    def open_session(self, n: int, count: int) -> None:
        chosen = [picked(self.invoices, n + step) for step in range(count)]
        with refusals():
            self.sessions.append(self.world.checkout(*chosen))

    @rule(n=N, provider=st.sampled_from(["sandbox", "stripe"]), key=st.sampled_from(["a", "b", None]), fault=FAULTS)
    def start(self, n: int, provider: str, key: str | None, fault: str | None) -> None:
        self.begin(n, provider, key, fault)

    @rule(n=N, key=st.sampled_from(["a", "b", None]), after=st.booleans())
    def start_and_crash(self, n: int, key: str | None, after: bool) -> None:
        with killed("gateway.services.start_payment._create", after=after):
            self.begin(n, "sandbox", key, None)

    def begin(self, n: int, provider: str, key: str | None, fault: str | None) -> None:
        session = picked(self.sessions, n)
        with refusals(), self.going_wrong("create", fault):
            self.world.start(session, provider, key and f"{session.id}-{provider}-{key}")

    @rule(n=N, outcome=st.sampled_from(OUTCOMES))
    def pay(self, n: int, outcome: str) -> None:
        for payment in one_of(self.payments(), n):
            self.play(payment, outcome)

    @rule(n=N)
    def come_back(self, n: int) -> None:
        for payment in one_of(self.payments(), n):
            check_payment(self.world.runtime, payment, "return")

    @rule(n=SELDOM)
    def cancel(self, n: int) -> None:
        with refusals(), self.world.runtime.db.transaction() as tx:
            cancel_checkout(tx, self.world.portal, self.sessions[-n].id)

    @rule(n=SELDOM)
    def void(self, n: int) -> None:
        with refusals(), self.world.runtime.db.transaction() as tx:
            void_invoice(tx, self.world.portal, self.invoices[-n].reference)

    # Notifications.

    @rule(n=N, again=st.booleans())
    def notify(self, n: int, again: bool) -> None:
        """The next notification, a later one before it, or an old one again."""
        for notification in one_of(self.heard if again else self.unheard(), n // 3):
            self.deliver(notification)

    @rule(n=N)
    def notify_and_crash(self, n: int) -> None:
        with killed("gateway.services.receive_event.apply_event"):
            for notification in one_of(self.unheard(), n // 3):
                self.deliver(notification)

    # What runs by itself.

    @rule(wait=WAIT, fault=FAULTS)
    def poll(self, wait: timedelta, fault: str | None) -> None:
        self.world.clock.ahead += wait
        with self.going_wrong("query", fault):
            check_payments(self.world.runtime)

    @rule(n=N)
    def poll_and_not_find(self, n: int) -> None:
        """What the provider has acknowledged; that it does not find another means what its capabilities say."""
        acknowledged = [payment for payment in self.payments() if payment.provider_payment_id is not None]
        for payment in one_of(acknowledged, n):
            with self.going_wrong("query", "not_found"):
                check_payment(self.world.runtime, payment, "poll")

    @rule(wait=WAIT, fault=FAULTS)
    def expire(self, wait: timedelta, fault: str | None) -> None:
        self.world.clock.ahead += wait
        with self.going_wrong("cancel", fault):
            expire_sessions(self.world.runtime)

    @rule()
    def apply_what_was_left(self) -> None:
        self.world.clock.ahead += timedelta(seconds=10)
        apply_waiting_events(self.world.runtime)

    @rule(wait=WAIT, sent=FAULTS | st.sampled_from(["refund_pending", "refund_fails"]), asked=FAULTS | NOT_FOUND)
    def refund(self, wait: timedelta, sent: str | None, asked: str | None) -> None:
        self.world.clock.ahead += wait
        with self.going_wrong("refund", sent), self.going_wrong("query_refund", asked):
            send_refunds(self.world.runtime)

    @rule(after=st.booleans())
    def refund_and_crash(self, after: bool) -> None:
        with killed("gateway.services.refund_payment._send", after=after):
            send_refunds(self.world.runtime)

    # Officers.

    @rule(n=N, part=st.sampled_from([1, 2, 3]), approve=st.sampled_from([True, True, False, None]))
    def give_back(self, n: int, part: int, approve: bool | None) -> None:
        """Asked for and decided, or left for another officer."""
        for payment_id in one_of(list(self.succeeded), n):
            with refusals(), self.world.runtime.db.transaction() as tx:
                amount = self.succeeded[payment_id].amount_minor // part
                self.decide(
                    tx,
                    request_refund(tx, self.world.runtime, self.world.finance, payment_id, amount, "refused"),
                    approve,
                )

    @rule(n=N, approve=st.booleans())
    def decide_late(self, n: int, approve: bool) -> None:
        for refund in one_of(self.refunds(), n):
            with refusals(), self.world.runtime.db.transaction() as tx:
                self.decide(tx, refund, approve)

    # Providers, and payers' banks.

    @rule(n=N, part=st.sampled_from([1, 2, 3]), fault=st.sampled_from([None, "refund_pending", "refund_fails"]))
    def refund_at_the_provider(self, n: int, part: int, fault: str | None) -> None:
        for held in one_of(self.held("payment"), n):
            with suppress(NotPossible), self.going_wrong("refund", fault), self.bank.change() as change:
                amount = held["amount_minor"] // part
                self.bank.refunded(change, held, amount, refund_id=None, transaction_id=None)

    @rule(n=N, status=st.sampled_from(["succeeded", "failed"]))
    def end_refund_at_the_provider(self, n: int, status: str) -> None:
        open_to_it = [r for r in self.held("refund") if r["status"] not in (status, "failed")]
        for held in one_of(open_to_it, n):
            with self.bank.change() as change:
                self.bank.refund_moved(change, held, status)

    @rule(n=N, part=st.sampled_from([1, 2]))
    def dispute(self, n: int, part: int) -> None:
        undisputed = [p for p in self.held("payment") if p["id"] not in [d["payment"] for d in self.held("dispute")]]
        for held in one_of(undisputed, n):
            with suppress(NotPossible), self.bank.change() as change:
                self.bank.disputed(change, held, held["amount_minor"] // part)

    @rule(n=N, status=st.sampled_from(["won", "lost"]))
    def end_dispute(self, n: int, status: str) -> None:
        for held in one_of([d for d in self.held("dispute") if d["status"] == "open"], n):
            with self.bank.change() as change:
                self.bank.dispute_closed(change, held, status)

    # What must be true.

    @invariant()
    def the_books_agree(self) -> None:
        with self.world.runtime.db.read() as tx:
            assert contradictions(tx) == {}

    @invariant()
    def what_has_succeeded_stays_as_it_was(self) -> None:
        now = {payment.id: steady(payment) for payment in self.payments() if payment.status is PaymentStatus.SUCCEEDED}
        assert {payment_id: now.get(payment_id) for payment_id in self.succeeded} == self.succeeded
        self.succeeded = now

    def teardown(self) -> None:
        """Everything is told and asked in the end; then the provider's truth is ours."""
        self.bank.board.clear()
        for _ in range(AFTERWARDS):
            for notification in self.unheard():
                self.deliver(notification)
            for sweep in (apply_waiting_events, send_refunds, check_payments, expire_sessions):
                sweep(self.world.runtime)
            self.world.clock.ahead += timedelta(hours=1)
        self.the_books_agree()
        self.what_has_succeeded_stays_as_it_was()
        held = {kind: self.held(kind) for kind in ("payment", "refund", "dispute")}
        with self.world.runtime.db.read() as tx:
            assert disagreements(tx, self.payments(), held) == []

    # What there is.

    def payments(self) -> list[Payment]:
        with self.world.runtime.db.read() as tx:
            return [payment for session in self.sessions for payment in payments.of_session(tx, session.id)]

    def refunds(self) -> list[Refund]:
        with self.world.runtime.db.read() as tx:
            return [refund for payment in self.succeeded for refund in refunds.of_payment(tx, payment)]

    def held(self, kind: str) -> list[Document]:
        """The provider's documents of this history."""
        ours = {str(payment.id) for payment in self.payments()}
        return [document for document in self.bank.books.all(kind) if document["payment_id"] in ours]

    def unheard(self) -> list[Document]:
        told = {notification["id"] for notification in self.heard}
        return [n for n in self.bank.books.all("webhook")[self.seen_before :] if n["id"] not in told]

    # How it is done.

    def decide(self, tx: Transaction, refund: Refund, approve: bool | None) -> None:
        if approve is not None:
            (approve_refund if approve else reject_refund)(tx, self.world.approver, refund.id)

    def play(self, payment: Payment, outcome: str) -> None:
        held = self.bank.books.find("payment", payment_id=str(payment.id))
        if held is not None:
            with suppress(NotPossible):
                self.bank.play(held["id"], outcome)

    def deliver(self, notification: Document) -> None:
        """As the provider would, but at this moment and in this order."""
        if notification not in self.heard:
            self.heard.append(notification)
        body = notification["body"].encode()
        secret = self.world.settings["GATEWAY_SANDBOX_SECRETS"]
        headers = {wire.SIGNATURE: signing.signature(secret, self.world.clock(), body)}
        provider = notification["url"].split("/")[-2]
        assert receive_event(self.world.runtime, provider, RawRequest("POST", "", headers, body)).status == 200

    @contextmanager
    def going_wrong(self, operation: str, fault: str | None) -> Iterator[None]:
        if fault is not None:
            self.bank.board.arm(Fault(operation, fault, seconds=0))
        try:
            yield
        finally:
            self.bank.board.clear()


def picked(among: Sequence[T], n: int) -> T:
    return among[n % len(among)]


def one_of(among: Sequence[T], n: int) -> Sequence[T]:
    """The nth, counted round; nothing of nothing."""
    return [picked(among, n)] if among else []


def refusals() -> AbstractContextManager[None]:
    """What the gateway refuses, it may."""
    return suppress(GatewayError)


def steady(payment: Payment) -> Payment:
    """A payment that has succeeded, without what may still change: what goes back, and what the provider calls it."""
    return replace(payment, refunded_minor=0, checks=0, next_action=None, provider_payment_id=None)


def test_no_history_makes_the_books_disagree_with_themselves_or_with_the_provider(shared_world: World) -> None:
    Office.world = with_two_methods(shared_world)
    examples = int(os.environ.get("FAULTS_EXAMPLES", "0"))
    run_state_machine_as_test(
        Office,
        settings=settings(
            max_examples=examples or HISTORIES,
            derandomize=not examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
