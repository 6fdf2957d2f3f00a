"""A payment from request to ledger, as it goes well and as it goes wrong, through the sandbox over real HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.domain.checkout import (
    CheckoutStatus,
    MethodNotOffered,
    PaymentOutcomeUnknown,
    ProviderUnavailable,
    SessionBusy,
    SessionNotPayable,
)
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict
from gateway.domain.invoice import InvoiceAlreadyPaid, InvoiceClosed, InvoiceInPayment, InvoiceStatus
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import AckResult, PaymentObservation
from gateway.services.apply_observation import apply_observation
from gateway.services.ask_provider import check_payment, check_payments, expire_sessions
from gateway.services.close_invoice import void_invoice
from gateway.services.open_checkout import cancel_checkout
from gateway.services.receive_event import WebhookRefused, apply_waiting_events, receive_event
from gateway.store import checkouts, payments
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import World, a_world

FEE = 200_000


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


def test_a_payment_that_succeeds_pays_the_invoice_and_books_it(world: World) -> None:
    invoice, payment = world.paid()
    assert (invoice.status, invoice.paid_minor, invoice.amount_due_minor) == (InvoiceStatus.PAID, FEE, 0)
    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.business_date is not None
    assert sum(world.balances().values()) == 0
    assert world.balances()["in_transit:sandbox"] == FEE
    assert "receivable" not in world.balances()
    assert world.discrepancies() == []


def test_one_session_pays_several_invoices(world: World) -> None:
    first, second = world.invoice(), world.invoice("vn-passport-lost")
    session = world.checkout(first, second)
    payment = world.start(session)
    assert payment.amount_minor == first.total_minor + second.total_minor
    world.play(payment, "succeed")
    world.deliver(1)
    assert {world.again(first).status, world.again(second).status} == {InvoiceStatus.PAID}
    with world.runtime.db.read() as tx:
        closed = checkouts.find(tx, session.id)
    assert closed is not None
    assert closed.status is CheckoutStatus.COMPLETED


def test_the_same_notification_fifty_times_at_once_books_once(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    world.play(payment, "succeed")
    request = world.inbox.wait_for(1)[0]
    with ThreadPoolExecutor(10) as threads:
        replies = list(threads.map(lambda _: receive_event(world.runtime, "sandbox", request), range(50)))
    check_payment(world.runtime, world.payment(payment.id), "return")
    assert {reply.status for reply in replies} == {200}
    assert world.balances()["in_transit:sandbox"] == FEE
    assert world.count("ledger_entries") == 2
    assert world.count("provider_events") == 1


def test_a_forged_notification_changes_nothing(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    world.play(payment, "succeed")
    real = world.inbox.wait_for(1)[0]
    forged = replace(real, body=real.body.replace(b"succeeded", b"succeedeD"))
    with pytest.raises(WebhookRefused) as refused:
        receive_event(world.runtime, "sandbox", forged)
    assert refused.value.reply.status >= 400
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    assert world.count("provider_events") == 0


def test_a_payment_without_any_notification_is_found_by_asking(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    world.play(payment, "silent")
    assert check_payments(world.runtime) == 0
    world.clock.ahead += timedelta(minutes=1, seconds=1)
    assert check_payments(world.runtime) == 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert check_payments(world.runtime) == 0


def test_a_time_out_after_sending_is_unknown_until_the_provider_answers(world: World) -> None:
    session = world.checkout(world.invoice())
    world.fault("create", "timeout_after_accept")
    payment = world.start(session)
    assert payment.status is PaymentStatus.UNKNOWN
    with pytest.raises(PaymentOutcomeUnknown):
        world.start(session)
    world.clock.ahead += timedelta(minutes=2)
    check_payments(world.runtime)
    assert world.payment(payment.id).status is PaymentStatus.PENDING


def test_nothing_sent_frees_the_session_and_the_key(world: World) -> None:
    session = world.checkout(world.invoice())
    world.unplug()
    with pytest.raises(ProviderUnavailable):
        world.start(session, key="k-1")
    with world.runtime.db.read() as tx:
        attempts = payments.of_session(tx, session.id)
    assert [attempt.status for attempt in attempts] == [PaymentStatus.CANCELLED]
    assert world.count("idempotency_keys") == 0
    world.plug_in()
    assert world.start(session, key="k-1").status is PaymentStatus.PENDING


def test_paying_twice_keeps_the_second_for_the_payer(world: World) -> None:
    invoice, payment = world.paid("twice", notifications=2)
    assert (invoice.status, invoice.paid_minor) == (InvoiceStatus.PAID, FEE)
    assert payment.credited_minor == 0
    assert world.balances()["payer_credit"] == -FEE
    assert world.balances()["in_transit:sandbox"] == 2 * FEE
    assert [found.kind for found in world.discrepancies()] == [DiscrepancyKind.DUPLICATE_PAYMENT]
    assert world.discrepancies()[0].amount_minor == FEE


def test_two_sessions_that_both_pay_one_invoice(world: World) -> None:
    invoice = world.invoice()
    one, other = world.start(world.checkout(invoice)), world.start(world.checkout(invoice))
    for payment in (one, other):
        world.play(payment, "succeed")
    world.deliver(2)
    assert world.again(invoice).paid_minor == FEE
    assert world.balances()["payer_credit"] == -FEE
    assert {world.payment(p.id).status for p in (one, other)} == {PaymentStatus.SUCCEEDED}
    assert [found.kind for found in world.discrepancies()] == [DiscrepancyKind.DUPLICATE_PAYMENT]


def test_money_that_comes_after_the_expiry_is_kept_and_an_officer_is_asked(world: World) -> None:
    invoice, payment = world.paid("late", notifications=2)
    assert payment.status is PaymentStatus.SUCCEEDED
    assert (invoice.status, invoice.paid_minor) == (InvoiceStatus.OPEN, 0)
    assert world.balances()["payer_credit"] == -FEE
    (found,) = world.discrepancies()
    assert found.kind == DiscrepancyKind.STATUS_MISMATCH
    assert found.evidence["proposed"] == "accept_late_payment"


def test_a_wrong_amount_is_not_taken_for_payment(world: World) -> None:
    invoice, payment = world.paid("wrong_amount")
    assert payment.status is PaymentStatus.PENDING
    assert invoice.status is InvoiceStatus.OPEN
    assert [found.kind for found in world.discrepancies()] == [DiscrepancyKind.AMOUNT_MISMATCH]
    assert "in_transit:sandbox" not in world.balances()


@pytest.mark.parametrize(
    ("outcome", "status"), [("decline", PaymentStatus.DECLINED), ("cancel", PaymentStatus.CANCELLED)]
)
def test_after_a_decline_or_a_cancellation_the_payer_tries_again(
    world: World, outcome: str, status: PaymentStatus
) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    first = world.start(session)
    world.play(first, outcome)
    world.deliver(1)
    assert world.payment(first.id).status is status
    second = world.start(session)
    assert second.id != first.id
    world.play(second, "succeed")
    world.deliver(1)
    assert world.again(invoice).status is InvoiceStatus.PAID


def test_choosing_the_same_method_again_continues_the_attempt(world: World) -> None:
    session = world.checkout(world.invoice())
    assert world.start(session).id == world.start(session).id


def test_a_repeated_start_with_one_key_is_one_payment(world: World) -> None:
    session = world.checkout(world.invoice())
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: _started(world, session), range(8)))
    ids = {outcome for outcome in outcomes if outcome is not None}
    assert len(ids) == 1
    assert world.count("payments") == 1


def _started(world: World, session: object) -> object:
    try:
        return world.start(session, key="one").id  # type: ignore[arg-type]
    except (Conflict, SessionBusy):
        return None


def test_an_invoice_cannot_be_paid_again_or_after_it_was_voided(world: World) -> None:
    paid, _ = world.paid()
    with pytest.raises(InvoiceAlreadyPaid):
        world.checkout(paid)
    voided = world.invoice()
    session = world.checkout(voided)
    with world.runtime.db.transaction() as tx:
        void_invoice(tx, world.portal, voided.reference)
    with pytest.raises(InvoiceClosed):
        world.start(session)
    assert "receivable" not in world.balances()


def test_an_invoice_in_payment_cannot_be_voided(world: World) -> None:
    invoice = world.invoice()
    world.start(world.checkout(invoice))
    with pytest.raises(InvoiceInPayment), world.runtime.db.transaction() as tx:
        void_invoice(tx, world.portal, str(invoice.id))


def test_a_session_past_its_time_is_closed_after_its_provider_was_asked(world: World) -> None:
    session = world.checkout(world.invoice())
    payment = world.start(session)
    world.clock.ahead += timedelta(days=2)
    assert expire_sessions(world.runtime) == 1
    assert world.payment(payment.id).status in (PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)
    with pytest.raises(SessionNotPayable):
        world.start(session)


def test_a_session_past_its_time_is_not_closed_over_a_payment_that_succeeded(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    world.play(world.start(session), "silent")
    world.clock.ahead += timedelta(days=2)
    expire_sessions(world.runtime)
    assert world.again(invoice).status is InvoiceStatus.PAID


def test_a_cancelled_session_closes_its_payment_at_the_provider(world: World) -> None:
    session = world.checkout(world.invoice())
    payment = world.start(session)
    with world.runtime.db.transaction() as tx:
        cancel_checkout(tx, world.portal, session.id)
    check_payments(world.runtime)
    assert world.payment(payment.id).status in (PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)


def test_a_method_that_is_not_offered_is_refused(world: World) -> None:
    session = world.checkout(world.invoice())
    with pytest.raises(MethodNotOffered):
        world.start(session, provider="stripe")


def test_an_event_that_could_not_be_applied_is_applied_by_the_sweep_also_under_another_vault_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = world.start(world.checkout(world.invoice()))
    world.play(payment, "succeed")
    request = world.inbox.wait_for(1)[0]

    def crash(*_: object) -> AckResult:
        raise Conflict("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr("gateway.services.receive_event.apply_event", crash)
        assert receive_event(world.runtime, "sandbox", request).status == 200
    assert world.payment(payment.id).status is PaymentStatus.PENDING
    world.replace_vault_key()
    world.clock.ahead += timedelta(minutes=1)
    assert apply_waiting_events(world.runtime) == 1
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("seed", range(10))
def test_no_order_or_repetition_of_reports_changes_what_is_booked(world: World, seed: int) -> None:
    payment = world.start(world.checkout(world.invoice()))
    reported = [PaymentStatus.PENDING, PaymentStatus.DECLINED, PaymentStatus.SUCCEEDED, PaymentStatus.UNKNOWN] * 3
    Random(seed).shuffle(reported)
    for status in reported:
        observation = PaymentObservation(
            status,
            world.clock(),
            payment_id=payment.id,
            provider_transaction_id="txn-1" if status is PaymentStatus.SUCCEEDED else None,
            amount=Money(FEE, "VND"),
        )
        with world.runtime.db.transaction() as tx:
            apply_observation(tx, "sandbox", observation, "webhook")
    assert world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert world.balances()["in_transit:sandbox"] == FEE
    assert world.discrepancies() == []
