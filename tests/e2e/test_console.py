"""Officers in a real browser: a day is closed by two of them, and every page of the console is held to WCAG 2.2 AA."""

from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.exceptions import HTTPException

from gateway.domain.officer import Role
from gateway.store.embedded import DatabaseUrls
from tests.e2e.accessibility import violations
from tests.e2e.browsing import IN_A_BROWSER, SMALL_PHONE, fits
from tests.e2e.office import DESK, Office, an_office

pytestmark = IN_A_BROWSER

PAGE_BYTES = 60_000
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
NOT_WALKED = {"console.style_sheet"}
"""What GET gives that is no page."""


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_office(module_database_urls, tmp_path_factory.mktemp("simulator")) as made:
        yield made


def test_a_day_is_closed_by_two_officers(office: Office, browser: Browser) -> None:
    finance = office.signed_in(browser, office.officer("Lan", Role.FINANCE))
    finance.goto(f"{office.url}/console/runs?lang=en")
    finance.get_by_label("Provider or bank").last.select_option("sandbox")
    finance.get_by_label("Day", exact=True).fill(office.wrong.day.isoformat())
    finance.get_by_role("button", name="Run it now").click()
    run = finance.url
    office.work()
    finance.goto(run)
    finance.get_by_role("link", name="amount").first.click()
    expect(finance.locator("main")).to_contain_text(str(office.wrong.payment.id))

    finance.get_by_role("radio", name="Write").check()
    finance.get_by_label("Reason").fill("the provider rounds")
    finance.get_by_role("button", name="Look at the effect").click()
    expect(finance.get_by_role("heading", level=1)).to_have_text("Is this right?")
    finance.get_by_role("button", name="Propose it").click()
    decision = finance.url

    approver = office.signed_in(browser, office.officer("Minh", Role.APPROVER))
    approver.goto(f"{office.url}/console/decisions?lang=en")
    approver.locator(f'a[href="{urlsplit(decision).path}"]').click()
    approver.get_by_role("button", name="Approve").click()
    approver.goto(run)
    approver.get_by_role("link", name="Sign this day off").click()
    for reason in approver.locator("textarea[name^=reason-]").all():
        reason.fill("the provider was asked")
    approver.get_by_role("button", name="Sign it off").click()
    expect(approver.locator("main")).to_contain_text("signed off")
    with approver.expect_download() as download:
        approver.get_by_role("link", name="PDF").first.click()
    assert download.value.path().read_bytes().startswith(b"%PDF")


def test_an_officer_signs_in_with_a_passkey(office: Office, browser: Browser) -> None:
    tab = office.signed_in(browser, office.officer("Hoa", Role.VIEWER), scripts=True)
    device = tab.context.new_cdp_session(tab)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    tab.goto(f"{office.url}/console/account/passkeys/new")
    tab.get_by_label("A name for it").fill("my own key")
    tab.get_by_role("button", name="Add a passkey").click()
    expect(tab.locator("main")).to_contain_text("my own key")
    tab.get_by_role("button", name="Sign out", exact=True).click()
    tab.get_by_role("link", name="Sign in with a passkey").click()
    tab.get_by_role("button", name="Use my passkey").click()
    expect(tab.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


def test_every_page_is_for_everybody(office: Office, browser: Browser) -> None:
    """On a small phone; each page once, found by its links. None is left out, and none is heavy."""
    with office.signed_in(browser, office.officer("Lan", *Role), scripts=True).context as context:
        walked = walk(office, context)
    wrong = {name: each for name, each in walked.items() if each}
    assert (wrong, pages_of(office) - set(walked)) == ({}, set())


def walk(office: Office, context: BrowserContext) -> dict[str, list[str]]:
    """What is wrong with each page, by endpoint."""
    tab, found = context.new_page(), dict[str, list[str]]()
    waiting = [f"{office.url}/console?lang=en"]
    while waiting:
        address = waiting.pop(0)
        name = endpoint_of(office, address)
        if name in found or name is None or name in NOT_WALKED:
            continue
        answer = context.request.get(address)
        if "text/html" not in answer.headers["content-type"]:
            continue
        found[name] = wrong_with(tab, address, len(answer.body()))
        links: list[str] = tab.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
        waiting += [urldefrag(link).url for link in links if link.startswith(f"{office.url}/console")]
    return found


def wrong_with(tab: Page, address: str, weight: int) -> list[str]:
    tab.set_viewport_size(SMALL_PHONE)  # type: ignore[arg-type]
    answer = tab.goto(address)
    wrong = violations(tab)
    if answer is None or answer.status != 200:
        wrong.append(f"status {answer and answer.status}")
    if not fits(tab):
        wrong.append("has to be scrolled sideways at 320 px")
    if tab.locator("h1").count() != 1:
        wrong.append("has no heading of its own, or several")
    if weight > PAGE_BYTES:
        wrong.append(f"weighs {weight} bytes")
    tab.set_viewport_size(DESK)  # type: ignore[arg-type]
    return [*wrong, *(f"wide: {each}" for each in violations(tab))]


def pages_of(office: Office) -> set[str]:
    rules = office.app.url_map.iter_rules()
    return {r.endpoint for r in rules if r.endpoint.startswith("console.") and "GET" in (r.methods or ())} - NOT_WALKED


def endpoint_of(office: Office, address: str) -> str | None:
    try:
        name, _ = office.app.url_map.bind("localhost").match(urlsplit(address).path)
    except HTTPException:
        return f"nothing at {urlsplit(address).path}"
    return str(name)
