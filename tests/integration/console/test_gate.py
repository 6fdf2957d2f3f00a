"""The console lets in officers who are signed in, and takes forms from its own pages only."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.console.gate import cookie_name
from gateway.domain.officer import Role
from gateway.store.tables.officers import officers
from tests.integration.api import Api
from tests.integration.officers import browser_of, submit


def test_whoever_is_not_signed_in_is_sent_to_do_so(api: Api) -> None:
    answer = api.app.test_client().get("/console")
    assert (answer.status_code, answer.location) == (303, "/console/sign-in?next=/console")


def test_an_officer_is_greeted_in_the_language_of_choice(api: Api) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    english = browser.get("/console?lang=en")
    assert "Good day, Lan" in english.text
    assert "Good day, Lan" in browser.get("/console").text
    assert english.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_signing_out_ends_the_session(api: Api) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    token = browser.get_cookie(cookie_name(api.world.runtime))
    assert token
    assert submit(browser, "/console", "/console/sign-out").status_code == 303
    browser.set_cookie(cookie_name(api.world.runtime), token.value)
    assert browser.get("/console").status_code == 303


@pytest.mark.parametrize("fields", [{}, {"form": "x"}])
def test_a_form_from_elsewhere_is_refused(api: Api, fields: dict[str, str]) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    assert browser.post("/console/sign-out", data=fields).status_code == 403
    assert browser.get("/console").status_code == 200


def test_a_form_of_another_session_is_refused(api: Api) -> None:
    one, other = (browser_of(api.app, api.world.runtime, Role.VIEWER) for _ in range(2))
    other_cookie = other.get_cookie(cookie_name(api.world.runtime))
    assert other_cookie
    found = one.get("/console").text.split('name="form" value="')[1].split('"')[0]
    assert other.post("/console/sign-out", data={"form": found}).status_code == 403


@pytest.mark.parametrize("lasting", ["LONGEST", "IDLE"])
def test_a_session_ends_by_itself(api: Api, monkeypatch: pytest.MonkeyPatch, lasting: str) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    assert browser.get("/console").status_code == 200
    monkeypatch.setattr(f"gateway.services.officer_sessions.{lasting}", timedelta())
    assert browser.get("/console").status_code == 303


def test_a_disabled_officer_is_out_at_once(api: Api) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(officers).values(disabled_at=tx.now))
    assert browser.get("/console").status_code == 303
