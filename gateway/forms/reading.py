"""The fields of a form, and what an address asks for. What is wrong with a form is said in messages of the catalogues;
what an address has wrong counts as not asked."""

from collections.abc import Collection
from datetime import date

from flask import request

from gateway.forms.faults import Mistyped
from gateway.services.surface import N_

LINE_MAX, TEXT_MAX = 500, 2_000
NO_DAY = N_("Give a day, like 2026-11-22.")
NO_CHOICE = N_("Choose one of these.")
TOO_LONG = N_("This is too long. Make it shorter.")


def asked(name: str) -> str | None:
    """None for nothing."""
    return _clean(request.args.get(name, "")) or None


def choice(name: str, allowed: Collection[str]) -> str | None:
    """What the address chooses; None for nothing, and for what there is not."""
    chosen = request.args.get(name, "")
    return chosen if chosen in allowed else None


def day_asked(name: str) -> date | None:
    """None for nothing, and for what is no day."""
    return _day(request.args.get(name, ""))


def typed(*names: str) -> dict[str, str]:
    """What was typed, to be shown again; without the character that no text in the database can hold."""
    return {name: _clean(request.form.get(name, "")) for name in names}


def given(name: str, longest: int = LINE_MAX) -> str:
    """Raises Mistyped if the field is blank or longer."""
    text = _clean(request.form.get(name, ""))
    if not text:
        raise Mistyped("Something is missing.", fields={name: N_("This must not stay empty.")})
    if len(text) > longest:
        raise Mistyped("Something is too long.", fields={name: TOO_LONG})
    return text


def whole(name: str, lowest: int, highest: int) -> int:
    """Raises Mistyped."""
    text = _clean(request.form.get(name, ""))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and lowest <= int(text) <= highest):
        raise Mistyped("A number is wrong.", fields={name: N_("Give a whole number within the limits that are named.")})
    return int(text)


def chosen_of(name: str, allowed: Collection[str]) -> str:
    """Raises Mistyped."""
    chosen = request.form.get(name, "")
    if chosen not in allowed:
        raise Mistyped("A choice is missing.", fields={name: NO_CHOICE})
    return chosen


def day_or_none(name: str) -> date | None:
    """None if the field is blank. Raises Mistyped."""
    return day_given(name) if _clean(request.form.get(name, "")) else None


def day_given(name: str) -> date:
    """Raises Mistyped."""
    found = _day(_clean(request.form.get(name, "")))
    if found is None:
        raise Mistyped("A day is missing.", fields={name: NO_DAY})
    return found


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
