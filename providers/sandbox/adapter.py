"""The sandbox behind the provider port."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx

from gateway.domain.errors import GatewayError
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
from providers import reading, signing
from providers.plain_text import plain
from providers.sandbox import settlement, wire
from providers.settings import base_url, required, split
from providers.transport import TIMEOUT, Answer, Transport

SETTINGS = ("GATEWAY_SANDBOX_BASE_URL", "GATEWAY_SANDBOX_MERCHANT", "GATEWAY_SANDBOX_SECRETS")

_ACK: Mapping[AckResult, int] = {AckResult.RETRY: 503, AckResult.REJECTED: 400}
"""Everything else is 200: the notification is durable, and sending it again would change nothing."""


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "SandboxProvider":
    """Raises MissingSettings or UnusableSetting."""
    values = required(SandboxProvider.name, environment, SETTINGS)
    _, merchant, secrets = (values[name] for name in SETTINGS)
    return SandboxProvider(base_url(SandboxProvider.name, values, SETTINGS[0]), merchant, split(secrets), timeout)


class SandboxProvider:
    name: Final = "sandbox"
    titles: Mapping[str, str] = {"vi": "Thanh toán thử nghiệm", "en": "Test payment"}
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(self, base_url: str, merchant: str, secrets: Sequence[str], timeout: httpx.Timeout = TIMEOUT) -> None:
        self._base_url = base_url.rstrip("/")
        self._merchant = merchant
        self._secrets = tuple(secrets)
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        if command.amount.currency not in self.capabilities.currencies:
            raise Unsupported(f"the sandbox does not take {command.amount.currency}", code="unsupported_currency")
        payment = self._changed(
            "/v1/payments",
            command.idempotency_key,
            {
                "payment_id": str(command.payment_id),
                "reference": command.reference,
                "amount_minor": command.amount.amount_minor,
                "currency": command.amount.currency,
                "title": plain(command.title),
                "locale": command.locale,
                "return_url": command.return_url,
                "cancel_url": command.cancel_url,
                "webhook_url": command.webhook_url,
                "expires_at": int(command.expires_at.timestamp()),
            },
        )
        try:
            word = reading.text(payment, "status")
            return PaymentOutcome(
                status=wire.PAYMENT_STATUS.get(word, PaymentStatus.UNKNOWN),
                provider_payment_id=reading.text(payment, "id"),
                next_action=Redirect(reading.text(payment, "pay_url")),
                code=word,
            )
        except reading.Unreadable as fault:
            raise _unreadable(fault) from None

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        found = self._looked_up("/v1/payments", ref.provider_payment_id, {"payment_id": str(ref.payment_id)})
        return NotFound() if found is None else _payment(found)

    def cancel_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        current = self.query_payment(ref)
        if isinstance(current, NotFound) or current.status is not PaymentStatus.PENDING:
            return current
        return _payment(self._changed(f"/v1/payments/{current.provider_payment_id}/cancel", "", {}))

    def refund(self, command: RefundCommand) -> RefundOutcome:
        body: dict[str, Any] = {
            "refund_id": str(command.refund_id),
            "amount_minor": command.amount.amount_minor,
            "currency": command.amount.currency,
        }
        if command.payment.provider_transaction_id is None:
            body["payment_id"] = str(command.payment.payment_id)
        else:  # the movement of money, as one payment can have been paid twice
            body["transaction_id"] = command.payment.provider_transaction_id
        refund = self._changed("/v1/refunds", command.idempotency_key, body)
        try:
            word = reading.text(refund, "status")
            status = wire.REFUND_STATUS.get(word, RefundStatus.UNKNOWN)
            return RefundOutcome(status, reading.text(refund, "id"), reading.optional_text(refund, "code") or word)
        except reading.Unreadable as fault:
            raise _unreadable(fault) from None

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        found = self._looked_up("/v1/refunds", ref.provider_refund_id, {"refund_id": str(ref.command.refund_id)})
        try:
            return NotFound() if found is None else wire.refund_observation(found)
        except reading.Unreadable as fault:
            raise _unreadable(fault) from None

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        signing.check_signature(request.headers.get(wire.SIGNATURE, ""), self._secrets, request.body, now)
        try:
            event = reading.decoded(request.body)
            wire.observations(event)  # whatever is verified can be parsed
            return Verified(reading.text(event, "id"), reading.text(event, "type"), event)
        except reading.Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None

    def parse(self, verified: Verified) -> Sequence[Observation]:
        return wire.observations(verified.payload)

    def ack(self, result: AckResult) -> Reply:
        return Reply(_ACK.get(result, 200), json.dumps({"result": result.value}).encode())

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        """Raises NotSent, RateLimited or OutcomeUnknown."""
        query = {"first": window.first.isoformat(), "last": window.last.isoformat()}
        answer = self._sent("GET", f"/v1/settlements?{urlencode(query)}", "", b"")
        self._raise_error(answer.status, answer.json())
        try:
            return [_batch(data) for data in reading.listed(answer.json(), "data")]
        except (reading.Unreadable, GatewayError, ValueError) as fault:
            raise _unreadable(fault) from None

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        """Raises NotSent, RateLimited or OutcomeUnknown; see settlement.read."""
        answer = self._sent("GET", f"/v1/settlements/{quote(batch.id, safe='')}", "", b"")
        if answer.status != httpx.codes.OK:
            self._raise_error(answer.status, answer.json())
        return settlement.read(answer.body, batch)

    def _looked_up(self, path: str, provider_id: str | None, by_ours: Mapping[str, str]) -> Mapping[str, Any] | None:
        """By the provider's id, or by ours if its answer to the creation was lost. None if it is not known."""
        target = f"{path}?{urlencode(by_ours)}" if provider_id is None else f"{path}/{quote(provider_id, safe='')}"
        answer = self._sent("GET", target, "", b"")
        data = answer.json()
        if answer.status == httpx.codes.NOT_FOUND and _error_code(data) == wire.NOT_FOUND:
            return None
        if answer.status != httpx.codes.OK:  # a query says nothing about the payment unless it is answered
            raise OutcomeUnknown(f"HTTP {answer.status}", code=_error_code(data), answered=True)
        return data

    def _changed(self, target: str, idempotency_key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a POST. Raises what wire.ERROR says of a refusal."""
        body = json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()
        answer = self._sent("POST", target, idempotency_key, body)
        data = answer.json()
        self._raise_error(answer.status, data)
        return data

    def _raise_error(self, status: int, data: Mapping[str, Any]) -> None:
        if status not in (httpx.codes.OK, httpx.codes.CREATED):
            code = _error_code(data)
            raise wire.ERROR.get(code, OutcomeUnknown)(f"HTTP {status}: {code}", code=code)

    def _sent(self, method: str, target: str, idempotency_key: str, body: bytes) -> Answer:
        url = self._base_url + target
        parts = urlsplit(url)
        signed = f"{parts.path}?{parts.query}" if parts.query else parts.path
        message = signing.request_message(method, signed, idempotency_key, body)
        headers = {
            wire.MERCHANT: self._merchant,
            wire.SIGNATURE: signing.signature(self._secrets[0], datetime.now(UTC), message),
            "content-type": "application/json",
        }
        if idempotency_key:
            headers[wire.IDEMPOTENCY_KEY] = idempotency_key
        return self._transport.send(method, url, headers, body)


def _payment(data: Mapping[str, Any]) -> PaymentObservation:
    try:
        return wire.payment_observation(data)
    except reading.Unreadable as fault:
        raise _unreadable(fault) from None


def _batch(data: Mapping[str, Any]) -> BatchRef:
    return BatchRef(
        id=reading.text(data, "id"),
        business_date=date.fromisoformat(reading.text(data, "date")),
        total=reading.money(data, "net_minor", "currency"),
        payout_id=reading.text(data, "payout_id"),
    )


def _error_code(data: Mapping[str, Any]) -> str:
    error = data.get("error")
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else "unreadable"


def _unreadable(fault: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer cannot be read: {fault}", code="unreadable")
