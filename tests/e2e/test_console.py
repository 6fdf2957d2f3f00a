"""Officers in a real browser: they sign in, close a day by two, help at a counter, hand in a statement, change a fee.
Every page of the console is held to WCAG 2.2 AA, on a small phone."""

from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.exceptions import HTTPException

from gateway.domain.officer import Role
from gateway.services.invite_officer import invite
from gateway.store.embedded import DatabaseUrls
from tests.e2e.accessibility import violations
from tests.e2e.browsing import IN_A_BROWSER, SMALL_PHONE, fits
from tests.e2e.office import DESK, Office, an_office
from tests.integration.officers import an_officer

pytestmark = IN_A_BROWSER

PAGE_BYTES = 60_000
PASSWORD = "five grey owls sleep"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
NO_PAGES = {
    "style_sheet",
    "passkey_script",
    "openid",
    "openid_callback",
    "ledger_csv",
    "ledger_account_csv",
    "audit_csv",
    "audit_reads_csv",
    "run_report",
    "month_report",
    "payout_report",
    "receipts_report",
    "trace_letter",
}
"""What can be fetched and is no page: files to download, and ways to another host."""

ON_THE_WAY = {
    "sign_in",
    "second_step",
    "passkey",
    "welcome",
    "set_up",
    "set_up_authenticator",
    "set_up_passkey",
    "counter_new",
    "counter_invoice",
    "counter_session",
    "statement",
    "fee_draft",
    "run",
    "sign_off",
    "api_key",
    "webhook",
    "refund",
    "reset_officer",
    "discrepancy_group",
}
"""Pages that the officers of the other tests come by and look at, or that what happened there leads to."""


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_office(module_database_urls, tmp_path_factory.mktemp("simulator")) as made:
        yield made


def test_a_day_is_closed_by_two_officers(office: Office, browser: Browser) -> None:
    finance = office.signed_in(browser, office.officer("Lan", Role.FINANCE), scripts=True)
    finance.goto(f"{office.url}/console/runs?lang=en")
    finance.get_by_label("Provider or bank").last.select_option("sandbox")
    finance.get_by_label("Day", exact=True).fill(office.wrong.day.isoformat())
    finance.get_by_role("button", name="Run it now").click()
    run = finance.url
    office.work()
    finance.goto(run)
    look(finance)
    finance.get_by_role("link", name="amount").first.click()
    expect(finance.locator("main")).to_contain_text(str(office.wrong.payment.id))

    finance.get_by_role("radio", name="Write").check()
    finance.get_by_label("Reason").fill("the provider rounds")
    finance.get_by_role("button", name="Look at the effect").click()
    expect(finance.get_by_role("heading", level=1)).to_have_text("Is this right?")
    look(finance)
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


def invited(office: Office, browser: Browser) -> tuple[Page, str]:
    """The browser of an officer who was invited and has chosen a password, and their e-mail address."""
    runtime = office.world.runtime
    officer = an_officer(runtime, [Role.AUDITOR])
    with runtime.db.transaction() as tx:
        link = invite(tx, runtime, officer, "operator")
    tab = office.desk(browser, scripts=True)
    look(tab)
    tab.goto(f"{link}?lang=en")
    look(tab)
    email = tab.get_by_label("E-mail address").input_value()
    tab.get_by_label("New password").fill(PASSWORD)
    tab.get_by_label("The same password once more").fill(PASSWORD)
    tab.get_by_role("button", name="Go on").click()
    look(tab)
    return tab, email


