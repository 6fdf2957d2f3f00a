"""Fixtures for who looks at the pages: a browser, and a whole gateway behind them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from gateway.store.embedded import DatabaseUrls
from tests.e2e.browsing import ARGUMENTS, CHROMIUM, SMALL_PHONE
from tests.integration.web import served
from tests.integration.world import World, a_world


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def world(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as made, served(made):
        yield made


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A small phone whose browser runs no scripts. It reports what the pages are refused, and whom they ask."""
    opened = browser.new_context(viewport=SMALL_PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    opened.set_default_timeout(10_000)
    yield opened
    opened.close()


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def pay_page(world: World, tab: Page) -> Callable[..., str]:
    """Opens the page of a new session for the procedures, and returns its address."""

    def open_page(*procedures: str, language: str = "en") -> str:
        made = [world.invoice(procedure) for procedure in procedures or ("vn-passport-new",)]
        url = f"{world.runtime.page_url(world.checkout(*made).id)}?lang={language}"
        tab.goto(url)
        return url

    return open_page
