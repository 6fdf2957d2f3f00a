"""What an attacker would try on officers' accounts, as far as no test of a page tells it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.console.gate import cookie_name
from gateway.domain.errors import Invalid
from gateway.domain.officer import Role
from gateway.services.invite_officer import InvitationOver, accept_invitation, invite
from gateway.services.officer_sessions import begin_session
from gateway.services.second_factors import new_recovery_codes
from gateway.services.sign_in import prove, sign_in
from gateway.store.tables.identity import officer_recovery_codes, sign_in_tries
from gateway.store.tables.officers import officer_sessions
from tests.integration.api import Api
from tests.integration.console.known import PASSWORD, SECOND, SIGN_IN, Known, form_of, is_in
from tests.integration.officers import FORM_FIELD, an_officer, submit

AT_ONCE = 4
HTTPS = "https://pay.example"


@pytest.fixture
def known(api: Api) -> Known:
    with api.world.runtime.db.transaction() as tx:
        tx.execute(sign_in_tries.delete())
    return Known(api)


def test_cookies_go_to_our_host_alone_and_to_no_script(api: Api, known: Known) -> None:
    settings, runtime = replace(api.settings, public_url=HTTPS), replace(api.world.runtime, public_url=HTTPS)
    browser = create_app(settings, runtime, api.ring).test_client()
    page = browser.get(SIGN_IN, base_url=HTTPS)
    fields = {"form": form_of(page), "email": known.email, "password": PASSWORD}
    answer = browser.post(SIGN_IN, data=fields, base_url=HTTPS)
    for given, name in ((page, "__Host-visitor"), (answer, "__Host-officer")):
        (cookie,) = given.headers.getlist("Set-Cookie")
        value, *attributes = cookie.split("; ")
        assert value.startswith(f"{name}=")
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
    assert page.headers["Strict-Transport-Security"]
    assert page.headers["Cache-Control"] == "no-store"


def test_a_session_that_somebody_planted_is_not_the_one_that_is_opened(api: Api, known: Known) -> None:
    browser, name = api.app.test_client(), cookie_name(api.world.runtime)
    browser.set_cookie(name, "planted")
    known.by_password(browser)
    assert known.by_code(browser, known.code()).status_code == 303
    token = browser.get_cookie(name)
    assert token
    assert token.value != "planted"
    with api.world.runtime.db.read() as tx:
        kept = [
            row.token_hash for row in tx.all(select(officer_sessions).where(officer_sessions.c.officer_id == known.id))
        ]
    assert sha256(token.value.encode()).digest() in kept
    assert sha256(b"planted").digest() not in kept


def secret_on(page: TestResponse) -> str:
    return page.text.split("<code>")[1].split("</code>")[0].replace(" ", "")


def nobody(api: Api) -> FlaskClient:
    return api.app.test_client()


def with_a_password(api: Api) -> FlaskClient:
    """Who has shown it, and has a second factor to show."""
    browser = api.app.test_client()
    Known(api).by_password(browser)
    return browser


def invited(api: Api) -> FlaskClient:
    """Who has chosen a password, and has no second factor."""
    runtime, browser = api.world.runtime, api.app.test_client()
    browser.set_cookie(cookie_name(runtime), accept_invitation(runtime, a_link(api), PASSWORD))
    return browser


def a_link(api: Api) -> str:
    runtime, officer_id = api.world.runtime, an_officer(api.world.runtime, [Role.FINANCE])
    with runtime.db.transaction() as tx:
        return invite(tx, runtime, officer_id, "operator").rpartition("/")[2]


BEFORE: Mapping[str, Callable[[Api], FlaskClient]] = {
    "sign_in": nobody,
    "passkey": nobody,
    "welcome": nobody,
    "second_step": with_a_password,
    "leave_sign_in": with_a_password,
    "set_up_authenticator": invited,
    "set_up_passkey": invited,
}
"""Forms for whoever is not signed in yet, and who could be made to send them."""


def test_all_forms_before_signing_in_are_tried(api: Api) -> None:
    found = {
        rule.endpoint.removeprefix("console.")
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith(("/console/sign-in", "/console/welcome")) and "POST" in (rule.methods or ())
    }
    assert found == set(BEFORE)


@pytest.mark.parametrize("endpoint", BEFORE)
def test_no_other_site_can_send_a_form_before_signing_in(api: Api, endpoint: str) -> None:
    browser = BEFORE[endpoint](api)
    with api.app.test_request_context():
        address = api.app.url_for(f"console.{endpoint}", token=a_link(api)).partition("?")[0]
    form = FORM_FIELD.search(browser.get(SECOND if endpoint == "leave_sign_in" else address).text)
    assert form
    for fields, headers in (
        ({}, {}),
        ({"form": "x"}, {}),
        ({"form": form[1]}, {"Origin": "https://evil.example"}),
        ({"form": form[1]}, {"Sec-Fetch-Site": "cross-site"}),
        ({"form": form[1]}, {"Sec-Fetch-Site": "same-site"}),
    ):
        assert browser.post(address, data=fields, headers=headers).status_code == 403
    assert browser.post(address, data={"form": form[1]}).status_code != 403


def test_the_secret_of_an_authenticator_is_shown_to_the_session_alone_that_sets_it_up(api: Api) -> None:
    """Or else whoever knows the password sees the secret that the officer is about to take."""
    runtime, set_up = api.world.runtime, "/console/sign-in/set-up/authenticator"
    officer_id, officer, thief = an_officer(runtime, [Role.FINANCE]), api.app.test_client(), api.app.test_client()
    for browser in (officer, thief):
        with runtime.db.transaction() as tx:
            browser.set_cookie(cookie_name(runtime), begin_session(tx, officer_id, proven=False))
    shown, other, again = (secret_on(browser.get(set_up)) for browser in (officer, thief, officer))
    assert shown == again != other
    code = pyotp.TOTP(shown).at(runtime.db.now())
    assert submit(thief, set_up, set_up, code=code).status_code == 422
    assert submit(officer, set_up, set_up, code=code).status_code == 200
    assert thief.get(set_up).location.startswith(SECOND)


@pytest.mark.parametrize("by", ["authenticator", "recovery_code"])
def test_a_code_that_is_sent_many_times_at_once_opens_one_session(api: Api, known: Known, by: str) -> None:
    runtime = api.world.runtime
    with runtime.db.transaction() as tx:
        codes = {"recovery_code": new_recovery_codes(tx, runtime, known.id)[0], "authenticator": known.code()}
    halves = [sign_in(runtime, known.email, PASSWORD, "192.0.2.1") for _ in range(AT_ONCE)]

    def proven(half: str) -> bool:
        try:
            prove(runtime, half, codes[by])
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as attackers:
        assert sorted(attackers.map(proven, halves)) == [False] * (AT_ONCE - 1) + [True]
    assert [line.after for line in known.audited("officer.signed_in")] == [{"by": by}]


def test_a_link_that_is_followed_many_times_at_once_works_once(api: Api) -> None:
    runtime, token = api.world.runtime, a_link(api)

    def worked(number: int) -> bool:
        try:
            accept_invitation(runtime, token, f"{PASSWORD} {number}")
        except InvitationOver:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as attackers:
        assert sorted(attackers.map(worked, range(AT_ONCE))) == [False] * (AT_ONCE - 1) + [True]


def test_recovery_codes_are_kept_as_what_only_our_key_leads_to(api: Api, known: Known) -> None:
    runtime = api.world.runtime
    with runtime.db.transaction() as tx:
        codes = new_recovery_codes(tx, runtime, known.id)
        rows = tx.all(select(officer_recovery_codes).where(officer_recovery_codes.c.officer_id == known.id))
    kept = {row.code_hash for row in rows}
    assert len(kept) == len(codes) == 10
    plain = {form for code in codes for form in (code, code.replace("-", ""))}
    assert kept.isdisjoint({form.encode() for form in plain} | {sha256(form.encode()).digest() for form in plain})


@pytest.mark.parametrize("email", ["a\0b@gov.example", "x" * 10_000, "\ud800@gov.example", ""], ids=ascii)
def test_what_can_be_no_address_is_answered_like_a_wrong_password(api: Api, known: Known, email: str) -> None:
    browser = api.app.test_client()
    page = browser.get(SIGN_IN)
    sent = {"form": form_of(page), "email": email.encode(errors="surrogatepass"), "password": "a\0b"}
    assert browser.post(SIGN_IN, data=sent).status_code == 401
    known.by_password(browser)
    assert submit(browser, SECOND, SECOND, code="12\0456 ٣").status_code == 422
    assert not is_in(browser)


def test_an_officer_who_was_invited_is_answered_like_nobody(api: Api, known: Known) -> None:
    browser, officer_id = api.app.test_client(), an_officer(api.world.runtime, [Role.FINANCE])
    texts = set()
    for email in (f"{officer_id}@gov.example", f"{UUID(int=0)}@gov.example"):
        answer = submit(browser, SIGN_IN, SIGN_IN, email=email, password=PASSWORD)
        assert answer.status_code == 401
        texts.add(FORM_FIELD.sub("", answer.text).replace(email, ""))
    assert len(texts) == 1
