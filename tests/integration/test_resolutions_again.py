"""What comes after a decision, and who may make one over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.app import create_app
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.payment import Payment
from gateway.domain.refund import RefundStatus
from gateway.domain.resolution import AboveLimit, Action
from gateway.ports.provider import BatchRef, LineKind, SettlementLine
from gateway.services.apply_refund import move_refund
from gateway.services.resolve_discrepancy import approve, propose
from gateway.store import payments, refunds, resolutions
from gateway.store.embedded import DatabaseUrls
from reconciliation import api as reconciliation_api
from tests.integration.api import an_api, problem
from tests.integration.deciding import FEE, approved, books_agree, opened, proposed, status_of, the_discrepancy
from tests.integration.night import Night
from tests.integration.test_reconciliation_api import Office
from tests.integration.world import World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        made.runtime = replace(made.runtime, write_off_limits={"VND": 10_000})
        yield made


def test_a_large_write_off_is_not_made_of_small_ones(world: World) -> None:
    parts = [opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000) for _ in range(3)]
    with pytest.raises(AboveLimit), world.runtime.db.transaction() as tx:
        propose(tx, world.runtime, world.finance, parts, Action.WRITE_OFF, "in parts", {})
    one_by_one = [proposed(world, part, Action.WRITE_OFF) for part in parts]
    with pytest.raises(AboveLimit), world.runtime.db.transaction() as tx:
        approve(tx, world.runtime, world.approver, [each.id for each in one_by_one])
    assert "write_offs" not in world.balances()


def test_what_an_invoice_does_not_take_of_a_late_payment_keeps_its_name(world: World) -> None:
    world.paid("twice", notifications=2)
    smaller = world.invoice("vn-citizen-id", {"reissue": False})
    assert smaller.total_minor < FEE
    discrepancy = the_discrepancy(world, DiscrepancyKind.DUPLICATE_PAYMENT)
    approved(world, proposed(world, discrepancy, Action.ACCEPT_LATE_PAYMENT, invoice=smaller.reference))
    rest = [found for found in world.discrepancies() if found.status == "open"]
    assert [(found.kind, found.amount_minor) for found in rest] == [("duplicate_payment", FEE - smaller.total_minor)]
    assert world.balances()["payer_credit"] == smaller.total_minor - FEE
    assert books_agree(world)


def test_a_run_does_not_open_again_what_was_resolved(world: World) -> None:
    _, payment = world.paid()
    assert payment.business_date is not None
    night = Night(world, payment.business_date)
    night.plant("extra_line")
    night.settle()
    assert night.run().status == "exceptions"
    discrepancy = the_discrepancy(world, DiscrepancyKind.MISSING_IN_GATEWAY)
    approved(world, proposed(world, discrepancy, Action.CLOSE_EXPLAINED))
    assert night.run().status == "balanced"
    assert status_of(world, discrepancy) == "resolved"


def test_over_http_each_key_may_do_its_part_and_sees_its_own_agency(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    queue, decisions = "/v1/reconciliation/discrepancies", "/v1/reconciliation/resolutions"
    with an_api(database_urls, tmp_path) as api:
        office = Office(api, database_urls.app_url)
        office.finished()
        runtime = replace(api.world.runtime, write_off_limits={"VND": 10_000_000})
        office.api.app = create_app(api.settings, runtime, api.ring, [reconciliation_api.register])
        (listed,) = api.get(f"{queue}?status=open", "finance").json["data"]
        shown = api.get(f"{queue}/{listed['id']}", "finance").json
        assert {each["action"]: each["possible"] for each in shown["actions"]}["write_off"]
        of_other = api.key_for(api.world.invoice("vn-consular-legalisation", {"documents": 1}).agency_id, "finance")
        problem(api.get(f"{queue}/{listed['id']}", of_other), 404, "discrepancy_not_found")
        assert api.get(queue, of_other).json["data"] == []
        wanted = {"discrepancies": [listed["id"]], "action": "write_off", "reason": "agreed with the provider"}
        problem(api.post(decisions, wanted, "portal"), 403, "scope_missing")
        problem(api.post(decisions, wanted, of_other), 404, "discrepancy_not_found")
        trace = {"kind": "trace", "addressee": "Sandbox Bank"}
        opened = api.post(f"{queue}/{listed['id']}/traces", trace, "finance").json["trace"]
        letter = api.get(f"/v1/reconciliation/traces/{opened}/letter?language=en", "finance")
        assert (letter.content_type, letter.data[:5]) == ("application/pdf", b"%PDF-")
        problem(api.get(f"/v1/reconciliation/traces/{opened}/letter", of_other), 404, "trace_not_found")
        (waiting,) = api.post(decisions, wanted, "finance").json["data"]
        assert waiting["status"] == "proposed"
        chosen = {"resolutions": [waiting["id"]]}
        problem(api.post(f"{decisions}/approve", chosen, "finance"), 403, "scope_missing")
        assert [each["id"] for each in api.get(f"{decisions}?status=proposed", "approver").json["data"]] == [
            waiting["id"]
        ]
        (applied,) = api.post(f"{decisions}/approve", chosen, "approver").json["data"]
        assert applied["status"] == "applied"
        assert api.get(f"{queue}/{listed['id']}", "finance").json["status"] == "resolved"
        assert api.get("/v1/reconciliation/ageing", "finance").json == {"data": []}
        assert api.post(f"{queue}/{listed['id']}/comments", {"text": "done"}, "finance").status_code == 201
        assert api.post(f"{queue}/{listed['id']}/assign", {"to": "Lan"}, "finance").status_code == 200
        problem(api.post(f"{queue}/{listed['id']}/ask-again", {}, "finance"), 422, "invalid")


def test_a_write_off_is_taken_back_if_the_money_comes_after_all(world: World) -> None:
    world.runtime = replace(world.runtime, write_off_limits={"VND": FEE})
    _, payment = world.paid()
    assert payment.business_date is not None
    night = Night(world, payment.business_date)
    night.plant("drop_line", payment)
    night.settle()
    night.run()
    discrepancy = the_discrepancy(world, DiscrepancyKind.MISSING_AT_PROVIDER)
    approved(world, proposed(world, discrepancy, Action.WRITE_OFF))
    assert world.balances()["write_offs"] == FEE
    assert "in_transit:sandbox" not in world.balances()
    next_day = payment.business_date + timedelta(days=1)
    world.clock.ahead += timedelta(days=1)
    late(world, payment, next_day)
    for _ in range(2):
        night.run(next_day)
        assert "write_offs" not in world.balances()
    assert status_of(world, discrepancy) == "resolved"
    with world.runtime.db.read() as tx:
        assert [row.author for row in resolutions.notes_of(tx, discrepancy)][-1] == "reconciliation"


def late(world: World, payment: Payment, day: date) -> None:
    """The provider settles the payment on `day`, as if for the first time."""
    provider: Any = world.runtime.providers["sandbox"]
    line = SettlementLine(
        line_id="late",
        kind=LineKind.PAYMENT,
        gross=payment.amount,
        fee=Money(2_200, "VND"),
        occurred_at=world.clock(),
        provider_transaction_id=payment.provider_transaction_id,
        status="settled",
    )
    provider.list_settlements = lambda window: [BatchRef("late-batch", day)] if window.first == day else []
    provider.read_settlement = lambda batch: iter([line])


def test_a_refund_that_fails_names_the_payers_credit_again(world: World) -> None:
    world.paid("twice", notifications=2)
    discrepancy = the_discrepancy(world, DiscrepancyKind.DUPLICATE_PAYMENT)
    approved(world, proposed(world, discrepancy, Action.REFUND_DUPLICATE))
    with world.runtime.db.transaction() as tx:
        (row,) = tx.all(text("SELECT id FROM refunds"))
        refund = refunds.find(tx, row.id)
        assert refund is not None
        payment = payments.get(tx, refund.payment_id, lock=True)
        refunds.change(tx, refund.id, status=RefundStatus.SUBMITTING)
        sent = replace(refund, status=RefundStatus.SUBMITTING)
        move_refund(tx, payment, sent, RefundStatus.FAILED, tx.now)
    assert world.balances()["payer_credit"] == -FEE
    rest = [found.kind for found in world.discrepancies() if found.status == "open"]
    assert rest == ["duplicate_payment"]
    assert books_agree(world)
