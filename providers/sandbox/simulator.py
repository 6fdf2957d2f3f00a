"""The sandbox itself: for this provider the simulator is the provider.

It refuses what a careful provider refuses: requests that are unsigned, stale or signed with another secret, fields it
does not know, amounts out of range, refunds beyond what was paid, and one idempotency key for two different requests.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask, Response, request

from gateway.domain.money import Money
from gateway.ports.provider import BatchRef, LineKind, SettlementLine, WebhookRejected
from providers import signing
from providers.sandbox import settlement as file
from providers.sandbox import wire
from providers.settings import required, split
from providers.simulation import paypage, settlement
from providers.simulation.bank import Bank, KeyReused, NotPossible, Options
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.webhooks import Notification, Sign

SETTINGS = ("GATEWAY_SANDBOX_MERCHANT", "GATEWAY_SANDBOX_SECRETS")

_CREATION: Mapping[str, type] = {
    "payment_id": str,
    "reference": str,
    "amount_minor": int,
    "currency": str,
    "title": str,
    "locale": str,
    "return_url": str,
    "cancel_url": str,
    "webhook_url": str,
    "expires_at": int,
}
_REFUND: Mapping[str, type] = {"refund_id": str, "amount_minor": int, "currency": str}
_REFUND_OF: Mapping[str, type] = {"payment_id": str, "transaction_id": str}  # the one or the other


class Refused(Exception):
    def __init__(self, code: str, message: str = "", status: int = 422) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status


def create_app(options: Options) -> Flask:
    """Raises MissingSettings."""
    return app_for(Sandbox(options))


class Sandbox(Bank):
    name = "sandbox"
    capabilities = wire.CAPABILITIES
    id_prefixes: ClassVar[Mapping[str, str]] = {
        "payment": "sp_",
        "transaction": "st_",
        "refund": "sr_",
        "dispute": "sd_",
        "movement": "sm_",
        "event": "se_",
    }

    def __init__(self, options: Options) -> None:
        values = required(self.name, options.settings, SETTINGS)
        self._merchant, self._secrets = values[SETTINGS[0]], split(values[SETTINGS[1]])
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            secret = "not-" + self._secrets[0] if forged else self._secrets[0]
            signature = signing.signature(secret, datetime.now(UTC), body.encode())
            return Notification(url, body.encode(), {wire.SIGNATURE: signature})

        return sign

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, _refused)
        rules: Sequence[tuple[str, str, str, Callable[..., Response]]] = (
            ("POST", "/v1/payments", "create", self._create),
            ("GET", "/v1/payments", "query", self._query),
            ("GET", "/v1/payments/<provider_id>", "query", self._query),
            ("POST", "/v1/payments/<provider_id>/cancel", "cancel", self._cancel),
            ("POST", "/v1/refunds", "refund", self._refund),
            ("GET", "/v1/refunds", "query_refund", self._query_refund),
            ("GET", "/v1/refunds/<provider_id>", "query_refund", self._query_refund),
            ("GET", "/v1/settlements", "list_settlements", self._list_settlements),
            ("GET", "/v1/settlements/<provider_id>", "read_settlement", self._read_settlement),
        )
        for method, rule, operation, view in rules:
            app.add_url_rule(rule, f"{method} {rule}", self._guarded(operation, view), methods=[method])
        app.add_url_rule("/pay/<provider_id>", "page", lambda provider_id: paypage.show(self, provider_id))
        app.add_url_rule(
            "/pay/<provider_id>", "submit", lambda provider_id: paypage.submit(self, provider_id), methods=["POST"]
        )

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        return {
            "not_found": lambda: _refused(Refused(wire.NOT_FOUND, status=404)),
            "rejected": lambda: _refused(Refused("rejected")),
            "unauthorized": lambda: _refused(Refused("bad_signature", status=401)),
            "conflict": lambda: _refused(Refused("in_progress", status=409)),
        }

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        payment = document if event.startswith("payment.") else change.get("payment", document["payment"])
        if payment is None:
            raise NotPossible("there is no such payment")
        last = payment["transactions"][-1] if payment["transactions"] else None
        data = _payment_json(payment, last) if payment is document else _movement_json(document)
        event_id = self.new_id("event")
        body = json.dumps({"id": event_id, "type": event, "created": data["updated"], "data": data})
        self.notify(change, event_id, payment["webhook_url"], body, delay_ms)

    def batch_made(self, change: Change, batch: Document) -> None:
        """The sandbox does not tell: its settlement is asked for."""

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return f"{day.isoformat()}-{currency}-{number}"

    def _guarded(self, operation: str, view: Callable[..., Response]) -> Callable[..., Response]:
        def guarded(**parts: str) -> Response:
            self._check_signature()
            return answer(self.board, operation, lambda: view(**parts), self.refusals(), self.unknown_code)

        return guarded

    def _check_signature(self) -> None:
        if request.headers.get(wire.MERCHANT) != self._merchant:
            raise Refused("unknown_merchant", status=401)
        target = request.full_path if request.query_string else request.path
        key = request.headers.get(wire.IDEMPOTENCY_KEY, "")
        message = signing.request_message(request.method, target, key, request.get_data())
        try:
            signing.check_signature(request.headers.get(wire.SIGNATURE, ""), self._secrets, message, datetime.now(UTC))
        except WebhookRejected as rejected:
            raise Refused("bad_signature", rejected.reason.value, 401) from None

    def _create(self) -> Response:
        fields = _fields(_CREATION)
        amount = _amount(fields)
        if not self.capabilities.minimum_minor[amount.currency] <= amount.amount_minor <= 10**12:
            raise Refused("amount_out_of_range")
        page = request.host_url + "pay/"

        def work(change: Change) -> tuple[int, str]:
            if self.books.find("payment", payment_id=fields["payment_id"]) is not None:
                raise Refused("invalid_request", "payment_id is already in use")
            opened = {"id": self.new_id("payment"), "status": "pending", "code": "", "transactions": []}
            now = _now()
            times = {"created": now, "updated": now, "expires": fields["expires_at"]}
            payment = change.put("payment", {**fields, **opened, **times})
            return 201, json.dumps({**_payment_json(payment, None), "pay_url": page + payment["id"]})

        return self._once("create", work)

    def _query(self, provider_id: str = "") -> Response:
        with self.change() as change:
            found = self._found("payment", provider_id, "payment_id")
            payment = self.current(change, found["id"])
        first = payment["transactions"][0] if payment["transactions"] else None
        return _json(_payment_json(payment, first))

    def _cancel(self, provider_id: str) -> Response:
        with self.change() as change:
            payment = self.current(change, self._found("payment", provider_id, "payment_id")["id"])
            if payment["status"] == "pending" and not payment["code"]:
                payment = self.moved(change, payment, "cancelled", "cancelled_by_merchant")
        first = payment["transactions"][0] if payment["transactions"] else None
        return _json(_payment_json(payment, first))

    def _refund(self) -> Response:
        fields = _fields(_REFUND, _REFUND_OF)
        amount = _amount(fields)

        def work(change: Change) -> tuple[int, str]:
            payment = self._refunded_payment(fields)
            if payment is None:
                raise Refused(wire.NOT_FOUND, status=404)
            if payment["currency"] != amount.currency:
                raise Refused("invalid_request", "currency is not that of the payment")
            ours, transaction = fields["refund_id"], fields.get("transaction_id")
            try:
                refund = self.refunded(change, payment, amount.amount_minor, refund_id=ours, transaction_id=transaction)
            except NotPossible as fault:
                raise Refused(str(fault)) from None
            return 201, json.dumps(_movement_json(refund))

        return self._once("refund", work)

    def _refunded_payment(self, fields: Mapping[str, Any]) -> Document | None:
        if "payment_id" in fields:
            return self.books.find("payment", payment_id=fields["payment_id"])
        return self.paid_by(fields.get("transaction_id", ""))

    def _query_refund(self, provider_id: str = "") -> Response:
        return _json(_movement_json(self._found("refund", provider_id, "refund_id")))

    def _list_settlements(self) -> Response:
        try:
            first, last = (date.fromisoformat(request.args.get(name, "")) for name in ("first", "last"))
        except ValueError:
            raise Refused("invalid_request", "first and last are dates") from None
        settlement.settle_past_days(self)
        batches = [b for b in self.books.all("batch") if first.isoformat() <= b["date"] <= last.isoformat()]
        return _json({"data": [_batch_json(batch) for batch in batches]})

    def _read_settlement(self, provider_id: str) -> Response:
        batch = self._found("batch", provider_id, "")
        ref = BatchRef(batch["id"], date.fromisoformat(batch["date"]))
        written = file.write(self._merchant, ref, batch["currency"], map(_settlement_line, batch["lines"]))
        return Response(written, content_type="text/csv; charset=utf-8")

    def _found(self, kind: str, provider_id: str, ours: str) -> Document:
        """By the provider's id in the path, or by ours in the query."""
        found = self.books.get(kind, provider_id) if provider_id else None
        if not provider_id and request.args.get(ours):
            found = self.books.find(kind, **{ours: request.args[ours]})
        if found is None:
            raise Refused(wire.NOT_FOUND, status=404)
        return found

    def _once(self, operation: str, work: Callable[[Change], tuple[int, str]]) -> Response:
        key = request.headers.get(wire.IDEMPOTENCY_KEY, "")
        if not key:
            raise Refused("invalid_request", "an idempotency-key is required")
        try:
            status, body = self.once(f"{operation}:{key}", request.get_data(), work)
        except KeyReused:
            raise Refused("idempotency_mismatch", status=409) from None
        return Response(body, status, content_type="application/json")


