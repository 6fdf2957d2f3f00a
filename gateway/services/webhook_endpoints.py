"""Portals' webhook endpoints: the list, an end, a new secret. What they may be told is in gateway.domain.events."""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain import webhook
from gateway.domain.errors import NotFound
from gateway.services.runtime import Caller
from gateway.services.vault import Vault, endpoint_secret_purpose
from gateway.store import webhooks
from gateway.store.database import Transaction

# How long both secrets sign after a change, unless asked otherwise.
SECRET_OVERLAP = timedelta(hours=24)


class EndpointNotFound(NotFound):
    code = "webhook_endpoint_not_found"


def list_webhook_endpoints(tx: Transaction, caller: Caller) -> list[dict[str, Any]]:
    return [endpoint_as_json(row) for row in webhooks.endpoints(tx, caller.agency_id)]


def disable_webhook_endpoint(tx: Transaction, caller: Caller, endpoint_id: UUID) -> None:
    """Send nothing more there, not even what is waiting. Raises EndpointNotFound."""
    endpoint = find_endpoint(tx, caller, endpoint_id, lock=True)
    if endpoint.disabled_at is None:
        webhooks.disable(tx, endpoint_id)
        tx.audit(caller.actor, "webhook_endpoint.disabled", "webhook_endpoint", endpoint_id)


def rotate_endpoint_secret(
    tx: Transaction, vault: Vault, caller: Caller, endpoint_id: UUID, overlap: timedelta = SECRET_OVERLAP
) -> str:
    """A new signing secret, told this once. For `overlap`, what is sent carries signatures of both secrets.

    Raises EndpointNotFound.
    """
    endpoint = find_endpoint(tx, caller, endpoint_id, lock=True)
    new = new_secret()
    until = (tx.now + overlap).isoformat()
    old = {secret: end or until for secret, end in _valid_secrets(vault, endpoint_id, endpoint, tx.now).items()}
    master_key_id, sealed = seal_secrets(vault, endpoint_id, {new: None} | old)
    webhooks.replace_secret(tx, endpoint_id, master_key_id, sealed)
    tx.audit(caller.actor, "webhook_endpoint.secret_rotated", "webhook_endpoint", endpoint_id)
    return new


def new_secret() -> str:
    return webhook.as_secret(secrets.token_bytes(webhook.SECRET_BYTES))


def seal_secrets(vault: Vault, endpoint_id: UUID, until: dict[str, str | None]) -> tuple[str, bytes]:
    """The secrets as they are stored, each with the ISO instant at which it ends, or None."""
    return vault.seal_bytes(endpoint_secret_purpose(endpoint_id), json.dumps(until).encode())


def signing_secrets(vault: Vault, endpoint_id: UUID, endpoint: Row[Any], now: datetime) -> list[str]:
    """The endpoint's secrets that sign now, the newest first. Raises VaultError."""
    return list(_valid_secrets(vault, endpoint_id, endpoint, now))


def find_endpoint(tx: Transaction, caller: Caller, endpoint_id: UUID, *, lock: bool = False) -> Row[Any]:
    """Raises EndpointNotFound if the caller's agency has no such endpoint."""
    endpoint = webhooks.find_endpoint(tx, endpoint_id, lock=lock)
    if endpoint is None or caller.agency_id not in (None, endpoint.agency_id):
        raise EndpointNotFound("There is no such webhook endpoint.")
    return endpoint


def endpoint_as_json(endpoint: Row[Any]) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.event_types),
        "status": "enabled" if endpoint.disabled_at is None else "disabled",
        "created_at": endpoint.created_at,
    }


def _valid_secrets(vault: Vault, endpoint_id: UUID, endpoint: Row[Any], now: datetime) -> dict[str, str | None]:
    opened = vault.open_bytes(endpoint_secret_purpose(endpoint_id), endpoint.master_key_id, endpoint.sealed_secret)
    until: dict[str, str | None] = json.loads(opened)
    return {secret: end for secret, end in until.items() if end is None or datetime.fromisoformat(end) > now}
