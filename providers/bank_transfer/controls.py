"""The payer's banking app of the simulated bank, and its controls, which no real bank has.

GET|POST /transfer               what the payer does with a code or a slip; see page.py
POST   /_sim/pay-page            {"next_action"}: where the payer of a payment goes -> {"url"}
POST   /_sim/credits             {"account", "amount_minor", "text"?, "reference"?, "silent"?}: whatever may arrive
POST   /_sim/charges             {"account", "amount_minor"}: what the bank takes for its services
POST   /_sim/notify-by           {"form": "json"|"camt.054"}: how the bank tells from now on
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from providers.bank_transfer import outcomes, page, wire
from providers.bank_transfer.outcomes import Arrival
from providers.bank_transfer.schemes import expired
from providers.bank_transfer.told import credit_json
from providers.simulation.bank import NotPossible

if TYPE_CHECKING:
    from providers.bank_transfer.simulator import TransferBank


def register(app: Flask, bank: "TransferBank") -> None:
    _app(app, bank)
    _controls(app, bank)


def _app(app: Flask, bank: "TransferBank") -> None:
    labels = {name: outcome.label for name, outcome in bank.outcomes.items()}

    @app.route("/transfer", methods=["GET", "POST"])
    def transfer() -> Response:
        try:
            asked, amount = page.read(bank.scheme, request)
            if expired(asked, datetime.now(UTC), bank.zone.key):
                raise ValueError("The code has expired.")
        except ValueError as fault:
            return page.shown(bank.scheme, {}, None, str(fault), page.REFUSED)
        if request.method == "GET":
            return page.shown(bank.scheme, labels, asked)
        name = request.form.get("outcome", "")
        if name not in bank.outcomes:
            return page.shown(bank.scheme, labels, asked, "That is not on this page.", 409)
        with bank.change() as change:
            outcomes.PLAYS[name](bank, change, page.Order(asked.account, asked.reference, asked.structured, amount))
        return page.done(request.args.get("return_url") or f"{request.host_url}transfer/done")

    @app.get("/transfer/done")
    def done() -> Response:
        return page.shown(bank.scheme, {}, None, "Done. You can close this page.")


def _controls(app: Flask, bank: "TransferBank") -> None:
    @app.post("/_sim/pay-page")
    def pay_page() -> Response:
        action = _fields().get("next_action")
        if not isinstance(action, Mapping):
            raise NotPossible("next_action is not an object")
        try:
            return _json({"url": page.address(request.host_url, bank.scheme, action)})
        except ValueError as fault:
            raise NotPossible(str(fault)) from None

    @app.post("/_sim/credits")
    def inject() -> Response:
        fields = _fields()
        account, amount_minor = _account_and_amount(fields)
        text, reference = (str(fields.get(name) or "") for name in ("text", "reference"))
        with bank.change() as change:
            arrival = Arrival(account, amount_minor, text, reference)
            credit = bank.credited(change, arrival, tell=not fields.get("silent", False))
        return _json(credit_json(bank, credit), 201)

    @app.post("/_sim/charges")
    def charge() -> Response:
        account, amount_minor = _account_and_amount(_fields())
        with bank.change() as change:
            return _json(bank.charged(change, account, amount_minor), 201)

    @app.post("/_sim/notify-by")
    def notify_by() -> Response:
        form = _fields().get("form")
        if form not in ("json", wire.CAMT):
            raise NotPossible(f"form is json or {wire.CAMT}")
        bank.notifies = form
        return _json({"form": form})


def _account_and_amount(fields: Mapping[str, Any]) -> tuple[str, int]:
    account, amount_minor = fields.get("account"), fields.get("amount_minor")
    if not isinstance(account, str) or not account or type(amount_minor) is not int or amount_minor < 1:
        raise NotPossible("an account and an amount_minor above 0 are needed")
    return account, amount_minor


def _fields() -> Mapping[str, Any]:
    fields = request.get_json(silent=True)
    if not isinstance(fields, dict):
        raise NotPossible("the body is not a JSON object")
    return fields


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
