"""What goes over the wire to VNPAY 2.1.0 and back: signatures, times, amounts, and how its codes read in our words.

A pay link, the notification (IPN) and the browser's return are query strings: empty values dropped, sorted by name,
form-encoded, and signed as they stand with HMAC-SHA512. The API (querydr, refund) is JSON, signed over the values of
named fields joined by "|", empty ones kept. Encoders disagree on "*" and "~", so neither goes out.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, Need, SettlementBy
from gateway.ports.provider import NotSent, ProviderError, Rejected
from providers.reading import Unreadable


@dataclass(frozen=True, slots=True)
class ToBeConfirmed:
    """Facts from a single or an old source, to be held against the contract; correcting one is a change of its line.

    `more_refusals`: answers to a refund beyond those that the documentation of this version lists. And of querydr we
    take it that about an order with refunds it tells of the last one, unless vnp_TransactionNo names another movement.
    """

    notification_tries: int = 10
    notification_every: timedelta = timedelta(minutes=5)
    payment_lifetime: timedelta = timedelta(minutes=15)
    minimum_vnd: int = 5_000
    maximum_vnd: int = 999_999_999
    order_type: str = "other"
    fee_basis_points: int = 110
    more_refusals: tuple[str, ...] = ("02", "03", "04", "13", "93")


CHECK = ToBeConfirmed()

VERSION = "2.1.0"
PAY_PATH = "/paymentv2/vpcpay.html"
API_PATH = "/merchant_webapi/api/transaction"
CURRENCY = "VND"
HUNDREDTHS = 100
"""VNPAY states a dong as a hundred hundredths, though the dong has none."""

ZONE = timezone(timedelta(hours=7))
LOCALES: Mapping[str, str] = {"vi": "vn", "en": "en"}
SIGNATURE = "vnp_SecureHash"
SIGNATURE_TYPE = "vnp_SecureHashType"

CAPABILITIES = Capabilities(
    needs=(Need.BANK_APP, Need.CARD),
    currencies=frozenset({CURRENCY}),
    flow=Flow.REDIRECT,
    minimum_minor={CURRENCY: CHECK.minimum_vnd},
    maximum_minor={CURRENCY: CHECK.maximum_vnd},
    partial_refunds=True,
    # A request id counts once a day; what is sent again on another day would be another refund.
    idempotency_window=timedelta(hours=24),
    idempotency_by_day=True,
    opened_by_payer=True,
    payment_lifetime=CHECK.payment_lifetime,
    settlement=SettlementBy.FILE,
    settlement_lag_days=1,
    time_zone="Asia/Ho_Chi_Minh",
    fee=FeeContract(basis_points=CHECK.fee_basis_points),
)

QUERY, REFUND = "querydr", "refund"
QUERY_SIGNED = (
    *("RequestId", "Version", "Command", "TmnCode", "TxnRef", "TransactionDate", "CreateDate", "IpAddr", "OrderInfo"),
)
REFUND_SIGNED = (
    *("RequestId", "Version", "Command", "TmnCode", "TransactionType", "TxnRef", "Amount", "TransactionNo"),
    *("TransactionDate", "CreateBy", "CreateDate", "IpAddr", "OrderInfo"),
)
REFUND_ANSWER_SIGNED = (
    *("ResponseId", "Command", "ResponseCode", "Message", "TmnCode", "TxnRef", "Amount", "BankCode", "PayDate"),
    *("TransactionNo", "TransactionType", "TransactionStatus", "OrderInfo"),
)
QUERY_ANSWER_SIGNED = (*REFUND_ANSWER_SIGNED, "PromotionCode", "PromotionAmount")

OK = "00"
NOT_FOUND = "91"
DUPLICATE = "94"
UNSUCCESSFUL = "95"
BAD_CHECKSUM = "97"
API_ERROR: Mapping[str, type[ProviderError]] = {
    # Refused before the request is looked at, so nothing happened and it can be sent again.
    BAD_CHECKSUM: NotSent,
    NOT_FOUND: Rejected,
    UNSUCCESSFUL: Rejected,
    **dict.fromkeys(CHECK.more_refusals, Rejected),
}
"""What a code of the API means for a refund that met it. One that is not here, DUPLICATE above all, is OutcomeUnknown:
an earlier request of ours may have been carried out, and only a query can tell."""

PAYMENT, FULL_REFUND, PARTIAL_REFUND = "01", "02", "03"
REFUNDS = frozenset({FULL_REFUND, PARTIAL_REFUND})

PAID = "00"
TRANSACTION_STATUS: Mapping[str, PaymentStatus] = {
    PAID: PaymentStatus.SUCCEEDED,
    "01": PaymentStatus.PENDING,
    "02": PaymentStatus.DECLINED,
    "04": PaymentStatus.UNKNOWN,  # the payer's bank has debited, VNPAY has not been credited
    "07": PaymentStatus.UNKNOWN,  # money taken, and suspected to be a fraud
}
REFUND_STATUS: Mapping[str, RefundStatus] = {
    PAID: RefundStatus.SUCCEEDED,
    "05": RefundStatus.PENDING,  # with VNPAY
    "06": RefundStatus.PENDING,  # sent to the bank
    "09": RefundStatus.FAILED,
}
NOT_PAID: Mapping[str, PaymentStatus] = {
    **dict.fromkeys(("09", "10", "12", "13", "51", "65", "75", "79"), PaymentStatus.DECLINED),
    "11": PaymentStatus.EXPIRED,
    "24": PaymentStatus.CANCELLED,
}
"""Why a notification says that a payment failed, by its ResponseCode."""

NOTIFIED = (
    *("vnp_TmnCode", "vnp_TxnRef", "vnp_Amount", "vnp_ResponseCode", "vnp_TransactionStatus", "vnp_TransactionNo"),
    "vnp_PayDate",
)
"""What we read and keep of a notification; the rest is of the payer's bank and card."""

