"""The API over a whole gateway, and somebody to call it: as a portal or an officer meets it."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.config import Settings, fresh_keys
from gateway.services.keys import KeyRing, Scope
from gateway.services.runtime import Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import PAYER, World, a_world

PLENTY = "1000000/minute"
INVOICE: Mapping[str, Any] = {
    "procedure": "vn-certified-copy",
    "facts": {"pages": 12, "copies": 3},
    "channel": "counter",
    "dossier": "H26.17-261123-0007",
    "payer": PAYER,
}


class Reply:
    """What came back."""

    def __init__(self, response: TestResponse) -> None:
        self.status_code: int = response.status_code
        self.headers: Headers = response.headers
        self.content_type: str = response.content_type
        self.data: bytes = response.data
        self.text: str = response.data.decode(errors="replace")
        self.json: Any = response.get_json(silent=True)


@dataclass
class Api:
    """`keys`: a key of each scope that acts for every agency."""

    world: World
    app: Flask
    ring: KeyRing
    settings: Settings
    keys: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, scope: str | None = "portal", **options: Any) -> Reply:
        return self.call("GET", path, scope, **options)

    def post(self, path: str, body: Any = None, scope: str | None = "portal", **options: Any) -> Reply:
        """With a fresh Idempotency-Key, unless one (or None for none) is given."""
        headers = dict(options.pop("headers", {}))
        key = options.pop("key", str(uuid4()))
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            options["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        return self.call("POST", path, scope, headers=headers, **options)

    def call(self, method: str, path: str, scope: str | None, **options: Any) -> Reply:
        """`scope` is that of one of `keys`, or a key itself; None shows none."""
        headers = dict(options.pop("headers", {}))
        if scope is not None:
            headers.setdefault("Authorization", f"Bearer {self.keys.get(scope, scope)}")
        return Reply(self.app.test_client().open(path, method=method, headers=headers, **options))

    def issued(self, **changed: Any) -> dict[str, Any]:
        """A new invoice."""
        return made(self.post("/v1/invoices", {**INVOICE, **changed}))

    def key_for(self, agency_id: UUID | None, *scopes: str) -> str:
        with self.world.runtime.db.transaction() as tx:
            return self.ring.issue(tx, "test", scopes, agency_id)[1]


def settings_for(url: str, **changed: str) -> Settings:
    environment = {
        "GATEWAY_DATABASE_URL": url,
        "GATEWAY_PUBLIC_URL": "http://127.0.0.1:8080",
        "GATEWAY_PROVIDERS": "sandbox",
        "GATEWAY_DEMO": "true",
        "GATEWAY_RATE_LIMIT": PLENTY,
        **fresh_keys("test", demo=True),
        **changed,
    }
    return Settings.from_environment(environment)


@contextmanager
def an_api(urls: DatabaseUrls, folder: Path, **changed: str) -> Iterator[Api]:
    settings = settings_for(urls.app_url, **changed)
    with a_world(urls, folder) as world:
        ring = KeyRing(settings.api_key_pepper)
        api = Api(world, create_app(settings, world.runtime, ring), ring, settings)
        api.keys = {scope: api.key_for(None, scope) for scope in Scope}
        yield api


def made(answer: Reply) -> dict[str, Any]:
    """What was made; fails if nothing was."""
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json
    return body


def problem(answer: Reply, status: int, code: str) -> dict[str, Any]:
    """The problem that the answer must be."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["code"] == code, body
    assert body["type"] == f"/problems/{code}"
    assert body["status"] == status
    assert body["detail"]
    return body


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def description() -> dict[str, Any]:
    """What the API says of itself. No database is asked."""
    settings = settings_for("postgresql://nobody@127.0.0.1/nothing")
    db = Database(settings.database_url, lambda: datetime.now(UTC))
    vault = Vault(settings.vault_keys, settings.lookup_key)
    runtime = Runtime(db, {}, vault, Tokens(settings.token_key), settings.public_url)
    app = create_app(settings, runtime, KeyRing(settings.api_key_pepper))
    told: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    return told
