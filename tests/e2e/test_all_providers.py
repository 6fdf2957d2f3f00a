"""Every provider there is, in the whole stack of `gateway run`: a payer pays by each, and any of them can go down.

The stack is driven over the public API as a portal would, and in a browser as a payer would: by keyboard alone, with
scripts switched off. Then nobody listens for a while of each provider in turn: the others collect, and what it had
begun is resolved by itself.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Page, expect

from gateway.demo_day.office import Document, Office, Refused
from providers.registry import SIMULATORS
from tests.e2e.browsing import CHROMIUM, eventually, press_tab_until
from tests.e2e.stack import Stack, stack
from tests.signatures import signature_holds

AWAY_S = 4
RESOLVED_WITHIN_S = 120
PROCEDURES = {"paynow": "sg-passport", "sepa": "ee-id-card", "fik": "dk-passport", "epn": "kr-passport"}
PASSPORT = "vn-passport-new"  # is paid by all the others
STEADY = "sandbox"
"""Collects while another is away, and in its stead while it is away itself."""


@pytest.fixture(scope="module")
def local() -> Iterator[Stack]:
    with (
        TemporaryDirectory(prefix="congphi-", ignore_cleanup_errors=True) as folder,
        stack(Path(folder), GATEWAY_PROVIDERS="") as made,
    ):
        yield made


@pytest.fixture(scope="module")
def office(local: Stack) -> Office:
    demo = local.start()
    return Office(demo["url"], demo["keys"], demo["simulators"])


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM: nobody has seen the pages. apt-get install chromium")
@pytest.mark.parametrize("name", sorted(SIMULATORS))
def test_a_payer_pays_by_keyboard_alone_without_scripts(office: Office, tab: Page, name: str) -> None:
    session = opened(office, name)
    tab.goto(f"{session['url']}?lang=en")
    title = tab.locator(f'button[name="provider"][value="{name}"] strong').inner_text()
    press_tab_until(tab, title)
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_contain_text(re.compile("^(Finish paying|Pay [0-9])"))
    if tab.url.startswith(office.url):  # to be paid in a bank's app, which is where its payer goes next
        (payment,) = office.call("portal", "GET", f"/v1/checkout-sessions/{session['id']}")["payments"]
        tab.goto(office.control(name, "pay-page", {"next_action": payment["next_action"]})["url"])
    press_tab_until(tab, "Pay")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(rf"{office.url}/|/transfer/done"))
    tab.goto(f"{session['url']}?lang=en")
    eventually(tab, "You need not do anything else.")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM: nobody has seen the pages. apt-get install chromium")
def test_the_receipt_that_a_payer_downloads_is_signed(office: Office, tab: Page) -> None:
    payment = started(office, STEADY)
    paid(office, payment)
    session = office.call("portal", "GET", f"/v1/checkout-sessions/{payment['checkout_session']}")
    receipt = tab.get_by_role("link", name="(PDF)")
    deadline = time.monotonic() + RESOLVED_WITHIN_S
    while tab.goto(f"{session['url']}?lang=en") and not receipt.count():
        assert time.monotonic() < deadline, tab.locator("main").inner_text()
        tab.wait_for_timeout(500)
    assert signature_holds(tab.request.get(receipt.get_attribute("href") or "").body())


@pytest.mark.parametrize("name", sorted(SIMULATORS))
def test_one_that_goes_down_stops_nobody_else_and_leaves_nothing_behind(office: Office, name: str) -> None:
    other = STEADY if name != STEADY else "stripe"
    begun = started(office, name)
    office.control(name, "outage", {"seconds": AWAY_S})
    paid_meanwhile = started(office, other)
    paid(office, paid_meanwhile)
    settled(office, paid_meanwhile)

    paid(office, begun)  # its payer waits until it answers again
    settled(office, begun)
    after = started(office, name)
    paid(office, after)
    settled(office, after)
    assert office.call("portal", "GET", f"/v1/payments/{begun['id']}")["credited_minor"] == 0


def opened(office: Office, provider: str) -> Document:
    """A checkout session that `provider` can take the money for."""
    invoice = {
        "procedure": PROCEDURES.get(provider, PASSPORT),
        "facts": {},
        "channel": "counter",
        "dossier": "OUTAGE-1",
        "payer": {"name": "Nguyễn Văn Mẫu"},
    }
    reference = office.call("portal", "POST", "/v1/invoices", invoice)["reference"]
    asked = {"invoices": [reference], "return_url": f"{office.url}/", "locale": "en"}
    return office.call("portal", "POST", "/v1/checkout-sessions", asked)


def started(office: Office, provider: str) -> Document:
    """Begun with `provider`, however often it takes until it is there."""
    session = opened(office, provider)
    deadline = time.monotonic() + RESOLVED_WITHIN_S
    while True:
        try:
            path = f"/v1/checkout-sessions/{session['id']}/payments"
            return office.call("portal", "POST", path, {"provider": provider})
        except Refused as refused:
            if refused.code != "provider_unavailable" or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def paid(office: Office, payment: Document) -> None:
    """The payer does it, and tries again while nobody answers."""
    office.play(payment["provider"], payment["next_action"], "succeed")


def settled(office: Office, payment: Document) -> None:
    deadline = time.monotonic() + RESOLVED_WITHIN_S
    while (status := office.call("portal", "GET", f"/v1/payments/{payment['id']}")["status"]) != "succeeded":
        assert time.monotonic() < deadline, f"{payment['provider']}: {status}"
        time.sleep(0.2)
