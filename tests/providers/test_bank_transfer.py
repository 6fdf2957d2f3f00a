"""Every scheme of bank transfer against the conformance suite."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import httpx

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    CreditSource,
    Payee,
    PaymentProvider,
    RawRequest,
    Refunder,
    SettlementSource,
    ShowQr,
    ShowTransfer,
    WebhookReceiver,
)
from providers import signing
from providers.bank_transfer import outcomes, wire
from providers.bank_transfer.adapter import BankTransfer, Books
from providers.bank_transfer.client import BankClient
from providers.bank_transfer.schemes import SCHEMES
from tests.providers.conformance import TransferConformance
from tests.providers.rig import Rig

S = PaymentStatus
SECRETS = ("planted-secret-one", "planted-secret-two")


def settings_of(name: str, **more: str) -> Mapping[str, str]:
    return {f"GATEWAY_{name}_CLIENT": "ministry", f"GATEWAY_{name}_SECRETS": ",".join(SECRETS), **more}


class BankFacts(TransferConformance):
    """What all schemes have in common, as one adapter and one API serve them."""

    secrets = SECRETS
    optional_settings = frozenset()
    own_headers = frozenset({wire.CLIENT, wire.SIGNATURE, wire.IDEMPOTENCY_KEY})
    personal = (outcomes.PAYER_NAME, outcomes.PAYER_ACCOUNT)
    protocols = frozenset({PaymentProvider, Refunder, WebhookReceiver, SettlementSource, CreditSource})
    not_notified = frozenset({"silent", "decline", "abandon"})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "twice": S.SUCCEEDED,
        "under": S.PENDING,
        "over": S.PENDING,
        "late": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "garbled": S.PENDING,
        "cut": S.PENDING,
        "no_reference": S.PENDING,
        "reverse": S.PENDING,
        "decline": S.PENDING,
        "abandon": S.PENDING,
    }
    malformed = (
        b'{"id": "ev_1", "type": "credit.booked"}',
        b'{"id": "ev_1", "type": "credit.booked", "data": {}}',
        b'{"id": "ev_1", "type": "credit.booked", "data": []}',
        b'{"id": "ev_1", "type": "reversal.open", "data": {"status": "open", "id": "RV1", "amount_minor": 0}}',
        b"<Document/>",
        b"<!DOCTYPE a><Document/>",
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn/></Document>',
    )
    of_no_concern = b'{"id": "ev_1", "type": "account.renamed", "data": {"status": "x"}}'

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        headers = {"content-type": "application/json", wire.SIGNATURE: signing.signature(secret, at, body)}
        return RawRequest("POST", "", headers, body)

    def without_secrets(self, rig: Rig) -> Any:
        client = BankClient(rig.simulator.url, "ministry", "", httpx.Timeout(10))
        return BankTransfer(SCHEMES[self.provider], client, ("", "  "), Books(ZoneInfo("UTC")))

    def content_from(self, fields: Any) -> bytes:
        return json.dumps(fields).encode()


class TestVietQr(BankFacts):
    provider = "vietqr"
    settings = settings_of("VIETQR")
    base_url_setting = "GATEWAY_VIETQR_BANK_URL"
    secrets_setting = "GATEWAY_VIETQR_SECRETS"
    payee = Payee("SO TU PHAP", "970416", "257678859")
    misfits = (Payee("x", "97041", "1"), Payee("x", "970416", "1" * 20), Payee("x", "", "257678859"))
    shown = ShowQr
    fee = Money(150_000, "VND")
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): "5406150001",
        Money(98_765_432, "VND"): "540898765432",
    }


class TestPayNow(BankFacts):
    provider = "paynow"
    settings = settings_of("PAYNOW")
    base_url_setting = "GATEWAY_PAYNOW_BANK_URL"
    secrets_setting = "GATEWAY_PAYNOW_SECRETS"
    payee = Payee("MINISTRY OF LAW", "", "201403121W")
    misfits = (Payee("x", "", "2014"), Payee("x", "", "201403121WTOOLONG"))
    shown = ShowQr
    fee = Money(150_000, "SGD")
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(1_050, "SGD"): "540510.50",
        Money(12_345_678, "SGD"): "5409123456.78",
    }


class TestSepa(BankFacts):
    provider = "sepa"
    settings = settings_of("SEPA", GATEWAY_SEPA_TIME_ZONE="Europe/Tallinn")
    base_url_setting = "GATEWAY_SEPA_BANK_URL"
    secrets_setting = "GATEWAY_SEPA_SECRETS"
    payee = Payee("Politsei- ja Piirivalveamet", "HABAEE2X", "EE382200221020145685")
    misfits = (Payee("x", "", "EE382200221020145686"), Payee("x", "HABA", "EE382200221020145685"))
    shown = ShowQr
    fee = Money(150_000, "EUR")
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(1_050, "EUR"): "EUR10.50",
        Money(1_234_567_890, "EUR"): "EUR12345678.90",
    }


class TestFik(BankFacts):
    provider = "fik"
    settings = settings_of("FIK")
    base_url_setting = "GATEWAY_FIK_BANK_URL"
    secrets_setting = "GATEWAY_FIK_SECRETS"
    payee = Payee("Udlaendingestyrelsen", "", "80882939")
    misfits = (Payee("x", "", "8088293"), Payee("x", "", "8088293x"))
    shown = ShowTransfer
    fee = Money(150_000, "DKK")
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(1_050, "DKK"): "amount=10.50",
        Money(12_345_678, "DKK"): "amount=123456.78",
    }


class TestEpn(BankFacts):
    provider = "epn"
    settings = settings_of("EPN")
    base_url_setting = "GATEWAY_EPN_BANK_URL"
    secrets_setting = "GATEWAY_EPN_SECRETS"
    payee = Payee("Ministry of Justice", "", "11012345678")
    misfits = (Payee("x", "", ""),)
    shown = ShowTransfer
    fee = Money(150_000, "KRW")
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "KRW"): "amount=150001",
        Money(98_765_432, "KRW"): "amount=98765432",
    }
