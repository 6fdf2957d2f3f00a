"""/docs in a real browser: it shows the whole API, runs under its policy, and asks no other host."""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, expect, sync_playwright

from gateway.store.embedded import DatabaseUrls
from tests.integration.web import served
from tests.integration.world import a_world

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM: nobody has seen /docs. apt-get install chromium"),
]


@pytest.fixture(scope="module")
def url(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as world, served(world) as address:
        yield address


@pytest.fixture
def tab() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(20_000)
        yield page
        browser.close()


def test_the_page_shows_every_operation_and_asks_nobody_else(url: str, tab: Page) -> None:
    asked: list[Request] = []
    said: list[ConsoleMessage] = []
    tab.on("request", lambda request: asked.append(request))
    tab.on("console", lambda message: said.append(message))
    tab.goto(f"{url}/docs")
    expect(tab.get_by_role("heading", name="Cổng Phí")).to_be_visible()
    tab.get_by_text("Issue an invoice.").first.click()
    described = tab.request.get(f"{url}/openapi.json").json()["paths"]
    operations = sum(len(set(methods) - {"parameters"}) for methods in described.values())
    expect(tab.locator(".opblock")).to_have_count(operations)
    expect(tab.get_by_text("For keys with the scope portal.").first).to_be_visible()
    assert {urlsplit(request.url).netloc for request in asked if not request.url.startswith("data:")} == {
        urlsplit(url).netloc
    }
    assert [message.text for message in said if message.type == "error"] == []
