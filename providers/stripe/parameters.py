"""The parameters that Stripe's endpoints take from us, checked as strictly as Stripe checks them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from providers.stripe import wire

_ITEM = "line_items[0]"
_CURRENCY, _AMOUNT = f"{_ITEM}[price_data][currency]", f"{_ITEM}[price_data][unit_amount]"
_NAME = f"{_ITEM}[price_data][product_data][name]"
_CREATION_NEEDED = frozenset({"mode", f"{_ITEM}[quantity]", _CURRENCY, _AMOUNT, _NAME, "success_url"})
_CREATION_KNOWN = _CREATION_NEEDED | {
    "client_reference_id",
    "cancel_url",
    "locale",
    "expires_at",
    "adaptive_pricing[enabled]",
}
_METADATA = re.compile(r"(?:payment_intent_data\[metadata]|metadata)\[[a-z_]{1,40}]")
_SOONEST_S, _LATEST_S = 30 * 60, 24 * 60 * 60

SESSION_EXPANDS = frozenset({"payment_intent", "payment_intent.latest_charge"})


class Refused(Exception):
    def __init__(
        self, code: str, message: str = "", *, status: int = 400, error_type: str = "invalid_request_error"
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status
        self.error_type = error_type


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list or a retrieval was asked with."""

    times: Mapping[str, int]
    expand: frozenset[str]
    limit: int
    starting_after: str

    def at(self, name: str, otherwise: int) -> int:
        return self.times.get(name, otherwise)


def creation(form: Mapping[str, str], now: int) -> dict[str, Any]:
    """A Checkout Session's parameters as the books keep them. Raises Refused."""
    _check_names(form, _CREATION_NEEDED, _CREATION_KNOWN)
    currency, amount = form[_CURRENCY], _whole(form, _AMOUNT)
    if form["mode"] != "payment" or form[f"{_ITEM}[quantity]"] != "1":
        raise Refused("parameter_invalid", "This simulator plays payments of one item")
    if currency != currency.lower() or currency.upper() not in wire.CAPABILITIES.currencies:
        raise Refused("parameter_invalid", f"Invalid currency: {currency}")
    if not wire.CAPABILITIES.minimum_minor.get(currency.upper(), 1) <= amount:
        raise Refused("amount_too_small", "The amount is below the minimum")
    if amount > wire.CAPABILITIES.maximum_minor[currency.upper()]:
        raise Refused("amount_too_large", "The amount has more than eight digits")
    if currency.upper() in wire.THREE_DECIMALS and amount % 10:
        raise Refused("parameter_invalid", "The last digit of a three-decimal amount must be 0")
    expires_at = _whole(form, "expires_at") if "expires_at" in form else now + _LATEST_S
    if not now + _SOONEST_S <= expires_at <= now + _LATEST_S:
        raise Refused("parameter_invalid", "expires_at must be between 30 minutes and 24 hours from now")
    for name in ("success_url", "cancel_url"):
        if not form.get(name, "https://").startswith(("https://", "http://")):
            raise Refused("url_invalid", f"{name} is not a URL")
    return {
        "amount_minor": amount,
        "currency": currency.upper(),
        "title": form[_NAME],
        "reference": form.get("metadata[reference]"),
        "client_reference_id": form.get("client_reference_id"),
        "metadata": _metadata(form, "metadata"),
        "intent_metadata": _metadata(form, "payment_intent_data[metadata]"),
        "return_url": form["success_url"],
        "cancel_url": form.get("cancel_url"),
        "locale": form.get("locale"),
        "expires": expires_at,
    }


def refund(form: Mapping[str, str]) -> dict[str, Any]:
    """Raises Refused."""
    needed = frozenset({"payment_intent", "amount"})
    _check_names(form, needed, needed)
    return {
        "payment_intent": form["payment_intent"],
        "amount": _whole(form, "amount"),
        "metadata": _metadata(form, "metadata"),
    }


def listing(arguments: Mapping[str, str], filters: Collection[str], expands: Collection[str]) -> Listing:
    """Raises Refused."""
    expand = {value.removeprefix("data.") for name, value in arguments.items() if name.startswith("expand[")}
    plain = {name: value for name, value in arguments.items() if not name.startswith("expand[")}
    if not expand <= set(expands):
        raise Refused("parameter_invalid", f"This property cannot be expanded: {', '.join(expand - set(expands))}")
    _check_names(plain, frozenset(), frozenset({*filters, "limit", "starting_after"}))
    limit = _whole(plain, "limit") if "limit" in plain else 10
    if not 1 <= limit <= 100:
        raise Refused("parameter_invalid", "limit is between 1 and 100")
    # Expanding what lies within an object expands the object.
    within = frozenset(".".join(path.split(".")[:depth]) for path in expand for depth in (1, 2))
    times = {name: _whole(plain, name) for name in plain if name.endswith(("[gte]", "[lte]"))}
    return Listing(times, within, limit, plain.get("starting_after", ""))


def _check_names(given: Mapping[str, str], needed: frozenset[str], known: frozenset[str]) -> None:
    for name, value in given.items():
        if name not in known and not _METADATA.fullmatch(name):
            raise Refused("parameter_unknown", f"Received unknown parameter: {name}")
        if not value or len(value) > 5_000 or (_METADATA.fullmatch(name) and len(value) > 500):
            raise Refused("parameter_invalid_empty", f"{name} is empty or too long")
    missing = needed - set(given)
    if missing:
        raise Refused("parameter_missing", f"Missing required param: {', '.join(sorted(missing))}")


def _metadata(given: Mapping[str, str], name: str) -> dict[str, str]:
    prefix = f"{name}["
    return {key[len(prefix) : -1]: value for key, value in given.items() if key.startswith(prefix)}


def _whole(given: Mapping[str, str], name: str) -> int:
    value = given[name]
    if not re.fullmatch(r"-?\d{1,18}", value) or int(value) < 1:
        raise Refused("parameter_invalid_integer", f"Invalid integer: {name}")
    return int(value)
