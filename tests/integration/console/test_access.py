"""Administrators let portals in and out: API keys, and the addresses that are told of events."""

import re
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from gateway.domain.officer import Role
from gateway.store import events, webhooks
from tests.integration.api import Api
from tests.integration.officers import FORM_FIELD, browser_of, submit

KEY = re.compile(r"cp_[0-9A-Za-z]{71}")
SECRET = re.compile(r'value="(whsec_[^"]+)"')


@pytest.fixture(scope="module")
def administrator(api: Api) -> FlaskClient:
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR)
    browser.get("/console?lang=en")
    return browser


def fields_of(browser: FlaskClient, page: str) -> dict[str, str]:
    html = browser.get(page).text
    form = FORM_FIELD.search(html)
    assert form
    return {"form": form[1], "once": html.split('name="once" value="')[1].split('"')[0]}


def secret_in(html: str, pattern: re.Pattern[str]) -> str:
    found = pattern.search(html)
    assert found, html
    return found[1] if found.groups() else found[0]


def works(api: Api, key: str) -> bool:
    return api.get("/v1/invoices", key).status_code == 200


def test_a_key_is_issued_shown_once_replaced_and_revoked(api: Api, administrator: FlaskClient) -> None:
    wanted = {"label": "Portal <of> justice", "scopes": "portal", "agency": "vn-moj"}
    sent = fields_of(administrator, "/console/api-keys") | wanted
    key = secret_in(administrator.post("/console/api-keys", data=sent).text, KEY)
    assert works(api, key)
    again = administrator.post("/console/api-keys", data=sent)
    assert again.status_code == 422
    assert not KEY.search(again.text)
    listed = administrator.get("/console/api-keys").text
    assert listed.count("Portal &lt;of&gt; justice") == 1
    assert not KEY.search(listed)
    address = re.findall(r'href="(/console/api-keys/[^"]+)">Portal &lt;of', listed)[0]
    made = administrator.post(f"{address}/rotate", data=fields_of(administrator, address) | {"overlap_hours": "1"})
    successor = secret_in(made.text, KEY)
    assert works(api, key)
    assert works(api, successor)
    assert submit(administrator, address, f"{address}/revoke").status_code == 303
    assert not works(api, key)
    assert works(api, successor)
    assert "Has ended" in administrator.get(address).text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"label": "", "scopes": "portal"}, "label"),
        ({"label": "x"}, "scopes"),
        ({"label": "x", "scopes": "portal", "agency": "vn-nowhere"}, "agency"),
        ({"label": "x", "scopes": "portal", "expires_at": "2001-01-01"}, "expires_at"),
    ],
    ids=["label", "scopes", "agency", "end"],
)
def test_what_is_wrong_with_a_key_stands_at_its_field(
    administrator: FlaskClient, typed: dict[str, str], field: str
) -> None:
    answer = submit(administrator, "/console/api-keys", "/console/api-keys", **typed)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}-fault"' in answer.text


def test_an_administrator_of_one_agency_lets_in_for_that_one_only(api: Api) -> None:
    with api.world.runtime.db.read() as tx:
        agency_id: UUID = tx.execute(text("SELECT id FROM agencies WHERE code = 'vn-moj'")).scalar_one()
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR, agency_id=agency_id)
    for agency in ("", "vn-mps"):
        wanted = {"label": "x", "scopes": "admin", "agency": agency}
        assert submit(browser, "/console/api-keys", "/console/api-keys", **wanted).status_code == 422
        wanted = {"url": "https://portal.example/hooks", "agency": agency}
        answer = submit(browser, "/console/webhooks", "/console/webhooks", **wanted)
        assert answer.status_code == (422 if agency else 200)


def test_a_webhook_is_added_its_failures_are_sent_again_and_it_is_switched_off(
    api: Api, administrator: FlaskClient
) -> None:
    wanted = {"url": "https://portal.example/hook", "agency": "vn-moj"}
    sent = fields_of(administrator, "/console/webhooks") | wanted
    first = secret_in(administrator.post("/console/webhooks", data=sent).text, SECRET)
    listed = administrator.get("/console/webhooks").text
    assert first not in listed
    address = re.findall(r'href="(/console/webhooks/[^"]+)">https://portal.example/hook<', listed)[0]
    api.issued()
    with api.world.runtime.db.transaction() as tx:
        events.place(tx)
        webhooks.fan_out(tx, 500)
    with api.world.runtime.db.transaction() as tx:
        tx.execute(text("UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL"))
        today = tx.now.date().isoformat()
    failed = f"{address}?state=failed"
    assert "invoice.issued" in administrator.get(failed).text
    swapped = submit(administrator, address, f"{address}/resend-failed", **{"from": "2026-01-02", "to": "2026-01-01"})
    assert swapped.status_code == 422
    days = {"from": "2020-01-01", "to": f"{int(today[:4]) + 1}-01-01"}
    assert submit(administrator, address, f"{address}/resend-failed", **days).status_code == 303
    assert "invoice.issued" not in administrator.get(failed).text
    assert "invoice.issued" in administrator.get(f"{address}?state=pending").text
    second = secret_in(
        administrator.post(f"{address}/rotate-secret", data=fields_of(administrator, address)).text, SECRET
    )
    assert second != first
    assert submit(administrator, address, f"{address}/disable").status_code == 303
    assert "Switch it off for good" not in administrator.get(address).text


def test_one_event_is_sent_again(api: Api, administrator: FlaskClient) -> None:
    wanted = {"url": "https://portal.example/one", "agency": "vn-moj"}
    administrator.post("/console/webhooks", data=fields_of(administrator, "/console/webhooks") | wanted)
    listed = administrator.get("/console/webhooks").text
    address = re.findall(r'href="(/console/webhooks/[^"]+)">https://portal.example/one<', listed)[0]
    api.issued()
    with api.world.runtime.db.read() as tx:
        event = tx.execute(text("SELECT id FROM events WHERE type = 'invoice.issued' LIMIT 1")).scalar_one()
    assert submit(administrator, address, f"{address}/resend", event=str(event)).status_code == 303
    assert str(event) in administrator.get(address).text
    assert submit(administrator, address, f"{address}/resend", event="x").status_code == 422


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_nobody_else_comes_near_keys(api: Api, role: Role) -> None:
    browser = browser_of(api.app, api.world.runtime, role)
    assert [browser.get(f"/console/{page}").status_code for page in ("api-keys", "webhooks")] == [403, 403]
