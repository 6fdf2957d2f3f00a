"""Every page and every state of it, held against WCAG 2.2 level AA by axe-core, in both languages."""

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from gateway.services.issue_receipts import issue_receipts
from gateway.services.show_receipt import check_url
from gateway.store import payments
from tests.e2e.accessibility import violations
from tests.e2e.browsing import IN_A_BROWSER, SMALL_PHONE, OpenPage, choose_and_play, eventually, fits
from tests.integration.world import World

pytestmark = IN_A_BROWSER

FORCED = "color-contrast:"
"""Of the colours that the page asks for, not of those that the system puts in their place."""

MOVING = """[...document.querySelectorAll("*")].filter(each => {
  const style = getComputedStyle(each);
  return style.animationName !== "none" || style.transitionDuration !== "0s" || style.scrollBehavior === "smooth";
}).map(each => each.outerHTML)"""
CODE = {"type": "show_qr", "payload": "0002010102", "account": "970436-0011", "account_name": "KHO BAC NHA NUOC"}


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """With scripts, since axe is one."""
    with browser.new_context(viewport=SMALL_PHONE) as opened:  # type: ignore[arg-type]
        opened.set_default_timeout(10_000)
        yield opened


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("path", ["/", "/pay", "/nothing", "/pay/x"])
def test_pages_without_a_session(tab: Page, world: World, path: str, language: str) -> None:
    tab.goto(f"{world.runtime.public_url}{path}?lang={language}")
    assert violations(tab) == []


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("succeed", "You need not do anything else."),
        ("decline", "The payment was declined."),
        ("cancel", "The payment was cancelled."),
        ("expire", "The payment was not finished in time."),
        ("pending", "It can take some minutes until the bank tells us."),
        ("review", "your money may have moved"),
        ("twice", "We received ₫200,000 more than was due."),
    ],
)
def test_what_became_of_a_payment(tab: Page, pay_page: OpenPage, outcome: str, text: str) -> None:
    pay_page()
    assert violations(tab) == []
    choose_and_play(tab, outcome)
    eventually(tab, text)
    assert violations(tab) == []


def test_in_high_contrast_and_where_nothing_shall_move(browser: Browser, world: World) -> None:
    wish = {"forced_colors": "active", "reduced_motion": "reduce", "contrast": "more", "color_scheme": "dark"}
    with browser.new_context(viewport=SMALL_PHONE, **wish) as context:  # type: ignore[arg-type]
        tab = context.new_page()
        for path in ("/pay", urlsplit(world.runtime.page_url(world.checkout(world.invoice()).id)).path):
            tab.goto(f"{world.runtime.public_url}{path}?lang=vi")
            assert [each for each in violations(tab) if not each.startswith(FORCED)] == []
            assert fits(tab)
            assert tab.evaluate(MOVING) == []


def test_a_code_to_scan_and_a_slip(tab: Page, world: World) -> None:
    session = world.checkout(world.invoice(), world.invoice("vn-passport-lost"))
    url = f"{world.runtime.page_url(session.id)}?lang=vi"
    tab.goto(url)
    tab.get_by_role("link", name="In phiếu nộp tiền").click()
    assert violations(tab) == []
    payment = world.start(session)
    with world.runtime.db.transaction() as tx:
        payments.change(tx, payment.id, next_action=CODE | {"reference": "RF18539007547034"})
    tab.goto(url)
    assert tab.get_by_role("img", name="Mã QR").count() == 1
    assert violations(tab) == []


def test_pay_by_number_when_it_is_wrong_and_when_it_is_right(tab: Page, world: World) -> None:
    for number in ("RF19539007547034", world.invoice().reference):
        tab.goto(f"{world.runtime.public_url}/pay?lang=vi&number={number}")
        tab.get_by_role("button").click()
        assert violations(tab) == []


def test_the_check_of_a_receipt(tab: Page, world: World, pay_page: OpenPage) -> None:
    pay_page()
    choose_and_play(tab, "succeed")
    eventually(tab, "Your receipt is being made.")
    issue_receipts(world.runtime)
    tab.reload()
    link = tab.get_by_role("link", name="(PDF)").get_attribute("href") or ""
    receipt_id = urlsplit(link).path.removeprefix("/receipts/").partition(".")[0]
    tab.goto(check_url(world.runtime, UUID(receipt_id)))
    assert violations(tab) == []
