"""A bank, played for one scheme: it takes transfers from its payers' banking app and tells the account holder of them.

It is a bank as far as the holder can see one: strict about codes, signatures and fields, and careless with the text of
a transfer, which it hands on in capitals, cut to 140 characters and with the payer's own words around the reference. It
names its payers, too, as banks do.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Flask, Response, request

from gateway.ports.provider import WebhookRejected
from providers import signing
from providers.bank_transfer import controls, outcomes, wire
from providers.bank_transfer.adapter import settings_of
from providers.bank_transfer.outcomes import Arrival
from providers.bank_transfer.schemes import SCHEMES, Scheme
from providers.bank_transfer.statements import Statements
from providers.bank_transfer.told import credit_json, return_json, reversal_json, told_by_camt
from providers.settings import required, split
from providers.simulation import settlement
from providers.simulation.bank import UNHEARD_OF, Bank, KeyReused, NotPossible, Options, Outcome
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.webhooks import Notification, Sign

PAGE_LENGTH = 100

_RETURN: Mapping[str, type] = {"return_id": str, "booking_id": str, "amount_minor": int, "currency": str}


class Refused(Exception):
    def __init__(self, code: str, message: str = "", status: int = 422) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status


def creator(name: str) -> Callable[[Options], Flask]:
    """What makes the simulator of a scheme. It raises MissingSettings."""

    def create_app(options: Options) -> Flask:
        return app_for(TransferBank(SCHEMES[name], options))

    return create_app


class TransferBank(Bank):
    outcomes: ClassVar[Mapping[str, Outcome]] = outcomes.OUTCOMES
    id_prefixes: ClassVar[Mapping[str, str]] = {
        "payment": "FT",
        "transaction": "FT",
        "refund": "RT",
        "dispute": "RV",
        "movement": "M",
        "event": "ev_",
        "charge": "CH",
    }

    def __init__(self, scheme: Scheme, options: Options) -> None:
        values = list(required(scheme.name, options.settings, settings_of(scheme)[1:]).values())
        self._client, self._secrets = values[0], split(values[1])
        self.scheme = scheme
        self.zone = ZoneInfo(scheme.time_zone or values[2])
        self.name = scheme.name  # type: ignore[misc]  # one class plays several banks
        self.capabilities = scheme.capabilities(self.zone.key)  # type: ignore[misc]
        self.notifies = scheme.notifies
        self.statements = Statements(self)
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            secret = "not-" + self._secrets[0] if forged else self._secrets[0]
            kind = {"content-type": wire.XML} if body.startswith("<") else {}
            signature = signing.signature(secret, datetime.now(UTC), body.encode())
            return Notification(url, body.encode(), {**kind, wire.SIGNATURE: signature})

        return sign

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, _refused)
        rules: Sequence[tuple[str, str, str, Callable[..., Response]]] = (
            ("GET", "/v1/credits", "list_credits", self._list_credits),
            ("POST", "/v1/returns", "refund", self._return),
            ("GET", "/v1/returns", "query_refund", self._query_return),
            ("GET", "/v1/returns/<return_id>", "query_refund", self._query_return),
            ("GET", "/v1/statements", "list_settlements", self._list_statements),
            ("GET", "/v1/statements/<account>/<statement_id>", "read_settlement", self._read_statement),
        )
        for method, rule, operation, view in rules:
            app.add_url_rule(rule, f"{method} {rule}", self._guarded(operation, view), methods=[method])
        controls.register(app, self)

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        return {
            "not_found": lambda: _refused(Refused(wire.NOT_FOUND, status=404)),
            "rejected": lambda: _refused(Refused("rejected")),
            "unauthorized": lambda: _refused(Refused("bad_signature", status=401)),
            "conflict": lambda: _refused(Refused("in_progress", status=409)),
        }

    def unknown_code(self, honest: Response) -> Response:
        body = honest.get_json()
        if "data" in body:
            body = {**body, "data": [{**item, "status": UNHEARD_OF} for item in body["data"]]}
        else:
            body = {**body, "status": UNHEARD_OF}
        return Response(json.dumps(body), honest.status_code, content_type=honest.content_type)

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        event_id = self.new_id("event")
        body = told_by_camt(self, change, event, document, event_id) if self.notifies == wire.CAMT else ""
        self.notify(
            change, event_id, self.options.webhook_url, body or self._event(event, event_id, document), delay_ms
        )

    def batch_made(self, change: Change, batch: Document) -> None:
        """The bank does not tell: its statements are asked for."""

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return f"{day.isoformat()}-{number}"

    def current(self, change: Change, payment_id: str) -> Document:
        """A credit, which nothing ends. Raises NotPossible."""
        credit = change.get("payment", payment_id)
        if credit is None:
            raise NotPossible("there is no such credit")
        return credit

    def credited(self, change: Change, arrival: Arrival, *, tell: bool = True, delay_ms: int = 0) -> Document:
        """Money comes to an account."""
        booking, now = self.new_id("transaction"), _now()
        amount_minor, currency = arrival.amount_minor, self.scheme.currency
        paid = {"id": booking, "amount_minor": amount_minor, "currency": currency, "occurred": now}
        credit: Document = {
            "id": booking,
            "payment_id": None,
            "account": arrival.account,
            "reference": arrival.reference,
            "text": outcomes.as_delivered(arrival.text),
            "amount_minor": amount_minor,
            "currency": currency,
            "status": "succeeded",
            "code": "",
            "transactions": [paid],
            "created": now,
            "updated": now,
        }
        change.put("payment", credit)
        self._move(change, credit, "payment", amount_minor, transaction_id=booking)
        if tell:
            self.announce(change, "credit.booked", credit, delay_ms)
        return credit

    # The holder's API.

    def _guarded(self, operation: str, view: Callable[..., Response]) -> Callable[..., Response]:
        def guarded(**parts: str) -> Response:
            self._check_signature()
            asked = "query" if operation == "list_credits" and "reference" in request.args else operation
            return answer(self.board, asked, lambda: view(**parts), self.refusals(), self.unknown_code)

        return guarded

    def _check_signature(self) -> None:
        if request.headers.get(wire.CLIENT) != self._client:
            raise Refused("unknown_client", status=401)
        target = request.full_path if request.query_string else request.path
        key = request.headers.get(wire.IDEMPOTENCY_KEY, "")
        message = signing.request_message(request.method, target, key, request.get_data())
        try:
            signing.check_signature(request.headers.get(wire.SIGNATURE, ""), self._secrets, message, datetime.now(UTC))
        except WebhookRejected:
            raise Refused("bad_signature", status=401) from None

    def _list_credits(self) -> Response:
        """By the time of booking, at most PAGE_LENGTH at once; `after` is the last booking seen."""
        since, until = (_seconds(name) for name in ("since", "until"))
        sought = outcomes.compact(request.args.get("reference", ""))
        found = [
            credit
            for credit in self.books.all("payment")
            if (since is None or credit["created"] >= since)
            and (until is None or credit["created"] < until)
            and (sought in outcomes.compact(credit["reference"]) or sought in outcomes.compact(credit["text"]))
        ]
        ids = [credit["id"] for credit in found]
        after = request.args.get("after")
        if after is not None and after not in ids:
            raise Refused("invalid_request", "after is none of these")
        rest = found[ids.index(after) + 1 :] if after else found
        more = rest[PAGE_LENGTH - 1]["id"] if len(rest) > PAGE_LENGTH else None
        return _json({"data": [credit_json(self, credit) for credit in rest[:PAGE_LENGTH]], "next": more})

    def _return(self) -> Response:
        fields = _fields(_RETURN)
        if fields["currency"] != self.scheme.currency:
            raise Refused("unsupported_currency")
        key = request.headers.get(wire.IDEMPOTENCY_KEY, "")
        if not key:
            raise Refused("invalid_request", "an idempotency-key is required")

        def work(change: Change) -> tuple[int, str]:
            credit = self.books.get("payment", fields["booking_id"])
            if credit is None:
                raise Refused(wire.NOT_FOUND, status=404)
            if self.books.find("refund", refund_id=fields["return_id"]) is not None:
                raise Refused("invalid_request", "return_id is already in use")
            try:
                returned = self.refunded(
                    change, credit, fields["amount_minor"], refund_id=fields["return_id"], transaction_id=credit["id"]
                )
            except NotPossible as fault:
                raise Refused(str(fault)) from None
            return 201, json.dumps(return_json(returned))

        try:
            status, body = self.once(f"return:{key}", request.get_data(), work)
        except KeyReused:
            raise Refused("idempotency_mismatch", status=409) from None
        return Response(body, status, content_type="application/json")

    def _query_return(self, return_id: str = "") -> Response:
        ours = request.args.get("return_id", "")
        found = self.books.get("refund", return_id) if return_id else self.books.find("refund", refund_id=ours)
        if found is None:
            raise Refused(wire.NOT_FOUND, status=404)
        return _json(return_json(found))

    def _list_statements(self) -> Response:
        try:
            first, last = (date.fromisoformat(request.args.get(name, "")) for name in ("first", "last"))
        except ValueError:
            raise Refused("invalid_request", "first and last are dates") from None
        settlement.settle_past_days(self)
        return _json({"data": self.statements.listed(first, last), "next": None})

    def _read_statement(self, account: str, statement_id: str) -> Response:
        written = self.statements.written(account, statement_id, datetime.now(self.zone))
        if written is None:
            raise Refused(wire.NOT_FOUND, status=404)
        return Response(written, content_type=wire.XML)

    def charged(self, change: Change, account: str, amount_minor: int) -> Document:
        """The bank takes something for its services."""
        named = {"id": self.new_id("charge"), "account": account, "currency": self.scheme.currency}
        charge = change.put("charge", named)
        self._move(change, {**charge, "payment_id": None, "transaction_id": charge["id"]}, "fee", -amount_minor)
        return charge

    def _event(self, event: str, event_id: str, document: Document) -> str:
        kind, _, status = event.partition(".")
        name = {"refund": f"return.{status}", "dispute": f"reversal.{status}"}.get(kind, event)
        shown = {"refund": return_json, "dispute": reversal_json}.get(kind)
        data = shown(document) if shown else credit_json(self, document)
        return json.dumps({"id": event_id, "type": name, "created": _now(), "data": data})


def _fields(needed: Mapping[str, type]) -> Mapping[str, Any]:
    """The body, with exactly these fields. Raises Refused."""
    fields = request.get_json(silent=True)
    if not isinstance(fields, dict) or set(fields) != set(needed):
        raise Refused("invalid_request", f"the fields are {', '.join(needed)}")
    for name, value in fields.items():
        if type(value) is not needed[name] or value == "":
            raise Refused("invalid_request", f"{name} is wrong")
    try:
        UUID(fields["return_id"])
    except ValueError:
        raise Refused("invalid_request", "return_id is not a UUID") from None
    return fields


def _seconds(name: str) -> int | None:
    given = request.args.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit()):
        raise Refused("invalid_request", f"{name} is not a time")
    return int(given)


def _refused(refused: Refused) -> Response:
    return _json({"error": {"code": refused.code, "message": str(refused)}}, refused.status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
