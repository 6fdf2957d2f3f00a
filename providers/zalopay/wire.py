"""What ZaloPay's v2 API puts on the wire: names, signatures, and how its codes read in our words.

A request is a form whose mac is HMAC-SHA256 in hex with key1 over values joined by "|":

    create        app_id|app_trans_id|app_user|amount|app_time|embed_data|item
    query         app_id|app_trans_id|key1
    refund        app_id|zp_trans_id|amount|description|timestamp
    query_refund  app_id|m_refund_id|timestamp

A callback is {"data": "<JSON text>", "mac": ..., "type": 1}: its mac is made with key2 over the text of `data` exactly
as it came, so that `type` is not signed. It is sent on success only. Answers to requests are not signed: TLS vouches
for them. Amounts are whole đồng, times milliseconds since 1970, and days those of Vietnam.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, Need, SettlementBy
from gateway.ports.provider import (
    AckResult,
    NotSent,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    ProviderError,
    RateLimited,
    Rejected,
    RejectionReason,
    WebhookRejected,
)
from providers.reading import Unreadable, decoded, text, whole

CURRENCY = "VND"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
APP_USER = "congphi"
"""ZaloPay wants a name for its user's account with us. Payers have none, and theirs would be personal data."""

NO_ITEMS = "[]"
EVERY_METHOD = ""  # of bank_code: the payer chooses on ZaloPay's page
REFUND_DESCRIPTION = "Refund"

FRESH = timedelta(minutes=15)  # app_time and a refund's timestamp may be so old at most
EXPIRE_SECONDS_MIN, EXPIRE_SECONDS_MAX = 300, 2_592_000
EXPIRE_BY_DEFAULT = timedelta(minutes=15)
QUERY_WINDOW = timedelta(hours=48)

DONE, FAILED, PROCESSING = 1, 2, 3
"""The values of return_code. What failed says why in sub_return_code."""

OF_AN_ORDER = 1  # the type of a callback; another is of a wallet that was bound

PS, RS = PaymentStatus, RefundStatus


@dataclass(frozen=True, slots=True)
class Facts:
    """What comes from a single or an old source. `creation`, `question` and `refund` say what a failure means for the
    request that met it, `order` and `refunded` what it means for the order or the refund that was asked about. A code
    that is not there is unknown: never failed, never paid."""

    creation: Mapping[int, type[ProviderError]]
    question: Mapping[int, type[ProviderError]]
    refund: Mapping[int, type[ProviderError]]
    order: Mapping[int, PaymentStatus]
    refunded: Mapping[int, RefundStatus]
    not_found: int
    acknowledgement: Mapping[AckResult, int]
    minimum_minor: int
    fee: FeeContract


TO_CONFIRM = Facts(
    creation={
        -68: OutcomeUnknown,  # an order of this app_trans_id is there already
        -401: Rejected,
        -402: NotSent,  # a wrong key, refused before the order was looked at: it can be sent again
        -429: RateLimited,
        -999: NotSent,  # maintenance: no order is made, and the payer may take another method
    },
    question={-401: OutcomeUnknown, -402: NotSent, -429: RateLimited, -500: OutcomeUnknown, -999: OutcomeUnknown},
    refund={
        -13: Rejected,  # too late for a refund
        -14: Rejected,  # the amount
        -23: OutcomeUnknown,  # a refund of this m_refund_id is there already
        -24: Rejected,  # the form, the day or the app_id of m_refund_id
        -25: Rejected,
        -26: Rejected,
        -32: Rejected,  # cannot be refunded in part
        -101: Rejected,  # no such transaction
        -401: Rejected,
        -402: NotSent,
        -429: RateLimited,
    },
    order={
        -54: PS.EXPIRED,
        -63: PS.DECLINED,  # the wallet does not hold enough; the payer may try again while the order lives
        -217: PS.DECLINED,  # the bank
        **dict.fromkeys((-332, -333), PS.DECLINED),  # rules of a promotion
        **dict.fromkeys((-1330, -1331, -1332, -1333), PS.DECLINED),  # above the payer's limit for a day
        **dict.fromkeys((-1340, -1341, -1342, -1343), PS.DECLINED),  # or for a month
    },
    refunded=dict.fromkeys((0, -13, -14, -32), RS.FAILED),
    not_found=-101,
    # "0 asks to be sent again"; the others say that it is known, or that it is not to be believed.
    acknowledgement={AckResult.DUPLICATE: 2, AckResult.REJECTED: -1, AckResult.RETRY: 0},
    minimum_minor=1_000,
    fee=FeeContract(basis_points=150),
)
"""To be confirmed with the provider's contract: mending one is a change of one line."""

RECEIVED = 1  # what a callback is acknowledged with, unless the table above says otherwise

CAPABILITIES = Capabilities(
    needs=(Need.WALLET,),
    currencies=frozenset({CURRENCY}),
    flow=Flow.REDIRECT,
    minimum_minor={CURRENCY: TO_CONFIRM.minimum_minor},
    partial_refunds=True,
    idempotency_window=None,  # what is sent again is refused as a duplicate, not answered
    # What is sent is refused once it is FRESH no more: what cannot be found then was never taken, and never will be.
    not_found_proves_absence=True,
    not_found_after=FRESH + timedelta(minutes=5),
    payment_lifetime=EXPIRE_BY_DEFAULT,
    query_window=QUERY_WINDOW,
    tells_expiry=True,
    settlement=SettlementBy.FILE,
    settlement_lag_days=1,
    time_zone=ZONE.key,
    fee=TO_CONFIRM.fee,
)

