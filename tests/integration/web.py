"""The web application over a World: as a test client sees it, or served on a port for a browser."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway import pages
from gateway.app import create_app
from gateway.config import Settings, fresh_keys
from gateway.services.keys import KeyRing
from tests.integration.world import World


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


def app_of(world: World, *, demo: bool = True) -> Flask:
    """The application as the composer makes it, on the world's database and providers."""
    environment = {
        "GATEWAY_DEMO": str(demo).lower(),
        "GATEWAY_DATABASE_URL": "postgresql://congphi@localhost/unused",
        "GATEWAY_PUBLIC_URL": world.runtime.public_url,
        "GATEWAY_PROVIDERS": "sandbox",
        **fresh_keys("test", demo=demo),
    }
    settings = Settings.from_environment(environment)
    app = create_app(settings, world.runtime, KeyRing(secrets.token_bytes(32)))
    if "pages" not in app.blueprints:
        pages.register(app, world.runtime, demo=demo)
    return app


@contextmanager
def served(world: World) -> Iterator[str]:
    """The application on a port of its own, to which the world's public URL then points; yields that URL."""
    apps: list[Flask] = []  # made once the port is known
    server = make_server(
        "127.0.0.1", 0, lambda environ, start: apps[0](environ, start), threaded=True, request_handler=_Quiet
    )
    world.runtime = replace(world.runtime, public_url=f"http://127.0.0.1:{server.port}")
    apps.append(app_of(world))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield world.runtime.public_url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
