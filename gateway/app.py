"""The web application: the API, the payers' pages and whatever the composer adds, behind one gate."""

from collections.abc import Callable, Sequence
from functools import partial

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import console, pages
from gateway.api import (
    agencies,
    api_keys,
    auth,
    bodies,
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
    provider_health,
    providers,
    quotes,
    receipts,
    refunds,
    running,
    webhook_endpoints,
)
from gateway.api.context import Gateway, attach, caller, language
from gateway.api.documentation import describe
from gateway.api.limits import RateLimits
from gateway.api.resource import Resource
from gateway.config import Settings
from gateway.console import ConsoleExtension
from gateway.console.gate import let_in
from gateway.services.keys import KeyRing
from gateway.services.runtime import Runtime
from gateway.services.surface import Surface

Extension = Callable[[Surface], None]

RESOURCES = (
    procedures.resource,
    quotes.resource,
    invoices.resource,
    checkout_sessions.resource,
    payments.resource,
    receipts.resource,
    refunds.resource,
    events.resource,
    providers.resource,
    webhook_endpoints.resource,
    ledger.resource,
    agencies.resource,
    provider_health.resource,
    api_keys.resource,
)


class _Utf8Json(DefaultJSONProvider):
    """Vietnamese as it is written, not as escapes: half the bytes."""

    ensure_ascii = False


def create_app(
    settings: Settings,
    runtime: Runtime,
    keys: KeyRing,
    extensions: Sequence[Extension] = (),
    *,
    consoles: Sequence[ConsoleExtension] = (),
) -> Flask:
    """The WSGI application. An extension adds its routes once all of ours are in place; those of `consoles` add pages
    to the officers' console."""
    app = Flask("gateway", static_folder=None)
    app.json = _Utf8Json(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.merge_slashes = False  # an address is written in one way, and never redirected
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    limits = RateLimits.of(settings.rate_limit)
    attach(app, Gateway(runtime, keys, limits, partial(let_in, runtime), insecure_return_urls=settings.demo))
    metrics.register(app)
    headers.register(app, https=settings.public_url.startswith("https://"))
    problems.register(app)
    bodies.register(app)
    auth.register(app)
    idempotency.register(app)
    app.register_blueprint(running.pages)
    app.register_blueprint(providers.pages)
    api = describe(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    pages.register(app, runtime, limits, demo=settings.demo)
    console.register(app, runtime, keys, consoles, demo=settings.demo)
    surface = Surface(
        runtime=runtime,
        resource=Resource,
        publish=api.register_blueprint,
        caller=caller,
        needs_key=idempotency.needs_key,
        once=idempotency.once,
        respond=idempotency.respond,
        language=language,
    )
    for extend in extensions:
        extend(surface)
    return app
