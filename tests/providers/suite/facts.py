"""What a provider's test class states of its provider, and the simulator that its tests share."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    DisputeObservation,
    OutcomeUnknown,
    PaymentHint,
    PaymentObservation,
    RawRequest,
    RefundObservation,
)
from tests.providers.rig import Inbox, Rig

T = TypeVar("T")


class Facts(ABC):
    """What a provider's test class states."""

    provider: ClassVar[str]
    settings: ClassVar[Mapping[str, str]]
    """For adapter and simulator alike, but for the base URL. Holds at least two webhook secrets. FOLDER stands for the
    folder of settlement files."""

    simulation: ClassVar[str] = "providers.simulation"
    """The module that plays the provider in a process of its own."""

    base_url_setting: ClassVar[str]
    secrets_setting: ClassVar[str]
    secrets: ClassVar[tuple[str, ...]]
    """All that is secret in `settings`; the webhook secrets first."""

    optional_settings: ClassVar[frozenset[str]]
    own_headers: ClassVar[frozenset[str]]
    """The headers of its protocol, in lower case."""

    personal: ClassVar[tuple[str, ...]] = ()
    """What the simulator tells about the payer, as the real provider would, and we must not keep."""

    protocols: ClassVar[frozenset[type]]
    outcomes: ClassVar[Mapping[str, PaymentStatus]]
    """What a query says after each outcome of the pay page."""

    not_notified: ClassVar[frozenset[str]]
    """The outcomes of which the provider sends no notification."""

    amounts_on_the_wire: ClassVar[Mapping[Money, str]]
    """The exact text that a creation must hold: exponents 0, 2 and 3 as far as it takes such currencies, and an amount
    above 10,000,000."""

    notified: ClassVar[frozenset[type]] = frozenset({PaymentObservation, RefundObservation, DisputeObservation})
    """What it sends notifications of; the rest is asked for, or learnt from the settlement."""

    notified_statuses: ClassVar[frozenset[PaymentStatus]] = frozenset(PaymentStatus)
    """Of a payment: some providers tell of a success only."""

    notified_as: ClassVar[Mapping[str, PaymentStatus]] = {}
    """What a notification says after an outcome of the pay page, where it says more than a query."""

    finds_lost_refunds: ClassVar[bool] = True
    """Whether each of several refunds of one payment is found if the answer to it was lost; if not, only the last."""

    answers_again: ClassVar[bool] = True
    """Whether a request that is sent again is answered as it was first; if not, it is refused as a duplicate, which is
    OutcomeUnknown, and a query tells what became of it."""

    dated_notifications: ClassVar[bool] = True
    """Whether what a notification signs says when it was sent, so that an old one can be refused."""

    hints: ClassVar[bool] = False
    """Whether its notifications only hint at a payment, because their signature does not cover what became of it."""

    @property
    def news(self) -> type:
        """What its notifications say of payments."""
        return PaymentHint if self.hints else PaymentObservation

    @abstractmethod
    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        """A notification as the provider would sign it."""

    @abstractmethod
    def without_secrets(self, rig: Rig) -> Any:
        """The adapter as it would be with no webhook secret at all, or only blank ones."""

    @property
    @abstractmethod
    def malformed(self) -> Sequence[bytes]:
        """Bodies that are signed but make no sense to this provider; common ones are added by the suite."""

    @property
    @abstractmethod
    def of_no_concern(self) -> bytes | None:
        """A well-formed notification about something we do not follow; None where every one is about a payment."""

    def content_of(self, request: RawRequest) -> bytes:
        """The signed content of a notification: its body, or where it has none its query."""
        return request.body

    def fields_of(self, content: bytes) -> Any:
        """The fields in the content, by name."""
        return json.loads(content)

    def content_from(self, fields: Any) -> bytes:
        """The reverse of `fields_of`."""
        return json.dumps(fields).encode()

    def with_content(self, request: RawRequest, content: bytes) -> RawRequest:
        """`request` with other content under the same signature."""
        return replace(request, body=content)

    def without_signature(self, request: RawRequest) -> RawRequest:
        return replace(request, headers={"content-type": "application/json"})

    def mangled_signatures(self, request: RawRequest) -> Iterator[RawRequest]:
        """`request` with each header of the protocol spoilt in turn."""
        for name, value in request.headers.items():
            if name in self.own_headers:
                for mangled in ("", "t=,v1=", value[:-1], value + "é", value.replace("t=", "t=x"), "t=" + "9" * 5_000):
                    if mangled != value:
                        yield replace(request, headers={**request.headers, name: mangled})

    def notifications_of(self, outcome: str) -> int:
        """How many observations of the payment its notifications hold at least, once the payer has done that."""
        all_told = PaymentStatus.PENDING in self.notified_statuses
        return 2 if outcome == "twice" or (outcome == "late" and all_told) else 1

    def sent_again(self, send: Callable[[], T]) -> T | None:
        """The answer to what was sent before and is sent again; None if it was refused as a duplicate."""
        if self.answers_again:
            return send()
        with pytest.raises(OutcomeUnknown):
            send()
        return None

    def needs_creation(self, rig: Rig) -> None:
        """Skip where a creation sends nothing, so that nothing can go wrong with it."""
        if rig.opened_by_payer:
            pytest.skip(f"{self.provider} hears of a payment from the payer's browser")

    def needs_notice(self, kind: type, status: PaymentStatus | None = None) -> None:
        """Skip where the provider states that it sends no notification of that."""
        if kind not in self.notified or (status is not None and status not in self.notified_statuses):
            pytest.skip(f"{self.provider} does not notify of {status or kind.__name__}")

    def needs(self, protocol: type) -> None:
        """Skip where the provider states that it has no such thing; payments.py checks the statement."""
        if protocol not in self.protocols:
            pytest.skip(f"{self.provider} is no {protocol.__name__}")

    @pytest.fixture(scope="class")
    @classmethod
    def shared_rig(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
        yield from cls._rig(tmp_path_factory.mktemp(cls.provider))

    @pytest.fixture
    def rig(self, shared_rig: Rig) -> Rig:
        """One simulator for the whole class, without armed faults or notifications of the test before."""
        shared_rig.reset()
        return shared_rig

    @pytest.fixture
    def fresh_rig(self, tmp_path: Path) -> Iterator[Rig]:
        """A simulator with empty books."""
        yield from self._rig(tmp_path)

    @classmethod
    def _rig(cls, data_dir: Path) -> Iterator[Rig]:
        inbox = Inbox()
        rig = Rig(cls.provider, cls.settings, data_dir, cls.base_url_setting, inbox)
        yield rig
        rig.close()
        inbox.stop()
