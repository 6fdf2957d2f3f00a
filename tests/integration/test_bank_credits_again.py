"""A credit that is told again, in another way or with another amount, and one that goes back: each counts once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import AckResult, PaymentObservation
from gateway.services.apply_observation import apply_observation
from gateway.services.ask_provider import check_payment
from gateway.services.receive_event import WebhookRefused, apply_waiting_events
from gateway.services.receive_return import receive_return
from gateway.store import credits
from tests.integration.village_bank import NAME, Village

FEE = 200_000
BANK = "bank:9990000000000000011"  # of the agency that these fees are due to
K = DiscrepancyKind


def test_a_notification_that_is_repeated_books_nothing(village: Village) -> None:
    invoice = village.invoice()
    credit = village.told(invoice)
    for _ in range(2):
        again = village.bank.notification(credit)
        assert village.tell(again).status == 200
    assert village.balances() == {BANK: FEE}
    assert village.world.count("bank_credits") == 1


@pytest.mark.parametrize("identified", [True, False])
def test_one_booking_with_two_amounts_is_counted_once_and_asked_about(village: Village, identified: bool) -> None:
    invoice = village.invoice()
    credit = village.told(invoice, None if identified else "?")
    before = village.balances()
    other = replace(credit, amount=Money(FEE + 1, invoice.currency))
    for _ in range(2):
        village.tell(village.bank.notification(other))
    assert village.balances() == before
    assert (K.AMOUNT_MISMATCH, FEE + 1) in village.asked_about()
    assert village.world.count("discrepancies") == (1 if identified else 2)


def test_an_answer_about_a_payment_and_the_notification_are_one_movement(village: Village) -> None:
    invoice = village.invoice()
    attempt = village.world.start(village.world.checkout(invoice), NAME)
    lost = village.transfer(invoice)
    check_payment(village.world.runtime, attempt, "poll")
    assert village.world.payment(attempt.id).status is PaymentStatus.SUCCEEDED
    assert village.tell(lost).status == 200
    assert village.balances() == {BANK: FEE}
    assert (village.world.count("payments"), village.world.count("bank_credits")) == (1, 1)
    assert village.asked_about() == []


def test_an_answer_that_is_another_payments_money_leaves_the_attempt_waiting_until_its_time_is_over(
    village: Village,
) -> None:
    invoice = village.invoice()
    older, newer = (village.world.start(village.world.checkout(invoice), NAME) for _ in range(2))
    village.told(invoice)
    assert village.world.payment(newer.id).status is PaymentStatus.SUCCEEDED
    check_payment(village.world.runtime, older, "poll")
    assert village.world.payment(older.id).status is PaymentStatus.PENDING
    village.world.clock.ahead += timedelta(hours=2)
    check_payment(village.world.runtime, village.world.payment(older.id), "poll")
    assert village.world.payment(older.id).status is PaymentStatus.EXPIRED
    assert village.balances() == {BANK: FEE}
    assert village.asked_about() == []


def test_a_credit_that_nobody_could_identify_is_not_counted_again_by_an_answer_about_a_payment(
    village: Village,
) -> None:
    first, second = village.invoice(), village.invoice()
    attempt = village.world.start(village.world.checkout(first), NAME)
    village.told(first, f"{first.reference} {second.reference}")
    check_payment(village.world.runtime, attempt, "poll")
    assert village.world.payment(attempt.id).status is PaymentStatus.PENDING
    assert village.balances()[BANK] == FEE


@pytest.mark.parametrize("words", [None, "two"])
def test_nobody_can_count_a_movement_for_a_second_payment(village: Village, words: str | None) -> None:
    """Whether it made another payment good, or could not be identified."""
    first, second = village.invoice(), village.invoice()
    attempt = village.world.start(village.world.checkout(first), NAME)
    village.world.start(village.world.checkout(first), NAME)
    credit = village.told(first, words and f"{first.reference} {second.reference}")
    claimed = PaymentObservation(
        PaymentStatus.SUCCEEDED,
        credit.occurred_at,
        payment_id=attempt.id,
        provider_transaction_id=credit.provider_transaction_id,
        amount=credit.amount,
    )
    before = village.asked_about()
    with village.world.runtime.db.transaction() as tx:
        assert apply_observation(tx, NAME, claimed, "settlement") is AckResult.DUPLICATE
    assert village.world.payment(attempt.id).status is PaymentStatus.PENDING
    assert (village.balances()[BANK], village.asked_about()) == (FEE, before)


def test_a_forged_notification_is_refused(village: Village) -> None:
    invoice = village.invoice()
    request = village.transfer(invoice)
    forged = replace(request, body=request.body.replace(b"200000", b"200001"))
    with pytest.raises(WebhookRefused):
        village.tell(forged)
    assert village.world.count("bank_credits") == 0


# Back again.


def test_a_direct_payment_is_refunded_from_the_account_it_came_in_on(village: Village) -> None:
    payment = village.payment_of(village.told(village.invoice(), minor=FEE + 5))
    refund_id = village.refunded(payment, 5)
    assert village.world.refund(refund_id).status is RefundStatus.SUCCEEDED
    assert village.balances() == {BANK: FEE}
    (command,) = village.bank.refunds.values()
    assert command.payment.provider_transaction_id == payment.provider_transaction_id


def test_a_direct_payment_that_the_bank_takes_back_is_a_dispute(village: Village) -> None:
    credit = village.told(village.invoice())
    taken = village.bank.take_back(credit, village.world.clock())
    assert village.tell(taken).status == 200
    assert village.balances() == {"disputes": FEE}
    village.tell(village.bank.take_back(credit, village.world.clock(), status="won"))
    assert village.balances() == {BANK: FEE}


def test_a_receipt_that_nobody_identified_and_the_bank_takes_back_is_nobodys_matter_any_more(village: Village) -> None:
    credit = village.told(village.invoice(), "?")
    for _ in range(2):
        village.tell(village.bank.take_back(credit, village.world.clock()))
    assert village.balances() == {"receivable": FEE}
    with village.world.runtime.db.read() as tx:
        rows = tx.all(text("SELECT status, closed_at IS NULL AS open FROM discrepancies"))
        kept = credits.find(tx, NAME, credit.provider_transaction_id)
    assert [tuple(row) for row in rows] == [("cleared", False)]
    assert kept is not None
    assert kept.status == "returned"


def test_money_on_an_account_of_nobody_here_may_be_taken_back_too(village: Village) -> None:
    credit = village.told(village.invoice(), account="somewhere else")
    village.tell(village.bank.take_back(credit, village.world.clock()))
    assert village.balances() == {"receivable": FEE}
    with village.world.runtime.db.read() as tx:
        assert tx.execute(text("SELECT status FROM discrepancies")).scalar_one() == "cleared"


@pytest.mark.parametrize(
    ("said", "kind"), [({"amount_minor": 1}, K.AMOUNT_MISMATCH), ({"status": "won"}, K.STATUS_MISMATCH)]
)
def test_what_cannot_be_true_of_a_return_is_asked_about(village: Village, said: dict[str, Any], kind: str) -> None:
    credit = village.told(village.invoice(), "?")
    village.tell(village.bank.take_back(credit, village.world.clock(), **said))
    assert village.balances()["unidentified_receipts"] == -FEE
    assert [found for found, _ in village.asked_about()] == [K.UNIDENTIFIED_RECEIPT, kind]


@pytest.mark.parametrize("words", [None, "?"])
def test_a_return_that_overtakes_its_credit_waits_for_it(village: Village, words: str | None) -> None:
    told = village.transfer(village.invoice(), words)
    (credit,) = village.bank.booked
    village.tell(village.bank.take_back(credit, village.world.clock()))
    assert village.balances() == {"receivable": FEE}
    village.tell(told)
    village.world.clock.ahead += timedelta(minutes=1)
    assert apply_waiting_events(village.world.runtime) == 1
    assert BANK not in village.balances()


def test_a_browser_that_comes_back_about_a_direct_payment_is_shown_its_page(village: Village) -> None:
    payment = village.payment_of(village.told(village.invoice()))
    shown = receive_return(village.world.runtime, NAME, payment.id, may_ask=True)
    assert shown == village.world.runtime.page_url(payment.session_id)
