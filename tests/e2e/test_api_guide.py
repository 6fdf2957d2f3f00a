"""docs/api-guide.md is true: its requests are sent, in order, and the answers compared with those that it prints.

"..." stands for anything that is there, and an answer may have more fields than the guide shows. A list is as long as
it is shown.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.app import create_app
from gateway.domain import webhook
from gateway.services.keys import KeyRing, Scope
from gateway.store.embedded import DatabaseUrls
from reconciliation.api import register
from tests.integration.api import settings_for
from tests.integration.web import served
from tests.integration.world import a_world

GUIDE = Path(__file__).parents[2] / "docs" / "api-guide.md"
ANYTHING = "..."
EVENTUALLY_S = 10


@dataclass
class Example:
    """One ```http block: `expected` is None where the guide prints no body."""

    line: int
    name: str
    method: str
    url: str
    headers: dict[str, str]
    body: str
    status: str
    expected: str


@dataclass
class Reader:
    """Somebody who follows the guide from its beginning to its end. `known`: what the placeholders stand for."""

    known: dict[str, Any]
    client: httpx.Client

    def filled(self, text: str) -> str:
        return re.sub(r"\{\{([\w.]+)\}\}", lambda found: self._value(found[1]), text)

    def follow(self, example: Example) -> None:
        deadline = time.monotonic() + EVENTUALLY_S
        headers = {name: self.filled(value) for name, value in example.headers.items()}
        body = self.filled(example.body).encode()
        while True:
            answer = self.client.request(example.method, self.filled(example.url), headers=headers, content=body)
            faults = self._faults(example, answer)
            # What a provider has to say comes when it comes; a reader would look again.
            if not faults or example.method != "GET" or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert not faults, f"line {example.line}: {faults}\n{answer.status_code} {answer.text}"
        if example.name:
            self.known[example.name] = answer.json()

    def _faults(self, example: Example, answer: httpx.Response) -> list[str]:
        status = f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}"
        if status.split()[0] != example.status.split()[0]:
            return [f"{status} instead of {example.status}"]
        if not example.expected:
            return []
        return list(differences(json.loads(self.filled(example.expected)), answer.json(), "answer"))

    def _value(self, path: str) -> str:
        if path == "fresh":
            return str(uuid4())
        value: Any = self.known
        for step in path.split("."):
            value = value[step]
        return str(value)


def differences(shown: Any, real: Any, where: str) -> Iterator[str]:
    """Where `real` is not what is `shown`."""
    if shown == ANYTHING and real is not None:
        return
    if isinstance(shown, dict) and isinstance(real, dict):
        for name, value in shown.items():
            if name in real:
                yield from differences(value, real[name], f"{where}.{name}")
            else:
                yield f"{where} has no {name}"
    elif isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        for at, (one, other) in enumerate(zip(shown, real, strict=True)):
            yield from differences(one, other, f"{where}[{at}]")
    elif shown != real:
        yield f"{where} is {real!r}, shown is {shown!r}"


def blocks(language: str) -> Iterator[tuple[int, str]]:
    """The guide's code blocks of a language, each with its line."""
    text = GUIDE.read_text()
    for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield text[: block.start()].count("\n") + 1, block[1]


def read(line: int, block: str) -> Example:
    request, _, response = block.partition("\nHTTP/1.1 ")
    named = re.match(r"# @name (\w+)\n", request)
    head, _, body = request.removeprefix(named[0] if named else "").partition("\n\n")
    first, *headers = head.splitlines()
    method, url = first.split(" ", 1)
    response_head, _, expected = response.partition("\n\n")
    return Example(
        line=line,
        name=named[1] if named else "",
        method=method,
        url=url,
        headers=dict(header.split(": ", 1) for header in headers),
        body=body.strip(),
        status=response_head.splitlines()[0],
        expected=expected.strip(),
    )


@pytest.fixture(scope="module")
def reader(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    settings = settings_for(module_database_urls.app_url)
    ring = KeyRing(settings.api_key_pepper)
    with (
        a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as world,
        served(world, lambda world: create_app(settings, world.runtime, ring, [register])) as url,
        httpx.Client(timeout=30) as client,
    ):
        with world.runtime.db.transaction() as tx:
            keys = {str(scope): ring.issue(tx, scope, [scope], None)[1] for scope in Scope}
        yield Reader({"url": url, "keys": keys}, client)


def test_the_guide_is_true_from_beginning_to_end(reader: Reader) -> None:
    examples = [read(line, block) for line, block in blocks("http")]
    assert len(examples) > 15
    for example in examples:
        reader.follow(example)


def test_a_lie_in_the_guide_is_found() -> None:
    shown = {"a": 1, "b": [ANYTHING], "c": {"d": ANYTHING}}
    assert list(differences(shown, {"a": 1, "b": [5], "c": {"d": 1, "more": 2}}, "answer")) == []
    assert list(differences(shown, {"a": 2, "b": [], "c": {"d": None}}, "answer")) == [
        "answer.a is 2, shown is 1",
        "answer.b is [], shown is ['...']",
        "answer.c.d is None, shown is '...'",
    ]


def test_the_guides_check_of_a_signature_tells_ours_from_others() -> None:
    ((_, code),) = blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - it is our own documentation
    is_genuine = names["is_genuine"]
    secret, other = webhook.as_secret(b"s" * 32), webhook.as_secret(b"o" * 32)
    body = '{"type": "invoice.paid", "đ": 1}'.encode()
    now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    headers = dict(webhook.headers([other, secret], "event-id", now, body))
    assert is_genuine(headers, body, secret, now.timestamp())
    assert is_genuine(headers, body, other, now.timestamp() + 299)
    assert not is_genuine(headers, body, webhook.as_secret(b"x" * 32), now.timestamp())
    assert not is_genuine(headers, body + b" ", secret, now.timestamp())
    assert not is_genuine(headers, body, secret, now.timestamp() + 301)
