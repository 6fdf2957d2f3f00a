"""Officers sign in at a ministry: against a real OpenID Connect server, over real HTTP.

The server puts into its ID tokens what a user's claims say, so that a test can have it sign what no honest one would.
"""

import re
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.domain.officer import Role
from gateway.services.openid import Ceremony, OpenId
from gateway.store.tables.access import audit_log
from gateway.store.tables.identity import sign_in_ceremonies
from gateway.store.tables.officers import officers
from tests.integration.api import Api
from tests.integration.officers import an_officer

CLIENT = "gateway"
BEGIN = "/console/sign-in/openid?next=/console/account"


@dataclass
class Ministry:
    url: str
    http: httpx.Client

    def knows(self, subject: str, **claims: Any) -> None:
        self.http.put(f"{self.url}/users/{subject}", json=claims).raise_for_status()

    def signs_in(self, subject: str, address: str) -> str:
        """What an officer does there; where the browser is sent back to."""
        answer = self.http.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


@pytest.fixture(scope="module")
def ministry() -> Iterator[Ministry]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False, timeout=30) as client:
        try:
            wait_for(client, f"{url}/jwks")
            yield Ministry(url, client)
        finally:
            server.terminate()
            server.wait()


def wait_for(client: httpx.Client, url: str) -> None:
    for _ in range(600):
        try:
            client.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="module")
def app(api: Api, ministry: Ministry) -> Flask:
    return app_with(api, OpenId(ministry.url, CLIENT, "secret"))


def app_with(api: Api, client: OpenId) -> Flask:
    return create_app(api.settings, replace(api.world.runtime, openid=client), api.ring)


@pytest.fixture
def officer(api: Api) -> UUID:
    return an_officer(api.world.runtime, [Role.FINANCE])


def sign_in(app: Flask, ministry: Ministry, subject: str, browser: FlaskClient | None = None) -> TestResponse:
    """The whole way there and back."""
    browser = browser or app.test_client()
    return browser.get(ministry.signs_in(subject, browser.get(BEGIN).location))


def email_of(officer_id: UUID) -> str:
    return f"{officer_id}@gov.example"


def known_to(ministry: Ministry, officer_id: UUID, **claims: Any) -> str:
    subject = f"s-{officer_id}"
    ministry.knows(subject, **{"email": email_of(officer_id).upper(), "email_verified": True, **claims})
    return subject


