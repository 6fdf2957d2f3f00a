"""The product as it runs in production, on a benchmark's server: gunicorn, the worker and the sandbox's simulator.

The settings are production's (no demo mode), with fresh secrets. The rate limit is raised out of the way: what is
measured is what the gateway can do, not what one caller may.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.server import Server
from gateway.config import Settings, fresh_keys
from gateway.local import HOST, WEB_OPTIONS
from gateway.services.keys import KeyRing, Scope, new_plaintext
from gateway.services.load_demo import load_demo
from gateway.store.database import Database
from gateway.supervisor import log_tail, spawn
from providers.demo import demo_settings

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30
POLL_S = 0.05
PROVIDER = "sandbox"
WEB_NAME = "benchmarked-web"  # by which PostgreSQL's log tells the web server's statements from the worker's


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a running gateway is, and the key of a portal that acts for every agency."""

    port: int
    portal_key: str


@contextmanager
def run_stack(server: Server, *, whole: bool) -> Iterator[Stack]:
    """Gunicorn with the workers and threads of `gateway run`; if `whole`, the worker and the simulator as well."""
    port, simulator_port = _free_port(), _free_port()
    environment = _environment(server, port, simulator_port)
    key = _load_catalogue(environment)
    with ExitStack() as running:
        if whole:
            (server.folder / "simulators").mkdir(exist_ok=True)
            place = ("--port", str(simulator_port), "--data-dir", str(server.folder / "simulators"))
            simulate = ("providers.simulation", "--provider", PROVIDER, *place)
            running.enter_context(_program("simulator", simulate, environment, server.folder))
            running.enter_context(_program("worker", ("wsgi", "worker"), environment, server.folder))
            _wait_until_answered(simulator_port, "/_sim/health", server.folder / "simulator.log")
        serve = ("gunicorn", "wsgi:app", f"--bind={HOST}:{port}", *WEB_OPTIONS)
        running.enter_context(_program("web", serve, environment | {"PGAPPNAME": WEB_NAME}, server.folder))
        _wait_until_answered(port, "/readyz", server.folder / "web.log")
        yield Stack(port, key)


def _environment(server: Server, port: int, simulator_port: int) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PG"))}
    provider = demo_settings(
        PROVIDER, f"http://{HOST}:{simulator_port}", secrets.token_hex(32), server.folder / "settlements"
    )
    ours = {
        "GATEWAY_DATABASE_URL": server.urls.app_url,
        "GATEWAY_PUBLIC_URL": f"http://{HOST}:{port}",
        "GATEWAY_PROVIDERS": PROVIDER,
        "GATEWAY_RATE_LIMIT": "1000000/second",
        "GATEWAY_DATA_DIR": str(server.folder),
        "PORT": str(port),
    }
    return clean | fresh_keys("bench") | provider | ours


def _load_catalogue(environment: dict[str, str]) -> str:
    """The demo's agencies and procedures, and a new key for a portal."""
    settings = Settings.from_environment(environment)
    db = Database(settings.database_url, lambda: datetime.now(UTC), pool_size=1)
    key = new_plaintext()
    load_demo(db, KeyRing(settings.api_key_pepper), {Scope.PORTAL: key})
    db.close()
    return key


@contextmanager
def _program(
    name: str, arguments: tuple[str, ...], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    process = spawn((sys.executable, "-m", *arguments), environment, folder / f"{name}.log")
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_S)


def _wait_until_answered(port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not _answers(port, path):
        if time.monotonic() > deadline:
            raise RuntimeError(f"No answer from port {port} within {READY_WITHIN_S} s. {log_tail(log)}")
        time.sleep(POLL_S)


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection(HOST, port, timeout=READY_WITHIN_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
