"""What becomes of a payment, as the page tells it to its payer."""

from datetime import timedelta

import pytest

from gateway.domain.checkout import CheckoutStatus
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import CreditObservation
from gateway.services.apply_observation import apply_observation
from gateway.services.ask_provider import check_payment
from gateway.services.close_invoice import void_invoice
from gateway.services.show_checkout import Stage, show_checkout
from gateway.store import catalogue, payments
from tests.integration.pages.payer import Page, PageOf
from tests.integration.web import app_of
from tests.integration.world import World


def test_choosing_a_method_leads_to_the_provider(page_of: PageOf) -> None:
    page = page_of()
    answer = page.choose()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{page.path}/continue")
    action = page.attempts()[0].next_action
    assert action is not None
    onward = page.client.get(answer.headers["Location"])
    assert f'<meta http-equiv="refresh" content="0; url={action["url"]}">' in onward.text
    assert f'<a class="button" href="{action["url"]}"' in onward.text


def test_there_is_nowhere_to_go_on_to_before_a_method_is_chosen(page_of: PageOf) -> None:
    page = page_of()
    answer = page.client.get(f"{page.path}/continue")
    assert (answer.status_code, answer.headers["Location"]) == (303, page.path)


@pytest.mark.parametrize(
    ("outcome", "notifications", "heading", "phrase"),
    [
        ("abandon", 0, "Finish paying ₫200,000", "Continue to the payment"),
        ("pending", 1, "Finish paying ₫200,000", "It can take some minutes until the bank tells us"),
        ("succeed", 1, "Paid: ₫200,000", "has received your payment. You need not do anything else."),
        ("decline", 1, "Pay ₫200,000", "The payment was declined. Nothing was paid. Try again"),
        ("cancel", 1, "Pay ₫200,000", "The payment was cancelled. Nothing was paid."),
        ("expire", 1, "Pay ₫200,000", "The payment was not finished in time. Nothing was paid."),
        ("review", 1, "Do not pay again: we are asking the bank", "your money may have moved"),
        ("twice", 2, "Paid: ₫200,000", "We received ₫200,000 more than was due. That money is yours"),
        ("late", 2, "Your money has arrived and is kept for you", "will use it for this fee or return it to you"),
    ],
)
def test_the_page_tells_what_became_of_the_payment(
    page_of: PageOf, outcome: str, notifications: int, heading: str, phrase: str
) -> None:
    page = page_of()
    page.world.play(page.started(), outcome)
    page.world.deliver(notifications)
    assert page.heading() == heading
    assert phrase in page.text()
    assert page.heading("vi") != heading


def test_a_paid_page_says_when_and_leads_back_to_the_portal(page_of: PageOf) -> None:
    page = page_of()
    page.world.play(page.started(), "succeed")
    page.world.deliver(1)
    paid = page.attempts()[0]
    assert paid.succeeded_at is not None
    in_hanoi = paid.succeeded_at + timedelta(hours=7)
    assert f"When {in_hanoi:%H:%M}, {in_hanoi.day} {in_hanoi:%B %Y}" in page.text()
    assert 'href="https://portal.example/back">Back to portal.example</a>' in page.html()
    assert "<form" not in page.html()


def test_after_a_lost_answer_nobody_can_pay_twice(page_of: PageOf) -> None:
    page = page_of()
    page.world.fault("create", "timeout_after_accept")
    assert page.choose().status_code == 303
    assert page.heading() == "Do not pay again: we are asking the bank"
    assert "<form" not in page.html()
    assert page.choose().status_code == 303
    assert len(page.attempts()) == 1
    check_payment(page.world.runtime, page.attempts()[0], "poll")
    # The provider knows of the payment, but nobody knows where to pay it: the payer can begin anew.
    assert page.stage() is Stage.READY
    assert page.choose().headers["Location"] == f"{page.path}/continue"


def test_a_form_sent_twice_starts_one_payment(page_of: PageOf) -> None:
    page = page_of()
    assert [page.choose().headers["Location"] for _ in range(2)] == [f"{page.path}/continue"] * 2
    assert len(page.attempts()) == 1


def test_a_provider_that_cannot_be_reached_is_named_and_can_be_tried_again(world: World) -> None:
    world.unplug()
    page = Page(world, app_of(world).test_client(), world.checkout(world.invoice()))
    assert page.choose().status_code == 303
    assert "That way to pay cannot be reached just now. Nothing was paid." in page.text()
    world.plug_in()
    page.client = app_of(world).test_client()
    assert page.choose().headers["Location"] == f"{page.path}/continue"