_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_AMOUNT = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{32}", re.ASCII)


# Signatures.


def canonical(fields: Mapping[str, str]) -> str:
    """The query string that is signed, and sent."""
    kept = {name: value for name, value in fields.items() if value and name not in (SIGNATURE, SIGNATURE_TYPE)}
    return urlencode(sorted(kept.items()))


def signature(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha512).hexdigest()


def signed_query(secret: str, fields: Mapping[str, str]) -> str:
    """The query string with its signature."""
    query = canonical(fields)
    return f"{query}&{SIGNATURE}={signature(secret, query.encode())}"


def signed_by(secrets: Sequence[str], message: bytes, given: str) -> bool:
    """Whether one of `secrets`, of which several are valid while they are rotated, signed `message`."""
    raw = given.encode(errors="replace")
    return any(hmac.compare_digest(signature(secret, message).encode(), raw) for secret in secrets)


def taken_apart(query: str) -> tuple[bytes, str]:
    """The part of a query string that is signed, and the signature, "" if there is none.

    The bytes are checked as they came, not as they would be encoded again, so that no change of any of them passes.
    """
    pairs = sorted(pair for pair in query.split("&") if not pair.startswith(SIGNATURE_TYPE + "="))
    signatures = [pair for pair in pairs if pair.startswith(SIGNATURE + "=")]
    kept = [pair for pair in pairs if pair not in signatures and not pair.endswith("=")]
    return "&".join(kept).encode("latin-1"), signatures[0].partition("=")[2] if len(signatures) == 1 else ""


def fields_of(query: bytes) -> dict[str, str]:
    """The fields of the signed part of a query string. Raises Unreadable."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=64
        )
    except ValueError:
        raise Unreadable("the query is not form-encoded") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("a field comes twice")
    return fields


def joined(message: Mapping[str, str], names: Sequence[str]) -> bytes:
    """What a message of the API signs: the values of `names`, empty where it has none."""
    return "|".join(message.get(f"vnp_{name}", "") for name in names).encode()


# Values.


def stamp(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y%m%d%H%M%S")


def moment(text: str) -> datetime:
    """Raises Unreadable."""
    match = _STAMP.fullmatch(text)
    try:
        if match is None:
            raise Unreadable("a time is not yyyyMMddHHmmss")
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=ZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("there is no such time") from None


def amount_text(amount: Money) -> str:
    return str(amount.amount_minor * HUNDREDTHS)


def amount_of(text: str) -> Money:
    """Raises Unreadable."""
    if not _AMOUNT.fullmatch(text) or int(text) % HUNDREDTHS:
        raise Unreadable("the amount is not a whole number of dong in hundredths")
    return Money(int(text) // HUNDREDTHS, CURRENCY)


def order_of(payment_id: UUID) -> str:
    """Our payment's TxnRef."""
    return payment_id.hex


def payment_of(order: str) -> UUID | None:
    """The payment of ours that a TxnRef names; None if it is the order of somebody else."""
    return UUID(hex=order) if _UUID.fullmatch(order) else None


# Meanings.


def notified_status(response_code: str, transaction_status: str) -> PaymentStatus:
    """What a notification says: paid only if both codes say so, and failed only for a reason that is known."""
    status = TRANSACTION_STATUS.get(transaction_status, PaymentStatus.UNKNOWN)
    if status is PaymentStatus.SUCCEEDED and response_code != OK:
        return PaymentStatus.UNKNOWN
    if status is PaymentStatus.DECLINED:
        return NOT_PAID.get(response_code, PaymentStatus.UNKNOWN)
    return status
