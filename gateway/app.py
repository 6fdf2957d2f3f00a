"""The web application: the API, the payers' pages and whatever the composer adds, behind one gate."""

from collections.abc import Callable, Sequence

from flask import Flask

from gateway import pages
from gateway.api import (
    agencies,
    api_keys,
    auth,
    checkout_sessions,
    events,
    headers,
    idempotency,
    invoices,
    ledger,
    metrics,
    payments,
    problems,
    procedures,
    providers,
    quotes,
    refunds,
    running,
    webhook_endpoints,
)
from gateway.api.context import Gateway, attach
from gateway.api.documentation import describe
from gateway.api.limits import RateLimits
from gateway.config import Settings
from gateway.services.keys import KeyRing
from gateway.services.runtime import Runtime

Extension = Callable[[Flask], None]

RESOURCES = (
    procedures.resource,
    quotes.resource,
    invoices.resource,
    checkout_sessions.resource,
    payments.resource,
    refunds.resource,
    events.resource,
    webhook_endpoints.resource,
    ledger.resource,
    agencies.resource,
    api_keys.resource,
)


def create_app(settings: Settings, runtime: Runtime, keys: KeyRing, extensions: Sequence[Extension] = ()) -> Flask:
    """The WSGI application. An extension is called with the app once everything of ours is in place."""
    app = Flask("gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.merge_slashes = False  # an address is written in one way, and never redirected
    attach(app, Gateway(runtime, keys, RateLimits.of(settings.rate_limit), insecure_return_urls=settings.demo))
    metrics.register(app)
    headers.register(app, https=settings.public_url.startswith("https://"))
    problems.register(app)
    auth.register(app)
    idempotency.register(app)
    app.register_blueprint(running.pages)
    app.register_blueprint(providers.pages)
    api = describe(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    pages.register(app, runtime, demo=settings.demo)
    for extend in extensions:
        extend(app)
    return app
