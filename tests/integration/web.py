"""The web application over a World: as a test client sees it, or served on a port for a browser."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway.app import create_app
from gateway.config import fresh_keys
from gateway.services.keys import KeyRing
from tests.integration.api import settings_for
from tests.integration.world import World

UNUSED_URL = "postgresql://congphi@localhost/unused"  # the world has its database already


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


def app_of(world: World, *, demo: bool = True) -> Flask:
    """The application as the composer makes it, on the world's database and providers."""
    in_production = {} if demo else {"GATEWAY_DEMO": "false", **fresh_keys("test")}
    settings = settings_for(UNUSED_URL, GATEWAY_PUBLIC_URL=world.runtime.public_url, **in_production)
    return create_app(settings, world.runtime, KeyRing(settings.api_key_pepper))


@contextmanager
def served(world: World, make_app: Callable[[World], Flask] = app_of, host: str = "127.0.0.1") -> Iterator[str]:
    """The application on a port of its own, to which the world's public URL then points; yields that URL. `host` is
    what the URL calls this machine."""

    def make(url: str) -> Flask:
        world.runtime = replace(world.runtime, public_url=url)
        return make_app(world)

    with on_a_port(make, host) as url:
        yield url


@contextmanager
def on_a_port(make_app: Callable[[str], Flask], host: str = "127.0.0.1") -> Iterator[str]:
    """The application that is made for a URL once its port is known; yields that URL."""
    apps: list[Flask] = []
    server = make_server(
        "127.0.0.1", 0, lambda environ, start: apps[0](environ, start), threaded=True, request_handler=_Quiet
    )
    url = f"http://{host}:{server.port}"
    apps.append(make_app(url))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
