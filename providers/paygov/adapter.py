"""PayGov behind the provider port.

A payment's provider_payment_id is its transaction id, which is our payment id in other digits (wire.transaction_id), so
that it is known even if the answer to a creation was lost. PayGov has no refund: its payments are no Refunder's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx

from gateway.domain.payment import PaymentStatus
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    Bill,
    BillRequest,
    CreatePayment,
    NotFound,
    Observation,
    OutcomeUnknown,
    PaymentHint,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RawRequest,
    Redirect,
    RejectionReason,
    Reply,
    SettlementLine,
    SettlementWindow,
    Unsupported,
    Verified,
    WebhookRejected,
)
from providers import reading
from providers.paygov import bills, settlement, wire
from providers.paygov.wire import Name
from providers.plain_text import plain
from providers.settings import base_url, required, split
from providers.settlement_files import FileSettlements
from providers.transport import TIMEOUT, Answer, Transport

SETTINGS = (
    "GATEWAY_PAYGOV_BASE_URL",
    "GATEWAY_PAYGOV_CLIENT_ID",
    "GATEWAY_PAYGOV_HASH_KEY_1",
    "GATEWAY_PAYGOV_HASH_KEYS_2",
    settlement.DIRECTORY,
)
AGENCY = "GATEWAY_PAYGOV_AGENCY"
"""The code of the only agency whose dossiers PayGov may ask for; without it, those of all that have enabled it."""

_NOT_DURABLE = frozenset({AckResult.RETRY, AckResult.REJECTED})


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "PayGovProvider":
    """Raises MissingSettings or UnusableSetting."""
    names = (*SETTINGS, *((AGENCY,) if AGENCY in environment else ()))
    values = required(PayGovProvider.name, environment, names)
    _, client_id, key, keys, folder = (values[name] for name in SETTINGS)
    files = settlement.files(environment, Path(folder))
    url = base_url(PayGovProvider.name, values, SETTINGS[0])
    return PayGovProvider(url, client_id, key, split(keys), files, values.get(AGENCY), timeout)


class PayGovProvider:
    name: Final = "paygov"
    titles: Mapping[str, str] = {
        "vi": "Nền tảng thanh toán Cổng Dịch vụ công Quốc gia",
        "en": "National Public Service Portal payment (PayGov)",
    }
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(
        self,
        base_url: str,
        client_id: str,
        hash_key_1: str,
        hash_keys_2: Sequence[str],
        settlements: FileSettlements,
        agency_code: str | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._client_id = client_id
        self._hash_key_1 = hash_key_1
        self._hash_keys_2 = tuple(hash_keys_2)
        self._settlements = settlements
        self._agency_code = agency_code
        self._transport = Transport(timeout)

    def close(self) -> None:
        self._transport.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        """PayGov is paid for one dossier at a time: anything else is Unsupported before it is sent."""
        _check(command)
        transaction = wire.transaction_id(command.payment_id)
        fields: dict[str, Any] = {
            **wire.SENT_ALWAYS,
            Name.CLIENT_ID: self._client_id,
            Name.TRANSACTION_ID: transaction,
            Name.AMOUNT: str(command.amount.amount_minor),
            Name.DESCRIPTION: plain(command.title),
            Name.LOCALE: command.locale,
            Name.RETURN_URL: command.return_url,
            Name.BILL: bills.written(command.bills[0]),
        }
        data = self._answer("create", fields).json()
        code = _error(data)
        if code in wire.ERROR:
            raise wire.ERROR[code](f"PayGov refused: {code}", code=code)
        if code != wire.NO_ERROR:
            return PaymentOutcome(PaymentStatus.UNKNOWN, transaction, code=code)
        try:
            url = reading.text(data, Name.PAYMENT_URL)
        except reading.Unreadable as fault:
            raise _unreadable(fault) from None
        return PaymentOutcome(PaymentStatus.PENDING, transaction, Redirect(url), code)

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        fields = {
            Name.CLIENT_ID: self._client_id,
            Name.COMMAND: wire.DETAIL,
            Name.TRANSACTION_ID: wire.transaction_id(ref.payment_id),
        }
        data = self._answer("detail", fields).json()
        code = _error(data)
        if code == wire.NOT_FOUND:
            return NotFound()
        if code != wire.NO_ERROR:  # a query says nothing about the payment unless it is answered
            raise OutcomeUnknown(f"PayGov did not answer: {code}", code=code, answered=True)
        try:
            return wire.observation(data, ref)
        except reading.Unreadable as fault:
            raise _unreadable(fault) from None

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        """The id is made of what is signed and of what the status may be, so that nobody can make many notifications
        of one by altering what is not signed."""
        fields = self._signed("callback", request)
        word = wire.status_word(fields)
        signed = wire.check(self._hash_keys_2, "callback", self._client_id, fields)
        payload = {**signed, Name.STATUS: word}
        return Verified(f"{signed[Name.TRANSACTION_ID]}:{signed[Name.AMOUNT]}:{word}", "payment", payload)

    def parse(self, verified: Verified) -> Sequence[Observation]:
        """Nothing about a payment that another system began under the same client id."""
        transaction = reading.text(verified.payload, Name.TRANSACTION_ID)
        payment_id = wire.payment_id(transaction)
        if payment_id is None:
            return []
        return [PaymentHint(payment_id, transaction, reading.text(verified.payload, Name.STATUS))]

    def ack(self, result: AckResult) -> Reply:
        taken = result not in _NOT_DURABLE
        code, message = (wire.TAKEN, "success") if taken else (wire.NOT_TAKEN, result.value)
        return _reply({Name.RETURN_CODE: code, Name.RETURN_MESSAGE: message})

    def read_bill_request(self, request: RawRequest, now: datetime) -> BillRequest:
        fields = self._signed("pull", request)
        signed = wire.check(self._hash_keys_2, "pull", self._client_id, fields)
        return BillRequest(signed[Name.DOSSIER], self._agency_code)

    def write_bills(self, found: Sequence[Bill] | None) -> Reply:
        """One bill, the oldest: the next is due once that is paid."""
        due = [bill for bill in found or () if bill.amount.currency in self.capabilities.currencies]
        if found is None:
            return _reply({Name.BILL_CODE: wire.NO_SUCH_DOSSIER, Name.BILL_MESSAGE: "there is no such dossier"})
        if not due:
            return _reply({Name.BILL_CODE: wire.NOTHING_DUE, Name.BILL_MESSAGE: "nothing is due"})
        return _reply({Name.BILL_CODE: wire.DUE, Name.BILL_MESSAGE: "due", **bills.written(due[0])})

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        return self._settlements.list_settlements(window)

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        return self._settlements.read_settlement(batch)

    def _answer(self, what: str, fields: Mapping[str, Any]) -> Answer:
        signed = {**fields, Name.CHECKSUM: wire.checksum(self._hash_key_1, what, fields)}
        body = json.dumps(signed, separators=(",", ":"), ensure_ascii=True).encode()
        return self._transport.send("POST", self._base_url + wire.PATHS[what], _HEADERS, body)

    def _signed(self, what: str, request: RawRequest) -> Mapping[str, Any]:
        try:
            return reading.decoded(request.body)
        except reading.Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None


_HEADERS = {"content-type": "application/json"}


def _check(command: CreatePayment) -> None:
    if command.amount.currency not in wire.CAPABILITIES.currencies:
        raise Unsupported(f"PayGov does not take {command.amount.currency}", code="unsupported_currency")
    if len(command.bills) != 1:
        raise Unsupported("PayGov is paid for one dossier at a time: choose another method, or pay one by one")
    if command.bills[0].amount != command.amount:
        raise Unsupported("the bill does not ask for what is to be paid")


def _error(data: Mapping[str, Any]) -> str:
    try:
        return reading.text(data, Name.ERROR)
    except reading.Unreadable as fault:
        raise _unreadable(fault) from None


def _unreadable(fault: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer cannot be read: {fault}", code="unreadable")


def _reply(fields: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(fields).encode())
