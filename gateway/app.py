"""The web application: the API, the payers' pages and whatever the composer adds, behind one gate."""

from collections.abc import Callable, Sequence

from flask import Flask

from gateway.api import auth, headers, invoices, metrics, problems, procedures, quotes, running
from gateway.api.context import Gateway, attach
from gateway.api.documentation import describe
from gateway.api.limits import RateLimits
from gateway.config import Settings
from gateway.services.keys import KeyRing
from gateway.services.runtime import Runtime

Extension = Callable[[Flask], None]

RESOURCES = (procedures.resource, quotes.resource, invoices.resource)


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
    app.register_blueprint(running.pages)
    api = describe(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    for extend in extensions:
        extend(app)
    return app
