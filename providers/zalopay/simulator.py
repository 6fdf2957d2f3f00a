"""ZaloPay, played over HTTP: the endpoints that we use, as strict as the real ones about what they refuse.

It refuses another key or app_id, an app_time or timestamp that is not of now, a name that does not begin with today's
date in Vietnam, embed_data and item that are not JSON, amounts that are none, a name used twice, and questions about an
order of more than 48 hours ago. It tells of successes only, tries that four times, and takes 1 and 2 for an answer.
"""

import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import Flask, Response, request

from gateway.domain.payment import PaymentStatus
from providers.settings import required, split
from providers.simulation import paypage
from providers.simulation.bank import OUTCOMES, PROCESSING, UNHEARD_OF, Bank, NotPossible, Options, Outcome
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.outbox import Outbox
from providers.simulation.webhooks import Notification, Sign
from providers.zalopay import settlement, wire
from providers.zalopay.adapter import APP_ID, KEY1, KEY2

SETTINGS = (APP_ID, KEY1, KEY2, settlement.FOLDER)
PAYER = {"zp_user_id": "zp-user-5150", "merchant_user_id": "payer-of-zalopay-7"}
"""What ZaloPay knows of the payer, and tells."""

TRIES = 4  # of a callback: the first and three more
WALLET = 38  # the channel
PAID, NOT_PAID = 1, -49  # what the browser is told on its way back, which nobody believes

DUPLICATE_ORDER, DUPLICATE_REFUND, ILLEGAL_DATA, ILLEGAL_SIGNATURE, SYSTEM_ERROR = -68, -23, -401, -402, -500
ORDER_EXPIRED, BALANCE_NOT_ENOUGH, TOO_LONG_AGO, REFUND_FAILED, REFUND_IN_QUEUE = -54, -63, -49, 0, 2
REFUND_TOO_LATE, REFUND_AMOUNT, REFUND_FORM, REFUND_DAY = -13, -14, -24, -25


@dataclass(frozen=True, slots=True)
class Message:
    """A request: each field with the form of its value, and those that are signed, in their order."""

    fields: Mapping[str, str]
    signed: tuple[str, ...]


CREATE = Message(
    {
        "app_id": r"\d{1,10}",
        "app_user": r".{1,50}",
        "app_trans_id": r"\d{6}_.{1,33}",
        "app_time": r"\d{13}",
        "amount": r"[1-9]\d{0,11}",
        "item": r".{2,2048}",
        "embed_data": r".{2,1024}",
        "description": r".{1,256}",
        "bank_code": r".{0,20}",
        "callback_url": r"https?://.+",
        "expire_duration_seconds": r"\d{3,7}",
    },
    ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item"),
)
QUERY = Message({"app_id": r"\d{1,10}", "app_trans_id": r".{1,40}"}, ("app_id", "app_trans_id", "key1"))
REFUND = Message(
    {
        "m_refund_id": r".{1,45}",
        "app_id": r"\d{1,10}",
        "zp_trans_id": r"\d{1,15}",
        "amount": r"[1-9]\d{0,11}",
        "timestamp": r"\d{13}",
        "description": r".{1,100}",
    },
    ("app_id", "zp_trans_id", "amount", "description", "timestamp"),
)
QUERY_REFUND = Message(
    {"app_id": r"\d{1,10}", "m_refund_id": r".{1,45}", "timestamp": r"\d{13}"}, ("app_id", "m_refund_id", "timestamp")
)


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def create_app(options: Options) -> Flask:
    """Raises MissingSettings, UnusableSetting."""
    return app_for(ZaloPay(options))


