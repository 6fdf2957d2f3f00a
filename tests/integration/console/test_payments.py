"""Officers find payments, read their whole story, ask for refunds, and read a payer's data for a purpose."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway.domain.invoice import Invoice
from gateway.domain.officer import Role
from gateway.domain.payment import Payment
from gateway.store import payments
from gateway.store.database import new_id
from tests.integration.api import Api
from tests.integration.conftest import add_agency
from tests.integration.officers import FORM_FIELD, browser_of, submit
from tests.integration.world import PAYER


@pytest.fixture(scope="module")
def paid(api: Api) -> tuple[Invoice, Payment]:
    return api.world.paid()


@pytest.fixture(scope="module")
def finance(api: Api) -> FlaskClient:
    browser = browser_of(api.app, api.world.runtime, Role.FINANCE)
    browser.get("/console?lang=en")
    return browser


@pytest.fixture(scope="module")
def elsewhere(api: Api) -> FlaskClient:
    """An officer of an agency that has nothing."""
    with api.world.runtime.db.transaction() as tx:
        agency_id = add_agency(tx, "vn-else")
    return browser_of(api.app, api.world.runtime, Role.FINANCE, Role.AUDITOR, agency_id=agency_id)


def searched(browser: FlaskClient, term: str) -> tuple[int, str]:
    """Where the search leads to, or the text of its page."""
    answer = submit(browser, "/console/search", "/console/search", term=term)
    return answer.status_code, answer.location or answer.text


def test_everything_that_names_a_payment_leads_to_its_story(
    api: Api, paid: tuple[Invoice, Payment], finance: FlaskClient
) -> None:
    invoice, payment = paid
    story = 303, f"/console/payments/{payment.id}"
    bill = 303, f"/console/invoices/{invoice.id}"
    assert searched(finance, str(payment.id)) == story
    assert searched(finance, f" {payment.provider_payment_id} ") == story
    assert {searched(finance, written) for written in [str(invoice.id), *invoice.references.values()]} == {bill}
    assert str(invoice.id) in searched(finance, str(payment.session_id))[1]


def test_a_dossier_leads_to_its_invoices(paid: tuple[Invoice, Payment], finance: FlaskClient) -> None:
    assert f"/console/invoices/{paid[0].id}" in searched(finance, paid[0].dossier)[1]


def test_a_mistyped_reference_is_told_from_one_that_is_not_there(
    paid: tuple[Invoice, Payment], finance: FlaskClient
) -> None:
    reference = paid[0].reference
    wrong = reference[:-1] + str((int(reference[-1]) + 1) % 10)
    assert "check digits" in searched(finance, wrong)[1]
    assert "Nothing has this number" in searched(finance, "nothing-like-it")[1]
    assert "Nothing has this number" in searched(finance, str(new_id()))[1]
    assert searched(finance, " ")[0] == 422


def test_what_was_typed_is_shown_as_text(finance: FlaskClient) -> None:
    assert "<script>" not in searched(finance, "<script>100%")[1]


def test_what_belongs_to_another_agency_is_not_found(paid: tuple[Invoice, Payment], elsewhere: FlaskClient) -> None:
    invoice, payment = paid
    assert str(invoice.id) not in searched(elsewhere, invoice.dossier)[1]
    assert searched(elsewhere, invoice.reference)[0] == 200
    assert searched(elsewhere, payment.provider_payment_id or "")[0] == 200
    gone = (f"/console/payments/{payment.id}", f"/console/invoices/{invoice.id}", f"/console/payers/{invoice.payer_id}")
    assert [elsewhere.get(address).status_code for address in gone] == [404, 404, 404]


def test_a_story_tells_from_the_invoice_to_the_ledger_who_did_what(
    api: Api, paid: tuple[Invoice, Payment], finance: FlaskClient
) -> None:
    invoice, payment = paid
    page = finance.get(f"/console/payments/{payment.id}").text
    told = ["The invoice was issued", "An attempt to pay began", "a notification of the provider", "A payment came in"]
    assert [text for text in told if text not in page] == []
    assert page.index(told[0]) < page.index(told[1]) < page.index(told[2]) < page.index(told[3])
    assert "vn-mps/receivable" in page
    assert "payment.succeeded" in page
    assert PAYER["name"] not in page
    assert PAYER["national_id"] not in page
    assert len(page.encode()) < 60_000
    bill = finance.get(f"/console/invoices/{invoice.id}").text
    assert f"/console/payments/{payment.id}" in bill
    assert "Legal basis" in bill


def test_a_long_story_is_told_in_parts_of_a_page_each(api: Api, finance: FlaskClient) -> None:
    payment = api.world.start(api.world.checkout(api.world.invoice()))
    told = {"payment_id": payment.id, "source": "webhook", "reported": "pending", "status": "pending", "changed": False}
    with api.world.runtime.db.transaction() as tx:
        for number in range(600):
            when = {"occurred_at": tx.now, "received_at": tx.now + timedelta(seconds=number)}
            payments.add_event(tx, **told, **when, code=f"repeat-{number}", amount_minor=None)
    address = f"/console/payments/{payment.id}"
    parts = [finance.get(f"{address}?part={part}") for part in range(1, 7)]
    assert "only the oldest part is shown" in parts[0].text
    assert "repeat-450" in parts[4].text + parts[5].text
    assert max(len(part.data) for part in parts) < 60_000


def test_a_refund_is_asked_for_once_however_often_the_form_is_sent(api: Api, finance: FlaskClient) -> None:
    _, payment = api.world.paid()
    address = f"/console/payments/{payment.id}"
    page = finance.get(address).text
    form = FORM_FIELD.search(page)
    assert form
    once = page.split('name="once" value="')[1].split('"')[0]
    fields = {"form": form[1], "once": once, "amount": "50,000", "reason": "withdrawn"}
    answers = [finance.post(f"{address}/refund", data=fields) for _ in range(2)]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, address)] * 2
    assert api.world.payment(payment.id).refunded_minor == 50_000
    assert "withdrawn" in finance.get(address).text


def test_what_is_wrong_with_a_refund_stands_at_its_field(paid: tuple[Invoice, Payment], finance: FlaskClient) -> None:
    address = f"/console/payments/{paid[1].id}"
    blank = submit(finance, address, f"{address}/refund", amount="50,000", reason="")
    assert blank.status_code == 422
    assert 'id="reason-fault"' in blank.text
    assert 'value="50,000"' in blank.text
    for amount in ("999,999,999", "0", "some"):
        wrong = submit(finance, address, f"{address}/refund", amount=amount, reason="x")
        assert wrong.status_code == 422
        assert 'id="amount-fault"' in wrong.text


def test_a_viewer_reads_the_story_and_is_offered_nothing_to_do(api: Api, paid: tuple[Invoice, Payment]) -> None:
    viewer = browser_of(api.app, api.world.runtime, Role.VIEWER)
    address = f"/console/payments/{paid[1].id}"
    page = viewer.get(f"{address}?lang=en")
    assert page.status_code == 200
    assert "/refund" not in page.text
    assert "/console/payers/" not in page.text
    assert submit(viewer, address, f"{address}/refund", amount="1", reason="x").status_code == 403
    assert viewer.get(f"/console/payers/{paid[0].payer_id}").status_code == 403


def test_the_provider_is_asked_at_once_while_a_payment_is_open(api: Api, finance: FlaskClient) -> None:
    payment = api.world.start(api.world.checkout(api.world.invoice()))
    address = f"/console/payments/{payment.id}"
    api.world.play(payment, "succeed")
    assert submit(finance, address, f"{address}/ask").status_code == 303
    assert "The provider was asked" in finance.get(address).text
    assert api.world.payment(payment.id).status == "succeeded"
    assert submit(finance, address, f"{address}/ask").status_code == 422


def test_a_payers_data_is_shown_for_a_purpose_and_the_reading_is_kept(
    api: Api, paid: tuple[Invoice, Payment], finance: FlaskClient
) -> None:
    address = f"/console/payers/{paid[0].payer_id}"
    assert PAYER["name"] not in finance.get(address).text
    assert submit(finance, address, address, purpose=" ").status_code == 422
    assert api.world.count("vault_reads") == 0
    shown = submit(finance, address, address, purpose="The payer asks at the counter").text
    assert PAYER["name"] in shown
    again = finance.get(address).text
    assert "The payer asks at the counter" in again
    assert "Lan" in again
    assert PAYER["name"] not in again
