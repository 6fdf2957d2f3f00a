"""The gate before every view: it reads what the view declares (services/access.py) and lets in who may pass.

A view that declares nothing is refused, so that a forgotten declaration is a fault that shows, not a hole.
"""

from typing import Any

import structlog
from flask import Flask, current_app, g, request

from gateway.api.context import address, gateway
from gateway.domain.errors import Forbidden, Unauthorized
from gateway.services.access import Access, access_of
from gateway.services.keys import InvalidKey
from gateway.services.runtime import Caller


class ScopeMissing(Forbidden):
    """The key is valid, but not for this."""

    code = "scope_missing"


class UndeclaredAccess(Exception):
    """A view does not say who may use it."""


def register(app: Flask) -> None:
    app.before_request(_let_in)


def _let_in() -> Any:
    if request.endpoint is None:
        return None  # no such address or method: Flask says so
    access = access_of(current_app.view_functions[request.endpoint])
    if access is None:
        raise UndeclaredAccess(request.endpoint)
    if access.is_public:
        if access.counted:
            gateway().limits.count_address(address())
        return None
    if access.roles:
        return gateway().let_officer_in(access)
    g.caller = _authenticated()
    structlog.contextvars.bind_contextvars(key=str(g.caller.id))
    gateway().limits.count_key(str(g.caller.id))
    _check_scope(g.caller, access)
    return None


def _authenticated() -> Caller:
    """Raises Unauthorized, or TooManyRequests for who was refused too often."""
    limits = gateway().limits
    limits.check_refusals(address())
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("Say who you are: Authorization: Bearer <api key>.")
    try:
        return gateway().keys.authenticate(gateway().runtime.db, key.strip())
    except InvalidKey:
        limits.note_refusal(address())
        raise


def _check_scope(caller: Caller, access: Access) -> None:
    if not caller.scopes.intersection(access.scopes):
        needed, held = " or ".join(access.scopes), ", ".join(sorted(caller.scopes))
        raise ScopeMissing(f"This needs a key with the scope {needed}; this key has {held}.")
