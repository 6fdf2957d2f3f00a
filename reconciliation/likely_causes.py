"""Ask the assistant why a discrepancy is there."""

from typing import Any
from uuid import UUID

from gateway.ports.provider import Refunder
from gateway.services.resolve_discrepancy import DiscrepancyNotFound
from gateway.services.runtime import Runtime
from gateway.store import assistant
from gateway.store.database import Transaction
from reconciliation.assistant.opinions import opinion_now


def causes_of(tx: Transaction, runtime: Runtime, discrepancy_id: UUID, agency_id: UUID | None) -> dict[str, Any]:
    """What the assistant thinks of it. Raises DiscrepancyNotFound, also if it is another agency's than `agency_id`."""
    found = assistant.find_discrepancy(tx, discrepancy_id, agency_id)
    if found is None:
        raise DiscrepancyNotFound(f"There is no discrepancy {discrepancy_id}.")
    provider = runtime.providers.get(found.provider)
    sends_back = provider is None or isinstance(provider, Refunder)
    opinion = opinion_now(tx, found, provider.capabilities if provider else None, sends_back=sends_back)
    return {"id": str(discrepancy_id), **opinion}
