"""MoMo, played strictly over HTTP: unknown or missing fields, wrong types, wrong signatures, amounts out of range, an
orderId that was used before and a requestId with another body are refused, each with MoMo's own code.

It notifies of payments that have ended, until it hears 204 without a body; of refunds and of what a bank takes back it
tells nothing, which is why those are asked about and read in its settlement files. It sends payers back with the result
glued to the address by a question mark, whether there is one already or not.
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, request

from providers.momo import settlement, wire
from providers.reading import Unreadable, decoded
from providers.settings import required, split
from providers.simulation import paypage
from providers.simulation.bank import OUTCOMES, PROCESSING, UNHEARD_OF, Bank, KeyReused, NotPossible, Options, Outcome
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.outbox import Outbox
from providers.simulation.webhooks import Notification, Sign

SETTINGS = ("GATEWAY_MOMO_PARTNER_CODE", "GATEWAY_MOMO_ACCESS_KEYS", "GATEWAY_MOMO_SECRETS", settlement.FOLDER)

_FIELDS: Mapping[str, Mapping[str, type]] = {
    wire.CREATE: {
        "partnerCode": str,
        "orderId": str,
        "requestId": str,
        "amount": int,
        "orderInfo": str,
        "redirectUrl": str,
        "ipnUrl": str,
        "requestType": str,
        "extraData": str,
        "lang": str,
        "signature": str,
    },
    wire.QUERY: {"partnerCode": str, "orderId": str, "requestId": str, "lang": str, "signature": str},
    wire.REFUND: {
        "partnerCode": str,
        "orderId": str,
        "requestId": str,
        "amount": int,
        "transId": int,
        "lang": str,
        "signature": str,
    },
}
_OPTIONAL: Mapping[str, Mapping[str, type]] = {
    wire.CREATE: {"autoCapture": bool, "accessKey": str},
    wire.QUERY: {"accessKey": str},
    wire.REFUND: {"description": str, "accessKey": str},
}
"""MoMo's own samples send the access key, which its documentation does not list."""

_DEFAULT: Mapping[str, Any] = {"autoCapture": True, "description": ""}
_ORDER_ID = re.compile(r"[0-9a-zA-Z]+([-_.]+[0-9a-zA-Z]+)*")
_LONGEST: Mapping[str, int] = {"orderId": 200, "requestId": 50, "orderInfo": 255, "partnerCode": 50, "description": 255}

_UNHEARD_OF_CODE = 7777
_PAYMENT_CODE: Mapping[str, int] = {
    "pending": 1000,
    "succeeded": 0,
    "declined": 1001,
    "cancelled": 1006,
    "expired": 1005,
    UNHEARD_OF: _UNHEARD_OF_CODE,
}
_REFUND_CODE: Mapping[str, int] = {"pending": 7002, "succeeded": 0, "failed": 1080}
_AT_THE_BANK = 7002
_NO_MONEY_YET = 0
_REFUSAL: Mapping[str, int] = {"not_refundable": 1088, "over_refund": 1081}
_FINAL = frozenset({wire.SUCCESS, *wire.TO_CONFIRM.payment, *wire.TO_CONFIRM.refund})
"""The codes that are answered again to the same request; after any other its requestId counts as used up."""

_MESSAGE: Mapping[int, str] = {0: "Thành công.", 1000: "Giao dịch đã được khởi tạo, chờ người dùng xác nhận."}
_OTHER_MESSAGE = "Giao dịch không thành công."


class Refused(Exception):
    def __init__(self, code: int, status: int = 400) -> None:
        super().__init__(str(code))
        self.code = code
        self.status = status


def create_app(options: Options) -> Flask:
    """Raises MissingSettings or UnusableSetting."""
    return app_for(Momo(options))


