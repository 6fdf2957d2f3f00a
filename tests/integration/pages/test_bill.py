"""What the page says is owed, why, and in which language; and what it does not say."""

import re
from html import unescape
from uuid import UUID

import pytest
from flask import Flask

from gateway.domain.checkout import MAX_INVOICES
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from tests.integration.pages.payer import Page, PageOf
from tests.integration.world import PAYER, World

PAGE_BYTES_MAX = 60_000


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


def test_a_page_with_as_many_invoices_as_can_be_weighs_little_and_shows_them_all(world: World, page_of: PageOf) -> None:
    made = [world.invoice() for _ in range(MAX_INVOICES)]
    page = page_of(*made)
    wire = sum(len(page.client.get(path).data) for path in re.findall(r'(?:href|src)="(/pages\.[^"]*)"', page.html()))
    for path in (page.path, f"{page.path}/slip"):
        shown: list[str] = []
        following: str | None = f"{path}?lang=en"
        while following:
            html = page.client.get(following).text
            assert len(html.encode()) + wire < PAGE_BYTES_MAX
            shown += [one.reference_display for one in made if one.reference_display in html]
            links = re.search(r'href="([^"]+)">The next ones', html)
            following = unescape(links[1]) if links else None
        assert shown == [one.reference_display for one in made]
    assert page.client.get(f"{page.path}?first=99999999999").status_code == 200


def test_only_a_link_of_the_web_leads_back(world: World, app: Flask) -> None:
    hostile = CheckoutRequest([world.invoice().reference], "javascript:alert(1)", "en")
    with world.runtime.db.transaction() as tx:
        session = open_checkout(tx, world.runtime, world.portal, hostile)
    page = Page(world, app.test_client(), session)
    page.give_up()
    assert page.heading() == "This payment was cancelled"
    assert "javascript:" not in page.html()


def test_payment_ids_are_not_on_the_page_unless_they_lead_somewhere(page_of: PageOf) -> None:
    page = page_of()
    page.world.play(page.started(), "succeed")
    page.world.deliver(1)
    ids = [UUID(found) for found in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", page.html())]
    assert page.attempts()[0].id not in ids
