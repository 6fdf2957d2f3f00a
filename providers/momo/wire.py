"""What MoMo puts on the wire: the strings that are signed, and how its result codes read in ours.

From MoMo's public documentation (version 3) of its payment gateway (version 2): JSON over POST, amounts in whole đồng,
times in milliseconds since 1970. Each message carries an HMAC-SHA256 in hex over `name=value&name=value`, which is the
access key and then the names that its kind signs, in alphabetical order, with their values unencoded. An answer is not
signed: the connection proves who gives it.

As the values are not encoded, one that holds an "&" could be read as two. No notification with such a value is
believed: a query tells the same.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, Need, SettlementBy
from gateway.ports.provider import (
    NotSent,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    ProviderError,
    Rejected,
    RejectionReason,
    WebhookRejected,
)
from providers.reading import Unreadable, text, whole

PS, RS = PaymentStatus, RefundStatus


@dataclass(frozen=True, slots=True)
class Facts:
    """What comes from a single or an old source. `payment` and `refund` say how one ended that did not succeed.

    `lifetime` is that of the pay page; after it MoMo itself calls a payment expired. A creation is under way no longer
    than `absence_proves`: what is not found then, never was. `key_kept` is how long a requestId is recognised.
    """

    payment: Mapping[int, PaymentStatus]
    refund: Mapping[int, RefundStatus]
    lifetime: timedelta
    absence_proves: timedelta
    key_kept: timedelta
    settled_after_days: int
    fee: FeeContract


TO_CONFIRM = Facts(
    payment={
        1001: PS.DECLINED,  # not enough money
        1002: PS.DECLINED,  # by the issuer of the means of payment
        1003: PS.CANCELLED,  # after it was authorised
        1004: PS.DECLINED,  # above the payer's daily or monthly limit
        1005: PS.EXPIRED,
        1006: PS.CANCELLED,  # the payer refused to confirm
        1007: PS.DECLINED,  # no such account, or an inactive one
        1017: PS.CANCELLED,  # by the merchant
        1026: PS.DECLINED,  # the rules of a promotion
        4001: PS.DECLINED,  # the account is restricted
        4002: PS.DECLINED,  # the account is not verified
        4100: PS.DECLINED,  # the payer failed to log in
    },
    refund={
        1080: RS.FAILED,  # in the course of it; another may be tried an hour later
        1081: RS.FAILED,  # the money may have gone back already, or it is more than is left
        1088: RS.FAILED,  # this payment is not refunded
    },
    lifetime=timedelta(minutes=100),
    absence_proves=timedelta(minutes=15),
    key_kept=timedelta(days=31),
    settled_after_days=1,
    fee=FeeContract(basis_points=150),
)
"""To be confirmed with MoMo and the contract: mending one is a change of one line."""

CURRENCY = "VND"
MINIMUM, MAXIMUM = 1_000, 50_000_000
"""Of a payment, and of a refund."""

CAPABILITIES = Capabilities(
    needs=(Need.WALLET,),
    currencies=frozenset({CURRENCY}),
    flow=Flow.REDIRECT,
    minimum_minor={CURRENCY: MINIMUM},
    maximum_minor={CURRENCY: MAXIMUM},
    partial_refunds=True,
    idempotency_window=TO_CONFIRM.key_kept,
    not_found_proves_absence=True,
    not_found_after=TO_CONFIRM.absence_proves,
    payment_lifetime=TO_CONFIRM.lifetime,
    tells_expiry=True,
    settlement=SettlementBy.FILE,
    settlement_lag_days=TO_CONFIRM.settled_after_days,
    time_zone="Asia/Ho_Chi_Minh",
    fee=TO_CONFIRM.fee,
)

CREATE, QUERY, REFUND = (f"/v2/gateway/api/{operation}" for operation in ("create", "query", "refund"))
REQUEST_TYPE = "captureWallet"
SIGNED: Mapping[str, Sequence[str]] = {
    CREATE: (
        *("amount", "extraData", "ipnUrl", "orderId", "orderInfo", "partnerCode", "redirectUrl", "requestId"),
        "requestType",
    ),
    QUERY: ("orderId", "partnerCode", "requestId"),
    REFUND: ("amount", "description", "orderId", "partnerCode", "requestId", "transId"),
}
"""What each request signs after the access key."""

SIGNATURE = "signature"
NOTIFIED: Mapping[str, type] = {
    "amount": int,
    "extraData": str,
    "message": str,
    "orderId": str,
    "orderInfo": str,
    "orderType": str,
    "partnerCode": str,
    "payType": str,
    "requestId": str,
    "responseTime": int,
    "resultCode": int,
    "transId": int,
}
"""What a notification signs after the access key, and so does the payer's return. What else it may hold proves
nothing and is not read."""

SUCCESS, NOT_FOUND, MAY_BE_REFUNDED = 0, 42, 1081

PAYMENT_STATUS: Mapping[int, PaymentStatus] = {
    SUCCESS: PS.SUCCEEDED,
    9000: PS.SUCCEEDED,  # authorised: that is paid, because each creation asks for autoCapture
    1000: PS.PENDING,  # waits for the payer
    7000: PS.PENDING,
    7002: PS.PENDING,  # at the bank behind the wallet
    8000: PS.PENDING,  # waits for the payer to confirm once more
    **TO_CONFIRM.payment,
}
REFUND_STATUS: Mapping[int, RefundStatus] = {
    SUCCESS: RS.SUCCEEDED,
    1000: RS.PENDING,
    7000: RS.PENDING,
    7002: RS.PENDING,
    8000: RS.PENDING,
    **TO_CONFIRM.refund,
}
"""What a payment, and a refund, is at. A code that is not here is unknown."""

ERROR: Mapping[int, type[ProviderError]] = {
    # Wrong keys or settings: refused before the request is looked at, so nothing happened and it can be sent again.
    11: NotSent,
    12: NotSent,
    13: NotSent,
    20: Rejected,  # badly formed
    21: Rejected,  # the amount
    22: Rejected,  # the amount is out of range
    NOT_FOUND: Rejected,
    47: Rejected,
    # Something of ours may have happened, now or before; only a query can tell.
    10: OutcomeUnknown,  # maintenance
    40: OutcomeUnknown,  # the requestId was used before
    41: OutcomeUnknown,  # so was the orderId
    43: OutcomeUnknown,  # a like request is being carried out
    99: OutcomeUnknown,
}
"""What a code means for the request that met it."""

_LONG = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Keys:
    """Several are valid at once while one replaces another; the first of them signs."""

    access: Sequence[str]
    secrets: Sequence[str] = field(repr=False)

    def signature(self, fields: Mapping[str, Any], names: Sequence[str]) -> str:
        return signature(self.access[0], self.secrets[0], fields, names)

    def signed(self, fields: Mapping[str, Any], names: Sequence[str], claimed: str) -> bool:
        """Whether one of the keys made the signature `claimed`, compared in a time that tells nothing about it."""
        given = claimed.encode(errors="replace")
        true = [signature(access, secret, fields, names) for access in self.access for secret in self.secrets]
        return any(hmac.compare_digest(one.encode(), given) for one in true)


def signature(access_key: str, secret: str, fields: Mapping[str, Any], names: Sequence[str]) -> str:
    return hmac.new(secret.encode(), to_sign(access_key, fields, names).encode(), hashlib.sha256).hexdigest()


def to_sign(access_key: str, fields: Mapping[str, Any], names: Sequence[str]) -> str:
    return "&".join([f"accessKey={access_key}", *(f"{name}={fields[name]}" for name in names)])


def notified(message: Mapping[str, Any]) -> dict[str, Any]:
    """What is signed of a notification, each value of its type. Raises Unreadable."""
    fields = {name: _typed(message, name, kind) for name, kind in NOTIFIED.items()}
    if any("&" in value for value in fields.values() if isinstance(value, str)):
        raise Unreadable("a value holds a sign that would make the signed text read in two ways")
    return fields


def check_signature(keys: Keys, fields: Mapping[str, Any], claimed: object) -> None:
    """Raises WebhookRejected unless one of `keys` signed what `notified` gave."""
    usable = Keys(keys.access, [secret for secret in keys.secrets if secret.strip()])
    if not usable.secrets:
        raise WebhookRejected(RejectionReason.NO_SECRET)
    if not isinstance(claimed, str) or not usable.signed(fields, tuple(NOTIFIED), claimed):
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE)


def event_id(fields: Mapping[str, Any]) -> str:
    """The same for the same content, however it was spelled: MoMo gives notifications no id of their own."""
    return hashlib.sha256(to_sign("", fields, tuple(NOTIFIED)).encode()).hexdigest()


def observations(fields: Mapping[str, Any], partner_code: str) -> list[Observation]:
    """What a notification says: nothing if it is for another account than ours. Raises Unreadable."""
    return [payment_observation(fields)] if fields["partnerCode"] == partner_code else []


def payment_observation(data: Mapping[str, Any]) -> PaymentObservation:
    """A payment as an answer or a notification describes it. Raises Unreadable."""
    code, order_id = whole(data, "resultCode"), text(data, "orderId")
    status = PAYMENT_STATUS.get(code, PaymentStatus.UNKNOWN)
    paid = status is PaymentStatus.SUCCEEDED
    return PaymentObservation(
        status=status,
        occurred_at=moment(data),
        payment_id=payment_of(order_id),
        provider_payment_id=order_id,
        provider_transaction_id=transaction(data) if paid else None,
        amount=amount(data) if paid else None,
        code=str(code),
    )


def order_of(our_id: UUID) -> str:
    """The orderId of a payment or a refund: each is an order of its own."""
    return str(our_id)


def payment_of(order_id: str) -> UUID | None:
    """None for an order that another system opened on the same account."""
    try:
        ours = UUID(order_id)
    except ValueError:
        return None
    return ours if order_of(ours) == order_id else None


def transaction(data: Mapping[str, Any]) -> str:
    number = whole(data, "transId")
    if number < 1:
        raise Unreadable("transId is not above 0")
    return str(number)


def amount(data: Mapping[str, Any]) -> Money:
    try:
        return Money(whole(data, "amount"), CURRENCY)
    except GatewayError:
        raise Unreadable("amount is not an amount of money") from None


def moment(data: Mapping[str, Any]) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=whole(data, "responseTime"))
    except OverflowError:
        raise Unreadable("responseTime is not a time") from None


def _typed(message: Mapping[str, Any], name: str, kind: type) -> Any:
    value = message.get(name)
    if type(value) is not kind:
        raise Unreadable(f"{name} is not of its type")
    if isinstance(value, int) and not -_LONG <= value < _LONG:
        raise Unreadable(f"{name} is too large")
    if isinstance(value, str) and not value.isascii():
        _check_unicode(name, value)
    return value


def _check_unicode(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, which JSON can spell and nobody can sign
        raise Unreadable(f"{name} is not text") from None
