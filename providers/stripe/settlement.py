"""Stripe's settlement: the balance transactions of a payout, from the API or from the payout reconciliation report.

gross - fee = net holds for every line, and the nets of an automatic payout add up to what is paid out. The API gives
minor units, the report major ones.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, from_major
from gateway.ports.provider import BatchRef, LineKind, SettlementLine
from providers.reading import Unreadable, instant, money, text, whole

CATEGORY: Mapping[str, LineKind] = {
    "charge": LineKind.PAYMENT,
    "charge_failure": LineKind.PAYMENT,  # negative: a debit that failed after it was credited
    "refund": LineKind.REFUND,
    "refund_failure": LineKind.REFUND,  # positive: the payer's bank sent it back
    "partial_capture_reversal": LineKind.REFUND,
    "dispute": LineKind.CHARGEBACK,
    "dispute_reversal": LineKind.CHARGEBACK_REVERSAL,
    "fee": LineKind.FEE,
    "network_cost": LineKind.FEE,
    "tax": LineKind.FEE,
}
"""By reporting_category, which tells apart what `type` calls "adjustment", and calls a `payment` a charge and a
`payment_refund` a refund. What is not here is an adjustment: it counts towards the payout and asks to be explained."""

_NAMED_BY_SOURCE = (LineKind.REFUND, LineKind.CHARGEBACK, LineKind.CHARGEBACK_REVERSAL)

PAYOUT = "payout"
"""The payout's own transaction, listed with the others: what was paid out, not what it is made of."""

COLUMNS = (
    *("automatic_payout_id", "automatic_payout_effective_at", "balance_transaction_id", "created_utc"),
    *("available_on_utc", "currency", "gross", "fee", "net", "reporting_category", "source_id"),
    *("customer_facing_amount", "customer_facing_currency", "charge_id", "payment_intent_id"),
)
"""The columns of the report that are needed; it may have more."""

_OUR_PAYMENT = "payment_metadata[payment_id]"  # if the report was asked for with metadata


def batch(payout: Mapping[str, Any]) -> BatchRef:
    """A payout as a batch of the day on which it arrives. Raises Unreadable."""
    arrival = instant(payout, "arrival_date").date()
    return BatchRef(text(payout, "id"), arrival, money(payout, "amount", "currency"), text(payout, "id"))


def is_reported(payout: Mapping[str, Any]) -> bool:
    """Whether its transactions are all there. A payout that failed is none, and its money is in a later one."""
    return payout.get("status") == "paid" and payout.get("reconciliation_status") != "in_progress"


def line(transaction: Mapping[str, Any]) -> SettlementLine | None:
    """A balance transaction with its source expanded; None for the payout's own. Raises Unreadable."""
    category = text(transaction, "reporting_category")
    if category == PAYOUT:
        return None
    source = transaction.get("source")
    source = source if isinstance(source, Mapping) else {}
    metadata = source.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    read = SettlementLine(
        line_id=text(transaction, "id"),
        kind=CATEGORY.get(category, LineKind.ADJUSTMENT),
        gross=money(transaction, "amount", "currency"),
        fee=money(transaction, "fee", "currency"),
        occurred_at=instant(transaction, "created"),
        provider_transaction_id=_text_or_none(source.get("payment_intent")) or _text_or_none(source.get("id")),
        provider_refund_id=_text_or_none(source.get("id")) if source.get("object") in ("refund", "dispute") else None,
        merchant_reference=_text_or_none(metadata.get("payment_id")),
        status=text(transaction, "status"),
        settled=text(transaction, "status") == "available",
    )
    if read.net.amount_minor != whole(transaction, "net"):
        raise Unreadable(f"{read.line_id}: amount - fee is not net")
    return read


def read_report(rows: Iterable[str]) -> Iterator[tuple[BatchRef, SettlementLine]]:
    """The lines of a payout reconciliation report (CSV), each with its payout; the report states no totals.

    Raises Unreadable naming the line and what is wrong with it.
    """
    table = csv.DictReader(rows)
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        raise Unreadable(f"line 1: the columns {', '.join(missing)} are missing")
    for row in table:
        try:
            read = _reported(row)
        except (Unreadable, GatewayError) as fault:
            raise Unreadable(f"line {table.line_num}: {fault}") from None
        if read is not None:
            yield read


def _reported(row: Mapping[str, str | None]) -> tuple[BatchRef, SettlementLine] | None:
    cell = {name: (row.get(name) or "").strip() for name in (*COLUMNS, _OUR_PAYMENT)}
    category, currency = cell["reporting_category"], cell["currency"].upper()
    if category == PAYOUT:
        return None
    if not cell["automatic_payout_id"] or not cell["balance_transaction_id"]:
        raise Unreadable("it names no payout or no transaction")
    gross, fee, net = (_major(cell, name, currency) for name in ("gross", "fee", "net"))
    if gross - fee != net:
        raise Unreadable("gross - fee is not net")
    kind = CATEGORY.get(category, LineKind.ADJUSTMENT)
    payout = BatchRef(
        id=cell["automatic_payout_id"],
        business_date=_moment(cell, "automatic_payout_effective_at").date(),
        payout_id=cell["automatic_payout_id"],
    )
    return payout, SettlementLine(
        line_id=cell["balance_transaction_id"],
        kind=kind,
        gross=gross,
        fee=fee,
        occurred_at=_moment(cell, "created_utc").replace(tzinfo=UTC),
        provider_transaction_id=cell["payment_intent_id"] or cell["charge_id"] or cell["source_id"] or None,
        provider_refund_id=(cell["source_id"] or None) if kind in _NAMED_BY_SOURCE else None,
        merchant_reference=cell[_OUR_PAYMENT] or None,
        status=category,
    )


def _major(cell: Mapping[str, str], name: str, currency: str) -> Money:
    if not cell[name]:
        raise Unreadable(f"{name} is empty")
    try:
        return from_major(cell[name], currency)
    except GatewayError:
        raise Unreadable(f"{name} is not an amount of the line's currency") from None


def _moment(cell: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.fromisoformat(cell[name])
    except ValueError:
        raise Unreadable(f"{name} is not a time") from None


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
