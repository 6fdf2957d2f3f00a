"""Decisions about discrepancies: what each does to the books, and who may make it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.agency import business_date
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict, GatewayError, Invalid
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.refund import SamePerson
from gateway.domain.resolution import AboveLimit, Action, AlreadyDecided, NotAllowed, ResolutionStatus
from gateway.services.open_discrepancy import open_discrepancy
from gateway.services.refund_payment import request_refund, send_refunds
from gateway.services.resolve_discrepancy import approve, options, propose, reject, withdraw
from gateway.services.work_on_discrepancy import (
    AskedLately,
    answer_trace,
    ask_again,
    assign,
    carry,
    comment,
    open_trace,
)
from gateway.store import resolutions
from gateway.store.database import new_id
from gateway.store.embedded import DatabaseUrls
from reconciliation.assistant import opinions
from tests.integration.deciding import FEE, approved, books_agree, opened, proposed, status_of, the_discrepancy
from tests.integration.village_bank import Village
from tests.integration.world import World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        made.runtime = replace(made.runtime, write_off_limits={"VND": 10_000})
        yield made


def test_the_second_of_two_payments_goes_back(world: World) -> None:
    world.paid("twice", notifications=2)
    discrepancy = the_discrepancy(world, DiscrepancyKind.DUPLICATE_PAYMENT)
    waiting = proposed(world, discrepancy, Action.REFUND_DUPLICATE)
    effect = {"debit": "payer_credit", "credit": "refunds_payable", "amount_minor": FEE, "currency": "VND"}
    assert (waiting.status, waiting.effect) == (ResolutionStatus.PROPOSED, (effect,))
    assert world.balances()["payer_credit"] == -FEE
    assert approved(world, waiting).status is ResolutionStatus.APPLIED
    assert world.balances()["refunds_payable"] == -FEE
    assert "payer_credit" not in world.balances()
    assert status_of(world, discrepancy) == "resolved"
    assert books_agree(world)


def test_the_second_of_two_payments_pays_another_invoice(world: World) -> None:
    world.paid("twice", notifications=2)
    other = world.invoice()
    discrepancy = the_discrepancy(world, DiscrepancyKind.DUPLICATE_PAYMENT)
    approved(world, proposed(world, discrepancy, Action.ACCEPT_LATE_PAYMENT, invoice=other.reference))
    assert world.again(other).status is InvoiceStatus.PAID
    assert "payer_credit" not in world.balances()
    assert books_agree(world)


def test_a_late_payment_pays_its_own_invoice_if_that_is_still_open(world: World) -> None:
    invoice, _ = world.paid("late", notifications=2)
    assert invoice.status is InvoiceStatus.OPEN
    discrepancy = the_discrepancy(world, DiscrepancyKind.STATUS_MISMATCH)
    approved(world, proposed(world, discrepancy, Action.ACCEPT_LATE_PAYMENT))
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert books_agree(world)


def test_a_credit_that_went_back_meanwhile_is_not_used_again(world: World) -> None:
    world.paid("twice", notifications=2)
    discrepancy = the_discrepancy(world, DiscrepancyKind.DUPLICATE_PAYMENT)
    waiting = proposed(world, discrepancy, Action.REFUND_DUPLICATE)
    with world.runtime.db.transaction() as tx:
        found = resolutions.find_discrepancy(tx, discrepancy, None)
        assert found is not None
        request_refund(tx, world.runtime, world.finance, found.payment_id, FEE, "asked for by another way")
    with pytest.raises(Conflict, match="Nothing of this payment is kept"):
        approved(world, waiting)
    assert status_of(world, discrepancy) == "open"
    assert books_agree(world)


def test_an_unidentified_receipt_finds_its_invoice(village: Village) -> None:
    world = village.world
    invoice = world.invoice()
    village.told(world.invoice(), "CHUYEN TIEN LE PHI", invoice.total_minor + 5_000)
    discrepancy = the_discrepancy(world, DiscrepancyKind.UNIDENTIFIED_RECEIPT)
    with pytest.raises(Invalid) as error:
        proposed(world, discrepancy, Action.ASSIGN_RECEIPT)
    assert error.value.fields == {"invoice": "must be an id or a reference"}
    waiting = proposed(world, discrepancy, Action.ASSIGN_RECEIPT, invoice=invoice.reference)
    assert [(each["credit"], each["amount_minor"]) for each in waiting.effect] == [
        ("receivable", invoice.total_minor),
        ("payer_credit", 5_000),
    ]
    approved(world, waiting)
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert "unidentified_receipts" not in world.balances()
    assert status_of(world, discrepancy) == "resolved"


def test_an_unidentified_receipt_goes_back_to_where_it_came_from(village: Village) -> None:
    world = village.world
    credit = village.told(world.invoice(), "CHUYEN NHAM", 70_000)
    discrepancy = the_discrepancy(world, DiscrepancyKind.UNIDENTIFIED_RECEIPT)
    waiting = proposed(world, discrepancy, Action.RETURN_RECEIPT)
    assert [(each["debit"], each["credit"], each["amount_minor"]) for each in waiting.effect] == [
        ("unidentified_receipts", "payer_credit", 70_000),
        ("payer_credit", "refunds_payable", 70_000),
    ]
    with pytest.raises(SamePerson), world.runtime.db.transaction() as tx:
        approve(tx, world.runtime, world.finance, [waiting.id])
    assert world.balances()["unidentified_receipts"] == -70_000
    approved(world, waiting)
    assert world.balances()["refunds_payable"] == -70_000
    assert "unidentified_receipts" not in world.balances()
    assert status_of(world, discrepancy) == "resolved"
    assert [found.status for found in world.discrepancies()] == ["resolved"]
    assert books_agree(world)
    send_refunds(world.runtime)
    (sent,) = village.bank.refunds.values()
    assert (sent.payment.provider_transaction_id, sent.amount.amount_minor) == (
        credit.provider_transaction_id,
        70_000,
    )
    assert not {"refunds_payable", "payer_credit", "unidentified_receipts"} & world.balances().keys()
    assert books_agree(world)


def test_a_receipt_that_the_bank_took_back_meanwhile_is_not_sent_back(village: Village) -> None:
    world = village.world
    credit = village.told(world.invoice(), "CHUYEN NHAM", 70_000)
    waiting = proposed(world, the_discrepancy(world, DiscrepancyKind.UNIDENTIFIED_RECEIPT), Action.RETURN_RECEIPT)
    village.tell(village.bank.take_back(credit, world.clock()))
    with pytest.raises(AlreadyDecided):
        approved(world, waiting)
    assert village.bank.refunds == {}


def test_a_fee_above_the_agreed_is_claimed(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.FEE_MISMATCH, -300, expected_minor=700, reported_minor=1_000)
    approved(world, proposed(world, discrepancy, Action.CORRECT_FEE))
    assert world.balances()["provider_claims:sandbox"] == 300
    assert world.balances()["provider_fees:sandbox"] == -300


@pytest.mark.parametrize(("amount", "side"), [(4_000, 1), (-4_000, -1)])
def test_what_never_comes_is_written_off_up_to_the_limit(world: World, amount: int, side: int) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, amount)
    approved(world, proposed(world, discrepancy, Action.WRITE_OFF))
    assert world.balances()["write_offs"] == amount
    assert world.balances()["in_transit:sandbox"] == FEE - amount


def test_above_the_limit_nothing_is_written_off(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 10_001)
    with pytest.raises(AboveLimit):
        proposed(world, discrepancy, Action.WRITE_OFF)


def test_what_explains_itself_is_closed_by_one_person_up_to_the_limit(world: World) -> None:
    small = opened(world, DiscrepancyKind.DUPLICATE_AT_PROVIDER, 10_000)
    assert proposed(world, small, Action.CLOSE_EXPLAINED).status is ResolutionStatus.APPLIED
    assert status_of(world, small) == "resolved"
    large = opened(world, DiscrepancyKind.DUPLICATE_AT_PROVIDER, 10_001)
    waiting = proposed(world, large, Action.CLOSE_EXPLAINED)
    assert waiting.status is ResolutionStatus.PROPOSED
    assert approved(world, waiting).status is ResolutionStatus.APPLIED


def test_money_that_is_kept_for_its_payer_is_not_explained_away(world: World) -> None:
    world.paid("late", notifications=2)
    discrepancy = the_discrepancy(world, DiscrepancyKind.STATUS_MISMATCH)
    with pytest.raises(NotAllowed):
        proposed(world, discrepancy, Action.CLOSE_EXPLAINED)


def test_what_is_in_the_ledger_cannot_just_be_closed(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, FEE)
    with pytest.raises(NotAllowed):
        proposed(world, discrepancy, Action.CLOSE_EXPLAINED)


def test_nobody_approves_or_refuses_what_they_proposed(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    waiting = proposed(world, discrepancy, Action.WRITE_OFF)
    with pytest.raises(SamePerson), world.runtime.db.transaction() as tx:
        approve(tx, world.runtime, world.finance, [waiting.id])
    with pytest.raises(SamePerson), world.runtime.db.transaction() as tx:
        reject(tx, world.finance, [waiting.id])
    with world.runtime.db.transaction() as tx:
        (ended,) = withdraw(tx, world.finance, [waiting.id])
    assert ended.status is ResolutionStatus.WITHDRAWN
    assert proposed(world, discrepancy, Action.WRITE_OFF).status is ResolutionStatus.PROPOSED


def test_one_thing_at_a_time_is_proposed_about_a_discrepancy(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    waiting = proposed(world, discrepancy, Action.WRITE_OFF)
    with pytest.raises(AlreadyDecided):
        proposed(world, discrepancy, Action.WRITE_OFF)
    approved(world, waiting)
    with pytest.raises(AlreadyDecided):
        proposed(world, discrepancy, Action.WRITE_OFF)


def test_two_approvers_at_once_apply_it_once(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    waiting = proposed(world, discrepancy, Action.WRITE_OFF)
    others = [replace(world.approver, id=new_id()) for _ in range(4)]

    def decide(officer: Any) -> str:
        try:
            with world.runtime.db.transaction() as tx:
                approve(tx, world.runtime, officer, [waiting.id])
        except GatewayError as error:
            return error.code
        return "applied"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(decide, others))
    assert outcomes == ["applied", *["illegal_transition"] * 3]
    assert world.balances()["write_offs"] == 4_000


def test_invoices_are_locked_in_one_order_whatever_the_order_of_the_decisions(world: World) -> None:
    """Else two officers with the same invoices in another order would wait for each other."""
    for _ in range(2):
        world.paid("twice", notifications=2)
    first, second = (world.invoice() for _ in range(2))
    with world.runtime.db.read() as tx:
        credited = tx.execute(text("SELECT id FROM discrepancies ORDER BY id")).scalars().all()
    crossed = zip(credited, (second, first), strict=True)
    waiting = [proposed(world, each, Action.ACCEPT_LATE_PAYMENT, invoice=to.reference).id for each, to in crossed]

    def approve_both() -> None:
        with world.runtime.db.transaction() as tx:
            approve(tx, world.runtime, world.approver, waiting)

    one = text("SELECT id FROM invoices WHERE id = :id FOR NO KEY UPDATE NOWAIT")
    with ThreadPoolExecutor(1) as pool:
        with world.runtime.db.transaction() as tx:
            tx.execute(one, {"id": first.id})
            approving = pool.submit(approve_both)
            is_waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not tx.execute(is_waiting).scalar_one():
                assert not approving.done()
            tx.execute(one, {"id": second.id})
        approving.result()
    assert {world.again(each).status for each in (first, second)} == {InvoiceStatus.PAID}


def test_what_cleared_meanwhile_is_not_booked(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    waiting = proposed(world, discrepancy, Action.WRITE_OFF)
    with world.runtime.db.transaction() as tx:
        resolutions.change_discrepancy(tx, discrepancy, status="cleared", closed_at=tx.now)
    with pytest.raises(AlreadyDecided):
        approved(world, waiting)
    assert "write_offs" not in world.balances()


def test_many_are_decided_as_one_or_not_at_all(world: World) -> None:
    good = [opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 1_000) for _ in range(3)]
    bad = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 50_000)
    with pytest.raises(AboveLimit), world.runtime.db.transaction() as tx:
        propose(tx, world.runtime, world.finance, [*good, bad], Action.WRITE_OFF, "small", {})
    with world.runtime.db.transaction() as tx:
        made = propose(tx, world.runtime, world.finance, good, Action.WRITE_OFF, "small", {})
    with world.runtime.db.transaction() as tx:
        approve(tx, world.runtime, world.approver, [each.id for each in made])
    assert world.balances()["write_offs"] == 3_000


def test_what_can_be_done_is_shown_with_its_effect_or_why_not(world: World) -> None:
    world.paid("twice", notifications=2)
    discrepancy = the_discrepancy(world, DiscrepancyKind.DUPLICATE_PAYMENT)
    with world.runtime.db.transaction() as tx:
        shown = {each["action"]: each for each in options(tx, world.runtime, world.finance, discrepancy)}
    assert shown[Action.REFUND_DUPLICATE]["possible"]
    assert shown[Action.REFUND_DUPLICATE]["effect"][0]["amount_minor"] == FEE
    assert not shown[Action.ACCEPT_LATE_PAYMENT]["possible"]
    assert "Issue a new one" in shown[Action.ACCEPT_LATE_PAYMENT]["why_not"]


def test_work_on_it_leaves_a_trail(world: World) -> None:
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    with world.runtime.db.transaction() as tx:
        comment(tx, world.finance, discrepancy, "rang the provider")
        assign(tx, world.finance, discrepancy, "Lan")
        carry(tx, world.finance, discrepancy, tx.now.date() + timedelta(days=3), "they settle on Friday")
        trace = open_trace(tx, world.finance, discrepancy, "trace", "Sandbox Bank")
    with world.runtime.db.transaction() as tx:
        answer_trace(tx, world.finance, trace, "will be in the next file")
    with pytest.raises(AlreadyDecided), world.runtime.db.transaction() as tx:
        answer_trace(tx, world.finance, trace, "again")
    with pytest.raises(Invalid), world.runtime.db.transaction() as tx:
        carry(tx, world.finance, discrepancy, tx.now.date(), "today is over")
    with world.runtime.db.read() as tx:
        notes = [(row.kind, row.text) for row in resolutions.notes_of(tx, discrepancy)]
    assert notes[:2] == [("comment", "rang the provider"), ("assigned", "Lan")]
    assert [kind for kind, _ in notes[2:]] == ["carried", "traced", "traced"]


def test_days_are_counted_where_the_agency_is(world: World) -> None:
    """The zones are 26 hours apart, so that they never have the same day."""
    discrepancy = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    told = []
    for zone in ("Etc/GMT-14", "Etc/GMT+12"):
        with world.runtime.db.transaction() as tx:
            tx.execute(text("UPDATE agencies SET time_zone = :zone"), {"zone": zone})
            today = business_date(tx.now, zone)
            resolutions.change_discrepancy(tx, discrepancy, carried_until=today)
            found = resolutions.find_discrepancy(tx, discrepancy, None)
            assert found is not None
            days = (today - found.business_date).days
            assert resolutions.ages(tx, [discrepancy]) == {discrepancy: days}
            assert [row.days for row in resolutions.ageing(tx, None)] == [days]
            narrow = [(days, True), (days + 1, False)]
            for older_than, is_there in narrow:
                listed = resolutions.page_of_discrepancies(
                    tx, None, {}, older_than_days=older_than, due=True, after=None, limit=9
                )
                assert bool(listed) is is_there
            resolutions.change_discrepancy(tx, discrepancy, carried_until=today + timedelta(days=1))
            assert not resolutions.page_of_discrepancies(
                tx, None, {}, older_than_days=None, due=True, after=None, limit=9
            )
            told.append(days)
    assert told[0] > told[1]


@pytest.mark.parametrize("looked_at", [0, 1])
def test_one_of_very_many_that_no_run_has_seen_is_judged_too(
    world: World, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(opinions, "LOOKED_AT", looked_at)
    found = [opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000) for _ in range(2)][-1]
    with world.runtime.db.read() as tx:
        row = resolutions.find_discrepancy(tx, found, None)
        assert row is not None
        assert opinions.opinion_now(tx, row, None)["cause"]


def test_the_provider_is_asked_again(world: World) -> None:
    payment = world.start(world.checkout(world.invoice()))
    with world.runtime.db.transaction() as tx:
        discrepancy = open_discrepancy(
            tx,
            kind=DiscrepancyKind.STATUS_MISMATCH,
            key="test",
            provider="sandbox",
            agency_id=payment.agency_id,
            business_date=tx.now.date(),
            amount=payment.amount,
            payment_id=payment.id,
            evidence={},
        )
    assert discrepancy is not None
    assert ask_again(world.runtime, world.finance, discrepancy) == "pending"
    with pytest.raises(AskedLately):
        ask_again(world.runtime, world.finance, discrepancy)
    world.play(payment, "silent")
    world.clock.ahead += timedelta(minutes=2)
    assert ask_again(world.runtime, world.finance, discrepancy) == "succeeded"
    with pytest.raises(Invalid):
        ask_again(world.runtime, world.finance, discrepancy)
