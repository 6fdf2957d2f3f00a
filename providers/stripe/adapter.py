"""Stripe behind the provider port, by hosted Checkout Sessions.

A payment's provider_payment_id is its session (cs_...), its provider_transaction_id the payment intent (pi_...). An
open session lets the payer try again after a decline: it is reported declined and can still turn into a success, so
whoever gives a declined payment up cancels it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar

import httpx

from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    CreatePayment,
    NotFound,
    NotSent,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RawRequest,
    Redirect,
    RefundCommand,
    RefundObservation,
    RefundOutcome,
    RefundRef,
    Rejected,
    RejectionReason,
    Reply,
    SettlementLine,
    SettlementWindow,
    Unsupported,
    Verified,
    WebhookRejected,
)
from providers.plain_text import plain
from providers.reading import Unreadable, decoded, text
from providers.settings import base_url, required, split
from providers.stripe import settlement, wire
from providers.stripe.client import NO_SUCH_THING, Client
from providers.transport import TIMEOUT

T = TypeVar("T")

API_KEY = "GATEWAY_STRIPE_API_KEY"
WEBHOOK_SECRETS = "GATEWAY_STRIPE_WEBHOOK_SECRETS"
API_BASE = "GATEWAY_STRIPE_API_BASE"

_CLOCKS_DIFFER = timedelta(minutes=5)
_MINIMUM = timedelta(minutes=30)
"""Stripe refuses a session that would expire sooner after it is created."""

_SHORTEST, _LONGEST = _MINIMUM + _CLOCKS_DIFFER, wire.CAPABILITIES.payment_lifetime
"""What we ask for, after our own time of creation. The longest bounds the search for a session of unknown id."""

_PAGE = 100  # the most that Stripe lists at once
_PAID_AT = "payment_intent.latest_charge"
_ACK: Mapping[AckResult, int] = {AckResult.RETRY: 503, AckResult.REJECTED: 400}
"""Everything else is 200: the event is durable, and Stripe must not send it again."""


def build(environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "StripeProvider":
    """Raises MissingSettings or UnusableSetting. The API base is set only for a simulator."""
    names = (API_KEY, WEBHOOK_SECRETS, *((API_BASE,) if API_BASE in environment else ()))
    values = required(StripeProvider.name, environment, names)
    base = base_url(StripeProvider.name, values, API_BASE) if API_BASE in values else None
    return StripeProvider(values[API_KEY], split(values[WEBHOOK_SECRETS]), base, timeout)


class StripeProvider:
    name: Final = "stripe"
    titles: Mapping[str, str] = {"vi": "Thẻ quốc tế (Stripe)", "en": "Card (Stripe)"}
    capabilities: Capabilities = wire.CAPABILITIES

    def __init__(
        self,
        api_key: str,
        webhook_secrets: Sequence[str],
        api_base: str | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._secrets = tuple(webhook_secrets)
        self._client = Client(api_key, api_base.rstrip("/") if api_base else None, timeout)

    def close(self) -> None:
        self._client.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        _check_amount(command)
        params, options = _creation(command), {"idempotency_key": command.idempotency_key}
        session = self._client.ask(lambda: self._client.api.checkout.sessions.create(params, options))
        return _readable(_outcome, session)

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        session = self._found(ref)
        return NotFound() if session is None else _observed(session)

    def cancel_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        session = self._found(ref)
        if session is None:
            return NotFound()
        if session.get("status") == "open":
            session_id = _readable(text, session, "id")
            # Refused if it was completed or expired a moment ago: asking again says which.
            with suppress(Rejected):
                self._client.ask(lambda: self._client.api.checkout.sessions.expire(session_id))
            session = self._session(session_id)
        return _observed(session)

    def refund(self, command: RefundCommand) -> RefundOutcome:
        _check_decimals(command.amount.currency, command.amount.amount_minor)
        params = {
            "payment_intent": self._intent_of(command.payment),
            "amount": command.amount.amount_minor,
            "metadata": {"refund_id": str(command.refund_id), "payment_id": str(command.payment.payment_id)},
        }
        options = {"idempotency_key": command.idempotency_key}
        refund = self._client.ask(lambda: self._client.api.refunds.create(params, options))
        return _readable(_refund_outcome, refund)

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        """By its id, or among the refunds of the payment by our own if the answer was lost."""
        refund = _queried(lambda: self._refund(ref))
        return NotFound() if refund is None else _readable(wire.refund_observation, refund, datetime.now(UTC))

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        wire.check_signature(request.headers.get(wire.SIGNATURE, ""), self._secrets, request.body, now)
        try:
            event = wire.kept(decoded(request.body))
            wire.observations(event)  # whatever is verified can be parsed
            return Verified(text(event, "id"), text(event, "type"), event)
        except Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None

    def parse(self, verified: Verified) -> Sequence[Observation]:
        return wire.observations(verified.payload)

    def ack(self, result: AckResult) -> Reply:
        return Reply(_ACK.get(result, 200), json.dumps({"result": result.value}).encode())

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        """The payouts that arrive in the window and are reported in full. Stripe itemises automatic payouts only, so
        reading another raises OutcomeUnknown. Raises NotSent, RateLimited or OutcomeUnknown."""
        arrival = {"gte": _midnight(window.first), "lte": _midnight(window.last)}
        params = {"arrival_date": arrival, "status": "paid", "limit": _PAGE}
        payouts = list(self._client.every(lambda: self._client.api.payouts.list(params)))
        return [_readable(settlement.batch, payout) for payout in payouts if settlement.is_reported(payout)]

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        """Raises NotSent, RateLimited or OutcomeUnknown."""
        params = {"payout": batch.id, "limit": _PAGE, "expand": ["data.source"]}
        for transaction in self._client.every(lambda: self._client.api.balance_transactions.list(params)):
            line = _readable(settlement.line, transaction)
            if line is not None:
                yield line

    def _found(self, ref: PaymentRef) -> dict[str, Any] | None:
        """By the session's id, or by our own if the answer to its creation was lost."""
        session_id = ref.provider_payment_id
        return _queried(lambda: self._searched(ref) if session_id is None else self._session(session_id))

    def _session(self, session_id: str) -> dict[str, Any]:
        params = {"expand": [_PAID_AT]}
        return self._client.ask(lambda: self._client.api.checkout.sessions.retrieve(session_id, params))

    def _searched(self, ref: PaymentRef) -> dict[str, Any] | None:
        """Stripe finds no session by client_reference_id, its search lags behind, and a session has no intent to search
        for until somebody pays. So all sessions are listed that were created while this one can have been: after its
        latest expiry less Stripe's minimum, its creation was refused."""
        begin = ref.created_at - _CLOCKS_DIFFER
        end = ref.created_at + _LONGEST - _MINIMUM + _CLOCKS_DIFFER
        params = {
            "created": {"gte": int(begin.timestamp()), "lte": int(end.timestamp())},
            "limit": _PAGE,
            "expand": [f"data.{_PAID_AT}"],
        }
        sessions = self._client.every(lambda: self._client.api.checkout.sessions.list(params))
        ours = str(ref.payment_id)
        return next((session for session in sessions if session.get("client_reference_id") == ours), None)

    def _refund(self, ref: RefundRef) -> dict[str, Any] | None:
        """By its id, or among the refunds of the payment by our own if the answer was lost."""
        refund_id = ref.provider_refund_id
        if refund_id is not None:
            return self._client.ask(lambda: self._client.api.refunds.retrieve(refund_id))
        params = {"payment_intent": self._intent_of(ref.command.payment), "limit": _PAGE}
        refunds = self._client.every(lambda: self._client.api.refunds.list(params))
        ours = str(ref.command.refund_id)
        return next((refund for refund in refunds if (refund.get("metadata") or {}).get("refund_id") == ours), None)

    def _intent_of(self, payment: PaymentRef) -> str:
        """What is refunded. Raises NotSent if it has to be asked for and the answer does not come."""
        if payment.provider_transaction_id is not None:
            return payment.provider_transaction_id
        try:
            seen = self.query_payment(payment)
        except OutcomeUnknown as lost:
            code = lost.code
        else:
            if isinstance(seen, NotFound) or seen.provider_transaction_id is None:
                raise Rejected("this payment was never paid", code=NO_SUCH_THING)
            return seen.provider_transaction_id
        raise NotSent("the payment to refund could not be looked up", code=code)


