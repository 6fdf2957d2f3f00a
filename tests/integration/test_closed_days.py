"""A signed day is closed: what becomes known of it later is booked on the day on which it became known."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gateway.domain.payment import Payment, PaymentStatus
from gateway.ports.provider import AckResult, PaymentObservation
from gateway.services.apply_observation import apply_observation
from gateway.store import ledger, signed_runs
from gateway.store.database import Transaction
from reconciliation.runs import Run
from tests.integration.night import FEE, Night
from tests.integration.test_reconciliation_sign_off import WRITERS, correct, kept, sign, state

LATER = timedelta(days=3)
WAIT_S = 10


def closed(night: Night) -> tuple[Run, Payment]:
    """The day is signed; later a payment of it is settled of which no notification has come yet."""
    world = night.world
    night.settle()
    run = night.run()
    silent = world.start(world.checkout(world.invoice()))
    world.play(silent, "silent")
    sign(night, run)
    world.clock.ahead = LATER
    return run, silent


def balances_on(night: Night, day: date) -> list[Any]:
    with night.world.runtime.db.read() as tx:
        return [tuple(row) for row in ledger.turnover(tx, "VND", day)]


def booked(night: Night, payment: Payment) -> tuple[date, date]:
    """The business date of the payment's entry, and the day on which the money moved."""
    query = text(
        "SELECT business_date, (occurred_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date FROM ledger_entries"
        " WHERE subject_id = :id AND cause = 'payment_succeeded'"
    )
    with night.world.runtime.db.read() as tx:
        row: Any = tx.execute(query, {"id": payment.id}).one()
    return row[0], row[1]


def tell(night: Night, silent: Payment) -> None:
    news = PaymentObservation(
        status=PaymentStatus.SUCCEEDED,
        occurred_at=silent.created_at + timedelta(seconds=1),
        payment_id=silent.id,
        amount=silent.amount,
    )
    with night.world.runtime.db.transaction() as tx:
        assert apply_observation(tx, "sandbox", news, "webhook") is AckResult.APPLIED


def wait_until_somebody_waits(night: Night) -> None:
    """For a lock, in this database."""
    query = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with night.world.runtime.db.read() as tx:
            if tx.execute(query).scalar_one():
                return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_what_a_correction_repairs_and_charges_is_booked_on_its_own_day(night: Night) -> None:
    run, silent = closed(night)
    before, report, signed = balances_on(night, night.day), kept(night, run), state(night, run)
    night.settle()  # a second batch of the same day, with the payment that nobody told of
    correction = correct(night)
    assert night.world.payment(silent.id).status is PaymentStatus.SUCCEEDED
    assert (correction.status, correction.totals["ledger_minor"]) == ("balanced", FEE)
    assert booked(night, silent) == (correction.dated, night.day)
    assert correction.dated == night.day + LATER
    assert balances_on(night, night.day) == before
    assert balances_on(night, correction.dated - timedelta(days=1)) == before
    assert (kept(night, run), state(night, run)) == (report, signed)

    again = correct(night)
    assert (again.totals["ledger_minor"], night.reports(again)) == (FEE, night.reports(correction))
    assert night.world.balances()["in_transit:sandbox"] == 2 * (FEE - FEE * 110 // 10_000)


def test_news_that_comes_after_the_signature_leaves_the_day_and_a_correction_matches_it(night: Night) -> None:
    run, silent = closed(night)
    before = balances_on(night, night.day)
    tell(night, silent)
    assert booked(night, silent) == (night.day + LATER, night.day)
    assert balances_on(night, night.day) == before
    night.settle()
    night.world.clock.ahead = LATER + timedelta(days=2)
    correction = correct(night)
    assert (correction.status, correction.totals["matched"]) == ("balanced", 1)
    assert correction.dated == night.day + LATER + timedelta(days=2)
    assert balances_on(night, night.day) == before
    assert state(night, run).status == "signed_off"


def test_news_in_the_moment_of_the_signature_waits_for_it(night: Night) -> None:
    world = night.world
    night.settle()
    run = night.run()
    silent = world.start(world.checkout(world.invoice()))
    world.play(silent, "silent")
    world.clock.ahead = LATER
    at_work, go_on = threading.Event(), threading.Event()

    def slow(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
        yield from WRITERS["json"](tx, run_id)
        at_work.set()
        go_on.wait(WAIT_S)

    with ThreadPoolExecutor(2) as pool:
        signing = pool.submit(sign, night, run, writers={"json": slow})
        assert at_work.wait(WAIT_S)
        telling = pool.submit(tell, night, silent)
        wait_until_somebody_waits(night)
        go_on.set()
        signing.result()
        telling.result()
    assert state(night, run).status == "signed_off"
    assert booked(night, silent) == (night.day + LATER, night.day)


def test_who_signs_waits_for_news_of_the_day_that_is_being_booked(night: Night) -> None:
    night.settle()
    run = night.run()
    night.world.clock.ahead = LATER
    with ThreadPoolExecutor(1) as pool:
        with night.world.runtime.db.transaction() as tx:
            assert not signed_runs.held_signed(tx, "sandbox", night.day)
            signing = pool.submit(sign, night, run)
            wait_until_somebody_waits(night)
            assert state(night, run).status == "balanced"
        signing.result()
    assert state(night, run).status == "signed_off"
