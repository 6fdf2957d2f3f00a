"""POST requests that may be repeated: the caller's Idempotency-Key, and the answer that is given once and kept.

The fingerprint of a request is the SHA-256 of its method, path and JSON in canonical form (names sorted, no spaces), so
that a client that writes the same JSON in another way still repeats the same request.
"""

import json
import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

from flask import Flask, Response, request

from gateway.api.context import caller, runtime
from gateway.api.problems import BadRequest
from gateway.api.reading import json_body
from gateway.services.idempotency import MAX_KEY_LENGTH, Answer, Request, answer_once

HEADER = "Idempotency-Key"
KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY_LENGTH}}}")

View = TypeVar("View", bound=Callable[..., Any])


class IdempotencyKeyRequired(BadRequest):
    """This request makes a document or moves money, so it must carry an Idempotency-Key of the caller's choice."""

    code = "idempotency_key_required"


class InvalidIdempotencyKey(BadRequest):
    code = "invalid_idempotency_key"


def register(app: Flask) -> None:
    app.before_request(_check_key)


def needs_key(view: View) -> View:
    """The request must carry an Idempotency-Key."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not request.headers.get(HEADER):
            raise IdempotencyKeyRequired(
                f"Send a key of your own choice in the header {HEADER}, and the same one if you repeat the request.",
                fields={HEADER: "is required"},
            )
        return view(*args, **kwargs)

    checked.__idempotency__ = "required"  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


def repeatable_request() -> Request:
    """The request as the services know it again."""
    canonical = json.dumps(json_body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    told = f"{request.method} {request.path}\n{canonical}"
    return Request(caller(), request.headers.get(HEADER), sha256(told.encode()).digest())


def once(action: Callable[[Any], Answer]) -> Response:
    """Carry out `action` in a transaction, once for its key, and respond with its answer."""
    return respond(answer_once(runtime(), repeatable_request(), action))


def once_with_secret(name: str, action: Callable[[Any], tuple[Answer, str]]) -> Response:
    """As `once`, for an answer that tells a secret: it goes out in the field `name` this once, and is kept nowhere."""
    told: dict[str, str] = {}

    def carry_out(tx: Any) -> Answer:
        answer, told[name] = action(tx)
        return answer

    answer = answer_once(runtime(), repeatable_request(), carry_out)
    return respond(Answer(answer.status, answer.body | told))


def respond(answer: Answer) -> Response:
    """Names are sorted, so that an answer that comes back from the database is the same to the byte."""
    body = json.dumps(answer.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Response(body, answer.status, content_type="application/json")


def _check_key() -> None:
    """Also where the answer is not kept, because nothing is written. Raises InvalidIdempotencyKey."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise InvalidIdempotencyKey(
            "That is no key.", fields={HEADER: f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters"}
        )
