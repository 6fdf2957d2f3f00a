"""Stripe's objects, made from the simulator's books: the fields that an integration like ours meets, in their shapes.

What the payer typed into the page is there too, as Stripe sends it, to see that nothing of it is kept.
"""

from collections.abc import Mapping
from typing import Any

from providers.simulation.bank import PROCESSING, UNHEARD_OF
from providers.simulation.books import Document
from providers.stripe.wire import API_VERSION

PAYER = {"email": "payer.who.typed@example.com", "name": "Nguyễn Thị Người Trả"}

_CATEGORY: Mapping[tuple[str, bool], tuple[str, str, str]] = {
    ("payment", True): ("charge", "charge", "charge"),
    ("refund", False): ("refund", "refund", "refund"),
    ("refund", True): ("refund_failure", "refund_failure", "refund"),
    ("chargeback", False): ("dispute", "adjustment", "dispute"),
    ("chargeback_reversal", True): ("dispute_reversal", "adjustment", "dispute"),
}
"""reporting_category, type and the source's object, by the kind of movement and whether it is towards the merchant."""


def session(payment: Document, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
    status, payment_status = session_status(payment)
    complete = status == "complete"
    tried: object = payment["intent"] if payment["attempted"] or complete else None
    if tried and "payment_intent" in expand:
        tried = intent(payment, expanded="payment_intent.latest_charge" in expand)
    return {
        "id": payment["id"],
        "object": "checkout.session",
        "amount_subtotal": _amount(payment),
        "amount_total": _amount(payment),
        "cancel_url": payment["cancel_url"],
        "client_reference_id": payment["client_reference_id"],
        "created": payment["created"],
        "currency": payment["currency"].lower(),
        "customer": None,
        "customer_details": {**PAYER, "phone": None, "address": None} if complete else None,
        "customer_email": None,
        "expires_at": payment["expires"],
        "livemode": False,
        "locale": payment["locale"],
        "metadata": payment["metadata"],
        "mode": "payment",
        "payment_intent": tried,
        "payment_method_types": ["card"],
        "payment_status": payment_status,
        "status": status,
        "success_url": payment["return_url"],
        "ui_mode": "hosted_page",
        "url": payment["url"] if status == "open" else None,
    }


def session_status(payment: Document) -> tuple[str, str]:
    """The session's status and payment_status."""
    if payment["status"] == UNHEARD_OF:
        return "complete", UNHEARD_OF
    if payment["status"] == "succeeded":
        return "complete", "paid"
    if payment["status"] == "expired":
        return "expired", "unpaid"
    return "complete" if payment["completed"] else "open", "unpaid"


def intent(payment: Document, *, expanded: bool = False) -> dict[str, Any]:
    paid = payment["transactions"]
    declined = payment["status"] == "declined"
    error = {**PAYER, "type": "card_error", "code": "card_declined", "decline_code": payment["code"]}
    latest: object = payment["charge"] if paid else None
    return {
        "id": payment["intent"],
        "object": "payment_intent",
        "amount": _amount(payment),
        "amount_received": paid[0]["amount_minor"] if paid else 0,
        "created": payment["created"],
        "currency": payment["currency"].lower(),
        "last_payment_error": error if declined else None,
        "latest_charge": charge(payment, 0) if paid and expanded else latest,
        "livemode": False,
        "metadata": payment["intent_metadata"],
        "receipt_email": PAYER["email"],
        "status": _intent_status(payment),
    }


def _intent_status(payment: Document) -> str:
    if payment["status"] == "succeeded":
        return "succeeded"
    if payment["status"] == "expired":
        return "canceled"
    return "processing" if payment["code"] == PROCESSING else "requires_payment_method"


def charge(payment: Document, refunded_minor: int) -> dict[str, Any]:
    """`amount_refunded` is cumulative, and the refunds are not listed with it: so it is since 2022."""
    paid = payment["transactions"][0]
    return {
        "id": payment["charge"],
        "object": "charge",
        "amount": paid["amount_minor"],
        "amount_captured": paid["amount_minor"],
        "amount_refunded": refunded_minor,
        "billing_details": {**PAYER, "phone": None, "address": None},
        "created": paid["occurred"],
        "currency": paid["currency"].lower(),
        "livemode": False,
        "metadata": payment["intent_metadata"],
        "paid": True,
        "payment_intent": payment["intent"],
        "refunded": refunded_minor == paid["amount_minor"],
        "status": "succeeded",
    }


def refund(document: Document) -> dict[str, Any]:
    ours = {"refund_id": document["refund_id"], "payment_id": document["payment_id"]}
    return {
        "id": document["id"],
        "object": "refund",
        "amount": document["amount_minor"],
        "charge": "ch_" + document["transaction_id"].removeprefix("pi_"),
        "created": document["created"],
        "currency": document["currency"].lower(),
        "failure_reason": document["code"] or None,
        "metadata": ours if document["refund_id"] else {},
        "payment_intent": document["transaction_id"],
        "reason": None,
        "status": document["status"],
    }


def dispute(document: Document) -> dict[str, Any]:
    return {
        "id": document["id"],
        "object": "dispute",
        "amount": document["amount_minor"],
        "charge": "ch_" + document["transaction_id"].removeprefix("pi_"),
        "created": document["created"],
        "currency": document["currency"].lower(),
        "evidence": {"customer_email_address": PAYER["email"], "customer_name": PAYER["name"]},
        "livemode": False,
        "metadata": {},
        "payment_intent": document["transaction_id"],
        "reason": document["code"],
        "status": "needs_response" if document["status"] == "open" else document["status"],
    }


def payout(batch: Document, total_minor: int, arrival: int) -> dict[str, Any]:
    return {
        "id": batch["id"],
        "object": "payout",
        "amount": total_minor,
        "arrival_date": arrival,
        "automatic": True,
        "created": arrival,
        "currency": batch["currency"].lower(),
        "livemode": False,
        "reconciliation_status": "completed",
        "status": "paid",
        "type": "bank_account",
    }


def balance_transaction(line: Document, *, expanded: bool) -> dict[str, Any]:
    category, kind, what = _CATEGORY[line["kind"], line["gross_minor"] > 0]
    source_id = "ch_" + line["transaction_id"].removeprefix("pi_") if what == "charge" else line["source"]
    source = {
        "id": source_id,
        "object": what,
        "payment_intent": line["transaction_id"],
        "metadata": {"payment_id": line["payment_id"]} if line["payment_id"] and what != "dispute" else {},
    }
    return {
        "id": line["id"],
        "object": "balance_transaction",
        "amount": line["gross_minor"],
        "available_on": line["occurred"],
        "created": line["occurred"],
        "currency": line["currency"].lower(),
        "exchange_rate": None,
        "fee": line["fee_minor"],
        "net": line["gross_minor"] - line["fee_minor"],
        "reporting_category": category,
        "source": source if expanded else source_id,
        "status": "available" if line["status"] == "settled" else line["status"],
        "type": kind,
    }


def payout_transaction(paid_out: Mapping[str, Any]) -> dict[str, Any]:
    """The payout's own transaction, which is listed with those it is made of."""
    return {
        "id": "txn_" + paid_out["id"].removeprefix("po_"),
        "object": "balance_transaction",
        "amount": -paid_out["amount"],
        "available_on": paid_out["arrival_date"],
        "created": paid_out["created"],
        "currency": paid_out["currency"],
        "exchange_rate": None,
        "fee": 0,
        "net": -paid_out["amount"],
        "reporting_category": "payout",
        "source": paid_out["id"],
        "status": "available",
        "type": "payout",
    }


def event(event_id: str, kind: str, thing: Mapping[str, Any], created: int) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def _amount(payment: Document) -> int:
    paid = payment["transactions"]
    return int(paid[0]["amount_minor"] if paid else payment["amount_minor"])