def test_an_officer_signs_in_at_the_ministry(app: Flask, ministry: Ministry, api: Api, officer: UUID) -> None:
    browser = app.test_client()
    assert "/console/sign-in/openid?next=/console" in browser.get("/console/sign-in").text
    asked = parse_qs(urlsplit(browser.get(BEGIN).location).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{api.world.runtime.public_url}/console/sign-in/openid/callback"]
    answer = sign_in(app, ministry, known_to(ministry, officer), browser)
    assert (answer.status_code, answer.location) == (303, "/console/account")
    assert browser.get("/console").status_code == 200
    with api.world.runtime.db.read() as tx:
        told = tx.all(select(audit_log.c.action).where(audit_log.c.subject_id == str(officer)))
    assert [line.action for line in told] == ["officer.identity_linked", "officer.signed_in"]


def test_the_account_is_found_again_by_the_ministrys_name_for_it(app: Flask, ministry: Ministry, officer: UUID) -> None:
    subject = known_to(ministry, officer)
    assert sign_in(app, ministry, subject).status_code == 303
    known_to(ministry, officer, email="new-name@gov.example", email_verified=False)
    assert sign_in(app, ministry, subject).status_code == 303
    ministry.knows("somebody else", email=email_of(officer), email_verified=True)
    assert sign_in(app, ministry, "somebody else").status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": 1_700_000_000},
        {"nonce": "another"},
        {"iss": "https://evil.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "nobody@gov.example"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_and_now_is_refused(
    app: Flask, ministry: Ministry, officer: UUID, claims: dict[str, Any]
) -> None:
    browser = app.test_client()
    assert sign_in(app, ministry, known_to(ministry, officer, **claims), browser).status_code == 403
    assert browser.get("/console").status_code == 303


def test_a_token_that_another_key_signed_is_refused(
    app: Flask, ministry: Ministry, officer: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, subject = OpenId._fetched, known_to(ministry, officer)
    key = ministry.http.get(f"{ministry.url}/jwks").json()["keys"][0]
    foreign = RSAKey.generate_key(2048).as_dict(private=False)
    for told in ({"kid": key["kid"]}, {"kid": "another"}, {}):
        keys = {"keys": [foreign | told]}
        monkeypatch.setattr(
            OpenId, "_fetched", lambda self, url, k=keys, **o: k if "jwks" in url else real(self, url, **o)
        )
        assert sign_in(app, ministry, subject).status_code == 403


def test_only_the_browser_that_began_can_end_it_and_once(app: Flask, ministry: Ministry, officer: UUID) -> None:
    subject, one, other = known_to(ministry, officer), app.test_client(), app.test_client()
    other.get(BEGIN)
    back = ministry.signs_in(subject, one.get(BEGIN).location)
    assert other.get(back).status_code == 403
    changed = re.sub(r"state=[^&]+", "state=x", back)
    assert one.get(changed).status_code == 403
    assert one.get(back).status_code == 403  # it was spent by the try before
    back = ministry.signs_in(subject, one.get(BEGIN).location)
    assert one.get(back).status_code == 303
    assert one.get(back).status_code == 403


def test_a_sign_in_that_took_too_long_or_was_declined_is_refused(
    app: Flask, ministry: Ministry, api: Api, officer: UUID
) -> None:
    browser = app.test_client()
    back = ministry.signs_in(known_to(ministry, officer), browser.get(BEGIN).location)
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(sign_in_ceremonies).values(made_at=tx.now - timedelta(minutes=15)))
    assert browser.get(back).status_code == 403
    browser.get(BEGIN)
    assert browser.get("/console/sign-in/openid/callback?error=access_denied").status_code == 403


def test_a_disabled_officer_stays_outside(app: Flask, ministry: Ministry, api: Api, officer: UUID) -> None:
    subject = known_to(ministry, officer)
    assert sign_in(app, ministry, subject).status_code == 303
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(officers).where(officers.c.id == officer).values(disabled_at=tx.now))
    assert sign_in(app, ministry, subject).status_code == 403


def test_roles_come_from_the_ministry_only_where_a_claim_is_named(
    app: Flask, ministry: Ministry, api: Api, officer: UUID
) -> None:
    subject = known_to(ministry, officer, groups=["administrator", "gardener"])

    def roles() -> list[str]:
        with api.world.runtime.db.read() as tx:
            return list(tx.execute(select(officers.c.roles).where(officers.c.id == officer)).scalar_one())

    sign_in(app, ministry, subject)
    assert roles() == ["finance"]
    mapped = app_with(api, OpenId(ministry.url, CLIENT, "secret", "groups"))
    assert sign_in(mapped, ministry, subject).status_code == 303
    assert roles() == ["administrator"]
    known_to(ministry, officer, groups=["gardener"])
    assert sign_in(mapped, ministry, subject).status_code == 403
    assert roles() == ["administrator"]


def test_a_ministry_that_does_not_answer_is_said_to_be_away(api: Api, ministry: Ministry) -> None:
    for url in ("http://127.0.0.1:9", f"{ministry.url}/"):  # nobody there; somebody who calls itself otherwise
        answer = app_with(api, OpenId(url, CLIENT, "secret")).test_client().get(BEGIN)
        assert answer.status_code == 503
        assert "does not answer" in answer.text or "không trả lời" in answer.text


def test_the_code_challenge_is_that_of_the_verifier(ministry: Ministry) -> None:
    ceremony = Ceremony.fresh()
    asked = parse_qs(urlsplit(OpenId(ministry.url, CLIENT, "s").address(ceremony, "https://here.example")).query)
    digest = urlsafe_b64encode(sha256(ceremony.verifier.encode()).digest()).decode()
    assert asked["code_challenge"] == [digest.rstrip("=")]
    assert asked["state"] == [ceremony.state]


def test_without_a_ministry_there_is_no_way_to_it(api: Api) -> None:
    assert api.app.test_client().get(BEGIN).status_code == 404
    assert "sign-in/openid" not in api.app.test_client().get("/console/sign-in").text
