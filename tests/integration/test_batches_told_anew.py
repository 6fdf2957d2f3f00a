"""A provider tells a batch again with other content: what is told as before stays, the rest is run anew and said."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.resolution import Action
from gateway.ports.provider import BatchRef, PaymentObservation, SettlementLine
from gateway.services.apply_observation import apply_observation
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.formats import KEPT as FORMATS
from reconciliation.runs import Run, RunSignedOff, run_reconciliation
from reconciliation.settlement import SettlementChanged
from reconciliation.sign_off import sign_off
from tests.integration.deciding import approved, proposed, the_discrepancy
from tests.integration.night import FEE, KEPT, Night
from tests.integration.world import a_world

Change = Callable[[Sequence[SettlementLine]], Sequence[SettlementLine]]


class Told:
    """What the provider tells of its batch, which a test may change."""

    def __init__(self, night: Night) -> None:
        provider: Any = night.world.runtime.providers["sandbox"]
        read = provider.read_settlement
        self.change: Change = lambda lines: lines

        def tampered(batch: BatchRef) -> Iterator[SettlementLine]:
            yield from self.change(list(read(batch)))

        provider.read_settlement = tampered


@pytest.fixture
def night(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Night]:
    """Three payments, settled."""
    with a_world(database_urls, tmp_path) as world:
        payments = [world.paid()[1] for _ in range(3)]
        day = payments[0].business_date
        assert day is not None
        night = Night(world, day)
        night.settle()
        yield night


def other_fee(line: SettlementLine) -> SettlementLine:
    return replace(line, fee=Money(3_000, "VND"))


def slip(line: SettlementLine) -> SettlementLine:
    return replace(line, provider_transaction_id=f"{(line.provider_transaction_id or '')[:-1]}~")


def late(line: SettlementLine) -> SettlementLine:
    return replace(line, line_id="late", provider_transaction_id="late-1", merchant_reference=None)


def open_kinds(night: Night, run: Run) -> list[str]:
    return sorted(kind for kind, status in night.kinds(run) if status == "open")


def changes(told: dict[str, Any]) -> dict[str, Any]:
    (batch,) = told["batches"]
    return {name: batch[name] for name in ("was", "is", "added", "gone", "changed")} | {
        name: number for name, number in told.items() if name != "batches"
    }


def test_an_open_day_is_reconciled_with_the_newest_and_says_what_changed(night: Night) -> None:
    told = Told(night)
    assert "changes" not in night.run().totals
    told.change = lambda lines: [*lines[:1], other_fee(lines[1])]
    run = night.run()
    assert changes(run.totals["changes"]) == {
        "was": 1,
        "is": 2,
        "added": 0,
        "gone": 1,
        "changed": 1,
        "matches_undone": 2,
        "matches_made": 1,
        "discrepancies_cleared": 0,
        "discrepancies_opened": 3,
    }
    assert open_kinds(night, run) == ["fee_mismatch", "missing_at_provider", "payout_over"]
    assert night.world.balances()["provider_fees:sandbox"] == KEPT + 3_000
    assert night.reports(night.run()) == night.reports(run)
    as_json, as_csv = night.reports(run)
    assert json.loads(as_json)["run"]["totals"]["changes"] == run.totals["changes"]
    rows = csv.DictReader(io.StringIO(as_csv.decode("utf-8-sig")))
    told_rows = {(row["kind"], row["count"]) for row in rows if row["row"] == "change"}
    assert {("gone", "1"), ("changed", "1"), ("matches_undone", "2")} <= told_rows
    told.change = lambda lines: lines
    back = night.run()
    assert (back.status, changes(back.totals["changes"])["discrepancies_cleared"]) == ("balanced", 3)
    assert night.world.balances()["provider_fees:sandbox"] == 3 * KEPT
    with night.world.runtime.db.read() as tx:
        kept = tx.all(text("SELECT version, lines, last_line FROM settlement_batch_versions ORDER BY version"))
    assert [tuple(row) for row in kept] == [(1, 3, 3), (2, 2, 4), (3, 3, 6)]
    assert night.world.balances()["in_transit:sandbox"] == 3 * (FEE - KEPT)


def test_a_file_that_comes_late_is_said_too(night: Night) -> None:
    provider: Any = night.world.runtime.providers["sandbox"]
    listed = provider.list_settlements
    provider.list_settlements = lambda window: []
    assert night.run().totals["matched"] == 0
    provider.list_settlements = listed
    changed = changes(night.run().totals["changes"])
    assert changed["was"] == changed["gone"] == changed["changed"] == 0
    assert (changed["is"], changed["added"], changed["matches_made"], changed["discrepancies_cleared"]) == (1, 3, 3, 3)


def test_a_signed_day_changes_by_a_correction_only(night: Night) -> None:
    told, world = Told(night), night.world
    signed = night.run()
    with world.runtime.db.transaction() as tx:
        sign_off(tx, signed.id, "officer:other", "agreed", {}, FORMATS)
    told.change = lambda lines: [*lines[:2], replace(other_fee(lines[2]), gross=Money(FEE - 1, "VND"))]
    with pytest.raises(RunSignedOff):
        night.run()
    run = run_reconciliation(world.runtime, "sandbox", night.day, "test", correction=True)
    assert open_kinds(night, run) == ["amount_mismatch", "payout_over"]
    assert changes(run.totals["changes"])["changed"] == 1
    assert world.balances()["provider_fees:sandbox"] == 2 * KEPT
    again = run_reconciliation(world.runtime, "sandbox", night.day, "test", correction=True)
    assert (night.reports(again), world.balances()["provider_fees:sandbox"]) == (night.reports(run), 2 * KEPT)
    with world.runtime.db.read() as tx:
        ended = tx.all(text("SELECT run_id, ended_by FROM ended_matches"))
    assert [tuple(row) for row in ended] == [(signed.id, run.id)]
    told.change = lambda lines: lines
    mended = run_reconciliation(world.runtime, "sandbox", night.day, "test", correction=True)
    assert (mended.status, mended.totals["matched"]) == ("balanced", 1)
    assert world.balances()["provider_fees:sandbox"] == 3 * KEPT


def test_a_correction_matches_anew_what_a_step_had_matched_in_the_signed_run(night: Night) -> None:
    """Lines without the provider's reference are matched by ours, each match in a row of its own."""
    told, world = Told(night), night.world

    def unnamed(lines: Sequence[SettlementLine]) -> list[SettlementLine]:
        return [replace(line, provider_transaction_id=None) for line in lines]

    told.change = unnamed
    signed = night.run()
    assert signed.totals["by_rule"] == {"merchant_reference": 3}
    with world.runtime.db.transaction() as tx:
        sign_off(tx, signed.id, "officer:other", "agreed", {}, FORMATS)
    told.change = lambda lines: [other_fee(line) for line in unnamed(lines)]
    run = run_reconciliation(world.runtime, "sandbox", night.day, "test", correction=True)
    assert run.totals["by_rule"] == {"merchant_reference": 3}
    assert world.balances()["provider_fees:sandbox"] == 3 * 3_000


