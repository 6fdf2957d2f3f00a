"""What a view knows besides its arguments: the gateway it belongs to, who calls, and in which language to answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, request

from gateway.api.limits import RateLimits
from gateway.domain.fees.explain import LANGUAGES
from gateway.services.access import Access
from gateway.services.keys import KeyRing
from gateway.services.runtime import Caller, Runtime

EXTENSION = "gateway"


@dataclass(frozen=True, slots=True)
class Gateway:
    """`insecure_return_urls`: a laptop's portal has no TLS. `let_officer_in` answers for routes of officers: None
    lets the officer in, a response is what the browser gets instead."""

    runtime: Runtime
    keys: KeyRing
    limits: RateLimits
    let_officer_in: Callable[[Access], Any]
    insecure_return_urls: bool = False


def attach(app: Flask, gateway: Gateway) -> None:
    app.extensions[EXTENSION] = gateway


def gateway() -> Gateway:
    found: Gateway = current_app.extensions[EXTENSION]
    return found


def runtime() -> Runtime:
    return gateway().runtime


def caller() -> Caller:
    """Who calls; only in a view that requires a scope."""
    found: Caller = g.caller
    return found


def address() -> str:
    """Where the request comes from; behind load balancers as far as those are trusted."""
    return request.remote_addr or ""


def language() -> str:
    """The language that the caller prefers among those we have."""
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]
