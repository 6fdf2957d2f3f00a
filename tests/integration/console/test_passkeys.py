"""Officers sign in with a passkey: as the second step, or with its PIN instead of both."""

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.services.officer_passkeys import Here
from tests.integration.api import Api
from tests.integration.console.authenticator import Device
from tests.integration.console.known import Known, form_of, is_in

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


def add(browser: FlaskClient, device: Device, label: str = "blue key") -> TestResponse:
    page = browser.get(ADD)
    return browser.post(ADD, data={"form": form_of(page), "credential": device.make(options_on(page)), "label": label})


def show(browser: FlaskClient, device: Device) -> TestResponse:
    page = browser.get(SHOW)
    return browser.post(
        f"{SHOW}?next=/console/account", data={"form": form_of(page), "credential": device.show(options_on(page))}
    )


def test_a_passkey_with_its_pin_signs_in_alone(api: Api, known: Known, device: Device) -> None:
    for _ in range(2):
        browser = api.app.test_client()
        answer = show(browser, device)
        assert (answer.status_code, answer.location) == (303, ACCOUNT)
        assert is_in(browser)
    assert known.audited("officer.signed_in")[-1].after == {"by": "passkey"}


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
    remove = re.findall(r'action="(/console/account/passkeys/[^"]+/remove)"', page.text)[-1]
    assert Known(api).signed_in().post(remove, data={"form": "x"}).status_code == 403
    assert signed_in.post(remove, data={"form": form_of(page)}).status_code == 303
    assert "to be removed" not in signed_in.get(ACCOUNT).text
    assert show(api.app.test_client(), device).status_code == 422


def test_the_script_is_served_under_the_strict_policy(api: Api) -> None:
    browser = api.app.test_client()
    page = browser.get(SHOW)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = re.search(r'<script src="([^"]+)" defer>', page.text)
    assert script
    assert browser.get(unescape(script[1])).content_type.startswith("text/javascript")