def _fields(needed: Mapping[str, type], optional: Mapping[str, type] | None = None) -> Mapping[str, Any]:
    """The body, with exactly these fields. Raises Refused."""
    fields = request.get_json(silent=True)
    known = {**needed, **(optional or {})}
    if not isinstance(fields, dict) or not set(needed) <= set(fields) <= set(known):
        raise Refused("invalid_request", f"the fields are {', '.join(known)}")
    for name, value in fields.items():
        if type(value) is not known[name] or value == "":
            raise Refused("invalid_request", f"{name} is wrong")
        if name in ("payment_id", "refund_id"):
            _check_uuid(name, value)
    return fields


def _check_uuid(name: str, value: object) -> None:
    try:
        UUID(str(value))
    except ValueError:
        raise Refused("invalid_request", f"{name} is not a UUID") from None


def _amount(fields: Mapping[str, Any]) -> Money:
    if fields["currency"] not in wire.CAPABILITIES.currencies:
        raise Refused("unsupported_currency")
    return Money(fields["amount_minor"], fields["currency"])


def _payment_json(payment: Document, transaction: Document | None) -> dict[str, Any]:
    names = ("id", "payment_id", "reference", "status", "code", "amount_minor", "currency", "created", "updated")
    data = {name: payment[name] or None for name in names}
    return {**data, "expires_at": payment["expires"], "transaction": transaction}


