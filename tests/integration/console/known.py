"""An officer who can sign in, and the way in as a browser goes it."""

from datetime import timedelta
from uuid import UUID

import pyotp
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.engine import Row
from werkzeug.test import TestResponse

from gateway.services.demo_officers import load_demo_officers, new_demo_officers
from gateway.store.tables.access import audit_log
from gateway.store.tables.officers import officers
from tests.integration.api import Api
from tests.integration.officers import FORM_FIELD, submit

PASSWORD = "three blue herons wade"
SIGN_IN = "/console/sign-in"
SECOND = "/console/sign-in/second-step"


class Known:
    """An officer who signs in by password and authenticator."""

    def __init__(self, api: Api, *roles: str) -> None:
        self.api = api
        demo = new_demo_officers()[1]
        self.email, self.secret = f"{demo['authenticator'].lower()}@gov.example", demo["authenticator"]
        told = {"email": self.email, "password": PASSWORD, "roles": roles or demo["roles"]}
        load_demo_officers(api.world.runtime, [demo | told])
        with api.world.runtime.db.read() as tx:
            self.id: UUID = tx.execute(select(officers.c.id).where(officers.c.email == self.email)).scalar_one()

    def by_password(self, browser: FlaskClient, password: str = PASSWORD) -> TestResponse:
        return submit(browser, SIGN_IN, SIGN_IN, email=f" {self.email.upper()}", password=password)

    def code(self, ago: timedelta = timedelta()) -> str:
        return pyotp.TOTP(self.secret).at(self.api.world.runtime.db.now() - ago)

    def by_code(self, browser: FlaskClient, code: str) -> TestResponse:
        return submit(browser, SECOND, SECOND, code=code)

    def signed_in(self) -> FlaskClient:
        browser = self.api.app.test_client()
        self.by_password(browser)
        assert self.by_code(browser, self.code()).status_code == 303
        return browser

    def audited(self, action: str) -> list[Row[object]]:
        """What the audit trail has of the officer."""
        found = select(audit_log).where(audit_log.c.subject_id == str(self.id), audit_log.c.action == action)
        with self.api.world.runtime.db.read() as tx:
            return list(tx.all(found))


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/console").status_code == 200


def form_of(page: TestResponse) -> str:
    found = FORM_FIELD.search(page.text)
    assert found, page.text
    return found[1]
