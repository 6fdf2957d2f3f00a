"""What the assistant proposes can be decided, whatever kind of discrepancy it is about and in whatever state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import GatewayError
from gateway.domain.payment import Payment
from gateway.domain.resolution import Action as Decision
from gateway.services.refund_payment import request_refund
from gateway.services.resolve_discrepancy import propose
from gateway.services.work_on_discrepancy import carry, open_trace
from gateway.store import assistant, reconciliation
from gateway.store.database import Transaction, new_id
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.assistant.cases import Surroundings
from reconciliation.assistant.causes import CAUSES, Action, Cause, action_for
from reconciliation.assistant.opinions import opinion_now, proposed_now
from tests.integration.deciding import FEE, approved, proposed, the_discrepancy
from tests.integration.village_bank import Village

K = DiscrepancyKind
AROUND = Surroundings(provider="sandbox", day=None)  # type: ignore[arg-type]  # no day is needed to decide


@dataclass(frozen=True)
class State:
    """Of whom it is, whether the ledger holds the money, and what the evidence says."""

    payment: Payment | None = None
    is_ones: bool = True
    entry_id: int | None = None
    evidence: Mapping[str, Any] | None = None


@pytest.fixture
def states(village: Village) -> list[State]:
    """Every sort of state that what a discrepancy is about can be in."""
    world = village.world
    _, plain = world.paid()
    world.paid("twice", notifications=2)
    world.paid("twice", notifications=2)
    with world.runtime.db.transaction() as tx:
        entry = tx.execute(text("SELECT max(id) FROM ledger_entries")).scalar_one()
        (kept, gone) = tx.all(text("SELECT * FROM payments WHERE credited_minor > 0 ORDER BY id"))
        request_refund(tx, world.runtime, world.finance, gone.id, FEE, "it went back")
    ledger = {"ledger": {"entry": "e", "reference": "r", "due_on": "2026-11-20", "amount_minor": FEE}}
    settled = {"settlement": {"line": 1, "batch": "b", "gross_minor": FEE + 1, "status": "ok"}}
    credited = {"credited_minor": FEE}
    gone_proposal = {"proposal": {"rule": "amount_window", "line": {"batch": "b", "line": 1}}}
    return [
        State(is_ones=False, evidence=settled),
        State(evidence=settled),
        State(plain, evidence=settled),
        State(plain, evidence={**ledger, **settled}, entry_id=entry),
        State(plain, evidence=ledger, entry_id=entry),
        State(plain, evidence={**ledger, **gone_proposal}, entry_id=entry),
        State(kept, evidence=credited),  # type: ignore[arg-type]  # the row has what is read of a payment
        State(gone, evidence=credited),  # type: ignore[arg-type]
    ]


def a_discrepancy(
    tx: Transaction, kind: DiscrepancyKind, state: State, fees: tuple[int, int], agency: UUID
) -> Row[Any]:
    expected, reported = fees
    given = {"expected_minor": expected, "reported_minor": reported, "provider_transaction_id": "t"}
    found = NewDiscrepancy(
        key=f"{kind}:{new_id()}",
        kind=kind,
        provider="sandbox",
        agency_id=agency if state.is_ones else None,
        business_date=tx.now.date(),
        run_id=None,
        payment_id=state.payment.id if state.payment else None,
        refund_id=None,
        amount_minor=100,
        currency="VND",
        evidence=given | dict(state.evidence or {}),
        entry_id=state.entry_id,
    )
    made = reconciliation.insert_discrepancy(tx, found)
    assert made is not None
    row = assistant.find_discrepancy(tx, made, None)
    assert row is not None
    return row


def refusal(village: Village, tx: Transaction, found: Row[Any], action: Action) -> str:
    """Why it cannot be done; nothing if it can, or only waits for an invoice or an entry to be named."""
    world = village.world
    try:
        if action is Action.CARRY_AS_TIMING:
            carry(tx, world.finance, found.id, tx.now.date() + timedelta(days=3), "it will come")
        elif action in (Action.OPEN_TRACE, Action.DISPUTE):
            open_trace(tx, world.finance, found.id, "trace", "the bank")
        else:
            propose(tx, world.runtime, world.finance, [found.id], Decision(action), "checked", {})
    except GatewayError as refused:
        return "" if refused.fields.keys() & {"invoice", "entry"} else refused.detail
    return ""


def test_whatever_is_proposed_can_be_decided(village: Village, states: list[State]) -> None:
    agency = village.world.invoice().agency_id
    proposed_for: set[Action] = set()
    kinds = [kind for kind in K if kind is not K.UNIDENTIFIED_RECEIPT]
    with village.world.runtime.db.transaction() as tx:
        for kind, state in product(kinds, states):
            causes = {action_for(cause, kind): cause for cause in CAUSES if kind in CAUSES[cause].kinds}
            fees = ((100, 200), (200, 100)) if kind is K.FEE_MISMATCH else ((100, 200),)
            for cause, expected in product(causes.values(), fees):
                found = a_discrepancy(tx, kind, state, expected, agency)
                action = proposed_now(tx, found, cause, AROUND)
                assert action is not None
                refused = refusal(village, tx, found, action)
                assert not refused, (kind, cause, action, state, refused)
                proposed_for.add(action)
    assert proposed_for >= {Action.CORRECT_FEE, Action.CLOSE_EXPLAINED, Action.REFUND_DUPLICATE, Action.OPEN_TRACE}


@pytest.mark.parametrize(
    ("cause", "sends_back", "wanted"),
    [
        (Cause.WRONG_ACCOUNT, True, Action.RETURN_RECEIPT),
        (Cause.WRONG_ACCOUNT, False, Action.OPEN_TRACE),
        (Cause.SEVERAL_BILLS, True, Action.ASSIGN_RECEIPT),
        (Cause.GARBLED_REFERENCE, True, Action.ASSIGN_RECEIPT),
    ],
)
def test_a_receipt_is_sent_back_only_where_there_is_a_way(
    village: Village, cause: Cause, sends_back: bool, wanted: Action
) -> None:
    village.told(village.world.invoice(), "CHUYEN NHAM", 70_000)
    with village.world.runtime.db.transaction() as tx:
        found = assistant.find_discrepancy(tx, the_discrepancy(village.world, K.UNIDENTIFIED_RECEIPT), None)
        assert found is not None
        action = proposed_now(tx, found, cause, replace(AROUND, sends_back=sends_back))
        assert action is wanted
        assert not refusal(village, tx, found, action)


def test_nothing_is_proposed_about_what_is_being_decided_or_is_decided(village: Village) -> None:
    world = village.world
    world.paid("twice", notifications=2)
    discrepancy = the_discrepancy(world, K.DUPLICATE_PAYMENT)

    def told() -> str | None:
        with world.runtime.db.read() as tx:
            found = assistant.find_discrepancy(tx, discrepancy, None)
            assert found is not None
            action: str | None = opinion_now(tx, found, None)["proposed_action"]
            return action

    assert told() == "refund_duplicate"
    waiting = proposed(world, discrepancy, Decision.REFUND_DUPLICATE)
    assert told() is None
    approved(world, waiting)
    assert told() is None
