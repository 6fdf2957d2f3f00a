"""Every credit in its right place, as a bank's notification brings it: exact, under, over, twice, late, garbled,
and without a reference. The books agree after each of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.checkout import CheckoutStatus
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.payment import PaymentStatus
from gateway.domain.reference import grouped, viitenumber
from gateway.services.ask_provider import check_payments, expire_sessions
from gateway.services.close_invoice import expire_invoices, void_invoice
from gateway.services.show_checkout import Stage, show_checkout
from gateway.services.vault import bank_credit_purpose
from gateway.store import catalogue, checkouts, credits, payments
from tests.integration.village_bank import NAME, Village

FEE = 200_000
ACCOUNT = "9990000000000000011"  # of the agency that the fees of these tests are due to
BANK = f"bank:{ACCOUNT}"
K = DiscrepancyKind


def events(village: Village, kind: str) -> list[Any]:
    with village.world.runtime.db.read() as tx:
        return tx.all(text("SELECT data FROM events WHERE type = :kind ORDER BY sequence"), {"kind": kind})


def expired(village: Village) -> Invoice:
    """Overdue long before it was issued, so that the next sweep closes it."""
    invoice = village.invoice()
    with village.world.runtime.db.transaction() as tx:
        tx.execute(text("UPDATE invoices SET due_on = '2020-01-01' WHERE id = :id"), {"id": invoice.id})
    assert expire_invoices(village.world.runtime) == 1
    return village.world.again(invoice)


# Identified.


def test_a_transfer_of_all_that_is_due_pays_the_invoice(village: Village) -> None:
    invoice = village.invoice()
    credit = village.told(invoice)
    payment = village.payment_of(credit)
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert (payment.status, payment.lands_on, payment.amount_minor) == (PaymentStatus.SUCCEEDED, BANK, FEE)
    assert village.balances() == {BANK: FEE}
    assert village.asked_about() == []
    with village.world.runtime.db.read() as tx:
        sitting = checkouts.find(tx, payment.session_id)
        story = [(row.source, row.status, row.changed) for row in payments.events_of(tx, payment.id)]
    assert sitting is not None
    assert (sitting.status, sitting.methods) == (CheckoutStatus.COMPLETED, (NAME,))
    assert story == [("webhook", "succeeded", True)]
    assert len(events(village, "payment.succeeded")) == len(events(village, "invoice.paid")) == 1
    assert show_checkout(village.world.runtime, payment.session_id).stage is Stage.PAID


def test_the_money_moved_when_the_bank_booked_it(village: Village) -> None:
    invoice = village.invoice()
    with village.world.runtime.db.transaction() as tx:
        past = {"id": invoice.id, "then": invoice.created_at - timedelta(days=9)}
        tx.execute(text("UPDATE invoices SET created_at = :then WHERE id = :id"), past)
    booked_at = village.world.clock() - timedelta(days=3)
    payment = village.payment_of(village.told(invoice, at=booked_at))
    assert payment.succeeded_at == booked_at
    assert payment.business_date == (booked_at + timedelta(hours=7)).date()


@pytest.mark.parametrize("days", [-400, 2])
def test_a_bank_with_a_wrong_clock_books_nothing_before_the_invoice_nor_in_the_future(
    village: Village, days: int
) -> None:
    invoice = village.invoice()
    payment = village.payment_of(village.told(invoice, at=village.world.clock() + timedelta(days=days)))
    assert payment.succeeded_at is not None
    assert invoice.created_at <= payment.succeeded_at <= village.world.clock()


def test_an_attempt_that_waits_for_the_amount_is_paid_by_it(village: Village) -> None:
    first, second = village.invoice(), village.invoice()
    waiting = village.world.start(village.world.checkout(first, second), NAME)
    credit = village.told(first, minor=2 * FEE)
    assert village.world.payment(waiting.id).status is PaymentStatus.SUCCEEDED
    assert village.world.payment(waiting.id).provider_transaction_id == credit.provider_transaction_id
    assert {village.world.again(invoice).status for invoice in (first, second)} == {InvoiceStatus.PAID}
    assert village.world.count("payments") == 1
    assert village.balances() == {BANK: 2 * FEE}


def test_of_two_attempts_of_one_invoice_each_transfer_pays_one(village: Village) -> None:
    invoice = village.invoice()
    attempts = [village.world.start(village.world.checkout(invoice), NAME) for _ in range(2)]
    village.told(invoice)
    village.told(invoice)
    assert {village.world.payment(attempt.id).status for attempt in attempts} == {PaymentStatus.SUCCEEDED}
    assert village.asked_about() == [(K.DUPLICATE_PAYMENT, FEE)]
    assert village.balances() == {BANK: 2 * FEE, "payer_credit": -FEE}


@pytest.mark.parametrize(
    "written",
    [
        lambda reference: f"NOP PHI {reference}CAM ON",
        lambda reference: f"mbvcb.6543210987.{grouped(reference).lower()}.CT tu 0011 toi 9704",
        lambda reference: f"{reference[:9]}\n{reference[9:]}   ",
        lambda reference: f"TRF {viitenumber(reference[4:])} HO SO 12",
    ],
)
def test_the_reference_is_found_in_what_the_bank_makes_of_the_words(village: Village, written: Any) -> None:
    invoice = village.invoice()
    village.told(invoice, written(invoice.reference))
    assert village.world.again(invoice).status is InvoiceStatus.PAID


def test_a_creditor_reference_that_came_apart_from_the_words_is_enough(village: Village) -> None:
    invoice = village.invoice()
    village.told(invoice, "thanks", reference=invoice.reference)
    assert village.world.again(invoice).status is InvoiceStatus.PAID


def test_a_creditor_reference_of_something_else_does_not_hide_the_one_in_the_words(village: Village) -> None:
    invoice = village.invoice()
    village.told(invoice, reference="RF18539007547034")
    assert village.world.again(invoice).status is InvoiceStatus.PAID


def test_the_bank_may_write_our_account_in_its_own_way(village: Village) -> None:
    invoice = village.invoice()
    village.told(invoice, account="9990-0000 0000 0000 011")
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert village.balances() == {BANK: FEE}


def test_less_than_is_due_leaves_the_invoice_open_for_the_rest(village: Village) -> None:
    invoice = village.invoice()
    before = village.world.checkout(invoice)
    waiting = village.world.start(before, NAME)
    village.told(invoice, minor=FEE - 1)
    part_paid = village.world.again(invoice)
    assert (part_paid.status, part_paid.paid_minor, part_paid.amount_due_minor) == (InvoiceStatus.OPEN, FEE - 1, 1)
    assert [row.data["paid_minor"] for row in events(village, "invoice.part_paid")] == [FEE - 1]
    shown = show_checkout(village.world.runtime, before.id)
    assert (shown.stage, shown.arrived.amount_minor, shown.still_due.amount_minor) == (Stage.CHANGED, FEE - 1, 1)
    assert village.world.payment(waiting.id).status is PaymentStatus.PENDING
    assert village.world.checkout(part_paid).amount_minor == 1
    village.told(invoice, minor=1)
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert village.balances() == {BANK: FEE}
    assert village.asked_about() == []


def test_what_is_more_than_was_due_is_the_payers(village: Village) -> None:
    invoice = village.invoice()
    payment = village.payment_of(village.told(invoice, minor=FEE + 5))
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert payment.credited_minor == 5
    assert village.balances() == {BANK: FEE + 5, "payer_credit": -5}
    assert village.asked_about() == [(K.AMOUNT_MISMATCH, 5)]
    evidence = village.evidence()
    assert (evidence["expected_minor"], evidence["reported_minor"], evidence["proposed"]) == (
        FEE,
        FEE + 5,
        "refund_excess",
    )


def test_who_pays_twice_has_it_kept(village: Village) -> None:
    invoice = village.invoice()
    village.told(invoice)
    village.told(invoice)
    assert village.balances() == {BANK: 2 * FEE, "payer_credit": -FEE}
    assert village.asked_about() == [(K.DUPLICATE_PAYMENT, FEE)]


def test_money_for_an_invoice_that_has_expired_is_the_payers(village: Village) -> None:
    payment = village.payment_of(village.told(expired(village)))
    assert payment.credited_minor == FEE
    assert village.asked_about() == [(K.STATUS_MISMATCH, FEE)]
    assert village.evidence()["proposed"] == "accept_late_payment"
    assert show_checkout(village.world.runtime, payment.session_id).stage is Stage.CREDITED


def test_money_for_an_invoice_that_was_withdrawn_is_the_payers(village: Village) -> None:
    invoice = village.invoice()
    with village.world.runtime.db.transaction() as tx:
        void_invoice(tx, village.world.portal, invoice.reference)
    assert village.payment_of(village.told(invoice)).credited_minor == FEE
    assert village.asked_about() == [(K.STATUS_MISMATCH, FEE)]


def test_a_transfer_after_the_page_has_closed_still_pays_what_is_open(village: Village) -> None:
    invoice = village.invoice()
    attempt = village.world.start(village.world.checkout(invoice), NAME)
    village.world.clock.ahead += timedelta(hours=2)
    check_payments(village.world.runtime)
    expire_sessions(village.world.runtime)
    assert village.world.payment(attempt.id).status is PaymentStatus.EXPIRED
    village.told(invoice)
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert village.asked_about() == []


def test_what_is_paid_elsewhere_meanwhile_is_paid_twice(village: Village) -> None:
    invoice = village.invoice()
    elsewhere = village.world.start(village.world.checkout(invoice), "sandbox")
    village.told(invoice)
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    village.world.play(elsewhere, "succeed")
    village.world.deliver(1)
    assert village.asked_about() == [(K.DUPLICATE_PAYMENT, FEE)]
    assert village.balances() == {BANK: FEE, "in_transit:sandbox": FEE, "payer_credit": -FEE}


# Not identified.


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "no_reference"),
        ("CAM ON NHE", "no_reference"),
        ("NOP PHI RF18539007547034", "no_reference"),
        ("NOP PHI RF1853900754703", "no_reference"),
    ],
)
def test_what_names_no_invoice_is_an_unidentified_receipt_of_the_agency(village: Village, words: str, why: str) -> None:
    credit = village.told(village.invoice(), words)
    assert {code: minor for code, minor in village.balances().items() if code != "receivable"} == {
        BANK: FEE,
        "unidentified_receipts": -FEE,
    }
    assert village.asked_about() == [(K.UNIDENTIFIED_RECEIPT, FEE)]
    evidence = village.evidence()
    assert (evidence["why"], evidence["provider_transaction_id"]) == (why, credit.provider_transaction_id)
    assert village.world.count("payments") == 0


def test_two_invoices_named_at_once_are_for_a_person_to_tell_apart(village: Village) -> None:
    first, second = village.invoice(), village.invoice()
    village.told(first, f"{first.reference} {second.reference}", minor=2 * FEE)
    assert village.asked_about() == [(K.UNIDENTIFIED_RECEIPT, 2 * FEE)]
    evidence = village.evidence()
    assert (evidence["why"], evidence["candidates"]) == ("ambiguous", [first.reference, second.reference])


def test_an_invoice_of_another_agency_is_not_paid_from_this_ones_account(village: Village) -> None:
    ours, theirs = village.invoice(), village.world.invoice("vn-certified-signature", {"documents": 10})
    village.told(ours, theirs.reference, minor=theirs.total_minor)
    assert village.world.again(theirs).status is InvoiceStatus.OPEN
    assert village.evidence()["why"] == "of_another_account"
    assert village.balances()[BANK] == theirs.total_minor


def test_an_invoice_in_another_currency_is_not_paid(village: Village) -> None:
    invoice = village.invoice()
    village.told(replace(invoice, currency="EUR"))
    assert village.world.again(invoice).status is InvoiceStatus.OPEN
    assert village.evidence()["why"] == "of_another_account"


def test_a_slip_of_the_pen_is_proposed_where_the_amount_agrees_and_never_booked(village: Village) -> None:
    invoice, other = village.invoice(), village.invoice()
    wrong = str((int(invoice.reference[-1]) + 1) % 10)
    village.told(invoice, f"NOP PHI {invoice.reference[:-1]}{wrong} CAM ON")
    village.told(other, f"NOP PHI {other.reference[:-1]}{(int(other.reference[-1]) + 1) % 10}", minor=FEE - 1)
    assert {village.world.again(each).status for each in (invoice, other)} == {InvoiceStatus.OPEN}
    assert [found.evidence["proposed"] for found in village.world.discrepancies()] == [[invoice.reference], []]


def test_money_on_an_account_of_nobody_here_is_written_down_and_not_booked(village: Village) -> None:
    invoice = village.invoice()
    credit = village.told(invoice, account="somewhere else")
    assert village.balances() == {"receivable": FEE}
    assert village.asked_about() == [(K.MISSING_IN_GATEWAY, FEE)]
    assert (village.evidence()["why"], village.evidence()["account"]) == ("unknown_account", "somewhere else")
    assert events(village, "discrepancy.opened") == []
    with village.world.runtime.db.read() as tx:
        kept = credits.find(tx, NAME, credit.provider_transaction_id)
    assert kept is not None
    assert (kept.agency_id, kept.status) == (None, "unidentified")


def test_an_account_that_two_agencies_share_says_nothing_of_whose_money_it_is(village: Village) -> None:
    invoice = village.invoice()
    with village.world.runtime.db.transaction() as tx:
        shared = [agency.bank_account for agency in catalogue.all_agencies(tx)]
        tx.execute(text("UPDATE agencies SET bank_account = '999-0000000000000011' WHERE code = 'vn-moj'"))
    assert len(set(shared)) == len(shared)
    village.told(invoice)
    assert village.asked_about() == [(K.MISSING_IN_GATEWAY, FEE)]


def test_the_words_of_the_payer_are_kept_sealed_and_nowhere_else(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "NGUYEN VAN CANARY CHUYEN TIEN"
    credit = village.told(village.invoice(), words)
    village.world.replace_vault_key()
    with village.world.runtime.db.read() as tx:
        everything = tx.all(
            text("SELECT to_jsonb(d)::text AS row FROM discrepancies d UNION ALL SELECT data::text FROM events")
        )
        row = tx.execute(
            text("SELECT id, master_key_id, sealed_remittance FROM bank_credits WHERE provider_transaction_id = :id"),
            {"id": credit.provider_transaction_id},
        ).one()
    assert everything
    assert all("CANARY" not in str(each) for each in (*everything, row))
    opened = village.world.runtime.vault.open_bytes(
        bank_credit_purpose(row.id), row.master_key_id, row.sealed_remittance
    )
    assert opened.decode() == words
    shown = capsys.readouterr()
    assert "credit booked" in shown.out + shown.err
    assert "CANARY" not in shown.out + shown.err


def test_the_words_of_what_is_identified_are_not_kept(village: Village) -> None:
    invoice = village.invoice()
    village.told(invoice, f"NGUYEN VAN CANARY {invoice.reference}")
    with village.world.runtime.db.read() as tx:
        row = tx.execute(text("SELECT status, sealed_remittance FROM bank_credits")).one()
    assert tuple(row) == ("identified", None)