def _creation(command: CreatePayment) -> dict[str, Any]:
    ours = {"payment_id": str(command.payment_id), "reference": command.reference}
    expires_at = min(max(command.expires_at, command.created_at + _SHORTEST), command.created_at + _LONGEST)
    price = {
        "currency": command.amount.currency.lower(),
        "unit_amount": command.amount.amount_minor,
        "product_data": {"name": plain(command.title)},
    }
    return {
        "mode": "payment",
        "client_reference_id": str(command.payment_id),
        "metadata": ours,
        "payment_intent_data": {"metadata": ours},
        "line_items": [{"quantity": 1, "price_data": price}],
        "adaptive_pricing": {"enabled": False},  # the fee is charged in its own currency
        "success_url": command.return_url,
        "cancel_url": command.cancel_url,
        "locale": command.locale,
        "expires_at": int(expires_at.timestamp()),
    }


def _check_amount(command: CreatePayment) -> None:
    currency = command.amount.currency
    if currency not in wire.CAPABILITIES.currencies:
        raise Unsupported(f"Stripe is not set up for {currency}", code="unsupported_currency")
    _check_decimals(currency, command.amount.amount_minor)


def _check_decimals(currency: str, amount_minor: int) -> None:
    if currency in wire.THREE_DECIMALS and amount_minor % 10:
        raise Unsupported(f"Stripe takes {currency} to two decimals only", code="too_many_decimals")


def _outcome(session: Mapping[str, Any]) -> PaymentOutcome:
    seen = wire.session_observation(session, datetime.now(UTC))
    url = session.get("url")
    action = Redirect(url) if isinstance(url, str) else None
    return PaymentOutcome(seen.status, seen.provider_payment_id, action, seen.code)


def _refund_outcome(refund: Mapping[str, Any]) -> RefundOutcome:
    seen = wire.refund_observation(refund, datetime.now(UTC))
    return RefundOutcome(seen.status, seen.provider_refund_id, seen.code)


def _observed(session: Mapping[str, Any]) -> PaymentObservation:
    return _readable(wire.session_observation, session, datetime.now(UTC))


def _queried(call: Callable[[], T]) -> T | None:
    """None if Stripe says that there is no such thing. Any other refusal of a query says nothing about the payment."""
    try:
        return call()
    except Rejected as refused:
        code = refused.code
    if code == NO_SUCH_THING:
        return None
    raise OutcomeUnknown(f"Stripe refused to answer: {code}", code=code, answered=True)


def _readable(read: Callable[..., T], *values: Any) -> T:
    """What `read` makes of an answer. Raises OutcomeUnknown if it cannot be read."""
    try:
        return read(*values)
    except Unreadable as fault:
        reason = str(fault)
    raise OutcomeUnknown(f"the answer cannot be read: {reason}", code="unreadable")


def _midnight(day: date) -> int:
    """Stripe dates an arrival at midnight UTC."""
    return int(datetime.combine(day, time.min, UTC).timestamp())
