"""VNPAY, played over HTTP: the pay page, querydr and refund, as strict as the real one about fields and signatures.

A payment begins when a browser arrives with a link that is signed, of our terminal, and not over. VNPAY keeps the
notification address in its own configuration, so the runner says where notifications go. What VNPAY tells nobody
(refunds, money taken back by a bank) is in its daily file.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Flask, Response, request

from gateway.domain.payment import PaymentStatus
from providers.settings import MissingSettings, required, split
from providers.settlement_files import layout_of
from providers.simulation import paypage
from providers.simulation.bank import OUTCOMES, UNHEARD_OF, Bank, NotPossible, Options, Outcome
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.outbox import Outbox
from providers.simulation.webhooks import Notification, Sign
from providers.vnpay import requests, settlement, wire
from providers.vnpay.adapter import FILES, SECRETS, TMN_CODE
from providers.vnpay.requests import Refused

SETTINGS = (TMN_CODE, SECRETS, FILES)
NUMBER_DIGITS = 14

HALFWAY = "halfway"
CODES: Mapping[str, tuple[str, str]] = {
    # ours: ResponseCode of the notification, TransactionStatus
    "succeeded": (wire.OK, wire.PAID),
    "pending": (wire.OK, "01"),
    "declined": ("51", "02"),
    "cancelled": ("24", "02"),
    "expired": ("11", "02"),
    HALFWAY: ("99", "04"),
    UNHEARD_OF: ("07", "07"),
}
REFUND_CODES: Mapping[str, str] = {"succeeded": wire.PAID, "pending": "05", "failed": "09"}
NOT_POSSIBLE: Mapping[str, str] = {"not_refundable": wire.UNSUCCESSFUL, "over_refund": "02"}
CONSOLE = "Refund in the merchant portal"

S = PaymentStatus


def create_app(options: Options) -> Flask:
    """Raises MissingSettings or UnusableSetting."""
    return app_for(Vnpay(options))


class Vnpay(Bank):
    name = "vnpay"
    capabilities = wire.CAPABILITIES
    tries = wire.CHECK.notification_tries
    outcomes: ClassVar[Mapping[str, Outcome]] = {
        **{name: OUTCOMES[name] for name in ("succeed", "abandon", "pending", "late", "silent", "wrong_amount")},
        # A query says of these that they failed; only the notification says why.
        "decline": OUTCOMES["decline"],
        "cancel": Outcome("Cancel and go back", ("cancel",), S.DECLINED, told=S.CANCELLED),
        "expire": Outcome("Wait until the time is over", ("expire",), S.DECLINED, told=S.EXPIRED),
        "review": Outcome("Pay, and be suspected of a fraud", ("review",), S.UNKNOWN),
        "halfway": Outcome("Pay, and the bank's money does not reach VNPAY", ("halfway",), S.UNKNOWN),
    }
    id_prefixes: ClassVar[Mapping[str, str]] = {"dispute": "cb", "movement": "", "event": "ipn"}

    def __init__(self, options: Options) -> None:
        values = required(self.name, options.settings, SETTINGS)
        if not options.webhook_url:
            raise MissingSettings(self.name, ["webhook_url"])
        self._terminal, self._secrets = values[TMN_CODE], split(values[SECRETS])
        layout = layout_of(self.name, options.settings, settlement.DEMO_MAP)
        self.outbox = Outbox(Path(values[FILES]), layout, lambda ours: UUID(ours).hex)
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            secret = "not-" + self._secrets[0] if forged else self._secrets[0]
            return Notification(f"{url}?{wire.signed_query(secret, json.loads(body))}", method="GET")

        return sign

    def acknowledged(self, status: int, body: bytes) -> bool:
        """00 and 02 end the tries; all else is tried again."""
        try:
            said = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(said, dict) and said.get("RspCode") in ("00", "02")

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, self._refused)
        app.add_url_rule(wire.PAY_PATH, "page", self._page)
        app.add_url_rule(wire.PAY_PATH, "submit", self._submit, methods=["POST"])
        app.add_url_rule(wire.API_PATH, "api", self._api, methods=["POST"])

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        codes = {
            "not_found": wire.NOT_FOUND,
            "rejected": wire.UNSUCCESSFUL,
            "unauthorized": wire.BAD_CHECKSUM,
            "conflict": wire.DUPLICATE,
        }
        return {name: lambda code=code: self._refused(Refused(code)) for name, code in codes.items()}  # type: ignore[misc]

    def unknown_code(self, honest: Response) -> Response:
        if not honest.is_json:
            return honest
        said = {name: value for name, value in honest.get_json().items() if name != wire.SIGNATURE}
        return self._sealed({**said, "vnp_TransactionStatus": "98"})

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return self.outbox.batch_id(day, number) if self.outbox else ""

    def batch_made(self, change: Change, batch: Document) -> None:
        """The file is all that is told of it."""

    def new_id(self, kind: str) -> str:
        """VNPAY names movements of money by numbers."""
        if kind in ("transaction", "refund"):
            return str(secrets.randbelow(9 * 10 ** (NUMBER_DIGITS - 1)) + 10 ** (NUMBER_DIGITS - 1))
        return super().new_id(kind)

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        kind, _, status = event.partition(".")
        if kind == "payment" and status != "pending":
            body = json.dumps(self._told(document, status))
            self.notify(change, self.new_id("event"), self.options.webhook_url, body, delay_ms)

    def play(self, payment_id: str, outcome: str) -> str:
        """The browser takes the same signed fields along as the notification has, once there is an outcome."""
        back_to = super().play(payment_id, outcome)
        payment = self.books.get("payment", payment_id)
        if payment is None or payment["status"] == "pending":
            return back_to
        told = wire.signed_query(self._secrets[0], self._told(payment, payment["status"]))
        return f"{back_to}{'&' if '?' in back_to else '?'}{told}"

    def halfway(self, change: Change, payment: Document) -> Document:
        return self.moved(change, payment, HALFWAY)

    # The payer's browser.

    def _page(self) -> Response:
        return answer(self.board, "create", self._shown, self.refusals(), self.unknown_code)

    def _shown(self) -> Response:
        return paypage.show(self, self._arrived())

    def _submit(self) -> Response:
        return paypage.submit(self, self._arrived())

    def _arrived(self) -> str:
        """The order of the link, which is opened if it is new. Raises Refused."""
        order = requests.link(request.query_string.decode("latin-1"), self._terminal, self._secrets)
        opened: Document = {
            "id": order["vnp_TxnRef"],
            "payment_id": str(wire.payment_of(order["vnp_TxnRef"]) or order["vnp_TxnRef"]),
            "reference": order["vnp_TxnRef"],
            "title": order["vnp_OrderInfo"],
            "amount_minor": wire.amount_of(order["vnp_Amount"]).amount_minor,
            "currency": wire.CURRENCY,
            "link": wire.canonical(order),
            "return_url": order["vnp_ReturnUrl"],
            "cancel_url": order["vnp_ReturnUrl"],
            "created_at": order["vnp_CreateDate"],
            "expires": int(wire.moment(order["vnp_ExpireDate"]).timestamp()),
            "status": "pending",
            "code": "",
            "transactions": [],
            "created": _now(),
            "updated": _now(),
        }
        with self.change() as change:
            known = change.get("payment", opened["id"])
            if known is not None and known["link"] != opened["link"]:
                raise Refused("01", "the order is there already, with other values")
            if known is None and opened["expires"] <= _now():
                raise Refused("11", "the time of this link is over")
            if known is None:
                change.put("payment", opened)
        return str(opened["id"])

    # The merchant's requests.

    def _api(self) -> Response:
        asked = requests.api(request.get_data(), self._terminal, self._secrets)
        if asked["vnp_Command"] == wire.REFUND:
            operation, work = "refund", self._refund
        else:  # one query for both; what it is about is told by its words, so that faults can be armed for either
            operation = "query_refund" if " Refund " in asked["vnp_OrderInfo"] else "query"
            work = self._query
        return answer(self.board, operation, lambda: work(asked), self.refusals(), self.unknown_code)

    def _query(self, asked: Mapping[str, str]) -> Response:
        with self.change() as change:
            self._once_a_day(change, asked)
            payment = self._ordered(change, asked)
            refunds = [r for r in self.books.all("refund") if r["payment"] == payment["id"]]
            number = asked.get("vnp_TransactionNo", "")
            if number and number not in (t["id"] for t in payment["transactions"]):
                refunds = [refund for refund in refunds if refund["id"] == number]
                if not refunds:
                    raise Refused(wire.NOT_FOUND)
            elif number:
                refunds = []
            said = _refund_said(refunds[-1], payment) if refunds else _payment_said(payment)
        return self._sealed({**_echo(asked), "vnp_ResponseCode": wire.OK, "vnp_Message": "QueryDR Success", **said})

    def _refund(self, asked: Mapping[str, str]) -> Response:
        amount = wire.amount_of(asked["vnp_Amount"]).amount_minor
        with self.change() as change:
            self._once_a_day(change, asked)
            payment = self._ordered(change, asked)
            number = asked["vnp_TransactionNo"] or None
            if (amount == payment["amount_minor"]) is not (asked["vnp_TransactionType"] == wire.FULL_REFUND):
                raise Refused("03", "the type of refund does not fit its amount")
            ours = wire.payment_of(asked["vnp_OrderInfo"].rpartition(" ")[2])
            try:
                refund = self.refunded(
                    change, payment, amount, refund_id=str(ours) if ours else None, transaction_id=number
                )
            except NotPossible as fault:
                raise Refused(NOT_POSSIBLE[str(fault)]) from None
            now = change.get("refund", refund["id"]) or refund
            change.put("refund", {**now, "about": asked["vnp_OrderInfo"]})
        said = _refund_said(refund, payment)
        return self._sealed({**_echo(asked), "vnp_ResponseCode": wire.OK, "vnp_Message": "Success", **said})

    def _once_a_day(self, change: Change, asked: Mapping[str, str]) -> None:
        """A request id counts once a day, unless its request is refused. Raises Refused."""
        today = datetime.now(ZoneInfo(self.capabilities.time_zone)).date()
        key = f"{today.isoformat()}:{asked['vnp_RequestId']}"
        if change.get("request", key) is not None:
            raise Refused(wire.DUPLICATE)
        change.put("request", {"id": key})

    def _ordered(self, change: Change, asked: Mapping[str, str]) -> Document:
        """Raises Refused."""
        payment = change.get("payment", asked["vnp_TxnRef"])
        if payment is None or payment["created_at"] != asked["vnp_TransactionDate"]:
            raise Refused(wire.NOT_FOUND)
        return self.current(change, payment["id"])

    def _refused(self, refused: Refused) -> Response:
        """The API signs its refusals too; the pay page shows them."""
        if request.path == wire.PAY_PATH:
            return Response(f"VNPAY: {refused} ({refused.code})", 400, content_type="text/plain; charset=utf-8")
        asked = request.get_json(silent=True)
        echo = _echo(asked) if isinstance(asked, dict) else {}
        return self._sealed({**echo, "vnp_ResponseCode": refused.code, "vnp_Message": str(refused)})

    def _sealed(self, said: Mapping[str, str]) -> Response:
        names = wire.QUERY_ANSWER_SIGNED if said.get("vnp_Command") == wire.QUERY else wire.REFUND_ANSWER_SIGNED
        whole = {**{f"vnp_{name}": "" for name in names}, "vnp_ResponseId": secrets.token_hex(16), **said}
        sealed = {**whole, wire.SIGNATURE: wire.signature(self._secrets[0], wire.joined(whole, names))}
        return Response(json.dumps(sealed, ensure_ascii=False), content_type="application/json")

    def _told(self, payment: Document, status: str) -> dict[str, str]:
        """What a notification tells of a payment."""
        response, word = CODES[status]
        paid = payment["transactions"][-1] if status == "succeeded" else None
        number = paid["id"] if paid else "0"
        return {
            "vnp_TmnCode": self._terminal,
            "vnp_Amount": str((paid or payment)["amount_minor"] * wire.HUNDREDTHS),
            "vnp_BankCode": "NCB",
            "vnp_BankTranNo": f"VNP{number}" if paid else "",
            "vnp_CardType": "ATM",
            "vnp_OrderInfo": payment["title"],
            "vnp_PayDate": _stamp(payment["updated"]),
            "vnp_ResponseCode": response,
            "vnp_TransactionNo": number,
            "vnp_TransactionStatus": word,
            "vnp_TxnRef": payment["id"],
        }


def _echo(asked: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(asked.get(name, "")) for name in ("vnp_Command", "vnp_TmnCode", "vnp_TxnRef")}


def _payment_said(payment: Document) -> dict[str, str]:
    paid = payment["transactions"][0] if payment["transactions"] else None
    return {
        "vnp_Amount": str((paid or payment)["amount_minor"] * wire.HUNDREDTHS),
        "vnp_BankCode": "NCB" if paid else "",
        "vnp_PayDate": _stamp(paid["occurred"] if paid else payment["updated"]),
        "vnp_TransactionNo": paid["id"] if paid else "0",
        "vnp_TransactionType": wire.PAYMENT,
        "vnp_TransactionStatus": CODES[payment["status"]][1],
        "vnp_OrderInfo": payment["title"],
    }


def _refund_said(refund: Document, payment: Document) -> dict[str, str]:
    whole = refund["amount_minor"] == payment["amount_minor"]
    return {
        "vnp_Amount": str(refund["amount_minor"] * wire.HUNDREDTHS),
        "vnp_BankCode": "NCB",
        "vnp_PayDate": _stamp(refund["updated"]),
        "vnp_TransactionNo": refund["id"],
        "vnp_TransactionType": wire.FULL_REFUND if whole else wire.PARTIAL_REFUND,
        "vnp_TransactionStatus": REFUND_CODES[refund["status"]],
        "vnp_OrderInfo": refund.get("about", CONSOLE),
    }


def _stamp(seconds: int) -> str:
    return wire.stamp(datetime.fromtimestamp(seconds, UTC))


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
