"""MoMo behind the provider port.

A payment's provider_payment_id is its orderId, which is our payment id; its provider_transaction_id is MoMo's transId.
The requestId is the idempotency key: the same on every retry, so that none charges or pays back twice. A question gets
a fresh one each time, so that no old answer is given again. No names, phone numbers or mail addresses go out.

MoMo cannot close a payment that its payer has not finished: it ends with its time.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    CreatePayment,
    NotFound,
    NotSent,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RateLimited,
    RawRequest,
    Redirect,
    RefundCommand,
    RefundObservation,
    RefundOutcome,
    RefundRef,
    Rejected,
    RejectionReason,
    Reply,
    SettlementLine,
    SettlementWindow,
    Unsupported,
    Verified,
    WebhookRejected,
)
from providers.momo import settlement, wire
from providers.plain_text import plain
from providers.reading import Unreadable, decoded, text, whole
from providers.settings import base_url, required, split
from providers.settlement_files import FileSettlements
from providers.transport import Transport

T = TypeVar("T")

BASE_URL = "GATEWAY_MOMO_BASE_URL"
PARTNER_CODE = "GATEWAY_MOMO_PARTNER_CODE"
ACCESS_KEYS = "GATEWAY_MOMO_ACCESS_KEYS"
SECRETS = "GATEWAY_MOMO_SECRETS"
SETTINGS = (BASE_URL, PARTNER_CODE, ACCESS_KEYS, SECRETS, settlement.FOLDER)

TIMEOUT = httpx.Timeout(connect=5, read=35, write=10, pool=5)
"""In seconds. MoMo asks for at least thirty before an answer is given up; a little more lets its own time-out come
first."""

_LANGUAGES = ("vi", "en")
_ACCEPTED = (httpx.codes.OK, httpx.codes.CREATED)
_ACK: Mapping[AckResult, int] = {AckResult.RETRY: 503, AckResult.REJECTED: 400}
"""Everything else is 204 without a body, by which MoMo takes a notification for delivered."""


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "MomoProvider":
    """Raises MissingSettings, or UnusableSetting for an address or a column map that cannot be used."""
    values = required(MomoProvider.name, environment, SETTINGS)
    keys = wire.Keys(split(values[ACCESS_KEYS]), split(values[SECRETS]))
    files = settlement.files(values[settlement.FOLDER], environment)
    return MomoProvider(base_url(MomoProvider.name, values, BASE_URL), values[PARTNER_CODE], keys, files, timeout)


class MomoProvider:
    name: Final = settlement.NAME
    titles: Mapping[str, str] = {"vi": "Ví MoMo", "en": "MoMo wallet"}
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(
        self,
        base_url: str,
        partner_code: str,
        keys: wire.Keys,
        files: FileSettlements,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._partner_code = partner_code
        self._keys = keys
        self._files = files
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        _check_amount("a payment", command.amount)
        order_id = wire.order_of(command.payment_id)
        fields = {
            "orderId": order_id,
            "amount": command.amount.amount_minor,
            "orderInfo": plain(command.title),
            "redirectUrl": _landing(command.return_url),
            "ipnUrl": command.webhook_url,
            "requestType": wire.REQUEST_TYPE,
            "extraData": "",
            "autoCapture": True,
            "lang": command.locale if command.locale in _LANGUAGES else _LANGUAGES[0],
        }
        answer = self._changed(wire.CREATE, command.idempotency_key, fields)
        code = whole(answer, "resultCode")
        if code != wire.SUCCESS:
            # Not its orderId: that would say that MoMo has acknowledged the payment.
            return PaymentOutcome(PaymentStatus.UNKNOWN, code=str(code))
        return PaymentOutcome(PaymentStatus.PENDING, order_id, Redirect(_readable(text, answer, "payUrl")), str(code))

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        answer = self._asked(wire.order_of(ref.payment_id))
        return NotFound() if answer is None else _readable(wire.payment_observation, answer)

    def refund(self, command: RefundCommand) -> RefundOutcome:
        _check_amount("a refund", command.amount)
        fields = {
            "orderId": wire.order_of(command.refund_id),
            "amount": command.amount.amount_minor,
            "transId": self._transaction_of(command.payment),
            "description": plain(f"Refund {command.payment.reference}"),
            "lang": _LANGUAGES[0],
        }
        answer = self._changed(wire.REFUND, command.idempotency_key, fields)
        code = whole(answer, "resultCode")
        if code == wire.MAY_BE_REFUNDED:
            return self._refused_or_made_before(command)
        status = wire.REFUND_STATUS.get(code, RefundStatus.UNKNOWN)
        refund_id = _readable(wire.transaction, answer) if status is RefundStatus.SUCCEEDED else _named(answer)
        return RefundOutcome(status, refund_id, str(code))

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        """By its own orderId: it is an order like any other."""
        answer = self._asked(wire.order_of(ref.command.refund_id))
        return NotFound() if answer is None else _readable(_refund_observation, answer, ref.command)

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        """MoMo does not ask to refuse old notifications, and repeats one until it was taken: an old one is as true as
        on its first day, and applying it again changes nothing."""
        try:
            message = decoded(request.body)
            fields = wire.notified(message)
            wire.check_signature(self._keys, fields, message.get(wire.SIGNATURE))
            wire.observations(fields, self._partner_code)  # whatever is verified can be parsed
            return Verified(wire.event_id(fields), "payment", fields)
        except Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None

    def parse(self, verified: Verified) -> Sequence[Observation]:
        return wire.observations(verified.payload, self._partner_code)

    def ack(self, result: AckResult) -> Reply:
        return Reply(_ACK.get(result, 204))

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        """Raises NotSent or OutcomeUnknown."""
        return self._files.list_settlements(window)

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        """Raises NotSent or OutcomeUnknown."""
        return self._files.read_settlement(batch)

    def _changed(self, path: str, request_id: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a creation or a refund. Raises what wire.ERROR says of a refusal."""
        status, answer = self._posted(path, {**fields, "requestId": request_id})
        code = _readable(whole, answer, "resultCode")
        error = wire.ERROR.get(code)
        if error is None and status not in _ACCEPTED:
            error = OutcomeUnknown  # among others 422 with code 7000: the same request is being carried out
        if error is not None:
            raise error(f"HTTP {status}: {code}", code=str(code))
        if code == wire.SUCCESS:
            _readable(_check_about, answer, {**fields, "requestId": request_id})
        return answer

    def _asked(self, order_id: str) -> Mapping[str, Any] | None:
        """What MoMo knows of an order; None if it knows none. Any other refusal says nothing about the order."""
        asked = {"orderId": order_id, "requestId": str(uuid4()), "lang": _LANGUAGES[0]}
        status, answer = self._posted(wire.QUERY, asked)
        code = _readable(whole, answer, "resultCode")
        if code == wire.NOT_FOUND:
            return None
        if status != httpx.codes.OK or code in wire.ERROR:
            raise OutcomeUnknown(f"HTTP {status}: {code}", code=str(code), answered=True)
        _readable(_check_about, answer, {"orderId": order_id})
        return answer

    def _posted(self, path: str, fields: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        ours = {"partnerCode": self._partner_code, **fields}
        signed = {**ours, wire.SIGNATURE: self._keys.signature(ours, wire.SIGNED[path])}
        body = json.dumps(signed, separators=(",", ":"), ensure_ascii=True).encode()
        headers = {"content-type": "application/json; charset=UTF-8"}
        answer = self._transport.send("POST", self._base_url + path, headers, body)
        return answer.status, answer.json()

    def _transaction_of(self, payment: PaymentRef) -> int:
        """What is refunded. Raises NotSent if it has to be asked for and the answer does not come."""
        if payment.provider_transaction_id is not None:
            return int(payment.provider_transaction_id)
        try:
            seen = self.query_payment(payment)
        except OutcomeUnknown as lost:
            code = lost.code
        else:
            if isinstance(seen, NotFound) or seen.provider_transaction_id is None:
                raise Rejected("this payment was never paid", code="never_paid")
            return int(seen.provider_transaction_id)
        raise NotSent("the payment to refund could not be looked up", code=code)

    def _refused_or_made_before(self, command: RefundCommand) -> RefundOutcome:
        """MoMo refuses because the money may have gone back already. It has, by this very refund, if MoMo knows its
        order; else this refund never was."""
        code = str(wire.MAY_BE_REFUNDED)
        try:
            seen = self.query_refund(RefundRef(command))
        except (NotSent, RateLimited, OutcomeUnknown):
            raise OutcomeUnknown(
                "refused, and whether it was made before is not known", code=code, answered=True
            ) from None
        if isinstance(seen, NotFound) or seen.status is RefundStatus.FAILED:
            raise Rejected("more than is left of this payment", code=code)
        return RefundOutcome(seen.status, seen.provider_refund_id, seen.code)


def _check_amount(what: str, amount: Money) -> None:
    if amount.currency != wire.CURRENCY:
        raise Unsupported(f"MoMo does not take {amount.currency}", code="unsupported_currency")
    if not wire.MINIMUM <= amount.amount_minor <= wire.MAXIMUM:
        raise Unsupported(f"MoMo takes {what} of {wire.MINIMUM} to {wire.MAXIMUM} VND", code="amount_out_of_range")


def _landing(return_url: str) -> str:
    """MoMo writes the payer's return as `redirectUrl?{parameters}`, and does not say what becomes of a query that is
    there already. So the last parameter is one that nobody reads: whatever is glued to it, those before are whole."""
    return f"{return_url}{'&' if '?' in return_url else '?'}by=momo"


def _check_about(answer: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """That the answer is about what was asked. Raises Unreadable."""
    if text(answer, "orderId") != asked["orderId"]:
        raise Unreadable("orderId is not what was asked for")
    if "requestId" in asked and text(answer, "requestId") != asked["requestId"]:
        raise Unreadable("requestId is not what was sent")
    if "amount" in asked and whole(answer, "amount") != asked["amount"]:
        raise Unreadable("amount is not what was sent")


def _refund_observation(answer: Mapping[str, Any], command: RefundCommand) -> RefundObservation:
    """The answer names neither the payment nor its transaction; the refund was asked for by its own orderId."""
    code = whole(answer, "resultCode")
    status = wire.REFUND_STATUS.get(code, RefundStatus.UNKNOWN)
    return RefundObservation(
        status=status,
        occurred_at=wire.moment(answer),
        amount=wire.amount(answer),
        refund_id=command.refund_id,
        provider_refund_id=wire.transaction(answer) if status is RefundStatus.SUCCEEDED else _named(answer),
        payment_id=command.payment.payment_id,
        provider_transaction_id=command.payment.provider_transaction_id,
        code=str(code),
    )


def _named(answer: Mapping[str, Any]) -> str | None:
    """MoMo's number of the refund, if it has given it one yet."""
    number = answer.get("transId")
    return str(number) if type(number) is int and number > 0 else None


def _readable(read: Callable[..., T], *values: Any) -> T:
    """What `read` makes of an answer. Raises OutcomeUnknown if it cannot be read."""
    try:
        return read(*values)
    except Unreadable as fault:
        reason = str(fault)
    raise OutcomeUnknown(f"the answer cannot be read: {reason}", code="unreadable")
