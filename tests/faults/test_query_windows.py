"""What becomes of a payment or refund whose provider answers questions for a while only, ZaloPay for 48 hours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.circuit import FAILURES
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import Refund, RefundStatus
from gateway.services.ask_provider import check_payments, expire_sessions
from gateway.services.circuits import is_shut
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from gateway.services.try_circuits import try_circuits
from gateway.store.embedded import DatabaseUrls
from reconciliation.runs import run_reconciliation
from tests.faults.books import contradictions
from tests.faults.seams import control, traffic, truth
from tests.integration.world import World, a_world
from tests.providers.rig import PATIENT

FEE = 200_000
WINDOW = timedelta(hours=48)
SHORTLY_BEFORE = WINDOW - timedelta(minutes=9)


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path, "zalopay", PATIENT) as made:
        yield made
        if made.count("reconciliation_runs") == 0:  # which books the provider's fees too: no movement of ours
            with made.runtime.db.read() as tx:
                assert contradictions(tx) == {}


def lost(world: World) -> Payment:
    """A payment whose creation was taken and not answered."""
    world.fault("create", "close_connection")
    payment = world.start(world.checkout(world.invoice()))
    assert payment.status is PaymentStatus.UNKNOWN
    return payment


def pass_unanswered(world: World, until: timedelta) -> None:
    """Time goes by, and whatever is asked is not answered."""
    for operation in ("query", "query_refund"):
        world.fault(operation, "error_500_before", times=200)
    while world.clock.ahead < until:
        world.clock.ahead = min(world.clock.ahead + timedelta(minutes=30), until)
        sweep(world)
    world.simulator.bank.board.clear()


def sweep(world: World) -> None:
    try_circuits(world.runtime)
    check_payments(world.runtime)
    send_refunds(world.runtime)
    expire_sessions(world.runtime)


def paid_at_provider(world: World, payment: Payment, outcome: str = "silent") -> str:
    """The payer pays, although nobody has told us how; the name of the movement."""
    world.simulator.bank.play(truth(world, payment)["id"], outcome)
    movement: str = truth(world, payment)["transactions"][0]["id"]
    return movement


def asked(world: World, operation: str) -> int:
    return sum(request["url"].endswith(f"/v2/{operation}") for request in traffic(world))


def the_discrepancy(world: World) -> Any:
    (found,) = world.discrepancies()
    return found


def test_what_has_no_end_when_the_window_closes_is_named_and_not_asked_about_any_more(world: World) -> None:
    payment = lost(world)
    paid_at_provider(world, payment)
    pass_unanswered(world, SHORTLY_BEFORE)
    assert world.discrepancies() == []
    pass_unanswered(world, WINDOW + timedelta(minutes=1))
    found = the_discrepancy(world)
    assert (found.kind, found.status, found.amount_minor) == (DiscrepancyKind.STATUS_MISMATCH, "open", FEE)
    assert found.payment_id == payment.id
    closed = payment.created_at + WINDOW
    assert found.evidence["query_window"] == "closed"
    assert datetime.fromisoformat(found.evidence["asked_until"]) == closed.replace(microsecond=0)
    before = asked(world, "query")
    for hours in (50, 60, 100):
        world.clock.ahead = timedelta(hours=hours)
        sweep(world)
    assert asked(world, "query") == before
    assert asked(world, "create") == 1
    assert world.payment(payment.id).status is PaymentStatus.UNKNOWN
    assert len(world.discrepancies()) == 1


def test_the_last_question_before_the_window_closes_still_finds_the_truth(world: World) -> None:
    payment = lost(world)
    paid_at_provider(world, payment)
    pass_unanswered(world, WINDOW - timedelta(minutes=11))
    before = asked(world, "query")
    world.clock.ahead = SHORTLY_BEFORE
    sweep(world)
    assert asked(world, "query") == before + 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert world.discrepancies() == []
    assert len(truth(world, payment)["transactions"]) == 1


def test_an_order_that_cannot_be_found_as_the_window_closes_is_not_taken_for_one_that_never_was(world: World) -> None:
    payment = lost(world)
    pass_unanswered(world, WINDOW - timedelta(minutes=11))
    world.clock.ahead = SHORTLY_BEFORE
    world.fault("query", "not_found")
    sweep(world)
    assert world.payment(payment.id).status is PaymentStatus.UNKNOWN


def test_an_order_that_was_never_taken_is_over_once_it_could_not_be_taken_any_more(world: World) -> None:
    world.fault("create", "close_connection_before")
    payment = world.start(world.checkout(world.invoice()))
    for minutes in (2, 8, 19):
        world.clock.ahead = timedelta(minutes=minutes)
        sweep(world)
        assert world.payment(payment.id).status is PaymentStatus.UNKNOWN
    world.clock.ahead = timedelta(minutes=90)
    sweep(world)
    assert world.payment(payment.id).status is PaymentStatus.CANCELLED
    assert world.discrepancies() == []


def test_an_order_that_the_bank_still_works_on_when_its_time_is_over_is_not_given_up(world: World) -> None:
    invoice = world.invoice()
    payment = world.start(world.checkout(invoice))
    world.play(payment, "pending")
    for hours in (1, 3, 12):
        world.clock.ahead = timedelta(hours=hours)
        sweep(world)
        assert world.payment(payment.id).status is PaymentStatus.PENDING
    paid_at_provider(world, payment)
    world.clock.ahead = timedelta(hours=14)
    sweep(world)
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert world.balances()["in_transit:zalopay"] == FEE


def test_an_unpaid_order_is_asked_about_right_after_its_time(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    for seconds in (61, 400):
        world.clock.ahead = timedelta(seconds=seconds)
        check_payments(world.runtime)
        assert world.payment(payment.id).status is PaymentStatus.PENDING
    world.simulator.bank.play(truth(world, payment)["id"], "expire")
    world.clock.ahead = timedelta(minutes=15, seconds=40)
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.EXPIRED


def test_what_has_no_end_is_named_also_while_its_provider_is_left_alone(world: World) -> None:
    waiting = {lost(world).id for _ in range(FAILURES)}
    world.unplug()
    world.clock.ahead = WINDOW + timedelta(minutes=1)
    assert is_shut(world.runtime, "zalopay")
    sweep(world)
    assert {found.payment_id for found in world.discrepancies()} == waiting


def test_a_trial_may_ask_about_what_has_no_window_any_more_and_is_not_believed(world: World) -> None:
    waiting = [lost(world).id for _ in range(FAILURES)]
    world.clock.ahead = WINDOW + timedelta(minutes=1)
    check_payments(world.runtime)
    world.fault("query", "not_found")
    world.clock.ahead += timedelta(minutes=1)
    try_circuits(world.runtime)
    assert not is_shut(world.runtime, "zalopay")
    assert asked(world, "query") == 1
    assert {world.payment(payment_id).status for payment_id in waiting} == {PaymentStatus.UNKNOWN}


@pytest.mark.parametrize("source", ["webhook", "settlement"])
def test_news_that_comes_after_the_window_has_closed_ends_it_and_clears_the_discrepancy(
    world: World, source: str
) -> None:
    payment = lost(world)
    pass_unanswered(world, WINDOW + timedelta(minutes=1))
    movement = paid_at_provider(world, payment, "silent" if source == "settlement" else "succeed")
    if source == "webhook":
        world.deliver(1)
    else:
        reconciled(world)
    assert world.payment(payment.id).provider_transaction_id == movement
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert ends(world) == ["succeeded"]


def reconciled(world: World) -> None:
    """ZaloPay's file of today arrives, and the night compares it with the ledger."""
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    control(world, "settle", date=today.isoformat())
    run_reconciliation(world.runtime, "zalopay", today, "test")


