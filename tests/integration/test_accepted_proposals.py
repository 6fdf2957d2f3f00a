"""A person accepts what the matching only proposes: the pair becomes a match, and stays one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict
from gateway.domain.resolution import Action, NotAllowed, ResolutionStatus
from gateway.services.resolve_discrepancy import options
from gateway.store.embedded import DatabaseUrls
from tests.integration.deciding import approved, opened, proposed, status_of, the_discrepancy
from tests.integration.night import FEE, KEPT, Night
from tests.integration.test_reconciliation_rules import changed
from tests.integration.world import a_world

K = DiscrepancyKind


@pytest.fixture
def night(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Night]:
    """The provider names one payment's transaction with a slip."""
    with a_world(database_urls, tmp_path) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        night = Night(world, payment.business_date)
        known = payment.provider_transaction_id or ""
        wrong = known[:-1] + ("x" if known[-1] != "x" else "y")
        changed(night, (payment, lambda line: [replace(line, provider_transaction_id=wrong)]))
        world.paid()
        night.settle()
        night.run()
        yield night


@pytest.mark.parametrize("side", [K.MISSING_IN_GATEWAY, K.MISSING_AT_PROVIDER])
def test_an_accepted_pair_ends_both_sides_and_the_next_run_matches_it(night: Night, side: DiscrepancyKind) -> None:
    world = night.world
    waiting = proposed(world, the_discrepancy(world, side), Action.ACCEPT_PROPOSAL)
    assert (waiting.status, waiting.effect) == (ResolutionStatus.PROPOSED, ())
    approved(world, waiting)
    both = [the_discrepancy(world, K.MISSING_IN_GATEWAY), the_discrepancy(world, K.MISSING_AT_PROVIDER)]
    assert [status_of(world, each) for each in both] == ["resolved", "resolved"]
    run = night.run()
    assert run.status == "balanced"
    assert run.totals["by_rule"] == {"accepted_proposal": 1, "provider_reference": 1}
    assert world.balances()["provider_fees:sandbox"] == 2 * KEPT
    assert world.balances()["in_transit:sandbox"] == 2 * (FEE - KEPT)
    with world.runtime.db.read() as tx:
        rows = tx.all(text("SELECT evidence FROM match_rows WHERE rule = 'accepted_proposal'"))
    assert [row.evidence for row in rows] == [{"resolution": str(waiting.id)}]
    assert night.reports(night.run()) == night.reports(run)


def test_one_side_is_not_decided_about_while_the_other_is(night: Night) -> None:
    world = night.world
    proposed(world, the_discrepancy(world, K.MISSING_IN_GATEWAY), Action.ACCEPT_PROPOSAL)
    with pytest.raises(Conflict, match="on the other side"):
        proposed(world, the_discrepancy(world, K.MISSING_AT_PROVIDER), Action.ACCEPT_PROPOSAL)


def test_what_has_matched_meanwhile_is_not_accepted(night: Night) -> None:
    world = night.world
    entry = the_discrepancy(world, K.MISSING_AT_PROVIDER)
    waiting = proposed(world, entry, Action.ACCEPT_PROPOSAL)
    with world.runtime.db.transaction() as tx:
        tx.execute(
            text(
                "WITH entry AS (SELECT entry_id FROM discrepancies WHERE id = :id),"
                " gone AS (DELETE FROM matched_entries USING entry WHERE block = entry_id >> 10 RETURNING *)"
                " INSERT INTO matched_entries (block, run_id, bits)"
                " SELECT block, run_id, set_bit(bits, (entry_id & 1023)::int, 1) FROM gone"
            ),
            {"id": entry},
        )
    with pytest.raises(Conflict, match="matched by now"):
        approved(world, waiting)
    assert status_of(world, entry) == "open"


def test_where_nothing_is_proposed_nothing_can_be_accepted(night: Night) -> None:
    alone = opened(night.world, K.MISSING_AT_PROVIDER, 4_000)
    with pytest.raises(NotAllowed, match="Nothing on the other side"):
        proposed(night.world, alone, Action.ACCEPT_PROPOSAL)
    with night.world.runtime.db.transaction() as tx:
        shown = {each["action"]: each for each in options(tx, night.world.runtime, night.world.finance, alone)}
    assert (shown["accept_proposal"]["possible"], shown["write_off"]["possible"]) == (False, False)