def test_an_open_day_that_loses_a_match_is_run_again(night: Night) -> None:
    """A line is matched by the run of the next day, because its payment was told late; then the line is gone."""
    told, world = Told(night), night.world
    payment = world.start(world.checkout(world.invoice()))
    told.change = lambda lines: [*lines, late(lines[0])]
    assert ("missing_in_gateway", "open") in night.kinds(night.run())
    with world.runtime.db.transaction() as tx:
        success = PaymentObservation(PaymentStatus.SUCCEEDED, tx.now, payment.id, None, "late-1", Money(FEE, "VND"))
        apply_observation(tx, "sandbox", success, "webhook")
    world.clock.ahead += timedelta(days=1)
    next_day = night.day + timedelta(days=1)
    provider: Any = world.runtime.providers["sandbox"]
    listed = provider.list_settlements
    provider.list_settlements = lambda window: listed(window) if window.first == night.day else []
    assert night.run(next_day).totals["matched"] == 1
    told.change = lambda lines: lines
    first = night.run()
    with world.runtime.db.read() as tx:
        query = "SELECT totals ->> 'matched' FROM reconciliation_runs WHERE business_date = :day"
        assert tx.execute(text(query), {"day": next_day}).scalar_one() == "0"
    assert first.totals["matched"] == 3
    assert world.balances()["provider_fees:sandbox"] == 3 * KEPT
    assert open_kinds(night, first) == ["missing_at_provider"]


def test_what_people_accepted_is_not_taken_from_under_them(night: Night) -> None:
    told, world = Told(night), night.world
    told.change = lambda lines: [*lines[:2], slip(lines[2])]
    night.run()
    alone = the_discrepancy(world, DiscrepancyKind.MISSING_IN_GATEWAY)
    approved(world, proposed(world, alone, Action.ACCEPT_PROPOSAL))
    told.change = lambda lines: lines
    with pytest.raises(SettlementChanged, match="people have accepted"):
        night.run()
    told.change = lambda lines: [*lines[:2], slip(lines[2])]
    assert night.run().status == "balanced"
