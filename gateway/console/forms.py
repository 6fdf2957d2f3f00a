"""What an address or a form says and what is wrong with it; and forms that do their work once, however often sent."""

import hashlib
from collections.abc import Callable, Mapping
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


class Mistyped(Invalid):
    """A field of a form is wrong; what is said of it is marked for the catalogues."""

    code = "mistyped"


FIELDS: Mapping[str, str] = {
    "agency": N_("Choose one of these."),
    "amount": N_("Give an amount in figures, like 250,000."),
    "amount_minor": N_("This is more than can go back, or nothing."),
    "expires_at": N_("This day is over. Choose a later one."),
    "scopes": N_("Choose at least one."),
    "url": N_("This address cannot be called. It must begin with https:// and be on the public internet."),
}
"""What the services' complaints come to in a form, by their field."""

ERRORS: Mapping[str, str] = {
    "every_agency": N_("You act for one agency, so choose that one."),
    "idempotency_key_reused": N_("This form was sent before with something else in it. Open the page again."),
    "nothing_to_ask": N_("The payment has come to its end. There is nothing left to ask."),
    "not_refundable": N_("This payment cannot be refunded here: no money came in, or its provider sends none back."),
    "provider_unavailable": N_("The provider does not answer at the moment. It is asked again by itself."),
    "request_in_flight": N_("This form is being carried out. Look again in a moment."),
}
"""And by their code, where no field is to blame."""

ELSEWHERE: Mapping[str, str] = {"amount_minor": "amount"}
"""Fields of the services that have another name in the form."""


def refused(error: GatewayError) -> Form:
    """The form that was sent, with what is wrong."""
    sent = {name: value for name, value in request.form.items() if name != "form"}
    if isinstance(error, Mistyped):
        return Form(sent, error.fields)
    if error.code in ERRORS or not error.fields:
        return Form(sent, {"": ERRORS.get(error.code, error.detail)})
    return Form(sent, {ELSEWHERE.get(name, name): FIELDS.get(name, fault) for name, fault in error.fields.items()})


def given(name: str, longest: int = TEXT_MAX) -> str:
    """Raises Mistyped if the field is blank, too long, or holds what cannot be stored."""
    text = request.form.get(name, "").strip()
    if not text:
        raise Mistyped("Something is missing.", fields={name: N_("This must not stay empty.")})
    if len(text) > longest:
        raise Mistyped("Something is too long.", fields={name: N_("This is too long. Make it shorter.")})
    if "\0" in text:
        raise Mistyped(
            "Something cannot be stored.", fields={name: N_("This holds a character that cannot be stored.")}
        )
    return text


def whole(name: str, lowest: int, highest: int) -> int:
    """Raises Mistyped."""
    text = request.form.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and lowest <= int(text) <= highest):
        raise Mistyped("A number is wrong.", fields={name: N_("Give a whole number within the limits that are named.")})
    return int(text)


def day_asked(name: str) -> date | None:
    """What the address says; None for nothing, and for what is no day."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def day_given(name: str) -> date | None:
    """None if the field is blank. Raises Mistyped."""
    text = request.form.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Mistyped("A day is wrong.", fields={name: N_("Give a day, like 2026-11-22.")}) from None


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
