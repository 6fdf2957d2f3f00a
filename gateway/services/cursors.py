"""Cursors: where a list goes on. Opaque to callers, so that how a list is ordered can change."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from gateway.domain.errors import Invalid

Part = str | int
ID_MAX = 2**63 - 1


def encode_cursor(kind: str, *parts: Part) -> str:
    """A cursor into a list of this `kind`, which is part of it, so that it cannot be used for another list."""
    return urlsafe_b64encode(json.dumps([kind, *parts], separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str, *types: type[Part]) -> list[Any]:
    """The parts of the cursor, which are of these `types`. Raises Invalid for what is no cursor of this list."""
    try:
        decoded = json.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, list) or [type(part) for part in decoded] != [str, *types] or decoded[0] != kind:
        raise invalid_cursor()
    if any(isinstance(part, int) and not 0 <= part <= ID_MAX for part in decoded):
        raise invalid_cursor()
    return decoded[1:]


def invalid_cursor() -> Invalid:
    return Invalid("This is not a cursor of this list.", fields={"after": "is not a cursor of this list"})