def ends(world: World) -> list[str]:
    """What ended the discrepancies that had named something without an end; none of any kind is open."""
    found = world.discrepancies()
    assert {one.status for one in found} == {"cleared"}
    return [one.evidence["ended"] for one in found if one.evidence.get("why") == "no_end"]


def approved(world: World, payment: Payment) -> Refund:
    with world.runtime.db.transaction() as tx:
        refund = request_refund(tx, world.runtime, world.finance, payment.id, 60_000, "the application was refused")
    with world.runtime.db.transaction() as tx:
        return approve_refund(tx, world.approver, refund.id)


def refunds_at_provider(world: World) -> list[int]:
    return [refund["amount_minor"] for refund in world.simulator.bank.books.all("refund")]


def test_a_refund_without_an_end_when_the_window_closes_is_named_and_never_sent_again(world: World) -> None:
    _, payment = world.paid()
    world.fault("refund", "close_connection")
    refund = approved(world, payment)
    send_refunds(world.runtime)
    pass_unanswered(world, WINDOW + timedelta(minutes=1))
    found = the_discrepancy(world)
    assert (found.kind, found.status) == (DiscrepancyKind.REFUND_UNKNOWN, "open")
    assert (found.refund_id, found.amount_minor) == (refund.id, -60_000)
    assert found.evidence["query_window"] == "closed"
    before = asked(world, "query_refund")
    world.clock.ahead = timedelta(hours=60)
    sweep(world)
    assert asked(world, "query_refund") == before
    assert asked(world, "refund") == 1
    assert refunds_at_provider(world) == [60_000]
    reconciled(world)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    assert world.count("refunds") == 1
    assert ends(world) == ["succeeded"]


