"""What a view knows besides its arguments: the gateway it belongs to, who calls, and in which language to answer."""

from dataclasses import dataclass

from flask import Flask, current_app, g, request

from gateway.api.limits import RateLimits
from gateway.domain.fees.explain import LANGUAGES
from gateway.services.keys import KeyRing
from gateway.services.runtime import Caller, Runtime

EXTENSION = "gateway"


@dataclass(frozen=True, slots=True)
class Gateway:
    """`insecure_return_urls`: a laptop's portal has no TLS."""

    runtime: Runtime
    keys: KeyRing
    limits: RateLimits
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
