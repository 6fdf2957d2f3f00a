"""Stripe, played over HTTP: the endpoints that we use, as strict as the real ones about keys, parameters and amounts.

Stripe keeps the webhook endpoint in its own configuration, so the runner says where notifications go.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import stripe
from flask import Flask, Response, request

from gateway.domain.payment import PaymentStatus
from providers.settings import MissingSettings, required, split
from providers.simulation import paypage, settlement
from providers.simulation.bank import OUTCOMES, UNHEARD_OF, Bank, KeyReused, NotPossible, Options, Outcome
from providers.simulation.books import Change, Document
from providers.simulation.control import app_for
from providers.simulation.faults import answer
from providers.simulation.webhooks import Notification, Sign
from providers.stripe import parameters, simulated, wire
from providers.stripe.adapter import API_KEY, WEBHOOK_SECRETS
from providers.stripe.parameters import Refused

SETTINGS = (API_KEY, WEBHOOK_SECRETS)


def create_app(options: Options) -> Flask:
    """Raises MissingSettings."""
    return app_for(Stripe(options))


class Stripe(Bank):
    name = "stripe"
    capabilities = wire.CAPABILITIES
    payable: ClassVar[frozenset[str]] = frozenset({"pending", "declined"})
    outcomes: ClassVar[Mapping[str, Outcome]] = {
        **{name: OUTCOMES[name] for name in ("succeed", "decline", "abandon", "expire", "pending")},
        **{name: OUTCOMES[name] for name in ("silent", "wrong_amount", "review")},
        # Who goes back to the shop leaves the session open.
        "cancel": Outcome("Go back", (), PaymentStatus.PENDING, "cancel_url"),
        # An expired session takes no money, so what comes late is a bank debit that was begun in time.
        "late": Outcome("Pay by a bank debit that arrives later", ("pend", "pay_late"), PaymentStatus.SUCCEEDED),
    }
    id_prefixes: ClassVar[Mapping[str, str]] = {
        "payment": "cs_sim_",
        "transaction": "pi_",
        "refund": "re_",
        "dispute": "du_",
        "movement": "txn_",
        "event": "evt_",
        "payout": "po_",
    }

    def __init__(self, options: Options) -> None:
        values = required(self.name, options.settings, SETTINGS)
        if not options.webhook_url:
            raise MissingSettings(self.name, ["webhook_url"])
        self._api_key, self._secrets = values[API_KEY], split(values[WEBHOOK_SECRETS])
        super().__init__(options)

    def signer(self) -> Sign:
        def sign(url: str, body: str, forged: bool) -> Notification:
            secret = "not-" + self._secrets[0] if forged else self._secrets[0]
            header = stripe.WebhookSignature.generate_signature_header(body, secret)
            return Notification(url, body.encode(), {wire.SIGNATURE: header})

        return sign

    def routes(self, app: Flask) -> None:
        app.register_error_handler(Refused, _refused)
        rules: Sequence[tuple[str, str, str, Callable[..., Response]]] = (
            ("POST", "/v1/checkout/sessions", "create", self._create),
            ("GET", "/v1/checkout/sessions", "query", self._list_sessions),
            ("GET", "/v1/checkout/sessions/<thing_id>", "query", self._retrieve_session),
            ("POST", "/v1/checkout/sessions/<thing_id>/expire", "cancel", self._expire_session),
            ("POST", "/v1/refunds", "refund", self._refund),
            ("GET", "/v1/refunds", "query_refund", self._list_refunds),
            ("GET", "/v1/refunds/<thing_id>", "query_refund", self._retrieve_refund),
            ("GET", "/v1/payouts", "list_settlements", self._list_payouts),
            ("GET", "/v1/balance_transactions", "read_settlement", self._list_transactions),
        )
        for method, rule, operation, view in rules:
            app.add_url_rule(rule, f"{method} {rule}", self._guarded(operation, view), methods=[method])
        page = "/c/pay/<session_id>"
        app.add_url_rule(page, "page", lambda session_id: paypage.show(self, session_id))
        app.add_url_rule(page, "submit", lambda session_id: paypage.submit(self, session_id), methods=["POST"])

    def refusals(self) -> Mapping[str, Callable[[], Response]]:
        return {
            "not_found": lambda: _refused(Refused("resource_missing", "No such thing", status=404)),
            "rejected": lambda: _refused(Refused("amount_too_small", "Amount must convert to at least 50 cents.")),
            "unauthorized": lambda: _refused(Refused("invalid_api_key", "Invalid API Key provided", status=401)),
            "conflict": lambda: _refused(Refused("idempotency_key_in_use", "Another request is under way", status=409)),
        }

    def unknown_code(self, honest: Response) -> Response:
        body = honest.get_json()
        if body["object"] == "list":
            body["data"] = [{**one, "status": UNHEARD_OF} for one in body["data"]]
        return _json({**body, "status": UNHEARD_OF})

    def batch_id(self, day: date, currency: str, number: int) -> str:
        return self.new_id("payout")

    # What is different with Stripe when the payer acts.

    def can_pay(self, payment: Document) -> bool:
        refused_debit = payment["status"] == "declined" and payment["completed"]
        return super().can_pay(payment) and not refused_debit

    def transaction_id(self, payment: Document) -> str:
        return str(payment["intent"])  # one intent a session, however often the payer tries

    def decline(self, change: Change, payment: Document) -> Document:
        return super().decline(change, change.put("payment", {**payment, "attempted": True}))

    def pend(self, change: Change, payment: Document) -> Document:
        return super().pend(change, change.put("payment", {**payment, "attempted": True, "completed": True}))

    def announce(self, change: Change, event: str, document: Document, delay_ms: int = 0) -> None:
        kind, _, status = event.partition(".")
        tell = {"payment": self._payment_events, "refund": self._refund_events, "dispute": self._dispute_events}[kind]
        for event_type, thing in tell(change, status, document):
            self._notify(change, event_type, thing, delay_ms)

    def batch_made(self, change: Change, batch: Document) -> None:
        paid_out = _payout(batch)
        self._notify(change, "payout.paid", paid_out)
        self._notify(change, "payout.reconciliation_completed", paid_out)

    def _notify(self, change: Change, event_type: str, thing: Mapping[str, Any], delay_ms: int = 0) -> None:
        event_id = self.new_id("event")
        body = json.dumps(simulated.event(event_id, event_type, thing, _now()))
        self.notify(change, event_id, self.options.webhook_url, body, delay_ms)

    def _payment_events(self, _: Change, status: str, payment: Document) -> list[tuple[str, Mapping[str, Any]]]:
        session, intent = simulated.session(payment), simulated.intent(payment)
        was_completed = payment["completed"]
        events: list[tuple[str, Mapping[str, Any]]]
        if status == "succeeded":
            first = "async_payment_succeeded" if was_completed else "completed"
            events = [(f"checkout.session.{first}", session), ("payment_intent.succeeded", intent)]
            return [*events, ("charge.succeeded", simulated.charge(payment, 0))]
        if status == "declined":
            events = [("checkout.session.async_payment_failed", session)] if was_completed else []
            return [*events, ("payment_intent.payment_failed", intent)]
        if status == "expired":
            events = [("payment_intent.canceled", intent)] if payment["attempted"] else []
            return [("checkout.session.expired", session), *events]
        return [("checkout.session.completed", session)]

    def _refund_events(self, change: Change, status: str, document: Document) -> list[tuple[str, Mapping[str, Any]]]:
        refund, payment = simulated.refund(document), change.get("payment", document["payment"])
        is_new = self.books.get("refund", document["id"]) is None
        if not is_new:
            return [("refund.updated", refund), *([("refund.failed", refund)] if status == "failed" else [])]
        if payment is None or status == "failed":
            return [("refund.created", refund), ("refund.failed", refund)]
        left = self.refundable(payment, document["transaction_id"]) - document["amount_minor"]
        paid = payment["transactions"][0]["amount_minor"]
        return [("refund.created", refund), ("charge.refunded", simulated.charge(payment, paid - left))]

    def _dispute_events(self, _: Change, status: str, document: Document) -> list[tuple[str, Mapping[str, Any]]]:
        return [(f"charge.dispute.{'created' if status == 'open' else 'closed'}", simulated.dispute(document))]

    # The endpoints.

    def _guarded(self, operation: str, view: Callable[..., Response]) -> Callable[..., Response]:
        def guarded(**parts: str) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._api_key}":
                raise Refused("invalid_api_key", "Invalid API Key provided", status=401)
            if request.headers.get("stripe-version") != wire.API_VERSION:
                raise Refused("invalid_api_version", f"This simulator speaks {wire.API_VERSION} only")
            return answer(self.board, operation, lambda: view(**parts), self.refusals(), self.unknown_code)

        return guarded

    def _create(self) -> Response:
        given = parameters.creation(request.form, _now())
        page = request.host_url + "c/pay/"

        def work(change: Change) -> tuple[int, str]:
            intent, session = self.new_id("transaction"), self.new_id("payment")
            opened: Document = {
                **given,
                "id": session,
                "url": page + session,
                "payment_id": given["metadata"].get("payment_id"),
                "intent": intent,
                "charge": "ch_" + intent.removeprefix("pi_"),
                "status": "pending",
                "code": "",
                "attempted": False,
                "completed": False,
                "transactions": [],
                "created": _now(),
                "updated": _now(),
            }
            return 200, json.dumps(simulated.session(change.put("payment", opened)))

        return self._once(work)

    def _list_sessions(self) -> Response:
        given = parameters.listing(request.args, ("created[gte]", "created[lte]"), parameters.SESSION_EXPANDS)
        since, until = given.at("created[gte]", 0), given.at("created[lte]", _now())
        with self.change() as change:
            payments = [self.current(change, payment["id"]) for payment in self.books.all("payment")]
        found = [simulated.session(p, given.expand) for p in payments if since <= p["created"] <= until]
        return _page("/v1/checkout/sessions", found, given)

    def _retrieve_session(self, thing_id: str) -> Response:
        given = parameters.listing(request.args, (), parameters.SESSION_EXPANDS)
        with self.change() as change:
            payment = self.current(change, self._known("payment", thing_id)["id"])
        return _json(simulated.session(payment, given.expand))

    def _expire_session(self, thing_id: str) -> Response:
        with self.change() as change:
            payment = self.current(change, self._known("payment", thing_id)["id"])
            if simulated.session_status(payment)[0] != "open":
                raise Refused("", "Only Checkout Sessions with a status in [open] can be expired.")
            payment = self.expire(change, payment)
        return _json(simulated.session(payment))

    def _refund(self) -> Response:
        given = parameters.refund(request.form)

        def work(change: Change) -> tuple[int, str]:
            payment = self.paid_by(given["payment_intent"])
            if payment is None:
                raise Refused("resource_missing", "No such payment_intent, or it has no successful charge", status=404)
            try:
                refund = self.refunded(
                    change,
                    payment,
                    given["amount"],
                    refund_id=given["metadata"].get("refund_id"),
                    transaction_id=given["payment_intent"],
                )
            except NotPossible:
                raise Refused("charge_already_refunded", "More than the charge has left") from None
            return 200, json.dumps(simulated.refund(refund))

        return self._once(work)

    def _list_refunds(self) -> Response:
        given = parameters.listing(request.args, ("payment_intent",), frozenset())
        wanted = request.args.get("payment_intent")
        refunds = [r for r in self.books.all("refund") if wanted in (None, r["transaction_id"])]
        return _page("/v1/refunds", [simulated.refund(refund) for refund in refunds], given)

    def _retrieve_refund(self, thing_id: str) -> Response:
        return _json(simulated.refund(self._known("refund", thing_id)))

    def _list_payouts(self) -> Response:
        given = parameters.listing(request.args, ("arrival_date[gte]", "arrival_date[lte]", "status"), frozenset())
        since, until = given.at("arrival_date[gte]", 0), given.at("arrival_date[lte]", 2**40)
        settlement.settle_past_days(self)
        payouts = [_payout(batch) for batch in self.books.all("batch")]
        return _page("/v1/payouts", [p for p in payouts if since <= p["arrival_date"] <= until], given)

    def _list_transactions(self) -> Response:
        given = parameters.listing(request.args, ("payout",), frozenset({"source"}))
        batch = self._known("batch", request.args.get("payout", ""))
        expanded = "source" in given.expand
        lines = [simulated.balance_transaction(line, expanded=expanded) for line in batch["lines"]]
        own = simulated.payout_transaction(_payout(batch))
        return _page("/v1/balance_transactions", [*reversed(lines), own], given)

    def _known(self, kind: str, thing_id: str) -> Document:
        found = self.books.get(kind, thing_id)
        if found is None:
            raise Refused("resource_missing", f"No such {kind}: '{thing_id}'", status=404)
        return found

    def _once(self, work: Callable[[Change], tuple[int, str]]) -> Response:
        key = request.headers.get("idempotency-key", "")
        try:
            status, body = self.once(key, request.path.encode() + b"?" + request.get_data(cache=True), work)
        except KeyReused:
            reused = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise Refused("", reused, error_type="idempotency_error") from None
        return Response(body, status, content_type="application/json")


def _payout(batch: Document) -> dict[str, Any]:
    arrival = int(datetime.fromisoformat(batch["date"]).replace(tzinfo=UTC).timestamp())
    return simulated.payout(batch, settlement.total_minor(batch), arrival)


def _page(url: str, oldest_first: list[dict[str, Any]], given: parameters.Listing) -> Response:
    """Newest first, as Stripe lists."""
    newest_first = oldest_first[::-1]
    ids = [one["id"] for one in newest_first]
    begin = ids.index(given.starting_after) + 1 if given.starting_after in ids else 0
    data = newest_first[begin : begin + given.limit]
    return _json({"object": "list", "url": url, "has_more": begin + given.limit < len(ids), "data": data})


def _refused(refused: Refused) -> Response:
    error = {"type": refused.error_type, "message": re.sub(r"\s+", " ", str(refused))}
    return _json({"error": {**error, **({"code": refused.code} if refused.code else {})}}, refused.status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
