"""A payer in a real browser: without scripts, by keyboard, on a small phone, through the sandbox and back."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from sqlalchemy import text

from gateway.domain.circuit import FAILURES
from gateway.services.issue_receipts import issue_receipts
from gateway.store import payments
from tests.e2e.browsing import (
    IN_A_BROWSER,
    SMALL_PHONE,
    TABS_MAX,
    OpenPage,
    choose_and_play,
    eventually,
    fits,
    press_tab_until,
)
from tests.integration.world import World

pytestmark = IN_A_BROWSER


@pytest.mark.parametrize(
    ("language", "method", "paid"), [("en", "Test payment", "Paid:"), ("vi", "Thanh toán thử nghiệm", "Đã nộp:")]
)
def test_a_payer_pays_by_keyboard_alone_without_scripts(
    tab: Page, pay_page: OpenPage, language: str, method: str, paid: str
) -> None:
    pay_page("vn-passport-new", "vn-passport-lost", language=language)
    press_tab_until(tab, method)
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile("/pay/sp_"))
    press_tab_until(tab, "Pay")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_contain_text(paid)
    assert tab.locator("html").get_attribute("lang") == language
    expect(tab.locator("main")).to_contain_text("portal.example")


def test_the_first_thing_a_keyboard_finds_leads_past_the_header(tab: Page, pay_page: OpenPage) -> None:
    pay_page()
    tab.keyboard.press("Tab")
    expect(tab.locator(":focus")).to_have_text("Skip to the content")
    expect(tab.locator(":focus")).to_be_in_viewport()
    tab.keyboard.press("Enter")
    press_tab_until(tab, "Test payment")


@pytest.mark.parametrize(
    ("outcome", "heading", "text"),
    [
        ("succeed", "Paid: ₫200,000", "You need not do anything else."),
        ("silent", "Paid: ₫200,000", "You need not do anything else."),
        ("decline", "Pay ₫200,000", "The payment was declined."),
        ("cancel", "Pay ₫200,000", "The payment was cancelled."),
        ("expire", "Pay ₫200,000", "The payment was not finished in time."),
        ("abandon", "Finish paying ₫200,000", "Continue to the payment"),
        ("pending", "Finish paying ₫200,000", "It can take some minutes until the bank tells us."),
        ("review", "Do not pay again: we are asking the bank", "your money may have moved"),
        ("twice", "Paid: ₫200,000", "We received ₫200,000 more than was due."),
    ],
)
def test_a_payer_sees_what_became_of_it(tab: Page, pay_page: OpenPage, outcome: str, heading: str, text: str) -> None:
    pay_page()
    choose_and_play(tab, outcome)
    eventually(tab, text)
    expect(tab.get_by_role("heading", level=1)).to_have_text(heading)
    assert tab.locator("h1").count() == 1
    assert fits(tab)


def test_a_payer_who_was_declined_tries_again_and_pays(tab: Page, pay_page: OpenPage) -> None:
    pay_page()
    choose_and_play(tab, "decline")
    eventually(tab, "The payment was declined.")
    choose_and_play(tab, "succeed")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Paid: ₫200,000")


def test_who_turns_back_at_the_provider_finds_the_page_again(tab: Page, pay_page: OpenPage) -> None:
    url = pay_page()
    tab.get_by_role("button", name="Test payment").click()
    tab.wait_for_url(re.compile("/pay/sp_"))
    tab.go_back()
    assert urlsplit(tab.url).path == urlsplit(url).path
    tab.reload()
    tab.get_by_role("link", name="Continue to the payment").click()
    tab.wait_for_url(re.compile("/pay/sp_"))


def test_checking_again_asks_the_provider(tab: Page, world: World, pay_page: OpenPage) -> None:
    pay_page()
    world.fault("create", "timeout_after_accept")
    tab.get_by_role("button", name="Test payment").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Do not pay again: we are asking the bank")
    tab.get_by_role("link", name="Check again").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Pay ₫200,000")


def test_the_language_is_changed_by_a_link_and_stays(tab: Page, pay_page: OpenPage) -> None:
    pay_page(language="vi")
    tab.get_by_role("link", name="English").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Pay ₫200,000")
    choose_and_play(tab, "succeed")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Paid: ₫200,000")


def test_giving_up_says_that_nothing_was_paid(tab: Page, pay_page: OpenPage) -> None:
    pay_page()
    tab.get_by_role("button", name="I do not want to pay now").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("This payment was cancelled")
    expect(tab.get_by_role("link", name="Back to portal.example")).to_be_visible()


def test_a_code_can_be_scanned_or_typed(tab: Page, world: World, pay_page: OpenPage) -> None:
    url = pay_page()
    tab.get_by_role("button", name="Test payment").click()
    tab.wait_for_url(re.compile("/pay/sp_"))
    session_id = urlsplit(url).path.removeprefix("/pay/").partition(".")[0]
    action = {
        "type": "show_qr",
        "payload": "0002010102",
        "reference": "RF18539007547034",
        "account": "970436-0011",
        "account_name": "KHO BAC NHA NUOC",
    }
    with world.runtime.db.transaction() as tx:
        (payment,) = payments.of_session(tx, UUID(session_id))
        payments.change(tx, payment.id, next_action=action)
    tab.goto(url)
    code = tab.get_by_role("img", name="QR code")
    box = code.locator("svg").bounding_box()
    assert box is not None
    assert box["width"] > 100
    expect(tab.locator("main")).to_contain_text("RF18539007547034")
    assert fits(tab)


@pytest.mark.parametrize(
    ("language", "phrase"), [("en", "Temporarily not available."), ("vi", "Tạm thời không sử dụng được.")]
)
def test_a_method_that_does_not_answer_is_named_and_cannot_be_chosen(
    tab: Page, world: World, pay_page: OpenPage, language: str, phrase: str
) -> None:
    pay_page(language=language)
    world.fault("create", "error_500_before", FAILURES)
    for _ in range(FAILURES):
        world.start(world.checkout(world.invoice()))
    try:
        tab.reload()
        method = tab.locator(".method")
        expect(method).to_have_count(1)
        expect(method).to_contain_text(phrase)
        expect(tab.locator("button.method")).to_have_count(0)
        assert fits(tab)
        for _ in range(TABS_MAX):
            tab.keyboard.press("Tab")
            expect(tab.locator(".method:focus")).to_have_count(0)
    finally:
        with world.runtime.db.transaction() as tx:
            tx.execute(text("DELETE FROM provider_calls"))
            tx.execute(text("UPDATE provider_circuits SET opened_at = NULL, retry_at = NULL"))
    tab.reload()
    expect(tab.locator("button.method")).to_have_count(1)


def test_a_newcomer_to_the_demo_has_something_to_click(tab: Page, world: World) -> None:
    tab.goto(f"{world.runtime.public_url}/?lang=en")
    tab.get_by_label("Procedure").select_option(label="Certified copy")
    tab.get_by_role("button", name="Make an invoice and pay it").click()
    expect(tab.get_by_role("heading", name="Certified copy")).to_be_visible()
    choose_and_play(tab, "succeed")
    tab.get_by_role("link", name="Back to 127.0.0.1").click()
    expect(tab.get_by_label("Procedure")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/nothing", "/pay/x"])
def test_every_page_has_its_landmarks_and_fits_a_small_phone(tab: Page, world: World, path: str) -> None:
    tab.goto(f"{world.runtime.public_url}{path}")
    for role in ("banner", "navigation", "main", "contentinfo"):
        expect(tab.get_by_role(role)).to_have_count(1)
    expect(tab.get_by_role("heading", level=1)).to_have_count(1)
    assert fits(tab)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_procedure_fits_a_small_phone(tab: Page, world: World, language: str) -> None:
    front = f"{world.runtime.public_url}/?lang={language}"
    tab.goto(front)
    for code in [option.get_attribute("value") for option in tab.locator("option").all()]:
        tab.goto(front)
        tab.locator("select").select_option(value=code)
        tab.locator("main button").click()
        tab.wait_for_url(re.compile("/pay/"))
        assert fits(tab), code


def test_text_of_twice_the_size_fits_as_well(tab: Page, pay_page: OpenPage) -> None:
    pay_page("vn-passport-new", "vn-passport-lost", language="vi")
    tab.set_viewport_size({"width": 640, "height": 568})
    tab.evaluate("document.documentElement.style.fontSize = '200%'")
    assert fits(tab)


def test_the_pages_ask_nobody_else_and_are_refused_nothing(browser: Browser, world: World) -> None:
    """With scripts allowed, since that is when a browser reports what the content policy stopped."""
    with browser.new_context() as context:
        page, asked, refused = context.new_page(), set[str](), list[str]()

        def note(request: Request) -> None:
            asked.add(urlsplit(request.url).netloc)

        page.on("request", note)
        page.on("console", lambda message: refused.append(message.text))
        page.goto(world.runtime.page_url(world.checkout(world.invoice()).id) + "?lang=en")
        choose_and_play(page, "succeed")
        hosts = {urlsplit(url).netloc for url in (world.runtime.public_url, world.simulator.url)}
        assert asked - {""} == hosts
        assert [text for text in refused if "Content Security Policy" in text] == []


def test_on_paper_there_is_nothing_to_click(tab: Page, pay_page: OpenPage) -> None:
    pay_page()
    tab.emulate_media(media="print")
    expect(tab.get_by_role("button")).to_have_count(0)
    expect(tab.get_by_role("heading", name="Ordinary passport, new")).to_be_visible()


@pytest.fixture
def scripted(browser: Browser) -> Iterator[Page]:
    """A phone whose browser runs scripts, and lets the page write to its clipboard."""
    with browser.new_context(viewport=SMALL_PHONE, permissions=["clipboard-read", "clipboard-write"]) as opened:  # type: ignore[arg-type]
        opened.set_default_timeout(20_000)
        yield opened.new_page()


def test_where_scripts_run_the_page_follows_the_payment_and_brings_the_receipt(scripted: Page, world: World) -> None:
    session = world.checkout(world.invoice())
    payment = world.start(session)
    scripted.goto(f"{world.runtime.page_url(session.id)}?lang=en")
    expect(scripted.get_by_role("status")).to_have_text("This page follows your payment by itself.")
    expect(scripted.locator("time[data-left]")).to_have_text(re.compile(r"^\d+ minutes?$"))
    world.play(payment, "succeed")
    expect(scripted.get_by_role("heading", level=1)).to_have_text("Paid: ₫200,000")
    issue_receipts(world.runtime)
    link = scripted.get_by_role("link", name="Receipt: Ordinary passport, new (PDF)")
    expect(link).to_be_visible()
    answer = scripted.request.get(link.get_attribute("href") or "")
    assert answer.body().startswith(b"%PDF-")


def test_where_scripts_run_a_number_can_be_copied(scripted: Page, world: World) -> None:
    session = world.checkout(world.invoice())
    payment = world.start(session)
    action = {
        "type": "show_transfer",
        "reference": "RF18539007547034",
        "account": "970436-0011",
        "account_name": "KBNN",
    }
    with world.runtime.db.transaction() as tx:
        payments.change(tx, payment.id, next_action=action | {"slip_line": ""})
    scripted.goto(f"{world.runtime.page_url(session.id)}?lang=en")
    scripted.get_by_role("button", name="Copy: Message").click()
    expect(scripted.get_by_role("button", name="Copy: Message")).to_have_text("Copied")
    assert scripted.evaluate("navigator.clipboard.readText()") == "RF18539007547034"
    assert fits(scripted)


def test_a_payer_with_a_slip_pays_by_its_number(tab: Page, world: World) -> None:
    invoice = world.invoice()
    tab.goto(f"{world.runtime.public_url}/?lang=en")
    press_tab_until(tab, "Pay by number")
    tab.keyboard.press("Enter")
    tab.get_by_label("Payment number").fill("RF19 5390 0754 7034")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("alert")).to_contain_text("mistyped")
    expect(tab.get_by_label("Payment number")).to_have_attribute("aria-invalid", "true")
    tab.get_by_label("Payment number").fill(invoice.reference_display.lower())
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_have_text("To pay: ₫200,000")
    assert fits(tab)
    press_tab_until(tab, "Yes, go on to pay")
    tab.keyboard.press("Enter")
    choose_and_play(tab, "succeed")
    eventually(tab, "You need not do anything else.")
