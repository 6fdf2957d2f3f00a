"""Taking values out of a decoded answer or notification without trusting its shape.

Whoever decodes catches Unreadable in one place and says what it means there: OutcomeUnknown for an answer, a malformed
notification for a webhook. Messages name the field, never its value, which may be somebody's name.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money


class Unreadable(Exception):
    """The message lacks something it must have, or has it in another form than agreed."""


def decoded(body: bytes) -> Mapping[str, Any]:
    """The JSON object in `body`. Raises Unreadable, also for a name that comes twice: readers would not agree which of
    the two counts."""
    try:
        value = json.loads(body, parse_constant=_refused, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{name} is not a text")
    return value


def optional_text(data: Mapping[str, Any], name: str) -> str | None:
    return None if data.get(name) is None else text(data, name)


def whole(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    if type(value) is not int:  # a bool is an int to isinstance
        raise Unreadable(f"{name} is not a whole number")
    return value


def flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool):
        raise Unreadable(f"{name} is not true or false")
    return value


def nested(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    if not isinstance(value, Mapping):
        raise Unreadable(f"{name} is not an object")
    return value


def listed(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = data.get(name)
    if not isinstance(value, list) or not all(isinstance(member, Mapping) for member in value):
        raise Unreadable(f"{name} is not a list of objects")
    return value


def money(data: Mapping[str, Any], amount: str, currency: str) -> Money:
    """Minor units under `amount` and an ISO code in either case under `currency`."""
    try:
        return Money(whole(data, amount), text(data, currency).upper())
    except GatewayError:
        raise Unreadable(f"{amount} and {currency} are not an amount of money") from None


def optional_uuid(data: Mapping[str, Any], name: str) -> UUID | None:
    """A UUID of ours that the provider hands back; None if it has none."""
    value = optional_text(data, name)
    try:
        return None if value is None else UUID(value)
    except ValueError:
        raise Unreadable(f"{name} is not a UUID") from None


def instant(data: Mapping[str, Any], name: str) -> datetime:
    """Seconds since 1970, as an aware time in UTC."""
    try:
        return datetime.fromtimestamp(whole(data, name), UTC)
    except (OverflowError, OSError, ValueError):
        raise Unreadable(f"{name} is not a time") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name comes twice")
    return members


def _refused(constant: str) -> None:
    raise ValueError(constant)
