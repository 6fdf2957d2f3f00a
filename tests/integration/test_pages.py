"""The payment page as a browser gets it: what it says, what it does, and what it never gives away."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.domain.checkout import CheckoutSession, CheckoutStatus
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment, PaymentStatus
from gateway.pages.demo import typical_facts
from gateway.services.ask_provider import check_payment
from gateway.services.close_invoice import void_invoice
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.quote_fee import list_procedures
from gateway.services.show_checkout import Stage, show_checkout
from gateway.store import payments
from gateway.store.embedded import DatabaseUrls
from tests.integration.web import app_of
from tests.integration.world import PAYER, World, a_world

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE_BYTES_MAX = 60_000


@dataclass
class Page:
    """The page of one session, in the hands of its payer."""

    world: World
    client: FlaskClient
    session: CheckoutSession

    @property
    def path(self) -> str:
        return self.world.runtime.page_url(self.session.id).removeprefix(self.world.runtime.public_url)

    def html(self, language: str = "en") -> str:
        answer = self.client.get(self.path, query_string={"lang": language})
        assert answer.status_code == 200
        return answer.text

    def text(self, language: str = "en") -> str:
        """What a reader sees, without the markup."""
        return seen(self.html(language))

    def heading(self, language: str = "en") -> str:
        return seen(re.findall(r"<h1>(.*?)</h1>", self.html(language), re.DOTALL)[0])

    def form_token(self) -> str:
        return self.world.runtime.tokens.sign("page form", str(self.session.id))

    def choose(self, provider: str = "sandbox", **fields: str) -> TestResponse:
        return self.client.post(
            f"{self.path}/payments", data={"form": self.form_token(), "provider": provider} | fields
        )

    def give_up(self) -> TestResponse:
        return self.client.post(f"{self.path}/cancel", data={"form": self.form_token()})

    def started(self) -> Payment:
        assert self.choose().status_code == 303
        return self.attempts()[-1]

    def attempts(self) -> list[Payment]:
        with self.world.runtime.db.read() as tx:
            return payments.of_session(tx, self.session.id)

    def stage(self) -> Stage:
        return show_checkout(self.world.runtime, self.session.id).stage


def seen(html: str) -> str:
    body = html.partition("<body>")[2] or html
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


@pytest.fixture(scope="module")
def shared(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as made:
        yield made


@pytest.fixture
def world(shared: World) -> World:
    """As the test before did not leave it: at the present time, in order, with every notification handed over."""
    shared.clock.ahead = timedelta()
    if shared.listening:
        shared.plug_in()
    shared.simulator.bank.board.clear()
    while any(not webhook["delivered"] for webhook in shared.simulator.bank.books.all("webhook")):
        time.sleep(0.02)
    shared.delivered = len(shared.inbox.requests)
    return shared


@pytest.fixture
def app(world: World) -> Flask:
    return app_of(world)


@pytest.fixture
def page_of(world: World, app: Flask) -> Callable[..., Page]:
    def page_of(*invoices: Invoice) -> Page:
        return Page(world, app.test_client(), world.checkout(*(invoices or [world.invoice()])))

    return page_of


PageOf = Callable[..., Page]


# What is owed, and why.


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "vi",
            [
                "Nộp 310.000 ₫",
                "cho Bộ Công an",
                "Cấp Phiếu lý lịch tư pháp",
                "Phiếu thứ 3 đến 4: 2 × 5.000 đồng",
                "Giảm cho sinh viên, học sinh, người có công: 100.000 đồng thay vì 200.000 đồng",
                "Căn cứ pháp lý: 244/2016/TT-BTC",
                "Cấp hộ chiếu phổ thông",
                "Cộng các khoản 310.000 ₫",
                "Dữ liệu minh họa, không phải thông tin chính thức.",
                "Thanh toán thử nghiệm",
            ],
        ),
        (
            "en",
            [
                "Pay ₫310,000",
                "to Ministry of Public Security",
                "Judicial record",
                "Copies 3 to 4: 2 × 5,000 VND",
                "Reduced for students and people of merit: 100,000 VND instead of 200,000 VND",
                "Legal basis: 244/2016/TT-BTC",
                "Ordinary passport, new",
                "In all ₫310,000",
                "Demo data, not official.",
                "Test payment",
            ],
        ),
    ],
)
def test_the_page_says_what_is_owed_and_why(world: World, page_of: PageOf, language: str, expected: list[str]) -> None:
    record = world.invoice("vn-judicial-record", {"copies": 4, "payer_category": "student"})
    passport = world.invoice()
    text = page_of(record, passport).text(language)
    assert [phrase for phrase in expected if phrase not in text.replace("\xa0", " ")] == []
    assert record.reference_display in text
    assert passport.reference_display in text
    assert record.dossier in text


def test_the_page_names_no_payer(page_of: PageOf) -> None:
    page = page_of()
    for outcome in (None, "succeed"):
        if outcome:
            page.world.play(page.started(), outcome)
            page.world.deliver(1)
        assert [value for value in PAYER.values() if value in page.html("vi") + page.html("en")] == []


def test_the_page_comes_in_the_language_of_the_session_until_another_is_asked_for(page_of: PageOf) -> None:
    page = page_of()
    vietnamese = page.client.get(page.path, headers={"Accept-Language": "en"}).text
    english = page.client.get(page.path, query_string={"lang": "en-GB"}).text
    assert '<html lang="vi">' in vietnamese
    assert 'href="?lang=en"' in vietnamese
    assert '<html lang="en">' in english
    assert page.client.get(page.path, query_string={"lang": "<script>"}).text == vietnamese


def test_a_language_once_chosen_holds_for_the_provider_and_the_way_back(page_of: PageOf) -> None:
    page = page_of()
    page.client.post(f"{page.path}/payments?lang=en", data={"form": page.form_token(), "provider": "sandbox"})
    assert '<html lang="en">' in page.client.get(page.path).text
    sent = page.world.simulator.bank.books.find("payment", payment_id=str(page.attempts()[0].id))
    assert sent is not None
    assert sent["locale"] == "en"


def test_a_page_weighs_little(page_of: PageOf) -> None:
    page = page_of()
    html = page.html()
    style = page.client.get(re.findall(r'href="(/pages\.css[^"]*)"', html)[0])
    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(html.encode()) + len(style.data) < PAGE_BYTES_MAX // 2


def test_only_a_link_of_the_web_leads_back(world: World, app: Flask) -> None:
    hostile = CheckoutRequest([world.invoice().reference], "javascript:alert(1)", "en")
    with world.runtime.db.transaction() as tx:
        session = open_checkout(tx, world.runtime, world.portal, hostile)
    page = Page(world, app.test_client(), session)
    page.give_up()
    assert page.heading() == "This payment was cancelled"
    assert "javascript:" not in page.html()


# What becomes of a payment.


def test_choosing_a_method_leads_to_the_provider(page_of: PageOf) -> None:
    page = page_of()
    answer = page.choose()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{page.path}/continue")
    action = page.attempts()[0].next_action
    assert action is not None
    onward = page.client.get(answer.headers["Location"])
    assert f'<meta http-equiv="refresh" content="0; url={action["url"]}">' in onward.text
    assert f'<a class="button" href="{action["url"]}"' in onward.text


def test_there_is_nowhere_to_go_on_to_before_a_method_is_chosen(page_of: PageOf) -> None:
    page = page_of()
    answer = page.client.get(f"{page.path}/continue")
    assert (answer.status_code, answer.headers["Location"]) == (303, page.path)


@pytest.mark.parametrize(
    ("outcome", "notifications", "heading", "phrase"),
    [
        ("abandon", 0, "Finish paying ₫200,000", "Continue to the payment"),
        ("pending", 1, "Finish paying ₫200,000", "It can take some minutes until the bank tells us"),
        ("succeed", 1, "Paid: ₫200,000", "has received your payment. You need not do anything else."),
        ("decline", 1, "Pay ₫200,000", "The payment was declined. Nothing was paid. Try again"),
        ("cancel", 1, "Pay ₫200,000", "The payment was cancelled. Nothing was paid."),
        ("expire", 1, "Pay ₫200,000", "The payment was not finished in time. Nothing was paid."),
        ("review", 1, "Do not pay again: we are asking the bank", "your money may have moved"),
        ("twice", 2, "Paid: ₫200,000", "We received ₫200,000 more than was due. That money is yours"),
        ("late", 2, "Your money has arrived and is kept for you", "will use it for this fee or return it to you"),
    ],
)
def test_the_page_tells_what_became_of_the_payment(
    page_of: PageOf, outcome: str, notifications: int, heading: str, phrase: str
) -> None:
    page = page_of()
    page.world.play(page.started(), outcome)
    page.world.deliver(notifications)
    assert page.heading() == heading
    assert phrase in page.text()
    assert page.heading("vi") != heading


def test_a_paid_page_says_when_and_leads_back_to_the_portal(page_of: PageOf) -> None:
    page = page_of()
    page.world.play(page.started(), "succeed")
    page.world.deliver(1)
    paid = page.attempts()[0]
    assert paid.succeeded_at is not None
    in_hanoi = paid.succeeded_at + timedelta(hours=7)
    assert f"When {in_hanoi:%H:%M}, {in_hanoi.day} {in_hanoi:%B %Y}" in page.text()
    assert '<a class="button" href="https://portal.example/back">Back to portal.example</a>' in page.html()
    assert "<form" not in page.html()


def test_after_a_lost_answer_nobody_can_pay_twice(page_of: PageOf) -> None:
    page = page_of()
    page.world.fault("create", "timeout_after_accept")
    assert page.choose().status_code == 303
    assert page.heading() == "Do not pay again: we are asking the bank"
    assert "<form" not in page.html()
    assert page.choose().status_code == 303
    assert len(page.attempts()) == 1
    check_payment(page.world.runtime, page.attempts()[0], "poll")
    # The provider knows of the payment, but nobody knows where to pay it: the payer can begin anew.
    assert page.stage() is Stage.READY
    assert page.choose().headers["Location"] == f"{page.path}/continue"


def test_a_form_sent_twice_starts_one_payment(page_of: PageOf) -> None:
    page = page_of()
    assert [page.choose().headers["Location"] for _ in range(2)] == [f"{page.path}/continue"] * 2
    assert len(page.attempts()) == 1


def test_a_provider_that_cannot_be_reached_is_named_and_can_be_tried_again(world: World) -> None:
    world.unplug()
    page = Page(world, app_of(world).test_client(), world.checkout(world.invoice()))
    assert page.choose().status_code == 303
    assert "That way to pay cannot be reached just now. Nothing was paid." in page.text()
    world.plug_in()
    page.client = app_of(world).test_client()
    assert page.choose().headers["Location"] == f"{page.path}/continue"


def test_a_payment_that_was_cut_off_before_it_was_sent_is_waited_for_and_then_asked_about(page_of: PageOf) -> None:
    page = page_of()
    payment = page.started()
    with page.world.runtime.db.transaction() as tx:
        payments.change(tx, payment.id, status=PaymentStatus.SUBMITTING)
    assert page.heading() == "Your payment is being started"
    page.choose()
    assert len(page.attempts()) == 1
    page.world.clock.ahead += timedelta(minutes=1, seconds=1)
    assert page.stage() is Stage.UNKNOWN


def test_an_invoice_paid_elsewhere_is_not_to_be_paid_again(page_of: PageOf) -> None:
    invoice = page_of().world.invoice()
    first, second = page_of(invoice), page_of(invoice)
    waiting = second.started()
    first.world.play(first.started(), "succeed")
    first.world.deliver(1)
    assert second.heading() == "This is already paid"
    assert waiting.next_action is not None
    assert waiting.next_action["url"] not in second.html()
    second.choose()
    assert len(second.attempts()) == 1


def test_a_fee_that_was_withdrawn_cannot_be_paid(page_of: PageOf) -> None:
    page = page_of()
    with page.world.runtime.db.transaction() as tx:
        (bill,) = show_checkout(page.world.runtime, page.session.id).bills
        void_invoice(tx, page.world.portal, str(bill.invoice.id))
    assert page.heading() == "What is due has changed"
    page.choose()
    assert page.attempts() == []


def test_a_payer_can_give_up(page_of: PageOf) -> None:
    page = page_of()
    assert page.give_up().headers["Location"] == page.path
    assert page.heading() == "This payment was cancelled"
    assert page.choose().status_code == 303
    assert page.attempts() == []
    assert show_checkout(page.world.runtime, page.session.id).session.status is CheckoutStatus.CANCELLED


def test_giving_up_is_refused_while_the_money_may_have_moved(page_of: PageOf) -> None:
    page = page_of()
    page.world.fault("create", "timeout_after_accept")
    page.choose()
    assert page.give_up().status_code == 303
    assert page.stage() is Stage.UNKNOWN


def test_a_link_whose_time_is_over_says_so(page_of: PageOf) -> None:
    page = page_of()
    page.world.clock.ahead += timedelta(hours=1, seconds=1)
    assert page.heading() == "The time to pay has run out"
    page.choose()
    assert page.attempts() == []


def test_a_payment_past_its_time_is_not_called_over_before_the_provider_was_asked(page_of: PageOf) -> None:
    page = page_of()
    page.world.play(page.started(), "silent")
    page.world.clock.ahead += timedelta(hours=2)
    assert page.stage() is Stage.UNKNOWN
    check_payment(page.world.runtime, page.attempts()[0], "poll")
    assert page.heading() == "Paid: ₫200,000"


def test_a_code_to_scan_comes_with_its_text(page_of: PageOf) -> None:
    page = page_of()
    action = {"type": "show_qr", "payload": "00020101021238", "reference": "RF18539007547034", "account": "970436-0011"}
    with page.world.runtime.db.transaction() as tx:
        payments.change(tx, page.started().id, next_action=action)
    html = page.html()
    assert '<svg width="' in html
    assert "Account 970436-0011 Amount ₫200,000 Message RF18539007547034" in page.text()
    assert page.client.get(f"{page.path}/continue").status_code == 303


# What the page never does.


def test_a_wrong_link_is_answered_alike_whatever_is_wrong_with_it(page_of: PageOf) -> None:
    page = page_of()
    unknown = uuid4()
    other_use = f"{page.session.id}.{page.form_token()}"
    wrong = ["x", ".", str(page.session.id), f"{page.session.id}.", f"{unknown}.AAAA", other_use, "é.ü"]
    wrong += [page.path.removeprefix("/pay/")[:-1], page.path.removeprefix("/pay/").upper()]
    answers = {
        (answer.status_code, answer.text)
        for token in wrong
        for answer in (page.client.get(f"/pay/{token}"), page.client.post(f"/pay/{token}/payments"))
    }
    assert {status for status, _ in answers} == {404}
    assert len(answers) == 1


def test_every_answer_protects_its_reader(page_of: PageOf) -> None:
    page = page_of()
    for answer in (page.client.get(page.path), page.choose(), page.client.get("/pay/x"), page.client.get("/")):
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        ({"form": ""}, {}),
        ({"form": "é"}, {}),
        ({"form": "AAAAAAAAAAAAAAAAAAAAAAAA"}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
    ],
)
@pytest.mark.parametrize("act", ["payments", "cancel"])
def test_a_form_from_elsewhere_does_nothing(
    page_of: PageOf, act: str, change: dict[str, str], headers: dict[str, str]
) -> None:
    page = page_of()
    fields = {"form": page.form_token(), "provider": "sandbox"} | change
    answer = page.client.post(f"{page.path}/{act}", data=fields, headers=headers)
    assert answer.status_code == 403
    assert "That did not come from our page" in seen(answer.text) or "không được gửi từ trang" in seen(answer.text)
    assert (page.attempts(), page.stage()) == ([], Stage.READY)


def test_the_form_of_one_session_does_nothing_for_another(page_of: PageOf) -> None:
    page, other = page_of(), page_of()
    assert page.choose(form=other.form_token()).status_code == 403
    assert page.attempts() == []


def test_a_form_from_our_page_works_however_the_browser_names_us(page_of: PageOf) -> None:
    for origin in ("null", "http://localhost", "http://127.0.0.1:8080"):
        page = page_of()
        page.world = replace(page.world, runtime=replace(page.world.runtime, public_url="http://127.0.0.1:8080"))
        page.client = app_of(page.world).test_client()
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        data = {"form": page.form_token(), "provider": "sandbox"}
        assert page.client.post(f"{page.path}/payments", data=data, headers=headers).status_code == 303
        assert len(page.attempts()) == 1


@pytest.mark.parametrize("provider", ["", "nobody", "x" * 10_000, "\x00", "stripe'; --", "é"])
def test_an_impossible_choice_starts_nothing(page_of: PageOf, provider: str) -> None:
    page = page_of()
    assert page.choose(provider).status_code == 303
    assert page.attempts() == []


def test_garbage_is_refused_kindly(page_of: PageOf) -> None:
    page = page_of()
    for body in (b"\xff\xfe", b"form=%zz&provider=%00", b"=&=&=", b"a" * 100_000):
        answer = page.client.post(
            f"{page.path}/payments", data=body, content_type="application/x-www-form-urlencoded", headers=BROWSER
        )
        assert answer.status_code == 403
    assert page.client.get("/pay/%00.%00").status_code in (404, 422)
    for query in ("lang=%ff", "lang=" + "x" * 5_000, "lang=en&lang=vi", "=&&="):
        assert page.client.get(f"{page.path}?{query}").status_code in (200, 400)


# The front door, and what is not there.


def test_an_address_that_is_not_there_is_explained_to_people_and_named_to_programs(app: Flask) -> None:
    client = app.test_client()
    for_people = client.get("/nothing", headers=BROWSER | {"Accept-Language": "vi-VN,vi;q=0.9"})
    assert (for_people.status_code, for_people.mimetype) == (404, "text/html")
    assert "Không có trang này" in for_people.text
    for answer in (client.get("/nothing"), client.get("/v1/nothing", headers=BROWSER)):
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_a_wrong_method_is_explained_too(page_of: PageOf) -> None:
    page = page_of()
    answer = page.client.get(f"{page.path}/payments", headers=BROWSER)
    assert (answer.status_code, answer.mimetype, answer.headers["Allow"]) == (405, "text/html", "OPTIONS, POST")


def test_in_a_demo_the_front_door_makes_an_invoice_of_any_procedure(world: World, app: Flask) -> None:
    client = app.test_client()
    front = client.get("/", query_string={"lang": "en"}).text
    codes = re.findall(r'<option value="([^"]+)"', front)
    with world.runtime.db.read() as tx:
        procedures = list_procedures(tx, None)
    assert codes == [procedure.code for procedure in procedures]
    form = re.findall(r'name="form" value="([^"]+)"', front)[0]
    for procedure in procedures:
        answer = client.post("/demo?lang=en", data={"form": form, "procedure": procedure.code})
        assert answer.status_code == 303
        shown = client.get(answer.headers["Location"].removeprefix(world.runtime.public_url)).text
        assert procedure.titles["en"] in unescape(shown)
        assert set(typical_facts(procedure)) == {spec.name for spec in procedure.facts}
    assert client.post("/demo", data={"form": form, "procedure": "vn-nothing"}).status_code == 404
    assert client.post("/demo", data={"procedure": codes[0]}).status_code == 403


def test_production_has_no_demo(world: World) -> None:
    client = app_of(world, demo=False).test_client()
    front = client.get("/", query_string={"lang": "en"})
    assert "<form" not in front.text
    assert "Demo." not in front.text
    assert client.post("/demo").status_code == 404


def test_payment_ids_are_not_on_the_page_unless_they_lead_somewhere(page_of: PageOf) -> None:
    page = page_of()
    page.world.play(page.started(), "succeed")
    page.world.deliver(1)
    ids = [UUID(found) for found in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", page.html())]
    assert page.attempts()[0].id not in ids
