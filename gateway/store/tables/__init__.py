"""Every table, declared once. Importing this package fills METADATA.

Money is BIGINT minor units beside its currency, with CHECKs. Times are timestamptz. Constraints carry names, because a
violation becomes a domain error by its constraint's name.
"""

from gateway.store.tables import (  # noqa: F401 - imported so that their tables register
    access,
    assistant,
    bank_matches,
    catalogue,
    credits,
    events,
    fee_drafts,
    health,
    identity,
    invoices,
    ledger,
    officers,
    payments,
    receipts,
    reconciliation,
    resolutions,
    statements,
)
from gateway.store.tables.base import METADATA

__all__ = ["METADATA"]
