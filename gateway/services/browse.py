"""What callers look through: lists page by page, in the order of creation, and what belongs to one thing.

A cursor names the last item that was seen, so that nothing is shown twice or left out while new items come in.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.agency import Agency
from gateway.domain.checkout import CheckoutSession
from gateway.domain.errors import NotFound
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import Refund, RefundStatus
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.runtime import Caller
from gateway.store import api_keys, catalogue, invoices, payments, refunds
from gateway.store.database import Transaction


class Created(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def created_at(self) -> datetime: ...


Item = TypeVar("Item", bound=Created)

# What an agency's code is never changes, so what was read of it once stays true.
_codes: dict[UUID, str] = {}


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`next` is the cursor of the page after this one; None on the last."""

    items: Sequence[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: at most `limit` items, from the one after the cursor `after` on."""

    limit: int
    after: str | None = None


def page_of_invoices(
    tx: Transaction,
    caller: Caller,
    window: Window,
    *,
    status: InvoiceStatus | None = None,
    dossier: str | None = None,
    created_from: datetime | None = None,
) -> Page[Invoice]:
    """Raises Invalid for a cursor that is none of this list."""
    return _page(
        "invoices",
        window,
        lambda after, limit: invoices.page(
            tx,
            caller.agency_id,
            status=status,
            dossier=dossier,
            created_from=created_from,
            after=after,
            limit=limit,
        ),
    )


def page_of_payments(
    tx: Transaction,
    caller: Caller,
    window: Window,
    *,
    status: PaymentStatus | None = None,
    provider: str | None = None,
    session_id: UUID | None = None,
    created_from: datetime | None = None,
) -> Page[Payment]:
    """Raises Invalid for a cursor that is none of this list."""
    return _page(
        "payments",
        window,
        lambda after, limit: payments.page(
            tx,
            caller.agency_id,
            status=status,
            provider=provider,
            session_id=session_id,
            created_from=created_from,
            after=after,
            limit=limit,
        ),
    )


def page_of_refunds(
    tx: Transaction,
    caller: Caller,
    window: Window,
    *,
    status: RefundStatus | None = None,
    payment_id: UUID | None = None,
) -> Page[Refund]:
    """Raises Invalid for a cursor that is none of this list."""
    return _page(
        "refunds",
        window,
        lambda after, limit: refunds.page(
            tx, caller.agency_id, status=status, payment_id=payment_id, after=after, limit=limit
        ),
    )


def invoices_of_session(tx: Transaction, session: CheckoutSession) -> list[tuple[Invoice, int]]:
    """The session's invoices in its order, each with what is paid of it in this session, in minor units."""
    return invoices.of_session(tx, session.id)


def payments_of_session(tx: Transaction, session: CheckoutSession) -> list[Payment]:
    """Every attempt, the first one first."""
    return payments.of_session(tx, session.id)


def story_of_payment(tx: Transaction, payment: Payment) -> list[Row[Any]]:
    """What was learnt of the payment and its refunds, when, and how; the oldest first."""
    return payments.events_of(tx, payment.id)


def agencies_of(tx: Transaction, caller: Caller) -> list[Agency]:
    """The agencies that the caller acts for."""
    return [agency for agency in catalogue.all_agencies(tx) if caller.agency_id in (None, agency.id)]


def usual_zone(agencies: Sequence[Agency]) -> str:
    """The time zone that most of them live by, for moments that belong to no one agency; UTC without any."""
    return next((zone for zone, _ in Counter(agency.time_zone for agency in agencies).most_common(1)), "UTC")


def code_of_agency(tx: Transaction, agency_id: UUID) -> str:
    if agency_id not in _codes:
        _codes.update({agency.id: agency.code for agency in catalogue.all_agencies(tx)})
    return _codes[agency_id]


def keys_of(tx: Transaction, caller: Caller) -> list[Row[Any]]:
    """The API keys of the caller's agency, or all: everything about them but what would let one in."""
    return api_keys.all_of(tx, caller.agency_id)


def key_of(tx: Transaction, caller: Caller, key_id: UUID) -> Row[Any]:
    """One of `keys_of`. Raises NotFound."""
    found = next((key for key in keys_of(tx, caller) if key.id == key_id), None)
    if found is None:
        raise NotFound("There is no such API key.")
    return found


def _page(kind: str, window: Window, read: Callable[[tuple[datetime, UUID] | None, int], Sequence[Item]]) -> Page[Item]:
    found = read(_position(kind, window.after), window.limit + 1)
    if len(found) <= window.limit:
        return Page(found, None)
    last = found[window.limit - 1]
    return Page(found[: window.limit], encode_cursor(kind, last.created_at.isoformat(), str(last.id)))


def _position(kind: str, after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    created_at, last_id = decode_cursor(kind, after, str, str)
    try:
        position = datetime.fromisoformat(created_at), UUID(last_id)
    except ValueError:
        raise invalid_cursor() from None
    if position[0].tzinfo is None:
        raise invalid_cursor()
    return position
