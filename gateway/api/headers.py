"""What goes with every request and answer: its id, one log line, and the headers that protect whoever reads it."""

import re
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from gateway.api.metrics import elapsed_ns, route
from gateway.api.reading import check_address

log = structlog.get_logger()

REQUEST_ID = "X-Request-Id"
# A load balancer may have given the request its id; anything that could forge a log line is replaced.
GIVEN_ID = re.compile(r"[0-9A-Za-z-]{8,64}")

NANOSECONDS_A_MILLISECOND = 10**6

# JSON has nothing to load, so nothing is allowed. A page that has says so itself, and stricter headers than these stay.
PROTECTION = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


def register(app: Flask, *, https: bool) -> None:
    """`https`: the public URL has TLS, and browsers are told never to come without."""
    protection = PROTECTION | (HTTPS_ONLY if https else {})

    def protect(response: Response) -> Response:
        for name, value in protection.items():
            response.headers.setdefault(name, value)
        response.headers[REQUEST_ID] = g.get("request_id", "")
        return response

    app.before_request(_begin)
    app.before_request(check_address)
    app.after_request(protect)
    app.after_request(_write_line)
    app.teardown_request(_forget)


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if GIVEN_ID.fullmatch(given) else str(uuid4())
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _write_line(response: Response) -> Response:
    log.info(
        "request",
        method=request.method if request.method.isalpha() else "?",
        route=route(),
        status=response.status_code,
        duration_ms=elapsed_ns() // NANOSECONDS_A_MILLISECOND,
        code=g.get("problem_code", ""),
    )
    return response


def _forget(_error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()
