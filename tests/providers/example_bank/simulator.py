"""Example Bank itself, played over HTTP. It refuses what the bank would: a wrong key, fields that were not agreed, an
amount out of range, a refund of more than was paid, one id for two requests."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask, Response, request

from providers.settings import required, split
from providers.settlement_files import layout_of
from providers.simulation import paypage
from providers.simulation.bank import Bank, KeyReused, NotPossible, Options
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.outbox import Outbox
from providers.simulation.webhooks import Notification, Sign
from tests.providers.example_bank import wire
from tests.providers.example_bank.adapter import MAP, NAME, SHARED_SETTINGS

PAYMENT_FIELDS: Mapping[str, type] = {
    "reference": str,
    "amount_minor": int,
    "currency": str,
    "title": str,
    "return_url": str,
    "cancel_url": str,
    "webhook_url": str,
    "expires": int,
}
REFUND_FIELDS: Mapping[str, Any] = {"payment_id": str, "transaction_id": (str, type(None)), "amount_minor": int}


class Refused(Exception):
    def __init__(self, code: str, status: int = 422) -> None:
        super().__init__(code)
        self.status = status


def create_app(options: Options) -> Flask:
    """Raises MissingSettings or UnusableSetting."""
    return app_for(ExampleBankSimulator(options))


class ExampleBankSimulator(Bank):
    name = NAME
    capabilities = wire.CAPABILITIES
    id_prefixes: ClassVar[Mapping[str, str]] = {
        kind: f"eb-{kind}-" for kind in ("payment", "transaction", "refund", "dispute", "movement", "event")
    }

    def __init__(self, options: Options) -> None:
        values = required(NAME, options.settings, SHARED_SETTINGS)
        self._api_key, secrets, folder = (values[name] for name in SHARED_SETTINGS)
        self._secret = split(secrets)[0]
        self.outbox: Outbox = Outbox(Path(folder), layout_of(NAME, options.settings, MAP))
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            secret = f"not {self._secret}" if forged else self._secret
            return Notification(url, body.encode(), {wire.SIGNATURE: wire.signature(secret, body.encode())})

        return sign

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, _refused)
        for method, kind, operation, view in (
            ("PUT", "payments", "create", self._open_payment),
            ("GET", "payments", "query", self._show_payment),
            ("PUT", "refunds", "refund", self._make_refund),
            ("GET", "refunds", "query_refund", self._show_refund),
        ):
            app.add_url_rule(f"/{kind}/<uuid:ours>", operation, self._guarded(operation, view), methods=[method])
        app.add_url_rule("/pay/<payment>", "page", lambda payment: paypage.show(self, payment))
        app.add_url_rule("/pay/<payment>", "submit", lambda payment: paypage.submit(self, payment), methods=["POST"])

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        refused = {"not_found": 404, "rejected": 422, "unauthorized": 401, "conflict": 409}
        return {code: partial(_json, {"code": code}, status) for code, status in refused.items()}

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        kind = event.partition(".")[0]
        if kind == "dispute":
            return  # of those the bank tells in its settlement
        payment = change.get("payment", document["id" if kind == "payment" else "payment"])
        if payment is None:
            raise NotPossible("there is no such payment")
        told = _payment(payment, -1) if kind == "payment" else dict(document)
        event_id = self.new_id("event")
        self.notify(change, event_id, payment["webhook_url"], json.dumps({"id": event_id, kind: told}), delay_ms)

    def batch_made(self, change: Change, batch: Document) -> None:
        """The file is all that the bank sends."""

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return self.outbox.batch_id(day, number)

    def _guarded(self, operation: str, view: Callable[[str], Response]) -> Callable[[UUID], Response]:
        def guarded(ours: UUID) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._api_key}".encode()):
                raise Refused("unauthorized", 401)
            return answer(self.board, operation, lambda: view(str(ours)), self.refusals(), self.unknown_code)

        return guarded

    def _open_payment(self, ours: str) -> Response:
        fields = _fields(PAYMENT_FIELDS)
        if fields["currency"] != "VND" or fields["amount_minor"] < 1_000:
            raise Refused("rejected")
        page = f"{request.host_url}pay/"

        def work(change: Change) -> tuple[int, str]:
            now = int(time.time())
            opened = {"id": self.new_id("payment"), "payment_id": ours, "status": "pending", "code": ""}
            payment = {**fields, **opened, "transactions": [], "created": now, "updated": now}
            change.put("payment", payment)
            return 200, json.dumps({**_payment(payment, 0), "page": page + opened["id"]})

        return self._repeatable(work)

    def _show_payment(self, ours: str) -> Response:
        with self.change() as change:
            return _json(_payment(self.current(change, self._found("payment", payment_id=ours)["id"]), 0))

    def _make_refund(self, ours: str) -> Response:
        fields = _fields(REFUND_FIELDS)

        def work(change: Change) -> tuple[int, str]:
            payment = self._found("payment", payment_id=fields["payment_id"])
            amount_minor, transaction_id = fields["amount_minor"], fields["transaction_id"]
            try:
                made = self.refunded(change, payment, amount_minor, refund_id=ours, transaction_id=transaction_id)
            except NotPossible as fault:
                raise Refused(str(fault)) from None
            return 200, json.dumps(made)

        return self._repeatable(work)

    def _show_refund(self, ours: str) -> Response:
        return _json(self._found("refund", refund_id=ours))

    def _found(self, kind: str, **ours: str) -> Document:
        found = self.books.find(kind, **ours)
        if found is None:
            raise Refused(wire.NOT_FOUND, 404)
        return found

    def _repeatable(self, work: Callable[[Change], tuple[int, str]]) -> Response:
        """The id in the path is the idempotency key."""
        try:
            status, body = self.once(request.path, request.get_data(), work)
        except KeyReused:
            raise Refused("conflict", 409) from None
        return Response(body, status, content_type="application/json")


def _fields(agreed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body, with exactly the fields agreed. Raises Refused."""
    fields = request.get_json(silent=True)
    if not isinstance(fields, dict) or set(fields) != set(agreed):
        raise Refused("rejected")
    if any(isinstance(value, bool) or not isinstance(value, agreed[name]) for name, value in fields.items()):
        raise Refused("rejected")
    return fields


def _payment(payment: Document, which: int) -> dict[str, Any]:
    """As the bank describes it, with one movement of the money that paid it: the first (0), or the last (-1)."""
    names = ("id", "payment_id", "status", "code", "amount_minor", "currency", "updated")
    moved = payment["transactions"]
    return {**{name: payment[name] for name in names}, "transaction": moved[which] if moved else None}


def _refused(refused: Refused) -> Response:
    return _json({"code": str(refused)}, refused.status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
