"""How an error reaches the caller: the one place that maps facts to HTTP, as RFC 9457 problem details.

    {"type": "/problems/invoice_already_paid", "title": "Invoice already paid", "status": 409, "code":
     "invoice_already_paid", "detail": "Invoice RF18 ... is already paid. Nothing more is due.", "request_id": "..."}

`code` is stable. `type` is a page that explains it, written from the classes themselves. `errors` maps a field to what
is wrong with it. What nobody foresaw is a 500 that tells nothing of the inside; the log has it under the request's id.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from gateway.domain.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound, Unauthorized, Unavailable
from gateway.services.access import public

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"


class InvalidRequest(Invalid):
    """The body or the query does not have the form that the API's description gives."""

    code = "invalid_request"


class BadRequest(GatewayError):
    """The request cannot be read at all."""

    code = "bad_request"


class MalformedJson(BadRequest):
    """The body is not JSON in UTF-8, or says something twice."""

    code = "malformed_json"


class RouteNotFound(NotFound):
    """There is nothing at this address."""

    code = "route_not_found"


class MethodRefused(GatewayError):
    """The address is right, the method is not. The header Allow names those that are."""

    code = "method_not_allowed"


class BodyTooLarge(GatewayError):
    """The body is larger than this gateway reads."""

    code = "body_too_large"


class UnsupportedMediaType(GatewayError):
    """The body is of another type than the route takes."""

    code = "unsupported_media_type"


class TooManyRequests(GatewayError):
    """More requests than the limit allows. The header Retry-After says how many seconds to wait."""

    code = "too_many_requests"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class InternalError(GatewayError):
    """A fault of ours. Nothing was half done: repeat the request with the same Idempotency-Key, and tell us the id."""

    code = "internal_error"


STATUS: dict[type[GatewayError], int] = {
    BadRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodRefused: 405,
    Conflict: 409,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    Invalid: 422,
    TooManyRequests: 429,
    InternalError: 500,
    Unavailable: 503,
}
ADVICE: dict[int, str] = {
    400: "Correct the request; as it is it cannot be read.",
    401: "Send a valid key: Authorization: Bearer <api key>.",
    403: "The caller is known, but may not do this. Use a key of another scope, agency or person.",
    404: "There is no such thing, or it is not the caller's to see.",
    405: "Use one of the methods that the header Allow names.",
    409: "The request is right in itself, but not at this moment. Read the current state, then decide.",
    413: "Send less, or in several requests.",
    415: "Send application/json.",
    422: "Correct the fields that `errors` names. Sending the same again gets the same answer.",
    429: "Wait as many seconds as the header Retry-After says.",
    500: "Repeat the request with the same Idempotency-Key. If it stays, report the request_id.",
    503: "Nothing was done. Try again in a moment.",
}
RETRY_UNAVAILABLE_AFTER_SECONDS = 5
BEARER_CHALLENGE = 'Bearer realm="congphi"'


def register(app: Flask) -> None:
    """Every error becomes a problem, and every problem has its page."""
    app.register_error_handler(GatewayError, respond)
    app.register_error_handler(HTTPException, _respond_to_http)
    app.register_error_handler(Exception, _respond_to_the_unforeseen)
    app.register_blueprint(_pages)


def respond(error: GatewayError) -> Response:
    """The problem response for `error`."""
    status = status_of(type(error))
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": title_of(type(error)),
        "status": status,
        "code": error.code,
        "detail": error.detail,
        "request_id": g.get("request_id", ""),
    }
    if error.fields:
        body["errors"] = error.fields
    g.problem_code = error.code
    return Response(json.dumps(body, ensure_ascii=False), status, _headers(error, status), content_type=CONTENT_TYPE)


def status_of(kind: type[GatewayError]) -> int:
    return next((STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS), 500)


def title_of(kind: type[GatewayError]) -> str:
    """The name of the class as a phrase: InvoiceAlreadyPaid is "Invoice already paid"."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", kind.__name__).capitalize()


def _headers(error: GatewayError, status: int) -> dict[str, str]:
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(RETRY_UNAVAILABLE_AFTER_SECONDS)}
    return {"WWW-Authenticate": BEARER_CHALLENGE} if status == 401 else {}


def _respond_to_http(error: HTTPException) -> Any:
    """What Flask and Werkzeug refuse by themselves."""
    if error.code is None or error.code < 400:
        return error.get_response()
    response = respond(_translated(error))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _translated(error: HTTPException) -> GatewayError:
    if isinstance(error, RequestEntityTooLarge):
        return BodyTooLarge("The body is too large.")
    if isinstance(error, MethodNotAllowed):
        return MethodRefused("This address does not know that method.")
    if error.code == 404:
        return RouteNotFound("There is nothing here. /docs lists what there is.")
    if error.code is not None and error.code >= 500:
        return InternalError("A fault of ours. It has been noted.")
    return BadRequest(error.description or "The request cannot be read.")


def _respond_to_the_unforeseen(error: Exception) -> Response:
    log.error("unforeseen error", exc_info=error)
    return respond(InternalError("A fault of ours. It has been noted under the request_id."))


_pages = Blueprint("problems", __name__, url_prefix="/problems")


@_pages.get("/<code>")
@public("documentation")
def explain(code: str) -> Response:
    kinds = _all_kinds()
    if code not in kinds:
        raise RouteNotFound("There is no such problem.")
    kind = kinds[code]
    return _page(f"{title_of(kind)} ({code})", _explanation(kind))


@_pages.get("/")
@public("documentation")
def list_problems() -> Response:
    entries = [
        f'<dt><a href="{escape(code)}">{escape(code)}</a></dt><dd>{_explanation(kind)}</dd>'
        for code, kind in sorted(_all_kinds().items())
    ]
    return _page("Problems", f"<dl>{''.join(entries)}</dl>")


def _all_kinds() -> dict[str, type[GatewayError]]:
    """Every error that has a code of its own. A family comes before its members, so a code shared is the family's."""
    kinds: dict[str, type[GatewayError]] = {}
    for kind in _descendants(GatewayError):
        kinds.setdefault(kind.code, kind)
    return kinds


def _descendants(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def _explanation(kind: type[GatewayError]) -> str:
    status = status_of(kind)
    said = (kind.__doc__ or f"{title_of(kind)}.").strip().partition("\n\n")[0]
    return f"<p>{escape(said)}</p><p>HTTP {status}. {escape(ADVICE.get(status, ''))}</p>"


def _page(title: str, content: str) -> Response:
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    return Response(f"{page}<h1>{escape(title)}</h1>{content}</html>", content_type="text/html; charset=utf-8")


def flattened(messages: Mapping[Any, Any] | list[Any] | str, path: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages by the field's path: ("invoices[0]", "must be text")."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
            yield from flattened(inner, path if key in ("_schema", "key", "value") else path + step)
    else:
        listed = messages if isinstance(messages, list) else [messages]
        yield path or "body", "; ".join(map(str, listed))
