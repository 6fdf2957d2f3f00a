"""The gate of the console: a session in a cookie, a role that the view names, and forms that only our pages can send.

The cookie is not sent with requests that other sites make (`SameSite=Lax` lets only a link through), and each form
carries a token bound to its session besides (OWASP: Cross-Site Request Forgery Prevention, HMAC-based token).
"""

import re
import secrets
from urllib.parse import urlsplit

import structlog
from flask import g, redirect, request, url_for
from werkzeug import Response

from gateway.domain.errors import Forbidden
from gateway.services.access import Access
from gateway.services.officer_sessions import Officer, RoleMissing, SignedOut, officer_of
from gateway.services.runtime import Runtime

FORM = "form"
FIRST_PAGE = "/console"
OWN_PATH = re.compile(r"/console(/[A-Za-z0-9_-]+)*")
PURPOSE = "console form"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignForm(Forbidden):
    code = "foreign_form"


def let_in(runtime: Runtime, access: Access) -> Response | None:
    """None lets the officer in; whoever is not signed in is sent to do so. Raises RoleMissing, ForeignForm."""
    try:
        g.officer = officer_of(runtime.db, session_token(runtime))
    except SignedOut:
        return redirect(url_for("console.sign_in", next=_place()), 303)
    structlog.contextvars.bind_contextvars(officer=str(g.officer.id))
    if not officer().is_any_of(*access.roles):
        needed = ", ".join(access.roles)
        raise RoleMissing(f"This needs one of the roles {needed}. Ask an administrator if your work needs it.")
    if request.method not in SAFE:
        check_form(runtime, officer().session)
    return None


def officer() -> Officer:
    """Who is signed in; only in a view for officers."""
    found: Officer = g.officer
    return found


def cookie_name(runtime: Runtime) -> str:
    """With TLS the browser itself holds the cookie to this host, and to TLS (RFC 6265bis, 4.1.3.2)."""
    return _cookie(runtime, "officer")


def session_token(runtime: Runtime) -> str:
    """What the browser shows as its session; "" for nothing."""
    return request.cookies.get(cookie_name(runtime), "")


def with_session(runtime: Runtime, response: Response, token: str) -> Response:
    """`response`, which also gives the browser the session's token."""
    secure = runtime.public_url.startswith("https://")
    response.set_cookie(cookie_name(runtime), token, httponly=True, secure=secure, samesite="Lax", path="/")
    return response


def without_session(runtime: Runtime, response: Response) -> Response:
    secure = runtime.public_url.startswith("https://")
    response.delete_cookie(cookie_name(runtime), httponly=True, secure=secure, samesite="Lax", path="/")
    return response


def visitor(runtime: Runtime) -> str:
    """What stands for a session as long as there is none: what this browser was given when it opened a form."""
    found: str = g.get("visitor") or request.cookies.get(_cookie(runtime, "visitor")) or secrets.token_urlsafe(32)
    g.visitor = found
    return found


def as_visitor(runtime: Runtime, response: Response) -> Response:
    """`response`, by which the browser keeps what stands for its session."""
    secure = runtime.public_url.startswith("https://")
    name = _cookie(runtime, "visitor")
    response.set_cookie(name, visitor(runtime), httponly=True, secure=secure, samesite="Lax", path="/")
    return response


def form_token(runtime: Runtime, subject: str) -> str:
    """For the field FORM of a form. `subject` is the session, or what stands for one before there is any."""
    return runtime.tokens.sign(PURPOSE, subject)


def check_form(runtime: Runtime, subject: str) -> None:
    """Raises ForeignForm unless the form was sent from a page of ours."""
    ours = {_origin(runtime.public_url), _origin(request.host_url)}
    is_ours = (
        request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        and request.headers.get("Origin", "null") in {"null", *ours}
        and runtime.tokens.matches(PURPOSE, subject, request.form.get(FORM, ""))
    )
    if not is_ours:
        raise ForeignForm("The form was not sent from this page, or it is from an earlier session. Open it once more.")


def own_path(place: str) -> str:
    """`place` if it is a page of the console, or else the first page: never an address of somebody else's."""
    is_ours = OWN_PATH.fullmatch(place) is not None and "/sign-in" not in place
    return place if is_ours else FIRST_PAGE


def _cookie(runtime: Runtime, name: str) -> str:
    return f"__Host-{name}" if runtime.public_url.startswith("https://") else name


def _place() -> str | None:
    """Where to go on after signing in: the page that was asked for, without what was asked of it."""
    return request.path if request.method in SAFE else None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
