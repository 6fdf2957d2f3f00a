"""Forms that show again what was typed, and that do their work once, however often sent."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

from flask import request

from gateway.domain.errors import GatewayError
from gateway.forms.faults import faults_of
from gateway.services.idempotency import Answer, Request, answer_once
from gateway.services.runtime import Caller, Runtime

ONCE = "once"
ONCE_MAX = 200

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
    return Form({name: value for name, value in request.form.items() if name != "form"}, faults_of(error))


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
    key = f"console {request.form.get(ONCE, '')}"[:ONCE_MAX]
    answer_once(runtime, Request(caller, key, fingerprint), carried_out)
    return done[0] if done else None
