"""What PayGov puts on the wire: names, checksums, and how its words read in ours.

PayGov publishes no specification. Everything in the tables below is to be checked against the contract, and is there so
that a correction is a change of one line. JSON over HTTP, amounts as digits in text, đồng. Both sides sign some of the
fields: HMAC-SHA256 in hexadecimal over their values joined by "|", with hash key 1 for what we send and hash key 2 for
what PayGov sends. A notification's status is not among the signed fields, so it is a hint and no more.
"""

import hashlib
import hmac
import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, Need, SettlementBy
from gateway.ports.provider import (
    NotSent,
    OutcomeUnknown,
    PaymentObservation,
    PaymentRef,
    ProviderError,
    Rejected,
    RejectionReason,
    Unsupported,
    WebhookRejected,
)
from providers.reading import Unreadable, text


class Name:
    """[check] From one public client of 2020; those under "assumed" are from nobody but us."""

    CLIENT_ID = "client_id"
    TRANSACTION_ID = "transaction_id"
    AMOUNT = "trans_amount"
    COMMAND = "command"
    VERSION = "version"
    DESCRIPTION = "description"
    LOCALE = "locale"
    COUNTRY = "country_code"
    CURRENCY = "currency_code"
    ENVIRONMENT = "environment"
    RETURN_URL = "return_url"
    ADDITION_FEE = "addition_fee"
    CHECKSUM = "check_sum"
    BILL = "bill_info"
    ERROR = "error"
    MESSAGE = "msg"
    PAYMENT_URL = "payment_url"
    STATUS = "status"
    RETURN_CODE = "return_code"
    RETURN_MESSAGE = "return_msg"
    BILL_CODE = "error_code"
    SERVICE = "MaDichVu"
    DOSSIER = "MaHoSo"
    PROCEDURE = "MaTTHC"
    PROCEDURE_TITLE = "TenTTHC"
    AGENCY = "MaDonVi"
    AGENCY_NAME = "TenDonVi"
    FEES = "PhiLePhi"
    FEE_KIND = "LoaiPhiLePhi"
    FEE_CODE = "MaPhiLePhi"
    FEE_TITLE = "TenPhiLePhi"
    FEE_AMOUNT = "SoTien"
    ACCOUNT = "TKThuHuong"
    ACCOUNT_BANK = "MaNHThuHuong"
    ACCOUNT_NAME = "TenTKThuHuong"
    CONTENT = "NoiDungThanhToan"
    # Assumed.
    MOVEMENT = "transaction_code"  # PayGov's own number of the money that moved, as its settlement names it
    UPDATED = "update_at"
    BILL_MESSAGE = "message"


N = Name
SIGNED: Mapping[str, Sequence[str]] = {
    "create": (N.ADDITION_FEE, N.CLIENT_ID, N.COMMAND, N.AMOUNT, N.TRANSACTION_ID, N.VERSION),
    "callback": (N.ADDITION_FEE, N.CLIENT_ID, N.COMMAND, N.AMOUNT, N.TRANSACTION_ID, N.VERSION),
    "detail": (N.CLIENT_ID, N.COMMAND, N.TRANSACTION_ID),
    "pull": (N.CLIENT_ID, N.DOSSIER),  # assumed: the client of 2020 answers whoever asks
}
"""[check] The fields under each checksum, in their order."""

PATHS: Mapping[str, str] = {"create": "/payment/create", "detail": "/payment/detail"}
"""[check] Assumed."""

PAY, DETAIL, VERSION = "PAY", "DETAIL", "3.0"
SENT_ALWAYS: Mapping[str, str] = {
    N.COMMAND: PAY,
    N.VERSION: VERSION,
    N.COUNTRY: "VN",
    N.CURRENCY: "VND",
    N.ENVIRONMENT: "1",  # the web; 2 is an app
    N.ADDITION_FEE: "0",  # no surcharge by method
}
FEES_SERVICE = "2"  # MaDichVu of fees and charges
FEE_KIND = "1"  # a fee (phí); 2 is a charge (lệ phí), which the catalogue does not tell apart
"""[check] From the client of 2020; DETAIL is assumed."""

NO_ERROR, NOT_FOUND = "0", "NOT_FOUND"
ERROR: Mapping[str, type[ProviderError]] = {
    "INVALID_CHECKSUM": NotSent,  # refused before the request was looked at
    "UNKNOWN_CLIENT": NotSent,
    "INVALID_REQUEST": Rejected,
    "REJECTED": Rejected,
    NOT_FOUND: Rejected,
    "DUPLICATE": OutcomeUnknown,  # the transaction id was used for another request: only a query says for which
}
"""[check] Only 0 is known. The rest are words, where the real ones will be numbers: until they are filled in from the
contract, a real code is one that nobody has heard of, which leaves the outcome unknown and wrongs nobody."""

STATUS: Mapping[str, PaymentStatus] = {
    "0": PaymentStatus.SUCCEEDED,
    "PENDING": PaymentStatus.PENDING,
    "FAILED": PaymentStatus.DECLINED,
    "CANCELLED": PaymentStatus.CANCELLED,
    "EXPIRED": PaymentStatus.EXPIRED,
}
"""[check] As with ERROR: only 0 is known."""

DUE, NOTHING_DUE, NO_SUCH_DOSSIER = 1, 0, -1
TAKEN, NOT_TAKEN = 0, -1