def _movement_json(document: Document) -> dict[str, Any]:
    """A refund or a dispute."""
    names = ("id", "payment_id", "transaction_id", "status", "code", "amount_minor", "currency", "created", "updated")
    data = {name: document[name] or None for name in names}
    return {**data, "refund_id": document["refund_id"]} if "refund_id" in document else data


def _batch_json(batch: Document) -> dict[str, Any]:
    named = {name: batch[name] for name in ("id", "date", "currency")}
    stated = {"net_minor": settlement.total_minor(batch), "lines": len(batch["lines"])}
    return {**named, **stated, "payout_id": f"payout-{batch['id']}"}


def _settlement_line(line: Document) -> SettlementLine:
    return SettlementLine(
        line_id=line["id"],
        kind=LineKind(line["kind"]),
        gross=Money(line["gross_minor"], line["currency"]),
        fee=Money(line["fee_minor"], line["currency"]),
        occurred_at=datetime.fromtimestamp(line["occurred"], UTC),
        provider_transaction_id=line["transaction_id"],
        provider_refund_id=line["refund_id"],
        merchant_reference=line["payment_id"],
        status=line["status"],
    )


def _refused(refused: Refused) -> Response:
    return _json({"error": {"code": refused.code, "message": str(refused)}}, refused.status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
