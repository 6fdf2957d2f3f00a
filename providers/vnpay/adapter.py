"""VNPAY behind the provider port.

Opening a payment sends nothing: its signed link does, when the payer's browser follows it. Until then VNPAY does not
know the payment, so "not found" (91) means that it waits while its link can be used, and that it never was afterwards.

VNPAY wants the payer's address with each request. That is personal data, and nothing depends on it: a constant of ours
goes out instead.

A refund is sent under one request id however often it is sent, and VNPAY takes a request id once a day. What comes
again is a duplicate (94), which says that there was an earlier one and not what became of it: a query does.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx

from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    CreatePayment,
    NotFound,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RawRequest,
    Redirect,
    RefundCommand,
    RefundObservation,
    RefundOutcome,
    RefundRef,
    RejectionReason,
    Reply,
    SettlementLine,
    SettlementWindow,
    Unsupported,
    Verified,
    WebhookRejected,
)
from providers.plain_text import plain
from providers.reading import Unreadable, text
from providers.settings import UnusableSetting, base_url, required, split
from providers.settlement_files import FileSettlements, directory_setting, layout_of
from providers.transport import TIMEOUT, Transport
from providers.vnpay import settlement, wire

T = TypeVar("T")

NAME: Final = "vnpay"
BASE_URL, TMN_CODE, SECRETS = "GATEWAY_VNPAY_BASE_URL", "GATEWAY_VNPAY_TMN_CODE", "GATEWAY_VNPAY_SECRETS"
FILES = directory_setting(NAME)
SETTINGS = (BASE_URL, TMN_CODE, SECRETS, FILES)
API_BASE_URL = "GATEWAY_VNPAY_API_BASE_URL"  # where the API has another host than the pay page
ADDRESS = "GATEWAY_VNPAY_IP_ADDRESS"

_ADDRESS_OF_NOBODY = "127.0.0.1"
_CREATED_BY = "congphi"
_CLOCKS_DIFFER = timedelta(minutes=5)
_ACK: Mapping[AckResult, tuple[str, str]] = {
    AckResult.APPLIED: ("00", "Confirm Success"),
    AckResult.NOT_FOUND: ("01", "Order not found"),
    AckResult.DUPLICATE: ("02", "Order already confirmed"),
    AckResult.AMOUNT_MISMATCH: ("04", "Invalid amount"),
    AckResult.REJECTED: ("97", "Invalid checksum"),
    AckResult.RETRY: ("99", "Unknown error"),
}


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "VnpayProvider":
    """Raises MissingSettings or UnusableSetting."""
    optional = [name for name in (API_BASE_URL, ADDRESS) if name in environment]
    values = required(NAME, environment, (*SETTINGS, *optional))
    address = values.get(ADDRESS, _ADDRESS_OF_NOBODY)
    try:
        ip_address(address)
    except ValueError:
        raise UnusableSetting(NAME, ADDRESS, "is not an IP address") from None
    layout = layout_of(NAME, environment, settlement.DEMO_MAP)
    return VnpayProvider(
        base_url=base_url(NAME, values, BASE_URL),
        api_base_url=base_url(NAME, values, API_BASE_URL if API_BASE_URL in values else BASE_URL),
        terminal=values[TMN_CODE],
        secrets=split(values[SECRETS]),
        files=FileSettlements(Path(values[FILES]), layout, settlement.payment_of),
        address=address,
        timeout=timeout,
    )


class VnpayProvider:
    name: Final = NAME
    titles: Mapping[str, str] = {
        "vi": "VNPAY (thẻ, tài khoản ngân hàng, ví)",
        "en": "VNPAY (bank card, account, wallet)",
    }
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(
        self,
        *,
        base_url: str,
        api_base_url: str,
        terminal: str,
        secrets: Sequence[str],
        files: FileSettlements,
        address: str = _ADDRESS_OF_NOBODY,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._pay_url = base_url.rstrip("/") + wire.PAY_PATH
        self._api_url = api_base_url.rstrip("/") + wire.API_PATH
        self._terminal = terminal
        self._secrets = tuple(secret for secret in secrets if secret.strip())
        self._files = files
        self._address = address
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        """The link that the payer's browser follows. Nothing is sent, so VNPAY has not acknowledged anything yet."""
        if not self.capabilities.takes(command.amount):
            raise Unsupported("VNPAY does not take this currency or amount", code="unsupported_amount")
        expires_at = min(command.expires_at, command.created_at + self.capabilities.payment_lifetime)
        query = wire.signed_query(
            self._secrets[0],
            {
                **self._common("pay", plain(command.title)),
                "vnp_Amount": wire.amount_text(command.amount),
                "vnp_CurrCode": wire.CURRENCY,
                "vnp_TxnRef": wire.order_of(command.payment_id),
                "vnp_OrderType": wire.CHECK.order_type,
                "vnp_Locale": wire.LOCALES.get(command.locale, "en"),
                "vnp_ReturnUrl": command.return_url,
                "vnp_CreateDate": wire.stamp(command.created_at),
                "vnp_ExpireDate": wire.stamp(expires_at),
            },
        )
        return PaymentOutcome(PaymentStatus.PENDING, next_action=Redirect(f"{self._pay_url}?{query}"), code="link")

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        now = datetime.now(UTC)
        answer = self._queried(ref, f"Query {wire.order_of(ref.payment_id)}", ref.provider_transaction_id)
        code = answer["vnp_ResponseCode"]
        if code == wire.NOT_FOUND:
            usable_until = ref.created_at + self.capabilities.payment_lifetime + _CLOCKS_DIFFER
            may_still_come = ref.provider_payment_id is None and now < usable_until
            waits = PaymentObservation(PaymentStatus.PENDING, now, payment_id=ref.payment_id, code=code)
            return waits if may_still_come else NotFound()
        if code != wire.OK:
            raise _unanswered(code)
        return _readable(lambda: _payment(answer, ref, now))

    def refund(self, command: RefundCommand) -> RefundOutcome:
        if command.amount.currency != wire.CURRENCY:
            raise Unsupported("VNPAY pays back dong only", code="unsupported_currency")
        whole = command.amount == command.payment.amount
        answer = self._asked(
            {
                **self._common(wire.REFUND, _about(command)),
                "vnp_RequestId": hashlib.sha256(command.idempotency_key.encode()).hexdigest()[:32],
                "vnp_TransactionType": wire.FULL_REFUND if whole else wire.PARTIAL_REFUND,
                "vnp_TxnRef": wire.order_of(command.payment.payment_id),
                "vnp_Amount": wire.amount_text(command.amount),
                "vnp_TransactionNo": command.payment.provider_transaction_id or "",
                "vnp_TransactionDate": wire.stamp(command.payment.created_at),
                "vnp_CreateBy": _CREATED_BY,
                "vnp_CreateDate": wire.stamp(datetime.now(UTC)),
            },
            wire.REFUND_SIGNED,
            wire.REFUND_ANSWER_SIGNED,
        )
        code, word = answer["vnp_ResponseCode"], answer["vnp_TransactionStatus"]
        if code != wire.OK:
            raise wire.API_ERROR.get(code, OutcomeUnknown)(f"VNPAY answered {code}", code=code)
        status = wire.REFUND_STATUS.get(word, RefundStatus.UNKNOWN)
        return RefundOutcome(status, answer["vnp_TransactionNo"] or None, word)

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        """By VNPAY's number of it, else by what VNPAY tells of the order: of its last refund, or of its payment while
        there is none. A refund is ours if it bears our words."""
        command = ref.command
        about = _about(command)
        answer = self._queried(command.payment, f"Query {about}", ref.provider_refund_id)
        code = answer["vnp_ResponseCode"]
        if code == wire.NOT_FOUND or (code == wire.OK and answer["vnp_TransactionType"] == wire.PAYMENT):
            return NotFound()
        if code != wire.OK:
            raise _unanswered(code)
        if answer["vnp_TransactionType"] not in wire.REFUNDS or answer["vnp_OrderInfo"] != about:
            raise OutcomeUnknown("VNPAY tells of another refund of this payment", code="another_refund", answered=True)
        return _readable(lambda: _refund(answer, ref))

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        """A notification says when the payment was made, not when it was sent: old ones cannot be told, and do no harm,
        because the same says the same."""
        if not self._secrets:
            raise WebhookRejected(RejectionReason.NO_SECRET)
        message, given = wire.taken_apart(request.query_string)
        if not wire.signed_by(self._secrets, message, given):
            raise WebhookRejected(RejectionReason.BAD_SIGNATURE)
        try:
            fields = wire.fields_of(message)
            if text(fields, "vnp_TmnCode") != self._terminal:
                raise Unreadable("it is of another terminal")
            kept = {name: fields[name] for name in wire.NOTIFIED if name in fields} | {"received": wire.stamp(now)}
            _notified(kept)  # whatever is verified can be parsed
        except Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None
        return Verified(hashlib.sha256(message).hexdigest(), "payment", kept)

    def parse(self, verified: Verified) -> Sequence[Observation]:
        return [_notified(verified.payload)]

    def ack(self, result: AckResult) -> Reply:
        """HTTP 200 always: VNPAY reads the code in the body, and takes another status for a gateway that is down."""
        code, message = _ACK[result]
        return Reply(200, json.dumps({"RspCode": code, "Message": message}).encode())

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        return self._files.list_settlements(window)

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        return self._files.read_settlement(batch)

    def _common(self, operation: str, about: str) -> dict[str, str]:
        return {
            "vnp_Version": wire.VERSION,
            "vnp_Command": operation,
            "vnp_TmnCode": self._terminal,
            "vnp_OrderInfo": about,
            "vnp_IpAddr": self._address,
        }

    def _queried(self, payment: PaymentRef, about: str, number: str | None) -> Mapping[str, str]:
        """The answer to querydr. Its request id is fresh: a question that is asked twice is two questions."""
        request = {
            **self._common(wire.QUERY, about),
            "vnp_RequestId": uuid4().hex,
            "vnp_TxnRef": wire.order_of(payment.payment_id),
            "vnp_TransactionDate": wire.stamp(payment.created_at),
            "vnp_CreateDate": wire.stamp(datetime.now(UTC)),
            **({"vnp_TransactionNo": number} if number else {}),
        }
        return self._asked(request, wire.QUERY_SIGNED, wire.QUERY_ANSWER_SIGNED)

    def _asked(
        self, request: Mapping[str, str], signed: Sequence[str], answer_signed: Sequence[str]
    ) -> Mapping[str, str]:
        """The answer of the API, all that it signs. Raises NotSent, RateLimited, or OutcomeUnknown, also for an answer
        that VNPAY has not signed."""
        sealed = {**request, wire.SIGNATURE: wire.signature(self._secrets[0], wire.joined(request, signed))}
        body = json.dumps(sealed, separators=(",", ":")).encode()
        answer = self._transport.send("POST", self._api_url, {"content-type": "application/json"}, body).json()
        names = [f"vnp_{name}" for name in answer_signed]
        said = _readable(lambda: {name: _word(answer, name) for name in names})
        given = answer.get(wire.SIGNATURE)
        if not isinstance(given, str) or not wire.signed_by(self._secrets, wire.joined(said, answer_signed), given):
            raise OutcomeUnknown("the answer is not signed as it should be", code="bad_checksum")
        _readable(lambda: _check_answers(said, request))
        return said