def with_a_passkey(tab: Page) -> None:
    """The browser gets a device that makes passkeys and keeps them."""
    device = tab.context.new_cdp_session(tab)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def test_an_invited_officer_sets_up_an_authenticator(office: Office, browser: Browser) -> None:
    tab, _ = invited(office, browser)
    tab.get_by_role("link", name="Use an authenticator app").click()
    look(tab)
    secret = tab.locator("main code").inner_text().replace(" ", "")
    tab.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    tab.get_by_role("button", name="Go on").click()
    look(tab)
    tab.get_by_role("link", name="I have written them down").click()
    expect(tab.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


def test_an_invited_officer_sets_up_a_passkey_and_signs_in_with_it(office: Office, browser: Browser) -> None:
    tab, email = invited(office, browser)
    with_a_passkey(tab)
    tab.get_by_role("link", name="Use a passkey").click()
    look(tab)
    tab.get_by_role("button", name="Add a passkey").click()
    expect(tab.locator("main li code")).to_have_count(10)
    look(tab)
    tab.get_by_role("link", name="I have written them down").click()
    tab.get_by_role("button", name="Sign out", exact=True).click()
    tab.get_by_label("E-mail address").fill(email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Go on").click()
    look(tab)
    tab.get_by_role("link", name="Use my passkey").click()
    look(tab)
    tab.get_by_role("button", name="Use my passkey").click()
    expect(tab.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


def test_an_officer_signs_in_with_a_passkey(office: Office, browser: Browser) -> None:
    tab = office.signed_in(browser, office.officer("Hoa", Role.VIEWER), scripts=True)
    with_a_passkey(tab)
    tab.goto(f"{office.url}/console/account/passkeys/new")
    tab.get_by_label("A name for it").fill("my own key")
    tab.get_by_role("button", name="Add a passkey").click()
    expect(tab.locator("main")).to_contain_text("my own key")
    tab.get_by_role("button", name="Sign out", exact=True).click()
    tab.get_by_role("link", name="Sign in with a passkey").click()
    look(tab)
    tab.get_by_role("button", name="Use my passkey").click()
    expect(tab.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


def test_who_cannot_do_it_alone_is_helped_at_a_counter(office: Office, browser: Browser) -> None:
    tab = office.signed_in(browser, office.officer("Thu", Role.FINANCE), scripts=True)
    tab.goto(f"{office.url}/console/counter")
    tab.get_by_label("What does the payer want?").select_option("vn-passport-new")
    tab.get_by_role("button", name="Write it up").click()
    look(tab)
    tab.get_by_label("Number of the dossier").fill("H26.17-9")
    tab.get_by_label("Full name").fill("Nguyễn Thị Thử")
    tab.get_by_role("button", name="Write it up").click()
    look(tab)
    tab.get_by_role("button", name="Let the payer pay").click()
    look(tab)
    session = tab.locator("main").inner_text()
    assert "200,000" in session


def test_a_broken_statement_is_refused_line_by_line(office: Office, browser: Browser) -> None:
    tab = office.signed_in(browser, office.officer("Thu", Role.FINANCE), scripts=True)
    tab.goto(f"{office.url}/console/statements")
    broken = {"name": "march.xml", "mimeType": "text/xml", "buffer": b"<Document><oops></Document>"}
    tab.get_by_label("File").set_input_files(broken)  # type: ignore[arg-type]
    tab.get_by_role("button").last.click()
    expect(tab.locator("main")).to_contain_text("What is wrong with it")
    look(tab)


def test_a_fee_is_changed_by_two_editors(office: Office, browser: Browser) -> None:
    editor = office.signed_in(browser, office.officer("Soan", Role.CATALOGUE_EDITOR), scripts=True)
    editor.goto(f"{office.url}/console/fees/vn-passport-new")
    editor.get_by_role("link", name="Draft a change").first.click()
    editor.get_by_label("New amount").fill("250000")
    editor.get_by_label("First day", exact=True).fill("2031-01-01")
    editor.get_by_label("Why it changes").fill("a new circular")
    editor.get_by_role("button", name="Save the draft").click()
    look(editor)
    expect(editor.get_by_role("button", name="Publish")).to_have_count(0)
    draft = editor.url
    other = office.signed_in(browser, office.officer("Duyet", Role.CATALOGUE_EDITOR))
    other.goto(draft)
    other.get_by_role("button", name="Publish").click()
    other.goto(f"{office.url}/console/fees/vn-passport-new")
    expect(other.locator("main")).to_contain_text("250,000")


def test_every_page_is_for_everybody(office: Office, browser: Browser) -> None:
    """On a small phone; each page once, found by its links. None is left out, and none is heavy."""
    with office.signed_in(browser, office.officer("Lan", *Role), scripts=True).context as context:
        walked = walk(office, context)
    wrong = {name: each for name, each in walked.items() if each}
    assert (wrong, pages_of(office) - set(walked)) == ({}, set())


def walk(office: Office, context: BrowserContext) -> dict[str, list[str]]:
    """What is wrong with each page, by endpoint."""
    tab, found = context.new_page(), dict[str, list[str]]()
    tab.set_viewport_size(SMALL_PHONE)  # type: ignore[arg-type]
    waiting = [f"{office.url}/console?lang=en"]
    while waiting:
        address = waiting.pop(0)
        name = endpoint_of(office, address)
        if name in found or name in NO_PAGES:
            continue
        weight = len(context.request.get(address).body())
        answer = tab.goto(address)
        found[name] = wrong_with(tab)
        if answer is None or answer.status != 200:
            found[name].append(f"{urlsplit(address).path} has status {answer and answer.status}")
        if weight > PAGE_BYTES:
            found[name].append(f"weighs {weight} bytes")
        links: list[str] = tab.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
        waiting += [urldefrag(link).url for link in links if link.startswith(f"{office.url}/console")]
    return found


def look(tab: Page) -> None:
    """At the page that is open, as one would on a small phone."""
    tab.set_viewport_size(SMALL_PHONE)  # type: ignore[arg-type]
    assert wrong_with(tab) == []
    tab.set_viewport_size(DESK)  # type: ignore[arg-type]


def wrong_with(tab: Page) -> list[str]:
    wrong = violations(tab)
    if not fits(tab):
        wrong.append("has to be scrolled sideways at 320 px")
    if tab.locator("h1").count() != 1:
        wrong.append("has no heading of its own, or several")
    return wrong


def pages_of(office: Office) -> set[str]:
    """Endpoints of what can be opened, but for those that others look at."""
    rules = office.app.url_map.iter_rules()
    ours = {rule.endpoint for rule in rules if rule.endpoint.startswith("console.") and "GET" in (rule.methods or ())}
    return {name.removeprefix("console.") for name in ours} - NO_PAGES - ON_THE_WAY


def endpoint_of(office: Office, address: str) -> str:
    try:
        name, _ = office.app.url_map.bind("localhost").match(urlsplit(address).path)
    except HTTPException:
        return f"nothing at {urlsplit(address).path}"
    return str(name).removeprefix("console.")
