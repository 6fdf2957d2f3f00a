"""Officers sign in at a ministry: against a real OpenID Connect server, over real HTTP."""

import hmac
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.domain.officer import Role
from gateway.services.invite_officer import NewOfficer, add_officer
from gateway.services.openid import OpenId
from gateway.store.tables.access import audit_log
from gateway.store.tables.identity import sign_in_ceremonies
from gateway.store.tables.officers import officers
from tests.integration.api import Api
from tests.integration.console.authenticator import encoded
from tests.integration.console.known import Known, is_in
from tests.integration.console.ministry import CLIENT, SECRET, WAYS, Ministry, a_ministry
from tests.integration.officers import an_officer

BEGIN = "/console/sign-in/openid?next=/console/account"
NOBODY_THERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def ministry() -> Iterator[Ministry]:
    with a_ministry() as running:
        yield running


@pytest.fixture(scope="module")
def app(api: Api, ministry: Ministry) -> Flask:
    return app_with(api, OpenId(ministry.url, CLIENT, SECRET))


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
        {"aud": "another", "azp": CLIENT},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nonce": "another"},
        {"nonce": None},
        {"at_hash": "another"},
        {"at_hash": 7},
        {"sub": 7},
        {"sub": ""},
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


def by_another_key(ministry: Ministry, token: str) -> str:
    """In the name of the ministry's."""
    return jwt.encode(told(token, 0), told(token, 1), RSAKey.generate_key(2048), ["RS256"])


def by_nobody(_: Ministry, token: str) -> str:
    return f"{part({'alg': 'none'})}.{token.split('.')[1]}."


def by_what_everybody_knows(ministry: Ministry, token: str) -> str:
    """With the public key as the secret of an HMAC."""
    signed = f"{part(told(token, 0) | {'alg': 'HS256'})}.{token.split('.')[1]}"
    digest = hmac.digest(ministry.key.as_pem(private=False), signed.encode(), sha256)
    return f"{signed}.{encoded(digest)}"


def with_more_claims(_: Ministry, token: str) -> str:
    """Under the ministry's own signature."""
    header, _claims, signature = token.split(".")
    return f"{header}.{part(told(token, 1) | {'groups': ['administrator']})}.{signature}"


def told(token: str, at: int) -> dict[str, Any]:
    """The header of a token, or its claims."""
    found: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[at] + "=="))
    return found


def part(content: dict[str, Any]) -> str:
    return encoded(json.dumps(content).encode())


@pytest.mark.parametrize("forged", [by_another_key, by_nobody, by_what_everybody_knows, with_more_claims])
def test_a_token_that_the_ministry_did_not_sign_is_refused(
    app: Flask,
    ministry: Ministry,
    officer: UUID,
    monkeypatch: pytest.MonkeyPatch,
    forged: Callable[[Ministry, str], str],
) -> None:
    subject = known_to(ministry, officer)
    monkeypatch.setattr(ministry, "forged", lambda token: forged(ministry, token))
    assert sign_in(app, ministry, subject).status_code == 403
    monkeypatch.undo()
    assert sign_in(app, ministry, subject).status_code == 303


