"""What goes over the wire to and from the bank (docs/bank-api.md), and how its words read in ours.

JSON over HTTP, amounts as whole minor units, times in seconds since 1970, requests and notifications signed as
providers/signing.py says. Banks that notify by ISO 20022 post a camt.054 under the same signature: its entries are put
into the words of the JSON first, so that both say the same and nothing of the payer is kept but what it wrote.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.money import Money
from gateway.domain.refund import RefundStatus
from gateway.ports import camt
from gateway.ports.bookings import BookingKind, kind_of
from gateway.ports.provider import (
    CreditObservation,
    DisputeObservation,
    DisputeStatus,
    NotSent,
    Observation,
    OutcomeUnknown,
    ProviderError,
    RefundObservation,
    Rejected,
    Unsupported,
)
from gateway.ports.statement import StatementEntry, UnreadableStatement
from gateway.ports.told_by_statement import Told, told_by
from providers.reading import Unreadable, instant, listed, money, nested, optional_text, optional_uuid, text

SIGNATURE = "bank-signature"
CLIENT = "bank-client"
IDEMPOTENCY_KEY = "idempotency-key"
XML = "application/xml"

BOOKED, TAKEN_BACK = "booked", "reversed"
CREDIT_STATUS = frozenset({BOOKED, TAKEN_BACK})
"""Money that came, and money that came and was taken back: both have moved."""

RETURN_STATUS: Mapping[str, RefundStatus] = {
    "pending": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
}
REVERSAL_STATUS: Mapping[str, DisputeStatus] = {
    "open": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
"""A credit that the bank takes back is a dispute: that is how the gateway knows money which was paid, was allocated and
is gone again. Banks seldom give it back; if one does, it is won."""

NOT_FOUND = "not_found"
ERROR: Mapping[str, type[ProviderError]] = {
    # A wrong key or clock is refused before the request is looked at, so nothing happened and it can be sent again.
    "bad_signature": NotSent,
    "unknown_client": NotSent,
    "unsupported_currency": Unsupported,
    "invalid_request": Rejected,
    "not_refundable": Rejected,
    "over_refund": Rejected,
    "rejected": Rejected,
    NOT_FOUND: Rejected,
    # The key was used for another request: something of ours did happen, and only a query says what.
    "idempotency_mismatch": OutcomeUnknown,
}
"""What each error code means for the request that met it. A code that is not here is OutcomeUnknown."""

_PLACES = ("account", "booking_id", "id", "reference", "return_id", "text")
_FACTS = ("amount_minor", "booked", "code", "currency", "status", "updated")
_KEPT = frozenset({*_PLACES, *_FACTS})
"""What a notification is about. The rest is the payer's."""

CREDIT, REVERSAL, RETURN = BookingKind.CREDIT, BookingKind.REVERSAL, BookingKind.RETURN
CAMT = "camt.054"


def observations(event: Mapping[str, Any]) -> list[Observation]:
    """What a notification says: nothing if it is of a kind that does not concern us. Raises Unreadable."""
    if text(event, "type") == CAMT:
        return [seen for entry in listed(event, "entries") for seen in _observed(entry)]
    return _observed(event)


def credit_observation(credit: Mapping[str, Any]) -> CreditObservation:
    """A credit as the bank describes it. Raises Unreadable."""
    if text(credit, "status") not in CREDIT_STATUS:
        raise Unreadable("status is none that we know")
    return CreditObservation(
        provider_transaction_id=text(credit, "booking_id"),
        account=text(credit, "account"),
        amount=amount_of(credit),
        occurred_at=instant(credit, "booked"),
        remittance=optional_text(credit, "text") or "",
        reference=optional_text(credit, "reference"),
    )


