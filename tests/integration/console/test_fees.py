"""Fees in the console: read, tried out, drafted by one editor, published by another, and taken back in time."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.domain.officer import Role
from gateway.services.catalogue_text import as_text
from gateway.services.fee_changes import item_of
from gateway.store import catalogue
from tests.integration.api import Api
from tests.integration.officers import browser_of, submit

FEE = "/console/fees/vn-passport-new"


@pytest.fixture
def editor(api: Api) -> FlaskClient:
    return english(browser_of(api.app, api.world.runtime, Role.CATALOGUE_EDITOR))


@pytest.fixture
def second(api: Api) -> FlaskClient:
    return english(browser_of(api.app, api.world.runtime, Role.CATALOGUE_EDITOR))


def english(browser: FlaskClient) -> FlaskClient:
    browser.get("/console?lang=en")
    return browser


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def location(answer: TestResponse) -> str:
    assert answer.status_code == 303, words(answer.text)
    return str(answer.location)


def today(api: Api) -> date:
    with api.world.runtime.db.read() as tx:
        row = catalogue.current_procedure(tx, "vn-passport-new")
        assert row
        return catalogue.agency_from(row).business_date(tx.now)


def item_code(api: Api) -> str:
    with api.world.runtime.db.read() as tx:
        row = catalogue.current_procedure(tx, "vn-passport-new")
        assert row
        return str(row.definition["items"][0]["code"])


def drafted(api: Api, editor: FlaskClient, amount: str, in_days: int = 30, **more: str) -> TestResponse:
    change = f"{FEE}/{item_code(api)}/change"
    first = today(api) + timedelta(days=in_days)
    typed = {
        "by": "amount",
        "amount": amount,
        "valid_from": str(first),
        "legal_basis": "25/2021",
        "reason": "New circular",
    }
    return submit(editor, change, change, **typed | more)


def test_procedures_are_found_by_words_and_shown_with_their_versions(api: Api) -> None:
    viewer = english(browser_of(api.app, api.world.runtime, Role.VIEWER))
    assert "Certified copy" not in words(viewer.get("/console/fees?words=passport").text)
    shown = words(viewer.get("/console/fees/vn-certified-copy").text)
    assert "holds today" in shown
    assert "Pages 1 to 2" in shown
    assert "226/2016/TT-BTC" in shown
    assert "Draft a change" not in shown
    assert viewer.get("/console/fees/vn-certified-copy/certified-copy/change").status_code == 403


def test_a_case_is_worked_out_step_by_step(editor: FlaskClient) -> None:
    page = "/console/fees/vn-certified-copy/try?tried=1&fact.pages=12&fact.copies=3"
    shown = words(editor.get(page).text)
    assert "Pages 3 to 12: 10 × 1,000 VND × 3 copies" in shown
    assert "₫42,000" in shown
    wrong = editor.get(page.replace("=12", "=many"))
    assert wrong.status_code == 422
    assert 'href="#fact.pages"' in wrong.text
    assert "No fee is known for this day." in words(editor.get(f"{page}&other=1999-01-01").text)


def test_a_change_is_drafted_published_by_another_and_taken_back(
    api: Api, editor: FlaskClient, second: FlaskClient
) -> None:
    draft = location(drafted(api, editor, "250,000"))
    shown = words(editor.get(draft).text)
    assert "You drafted this change" in shown
    assert "₫250,000" in shown
    assert "Publish it" not in shown
    assert f"{draft}" in editor.get("/console/fees").text
    tried = words(editor.get(f"{FEE}/try?tried=1&draft={draft.rpartition('/')[2]}").text)
    assert "₫200,000" in tried
    assert "₫250,000" in tried
    assert submit(editor, draft, f"{draft}/publish", number="1").status_code == 403

    assert "Publish it" in words(second.get(draft).text)
    stale = submit(second, draft, f"{draft}/publish", number="77")
    assert stale.status_code == 409
    number = re.search(r'name="number" value="(\d+)"', second.get(draft).text)
    assert number
    assert location(submit(second, draft, f"{draft}/publish", number=number[1])) == draft
    procedure = words(second.get(FEE).text)
    assert "comes next" in procedure
    assert "₫250,000" in procedure
    assert api.issued(procedure="vn-passport-new", facts={})["total_minor"] == 200_000
    later = f"{FEE}/try?tried=1&on={today(api) + timedelta(days=31)}"
    assert "₫250,000" in words(second.get(later).text)

    assert submit(editor, draft, f"{draft}/withdraw", reason=" ").status_code == 422
    assert location(submit(editor, draft, f"{draft}/withdraw", reason="The circular was put off")) == draft
    assert "₫200,000" in words(second.get(later).text)
    with api.world.runtime.db.read() as tx:
        acts = tx.all(
            text("SELECT action FROM audit_log WHERE subject_type = 'fee_draft' AND subject_id = :id ORDER BY id"),
            {"id": draft.rpartition("/")[2]},
        )
    assert [row.action for row in acts] == ["fee_draft.drafted", "fee_draft.published", "fee_draft.withdrawn"]


def test_a_draft_is_rejected_with_a_reason(api: Api, editor: FlaskClient, second: FlaskClient) -> None:
    draft = location(drafted(api, editor, "260,000"))
    assert submit(second, draft, f"{draft}/reject", reason="").status_code == 422
    assert location(submit(second, draft, f"{draft}/reject", reason="Not in the circular")) == draft
    shown = words(editor.get(draft).text)
    assert "rejected" in shown
    assert "Not in the circular" in shown
    assert submit(second, "/console", f"{draft}/publish", number="1").status_code == 409


def test_a_first_day_that_has_passed_needs_a_correction(api: Api, editor: FlaskClient) -> None:
    refused = drafted(api, editor, "250,000", in_days=0)
    assert refused.status_code == 422
    assert 'href="#valid_from"' in refused.text
    assert 'value="250,000"' in refused.text
    assert location(drafted(api, editor, "250,000", in_days=0, is_correction="1"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("kind: per_unit", "kind: per_moon", r"Line \d+: rule"),
        ("unit: pages", "unit: moons", r"Line \d+: rule"),
        ("source: verified", "source: [", r"Line \d+: is not YAML"),
        ("legal_basis: 226/2016/TT-BTC\n", "", r"legal_basis"),
    ],
)
def test_a_fault_in_the_text_is_told_with_its_line(
    api: Api, editor: FlaskClient, before: str, after: str, said: str
) -> None:
    with api.world.runtime.db.read() as tx:
        row = catalogue.current_procedure(tx, "vn-certified-copy")
        assert row
    version = {**item_of(row.definition, "certified-copy")["versions"][0], "valid_from": "2999-01-01"}
    written = as_text(version)
    assert before in written
    change = "/console/fees/vn-certified-copy/certified-copy/change"
    answer = submit(editor, change, change, by="text", text=written.replace(before, after), reason="A test")
    assert answer.status_code == 422
    assert re.search(said, words(answer.text)), words(answer.text)
    assert location(submit(editor, change, change, by="text", text=written.replace("2_000", "2"), reason="A test"))


def test_another_agencys_fees_are_not_found(api: Api) -> None:
    with api.world.runtime.db.read() as tx:
        other = tx.execute(text("SELECT id FROM agencies WHERE code = 'vn-moj'")).scalar_one()
    stranger = browser_of(api.app, api.world.runtime, Role.CATALOGUE_EDITOR, agency_id=other)
    assert stranger.get(FEE).status_code == 404
    assert stranger.get(f"{FEE}/passport/change").status_code == 404
