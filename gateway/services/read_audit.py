"""Read the audit trail, and the list of who read payers' data. Whoever acts for one agency sees what its own people and
keys did, and who read the data of its payers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.agency import day_bounds
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.runtime import Caller
from gateway.store import audit
from gateway.store.database import Transaction

TRAIL, READS = "audit_trail", "vault_reads"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Days are those of `time_zone`, both inclusive; None leaves it open."""

    time_zone: str
    actor: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    first: date | None = None
    last: date | None = None

    def wanted(self) -> audit.Wanted:
        first = day_bounds(self.first, self.time_zone)[0] if self.first else None
        until = day_bounds(self.last, self.time_zone)[1] if self.last else None
        return audit.Wanted(self.actor, self.subject_type, self.subject_id, first, until)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The newest first; `next` is the cursor of the page after it."""

    rows: Sequence[Row[Any]]
    next: str | None


def audit_trail(tx: Transaction, caller: Caller, query: AuditQuery, after: str | None, limit: int) -> AuditPage:
    """Raises Invalid for a cursor that is none."""
    found = audit.trail(tx, caller.agency_id, query.wanted(), _position(TRAIL, after), limit + 1)
    return _page(TRAIL, found, limit)


def reads_of_payers(tx: Transaction, caller: Caller, query: AuditQuery, after: str | None, limit: int) -> AuditPage:
    """Raises Invalid for a cursor that is none."""
    found = audit.reads(tx, caller.agency_id, query.wanted(), _position(READS, after), limit + 1)
    return _page(READS, found, limit)


def _page(kind: str, found: Sequence[Row[Any]], limit: int) -> AuditPage:
    if len(found) <= limit:
        return AuditPage(found, None)
    last = found[limit - 1]
    return AuditPage(found[:limit], encode_cursor(kind, last.at.isoformat(), last.id))


def _position(kind: str, after: str | None) -> audit.Position | None:
    if after is None:
        return None
    at, record_id = decode_cursor(kind, after, str, int)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise invalid_cursor() from None
    if instant.tzinfo is None:
        raise invalid_cursor()
    return instant, record_id