class Momo(Bank):
    name = settlement.NAME
    capabilities = wire.CAPABILITIES
    outcomes: ClassVar[Mapping[str, Outcome]] = {name: o for name, o in OUTCOMES.items() if name != "twice"}
    """An order is paid once."""

    id_prefixes: ClassVar[Mapping[str, str]] = {"dispute": "CB", "movement": "ST", "event": "NT"}

    def __init__(self, options: Options) -> None:
        values = required(self.name, options.settings, SETTINGS)
        self._partner_code = values[SETTINGS[0]]
        self._keys = wire.Keys(split(values[SETTINGS[1]]), split(values[SETTINGS[2]]))
        self.outbox: Outbox = Outbox(Path(values[settlement.FOLDER]), settlement.layout(options.settings))
        super().__init__(options)

    def new_id(self, kind: str) -> str:
        """MoMo numbers what moves money."""
        return str(secrets.randbelow(10**15) + 10**15) if kind in ("transaction", "refund") else super().new_id(kind)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            keys = wire.Keys(self._keys.access, ["not-" + self._keys.secrets[0]]) if forged else self._keys
            fields = json.loads(body)
            return Notification(url, _compact({**fields, wire.SIGNATURE: keys.signature(fields, tuple(wire.NOTIFIED))}))

        return sign

    def acknowledged(self, status: int, body: bytes) -> bool:
        return status == 204 and not body

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, self._refused)
        rules: Sequence[tuple[str, str, Callable[[Mapping[str, Any]], Response]]] = (
            (wire.CREATE, "create", self._create),
            (wire.REFUND, "refund", self._refund),
        )
        for path, operation, view in rules:
            app.add_url_rule(path, path, self._guarded(path, operation, view), methods=["POST"])
        app.add_url_rule(wire.QUERY, wire.QUERY, self._queried, methods=["POST"])
        app.add_url_rule("/pay/<order_id>", "page", lambda order_id: paypage.show(self, order_id))
        app.add_url_rule("/pay/<order_id>", "submit", lambda order_id: paypage.submit(self, order_id), methods=["POST"])

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        return {
            "not_found": lambda: self._refused(Refused(wire.NOT_FOUND)),
            "rejected": lambda: self._refused(Refused(20)),
            "unauthorized": lambda: self._refused(Refused(13)),
            "conflict": lambda: self._refused(Refused(7000, 422)),
        }

    def unknown_code(self, honest: Response) -> Response:
        return _json({**honest.get_json(), "resultCode": _UNHEARD_OF_CODE}, honest.status_code)

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        if event.startswith("payment.") and document["status"] != "pending":
            body = _compact(self._result(document)).decode()
            self.notify(change, self.new_id("event"), document["ipn_url"], body, delay_ms)

    def batch_made(self, change: Change, batch: Document) -> None:
        """MoMo does not tell."""

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return self.outbox.batch_id(day, number)

    def play(self, payment_id: str, outcome: str) -> str:
        """Where the browser goes, with the signed result."""
        back = super().play(payment_id, outcome)
        with self.change() as change:
            result = self._result(self.current(change, payment_id))
        signed = {**result, wire.SIGNATURE: self._keys.signature(result, tuple(wire.NOTIFIED))}
        return f"{back}?{urlencode(signed)}"

    # What the merchant asks.

    def _guarded(
        self, path: str, operation: str, view: Callable[[Mapping[str, Any]], Response]
    ) -> Callable[[], Response]:
        def guarded() -> Response:
            fields = self._fields(path)
            return answer(self.board, operation, lambda: view(fields), self.refusals(), self.unknown_code)

        return guarded

    def _queried(self) -> Response:
        """One address answers for payments and refunds: each is an order."""
        fields = self._fields(wire.QUERY)
        refund = self.books.find("refund", refund_id=fields["orderId"])
        if refund is None:
            return answer(self.board, "query", lambda: self._query(fields), self.refusals(), self.unknown_code)
        more = {"extraData": "", "payType": "", "refundTrans": []}
        told = _json(self._refund_answer(refund, fields["requestId"], **more))
        return answer(self.board, "query_refund", lambda: told, self.refusals(), self.unknown_code)

    def _create(self, fields: Mapping[str, Any]) -> Response:
        page = request.host_url + "pay/"

        def work(change: Change) -> dict[str, Any]:
            order_id = self._new_order(fields)
            now = int(time.time())
            opened: Document = {
                "id": order_id,
                "payment_id": order_id,
                "reference": fields["orderInfo"],
                "title": fields["orderInfo"],
                "amount_minor": fields["amount"],
                "currency": wire.CURRENCY,
                "status": "pending",
                "code": "",
                "transactions": [],
                "return_url": fields["redirectUrl"],
                "cancel_url": fields["redirectUrl"],
                "ipn_url": fields["ipnUrl"],
                "request_id": fields["requestId"],
                "created": now,
                "updated": now,
                "expires": now + int(wire.TO_CONFIRM.lifetime.total_seconds()),
            }
            change.put("payment", opened)
            url = page + order_id
            links = {"payUrl": url, "deeplink": f"momo://app?order={order_id}", "qrCodeUrl": url}
            return self._answer(0, orderId=order_id, requestId=fields["requestId"], amount=fields["amount"], **links)

        return self._once(fields, work)

    def _query(self, fields: Mapping[str, Any]) -> Response:
        with self.change() as change:
            if change.get("payment", fields["orderId"]) is None:
                raise Refused(wire.NOT_FOUND)
            payment = self.current(change, fields["orderId"])
        result = self._result(payment)
        names = ("orderId", "extraData", "amount", "transId", "payType", "resultCode", "message")
        stated = {name: result[name] for name in names}
        refunds = [r for r in self.books.all("refund") if r["payment"] == payment["id"]]
        made = [{"orderId": r["refund_id"], "amount": r["amount_minor"], "transId": int(r["id"])} for r in refunds]
        return _json(self._answer(requestId=fields["requestId"], refundTrans=made, **stated))

    def _refund(self, fields: Mapping[str, Any]) -> Response:
        def work(change: Change) -> dict[str, Any]:
            order_id = self._new_order(fields)
            payment = self.paid_by(str(fields["transId"]))
            if payment is None:
                raise Refused(wire.NOT_FOUND)
            amount, paid = fields["amount"], str(fields["transId"])
            try:
                refund = self.refunded(change, payment, amount, refund_id=order_id, transaction_id=paid)
            except NotPossible as fault:
                raise Refused(_REFUSAL[str(fault)], 200) from None
            return self._refund_answer(refund, fields["requestId"])

        return self._once(fields, work)

    def _once(self, fields: Mapping[str, Any], work: Callable[[Change], dict[str, Any]]) -> Response:
        request_id = fields["requestId"]
        before = self.books.get("answer", request_id)
        if before is not None and json.loads(before["body"])["resultCode"] not in _FINAL:
            raise Refused(40)
        try:
            status, body = self.once(request_id, request.get_data(), lambda change: (200, json.dumps(work(change))))
        except KeyReused:
            raise Refused(40) from None
        return Response(body, status, content_type="application/json")

    # What it checks.

    def _fields(self, path: str) -> Mapping[str, Any]:
        """The body, with the fields of `path` and no others, signed. Raises Refused."""
        try:
            given = decoded(request.get_data())
        except Unreadable:
            raise Refused(20) from None
        needed, known = _FIELDS[path], {**_FIELDS[path], **_OPTIONAL[path]}
        if request.mimetype != "application/json" or not set(needed) <= set(given) <= set(known):
            raise Refused(20)
        if any(type(value) is not known[name] for name, value in given.items()):
            raise Refused(20)
        fields = {**_DEFAULT, **given}
        if fields["partnerCode"] != self._partner_code or not self._signed(path, fields):
            raise Refused(13)
        _check_form(fields)
        return fields

    def _signed(self, path: str, fields: Mapping[str, Any]) -> bool:
        access = [key for key in self._keys.access if fields.get("accessKey", key) == key]
        return wire.Keys(access, self._keys.secrets).signed(fields, wire.SIGNED[path], fields[wire.SIGNATURE])

    def _new_order(self, fields: Mapping[str, Any]) -> str:
        order_id = str(fields["orderId"])
        if self.books.get("payment", order_id) or self.books.find("refund", refund_id=order_id):
            raise Refused(41)
        return order_id

    # What it says.

    def _result(self, payment: Document) -> dict[str, Any]:
        """A payment as a notification tells of it."""
        paid = payment["transactions"][0] if payment["transactions"] else None
        code = _AT_THE_BANK if payment["code"] == PROCESSING else _PAYMENT_CODE[payment["status"]]
        return {
            "partnerCode": self._partner_code,
            "orderId": payment["id"],
            "requestId": payment["request_id"],
            "amount": payment["amount_minor"] if paid is None else paid["amount_minor"],
            "orderInfo": payment["title"],
            "orderType": "momo_wallet",
            "transId": _NO_MONEY_YET if paid is None else int(paid["id"]),
            "resultCode": code,
            "message": _MESSAGE.get(code, _OTHER_MESSAGE),
            "payType": "qr",
            "responseTime": _now_ms(),
            "extraData": "",
        }

    def _refund_answer(self, refund: Document, request_id: str, **more: Any) -> dict[str, Any]:
        named = {"orderId": refund["refund_id"], "requestId": request_id, "amount": refund["amount_minor"]}
        return self._answer(_REFUND_CODE[refund["status"]], transId=int(refund["id"]), **named, **more)

    def _answer(self, code: int | None = None, **fields: Any) -> dict[str, Any]:
        told = {} if code is None else {"resultCode": code, "message": _MESSAGE.get(code, _OTHER_MESSAGE)}
        return {"partnerCode": self._partner_code, "responseTime": _now_ms(), **fields, **told}

    def _refused(self, refused: Refused) -> Response:
        return _json(self._answer(refused.code), refused.status)


def _check_form(fields: Mapping[str, Any]) -> None:
    if any(len(fields.get(name, "")) > longest for name, longest in _LONGEST.items()):
        raise Refused(20)
    if not _ORDER_ID.fullmatch(fields["orderId"]) or not fields["requestId"]:
        raise Refused(20)
    if not wire.MINIMUM <= fields.get("amount", wire.MINIMUM) <= wire.MAXIMUM:
        raise Refused(22)
    if fields["lang"] not in ("vi", "en"):
        raise Refused(20)
    if "requestType" in fields:
        _check_creation(fields)


def _check_creation(fields: Mapping[str, Any]) -> None:
    told, back = urlsplit(fields["ipnUrl"]), urlsplit(fields["redirectUrl"])
    if told.scheme not in ("http", "https") or told.query or told.fragment or back.scheme not in ("http", "https"):
        raise Refused(20)
    if fields["requestType"] != wire.REQUEST_TYPE or not fields["orderInfo"] or not fields["autoCapture"]:
        raise Refused(20)


def _compact(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