CAPABILITIES = Capabilities(
    needs=(Need.BANK_APP, Need.CARD, Need.WALLET),
    currencies=frozenset({"VND"}),
    flow=Flow.REDIRECT,
    partial_refunds=False,
    single_bill=True,
    payment_lifetime=timedelta(hours=1),
    settlement=SettlementBy.FILE,
    settlement_lag_days=1,
    time_zone="Asia/Ho_Chi_Minh",
    fee=FeeContract(basis_points=0),
)
"""[check] All but the currency and the zone. "Not found" is not said to prove anything, so it proves nothing."""

_ZONE = ZoneInfo(CAPABILITIES.time_zone)
_TIME = "%Y-%m-%d %H:%M:%S"  # [check] assumed

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LENGTH = 20  # the longest transaction id that PayGov takes
_RANDOM_BITS = 74
_TIME_BITS = 45  # milliseconds up to the year 3084: with these, 119 bits fit into 20 digits to the base of 62


def transaction_id(payment_id: UUID) -> str:
    """Our payment id as PayGov can take it: without the bits that every UUIDv7 shares, to the base of 62.

    It loses nothing, so that no two payments share one and each names its payment. Raises Unsupported.
    """
    milliseconds = payment_id.int >> 80
    if payment_id.version != 7 or milliseconds >> _TIME_BITS:
        raise Unsupported("the payment id is not a UUID version 7", code="payment_id")
    random = (payment_id.int >> 64 & 0xFFF) << 62 | payment_id.int & (1 << 62) - 1
    number = milliseconds << _RANDOM_BITS | random
    digits = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def payment_id(transaction: str) -> UUID | None:
    """The reverse; None if it is not of our making."""
    if len(transaction) != _LENGTH or not set(transaction) <= set(_DIGITS):
        return None
    number = 0
    for character in transaction:
        number = number * len(_DIGITS) + _DIGITS.index(character)
    milliseconds, random = number >> _RANDOM_BITS, number & (1 << _RANDOM_BITS) - 1
    if milliseconds >> _TIME_BITS:
        return None
    return UUID(int=milliseconds << 80 | 7 << 76 | random >> 62 << 64 | 0b10 << 62 | random & (1 << 62) - 1)


def checksum(key: str, what: str, fields: Mapping[str, Any]) -> str:
    """Over the fields that SIGNED names for `what`; a field that is not there counts as empty."""
    message = "|".join(str(fields.get(name, "")) for name in SIGNED[what])
    return hmac.new(key.encode(), message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def check(keys: Sequence[str], what: str, client_id: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    """The signed fields as text. Raises WebhookRejected unless one of `keys` signed them, for this client.

    A value that holds the separator could be read as two, so there is none.
    """
    usable = [key for key in keys if key.strip()]
    if not usable:
        raise WebhookRejected(RejectionReason.NO_SECRET)
    given = fields.get(N.CHECKSUM)
    if not isinstance(given, str) or not given.isascii():
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE, "the checksum is missing or malformed")
    if not any(hmac.compare_digest(checksum(key, what, fields), given) for key in usable):
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE)
    try:
        signed = {name: text(fields, name) for name in SIGNED[what]}
    except Unreadable as fault:
        raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None
    if signed[N.CLIENT_ID] != client_id:
        raise WebhookRejected(RejectionReason.MALFORMED, "it is meant for another client")
    if any("|" in value or not value.isprintable() for value in signed.values()):
        raise WebhookRejected(RejectionReason.MALFORMED, "a signed field holds what none may hold")
    return signed


def status_word(fields: Mapping[str, Any]) -> str:
    """The status as the tables know it; whatever else it may be is one and the same."""
    word = fields.get(N.STATUS)
    return word if isinstance(word, str) and word in STATUS else "other"


def observation(answer: Mapping[str, Any], ref: PaymentRef) -> PaymentObservation:
    """A payment as the detail query describes it. Raises Unreadable, also if it describes another payment."""
    if text(answer, N.TRANSACTION_ID) != transaction_id(ref.payment_id):
        raise Unreadable(f"{N.TRANSACTION_ID} is not the one that was asked about")
    word = text(answer, N.STATUS)
    status = STATUS.get(word, PaymentStatus.UNKNOWN)
    paid = status is PaymentStatus.SUCCEEDED
    return PaymentObservation(
        status=status,
        occurred_at=_instant(answer),
        payment_id=ref.payment_id,
        provider_payment_id=text(answer, N.TRANSACTION_ID),
        provider_transaction_id=text(answer, N.MOVEMENT) if paid else None,
        amount=amount_of(answer, N.AMOUNT),
        code=word,
    )


def amount_of(fields: Mapping[str, Any], name: str) -> Money:
    """Đồng, as digits. Raises Unreadable."""
    digits = text(fields, name)
    if not digits.isascii() or not digits.isdigit():
        raise Unreadable(f"{name} is not an amount")
    try:
        return Money(int(digits), "VND")
    except (GatewayError, ValueError):
        raise Unreadable(f"{name} is not an amount") from None


def written(at: datetime) -> str:
    return at.astimezone(_ZONE).strftime(_TIME)


def _instant(answer: Mapping[str, Any]) -> datetime:
    try:
        return datetime.strptime(text(answer, N.UPDATED), _TIME).replace(tzinfo=_ZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"{N.UPDATED} is not a time") from None
