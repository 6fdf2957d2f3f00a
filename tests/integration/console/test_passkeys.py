"""Officers sign in with a passkey: as the second step, or with its PIN instead of both."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from gateway.domain.officer import Role
from gateway.services import officer_passkeys
from gateway.services.invite_officer import invite
from gateway.services.officer_passkeys import Here
from gateway.services.officer_sessions import begin_session
from gateway.services.sign_in import SecondFactorNeeded, half_signed_in
from gateway.store.tables.officers import officers
from tests.integration.api import Api
from tests.integration.console.authenticator import Device
from tests.integration.console.known import PASSWORD, SECOND, SIGN_IN, Known, form_of, is_in
from tests.integration.officers import an_officer, submit

AT_ONCE = 4
SET_UP = "/console/sign-in/set-up/passkey"
ADD, SHOW, ACCOUNT = "/console/account/passkeys/new", "/console/sign-in/passkey", "/console/account"


@pytest.fixture(scope="module")
def known(api: Api) -> Known:
    return Known(api)


@pytest.fixture(scope="module")
def signed_in(known: Known) -> FlaskClient:
    return known.signed_in()


@pytest.fixture
def device(api: Api, signed_in: FlaskClient) -> Device:
    """One that the officer has added."""
    device = Device(Here.of(api.world.runtime).origin)
    assert add(signed_in, device).status_code == 303
    return device


def options_on(page: TestResponse) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def add(browser: FlaskClient, device: Device, label: str = "blue key", at: str = ADD) -> TestResponse:
    page = browser.get(at)
    return browser.post(at, data={"form": form_of(page), "credential": device.make(options_on(page)), "label": label})


def show(browser: FlaskClient, device: Device, wanted: str = ACCOUNT) -> TestResponse:
    page = browser.get(SHOW)
    fields = {"form": form_of(page), "credential": device.show(options_on(page))}
    return browser.post(f"{SHOW}?next={wanted}", data=fields)


def test_a_passkey_with_its_pin_signs_in_alone(api: Api, known: Known, device: Device) -> None:
    for _ in range(2):
        browser = api.app.test_client()
        answer = show(browser, device)
        assert (answer.status_code, answer.location) == (303, ACCOUNT)
        assert is_in(browser)
    assert known.audited("officer.signed_in")[-1].after == {"by": "passkey"}


def test_a_passkey_of_a_disabled_officer_opens_nothing(api: Api, device: Device) -> None:
    known, own = Known(api), Device(device.origin)
    assert add(known.signed_in(), own).status_code == 303
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(officers).where(officers.c.id == known.id).values(disabled_at=tx.now))
    browser = api.app.test_client()
    assert show(browser, own).status_code == 422
    assert not is_in(browser)


def test_a_passkey_leads_to_no_other_place(api: Api, device: Device) -> None:
    assert show(api.app.test_client(), device, "//evil.example").location == "/console"


def test_a_passkey_without_a_pin_is_a_second_step_only(api: Api, known: Known, device: Device) -> None:
    device.flags = 1
    browser = api.app.test_client()
    assert show(browser, device).status_code == 422
    known.by_password(browser)
    assert 'href="/console/sign-in/passkey' in browser.get("/console/sign-in/second-step").text
    assert options_on(browser.get(SHOW))["allowCredentials"]
    assert show(browser, device).status_code == 303
    assert is_in(browser)


def test_a_passkey_of_another_officer_is_no_second_step(api: Api, device: Device) -> None:
    browser = api.app.test_client()
    Known(api).by_password(browser)
    assert show(browser, device).status_code == 422
    assert not is_in(browser)


def test_an_answer_counts_once_and_for_the_browser_that_was_asked(api: Api, device: Device) -> None:
    one, other = api.app.test_client(), api.app.test_client()
    page = one.get(SHOW)
    answer = device.show(options_on(page))
    theirs = form_of(other.get(SHOW))
    assert other.post(SHOW, data={"form": theirs, "credential": answer}).status_code == 422
    fields = {"form": form_of(page), "credential": answer}
    assert one.post(SHOW, data=fields).status_code == 303
    assert one.post(SHOW, data=fields).status_code == 422


def test_a_passkey_that_was_copied_or_shown_elsewhere_is_refused(api: Api, known: Known, device: Device) -> None:
    assert show(api.app.test_client(), device).status_code == 303
    device.count -= 1
    assert show(api.app.test_client(), device).status_code == 422
    device.count += 5
    device.origin = "https://evil.example"
    assert show(api.app.test_client(), device).status_code == 422
    assert len(known.audited("officer.sign_in_refused")) >= 2


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", '{"id": "x"}', "nonsense"])
def test_what_is_no_passkey_is_refused(api: Api, signed_in: FlaskClient, answer: str) -> None:
    browser = api.app.test_client()
    fields = {"form": form_of(browser.get(SHOW)), "credential": answer}
    assert browser.post(SHOW, data=fields).status_code == 422
    fields = {"form": form_of(signed_in.get(ADD)), "credential": answer, "label": "x"}
    assert signed_in.post(ADD, data=fields).status_code == 422


def test_a_passkey_is_added_once_and_under_a_name(signed_in: FlaskClient, device: Device) -> None:
    assert add(signed_in, device).status_code == 422
    assert 'id="label-fault"' in add(signed_in, Device(device.origin), " ").text
    assert add(signed_in, Device("https://evil.example")).status_code == 422


def test_a_passkey_that_was_removed_opens_nothing(api: Api, signed_in: FlaskClient) -> None:
    device = Device(Here.of(api.world.runtime).origin)
    add(signed_in, device, "to be removed")
    page = signed_in.get(ACCOUNT)
    remove = removals(page)[-1]
    assert Known(api).signed_in().post(remove, data={"form": "x"}).status_code == 403
    assert signed_in.post(remove, data={"form": form_of(page)}).status_code == 303
    assert "to be removed" not in signed_in.get(ACCOUNT).text
    assert show(api.app.test_client(), device).status_code == 422


@pytest.fixture
def invited(api: Api) -> tuple[UUID, FlaskClient]:
    """An officer who was invited and has chosen a password, and their browser."""
    runtime = api.world.runtime
    officer_id, browser = an_officer(runtime, [Role.FINANCE]), api.app.test_client()
    with runtime.db.transaction() as tx:
        link = invite(tx, runtime, officer_id, "operator").removeprefix(runtime.public_url)
    submit(browser, link, link, password=PASSWORD, again=PASSWORD)
    return officer_id, browser


def by_password(api: Api, officer_id: UUID) -> FlaskClient:
    browser = api.app.test_client()
    submit(browser, SIGN_IN, SIGN_IN, email=f"{officer_id}@gov.example", password=PASSWORD)
    return browser


def test_a_passkey_is_the_first_second_factor_and_recovery_codes_stand_in_for_it(
    api: Api, invited: tuple[UUID, FlaskClient]
) -> None:
    (officer_id, browser), device = invited, Device(Here.of(api.world.runtime).origin, verifies=False)
    assert add(browser, Device("https://evil.example"), at=SET_UP).status_code == 422
    answer = add(browser, device, at=SET_UP)
    codes = re.findall(r"<li><code>([^<]+)</code>", answer.text)
    assert (answer.status_code, len(codes)) == (200, 10)
    assert is_in(browser)
    browser = by_password(api, officer_id)
    assert browser.get(SET_UP).location.startswith(SECOND)
    assert "Recovery code" in browser.get(f"{SECOND}?lang=en").text
    assert show(browser, device).status_code == 303
    for expected in (303, 422):
        assert submit(by_password(api, officer_id), SECOND, SECOND, code=codes[0]).status_code == expected


def test_of_several_who_know_the_password_at_once_one_sets_up_the_second_factor(
    api: Api, invited: tuple[UUID, FlaskClient]
) -> None:
    runtime, (officer_id, _) = api.world.runtime, invited
    with runtime.db.transaction() as tx:
        halves = [begin_session(tx, officer_id, proven=False) for _ in range(AT_ONCE)]

    def ready(half: str) -> str:
        with runtime.db.transaction() as tx:
            options = officer_passkeys.begin_first(tx, runtime, half_signed_in(runtime, half))
        return Device(Here.of(runtime).origin).make(json.loads(options))

    def won(half: str, answer: str) -> bool:
        try:
            officer_passkeys.set_up(runtime, half, answer, "x")
        except SecondFactorNeeded:
            return False
        return True

    answers = [ready(half) for half in halves]
    with ThreadPoolExecutor(AT_ONCE) as rivals:
        assert sorted(rivals.map(won, halves, answers)) == [False] * (AT_ONCE - 1) + [True]


def test_the_only_second_factor_stays(api: Api, invited: tuple[UUID, FlaskClient]) -> None:
    """Or else the password alone would be enough to sign in and set up another."""
    _, browser = invited
    devices = [Device(Here.of(api.world.runtime).origin) for _ in range(2)]
    add(browser, devices[0], at=SET_UP)
    add(browser, devices[1])
    for status, left in ((303, 1), (409, 1)):
        page = browser.get(ACCOUNT)
        answer = browser.post(removals(page)[0], data={"form": form_of(page)})
        assert (answer.status_code, len(removals(browser.get(ACCOUNT)))) == (status, left)
    assert 'href="#passkeys"' in answer.text


def removals(page: TestResponse) -> list[str]:
    return re.findall(r'action="(/console/account/passkeys/[^"]+/remove)"', page.text)


def test_the_script_is_served_under_the_strict_policy(api: Api) -> None:
    browser = api.app.test_client()
    page = browser.get(SHOW)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = re.search(r'<script src="([^"]+)" defer>', page.text)
    assert script
    assert browser.get(unescape(script[1])).content_type.startswith("text/javascript")
