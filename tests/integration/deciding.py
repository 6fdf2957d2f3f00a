"""Officers at work: what they find, propose and approve, in a world."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.resolution import Action, Resolution
from gateway.services.open_discrepancy import open_discrepancy
from gateway.services.resolve_discrepancy import approve, propose
from gateway.store import resolutions
from gateway.store.database import new_id
from tests.faults.books import contradictions
from tests.integration.world import World

FEE = 200_000


def the_discrepancy(world: World, kind: DiscrepancyKind) -> UUID:
    with world.runtime.db.read() as tx:
        found: UUID = tx.execute(text("SELECT id FROM discrepancies WHERE kind = :kind"), {"kind": kind}).scalar_one()
    return found


def status_of(world: World, discrepancy: UUID) -> str:
    with world.runtime.db.read() as tx:
        found = resolutions.find_discrepancy(tx, discrepancy, None)
    assert found is not None
    return str(found.status)


def proposed(world: World, discrepancy: UUID, action: Action, **parameters: Any) -> Resolution:
    with world.runtime.db.transaction() as tx:
        (made,) = propose(tx, world.runtime, world.finance, [discrepancy], action, "checked with the bank", parameters)
    return made


def approved(world: World, resolution: Resolution) -> Resolution:
    with world.runtime.db.transaction() as tx:
        (applied,) = approve(tx, world.runtime, world.approver, [resolution.id])
    return applied


def books_agree(world: World) -> bool:
    with world.runtime.db.read() as tx:
        return contradictions(tx) == {}


def opened(world: World, kind: DiscrepancyKind, amount: int, **evidence: Any) -> UUID:
    """A discrepancy about a payment that went well, as a run would have opened it."""
    _, payment = world.paid()
    with world.runtime.db.transaction() as tx:
        made = open_discrepancy(
            tx,
            kind=kind,
            key=f"test:{new_id()}",
            provider="sandbox",
            agency_id=payment.agency_id,
            business_date=tx.now.date(),
            amount=Money(amount, "VND"),
            payment_id=payment.id,
            evidence=evidence,
        )
    assert made is not None
    return made