def test_a_refund_that_the_bank_has_not_finished_when_the_window_closes_is_named_too(world: World) -> None:
    _, payment = world.paid()
    world.fault("refund", "refund_pending")
    refund = approved(world, payment)
    send_refunds(world.runtime)
    for hours in (1, 20, 40, 47):
        world.clock.ahead = timedelta(hours=hours)
        sweep(world)
        assert world.discrepancies() == []
    world.clock.ahead = WINDOW + timedelta(minutes=1)
    sweep(world)
    assert the_discrepancy(world).evidence["refund_is"] == "pending"
    assert world.refund(refund.id).status is RefundStatus.PENDING


def test_a_refund_asked_for_on_one_day_and_sent_on_another_bears_the_day_on_which_it_was_sent(world: World) -> None:
    _, payment = world.paid()
    world.clock.ahead = timedelta(days=-2)
    refund = approved(world, payment)
    world.clock.ahead = timedelta()
    world.fault("refund", "close_connection_before")
    send_refunds(world.runtime)
    sent_at = world.refund(refund.id).sent_at
    assert sent_at is not None
    assert datetime.now(UTC) - sent_at < timedelta(hours=1)
    world.clock.ahead = timedelta(minutes=30)
    sweep(world)
    assert world.refund(refund.id).status is RefundStatus.SUCCEEDED
    names = {request["body"].partition("&")[0] for request in traffic(world) if request["url"].endswith("/v2/refund")}
    assert len(names) == 1
    assert asked(world, "refund") == 2
    assert refunds_at_provider(world) == [60_000]


def test_a_provider_that_answers_for_ever_is_asked_on_and_its_answer_clears_what_was_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider: Any = world.runtime.provider("zalopay")
    for_ever = {name: getattr(provider.capabilities, name) for name in provider.capabilities.__slots__}
    monkeypatch.setattr(provider, "capabilities", type(provider.capabilities)(**{**for_ever, "query_window": None}))
    payment = lost(world)
    paid_at_provider(world, payment)
    pass_unanswered(world, timedelta(hours=49))
    found = the_discrepancy(world)
    assert (found.status, found.evidence["query_window"]) == ("open", "open")
    world.clock.ahead += timedelta(hours=2)
    sweep(world)
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert the_discrepancy(world).status == "cleared"
