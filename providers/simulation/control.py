"""/_sim: the simulator's own controls, which no real provider has. For the demo and the tests.

    GET    /_sim/health              it is up, its business date, and whether its merchants can refund
    GET    /_sim/outcomes            what a payer can do on the pay page, and what a query says then
    GET    /_sim/truth               every payment, refund and dispute with its true status
    GET    /_sim/traffic             every request received, to look for what should never have been sent
    GET    /_sim/webhooks            how many notifications wait and how many were delivered
    POST   /_sim/faults              {"operation", "fault", "times"?, "seconds"?}; GET lists, DELETE disarms
    POST   /_sim/outage              {"seconds"}: nobody listens here for so long, and no notification leaves
    POST   /_sim/settle              {"date"}: make that day's settlement available now
    POST   /_sim/settlement-faults   {"date", "fault", "payment"?}: plant a fault in that day's settlement
    POST   /_sim/dashboard-refund    {"payment", "amount_minor"?}: a refund made in the provider's console
    POST   /_sim/refunds/<id>        {"status": "succeeded"|"failed"}: what becomes of a refund, also afterwards
    POST   /_sim/disputes            {"payment", "amount_minor"?}: the payer's bank takes money back
    POST   /_sim/disputes/<id>       {"status": "won"|"lost"}

"payment" is our payment id or the provider's; <id> is the provider's, or ours for a refund.
"""

from collections import deque
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, jsonify, request

from providers.simulation import settlement
from providers.simulation.bank import Bank, NotPossible
from providers.simulation.books import Document
from providers.simulation.faults import FAULTS, Fault
from providers.simulation.webhooks import waits

_TRAFFIC_KEPT = 50_000
_SECRET_HEADERS = ("authorization",)


def app_for(bank: Bank) -> Flask:
    """The simulator as a Flask app: the provider's endpoints and the controls."""
    app = Flask(f"providers.{bank.name}", static_folder=None)
    app.extensions["bank"] = bank
    traffic: deque[Mapping[str, Any]] = deque(maxlen=_TRAFFIC_KEPT)

    @app.before_request
    def record() -> None:
        if not request.path.startswith("/_sim/"):
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _SECRET_HEADERS}
            body = request.get_data(cache=True).decode(errors="replace")
            traffic.append({"method": request.method, "url": request.url, "headers": headers, "body": body})

    @app.errorhandler(NotPossible)
    def refused(fault: NotPossible) -> Response:
        return _json({"error": {"code": "not_possible", "message": str(fault)}}, 409)

    app.add_url_rule("/_sim/traffic", view_func=lambda: jsonify({"data": list(traffic)}), endpoint="traffic")
    _state(app, bank)
    _faults(app, bank)
    _settlement(app, bank)
    _money(app, bank)
    bank.routes(app)
    return app


def _state(app: Flask, bank: Bank) -> None:
    @app.get("/_sim/health")
    def health() -> Response:
        today = datetime.now(ZoneInfo(bank.capabilities.time_zone)).date()
        return jsonify(
            {
                "provider": bank.name,
                "business_date": today.isoformat(),
                "refunds": bank.refunds,
                "lands_in_bank": bank.capabilities.lands_in_bank,
            }
        )

    @app.get("/_sim/outcomes")
    def outcomes() -> Response:
        return jsonify(
            {name: {"label": o.label, "ends": o.ends, "told": o.told or o.ends} for name, o in bank.outcomes.items()}
        )

    @app.get("/_sim/truth")
    def truth() -> Response:
        return jsonify(_truth(bank))

    @app.get("/_sim/webhooks")
    def webhooks() -> Response:
        known = bank.books.all("webhook")
        return jsonify({"waiting": sum(map(waits, known)), "delivered": sum(one["delivered"] for one in known)})


