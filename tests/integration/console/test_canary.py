"""A payer who does not exist is driven through the API, the payer's pages and the console, and an officer signs in.

Their names and numbers may stand nowhere but in the vault, and in the one answer for which an officer gave a purpose:
not in addresses, pages, logs, metrics, the audit trail, what portals are told, or what the provider is sent.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from html import unescape
from io import StringIO
from typing import Any
from urllib.parse import unquote_plus, urlsplit
from uuid import UUID

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.domain.officer import Role
from gateway.logs import configure_logging
from gateway.store.tables.access import audit_log
from gateway.store.tables.events import events
from providers.plain_text import plain
from reconciliation import api as reconciliation_api
from reconciliation import console as reconciliation_console
from tests.faults.seams import traffic
from tests.integration.api import INVOICE, Api, made
from tests.integration.console.known import PASSWORD, SECOND, SIGN_IN, Known
from tests.integration.officers import browser_of, submit

PAYER = {
    "name": "Trịnh Thị Chim Hoàng Yến",
    "national_id": "079185731946",
    "email": "hoang.yen.chim@thu.example",
    "phone": "+84 913 572 468",
}
ADDRESS = re.compile(r'(?:href|src|action|formaction|content)="([^"]*)"')
PAGES_MAX = 60


def variants() -> set[str]:
    digits = re.sub(r"\D", "", PAYER["phone"])
    told = {*PAYER.values(), digits, digits[-9:], PASSWORD}
    return {variant.casefold() for value in told for variant in (value, plain(value))}


def named_in(text: str) -> list[str]:
    """Which of the canaries stand there, however they are encoded."""
    plainly = f"{text} {unescape(unquote_plus(text))}".casefold()
    return sorted(one for one in variants() if one in plainly)


@pytest.fixture(scope="module")
def app(api: Api) -> Flask:
    extensions, pages = [reconciliation_api.register], [reconciliation_console.register]
    api.app = create_app(api.settings, api.world.runtime, api.ring, extensions, consoles=pages)
    return api.app


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What is logged, as in production but more of it."""
    written, handlers, level = StringIO(), logging.root.handlers[:], logging.root.level
    monkeypatch.setattr("sys.stderr", written)
    configure_logging("DEBUG")
    yield written
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def crawl(browser: FlaskClient, *begin: str) -> Iterator[tuple[str, TestResponse]]:
    """Every page that links lead to, two of a kind."""
    due, seen, kinds = list(begin), set(begin), dict[str, int]()
    while due and len(seen) < PAGES_MAX * 4:
        address = due.pop(0)
        kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\?.*|\d+", "*", address)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > 2:
            continue
        answer = browser.get(address)
        yield address, answer
        for found in ADDRESS.findall(answer.text):
            link = unescape(found)
            if link.startswith("/console") and link not in seen and "sign-" not in link:
                seen.add(link)
                due.append(link)


def check(answer: TestResponse, where: str) -> None:
    """It names nobody, and what is linked from it will not be told where it was linked from."""
    assert named_in(answer.text) == [], where
    assert named_in(str(answer.headers)) == [], where
    if answer.mimetype == "text/html":
        assert answer.headers["Referrer-Policy"] == "no-referrer", where


