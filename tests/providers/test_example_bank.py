"""The worked example of docs/adding-a-provider.md against the conformance suite."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    PaymentObservation,
    PaymentProvider,
    RawRequest,
    Refunder,
    RefundObservation,
    SettlementSource,
    WebhookReceiver,
)
from providers import registry
from tests.providers.conformance import ProviderConformance
from tests.providers.example_bank import adapter, simulator, wire
from tests.providers.rig import FOLDER, Rig

S = PaymentStatus
SECRETS = ("planted-secret-one", "planted-secret-two")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """The two lines that a provider has in providers/registry.py, for these tests only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.ADAPTERS, "example_bank", adapter.build)
        patch.setitem(registry.SIMULATORS, "example_bank", simulator.create_app)
        yield


class TestExampleBank(ProviderConformance):
    provider = "example_bank"
    simulation = "tests.providers.example_bank"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_EXAMPLE_BANK_API_KEY": "planted-key",
        "GATEWAY_EXAMPLE_BANK_WEBHOOK_SECRETS": ",".join(SECRETS),
        "GATEWAY_EXAMPLE_BANK_SETTLEMENT_DIR": FOLDER,
    }
    base_url_setting = "GATEWAY_EXAMPLE_BANK_BASE_URL"
    secrets_setting = "GATEWAY_EXAMPLE_BANK_WEBHOOK_SECRETS"
    secrets = (*SECRETS, "planted-key")
    optional_settings = frozenset()
    own_headers = frozenset({wire.SIGNATURE})
    protocols = frozenset({PaymentProvider, Refunder, WebhookReceiver, SettlementSource})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "decline": S.DECLINED,
        "cancel": S.CANCELLED,
        "abandon": S.PENDING,
        "expire": S.EXPIRED,
        "pending": S.PENDING,
        "late": S.SUCCEEDED,
        "twice": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "wrong_amount": S.SUCCEEDED,
        "review": S.UNKNOWN,
    }
    not_notified = frozenset({"abandon", "silent"})
    notified = frozenset({PaymentObservation, RefundObservation})
    dated_notifications = False
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): '"amount_minor": 150001, "currency": "VND"',
        Money(98_765_432, "VND"): '"amount_minor": 98765432, "currency": "VND"',
    }
    malformed = (
        b'{"id": "e1", "payment": {}}',
        b'{"id": "e1", "payment": []}',
        b'{"payment": {"status": "succeeded"}}',
    )
    of_no_concern = b'{"id": "e1", "news": "closed on Sunday"}'

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        return RawRequest("POST", "", {wire.SIGNATURE: wire.signature(secret, body)}, body)

    def without_secrets(self, rig: Rig) -> Any:
        return adapter.ExampleBank(rig.simulator.url, "planted-key", ("", " "), rig.adapter._files)