def return_observation(returned: Mapping[str, Any]) -> RefundObservation:
    """A return as the bank describes it; one made at its counter has no id of ours. Raises Unreadable."""
    word = text(returned, "status")
    return RefundObservation(
        status=RETURN_STATUS.get(word, RefundStatus.UNKNOWN),
        occurred_at=instant(returned, "updated"),
        amount=amount_of(returned),
        refund_id=optional_uuid(returned, "return_id"),
        provider_refund_id=text(returned, "id"),
        provider_transaction_id=text(returned, "booking_id"),
        code=optional_text(returned, "code") or word,
    )


def amount_of(data: Mapping[str, Any]) -> Money:
    """Raises Unreadable."""
    amount = money(data, "amount_minor", "currency")
    if amount.amount_minor < 1:
        raise Unreadable("amount_minor is not above 0")
    return amount


def without_payer(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """`event` without what the bank tells about the payer."""
    data = event.get("data")
    kept = {name: value for name, value in data.items() if name in _KEPT} if isinstance(data, Mapping) else data
    return {"id": event.get("id"), "type": event.get("type"), "data": kept}


def camt_event(body: bytes, zone: ZoneInfo) -> Mapping[str, Any]:
    """A camt.054 in the words of the JSON notifications. Its id is a digest, as banks do reuse message ids. Raises
    Unreadable."""
    try:
        rows = list(camt.read([body]))
        entries = [entry for row in rows if isinstance(row, StatementEntry) for entry in _entries(row, zone)]
    except UnreadableStatement as fault:
        raise Unreadable(str(fault)) from None
    return {"id": f"camt-{hashlib.sha256(body).hexdigest()}", "type": CAMT, "entries": entries}


def booking_of(entry: StatementEntry) -> str:
    """The bank's name of the booking. Raises Unreadable."""
    if not entry.servicer_reference:
        raise Unreadable(f"entry {entry.number} has no AcctSvcrRef")
    return entry.servicer_reference


def told_of(entry: StatementEntry, zone: ZoneInfo) -> Told | None:
    """What the bank's notification of the entry would have said; None if it sends none, as of a charge. Raises
    Unreadable."""
    return None if kind_of(entry) not in (CREDIT, RETURN, REVERSAL) else told_by(entry, booking_of(entry), zone)


def _observed(event: Mapping[str, Any]) -> list[Observation]:
    kind = text(event, "type").partition(".")[0]
    if kind == CREDIT:
        return [credit_observation(nested(event, "data"))]
    if kind == RETURN:
        return [return_observation(nested(event, "data"))]
    if kind == REVERSAL and text(nested(event, "data"), "status") in REVERSAL_STATUS:
        return [_reversal_observation(nested(event, "data"))]
    return []


def _reversal_observation(reversal: Mapping[str, Any]) -> DisputeObservation:
    return DisputeObservation(
        status=REVERSAL_STATUS[text(reversal, "status")],
        occurred_at=instant(reversal, "updated"),
        amount=amount_of(reversal),
        provider_dispute_id=text(reversal, "id"),
        provider_transaction_id=text(reversal, "booking_id"),
        code=optional_text(reversal, "code") or "",
    )


def _entries(entry: StatementEntry, zone: ZoneInfo) -> Iterator[Mapping[str, Any]]:
    """What a booked entry says, in the words of the JSON. A promise says nothing, and neither does a charge."""
    told = told_of(entry, zone) if entry.booked else None
    if told is None:
        return
    at = int(told.occurred_at.timestamp())
    data: dict[str, Any] = {"amount_minor": entry.amount.amount_minor, "currency": entry.amount.currency}
    data["booking_id"] = told.provider_transaction_id
    match told:
        case CreditObservation():
            data |= {"account": told.account, "booked": at, "status": BOOKED}
            data |= {"reference": told.reference, "text": told.remittance or None}
            kind = CREDIT
        case RefundObservation():
            returned = str(told.refund_id) if told.refund_id else None
            data |= {"id": told.provider_refund_id, "return_id": returned, "updated": at, "status": told.status}
            kind = RETURN
        case DisputeObservation():
            data |= {"id": told.provider_dispute_id, "updated": at, "status": told.status}
            kind = REVERSAL
    yield {"type": kind, "data": data}