def test_a_token_of_an_earlier_sign_in_is_refused(
    app: Flask, ministry: Ministry, officer: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(token: str) -> str:
        issued.append(token)
        return issued[0]

    subject, issued = known_to(ministry, officer), list[str]()
    monkeypatch.setattr(ministry, "forged", first)
    assert [sign_in(app, ministry, subject).status_code for _ in range(2)] == [303, 403]


def test_a_code_that_was_stolen_is_worth_nothing_in_another_browser(
    app: Flask, ministry: Ministry, officer: UUID
) -> None:
    """The ministry itself refuses it: it was asked for with the challenge of another verifier (RFC 7636)."""
    one, other = app.test_client(), app.test_client()
    stolen = query(ministry.signs_in(known_to(ministry, officer), one.get(BEGIN).location))["code"]
    back = ministry.signs_in("somebody", other.get(BEGIN).location)
    ministry.refusals.clear()
    answer = other.get(back.replace(query(back)["code"], stolen) + "&lang=en")
    assert (answer.status_code, "begin once more" in answer.text) == (403, True)
    assert ministry.refusals == ["Code challenge failed."]
    assert not is_in(other)


def query(address: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}


def test_keys_are_asked_for_once_and_again_when_the_ministry_changed_its_own(
    api: Api, ministry: Ministry, officer: UUID
) -> None:
    fresh, subject = app_with(api, OpenId(ministry.url, CLIENT, SECRET)), known_to(ministry, officer)
    ministry.asked.clear()
    assert [sign_in(fresh, ministry, subject).status_code for _ in range(2)] == [303, 303]
    assert ministry.asked["/jwks"] == 1
    ministry.changes_its_key()
    assert [sign_in(fresh, ministry, subject).status_code for _ in range(2)] == [303, 303]
    assert ministry.asked["/jwks"] == 2
    assert ministry.asked["/.well-known/openid-configuration"] == 1


def test_who_we_are_is_proven_in_the_way_that_the_ministry_takes(
    api: Api, ministry: Ministry, officer: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = known_to(ministry, officer)
    for way in WAYS:
        monkeypatch.setattr(ministry, "ways", (way,))
        assert sign_in(app_with(api, OpenId(ministry.url, CLIENT, SECRET)), ministry, subject).status_code == 303, way
    wrong = sign_in(app_with(api, OpenId(ministry.url, CLIENT, "another")), ministry, subject)
    assert wrong.status_code == 503


def test_an_address_that_the_token_leaves_out_is_asked_for(app: Flask, ministry: Ministry, officer: UUID) -> None:
    ministry.knows("brief")
    ministry.apart["brief"] = {"email": email_of(officer), "email_verified": True, "sub": "somebody else"}
    assert sign_in(app, ministry, "brief").status_code == 403
    del ministry.apart["brief"]["sub"]
    assert sign_in(app, ministry, "brief").status_code == 303


def test_only_the_browser_that_began_can_end_it_and_once(app: Flask, ministry: Ministry, officer: UUID) -> None:
    subject, one, other = known_to(ministry, officer), app.test_client(), app.test_client()
    other.get(BEGIN)
    back = ministry.signs_in(subject, one.get(BEGIN).location)
    assert other.get(back).status_code == 403
    assert one.get(re.sub(r"state=[^&]+", "state=x", back)).status_code == 403
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


def test_an_address_in_other_letters_is_another_address(app: Flask, ministry: Ministry, api: Api) -> None:
    address = f"s{uuid4()}@gov.example"
    with api.world.runtime.db.transaction() as tx:
        add_officer(tx, NewOfficer(address, "Sinh", [Role.FINANCE]), "operator")
    lookalike = address.replace("s", "\N{LATIN SMALL LETTER LONG S}", 1)
    for email, expected in ((lookalike, 403), (f"\0{address}", 403), (address.upper(), 303)):
        ministry.knows(address, email=email, email_verified=True)
        assert sign_in(app, ministry, address).status_code == expected, email


def test_the_ministry_leads_to_no_other_place(app: Flask, ministry: Ministry, officer: UUID) -> None:
    browser = app.test_client()
    address = browser.get("/console/sign-in/openid?next=//evil.example").location
    assert browser.get(ministry.signs_in(known_to(ministry, officer), address)).location == "/console"


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
    mapped = app_with(api, OpenId(ministry.url, CLIENT, SECRET, "groups"))
    assert sign_in(mapped, ministry, subject).status_code == 303
    assert roles() == ["administrator"]
    known_to(ministry, officer, groups=["gardener"])
    assert sign_in(mapped, ministry, subject).status_code == 403
    assert roles() == ["administrator"]


def test_a_ministry_that_does_not_answer_is_said_to_be_away(api: Api, ministry: Ministry) -> None:
    for url in (NOBODY_THERE, f"{ministry.url}/"):  # the second calls itself otherwise
        answer = app_with(api, OpenId(url, CLIENT, SECRET)).test_client().get(f"{BEGIN}&lang=en")
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)


def test_without_the_ministry_officers_sign_in_by_their_own_password(api: Api) -> None:
    local, known = app_with(api, OpenId(NOBODY_THERE, CLIENT, SECRET)), Known(api)
    browser = local.test_client()
    assert browser.get(BEGIN).status_code == 503
    assert known.by_password(browser).status_code == 303
    assert known.by_code(browser, known.code()).status_code == 303
    assert is_in(browser)


def test_a_ministry_that_goes_away_meanwhile_is_said_to_be_away(
    app: Flask, ministry: Ministry, officer: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = app.test_client()
    back = ministry.signs_in(known_to(ministry, officer), browser.get(BEGIN).location)
    monkeypatch.setattr(ministry, "is_broken", True)
    assert browser.get(back).status_code == 503
    assert not is_in(browser)


def test_without_a_ministry_there_is_no_way_to_it(api: Api) -> None:
    assert api.app.test_client().get(BEGIN).status_code == 404
    assert "sign-in/openid" not in api.app.test_client().get("/console/sign-in").text
