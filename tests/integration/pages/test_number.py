"""Pay by number, and the slip that carries it: what is said, and what trying numbers does not tell."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.domain.checkout import CheckoutSession
from gateway.domain.masking import masked_name
from gateway.domain.reference import base_of, fik71, rf, viitenumber
from gateway.services.close_invoice import void_invoice
from gateway.services.issue_receipts import issue_receipts
from gateway.services.show_checkout import session_of
from gateway.store import checkouts
from tests.integration.pages.payer import Page, PageOf, seen
from tests.integration.world import PAYER, World


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def form_token(world: World) -> str:
    return world.runtime.tokens.sign("page form", "pay by number")


def ask(client: FlaskClient, world: World, number: str, path: str = "/pay", language: str = "en") -> TestResponse:
    return client.post(f"{path}?lang={language}", data={"form": form_token(world), "number": number})


def test_every_writing_of_the_number_shows_what_is_due_and_no_name(world: World, client: FlaskClient) -> None:
    invoice = world.invoice()
    base = base_of(invoice.reference)
    writings = [
        invoice.reference,
        invoice.reference.lower(),
        f" {invoice.reference_display} ",
        viitenumber(base),
        fik71(base),
    ]
    for number in writings:
        answer = ask(client, world, number)
        assert answer.status_code == 200
        said = seen(answer.text)
        assert "To pay: ₫200,000" in said
        assert "N••• T••• T•••" in said
        for secret in (PAYER["name"], PAYER["national_id"], invoice.dossier):
            assert secret not in unescape(answer.text)


def test_going_on_leads_to_a_payment_page_that_can_be_paid(world: World, client: FlaskClient) -> None:
    invoice = world.invoice()
    answer = ask(client, world, invoice.reference, "/pay/start")
    assert answer.status_code == 303
    shown = client.get(answer.headers["Location"].removeprefix(world.runtime.public_url))
    assert "Pay ₫200,000" in seen(shown.text)
    assert invoice.reference_display in seen(shown.text)


def test_whoever_came_by_number_never_learns_the_name_or_the_dossier(world: World, client: FlaskClient) -> None:
    invoice = world.invoice()
    pages = [ask(client, world, invoice.reference, "/pay/start").headers["Location"] for _ in range(2)]
    assert len(set(pages)) == 1  # one session for all who come by number
    page = pages[0].removeprefix(world.runtime.public_url)
    assert invoice.dossier not in client.get(page).text
    world.play(world.start(session_at(world, page)), "succeed")
    world.deliver(1)
    issue_receipts(world.runtime)
    shown = client.get(page).text
    link = re.search(r'href="[^"]*(/receipts/[^"]+)"', shown)
    assert link is not None
    assert link[1].startswith("/receipts/check/")
    for said in (shown, client.get(link[1]).text):
        assert PAYER["name"] not in unescape(said)
        assert invoice.dossier not in said


def session_at(world: World, page: str) -> CheckoutSession:
    token = page.removeprefix("/pay/").partition("?")[0]
    with world.runtime.db.read() as tx:
        found = checkouts.find(tx, session_of(world.runtime, token))
    assert found is not None
    return found


def test_the_initials_shown_are_written_down(world: World, client: FlaskClient) -> None:
    invoice = world.invoice()
    ask(client, world, invoice.reference)
    with world.runtime.db.read() as tx:
        reads = tx.all(text("SELECT actor, purpose FROM vault_reads WHERE payer_id = :id"), {"id": invoice.payer_id})
    assert [read.purpose for read in reads] == ["pay by number: the initials were shown"]


def test_unknown_settled_and_withdrawn_numbers_are_answered_alike(
    world: World, client: FlaskClient, page_of: PageOf
) -> None:
    paid = world.invoice()
    page = page_of(paid)
    world.play(page.started(), "succeed")
    world.deliver(1)
    withdrawn = world.invoice()
    with world.runtime.db.transaction() as tx:
        void_invoice(tx, world.portal, str(withdrawn.id))
    unknown = rf("99" + base_of(withdrawn.reference)[2:])
    answers = [(ask(client, world, number), number) for number in (unknown, paid.reference, withdrawn.reference)]
    for path in ("/pay", "/pay/start"):
        answers += [(ask(client, world, number, path), number) for number in (unknown, paid.reference)]
    said = {(answer.status_code, answer.text.replace(number, "")) for answer, number in answers}
    assert len(said) == 1
    assert "Nothing is due under this number" in said.pop()[1]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("RF19539007547034", "Compare each group of four with your slip: RF19 5390 0754 7034"),
        ("hello", "This is not a payment number"),
        ("", "This is not a payment number"),
        ("<script>alert(1)</script>", "This is not a payment number"),
        ("1" * 500, "This is not a payment number"),
    ],
)
def test_a_slip_of_the_finger_is_told_apart(world: World, client: FlaskClient, number: str, words: str) -> None:
    answer = ask(client, world, number)
    assert answer.status_code == 422
    assert words in seen(answer.text)
    assert "<script>" not in answer.text


def test_a_payment_in_doubt_is_not_begun_a_second_time(world: World, client: FlaskClient, page_of: PageOf) -> None:
    invoice = world.invoice()
    page = page_of(invoice)
    world.fault("create", "timeout_after_accept")
    page.choose()
    for path in ("/pay", "/pay/start"):
        answer = ask(client, world, invoice.reference, path)
        assert answer.status_code == 409
        assert "Do not pay again" in seen(answer.text)


def test_a_form_from_elsewhere_learns_nothing(world: World, client: FlaskClient) -> None:
    for path in ("/pay", "/pay/start"):
        answer = client.post(path, data={"number": world.invoice().reference})
        assert answer.status_code == 403
        assert "200" not in seen(answer.text)


@pytest.mark.usefixtures("still")
def test_who_tries_numbers_is_stopped(world: World, client: FlaskClient) -> None:
    answers = [ask(client, world, rf(f"98{at:012d}")).status_code for at in range(11)]
    assert answers == [404] * 10 + [429]


def test_the_code_of_a_slip_fills_the_number_in(client: FlaskClient) -> None:
    page = client.get("/pay?number=RF18539007547034&lang=vi")
    assert 'value="RF18539007547034"' in page.text
    assert "Nộp theo số thanh toán" in page.text


def test_the_slip_has_all_that_a_helper_needs(page_of: PageOf) -> None:
    page: Page = page_of()
    link = re.search(r'href="([^"]+/slip[^"]*)"', page.html())
    assert link is not None
    slip = page.client.get(link[1])
    said = seen(slip.text)
    assert slip.status_code == 200
    for words in ("Payment slip", "₫200,000", "Ministry of Public Security", f"{page.world.runtime.public_url}/pay"):
        assert words in said
    assert "<svg" in slip.text
    assert PAYER["name"] not in slip.text
    assert "Bank code" not in said  # nobody here would see a transfer


def test_a_name_is_masked_to_initials() -> None:
    assert masked_name("Nguyễn  Thị Lan") == "N••• T••• L•••"
    assert masked_name("") == ""