def test_a_payment_that_was_cut_off_before_it_was_sent_is_waited_for_and_then_asked_about(page_of: PageOf) -> None:
    page = page_of()
    payment = page.started()
    with page.world.runtime.db.transaction() as tx:
        payments.change(tx, payment.id, status=PaymentStatus.SUBMITTING)
    assert page.heading() == "Your payment is being started"
    page.choose()
    assert len(page.attempts()) == 1
    page.world.clock.ahead += timedelta(minutes=1, seconds=1)
    assert page.stage() is Stage.UNKNOWN


def test_an_invoice_paid_elsewhere_is_not_to_be_paid_again(page_of: PageOf) -> None:
    invoice = page_of().world.invoice()
    first, second = page_of(invoice), page_of(invoice)
    waiting = second.started()
    first.world.play(first.started(), "succeed")
    first.world.deliver(1)
    assert second.heading() == "This is already paid"
    assert waiting.next_action is not None
    assert waiting.next_action["url"] not in second.html()
    second.choose()
    assert len(second.attempts()) == 1


def test_a_fee_that_was_withdrawn_cannot_be_paid(page_of: PageOf) -> None:
    page = page_of()
    with page.world.runtime.db.transaction() as tx:
        (bill,) = show_checkout(page.world.runtime, page.session.id).bills
        void_invoice(tx, page.world.portal, str(bill.invoice.id))
    assert page.heading() == "What is due has changed"
    page.choose()
    assert page.attempts() == []


def test_who_transferred_less_than_was_due_is_told_what_has_arrived_and_what_is_left(page_of: PageOf) -> None:
    page = page_of()
    (bill,) = show_checkout(page.world.runtime, page.session.id).bills
    with page.world.runtime.db.transaction() as tx:
        account = catalogue.agency(tx, bill.invoice.agency_id).bank_account
        part = Money(150_000, "VND")
        credit = CreditObservation(f"part of {bill.invoice.id}", account, part, tx.now, bill.invoice.reference)
        apply_observation(tx, "sandbox", credit, "list", page.world.runtime)
    assert page.heading() == "What is due has changed"
    assert "₫150,000 has arrived, and ₫50,000 is still due." in page.text()
    assert "Đã nhận 150.000 ₫, còn phải nộp 50.000 ₫." in page.text("vi").replace("\xa0", " ")
    page.choose()
    assert page.attempts() == []


def test_a_payer_can_give_up(page_of: PageOf) -> None:
    page = page_of()
    assert page.give_up().headers["Location"] == page.path
    assert page.heading() == "This payment was cancelled"
    assert page.choose().status_code == 303
    assert page.attempts() == []
    assert show_checkout(page.world.runtime, page.session.id).session.status is CheckoutStatus.CANCELLED


def test_giving_up_is_refused_while_the_money_may_have_moved(page_of: PageOf) -> None:
    page = page_of()
    page.world.fault("create", "timeout_after_accept")
    page.choose()
    assert page.give_up().status_code == 303
    assert page.stage() is Stage.UNKNOWN


def test_a_link_whose_time_is_over_says_so(page_of: PageOf) -> None:
    page = page_of()
    page.world.clock.ahead += timedelta(hours=1, seconds=1)
    assert page.heading() == "The time to pay has run out"
    page.choose()
    assert page.attempts() == []


def test_a_payment_past_its_time_is_not_called_over_before_the_provider_was_asked(page_of: PageOf) -> None:
    page = page_of()
    page.world.play(page.started(), "silent")
    page.world.clock.ahead += timedelta(hours=2)
    assert page.stage() is Stage.UNKNOWN
    check_payment(page.world.runtime, page.attempts()[0], "poll")
    assert page.heading() == "Paid: ₫200,000"


def test_a_code_to_scan_comes_with_its_text(page_of: PageOf) -> None:
    page = page_of()
    action = {
        "type": "show_qr",
        "payload": "00020101021238",
        "reference": "RF18539007547034",
        "account": "970436-0011",
        "account_name": "KHO BAC NHA NUOC",
    }
    with page.world.runtime.db.transaction() as tx:
        payments.change(tx, page.started().id, next_action=action)
    html = page.html()
    assert '<svg width="' in html
    assert "Account 970436-0011 Name KHO BAC NHA NUOC Amount ₫200,000 Message RF18539007547034" in page.text()
    assert page.client.get(f"{page.path}/continue").status_code == 303


def test_a_transfer_is_told_in_words_where_there_is_no_code(page_of: PageOf) -> None:
    page = page_of()
    action = {
        "type": "show_transfer",
        "reference": "026840149965328",
        "account": "80882939",
        "account_name": "BORGERSERVICE",
        "slip_line": "+71<026840149965328+80882939<",
    }
    with page.world.runtime.db.transaction() as tx:
        payments.change(tx, page.started().id, next_action=action)
    assert "<svg" not in page.html()
    assert "Account 80882939 Name BORGERSERVICE Amount ₫200,000 Message 026840149965328" in page.text()
    assert "Line on a payment slip +71<026840149965328+80882939<" in page.text()
