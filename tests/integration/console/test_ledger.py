"""Officers look through the ledger: the trial balance, an account with its running balance, an entry."""

import csv
from io import StringIO

import pytest
from flask.testing import FlaskClient

from gateway.domain.officer import Role
from gateway.domain.payment import Payment
from gateway.services.officer_sessions import SCOPES
from gateway.services.read_ledger import Line, statement
from tests.integration.api import Api
from tests.integration.conftest import add_agency
from tests.integration.officers import browser_of

ACCOUNT = "vn-mps/receivable"


@pytest.fixture(scope="module")
def payments(api: Api) -> list[Payment]:
    return [api.world.paid()[1] for _ in range(2)]


@pytest.fixture(scope="module")
def viewer(api: Api) -> FlaskClient:
    browser = browser_of(api.app, api.world.runtime, Role.VIEWER)
    browser.get("/console?lang=en")
    return browser


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))


def test_the_trial_balance_is_shown_and_can_be_taken_along(
    api: Api, payments: list[Payment], viewer: FlaskClient
) -> None:
    page = viewer.get("/console/ledger?currency=VND").text
    assert "Both totals are equal" in page
    assert ACCOUNT in page
    file = viewer.get("/console/ledger.csv?currency=VND")
    assert file.content_type.startswith("text/csv")
    rows = {row["account"]: row for row in table(file.text)}
    assert rows[ACCOUNT]["balance"] == "0"
    assert sum(int(row["debit"]) for row in rows.values()) == sum(int(row["credit"]) for row in rows.values()) > 0


def test_a_running_balance_goes_on_from_page_to_page(api: Api, payments: list[Payment]) -> None:
    """Whatever the size of a page, the lines and balances are those of the account read in one."""
    with api.world.runtime.db.read() as tx:
        whole = statement(tx, api.world.finance, ACCOUNT, "VND", limit=100)
        paged: list[Line] = []
        after = None
        while True:
            page = statement(tx, api.world.finance, ACCOUNT, "VND", limit=1, after=after)
            assert page.opening_minor == (paged[-1].balance_minor if paged else 0)
            paged.extend(page.lines)
            after = page.next
            if after is None:
                break
        today = whole.lines[-1].entry["business_date"]
        later = statement(tx, api.world.finance, ACCOUNT, "VND", first=today, limit=100)
    assert len(whole.lines) >= 4
    assert paged == list(whole.lines)
    assert later.lines[-1].balance_minor == whole.lines[-1].balance_minor == 0


def test_an_account_leads_to_its_entries_and_an_entry_to_its_story(
    payments: list[Payment], viewer: FlaskClient
) -> None:
    address = f"/console/ledger/account?code={ACCOUNT}&currency=VND"
    page = viewer.get(address).text
    assert "A payment came in" in page
    rows = table(viewer.get(address.replace("account?", "account.csv?")).text)
    paid = next(row for row in rows if row["subject"] == str(payments[0].id))
    entry = viewer.get(f"/console/ledger/entries/{paid['entry']}").text
    assert f"/console/payments/{payments[0].id}" in entry
    issued = next(row for row in rows if row["cause"] == "invoice_issued")
    assert f"/console/invoices/{issued['subject']}" in viewer.get(f"/console/ledger/entries/{issued['entry']}").text


@pytest.mark.parametrize(
    "address", ["account", "account?code=vn-mps/nothing&currency=VND", "entries/999999999", f"entries/{2**70}"]
)
def test_what_is_not_there_is_not_found(viewer: FlaskClient, address: str) -> None:
    assert viewer.get(f"/console/ledger/{address}").status_code == 404


def test_an_officer_of_one_agency_sees_its_books_only(api: Api, payments: list[Payment]) -> None:
    with api.world.runtime.db.transaction() as tx:
        agency_id = add_agency(tx, "vn-other")
    browser = browser_of(api.app, api.world.runtime, *SCOPES, agency_id=agency_id)
    assert ACCOUNT not in browser.get("/console/ledger").text
    assert ACCOUNT not in browser.get("/console/ledger?agency=vn-mps").text
    assert browser.get(f"/console/ledger/account?code={ACCOUNT}&currency=VND").status_code == 404
    with api.world.runtime.db.read() as tx:
        entry_id = statement(tx, api.world.finance, ACCOUNT, "VND").lines[0].entry["id"]
    assert browser.get(f"/console/ledger/entries/{entry_id}").status_code == 404