def _check_answers(said: Mapping[str, str], request: Mapping[str, str]) -> None:
    """An answer is signed, and could still be that to another request. Raises Unreadable."""
    for name in ("vnp_TmnCode", "vnp_Command"):
        if said[name] != request[name]:
            raise Unreadable(f"{name} is not the one that was asked")


def _about(command: RefundCommand) -> str:
    """The words by which a refund is known again."""
    return f"Refund {command.refund_id.hex}"


def _word(answer: Mapping[str, Any], name: str) -> str:
    """A field of an answer as it is signed: some that hold digits may come as numbers."""
    value = answer.get(name, "")
    if type(value) not in (str, int):
        raise Unreadable(f"{name} is neither a text nor a whole number")
    return str(value)


def _payment(answer: Mapping[str, str], ref: PaymentRef, now: datetime) -> PaymentObservation:
    """What querydr says of a payment. Raises Unreadable."""
    order, word = wire.order_of(ref.payment_id), answer["vnp_TransactionStatus"]
    if answer["vnp_TxnRef"] != order:
        raise Unreadable("the answer is about another order")
    refunded = answer["vnp_TransactionType"] in wire.REFUNDS  # so it was paid; but how much, this answer does not say
    status = PaymentStatus.UNKNOWN if refunded else wire.TRANSACTION_STATUS.get(word, PaymentStatus.UNKNOWN)
    paid = status is PaymentStatus.SUCCEEDED
    return PaymentObservation(
        status=status,
        occurred_at=wire.moment(answer["vnp_PayDate"]) if answer["vnp_PayDate"] else now,
        payment_id=ref.payment_id,
        provider_payment_id=order,
        provider_transaction_id=text(answer, "vnp_TransactionNo") if paid else None,
        amount=wire.amount_of(answer["vnp_Amount"]) if paid else None,
        code=f"refund_{word}" if refunded else word,
    )


