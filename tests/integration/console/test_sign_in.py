"""Officers sign in by password and a second factor; whoever only knows one of them stays outside."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import select, update

from gateway.console.gate import cookie_name
from gateway.domain.officer import Role
from gateway.services.invite_officer import invite
from gateway.services.lock_out import RULES, forget_old_tries
from gateway.services.sign_in import WrongCredentials, sign_in
from gateway.store.tables.identity import officer_authenticators, officer_invitations, sign_in_tries
from gateway.store.tables.officers import officer_sessions, officers
from tests.integration.api import Api
from tests.integration.console.known import PASSWORD, SECOND, SIGN_IN, Known, form_of, is_in
from tests.integration.officers import FORM_FIELD, an_officer, browser_of, submit


@pytest.fixture
def known(api: Api) -> Known:
    with api.world.runtime.db.transaction() as tx:
        tx.execute(sign_in_tries.delete())
    return Known(api)


def test_an_officer_signs_in_by_password_and_code(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    first = known.by_password(browser)
    assert (first.status_code, first.location) == (303, f"{SECOND}?next=/console")
    half = browser.get_cookie(cookie_name(api.world.runtime))
    assert half
    assert not is_in(browser)
    assert known.by_code(browser, known.code()).location == "/console"
    assert is_in(browser)
    browser.set_cookie(cookie_name(api.world.runtime), half.value)
    assert not is_in(browser)
    told = [line.after for line in known.audited("officer.signed_in")]
    assert told == [{"by": "authenticator"}]


def test_whoever_was_sent_away_comes_back_to_where_they_were(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    for wanted, to in (("/console/officers", "/console/officers"), ("//evil.example/console", "/console")):
        page = f"{SIGN_IN}?next={wanted}"
        answer = submit(browser, page, page, email=known.email, password=PASSWORD)
        assert answer.location == f"{SECOND}?next={to}"


@pytest.mark.parametrize("place", ["https://evil.example", "/console/../x", "/console//evil", "/pay", "/console?a=b"])
def test_signing_in_leads_to_no_other_place(api: Api, known: Known, place: str) -> None:
    browser = api.app.test_client()
    known.by_password(browser)
    answer = browser.post(f"{SECOND}?next={place}", data={"form": form_of(browser.get(SECOND)), "code": known.code()})
    assert (answer.status_code, answer.location) == (303, "/console")


def test_unknown_and_disabled_accounts_are_answered_like_a_wrong_password(api: Api, known: Known) -> None:
    other = Known(api)
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(officers).where(officers.c.id == other.id).values(disabled_at=tx.now))
    browser = api.app.test_client()
    answers = [
        known.by_password(browser, "another password"),
        submit(browser, SIGN_IN, SIGN_IN, email="nobody@gov.example", password=PASSWORD),
        other.by_password(browser),
    ]
    typed = [f" {known.email.upper()}", "nobody@gov.example", f" {other.email.upper()}"]
    texts = {FORM_FIELD.sub("", answer.text).replace(email, "") for answer, email in zip(answers, typed, strict=True)}
    assert [answer.status_code for answer in answers] == [401] * 3
    assert len(texts) == 1
    assert PASSWORD not in texts.pop()
    assert len(known.audited("officer.sign_in_refused")) == 1


def test_an_unknown_account_costs_as_much_work(api: Api, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def matches(_: str, kept: str | None) -> bool:
        asked.append(kept is None)
        return False

    monkeypatch.setattr("gateway.services.sign_in.matches", matches)
    for email in (known.email, "nobody@gov.example"):
        with pytest.raises(WrongCredentials):
            sign_in(api.world.runtime, email, PASSWORD, "192.0.2.1")
    assert asked == [False, True]


def test_guessing_a_password_is_slowed_down_whether_or_not_there_is_such_an_account(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    for email in (known.email, "nobody@gov.example"):
        statuses = [submit(browser, SIGN_IN, SIGN_IN, email=email, password="x").status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
    assert known.by_password(browser).status_code == 429
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(sign_in_tries).values(blocked_until=tx.now))
    assert known.by_password(browser).status_code == 303
    assert known.by_password(browser, "x").status_code == 401  # what went well wiped the count


def test_many_officers_behind_one_address_sign_in_and_who_guesses_there_is_slowed_down(
    api: Api, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "address", replace(RULES["address"], free=3))
    browser = api.app.test_client()
    assert [known.by_password(browser).status_code for _ in range(5)] == [303] * 5
    guesses = [f"nobody{number}@gov.example" for number in range(4)]
    statuses = [submit(browser, SIGN_IN, SIGN_IN, email=email, password="x").status_code for email in guesses]
    assert statuses == [401, 401, 401, 429]


def test_guessing_codes_is_slowed_down_however_often_the_password_is_shown(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    statuses = []
    for _ in range(6):
        known.by_password(browser)
        statuses.append(known.by_code(browser, "000000").status_code)
    assert statuses == [422] * 5 + [429]
    assert known.by_code(browser, known.code()).status_code == 429
    assert not is_in(browser)


def test_a_code_counts_once_and_one_step_before_or_after_its_time(api: Api, known: Known) -> None:
    browsers = [api.app.test_client() for _ in range(3)]
    for browser in browsers:
        known.by_password(browser)
    early = known.code(timedelta(seconds=30))
    assert known.by_code(browsers[0], known.code(timedelta(seconds=90))).status_code == 422
    assert known.by_code(browsers[0], early).status_code == 303
    assert known.by_code(browsers[1], early).status_code == 422
    assert known.by_code(browsers[1], known.code(timedelta(seconds=-30))).status_code == 303
    assert known.by_code(browsers[2], known.code()).status_code == 422  # older than one that was used


def test_an_invited_officer_sets_a_password_and_an_authenticator_and_can_recover(api: Api) -> None:
    runtime = api.world.runtime
    officer_id = an_officer(runtime, [Role.FINANCE])
    with runtime.db.transaction() as tx:
        link = invite(tx, runtime, officer_id, "operator").removeprefix(runtime.public_url)
    browser = api.app.test_client()
    assert "passwords differ" in submit(browser, f"{link}?lang=en", link, password=PASSWORD, again="x").text
    assert submit(browser, link, link, password="short", again="short").status_code == 422
    answer = submit(browser, link, link, password=PASSWORD, again=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/console/sign-in/set-up?next=/console")
    assert browser.get(link).status_code == 404
    assert not is_in(browser)
    assert browser.get(SECOND).location == "/console/sign-in/set-up?next=/console"
    set_up = "/console/sign-in/set-up/authenticator"
    assert f'href="{set_up}?next=/console"' in browser.get("/console/sign-in/set-up").text
    assert submit(browser, set_up, set_up, code="000000").status_code == 422
    codes = submit(browser, set_up, set_up, code=pending_code(api, officer_id)).text
    found = [part.split("</code>")[0] for part in codes.split("<code>")[1:]]
    assert len(set(found)) == 10
    assert is_in(browser)
    recover(api, officer_id, found[3])


def recover(api: Api, officer_id: UUID, code: str) -> None:
    """The code opens once."""
    for expected in (303, 422):
        browser = api.app.test_client()
        email = f"{officer_id}@gov.example"
        submit(browser, SIGN_IN, SIGN_IN, email=email, password=PASSWORD)
        assert submit(browser, SECOND, SECOND, code=f" {code.lower()} ").status_code == expected


def test_a_link_ends_after_a_day_and_when_a_later_one_is_made(api: Api) -> None:
    runtime = api.world.runtime
    officer_id = an_officer(runtime, [Role.FINANCE])
    with runtime.db.transaction() as tx:
        first, second = (invite(tx, runtime, officer_id, "operator") for _ in range(2))
    browser = api.app.test_client()
    shown = [browser.get(link.removeprefix(runtime.public_url)).status_code for link in (first, second)]
    assert shown == [404, 200]
    with runtime.db.transaction() as tx:
        tx.execute(update(officer_invitations).values(expires_at=tx.now))
    assert browser.get(second.removeprefix(runtime.public_url)).status_code == 404


def test_a_half_session_lasts_a_quarter_of_an_hour(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    known.by_password(browser)
    assert browser.get(SECOND).status_code == 200
    with api.world.runtime.db.transaction() as tx:
        old = tx.now - timedelta(minutes=15)
        tx.execute(update(officer_sessions).where(officer_sessions.c.officer_id == known.id).values(seen_at=old))
    assert browser.get(SECOND).location == f"{SIGN_IN}?next=/console"


def test_who_has_a_second_factor_sets_up_no_other_by_the_password_alone(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    known.by_password(browser)
    fields = {"form": form_of(browser.get(SECOND)), "code": known.code(), "credential": "{}", "label": "x"}
    for way in ("", "/authenticator", "/passkey"):
        assert browser.get(f"/console/sign-in/set-up{way}").location == f"{SECOND}?next=/console"
        if way:
            assert browser.post(f"/console/sign-in/set-up{way}", data=fields).location.startswith(SECOND)
    assert not is_in(browser)


def test_a_form_of_the_sign_in_page_must_be_of_this_browser(api: Api, known: Known) -> None:
    own, other = api.app.test_client(), api.app.test_client()
    other.get(SIGN_IN)
    fields = {"form": form_of(own.get(SIGN_IN)), "email": known.email, "password": PASSWORD}
    assert other.post(SIGN_IN, data=fields).status_code == 403


def test_whoever_is_signed_in_already_can_still_sign_in_as_another(api: Api, known: Known) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    known.by_password(browser)
    assert submit(browser, SECOND, "/console/sign-in/leave").location == f"{SIGN_IN}?next=/console"
    assert browser.get(SECOND).status_code == 303


def pending_code(api: Api, officer_id: UUID) -> str:
    runtime = api.world.runtime
    with runtime.db.read() as tx:
        row = tx.execute(select(officer_authenticators).where(officer_authenticators.c.officer_id == officer_id)).one()
    sealed = runtime.vault.open_bytes(f"officer_authenticator:{row.id}", row.master_key_id, row.sealed)
    assert sealed.decode().encode() not in row.sealed
    return pyotp.TOTP(sealed.decode()).at(runtime.db.now())


def test_old_tries_are_forgotten_and_recent_ones_are_not(api: Api, known: Known) -> None:
    browser = api.app.test_client()
    known.by_password(browser, "x")
    assert forget_old_tries(api.world.runtime) == 0
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(sign_in_tries).values(last_at=tx.now - timedelta(days=1, seconds=1)))
    assert forget_old_tries(api.world.runtime) == 2  # of the account, and of the address


@pytest.mark.parametrize(("tries", "seconds"), [(4, 0), (5, 30), (6, 60), (9, 480), (10, 960), (1000, 960)])
def test_each_wait_is_twice_the_one_before_up_to_a_limit(tries: int, seconds: int) -> None:
    assert RULES["password"].wait_after(tries) == timedelta(seconds=seconds)
