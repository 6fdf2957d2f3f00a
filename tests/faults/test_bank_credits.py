"""Credits told by many at once, lost, repeated, and cut short by a crash: each is counted once, none is forgotten."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import AckResult, CreditObservation
from gateway.services.apply_observation import apply_observation
from gateway.services.ask_provider import check_payment, check_payments
from gateway.services.close_invoice import expire_invoices
from gateway.services.fetch_credits import LEASE, OVERLAP, fetch_credits
from gateway.services.receive_event import apply_waiting_events
from gateway.store import payments
from tests.faults.books import contradictions
from tests.faults.seams import killed
from tests.integration.village_bank import NAME, Village, a_village
from tests.integration.world import World

FEE = 200_000
BANK = "bank:9990000000000000011"


@pytest.fixture
def village(world: World) -> Village:
    return a_village(world)


def credited(village: Village) -> int:
    return village.world.balances().get(BANK, 0)


def test_one_credit_told_fifty_times_at_once_in_every_way_is_counted_once(village: Village) -> None:
    world, invoice = village.world, village.invoice()
    attempt = world.start(world.checkout(invoice), NAME)
    notification = village.transfer(invoice)
    (credit,) = village.bank.booked

    def as_statement() -> None:
        with world.runtime.db.transaction() as tx:
            apply_observation(tx, NAME, credit, "settlement", world.runtime)

    ways = (
        lambda: village.tell(notification),
        as_statement,
        lambda: fetch_credits(world.runtime),
        lambda: check_payment(world.runtime, attempt, "poll"),
        lambda: village.tell(replace(notification)),
    )
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda n: ways[n % len(ways)](), range(50)))
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert world.payment(attempt.id).status is PaymentStatus.SUCCEEDED
    assert credited(village) == FEE
    assert (world.count("payments"), world.count("bank_credits"), world.discrepancies()) == (1, 1, [])


def test_a_credit_without_an_attempt_told_fifty_times_at_once_makes_one_payment(village: Village) -> None:
    world, invoice = village.world, village.invoice()
    village.transfer(invoice)
    village.transfer(invoice, "no reference at all")
    by_name, without = village.bank.booked

    def tell(n: int) -> AckResult:
        with world.runtime.db.transaction() as tx:
            return apply_observation(tx, NAME, (by_name, without)[n % 2], "webhook", world.runtime)

    with ThreadPoolExecutor(10) as threads:
        results = list(threads.map(tell, range(50)))
    assert results.count(AckResult.APPLIED) == 2
    assert credited(village) == 2 * FEE
    assert (world.count("payments"), world.count("bank_credits")) == (1, 2)
    assert world.balances()["unidentified_receipts"] == -FEE


def test_different_credits_for_one_invoice_at_once_pay_it_once(village: Village) -> None:
    world, invoice = village.world, village.invoice()
    world.start(world.checkout(invoice), NAME)
    told = [village.transfer(invoice) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(village.tell, told))
    while apply_waiting_events(world.runtime):
        world.clock.ahead += timedelta(minutes=1)
    assert world.again(invoice).paid_minor == FEE
    assert world.balances()["payer_credit"] == -3 * FEE
    assert (credited(village), len(world.discrepancies())) == (4 * FEE, 3)


def test_a_process_that_dies_after_storing_a_notification_loses_no_credit(village: Village) -> None:
    world, invoice = village.world, village.invoice()
    with killed("gateway.services.receive_event.apply_event"):
        village.tell(village.transfer(invoice))
    assert world.count("bank_credits") == 0
    world.clock.ahead += timedelta(minutes=1)
    assert apply_waiting_events(world.runtime) == 1
    assert world.again(invoice).status is InvoiceStatus.PAID


@pytest.mark.parametrize("at", ["collect_payment", "open_discrepancy"])
def test_a_process_that_dies_while_it_books_a_credit_has_booked_nothing(village: Village, at: str) -> None:
    world, invoice = village.world, village.invoice()
    place = "apply_payment.collect_payment" if at == "collect_payment" else "apply_credit.open_discrepancy"
    notification = village.transfer(invoice, None if at == "collect_payment" else "?")
    with killed(f"gateway.services.{place}", after=True):
        village.tell(notification)
    assert (world.count("bank_credits"), world.count("payments"), credited(village)) == (0, 0, 0)
    world.clock.ahead += timedelta(minutes=1)
    assert apply_waiting_events(world.runtime) == 1
    assert (world.count("bank_credits"), credited(village)) == (1, FEE)


def test_a_notification_that_is_lost_is_found_in_the_banks_list(village: Village) -> None:
    invoice = village.invoice()
    village.transfer(invoice)
    village.transfer(invoice, "?")
    assert fetch_credits(village.world.runtime) == 2
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert fetch_credits(village.world.runtime) == 0
    assert credited(village) == 2 * FEE


def test_the_list_is_read_again_from_some_time_before_it_was_read_last(village: Village) -> None:
    world, invoice = village.world, village.invoice()
    fetch_credits(world.runtime)
    world.clock.ahead += timedelta(minutes=2)
    late = world.clock() - OVERLAP + timedelta(minutes=30)
    village.transfer(invoice, at=late)
    assert fetch_credits(world.runtime) == 1
    (_, first_until), (second_since, _) = village.bank.asked
    assert second_since == first_until - OVERLAP
    assert world.again(invoice).status is InvoiceStatus.PAID


def test_a_list_that_broke_off_is_read_from_the_same_place_again(village: Village) -> None:
    world, invoice = village.world, village.invoice()
    village.transfer(invoice)
    village.bank.closed = True
    assert fetch_credits(world.runtime) == 0
    world.clock.ahead += timedelta(days=2)
    village.bank.closed = False
    assert fetch_credits(world.runtime) == 1
    assert village.bank.asked[0][0] == village.bank.asked[1][0]
    assert world.again(invoice).status is InvoiceStatus.PAID


def test_one_credit_that_cannot_be_applied_does_not_hold_up_the_others(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, first, second = village.world, village.invoice(), village.invoice()
    village.transfer(first)
    village.transfer(second)

    def failing(*args: object) -> AckResult:
        if isinstance(args[2], CreditObservation) and first.reference in args[2].remittance:
            raise RuntimeError("a fault of ours")
        return apply_observation(*args)  # type: ignore[call-overload,no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr("gateway.services.fetch_credits.apply_observation", failing)
        assert fetch_credits(world.runtime) == 1
    assert world.again(second).status is InvoiceStatus.PAID
    assert fetch_credits(world.runtime) == 1
    assert world.again(first).status is InvoiceStatus.PAID


def test_two_workers_do_not_read_one_list_at_once(village: Village) -> None:
    village.transfer(village.invoice())
    with killed("gateway.services.fetch_credits._untold"):
        fetch_credits(village.world.runtime)
    assert fetch_credits(village.world.runtime) == 0
    village.world.clock.ahead += LEASE
    assert fetch_credits(village.world.runtime) == 1


# Any sequence.

WORDS = st.sampled_from(["exact", "exact", "exact", "none", "garbled", "both", "glued"])
AMOUNTS = st.sampled_from([FEE, FEE, FEE, FEE // 2, FEE // 4, FEE + 7, 1])
WAYS = st.sampled_from(["webhook", "webhook", "list", "lost", "crash"])
N = st.integers(0, 7)


class Town(RuleBasedStateMachine):
    """Any sequence of invoices, attempts and credits, told in any way, and some of them taken back."""

    village: ClassVar[Village]

    @initialize()
    def begin(self) -> None:
        self.invoices: list[Invoice] = [self.village.invoice()]
        self.came = len(self.village.bank.booked)

    @rule()
    def issue(self) -> None:
        self.invoices.append(self.village.invoice())

    @rule(n=N)
    def attempt(self, n: int) -> None:
        invoice = self.village.world.again(self.picked(n))
        if invoice.status is InvoiceStatus.OPEN:
            self.village.world.start(self.village.world.checkout(invoice), NAME)

    @rule(n=N)
    def expire(self, n: int) -> None:
        with self.village.world.runtime.db.transaction() as tx:
            query = text("UPDATE invoices SET due_on = '2020-01-01' WHERE id = :id")
            tx.execute(query, {"id": self.picked(n).id})
        expire_invoices(self.village.world.runtime)

    @rule(n=N, words=WORDS, minor=AMOUNTS, way=WAYS)
    def transfer(self, n: int, words: str, minor: int, way: str) -> None:
        reference, other = self.picked(n).reference, self.picked(n + 1).reference
        written = {
            "exact": reference,
            "none": "cam on",
            "garbled": reference[:-1],
            "both": f"{reference} {other}",
            "glued": f"NOPPHI{reference}CAMON 123",
        }[words]
        notification = self.village.transfer(self.picked(n), written, minor)
        if way == "webhook":
            self.village.tell(notification)
        elif way == "list":
            fetch_credits(self.village.world.runtime)
        elif way == "crash":
            with killed("gateway.services.apply_payment.collect_payment", after=True):
                self.village.tell(notification)

    @rule(n=N)
    def repeat(self, n: int) -> None:
        for credit in self.booked()[-1 - n :][:1]:
            self.village.tell(self.village.bank.notification(credit))

    @rule(n=N)
    def take_back(self, n: int) -> None:
        for credit in self.booked()[-1 - n :][:1]:
            self.village.tell(self.village.bank.take_back(credit, self.village.world.clock()))

    @rule(minutes=st.sampled_from([1, 20, 90]))
    def time_passes(self, minutes: int) -> None:
        self.village.world.clock.ahead += timedelta(minutes=minutes)
        apply_waiting_events(self.village.world.runtime)
        check_payments(self.village.world.runtime)

    @invariant()
    def the_books_agree(self) -> None:
        with self.village.world.runtime.db.read() as tx:
            assert contradictions(tx) == {}

    def teardown(self) -> None:
        """In the end every credit of the bank is counted, once, and each booked where it belongs."""
        world = self.village.world
        for _ in range(4):
            world.clock.ahead += timedelta(hours=1)
            apply_waiting_events(world.runtime)
            check_payments(world.runtime)
            fetch_credits(world.runtime)
        self.the_books_agree()
        with world.runtime.db.read() as tx:
            counted = tx.all(text("SELECT provider_transaction_id, amount_minor, currency FROM bank_credits"))
            paid = [
                payment
                for row in counted
                if (payment := payments.find_by_transaction(tx, NAME, row.provider_transaction_id))
            ]
        known = {row.provider_transaction_id: Money(row.amount_minor, row.currency) for row in counted}
        assert known == {credit.provider_transaction_id: credit.amount for credit in self.village.bank.booked}
        assert all(payment.status is PaymentStatus.SUCCEEDED for payment in paid)

    def booked(self) -> list[CreditObservation]:
        return self.village.bank.booked[self.came :]

    def picked(self, n: int) -> Invoice:
        return self.invoices[n % len(self.invoices)]


def test_no_sequence_of_credits_makes_the_books_disagree_or_forgets_one(shared_world: World) -> None:
    Town.village = a_village(shared_world)
    run_state_machine_as_test(
        Town,
        settings=settings(
            max_examples=12,
            derandomize=True,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
