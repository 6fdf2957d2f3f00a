"""What an address or a form says, and what is wrong with it."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict

from gateway.domain.errors import Conflict, Invalid
from gateway.services.cursors import decode_cursor, encode_cursor
from gateway.services.surface import N_

TEXT_MAX = 2_000
NAME_MAX = 200
NUL = "\0"


class ShownIsOld(Conflict):
    """What the officer saw before pressing the button is not what is there now."""

    code = "shown_is_old"


def asked() -> MultiDict[str, str]:
    return request.args


def choice(name: str, allowed: Collection[str]) -> str | None:
    """What the address chooses; None for nothing, and for what there is not."""
    chosen = asked().get(name, "")
    return chosen if chosen in allowed else None


def text_asked(name: str) -> str | None:
    """What the address says; None for nothing."""
    return asked().get(name, "").replace(NUL, "").strip() or None


def day_asked(name: str) -> date | None:
    return _day(asked().get(name, ""))


def day_given(name: str) -> date:
    """Raises Invalid."""
    found = _day(request.form.get(name, ""))
    if found is None:
        raise Invalid("A day is missing.", fields={name: N_("Give a day, like 2026-11-22.")})
    return found


def text_given(name: str, longest: int = TEXT_MAX) -> str:
    """Raises Invalid if it is blank or longer."""
    given = typed(name)[name]
    if not given:
        raise Invalid("Something is missing.", fields={name: N_("This must not stay empty.")})
    if len(given) > longest:
        raise Invalid("Something is too long.", fields={name: N_("This is too long. Make it shorter.")})
    return given


def chosen_of(name: str, allowed: Collection[str]) -> str:
    """Raises Invalid."""
    given = request.form.get(name, "")
    if given not in allowed:
        raise Invalid("A choice is missing.", fields={name: N_("Choose one of these.")})
    return given


def typed(*names: str) -> dict[str, str]:
    """What was typed, to be shown again; without the character that no text in the database can hold."""
    return {name: request.form.get(name, "").replace(NUL, "").strip() for name in names}


def place(kind: str, *types: type[str] | type[int]) -> list[Any] | None:
    """Where a list goes on. Raises Invalid."""
    cursor = asked().get("after")
    return decode_cursor(kind, cursor, *types) if cursor else None


def following(kind: str, *parts: str | int) -> str:
    """The address of the page after the one that ends at `parts`; its filters stay."""
    return with_cursor(encode_cursor(kind, *parts))


def with_cursor(cursor: str) -> str:
    return "?" + urlencode({**asked().to_dict(), "after": cursor})


def digest_of(shown: Iterable[object]) -> str:
    """Proves that what is decided on is what was shown."""
    return hashlib.sha256("\n".join(map(str, shown)).encode()).hexdigest()[:32]


def check_shown(now: Iterable[object]) -> None:
    """Raises ShownIsOld unless the form was made for this."""
    if request.form.get("shown") != digest_of(now):
        raise ShownIsOld(N_("This has changed since you opened the page. Look at it again before you decide."))


def once_key() -> str | None:
    """Names what this form asks for: the same form with the same content, sent again, does its work once. None if the
    page gave the form no name."""
    fields = {name: given for name, given in request.form.items() if name != "form"}
    if not fields.get("once"):
        return None
    return digest_of([request.path, *(f"{len(given)} {name}={given}" for name, given in sorted(fields.items()))])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
