"""Let a portal be told of events at a URL of its own."""

from collections.abc import Sequence
from typing import Any

from gateway.domain.errors import Invalid
from gateway.domain.events import EventType
from gateway.services.public_address import check_webhook_url
from gateway.services.runtime import Caller, Runtime
from gateway.services.webhook_endpoints import new_secret, seal_secrets
from gateway.store import events, webhooks
from gateway.store.database import Transaction, new_id


def register_webhook_endpoint(
    tx: Transaction, runtime: Runtime, caller: Caller, url: str, event_types: Sequence[str]
) -> dict[str, Any]:
    """The new endpoint with its secret, which is told this once. It gets the events from now on.

    `event_types`: which ones; none named means all. Raises Invalid for a URL that may not be called, or an event type
    that does not exist.
    """
    unknown = sorted(set(event_types) - set(EventType))
    if unknown:
        known = ", ".join(EventType)
        raise Invalid(f"There is no event {unknown[0][:60]!r}.", fields={"events": f"must be among {known}"})
    endpoint_id, secret = new_id(), new_secret()
    master_key_id, sealed = seal_secrets(runtime.vault, endpoint_id, {secret: None})
    endpoint = {
        "id": endpoint_id,
        "agency_id": caller.agency_id,
        "url": check_webhook_url(url, allow_private=runtime.allow_private_webhooks),
        "event_types": list(dict.fromkeys(event_types)),
        "last_position": events.last_position(tx),
        "created_by": caller.id,
    }
    webhooks.add_endpoint(tx, endpoint | {"master_key_id": master_key_id, "sealed_secret": sealed})
    shown = {"url": endpoint["url"], "events": endpoint["event_types"]}
    tx.audit(caller.actor, "webhook_endpoint.registered", "webhook_endpoint", endpoint_id, after=shown)
    return {"id": endpoint_id, **shown, "status": "enabled", "created_at": tx.now, "secret": secret}