def paid(api: Api) -> dict[str, Any]:
    """An invoice of the payer, on whose page they began to pay."""
    invoice = made(api.post("/v1/invoices", {**INVOICE, "payer": PAYER}))
    wanted = {"invoices": [invoice["reference"]], "return_url": "https://portal.example/back"}
    session = made(api.post("/v1/checkout-sessions", wanted))
    page = urlsplit(session["url"]).path
    payer = api.app.test_client()
    check(payer.get(page), page)
    made(api.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": "sandbox"}))
    check(payer.get(page), page)
    return invoice


@pytest.mark.usefixtures("app")
def test_a_payers_name_and_numbers_stand_nowhere_but_in_the_vault(api: Api, logged: StringIO) -> None:
    invoice = paid(api)
    officer = browser_of(api.app, api.world.runtime, *Role)
    pages = dict(crawl(officer, "/console", f"/console/invoices/{invoice['id']}", "/console/counter"))
    assert len(pages) > 25, sorted(pages)
    for address, answer in pages.items():
        assert answer.status_code < 500, address
        assert named_in(address) == []
        check(answer, address)
    for term in PAYER.values():
        answer = submit(officer, "/console/search", "/console/search", term=term)
        assert named_in(str(answer.headers)) == []
        assert all(named_in(link) == [] for link in ADDRESS.findall(answer.text) if link != unescape(term))
    reader = next(address for address in pages if address.startswith("/console/payers/"))
    read = submit(officer, reader, reader, purpose="the payer asks where the money is")
    assert set(variants_of("name", "national_id")) <= set(named_in(read.text))
    assert named_in(str(read.headers)) == []
    check(officer.get(reader), reader)
    told = logged.getvalue()
    assert "/console/payers/" in told
    assert named_in(told) == []
    assert named_in(api.get("/metrics", None).text) == []
    assert named_in(json.dumps(traffic(api.world), ensure_ascii=False)) == []
    with api.world.runtime.db.read() as tx:
        rows = [str(row) for table in (audit_log, events) for row in tx.all(select(table))]
    assert rows
    assert named_in(" ".join(rows)) == []


def variants_of(*names: str) -> list[str]:
    return [PAYER[name].casefold() for name in names]


def test_no_answer_of_the_api_names_them(api: Api, app: Flask, logged: StringIO) -> None:
    """Whatever can be read, with a key of each scope; and no log tells what was typed in the wrong place."""
    invoice = paid(api)
    ids = {"key": invoice["reference"], "payment_id": api.get("/v1/payments").json["data"][-1]["id"]}
    paths = list(readable(app, ids))
    assert {"/v1/events", f"/v1/invoices/{invoice['reference']}"} <= set(paths)
    for path in paths:
        for scope in api.keys:
            answer = api.get(path, scope)
            assert answer.status_code in {200, 400, 403, 404, 422}, path
            assert named_in(f"{answer.text} {answer.headers}") == [], path
    for value in PAYER.values():
        assert api.post("/v1/invoices", {**INVOICE, "procedure": value}).status_code in {404, 422}
        assert api.post("/v1/invoices", {**INVOICE, value: value}).status_code == 422
    assert named_in(logged.getvalue()) == []


def readable(app: Flask, ids: Mapping[str, str]) -> Iterator[str]:
    """The addresses of the API that can be read, of things that are there where `ids` knows one."""
    bound = app.url_map.bind("localhost")
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if rule.rule.startswith("/v1/") and "GET" in (rule.methods or set()):
            yield bound.build(rule.endpoint, {name: ids.get(name, str(UUID(int=0))) for name in rule.arguments})


def test_who_signs_in_leaves_no_password_code_or_address_behind(api: Api, app: Flask, logged: StringIO) -> None:
    known, browser = Known(api), app.test_client()
    answers = [
        submit(browser, SIGN_IN, SIGN_IN, email=PAYER["email"], password="a wrong password"),
        known.by_password(browser, "another wrong one"),
        known.by_password(browser),
        known.by_code(browser, "135790"),
        known.by_code(browser, known.code()),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 303, 422, 303]
    secrets = [known.email, known.secret, PASSWORD, "a wrong password", "another wrong one", "135790", PAYER["email"]]
    cookie = browser.get_cookie("officer")
    assert cookie
    secrets.append(cookie.value)
    with api.world.runtime.db.read() as tx:
        trail = " ".join(str(row) for row in tx.all(select(audit_log)))
    told = logged.getvalue()
    assert SECOND in told
    for text in (
        told,
        trail,
        api.get("/metrics", None).text,
        *(str(answer.headers.get("Location")) for answer in answers),
    ):
        assert [one for one in secrets if one.casefold() in text.casefold()] == []


def test_a_canary_that_escaped_would_be_found() -> None:
    for escaped in (
        "?q=079185731946",
        "Tr%E1%BB%8Bnh+Th%E1%BB%8B+Chim+Ho%C3%A0ng+Y%E1%BA%BFn",
        "trinh thi chim hoang yen",
    ):
        assert named_in(escaped)