class ZaloPay(Bank):
    name = "zalopay"
    capabilities = wire.CAPABILITIES
    payable: ClassVar[frozenset[str]] = frozenset({"pending", "declined"})
    tries: ClassVar[int | None] = TRIES
    outcomes: ClassVar[Mapping[str, Outcome]] = {
        **{name: OUTCOMES[name] for name in ("succeed", "decline", "abandon", "expire", "pending")},
        **{name: OUTCOMES[name] for name in ("silent", "wrong_amount", "review")},
        # Who goes back to the shop leaves the order open.
        "cancel": Outcome("Go back", (), PaymentStatus.PENDING),
        # An order whose time is over takes no money, so what comes late was begun in time.
        "late": Outcome("Pay, and the bank finishes late", ("pend", "pay_late"), PaymentStatus.SUCCEEDED),
    }
    id_prefixes: ClassVar[Mapping[str, str]] = {"dispute": "zd_", "movement": "zm_", "event": "ze_"}

    def __init__(self, options: Options) -> None:
        values = required(self.name, options.settings, SETTINGS)
        self._app_id, self._key1, self._keys2 = values[APP_ID], values[KEY1], split(values[KEY2])
        layout = settlement.layout(options.settings)
        self.files = Outbox(Path(values[settlement.FOLDER]), layout, self._order_of)
        self.outbox = self.files
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, data: str, forged: bool) -> Notification:
            key = "not-" + self._keys2[0] if forged else self._keys2[0]
            envelope = {"data": data, "mac": wire.callback_mac(key, data), "type": wire.OF_AN_ORDER}
            return Notification(url, json.dumps(envelope).encode())

        return sign

    def acknowledged(self, status: int, body: bytes) -> bool:
        try:
            said = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(said, dict) and said.get("return_code") in (1, 2)

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, _refused)
        rules: Mapping[str, tuple[Message, Callable[[Mapping[str, str]], Response]]] = {
            "create": (CREATE, self._create),
            "query": (QUERY, self._query),
            "refund": (REFUND, self._refund),
            "query_refund": (QUERY_REFUND, self._query_refund),
        }
        for operation, (message, view) in rules.items():
            app.add_url_rule(f"/v2/{operation}", operation, self._guarded(operation, message, view), methods=["POST"])
        page = "/openinapp/<order>"
        app.add_url_rule(page, "page", lambda order: paypage.show(self, order))
        app.add_url_rule(page, "submit", lambda order: paypage.submit(self, order), methods=["POST"])

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        return {
            "not_found": lambda: _answer(wire.FAILED, wire.TO_CONFIRM.not_found),
            "rejected": lambda: _answer(wire.FAILED, ILLEGAL_DATA),
            "unauthorized": lambda: _answer(wire.FAILED, ILLEGAL_SIGNATURE),
            "conflict": lambda: _answer(wire.FAILED, SYSTEM_ERROR),
        }

    def unknown_code(self, honest: Response) -> Response:
        return _json({**honest.get_json(), "return_code": 7})

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        if event != "payment.succeeded":
            return
        movement = document["transactions"][-1]
        data = {
            **document["order"],
            "app_id": int(self._app_id),
            "app_trans_id": document["id"],
            "amount": movement["amount_minor"],
            "zp_trans_id": int(movement["id"]),
            "server_time": movement["occurred"] * 1_000,
            "channel": WALLET,
            "user_fee_amount": 0,
            "discount_amount": 0,
            **PAYER,
        }
        self.notify(change, self.new_id("event"), document["webhook_url"], json.dumps(data), delay_ms)

    def batch_made(self, change: Change, batch: Document) -> None:
        """ZaloPay does not tell: its file is there."""

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return self.files.batch_id(day, number)

    def new_id(self, kind: str) -> str:
        """Transactions are numbers that begin with the day; refunds of the console have a name like any other."""
        today = wire.day(_now())
        if kind == "transaction":
            return f"{today}{secrets.randbelow(10**9):09d}"
        if kind == "refund":
            return f"{today}_{self._app_id}_console{secrets.token_hex(6)}"
        return super().new_id(kind)

    def play(self, payment_id: str, outcome: str) -> str:
        """The browser is sent back with what became of it, signed."""
        back_to = super().play(payment_id, outcome)
        payment = self.books.get("payment", payment_id) or {}
        status = PAID if payment["status"] == "succeeded" else NOT_PAID
        told = {"appid": self._app_id, "apptransid": payment_id, "pmcid": WALLET, "bankcode": ""}
        told |= {"amount": payment["amount_minor"], "discountamount": 0, "status": status}
        told["checksum"] = wire.mac(self._keys2[0], *told.values())
        return f"{back_to}{'&' if '?' in back_to else '?'}{urlencode(told)}"

    def _order_of(self, payment_id: str) -> str:
        payment = self.books.find("payment", payment_id=payment_id)
        return str(payment["id"]) if payment else ""

    # The endpoints.

    def _guarded(
        self, operation: str, message: Message, view: Callable[[Mapping[str, str]], Response]
    ) -> Callable[[], Response]:
        def guarded() -> Response:
            fields = self._checked(message)
            return answer(self.board, operation, lambda: view(fields), self.refusals(), self.unknown_code)

        return guarded

    def _checked(self, message: Message) -> Mapping[str, str]:
        """The fields of the request, of which none is missing, strange or repeated, and its signature. Raises
        Refused."""
        fields = request.form.to_dict()
        values = {**fields, "key1": self._key1}
        expected = wire.mac(self._key1, *(values.get(name, "") for name in message.signed))
        if fields.get("app_id") != self._app_id or not hmac.compare_digest(
            expected.encode(), fields.pop("mac", "").encode()
        ):
            raise Refused(ILLEGAL_SIGNATURE, "the app_id or the mac is wrong")
        if set(fields) != set(message.fields) or sum(1 for _ in request.form.items(multi=True)) != len(fields) + 1:
            raise Refused(ILLEGAL_DATA, f"the fields are {', '.join(message.fields)}")
        for name, pattern in message.fields.items():
            if not re.fullmatch(pattern, fields[name]):
                raise Refused(ILLEGAL_DATA, f"{name} is wrong")
        return fields

    def _create(self, fields: Mapping[str, str]) -> Response:
        order, lifetime = fields["app_trans_id"], int(fields["expire_duration_seconds"])
        embed, items = _decoded(fields, "embed_data"), _decoded(fields, "item")
        if not isinstance(embed, dict) or not isinstance(items, list):
            raise Refused(ILLEGAL_DATA, "embed_data is an object and item a list, in JSON")
        if not _is_fresh(fields["app_time"]) or order[:6] not in _days():
            raise Refused(ILLEGAL_DATA, "app_time is not of now, or app_trans_id not of today")
        if not wire.EXPIRE_SECONDS_MIN <= lifetime <= wire.EXPIRE_SECONDS_MAX:
            raise Refused(ILLEGAL_DATA, "expire_duration_seconds is out of range")
        if int(fields["amount"]) < wire.TO_CONFIRM.minimum_minor:
            raise Refused(ILLEGAL_DATA, "amount is too small")
        ours, now = wire.payment_of(order), int(time.time())
        with self.change() as change:
            if change.get("payment", order) is not None:
                raise Refused(DUPLICATE_ORDER, "app_trans_id is in use")
            change.put(
                "payment",
                {
                    "id": order,
                    "payment_id": str(ours) if ours else None,
                    "reference": fields["description"],
                    "title": fields["description"],
                    "amount_minor": int(fields["amount"]),
                    "currency": wire.CURRENCY,
                    "status": "pending",
                    "code": "",
                    "transactions": [],
                    "created": now,
                    "updated": now,
                    "expires": now + lifetime,
                    "return_url": str(embed.get("redirecturl", "")),
                    "webhook_url": fields["callback_url"],
                    "order": {
                        "app_time": int(fields["app_time"]),
                        "app_user": fields["app_user"],
                        "embed_data": fields["embed_data"],
                        "item": fields["item"],
                    },
                },
            )
        url = f"{request.host_url}openinapp/{order}"
        return _answer(wire.DONE, 1, order_url=url, zp_trans_token=secrets.token_urlsafe(16), order_token="")

    def _query(self, fields: Mapping[str, str]) -> Response:
        with self.change() as change:
            try:
                payment = self.current(change, fields["app_trans_id"])
            except NotPossible:
                raise Refused(wire.TO_CONFIRM.not_found, "there is no such order") from None
        if time.time() - payment["created"] > wire.QUERY_WINDOW.total_seconds():
            raise Refused(TOO_LONG_AGO, "the order is of more than 48 hours ago")
        status = payment["status"]
        if status == "succeeded":
            paid = payment["transactions"][0]
            moved = {"amount": paid["amount_minor"], "zp_trans_id": int(paid["id"]), "discount_amount": 0}
            return _answer(wire.DONE, 1, is_processing=False, server_time=paid["occurred"] * 1_000, **moved)
        if status == "pending":
            return _answer(wire.PROCESSING, 0, is_processing=payment["code"] == PROCESSING)
        if status == UNHEARD_OF:
            return _answer(wire.PROCESSING + 1, 0)
        return _answer(wire.FAILED, {"expired": ORDER_EXPIRED, "declined": BALANCE_NOT_ENOUGH}[status])

    def _refund(self, fields: Mapping[str, str]) -> Response:
        name = fields["m_refund_id"]
        match = re.fullmatch(r"(\d{6})_(\d+)_([0-9a-z]+)", name)
        if match is None or match[2] != self._app_id:
            raise Refused(REFUND_FORM, "m_refund_id is yymmdd_appid_...")
        ours = wire.refund_of(name)
        with self.change() as change:
            if change.get("refund", name) is not None:
                raise Refused(DUPLICATE_REFUND, "m_refund_id is in use")
            if match[1] not in _days():
                raise Refused(REFUND_DAY, "m_refund_id is not of today")
            if not _is_fresh(fields["timestamp"]):
                raise Refused(REFUND_TOO_LATE, "timestamp is not of now")
            payment = self.paid_by(fields["zp_trans_id"])
            if payment is None:
                raise Refused(wire.TO_CONFIRM.not_found, "there is no such transaction")
            try:
                refund = self.refunded(
                    change,
                    payment,
                    int(fields["amount"]),
                    refund_id=str(ours) if ours else None,
                    transaction_id=fields["zp_trans_id"],
                    provider_id=name,
                )
            except NotPossible:
                raise Refused(REFUND_AMOUNT, "more than is left of the payment") from None
        return _refund_answer(refund)

    def _query_refund(self, fields: Mapping[str, str]) -> Response:
        refund = self.books.get("refund", fields["m_refund_id"])
        if refund is None:
            raise Refused(wire.TO_CONFIRM.not_found, "there is no such refund")
        return _refund_answer(refund)


def _refund_answer(refund: Document) -> Response:
    if refund["status"] == "succeeded":
        return _answer(wire.DONE, 1)
    if refund["status"] == "pending":
        return _answer(wire.PROCESSING, REFUND_IN_QUEUE)
    return _answer(wire.FAILED, REFUND_FAILED)


def _now() -> datetime:
    return datetime.now(UTC)


def _is_fresh(milliseconds: str) -> bool:
    return abs(wire.milliseconds(_now()) - int(milliseconds)) <= wire.FRESH // timedelta(milliseconds=1)


def _days() -> set[str]:
    """Today in Vietnam; for a moment after midnight also the day on which the request set out."""
    return {wire.day(_now()), wire.day(_now() - wire.FRESH)}


def _decoded(fields: Mapping[str, str], name: str) -> Any:
    try:
        return json.loads(fields[name])
    except ValueError:
        return None


def _refused(refused: Refused) -> Response:
    return _answer(wire.FAILED, refused.code, sub_return_message=str(refused))


def _answer(returned: int, code: int, **fields: Any) -> Response:
    return _json({"return_code": returned, "return_message": "", "sub_return_code": code, **fields})


def _json(value: Any) -> Response:
    return Response(json.dumps(value), 200, content_type="application/json")
