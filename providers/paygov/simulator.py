"""PayGov played over HTTP, strictly: it refuses what is unsigned, for another client, or not a whole bill.

It has no refund and no cancellation. It notifies in words that it does not sign, and is asked in earnest by the detail
query. As the portal's platform it also asks the gateway what is due:

    POST /_sim/pull     {"dossier"}: what a payer would be shown; {"status", "answer"} of the gateway, as it came
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

import httpx
from flask import Flask, Response, jsonify, request

from gateway.ports.provider import RejectionReason, WebhookRejected
from providers.paygov import settlement, wire
from providers.paygov.wire import Name
from providers.settings import required, split
from providers.simulation import paypage
from providers.simulation.bank import OUTCOMES, UNHEARD_OF, Bank, KeyReused, NotPossible, Options, Outcome
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.outbox import Outbox
from providers.simulation.webhooks import Notification, Sign

SETTINGS = (
    "GATEWAY_PAYGOV_CLIENT_ID",
    "GATEWAY_PAYGOV_HASH_KEY_1",
    "GATEWAY_PAYGOV_HASH_KEYS_2",
    settlement.DIRECTORY,
)
PULL_TIMEOUT_S = 15

_CREATION = frozenset(
    {
        *wire.SENT_ALWAYS,
        *(Name.CLIENT_ID, Name.TRANSACTION_ID, Name.AMOUNT, Name.DESCRIPTION, Name.LOCALE),
        *(Name.RETURN_URL, Name.BILL, Name.CHECKSUM),
    }
)
_BILL = frozenset(
    {
        *(Name.SERVICE, Name.DOSSIER, Name.PROCEDURE, Name.PROCEDURE_TITLE, Name.AGENCY, Name.AGENCY_NAME),
        *(Name.FEES, Name.ACCOUNT, Name.ACCOUNT_BANK, Name.ACCOUNT_NAME, Name.CONTENT),
    }
)
_MAY_BE_BLANK = frozenset({Name.ACCOUNT_BANK})
_FEE = frozenset({Name.FEE_KIND, Name.FEE_CODE, Name.FEE_TITLE, Name.FEE_AMOUNT})
_LOCALES = ("vi", "en")

_WORDS: Mapping[str, str] = {
    "succeeded": "0",
    "pending": "PENDING",
    "declined": "FAILED",
    "cancelled": "CANCELLED",
    "expired": "EXPIRED",
}


def _outcomes() -> Mapping[str, Outcome]:
    """A transaction is paid once, and there is one address to return to."""
    possible = {name: outcome for name, outcome in OUTCOMES.items() if name != "twice"}
    return {name: Outcome(outcome.label, outcome.steps, outcome.ends) for name, outcome in possible.items()}


class Refused(Exception):
    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


def create_app(options: Options) -> Flask:
    """Raises MissingSettings or UnusableSetting."""
    return app_for(PayGov(options))


class PayGov(Bank):
    name = "paygov"
    capabilities = wire.CAPABILITIES
    outcomes = _outcomes()
    refunds = False
    id_prefixes: ClassVar[Mapping[str, str]] = {
        "transaction": "PG",
        "refund": "PR",
        "dispute": "PD",
        "movement": "PM",
        "event": "PE",
    }

    def __init__(self, options: Options) -> None:
        values = required(self.name, options.settings, SETTINGS)
        self._client_id, self._key, keys, folder = (values[name] for name in SETTINGS)
        self._keys = split(keys)
        self._outbox = Outbox(Path(folder), settlement.layout(options.settings), settlement.reference_of)
        self.outbox = self._outbox
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            return Notification(url, self._signed("callback", json.loads(body), forged=forged))

        return sign

    def acknowledged(self, status: int, body: bytes) -> bool:
        try:
            told = json.loads(body)
        except ValueError:
            return False
        return status == httpx.codes.OK and isinstance(told, dict) and told.get(Name.RETURN_CODE) == wire.TAKEN

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, _refused)
        app.add_url_rule(wire.PATHS["create"], "create", self._guarded("create", self._create), methods=["POST"])
        app.add_url_rule(wire.PATHS["detail"], "detail", self._guarded("query", self._detail), methods=["POST"])
        app.add_url_rule("/pay/<provider_id>", "page", lambda provider_id: paypage.show(self, provider_id))
        app.add_url_rule(
            "/pay/<provider_id>", "submit", lambda provider_id: paypage.submit(self, provider_id), methods=["POST"]
        )
        app.add_url_rule("/_sim/pull", "pull", self._pull, methods=["POST"])

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        return {
            "not_found": lambda: _refused(Refused(wire.NOT_FOUND)),
            "rejected": lambda: _refused(Refused("REJECTED")),
            "unauthorized": lambda: _refused(Refused("INVALID_CHECKSUM")),
            "conflict": lambda: _refused(Refused("DUPLICATE")),
        }

    def unknown_code(self, honest: Response) -> Response:
        body = honest.get_json()
        return _json({**body, Name.STATUS if Name.STATUS in body else Name.ERROR: UNHEARD_OF})

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        """PayGov tells of payments only, and at the one address that it was once given."""
        if event.startswith("payment.") and self.options.webhook_url:
            told = {**document["signed"], Name.STATUS: _word(document)}
            self.notify(change, self.new_id("event"), self.options.webhook_url, json.dumps(told), delay_ms)

    def batch_made(self, change: Change, batch: Document) -> None:
        """A file that appears tells of itself."""

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return self._outbox.batch_id(day, number)

    def _guarded(self, operation: str, view: Callable[[Mapping[str, Any]], Response]) -> Callable[[], Response]:
        def checked() -> Response:
            fields = request.get_json(silent=True)
            if not isinstance(fields, dict):
                raise Refused("INVALID_REQUEST", "the body is not a JSON object")
            what = "detail" if operation == "query" else operation
            if fields.get(Name.CLIENT_ID) != self._client_id:
                raise Refused("UNKNOWN_CLIENT")
            try:
                wire.check((self._key,), what, self._client_id, fields)
            except WebhookRejected as rejected:
                unreadable = rejected.reason is RejectionReason.MALFORMED
                raise Refused("INVALID_REQUEST" if unreadable else "INVALID_CHECKSUM", str(rejected)) from None
            return view(fields)

        return lambda: answer(self.board, operation, checked, self.refusals(), self.unknown_code)

    def _create(self, fields: Mapping[str, Any]) -> Response:
        amount_minor = _checked_creation(fields)
        transaction, bill = fields[Name.TRANSACTION_ID], fields[Name.BILL]
        page = request.host_url + "pay/"
        now = _now()
        lifetime = int(self.capabilities.payment_lifetime.total_seconds())

        def work(change: Change) -> tuple[int, str]:
            ours = wire.payment_id(transaction)
            change.put(
                "payment",
                {
                    "id": transaction,
                    "payment_id": None if ours is None else str(ours),
                    "reference": bill[Name.CONTENT],
                    "title": f"{bill[Name.PROCEDURE_TITLE]} ({bill[Name.DOSSIER]})",
                    "amount_minor": amount_minor,
                    "currency": fields[Name.CURRENCY],
                    "return_url": fields[Name.RETURN_URL],
                    "signed": {name: fields[name] for name in wire.SIGNED["callback"]},
                    "status": "pending",
                    "code": "",
                    "transactions": [],
                    "created": now,
                    "updated": now,
                    "expires": now + lifetime,
                },
            )
            told = {Name.ERROR: wire.NO_ERROR, Name.MESSAGE: "success", Name.PAYMENT_URL: page + transaction}
            return 200, json.dumps(told)

        try:
            status, body = self.once(f"create:{transaction}", request.get_data(), work)
        except KeyReused:
            raise Refused("DUPLICATE", "the transaction id is in use for another request") from None
        return Response(body, status, content_type="application/json")

    def _detail(self, fields: Mapping[str, Any]) -> Response:
        if fields[Name.COMMAND] != wire.DETAIL or set(fields) != {*wire.SIGNED["detail"], Name.CHECKSUM}:
            raise Refused("INVALID_REQUEST", "the fields are those of a detail query")
        with self.change() as change:
            if change.get("payment", fields[Name.TRANSACTION_ID]) is None:
                raise Refused(wire.NOT_FOUND)
            payment = self.current(change, fields[Name.TRANSACTION_ID])
        paid = payment["transactions"][0] if payment["transactions"] else None
        told = {
            Name.ERROR: wire.NO_ERROR,
            Name.MESSAGE: "success",
            Name.TRANSACTION_ID: payment["id"],
            Name.AMOUNT: str((paid or payment)["amount_minor"]),
            Name.STATUS: _word(payment),
            Name.UPDATED: wire.written(datetime.fromtimestamp(payment["updated"], UTC)),
        }
        return _json(told if paid is None else {**told, Name.MOVEMENT: paid["id"]})

    def _pull(self) -> Response:
        """Ask the gateway, where PayGov was told to, what is due for a dossier."""
        fields = request.get_json(silent=True)
        dossier = fields.get("dossier") if isinstance(fields, dict) else None
        if not isinstance(dossier, str) or not self.options.webhook_url:
            raise NotPossible("dossier is a text, and the gateway's address must be known")
        asked = {Name.CLIENT_ID: self._client_id, Name.DOSSIER: dossier}
        url = urljoin(self.options.webhook_url, "bills")
        try:
            told = httpx.post(
                url,
                content=self._signed("pull", asked),
                headers={"content-type": "application/json"},
                timeout=PULL_TIMEOUT_S,
                trust_env=False,
            )
            return jsonify({"status": told.status_code, "answer": told.json()})
        except (httpx.HTTPError, ValueError) as error:
            raise NotPossible(f"the gateway did not answer: {type(error).__name__}") from None

    def _signed(self, what: str, fields: Mapping[str, Any], *, forged: bool = False) -> bytes:
        key = "not-" + self._keys[0] if forged else self._keys[0]
        return json.dumps({**fields, Name.CHECKSUM: wire.checksum(key, what, fields)}).encode()


def _checked_creation(fields: Mapping[str, Any]) -> int:
    """The amount in đồng. Raises Refused."""
    bill = fields.get(Name.BILL)
    _check_texts("a creation", {name: value for name, value in fields.items() if name != Name.BILL}, _CREATION)
    if not isinstance(bill, dict):
        raise Refused("INVALID_REQUEST", f"{Name.BILL} is not an object")
    fees = bill.get(Name.FEES)
    _check_texts("a bill", {name: value for name, value in bill.items() if name != Name.FEES}, _BILL)
    if not isinstance(fees, list) or not fees:
        raise Refused("INVALID_REQUEST", f"{Name.FEES} is not a list of fees")
    for fee in fees:
        _check_texts("a fee", fee, _FEE)
    wrong = [name for name, value in wire.SENT_ALWAYS.items() if fields[name] != value]
    if wrong or fields[Name.LOCALE] not in _LOCALES or bill[Name.SERVICE] != wire.FEES_SERVICE:
        raise Refused("INVALID_REQUEST", f"{', '.join(wrong) or 'the locale or the service'} is wrong")
    if not fields[Name.TRANSACTION_ID].isalnum() or len(fields[Name.TRANSACTION_ID]) > 20:
        raise Refused("INVALID_REQUEST", f"{Name.TRANSACTION_ID} is not of at most 20 letters and digits")
    if urlsplit(fields[Name.RETURN_URL]).scheme not in ("http", "https"):
        raise Refused("INVALID_REQUEST", f"{Name.RETURN_URL} is no address")
    amount_minor = _amount(fields[Name.AMOUNT])
    if sum(_amount(fee[Name.FEE_AMOUNT]) for fee in fees) != amount_minor:
        raise Refused("INVALID_REQUEST", "the fees do not add up to the amount")
    return amount_minor


def _check_texts(what: str, fields: Any, names: frozenset[str]) -> None:
    texts = names - {Name.BILL, Name.FEES}
    if not isinstance(fields, dict) or set(fields) != texts:
        raise Refused("INVALID_REQUEST", f"the fields of {what} are {', '.join(sorted(names))}")
    for name, value in fields.items():
        if not isinstance(value, str) or not (value or name in _MAY_BE_BLANK):
            raise Refused("INVALID_REQUEST", f"{name} is not a text")


def _amount(digits: str) -> int:
    if not digits.isascii() or not digits.isdigit() or digits.startswith("0") or len(digits) > 15:
        raise Refused("INVALID_REQUEST", "an amount is not digits above 0")
    return int(digits)


def _word(payment: Document) -> str:
    return _WORDS.get(payment["status"], payment["status"])


def _refused(refused: Refused) -> Response:
    return _json({Name.ERROR: refused.code, Name.MESSAGE: str(refused)})


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json.dumps(value), 200, content_type="application/json")


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
