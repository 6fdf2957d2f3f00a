"""Who looks over the gateway: the audit trail, the providers' health, the agencies."""

import csv
from io import StringIO

import pytest
from flask.testing import FlaskClient

from gateway.console.csv_download import csv_download
from gateway.console.providers import per_cent
from gateway.domain.invoice import Invoice
from gateway.domain.officer import Role
from gateway.services.keys import Scope
from gateway.services.read_audit import AuditQuery, audit_trail
from tests.integration.api import Api
from tests.integration.conftest import add_agency
from tests.integration.officers import browser_of, submit

PAGE_BYTES_MAX = 60_000
LANGUAGES = ("en", "vi")
PAGES = (
    "search",
    "ledger",
    "providers",
    "providers/sandbox",
    "agencies",
    "audit",
    "audit/reads",
    "api-keys",
    "webhooks",
)


@pytest.fixture(scope="module")
def invoice(api: Api) -> Invoice:
    return api.world.paid()[0]


@pytest.fixture(scope="module")
def auditor(api: Api) -> FlaskClient:
    browser = browser_of(api.app, api.world.runtime, Role.AUDITOR)
    browser.get("/console?lang=en")
    return browser


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))


def test_the_trail_tells_who_did_what_and_can_be_taken_along(invoice: Invoice, auditor: FlaskClient) -> None:
    about = f"type=invoice&subject={invoice.id}"
    assert "The invoice was issued" in auditor.get(f"/console/audit?{about}").text
    rows = table(auditor.get(f"/console/audit.csv?{about}").text)
    assert [(row["action"], row["subject"]) for row in rows] == [("invoice.issued", str(invoice.id))]
    (row,) = rows
    assert str(invoice.id) in auditor.get(f"/console/audit?actor={row['actor']}").text
    assert str(invoice.id) not in auditor.get("/console/audit?actor=officer:nobody").text
    assert "The invoice was issued" not in auditor.get(f"/console/audit?{about}&to=2001-01-01").text
    assert "The invoice was issued" in auditor.get(f"/console/audit?{about}&from=2001-01-01").text


def test_the_trail_is_the_same_page_by_page(api: Api, invoice: Invoice) -> None:
    everything = AuditQuery("UTC")
    with api.world.runtime.db.read() as tx:
        whole = audit_trail(tx, api.world.finance, everything, None, 1000)
        paged: list[int] = []
        after = None
        while True:
            page = audit_trail(tx, api.world.finance, everything, after, 2)
            paged.extend(row.id for row in page.rows)
            after = page.next
            if after is None:
                break
    assert len(whole.rows) > 4
    assert paged == [row.id for row in whole.rows]


def test_an_auditor_of_one_agency_sees_what_its_own_people_did(api: Api, invoice: Invoice) -> None:
    with api.world.runtime.db.transaction() as tx:
        agency_id = add_agency(tx, "vn-own")
    browser = browser_of(api.app, api.world.runtime, Role.AUDITOR, Role.ADMINISTRATOR, agency_id=agency_id)
    wanted = {"label": "own", "scopes": Scope.PORTAL, "agency": "vn-own"}
    assert submit(browser, "/console/api-keys", "/console/api-keys", **wanted).status_code == 200
    rows = table(browser.get("/console/audit.csv").text)
    assert [row["action"] for row in rows] == ["api_key_issued"]


def test_readings_of_personal_data_are_listed_with_their_purpose(
    api: Api, invoice: Invoice, auditor: FlaskClient
) -> None:
    address = f"/console/payers/{invoice.payer_id}"
    assert submit(auditor, address, address, purpose="=audit of May").status_code == 200
    assert "=audit of May" in auditor.get("/console/audit/reads").text
    (row,) = table(auditor.get("/console/audit/reads.csv").text)
    assert (row["purpose"], row["payer"], row["name"]) == ("'=audit of May", str(invoice.payer_id), "Lan")


def test_a_provider_that_does_not_answer_is_seen(api: Api, auditor: FlaskClient) -> None:
    page = auditor.get("/console/providers").text
    assert "It can be chosen" in page
    assert "Begin a payment" in auditor.get("/console/providers/sandbox").text
    assert auditor.get("/console/providers/nobody").status_code == 404


@pytest.mark.parametrize(
    ("basis_points", "text"), [(None, "–"), (10_000, "100"), (9_950, "99.5"), (5, "0.05"), (0, "0")]
)
def test_a_share_is_written_in_per_cent(basis_points: int | None, text: str) -> None:
    assert per_cent(basis_points) == text


def test_the_agencies_are_told_with_accounts_and_methods(api: Api, auditor: FlaskClient) -> None:
    page = auditor.get("/console/agencies").text
    assert "Ministry of Justice" in page
    assert "9990000000000000029" in page
    with api.world.runtime.db.transaction() as tx:
        agency_id = add_agency(tx, "vn-alone")
    alone = browser_of(api.app, api.world.runtime, Role.VIEWER, agency_id=agency_id).get("/console/agencies").text
    assert "9990000000000000029" not in alone


def test_every_page_is_light_and_has_one_heading(api: Api, invoice: Invoice) -> None:
    browser = browser_of(api.app, api.world.runtime, *Role)
    addresses = [(page, language) for page in PAGES for language in LANGUAGES]
    found = {(page, language): browser.get(f"/console/{page}?lang={language}") for page, language in addresses}
    assert {address for address, page in found.items() if page.status_code != 200} == set()
    assert {address for address, page in found.items() if page.text.count("<h1") != 1} == set()
    assert {address for address, page in found.items() if len(page.data) >= PAGE_BYTES_MAX} == set()


def test_a_cell_that_a_spreadsheet_would_carry_out_is_made_harmless(api: Api) -> None:
    with api.app.app_context():
        file = csv_download("x", ["a"], [["=1+1"], ["-2"], ["-2.50"], ["@x"], ["-a"], [7], [None]])
    assert file.get_data(as_text=True).split("\r\n")[1:-1] == ["'=1+1", "-2", "-2.50", "'@x", "'-a", "7", '""']
