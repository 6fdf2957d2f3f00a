"""The digests of the ledger's records: what of them is sealed, field by field. Changing this list breaks every seal."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.seal import RecordKind, digest
from gateway.store import seals
from gateway.store.database import Transaction

ENTRY_FIELDS = (
    "id",
    "key",
    "cause",
    "agency_id",
    "subject_id",
    "occurred_at",
    "business_date",
    "posted_at",
    "content_hash",
)
TRANSFER_FIELDS = (
    "id",
    "agency_id",
    "currency",
    "amount_minor",
    "business_date",
    "posted_at",
    "debit_agency_id",
    "debit_currency",
    "debit_code",
    "debit_kind",
    "credit_agency_id",
    "credit_currency",
    "credit_code",
    "credit_kind",
)
AUDIT_FIELDS = ("id", "at", "actor", "action", "subject_type", "subject_id", "before", "after")

# How a value of each type that the database gives is written in a digest.
AS_JSON: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), str, int, dict, list), lambda value: value),
    datetime: lambda at: at.astimezone(UTC).isoformat(),
    date: lambda day: day.isoformat(),
    bytes: lambda data: data.hex(),
    UUID: str,
}

Digests = list[tuple[int, bytes]]


def entry_digests(tx: Transaction, after: int, upto: int) -> Digests:
    """Id and digest of the entries with ids above `after`, up to `upto`, in their order."""
    transfers: dict[int, list[list[Any]]] = defaultdict(list)
    for transfer in seals.transfers_between(tx, after, upto):
        transfers[transfer.entry_id].append(_fields(transfer, TRANSFER_FIELDS))
    entries = seals.entries_between(tx, after, upto)
    return [(entry.id, digest([*_fields(entry, ENTRY_FIELDS), transfers[entry.id]])) for entry in entries]


def audit_digests(tx: Transaction, after: int, upto: int) -> Digests:
    """Id and digest of the audit trail's lines with ids above `after`, up to `upto`, in their order."""
    return [(line.id, digest(_fields(line, AUDIT_FIELDS))) for line in seals.audits_between(tx, after, upto)]


DIGESTS: dict[RecordKind, Callable[[Transaction, int, int], Digests]] = {
    RecordKind.ENTRY: entry_digests,
    RecordKind.AUDIT: audit_digests,
}


def _fields(row: Row[Any], names: tuple[str, ...]) -> list[Any]:
    return [AS_JSON[type(value)](value) for value in (getattr(row, name) for name in names)]
