"""Officers for the tests of the console, and their browsers."""

import re
from collections.abc import Iterable
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.console.gate import cookie_name
from gateway.domain.officer import Role
from gateway.services.officer_sessions import begin_session
from gateway.services.runtime import Runtime
from gateway.store import officers
from gateway.store.database import new_id

FORM_FIELD = re.compile(r'name="form" value="([^"]+)"')


def an_officer(runtime: Runtime, roles: Iterable[Role], agency_id: UUID | None = None, name: str = "Lan") -> UUID:
    officer_id = new_id()
    row = {"id": officer_id, "email": f"{officer_id}@gov.example", "name": name, "agency_id": agency_id}
    with runtime.db.transaction() as tx:
        officers.add(tx, row | {"roles": sorted(roles)})
    return officer_id


def browser_of(app: Flask, runtime: Runtime, *roles: Role, agency_id: UUID | None = None) -> FlaskClient:
    """The browser of a new officer who holds `roles` and is signed in."""
    officer_id = an_officer(runtime, roles, agency_id)
    with runtime.db.transaction() as tx:
        token = begin_session(tx, officer_id)
    browser = app.test_client()
    browser.set_cookie(cookie_name(runtime), token)
    return browser


def submit(browser: FlaskClient, page: str, action: str, /, **fields: str) -> TestResponse:
    """Open `page`, and send a form with the token that stands there to `action`."""
    found = FORM_FIELD.search(browser.get(page).text)
    assert found, f"{page} has no form"
    return browser.post(action, data={"form": found[1], **fields})