def _faults(app: Flask, bank: Bank) -> None:
    @app.post("/_sim/faults")
    def arm() -> Response:
        fields = _fields()
        fault = Fault(str(fields.get("operation")), str(fields.get("fault")), _positive(fields, "seconds", 60))
        known = FAULTS.get(fault.operation, ())
        if fault.name not in known:
            raise NotPossible(f"operation is one of {sorted(FAULTS)}, fault one of {sorted(known)}")
        bank.board.arm(fault, _positive(fields, "times", 1))
        return armed()

    @app.get("/_sim/faults")
    def armed() -> Response:
        return jsonify({"data": [{"operation": f.operation, "fault": f.name} for f in bank.board.armed()]})

    @app.post("/_sim/outage")
    def outage() -> Response:
        seconds = _positive(_fields(), "seconds", 60)
        app.extensions["outage"](seconds)
        return jsonify({"seconds": seconds})

    @app.delete("/_sim/faults")
    def disarm() -> Response:
        bank.board.clear()
        return armed()


def _settlement(app: Flask, bank: Bank) -> None:
    @app.post("/_sim/settle")
    def settle() -> Response:
        day = _date(_fields())
        batches = settlement.settle(bank, day)
        totals = [
            {"id": b["id"], "currency": b["currency"], "lines": len(b["lines"]), "net_minor": settlement.total_minor(b)}
            for b in batches
        ]
        return jsonify({"batches": totals, "faults": settlement.planted_faults(bank, day)})

    @app.post("/_sim/settlement-faults")
    def plant() -> Response:
        fields = _fields()
        return jsonify(settlement.plant(bank, _date(fields), str(fields.get("fault")), fields.get("payment")))


def _money(app: Flask, bank: Bank) -> None:
    @app.post("/_sim/dashboard-refund")
    def dashboard_refund() -> Response:
        fields = _fields()
        with bank.change() as change:
            payment = _payment(bank, fields)
            amount = _positive(fields, "amount_minor", payment["amount_minor"])
            return jsonify(bank.refunded(change, payment, amount, refund_id=None, transaction_id=None))

    @app.post("/_sim/refunds/<refund_id>")
    def move_refund(refund_id: str) -> Response:
        status = str(_fields().get("status"))
        with bank.change() as change:
            refund = bank.books.get("refund", refund_id) or bank.books.find("refund", refund_id=refund_id)
            if refund is None or status not in ("succeeded", "failed") or refund["status"] in (status, "failed"):
                raise NotPossible("a known refund becomes succeeded or failed")
            return jsonify(bank.refund_moved(change, refund, status))

    @app.post("/_sim/disputes")
    def dispute() -> Response:
        fields = _fields()
        with bank.change() as change:
            payment = _payment(bank, fields)
            amount = _positive(fields, "amount_minor", payment["amount_minor"])
            return jsonify(bank.disputed(change, payment, amount))

    @app.post("/_sim/disputes/<dispute_id>")
    def close_dispute(dispute_id: str) -> Response:
        with bank.change() as change:
            found = bank.books.get("dispute", dispute_id)
            if found is None:
                raise NotPossible("there is no such dispute")
            return jsonify(bank.dispute_closed(change, found, str(_fields().get("status"))))


def _truth(bank: Bank) -> dict[str, Any]:
    with bank.change() as change:
        payments = [bank.current(change, payment["id"]) for payment in bank.books.all("payment")]
    names = ("id", "payment_id", "reference", "amount_minor", "currency", "status", "transactions")
    return {
        "payments": [{name: payment[name] for name in names} for payment in payments],
        "refunds": bank.books.all("refund"),
        "disputes": bank.books.all("dispute"),
    }


def _payment(bank: Bank, fields: Mapping[str, Any]) -> Document:
    wanted = fields.get("payment")
    found = bank.books.get("payment", str(wanted)) or bank.books.find("payment", payment_id=wanted)
    if found is None:
        raise NotPossible("there is no such payment")
    return found


def _fields() -> Mapping[str, Any]:
    fields = request.get_json(silent=True)
    if not isinstance(fields, dict):
        raise NotPossible("the body is not a JSON object")
    return fields


def _date(fields: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(str(fields.get("date")))
    except ValueError:
        raise NotPossible("date is not YYYY-MM-DD") from None


def _positive(fields: Mapping[str, Any], name: str, default: int) -> int:
    value = fields.get(name, default)
    if type(value) is not int or value < 1:
        raise NotPossible(f"{name} is not a whole number above 0")
    return value


def _json(value: Any, status: int) -> Response:
    answer = jsonify(value)
    answer.status_code = status
    return answer
