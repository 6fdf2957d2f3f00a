"""Keep the language that a payer has chosen, so that the provider's page and the way back are in it too."""

from uuid import UUID

from gateway.services.runtime import Runtime
from gateway.store import checkouts


def choose_language(runtime: Runtime, session_id: UUID, locale: str) -> None:
    with runtime.db.transaction() as tx:
        checkouts.change(tx, session_id, locale=locale)