def _refund(answer: Mapping[str, str], ref: RefundRef) -> RefundObservation:
    """Raises Unreadable."""
    word = answer["vnp_TransactionStatus"]
    return RefundObservation(
        status=wire.REFUND_STATUS.get(word, RefundStatus.UNKNOWN),
        occurred_at=wire.moment(answer["vnp_PayDate"]) if answer["vnp_PayDate"] else datetime.now(UTC),
        amount=wire.amount_of(answer["vnp_Amount"]),
        refund_id=ref.command.refund_id,
        provider_refund_id=text(answer, "vnp_TransactionNo"),
        payment_id=ref.command.payment.payment_id,
        provider_transaction_id=ref.command.payment.provider_transaction_id,
        code=word,
    )


def _notified(fields: Mapping[str, Any]) -> PaymentObservation:
    """What a notification says. Raises Unreadable."""
    response, word = text(fields, "vnp_ResponseCode"), text(fields, "vnp_TransactionStatus")
    order, status = text(fields, "vnp_TxnRef"), wire.notified_status(response, word)
    return PaymentObservation(
        status=status,
        occurred_at=wire.moment(text(fields, "vnp_PayDate" if "vnp_PayDate" in fields else "received")),
        payment_id=wire.payment_of(order),
        provider_payment_id=order,
        provider_transaction_id=text(fields, "vnp_TransactionNo") if status is PaymentStatus.SUCCEEDED else None,
        amount=wire.amount_of(text(fields, "vnp_Amount")),
        code=word if response in (wire.OK, word) else f"{word}/{response}",
    )


def _unanswered(code: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"VNPAY answered {code}", code=code, answered=True)


def _readable(read: Callable[[], T]) -> T:
    """What `read` makes of an answer. Raises OutcomeUnknown if it cannot be read."""
    try:
        return read()
    except Unreadable as fault:
        reason = str(fault)
    raise OutcomeUnknown(f"the answer cannot be read: {reason}", code="unreadable")
