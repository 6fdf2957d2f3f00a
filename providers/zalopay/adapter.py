"""ZaloPay behind the provider port.

A payment's provider_payment_id is its app_trans_id and a refund's provider_refund_id its m_refund_id: both are made
from our own ids and times, so that a retry is the same order or refund, which ZaloPay then refuses as a duplicate. What
became of it is asked: an answer that was lost is not given again. Failures are never told, only asked for.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import httpx

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
    ProviderError,
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
from providers import reading
from providers.plain_text import plain
from providers.settings import base_url, required, split
from providers.settlement_files import FileSettlements
from providers.transport import TIMEOUT, Transport
from providers.zalopay import settlement, wire
from providers.zalopay.wire import TO_CONFIRM

BASE_URL, APP_ID = "GATEWAY_ZALOPAY_BASE_URL", "GATEWAY_ZALOPAY_APP_ID"
KEY1, KEY2 = "GATEWAY_ZALOPAY_KEY1", "GATEWAY_ZALOPAY_KEY2"
SETTINGS = (BASE_URL, APP_ID, KEY1, KEY2, settlement.FOLDER)

_FORM = {"content-type": "application/x-www-form-urlencoded"}


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "ZaloPayProvider":
    """Raises MissingSettings, UnusableSetting. KEY2 may be several, separated by commas, while one replaces another."""
    values = required(ZaloPayProvider.name, environment, SETTINGS)
    access = Access(base_url(ZaloPayProvider.name, values, BASE_URL), values[APP_ID], values[KEY1], split(values[KEY2]))
    return ZaloPayProvider(access, settlement.files(environment), timeout)


@dataclass(frozen=True, slots=True)
class Access:
    """Who we are to ZaloPay. `key1` signs what we send, any of `callback_keys` (key2) what we are told."""

    base_url: str
    app_id: str
    key1: str = field(repr=False)
    callback_keys: Sequence[str] = field(repr=False)


class ZaloPayProvider:
    name: Final = "zalopay"
    titles: Mapping[str, str] = {"vi": "Ví ZaloPay", "en": "ZaloPay wallet"}
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(self, access: Access, files: FileSettlements, timeout: httpx.Timeout = TIMEOUT) -> None:
        self._access = access
        self._app_id = access.app_id
        self._files = files
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        _check_currency(command.amount.currency)
        order = wire.order_id(command.payment_id, command.created_at)
        answer = self._sent("create", self._creation(command, order))
        returned, code = _result(answer)
        if returned == wire.FAILED:
            raise TO_CONFIRM.creation.get(code, OutcomeUnknown)(f"the order was refused: {code}", code=str(code))
        if returned != wire.DONE:
            return PaymentOutcome(PaymentStatus.UNKNOWN, code=str(returned))
        try:
            return PaymentOutcome(PaymentStatus.PENDING, order, Redirect(reading.text(answer, "order_url")), "1")
        except reading.Unreadable as fault:
            raise _unreadable(fault) from None

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        order = ref.provider_payment_id or wire.order_id(ref.payment_id, ref.created_at)
        fields = {"app_id": self._app_id, "app_trans_id": order}
        answer = self._sent("query", {**fields, "mac": self._mac(self._app_id, order, self._access.key1)})
        returned, code = _result(answer)
        _check_answered(returned, code)
        if returned == wire.FAILED and code == TO_CONFIRM.not_found:
            return NotFound()
        if returned == wire.DONE:
            try:
                return wire.paid(answer, order)
            except reading.Unreadable as fault:
                raise _unreadable(fault) from None
        status = _status(returned, code)
        return PaymentObservation(
            status=status,
            occurred_at=datetime.now(UTC),
            payment_id=ref.payment_id,
            provider_payment_id=ref.provider_payment_id if status is PaymentStatus.UNKNOWN else order,
            code=str(code or returned),
        )

    def refund(self, command: RefundCommand) -> RefundOutcome:
        _check_currency(command.amount.currency)
        transaction, ours = self._transaction_of(command.payment), self._refund_id(command)
        amount, now = command.amount.amount_minor, wire.milliseconds(datetime.now(UTC))
        text = wire.REFUND_DESCRIPTION
        answer = self._sent(
            "refund",
            {
                "m_refund_id": ours,
                "app_id": self._app_id,
                "zp_trans_id": transaction,
                "amount": str(amount),
                "timestamp": str(now),
                "description": text,
                "mac": self._mac(self._app_id, transaction, amount, text, now),
            },
        )
        returned, code = _result(answer)
        if returned == wire.FAILED and (code in TO_CONFIRM.refund or code not in TO_CONFIRM.refunded):
            raise TO_CONFIRM.refund.get(code, OutcomeUnknown)(f"the refund was refused: {code}", code=str(code))
        status = _refund_status(returned, code)
        return RefundOutcome(status, None if status is RefundStatus.UNKNOWN else ours, str(code or returned))

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        name, now = ref.provider_refund_id or self._refund_id(ref.command), wire.milliseconds(datetime.now(UTC))
        fields = {"app_id": self._app_id, "m_refund_id": name, "timestamp": str(now)}
        answer = self._sent("query_refund", {**fields, "mac": self._mac(self._app_id, name, now)})
        returned, code = _result(answer)
        _check_answered(returned, code)
        if returned == wire.FAILED and code == TO_CONFIRM.not_found:
            return NotFound()
        status = _refund_status(returned, code)
        return RefundObservation(
            status=status,
            occurred_at=datetime.now(UTC),
            amount=ref.command.amount,  # which the answer does not state
            refund_id=ref.command.refund_id,
            provider_refund_id=ref.provider_refund_id if status is RefundStatus.UNKNOWN else name,
            payment_id=ref.command.payment.payment_id,
            provider_transaction_id=ref.command.payment.provider_transaction_id,
            code=str(code or returned),
        )

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        """A callback does not sign when it was sent, so that no age is refused: what it says is applied once."""
        try:
            digest, kept = wire.checked(request.body, self._access.callback_keys, self._app_id)
        except reading.Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None
        return Verified(digest, "order" if kept else "other", kept)

    def parse(self, verified: Verified) -> Sequence[Observation]:
        return wire.observations(verified.payload)

    def ack(self, result: AckResult) -> Reply:
        """Always HTTP 200: return_code says whether ZaloPay shall send it again."""
        code = TO_CONFIRM.acknowledgement.get(result, wire.RECEIVED)
        return Reply(200, json.dumps({"return_code": code, "return_message": result.value}).encode())

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        """Raises NotSent or OutcomeUnknown; see providers/settlement_files.py."""
        return self._files.list_settlements(window)

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        return map(settlement.named, self._files.read_settlement(batch))

    def _creation(self, command: CreatePayment, order: str) -> dict[str, str]:
        created, amount = wire.milliseconds(command.created_at), command.amount.amount_minor
        embed = json.dumps({"redirecturl": command.return_url}, separators=(",", ":"))
        lifetime = int((command.expires_at - command.created_at).total_seconds())
        values = (self._app_id, order, wire.APP_USER, amount, created, embed, wire.NO_ITEMS)
        return {
            "app_id": self._app_id,
            "app_user": wire.APP_USER,
            "app_trans_id": order,
            "app_time": str(created),
            "amount": str(amount),
            "item": wire.NO_ITEMS,
            "embed_data": embed,
            "description": plain(command.title),
            "bank_code": wire.EVERY_METHOD,
            "callback_url": command.webhook_url,
            "expire_duration_seconds": str(min(max(lifetime, wire.EXPIRE_SECONDS_MIN), wire.EXPIRE_SECONDS_MAX)),
            "mac": self._mac(*values),
        }

    def _refund_id(self, command: RefundCommand) -> str:
        return wire.refund_id(self._app_id, command.refund_id, command.created_at)

    def _transaction_of(self, payment: PaymentRef) -> str:
        """What is refunded. Raises NotSent if it has to be asked for and the answer does not come."""
        if payment.provider_transaction_id is not None:
            return payment.provider_transaction_id
        try:
            seen = self.query_payment(payment)
        except OutcomeUnknown as lost:
            code = lost.code
        else:
            if isinstance(seen, NotFound) or seen.provider_transaction_id is None:
                raise Rejected("this payment was never paid", code="not_paid")
            return seen.provider_transaction_id
        raise NotSent("the payment to refund could not be looked up", code=code)

    def _mac(self, *values: object) -> str:
        return wire.mac(self._access.key1, *values)

    def _sent(self, operation: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
        url = f"{self._access.base_url}/v2/{operation}"
        answer = self._transport.send("POST", url, _FORM, urlencode(fields).encode())
        if answer.status != httpx.codes.OK:
            raise OutcomeUnknown(f"HTTP {answer.status}", code=f"http_{answer.status}")
        return answer.json()


def _check_currency(currency: str) -> None:
    if currency != wire.CURRENCY:
        raise Unsupported(f"ZaloPay does not take {currency}", code="unsupported_currency")


def _result(answer: Mapping[str, Any]) -> tuple[int, int]:
    try:
        return wire.result(answer)
    except reading.Unreadable as fault:
        raise _unreadable(fault) from None


def _check_answered(returned: int, code: int) -> None:
    """A question that was refused says nothing about what it asked for."""
    error: type[ProviderError] | None = TO_CONFIRM.question.get(code) if returned == wire.FAILED else None
    if error is not None:
        raise error(f"the question was refused: {code}", code=str(code))


def _status(returned: int, code: int) -> PaymentStatus:
    if returned == wire.PROCESSING:
        return PaymentStatus.PENDING
    failed = TO_CONFIRM.order.get(code, PaymentStatus.UNKNOWN)
    return failed if returned == wire.FAILED else PaymentStatus.UNKNOWN


def _refund_status(returned: int, code: int) -> RefundStatus:
    if returned == wire.DONE:
        return RefundStatus.SUCCEEDED
    if returned == wire.PROCESSING:
        return RefundStatus.PENDING
    failed = TO_CONFIRM.refunded.get(code, RefundStatus.UNKNOWN)
    return failed if returned == wire.FAILED else RefundStatus.UNKNOWN


def _unreadable(fault: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer cannot be read: {fault}", code="unreadable")
