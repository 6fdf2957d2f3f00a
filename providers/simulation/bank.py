"""The provider's own truth: payments, refunds, disputes and the movements of money they cause.

A simulator subclasses Bank: `routes` speak its wire format, `signer` signs, and `announce` tells the world.
What payers can do is OUTCOMES; a provider where some of it cannot happen has a table of its own.

Every document has whole seconds for times and whole minor units for amounts. A movement's signs are the merchant's:
money towards it is positive.
"""

import hashlib
import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask, Response

from gateway.domain.payment import PaymentStatus
from gateway.ports.capabilities import Capabilities
from providers.simulation.books import Books, Change, Document
from providers.simulation.faults import Switchboard
from providers.simulation.outbox import Outbox
from providers.simulation.webhooks import Sender, Sign, enqueue, is_success

LATE_MS = 1_000
"""A payment that comes late tells of it so long after the expiry."""

PROCESSING = "processing"
"""The code of a pending payment that the payer has finished and a bank has not: it no longer expires."""

UNHEARD_OF = "under_review"
"""A status that no table knows."""


class NotPossible(Exception):
    """The controls or the payer ask for something that the books do not allow."""


class KeyReused(Exception):
    """An idempotency key came again with another request."""


@dataclass(frozen=True, slots=True)
class Options:
    """`webhook_url` is for providers that keep it in their own configuration rather than taking it with a creation."""

    data_dir: Path
    settings: Mapping[str, str]
    webhook_url: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a payer can do: the steps the bank takes, what a query says then, and where the browser goes.

    `told` is what a notification says, where that is more than a query says.
    """

    label: str
    steps: tuple[str, ...]
    ends: PaymentStatus
    back_to: str = "return_url"
    told: PaymentStatus | None = None


S = PaymentStatus
OUTCOMES: Mapping[str, Outcome] = {
    "succeed": Outcome("Pay", ("pay",), S.SUCCEEDED),
    "decline": Outcome("Pay with a card that is declined", ("decline",), S.DECLINED),
    "cancel": Outcome("Cancel and go back", ("cancel",), S.CANCELLED, "cancel_url"),
    "abandon": Outcome("Leave without doing anything", (), S.PENDING),
    "expire": Outcome("Wait until the time is over", ("expire",), S.EXPIRED),
    "pending": Outcome("Pay, but the bank takes its time", ("pend",), S.PENDING),
    "late": Outcome("Pay after the time is over", ("expire", "pay_late"), S.SUCCEEDED),
    "twice": Outcome("Pay twice", ("pay", "pay_again"), S.SUCCEEDED),
    "silent": Outcome("Pay, and no notification is ever sent", ("pay_silently",), S.SUCCEEDED),
    "wrong_amount": Outcome("Pay another amount than asked for", ("pay_wrong_amount",), S.SUCCEEDED),
    "review": Outcome("Pay, and meet a status nobody has heard of", ("review",), S.UNKNOWN),
}


class Bank(ABC):
    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    outcomes: ClassVar[Mapping[str, Outcome]] = OUTCOMES
    payable: ClassVar[frozenset[str]] = frozenset({"pending"})
    id_prefixes: ClassVar[Mapping[str, str]]
    outbox: Outbox | None = None
    """Where its settlement files go, for a provider that settles by file."""
    refunds: ClassVar[bool] = True
    """Whether its merchants can send money back; it can itself in any case, in its own console."""
    tries: ClassVar[int | None] = None
    """How often a notification is sent that nobody acknowledges; None for as often as it takes."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.books = Books(options.data_dir / f"{self.name}.jsonl")
        self.board = Switchboard()
        self.sender = Sender(self.books, self.signer(), self.acknowledged, self.tries)

    @abstractmethod
    def signer(self) -> Sign:
        """How notifications are signed."""

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Whether this answer to a notification ends the tries. To be overridden where it takes more than a 2xx."""
        return is_success(status, body)

    @abstractmethod
    def routes(self, app: Flask) -> None:
        """Add the provider's own endpoints, and its pay page."""

    @abstractmethod
    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        """Notify the merchant of "payment.<status>", "refund.<status>" or "dispute.<status>"."""

    @abstractmethod
    def batch_made(self, change: Change, batch: Document) -> None:
        """A batch is paid out: notify the merchant, if the provider tells."""

    @abstractmethod
    def refusals(self) -> Mapping[str, Any]:
        """How the provider says "not_found", "rejected", "unauthorized" and "conflict"."""

    @abstractmethod
    def batch_id(self, day: date, currency: str, number: int) -> str:
        """The id of the day's `number`th batch in `currency`."""

    def unknown_code(self, honest: Response) -> Response:
        """The answer with a status that no table knows. To be overridden where the status has another name."""
        body = {**honest.get_json(), "status": UNHEARD_OF}
        return Response(json.dumps(body), honest.status_code, content_type=honest.content_type)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One atomic change of the books; its notifications go out once it is on disk."""
        with self.books.change() as change:
            yield change
        self.sender.add([document for (kind, _), document in change.puts.items() if kind == "webhook"])

    def new_id(self, kind: str) -> str:
        return self.id_prefixes[kind] + secrets.token_hex(12)

    def notify(self, change: Change, event_id: str, url: str, body: str, delay_ms: int = 0) -> None:
        enqueue(change, self.board, event_id, url, body, delay_ms)

    def once(self, key: str, request_body: bytes, work: Callable[[Change], tuple[int, str]]) -> tuple[int, str]:
        """The status and body that `work` gives, or gave when this idempotency key came first. Raises KeyReused."""
        digest = hashlib.sha256(request_body).hexdigest()
        with self.change() as change:
            stored = change.get("answer", key) if key else None
            if stored is not None:
                if stored["digest"] != digest:
                    raise KeyReused(key)
                return stored["status"], stored["body"]
            status, body = work(change)
            if key:
                change.put("answer", {"id": key, "digest": digest, "status": status, "body": body})
            return status, body

    # What the payer does. Each step is named in OUTCOMES.

    def play(self, payment_id: str, outcome: str) -> str:
        """Take the steps of `outcome`; where the browser goes then. Raises NotPossible."""
        if outcome not in self.outcomes:
            raise NotPossible(f"outcome must be one of: {', '.join(self.outcomes)}")
        with self.change() as change:
            payment = self.current(change, payment_id)
            steps, back_to = self.outcomes[outcome].steps, self.outcomes[outcome].back_to
            too_late = "expire" in steps and payment["status"] in ("expired", "cancelled")
            if not self.can_pay(payment) and not ("pay_late" in steps and too_late):
                raise NotPossible(f"this payment is {payment['status']}")
            for step in steps:
                payment = getattr(self, step)(change, payment)
        return str(payment[back_to])

    def can_pay(self, payment: Document) -> bool:
        return payment["status"] in self.payable

    def pay(self, change: Change, payment: Document) -> Document:
        return self._paid(change, payment, payment["amount_minor"])

    def pay_again(self, change: Change, payment: Document) -> Document:
        return self._paid(change, payment, payment["amount_minor"])

    def pay_late(self, change: Change, payment: Document) -> Document:
        return self._paid(change, payment, payment["amount_minor"], delay_ms=LATE_MS)

    def pay_silently(self, change: Change, payment: Document) -> Document:
        return self._paid(change, payment, payment["amount_minor"], silent=True)

    def pay_wrong_amount(self, change: Change, payment: Document) -> Document:
        return self._paid(change, payment, payment["amount_minor"] - 10)

    def decline(self, change: Change, payment: Document) -> Document:
        return self.moved(change, payment, "declined", "insufficient_funds")

    def cancel(self, change: Change, payment: Document) -> Document:
        return self.moved(change, payment, "cancelled", "cancelled_by_payer")

    def expire(self, change: Change, payment: Document) -> Document:
        return self.moved(change, payment, "expired") if self.can_pay(payment) else payment

    def pend(self, change: Change, payment: Document) -> Document:
        return self.moved(change, payment, "pending", PROCESSING)

    def review(self, change: Change, payment: Document) -> Document:
        return self.moved(change, payment, UNHEARD_OF)

    def current(self, change: Change, payment_id: str) -> Document:
        """The payment, expired if its time is over. Raises NotPossible."""
        payment = change.get("payment", payment_id)
        if payment is None:
            raise NotPossible("there is no such payment")
        waiting = self.can_pay(payment) and payment["code"] != PROCESSING
        overdue = waiting and payment["expires"] <= _now()
        return self.expire(change, payment) if overdue else payment

    def transaction_id(self, payment: Document) -> str:
        """The id of the next movement of money that pays this payment."""
        return self.new_id("transaction")

    def moved(self, change: Change, payment: Document, status: str, code: str = "") -> Document:
        payment = change.put("payment", {**payment, "status": status, "code": code, "updated": _now()})
        self.announce(change, f"payment.{status}", payment)
        return payment

    def _paid(
        self, change: Change, payment: Document, amount_minor: int, *, delay_ms: int = 0, silent: bool = False
    ) -> Document:
        paid = {"id": self.transaction_id(payment), "amount_minor": amount_minor, "currency": payment["currency"]}
        transactions = [*payment["transactions"], {**paid, "occurred": _now()}]
        paid_now = {"status": "succeeded", "code": "", "updated": _now(), "transactions": transactions}
        payment = change.put("payment", {**payment, **paid_now})
        self._move(change, payment, "payment", amount_minor, transaction_id=paid["id"])
        if not silent:
            self.announce(change, "payment.succeeded", payment, delay_ms)
        return payment

    # What the merchant, the provider's console and the payer's bank do.

    def refunded(
        self,
        change: Change,
        payment: Document,
        amount_minor: int,
        *,
        refund_id: str | None,
        transaction_id: str | None,
        provider_id: str | None = None,
    ) -> Document:
        """A refund; without `refund_id` it was made in the provider's console. `provider_id` is its name where the
        merchant gives it one. Raises NotPossible."""
        if payment["status"] != "succeeded":
            raise NotPossible("not_refundable")
        known = [paid["id"] for paid in payment["transactions"]]
        transaction_id = transaction_id or known[0]
        if transaction_id not in known:
            raise NotPossible("not_refundable")
        if not 0 < amount_minor <= self.refundable(payment, transaction_id):
            raise NotPossible("over_refund")
        fault = self.board.take("refund", ("refund_pending", "refund_fails", "refund_succeeds_then_fails"))
        status = {"refund_pending": "pending", "refund_fails": "failed"}.get(fault.name if fault else "", "succeeded")
        refund: Document = {
            "id": provider_id or self.new_id("refund"),
            "refund_id": refund_id,
            "payment": payment["id"],
            "payment_id": payment["payment_id"],
            "transaction_id": transaction_id,
            "amount_minor": amount_minor,
            "currency": payment["currency"],
            "status": "pending",
            "code": "",
            "created": _now(),
            "updated": _now(),
        }
        change.put("refund", refund)
        refund = self.refund_moved(change, refund, status)
        if fault is not None and fault.name == "refund_succeeds_then_fails":
            self.refund_moved(change, refund, "failed", delay_ms=LATE_MS)
        return refund

    def paid_by(self, transaction_id: str) -> Document | None:
        """The payment that this movement of money paid."""
        paid = (p for p in self.books.all("payment") if any(t["id"] == transaction_id for t in p["transactions"]))
        return next(paid, None)

    def refundable(self, payment: Document, transaction_id: str) -> int:
        paid = sum(t["amount_minor"] for t in payment["transactions"] if t["id"] == transaction_id)
        refunds = [r for r in self.books.all("refund") if r["transaction_id"] == transaction_id]
        return int(paid - sum(r["amount_minor"] for r in refunds if r["status"] != "failed"))

    def refund_moved(self, change: Change, refund: Document, status: str, delay_ms: int = 0) -> Document:
        """The money leaves when a refund succeeds, and comes back if it fails after that."""
        before = refund["status"]
        code = "rejected_by_bank" if status == "failed" else ""
        refund = change.put("refund", {**refund, "status": status, "code": code, "updated": _now()})
        if status == "succeeded" and before != "succeeded":
            self._move(change, refund, "refund", -refund["amount_minor"])
        if status == "failed" and before == "succeeded":
            self._move(change, refund, "refund", refund["amount_minor"])
        self.announce(change, f"refund.{status}", refund, delay_ms)
        return refund

    def disputed(self, change: Change, payment: Document, amount_minor: int | None) -> Document:
        """The payer's bank takes money back. Raises NotPossible."""
        if payment["status"] != "succeeded":
            raise NotPossible("only money that was paid can be disputed")
        paid = payment["transactions"][0]
        dispute: Document = {
            "id": self.new_id("dispute"),
            "payment": payment["id"],
            "payment_id": payment["payment_id"],
            "transaction_id": paid["id"],
            "amount_minor": amount_minor or paid["amount_minor"],
            "currency": paid["currency"],
            "status": "open",
            "code": "fraudulent",
            "created": _now(),
            "updated": _now(),
        }
        change.put("dispute", dispute)
        self._move(change, dispute, "chargeback", -dispute["amount_minor"])
        self.announce(change, "dispute.open", dispute)
        return dispute

    def dispute_closed(self, change: Change, dispute: Document, status: str) -> Document:
        if dispute["status"] != "open" or status not in ("won", "lost"):
            raise NotPossible("an open dispute is won or lost")
        dispute = change.put("dispute", {**dispute, "status": status, "updated": _now()})
        if status == "won":
            self._move(change, dispute, "chargeback_reversal", dispute["amount_minor"])
        self.announce(change, f"dispute.{status}", dispute)
        return dispute

    def _move(
        self, change: Change, cause: Document, kind: str, gross_minor: int, transaction_id: str | None = None
    ) -> None:
        """One movement of money, which the settlement will list. Only payments cost a fee."""
        fee = self.capabilities.fee
        change.put(
            "movement",
            {
                "id": self.new_id("movement"),
                "kind": kind,
                "source": cause["id"],
                "transaction_id": transaction_id or cause["transaction_id"],
                "refund_id": None if kind == "payment" else cause["id"],
                "payment_id": cause["payment_id"],
                "currency": cause["currency"],
                "gross_minor": gross_minor,
                "fee_minor": fee.fee_minor(gross_minor) if fee is not None and kind == "payment" else 0,
                "occurred": _now(),
                "batch": None,
            },
        )


def _now() -> int:
    return int(time.time())