_ORDER_ID = re.compile(r"\d{6}_([0-9a-f]{32})")
_REFUND_ID = re.compile(r"\d{6}_\d+_([a-z2-7]{26})")
_TRANSACTION_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_EPOCH = datetime.fromtimestamp(0, UTC)
_KEPT = ("app_trans_id", "zp_trans_id", "amount", "server_time", "channel", "discount_amount", "user_fee_amount")
"""Of a callback. The rest is ours, or says who paid."""


def mac(key: str, *values: object) -> str:
    return _digest(key, "|".join(map(str, values)))


def callback_mac(key: str, data: str) -> str:
    return _digest(key, data)


def day(at: datetime) -> str:
    """yymmdd in Vietnam."""
    return at.astimezone(ZONE).strftime("%y%m%d")


def milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def order_id(payment_id: UUID, created_at: datetime) -> str:
    """The app_trans_id of a payment, the same whenever it is asked for: 39 of the 40 characters allowed."""
    return f"{day(created_at)}_{payment_id.hex}"


def refund_id(app_id: str, ours: UUID, sent_at: datetime) -> str:
    """The m_refund_id of a refund, of the day on which it was first sent, also if it is sent again on another: within
    the 45 characters allowed."""
    name = base64.b32encode(ours.bytes).decode().rstrip("=").lower()
    return f"{day(sent_at)}_{app_id}_{name}"


def payment_of(app_trans_id: str) -> UUID | None:
    """Our payment; None for an order that somebody else made on the same account."""
    match = _ORDER_ID.fullmatch(app_trans_id)
    return UUID(match[1]) if match else None


def refund_of(m_refund_id: str) -> UUID | None:
    """Our refund; None for one that was made elsewhere."""
    match = _REFUND_ID.fullmatch(m_refund_id)
    return UUID(bytes=base64.b32decode(match[1].upper() + "======")) if match else None


def result(answer: Mapping[str, Any]) -> tuple[int, int]:
    """return_code and sub_return_code; a reason that stands in return_code itself is a failure too. Raises
    Unreadable."""
    returned = whole(answer, "return_code")
    if returned < 0:
        return FAILED, returned
    return returned, whole(answer, "sub_return_code") if "sub_return_code" in answer else 0


def paid(order: Mapping[str, Any], app_trans_id: str) -> PaymentObservation:
    """A success, from a callback or from the answer to a query. Raises Unreadable."""
    try:
        amount = Money(whole(order, "amount"), CURRENCY)
    except GatewayError:
        raise Unreadable("amount is not an amount of money") from None
    return PaymentObservation(
        status=PaymentStatus.SUCCEEDED,
        occurred_at=_moment(order, "server_time"),
        payment_id=payment_of(app_trans_id),
        provider_payment_id=app_trans_id,
        provider_transaction_id=_transaction(order),
        amount=amount,
        code=str(DONE),
    )


def checked(body: bytes, keys: Sequence[str], app_id: str) -> tuple[str, Mapping[str, Any]]:
    """The digest of a callback's data and what of it is kept: nothing if it is about something else than an order.

    Raises WebhookRejected unless one of `keys` signed it, and Unreadable for what makes no sense although it is signed.
    """
    envelope = decoded(body)
    data = _signed_text(envelope, keys)
    content = decoded(data.encode(errors="replace"))
    if str(content.get("app_id")) != app_id:
        raise Unreadable("app_id is not ours")
    digest = hashlib.sha256(data.encode(errors="replace")).hexdigest()
    if "zp_trans_id" not in content and envelope.get("type") != OF_AN_ORDER:
        return digest, {}
    observations(content)  # whatever is verified can be parsed
    return digest, {name: content[name] for name in _KEPT if name in content}


def observations(kept: Mapping[str, Any]) -> list[Observation]:
    """What a callback says; nothing if it is about something else than an order. Raises Unreadable."""
    return [paid(kept, text(kept, "app_trans_id"))] if kept else []


def _signed_text(envelope: Mapping[str, Any], keys: Sequence[str]) -> str:
    usable = [key for key in keys if key.strip()]
    if not usable:
        raise WebhookRejected(RejectionReason.NO_SECRET)
    data, given = text(envelope, "data"), envelope.get("mac")
    if not isinstance(given, str) or not given.isascii():
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE, "the mac is missing or malformed")
    if not any(hmac.compare_digest(callback_mac(key, data), given) for key in usable):
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE)
    return data


def _transaction(order: Mapping[str, Any]) -> str:
    """zp_trans_id is a number in some messages and a text in others."""
    value = order.get("zp_trans_id")
    name = str(value) if type(value) is int else text(order, "zp_trans_id")
    if not _TRANSACTION_ID.fullmatch(name):
        raise Unreadable("zp_trans_id is not a name of a transaction")
    return name


def _moment(order: Mapping[str, Any], name: str) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=whole(order, name))
    except OverflowError:
        raise Unreadable(f"{name} is not a time") from None


def _digest(key: str, message: str) -> str:
    return hmac.new(key.encode(), message.encode(errors="replace"), hashlib.sha256).hexdigest()
