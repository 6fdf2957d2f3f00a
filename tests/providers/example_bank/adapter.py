"""Example Bank behind the provider port."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx

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
from providers import reading
from providers.plain_text import plain
from providers.settings import base_url, required, split
from providers.settlement_files import FileSettlements, directory_setting, layout_of
from providers.transport import TIMEOUT, Transport
from tests.providers.example_bank import wire

NAME: Final = "example_bank"
FOLDER = directory_setting(NAME)
SHARED_SETTINGS = ("GATEWAY_EXAMPLE_BANK_API_KEY", "GATEWAY_EXAMPLE_BANK_WEBHOOK_SECRETS", FOLDER)
SETTINGS = ("GATEWAY_EXAMPLE_BANK_BASE_URL", *SHARED_SETTINGS)
MAP = Path(__file__).with_name("settlement.yaml")

T = TypeVar("T")


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "ExampleBank":
    """Raises MissingSettings or UnusableSetting."""
    values = required(NAME, environment, SETTINGS)
    _, api_key, secrets, folder = (values[name] for name in SETTINGS)
    files = FileSettlements(Path(folder), layout_of(NAME, environment, MAP))
    return ExampleBank(base_url(NAME, values, SETTINGS[0]), api_key, split(secrets), files, timeout)


class ExampleBank:
    name: Final = NAME
    titles: Mapping[str, str] = {"vi": "Ngân hàng Ví dụ", "en": "Example Bank"}
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(
        self,
        base_url: str,
        api_key: str,
        secrets: Sequence[str],
        files: FileSettlements,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._secrets = tuple(secrets)
        self._files = files
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        if command.amount.currency not in self.capabilities.currencies:
            raise Unsupported(f"the bank does not take {command.amount.currency}", code="currency")
        made = self._put(
            "payments",
            command.payment_id,
            {
                "reference": command.reference,
                "amount_minor": command.amount.amount_minor,
                "currency": command.amount.currency,
                "title": plain(command.title),
                "return_url": command.return_url,
                "cancel_url": command.cancel_url,
                "webhook_url": command.webhook_url,
                "expires": int(command.expires_at.timestamp()),
            },
        )
        seen = _read(wire.payment, made)
        page = _read(lambda data: reading.text(data, "page"), made)
        return PaymentOutcome(seen.status, seen.provider_payment_id, Redirect(page), seen.code)

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        found = self._get("payments", ref.payment_id)
        return NotFound() if found is None else _read(wire.payment, found)

    def refund(self, command: RefundCommand) -> RefundOutcome:
        made = self._put(
            "refunds",
            command.refund_id,
            {
                "payment_id": str(command.payment.payment_id),
                "transaction_id": command.payment.provider_transaction_id,
                "amount_minor": command.amount.amount_minor,
            },
        )
        seen = _read(wire.refund, made)
        return RefundOutcome(seen.status, seen.provider_refund_id, seen.code)

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        found = self._get("refunds", ref.command.refund_id)
        return NotFound() if found is None else _read(wire.refund, found)

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        wire.check_signature(request.headers.get(wire.SIGNATURE, ""), self._secrets, request.body)
        try:
            event = reading.decoded(request.body)
            wire.observations(event)  # whatever is verified can be parsed
            return Verified(reading.text(event, "id"), "", event)
        except reading.Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None

    def parse(self, verified: Verified) -> Sequence[Observation]:
        return wire.observations(verified.payload)

    def ack(self, result: AckResult) -> Reply:
        return Reply(503 if result in (AckResult.RETRY, AckResult.REJECTED) else 200)

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        return self._files.list_settlements(window)

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        return self._files.read_settlement(batch)

    def _put(self, kind: str, ours: UUID, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was made, now or the first time. Raises what wire.ERROR says of a refusal."""
        status, data = self._sent("PUT", f"/{kind}/{ours}", json.dumps(fields).encode())
        if status != httpx.codes.OK:
            code = _code(data)
            raise wire.ERROR.get(code, OutcomeUnknown)(f"HTTP {status}: {code}", code=code)
        return data

    def _get(self, kind: str, ours: UUID) -> Mapping[str, Any] | None:
        """None if the bank says that it knows of no such thing."""
        status, data = self._sent("GET", f"/{kind}/{ours}", b"")
        if status == httpx.codes.NOT_FOUND and _code(data) == wire.NOT_FOUND:
            return None
        if status != httpx.codes.OK:  # a query says nothing about the payment unless it is answered
            raise OutcomeUnknown(f"HTTP {status}", code=_code(data))
        return data

    def _sent(self, method: str, path: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        headers = {"authorization": f"Bearer {self._api_key}", "content-type": "application/json"}
        answer = self._transport.send(method, self._base_url + path, headers, body)
        return answer.status, answer.json()


def _read(read: Callable[[Mapping[str, Any]], T], data: Mapping[str, Any]) -> T:
    """What `read` makes of an answer; one that cannot be read leaves the outcome unknown."""
    try:
        return read(data)
    except reading.Unreadable as fault:
        raise OutcomeUnknown(f"the answer cannot be read: {fault}", code="unreadable") from None


def _code(data: Mapping[str, Any]) -> str:
    return str(data.get("code", "unreadable"))
