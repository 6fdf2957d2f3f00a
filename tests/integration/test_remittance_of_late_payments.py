"""What is accepted after its day closed is remitted in the month in which it was accepted, once and only once."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.resolution import Action
from gateway.store import reports
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.formats import Form, render_month
from reconciliation.reports.month import Month
from tests.integration.deciding import FEE, approved, proposed, the_discrepancy
from tests.integration.night import Night
from tests.integration.village_bank import Village
from tests.integration.world import World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


def remitted(world: World, day: date) -> dict[str, int]:
    """By account, of the month that `day` is in; every account has the agency's treasury account beside it."""
    with world.runtime.db.snapshot() as tx:
        facts: dict[str, Any] = json.loads(b"".join(render_month(tx, Month.of(day), None, Form("json"))))
    assert all(row["treasury_account"] for row in facts["revenue"])
    return {row["account"]: row["collected_minor"] for row in facts["revenue"] if row["collected_minor"]}


@pytest.mark.parametrize("outcome", ["twice", "late"])
def test_a_payment_accepted_in_the_next_month_is_remitted_there_and_only_there(world: World, outcome: str) -> None:
    _, payment = world.paid(outcome, notifications=2)
    assert payment.business_date is not None
    night = Night(world, payment.business_date)
    night.settle()
    run = night.run()
    paid = remitted(world, night.day)
    with world.runtime.db.read() as tx:
        matched = reports.remittance_of_run(tx, run.id)
    kind = DiscrepancyKind.DUPLICATE_PAYMENT if outcome == "twice" else DiscrepancyKind.STATUS_MISMATCH
    (found,) = [row for row in night.found(run) if row["kind"] == kind and row["status"] == "open"]
    next_month = Month.of(Month.of(night.day).last + timedelta(days=1))
    world.clock.ahead = next_month.first - night.day + timedelta(days=1)
    taken_by = world.invoice()
    approved(world, proposed(world, found["id"], Action.ACCEPT_LATE_PAYMENT, invoice=taken_by.reference))

    (line,) = taken_by.lines
    fees = f"fees:{line.revenue_code}"
    assert paid == ({fees: FEE, "payer_credit": FEE} if outcome == "twice" else {"payer_credit": FEE})
    assert remitted(world, night.day) == paid
    assert remitted(world, next_month.first) == {fees: FEE, "payer_credit": -FEE}
    assert remitted(world, next_month.last + timedelta(days=1)) == {}
    with world.runtime.db.read() as tx:
        assert reports.remittance_of_run(tx, run.id) == matched


def test_a_receipt_assigned_in_the_next_month_is_remitted_there(village: Village) -> None:
    world = village.world
    village.told(world.invoice(), "CHUYEN TIEN LE PHI", FEE)
    found = the_discrepancy(world, DiscrepancyKind.UNIDENTIFIED_RECEIPT)
    with world.runtime.db.read() as tx:
        came_on: date = tx.execute(text("SELECT business_date FROM discrepancies")).scalar_one()
    next_month = Month.of(Month.of(came_on).last + timedelta(days=1))
    world.clock.ahead = next_month.first - came_on + timedelta(days=1)
    taken_by = world.invoice()
    approved(world, proposed(world, found, Action.ASSIGN_RECEIPT, invoice=taken_by.reference))
    assert remitted(world, came_on) == {}
    assert remitted(world, next_month.first) == {f"fees:{taken_by.lines[0].revenue_code}": FEE}
