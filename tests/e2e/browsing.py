"""A payer's browser: the Chromium of the system, and what a payer does in it."""

import re
import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SMALL_PHONE = {"width": 320, "height": 568}
TABS_MAX = 30

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM: nobody has seen the pages. apt-get install chromium"),
]

OpenPage = Callable[..., str]
"""Opens the page of a new session for the procedures, and returns its address."""


def eventually(tab: Page, text: str) -> None:
    """Reload until the page says `text`, as a payer would who waits for the bank."""
    for _ in range(20):
        if text in tab.locator("main").inner_text():
            return
        tab.wait_for_timeout(250)
        tab.reload()
    expect(tab.locator("main")).to_contain_text(text)


def choose_and_play(tab: Page, outcome: str) -> None:
    tab.get_by_role("button", name="Test payment").click()
    tab.wait_for_url(re.compile("/pay/sp_"))
    tab.locator(f'button[value="{outcome}"]').click()
    tab.wait_for_url(re.compile(r"/pay/[0-9a-f-]{36}\."))


def fits(tab: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def press_tab_until(tab: Page, name: str) -> None:
    """Walk by keyboard to the control called `name`; fails if it is not reached, or if the focus cannot be seen."""
    for _ in range(TABS_MAX):
        tab.keyboard.press("Tab")
        focused = tab.locator(":focus")
        if name in focused.inner_text():
            assert focused.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            return
    pytest.fail(f"{TABS_MAX} presses of Tab did not reach {name!r}")
