"""What a test of a bank transfer stands on: the rig of all providers, with a payee and a payer's banking app."""

from dataclasses import replace
from secrets import randbelow
from typing import Any
from uuid import UUID

from gateway.domain.money import Money
from gateway.domain.reference import RANDOM_BELOW, base_of, epn, new_base, rf
from gateway.ports.provider import CreatePayment, NextAction, Payee, PaymentOutcome, PaymentRef, ShowQr
from tests.providers.rig import Rig, ref

ORGANISATION = "12345"


class TransferRig(Rig):
    """`fee` is in the currency of the scheme, `payee` an account that fits it."""

    fee: Money
    payee: Payee

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bookings: dict[str, str] = {}

    def command(self, amount: Money | None = None, **changed: Any) -> CreatePayment:
        """For an invoice of its own: what is asked of a bank is asked by reference."""
        reference = rf(new_base(26, randbelow(RANDOM_BELOW)))
        command = super().command(amount or self.fee, **{"payee": self.payee, "reference": reference, **changed})
        return replace(command, references={"epn": epn(base_of(command.reference), ORGANISATION)})

    def started(self, amount: Money | None = None) -> tuple[PaymentRef, str]:
        command = self.command(amount)
        outcome: PaymentOutcome = self.adapter.create_payment(command)
        assert outcome.next_action is not None
        return ref(command, outcome), self.page(outcome.next_action)

    def page(self, action: NextAction) -> str:
        """Where the payer goes with it."""
        return str(self.control("POST", "pay-page", next_action=as_told(action))["url"])

    def paid(self, amount: Money | None = None) -> PaymentRef:
        paid = super().paid(amount or self.fee)
        assert paid.provider_transaction_id is not None
        self._bookings[str(paid.payment_id)] = paid.provider_transaction_id
        return paid

    def control(self, method: str, path: str, **fields: Any) -> Any:
        """The bank knows no payments of ours, so the controls are told of the booking."""
        if fields.get("payment") in self._bookings_known():
            fields["payment"] = self._bookings[fields["payment"]]
        return super().control(method, path, **fields)

    def true_refunds(self, payment_id: UUID) -> list[Any]:
        booking = self._bookings[str(payment_id)]
        return [r for r in self.control("GET", "truth")["refunds"] if r["transaction_id"] == booking]

    def credits(self) -> list[Any]:
        return list(self.control("GET", "truth")["payments"])

    def _bookings_known(self) -> set[str]:
        return set(getattr(self, "_bookings", {}))  # the controls are used before there are any


def as_told(action: NextAction) -> dict[str, Any]:
    """As the gateway tells portals."""
    if isinstance(action, ShowQr):
        return {"type": "show_qr", "payload": action.payload}
    shown: Any = action
    told = {"account": shown.account, "reference": shown.reference, "amount_minor": shown.amount.amount_minor}
    return {"type": "show_transfer", **told, "currency": shown.amount.currency}
