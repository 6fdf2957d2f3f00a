"""The gateway as it runs in production: gunicorn with several processes and threads, on a real database."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from gateway.config import fresh_keys
from gateway.local import WEB_OPTIONS, answers
from gateway.services.keys import KeyRing, Scope
from gateway.store.embedded import DatabaseUrls
from tests.integration.api import PLENTY, settings_for
from tests.integration.world import World, a_world
from tests.ports import free_ports

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 20
TIMEOUT = httpx.Timeout(30)


@dataclass
class Service:
    """`world` shares its database and its simulator; notifications go to the world's inbox. `key` has every scope."""

    url: str
    key: str
    world: World
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=TIMEOUT)

    def post(self, path: str, body: Any, key: str | None = None) -> httpx.Response:
        with self.client() as client:
            return client.post(path, json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def get(self, path: str) -> Any:
        with self.client() as client:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self) -> list[str]:
        """What the service has logged as its own fault."""
        return [line for line in self.log.read_text().splitlines() if '"level": "error"' in line or "Traceback" in line]


@contextmanager
def a_service(urls: DatabaseUrls, folder: Path, **changed: str) -> Iterator[Service]:
    keys = fresh_keys("test", demo=True)
    ring = KeyRing(settings_for(urls.app_url, **keys).api_key_pepper)
    with a_world(urls, folder) as world:
        with world.runtime.db.transaction() as tx:
            _, key = ring.issue(tx, "everything", list(Scope), None)
        port, log = free_ports(), folder / "web.log"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PORT"))},
            **keys,
            **world.settings,
            "GATEWAY_SANDBOX_BASE_URL": world.simulator.url,
            "GATEWAY_DATABASE_URL": urls.app_url,
            "GATEWAY_PUBLIC_URL": world.runtime.public_url,
            "GATEWAY_PROVIDERS": "sandbox",
            "GATEWAY_DEMO": "true",
            "GATEWAY_RATE_LIMIT": PLENTY,
            **changed,
        }
        url = f"http://127.0.0.1:{port}"
        with _running(environment, port, log):
            _wait_for(f"{url}/readyz", log)
            yield Service(url, key, world, log)


@contextmanager
def _running(environment: dict[str, str], port: int, log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", f"--bind=127.0.0.1:{port}", *WEB_OPTIONS]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_S)


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(url):
        if time.monotonic() > deadline:
            raise AssertionError(f"the service did not start:\n{log.read_text()}")
        time.sleep(0.1)
