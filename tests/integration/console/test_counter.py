"""Assisted payment: an officer finds or writes up what is due, shows the code, and sees it turn paid."""

import re
from html import unescape
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.domain.officer import Role
from gateway.domain.reference import base_of, viitenumber
from gateway.services.idempotency import Answer, Request
from gateway.services.issue_receipts import issue_receipts
from gateway.services.show_checkout import payer_of
from gateway.services.start_payment import start_payment
from tests.integration.api import Api
from tests.integration.officers import FORM_FIELD, browser_of, submit
from tests.integration.village_bank import Village
from tests.integration.web import app_of

NEW = "/console/counter/new?procedure=vn-certified-copy"
TYPED = {
    "procedure": "vn-certified-copy",
    "fact.pages": "12",
    "fact.copies": "3",
    "dossier": "H26.17-9",
    "name": "Lan Anh",
}


@pytest.fixture
def browser(api: Api) -> FlaskClient:
    api.world.delivered = len(api.world.inbox.requests)
    browser = browser_of(api.app, api.world.runtime, Role.FINANCE)
    browser.get("/console?lang=en")
    return browser


def location(answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def find(browser: FlaskClient, number: str) -> TestResponse:
    return submit(browser, "/console/counter", "/console/counter/find", number=number)


def helped(browser: FlaskClient, invoice_id: object) -> str:
    """The address of a session for the invoice."""
    page = f"/console/counter/invoices/{invoice_id}"
    return location(submit(browser, page, f"{page}/help"))


def test_an_invoice_is_found_by_any_writing_of_its_number_and_by_its_dossier(api: Api, browser: FlaskClient) -> None:
    issued = api.issued(dossier="H26.17-1")
    for asked in (
        issued["reference"].lower(),
        issued["reference_display"],
        viitenumber(base_of(issued["reference"])),
        "H26.17-1",
    ):
        assert location(find(browser, asked)) == f"/console/counter/invoices/{issued['id']}"
    other = api.issued(dossier="H26.17-1")
    both = find(browser, "H26.17-1").text
    assert issued["id"] in both
    assert other["id"] in both


@pytest.mark.parametrize(
    ("number", "status", "said"), [("RF00123", 422, "mistyped"), ("nothing", 404, "Nothing has this")]
)
def test_a_wrong_number_is_told_at_its_field(browser: FlaskClient, number: str, status: int, said: str) -> None:
    answer = find(browser, number)
    assert answer.status_code == status
    assert said in words(answer.text)
    assert f'value="{number}"' in answer.text


def test_what_is_due_is_written_up_once_and_turns_paid(api: Api, browser: FlaskClient) -> None:
    form = FORM_FIELD.search(browser.get(NEW).text)
    assert form
    typed = TYPED | {"form": form[1], "once": str(uuid4())}
    page = location(browser.post("/console/counter/new", data=typed))
    assert location(browser.post("/console/counter/new", data=typed)) == page
    invoice_id = UUID(page.rpartition("/")[2])
    shown = words(browser.get(page).text)
    assert "₫42,000" in shown
    assert "with an officer's help" in shown
    assert "Lan Anh" not in shown

    session = helped(browser, invoice_id)
    assert helped(browser, invoice_id) == session
    ready = browser.get(session)
    assert "The payer pays ₫42,000" in words(ready.text)
    follow = re.search(r'data-follow="([^"]+)" data-state="([^"]+)"', ready.text)
    assert follow
    state = follow[2]
    assert api.app.test_client().get(follow[1]).text == state

    session_id = UUID(session.rpartition("/")[2])
    payer = Request(payer_of(session_id), None, b"")
    started = start_payment(
        api.world.runtime, payer, session_id, "sandbox", lambda payment: Answer(201, str(payment.id)), via_page=True
    )
    assert "The payer is paying on a phone" in words(browser.get(session).text)
    api.world.play(api.world.payment(UUID(started.body)), "succeed")
    api.world.deliver(1)
    assert "Paid: ₫42,000" in words(browser.get(session).text)
    assert "The receipt is being made" in words(browser.get(session).text)
    issue_receipts(api.world.runtime)
    receipt = submit(browser, session, f"/console/counter/invoices/{invoice_id}/receipt")
    assert location(receipt).startswith("/receipts/")
    assert browser.get(location(receipt)).content_type == "application/pdf"


def test_that_an_officer_helped_is_told_and_written_down(api: Api, browser: FlaskClient) -> None:
    issued = api.issued()
    assert issued["assisted"] is False
    helped(browser, issued["id"])
    assert api.get(f"/v1/invoices/{issued['id']}").json["assisted"] is True
    with api.world.runtime.db.read() as tx:
        officer = tx.execute(text("SELECT id FROM officers ORDER BY created_at DESC LIMIT 1")).scalar_one()
        acts = tx.all(
            text("SELECT actor FROM audit_log WHERE action = 'invoice.assisted' AND subject_id = :id"),
            {"id": issued["id"]},
        )
        told = tx.all(
            text("SELECT data FROM events WHERE type = 'invoice.assisted' AND data->>'invoice' = :id"),
            {"id": issued["id"]},
        )
    assert [row.actor for row in acts] == [f"officer:{officer}"]
    assert [row.data["officer"] for row in told] == [str(officer)]


def test_what_is_missing_is_said_and_nothing_typed_is_lost(browser: FlaskClient) -> None:
    answer = submit(browser, NEW, "/console/counter/new", **TYPED | {"name": " ", "fact.pages": "many"})
    assert answer.status_code == 422
    assert "Type the payer's name." in words(answer.text)
    assert 'href="#fact.pages"' in answer.text
    assert 'value="H26.17-9"' in answer.text


def test_a_card_page_is_not_opened_at_the_counter(api: Api, browser: FlaskClient) -> None:
    session = helped(browser, api.issued()["id"])
    answer = submit(browser, session, f"{session}/payments", provider="sandbox")
    assert answer.status_code == 422
    assert "own phone" in answer.text


def test_a_transfer_is_begun_on_the_officers_screen(village: Village) -> None:
    browser = browser_of(app_of(village.world), village.world.runtime, Role.FINANCE)
    browser.get("/console?lang=en")
    invoice = village.invoice()
    session = helped(browser, invoice.id)
    assert location(submit(browser, session, f"{session}/payments", provider="village")) == session
    waiting = words(browser.get(session).text)
    assert "The payer makes this transfer" in waiting
    assert f"Message {invoice.reference}" in waiting
    village.told(invoice)
    assert "The money has arrived" in words(browser.get(session).text)


def test_the_payer_may_give_up_and_no_other_officer_does_it_for_them(api: Api, browser: FlaskClient) -> None:
    session = helped(browser, api.issued()["id"])
    colleague = browser_of(api.app, api.world.runtime, Role.FINANCE)
    assert colleague.get(session).status_code == 404
    assert submit(colleague, "/console/counter", f"{session}/cancel").status_code == 404
    assert location(submit(browser, session, f"{session}/cancel")) == session
    assert "cancelled" in words(browser.get(session).text)


def test_another_agencys_invoice_is_not_found(api: Api) -> None:
    issued = api.issued()
    with api.world.runtime.db.read() as tx:
        other = tx.execute(
            text("SELECT id FROM agencies WHERE code <> :own LIMIT 1"), {"own": issued["agency"]}
        ).scalar_one()
    stranger = browser_of(api.app, api.world.runtime, Role.FINANCE, agency_id=other)
    assert stranger.get(f"/console/counter/invoices/{issued['id']}").status_code == 404
    assert find(stranger, issued["reference"]).status_code == 404
    assert submit(stranger, NEW, "/console/counter/new", **TYPED).status_code == 403


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.APPROVER])
def test_the_counter_is_for_finance(api: Api, role: Role) -> None:
    assert browser_of(api.app, api.world.runtime, role).get("/console/counter").status_code == 403
