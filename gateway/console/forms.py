"""What an address or a form says and what is wrong with it; and forms that do their work once, however often sent."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from uuid import uuid4

from flask import request

from gateway.domain.errors import GatewayError, Invalid
from gateway.services.idempotency import Answer, Request, answer_once
from gateway.services.runtime import Caller, Runtime
from gateway.services.surface import N_

TEXT_MAX = 500
ONCE = "once"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, to be shown again, and what is wrong with it by field; "" is the whole. `once` names this form:
    sending it twice does the work once."""

    typed: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    once: str = field(default_factory=lambda: str(uuid4()))

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")


def refused(error: GatewayError) -> Form:
    """The form that was sent, with what is wrong."""
    sent = {name: value for name, value in request.form.items() if name != "form"}
    return Form(sent, error.fields or {"": error.detail})


def given(name: str, longest: int = TEXT_MAX) -> str:
    """Raises Invalid if the field is blank, too long, or holds what cannot be stored."""
    text = request.form.get(name, "").strip()
    if not text:
        raise Invalid("Something is missing.", fields={name: N_("This must not stay empty.")})
    if len(text) > longest:
        raise Invalid("Something is too long.", fields={name: N_("This is too long. Make it shorter.")})
    if "\0" in text:
        raise Invalid("Something cannot be stored.", fields={name: N_("This holds a character that cannot be stored.")})
    return text


def whole(name: str, lowest: int, highest: int) -> int:
    """Raises Invalid."""
    text = request.form.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and lowest <= int(text) <= highest):
        raise Invalid("A number is wrong.", fields={name: N_("Give a whole number within the limits that are named.")})
    return int(text)


def day_asked(name: str) -> date | None:
    """What the address says; None for nothing, and for what is no day."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def day_given(name: str) -> date | None:
    """None if the field is blank. Raises Invalid."""
    text = request.form.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("A day is wrong.", fields={name: N_("Give a day, like 2026-11-22.")}) from None


def asked(name: str) -> str | None:
    """What the address says; None for nothing."""
    return request.args.get(name, "").strip().replace("\0", "") or None


def once(runtime: Runtime, caller: Caller, action: Callable[[Any], T]) -> T | None:
    """What `action` gives in a transaction; None if this very form was sent, and its work done, before.

    Raises what `action` raises, IdempotencyKeyReused if the form was sent with something else before, RequestInFlight.
    """
    done: list[T] = []

    def carried_out(tx: Any) -> Answer:
        done.append(action(tx))
        return Answer(200, None)

    sent = sorted((name, value) for name, value in request.form.items(multi=True) if name != "form")
    fingerprint = hashlib.sha256(repr((request.path, sent)).encode()).digest()
    key = f"console {request.form.get(ONCE, '')[:TEXT_MAX]}"[:200]
    answer_once(runtime, Request(caller, key, fingerprint), carried_out)
    return done[0] if done else None
