"""How the simulated bank tells of its bookings: in JSON, and as entries of camt messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.domain.money import Money
from providers.bank_transfer import wire
from providers.bank_transfer.camt_writer import Booking, notification
from providers.bank_transfer.outcomes import PAYER_ACCOUNT, PAYER_NAME
from providers.simulation.books import Change, Document

if TYPE_CHECKING:
    from providers.bank_transfer.simulator import TransferBank

_BY_CAMT: Mapping[str, tuple[str, int]] = {
    # the event, what its entry is, and its sign; of all else a camt.054 cannot tell, as nothing was booked
    "credit.booked": (wire.CREDIT, 1),
    "refund.succeeded": (wire.RETURN, -1),
    "dispute.open": (wire.REVERSAL, -1),
    "dispute.won": (wire.REVERSAL, 1),
}


def credit_json(bank: "TransferBank", credit: Document) -> dict[str, Any]:
    taken_back = any(d["transaction_id"] == credit["id"] and d["status"] != "won" for d in bank.books.all("dispute"))
    return {
        "booking_id": credit["id"],
        "account": credit["account"],
        "amount_minor": credit["amount_minor"],
        "currency": credit["currency"],
        "booked": credit["created"],
        "status": wire.TAKEN_BACK if taken_back else wire.BOOKED,
        "reference": credit["reference"] or None,
        "text": credit["text"] or None,
        "payer": {"name": PAYER_NAME, "account": PAYER_ACCOUNT},
    }


def return_json(returned: Document) -> dict[str, Any]:
    names = ("id", "return_id", "amount_minor", "currency", "status", "code", "updated")
    data = {**returned, "return_id": returned["refund_id"]}
    return {**{name: data[name] or None for name in names}, "booking_id": returned["transaction_id"]}


def reversal_json(reversal: Document) -> dict[str, Any]:
    names = ("id", "amount_minor", "currency", "status", "code", "updated")
    return {**{name: reversal[name] or None for name in names}, "booking_id": reversal["transaction_id"]}


def told_by_camt(bank: "TransferBank", change: Change, event: str, document: Document, message_id: str) -> str:
    """The event as a camt.054; blank if there is no entry that could tell of it."""
    if event not in _BY_CAMT:
        return ""
    kind, sign = _BY_CAMT[event]
    credit = change.get("payment", document["id"] if kind == wire.CREDIT else document["transaction_id"])
    account = credit["account"] if credit is not None else ""
    at = datetime.fromtimestamp(document["updated"], bank.zone)
    amount = Money(sign * document["amount_minor"], document["currency"])
    booking = entry(document, document["id"], kind, amount, at)
    return notification(message_id, account, [booking], at).decode()


def entry(cause: Document, name: str, kind: str, amount: Money, at: datetime, *, booked: bool = True) -> Booking:
    """The entry of a camt message for what `cause` moved."""
    is_credit = kind == wire.CREDIT
    return Booking(
        name=name,
        id=cause["id"],
        kind=kind,
        amount=amount,
        at=at,
        booked=booked,
        undoes=cause.get("transaction_id", "") if kind in (wire.RETURN, wire.REVERSAL) else "",
        instruction=(cause.get("refund_id") or "").replace("-", "") if kind == wire.RETURN else "",
        reference=cause.get("reference", "") if is_credit else "",
        text=cause.get("text", "") if is_credit else "",
        payer=PAYER_NAME if is_credit else "",
        payer_account=PAYER_ACCOUNT if is_credit else "",
    )
