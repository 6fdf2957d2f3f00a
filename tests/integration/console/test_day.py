"""The officers' first page, refunds and downloads: figures that tie to the trial balance, and what is kept of who
took what."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from gateway.console.gate import cookie_name
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.officer import Role
from gateway.domain.refund import RefundStatus
from gateway.services.officer_sessions import officer_of
from gateway.services.refund_payment import request_refund
from gateway.services.runtime import Caller
from gateway.store.embedded import DatabaseUrls
from reconciliation.day import day_at_a_glance
from tests.integration.api import an_api
from tests.integration.conftest import add_agency
from tests.integration.console.reconciliation_office import Office, shown_on
from tests.integration.deciding import FEE, opened
from tests.integration.officers import submit


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as api:
        yield Office(api, module_database_urls.app_url)


def test_the_day_tells_where_the_money_is(office: Office) -> None:
    viewer = office.officer(Role.VIEWER)
    assert viewer.get("/console").location == "/console/day"
    assert "No money has come in yet" in viewer.get("/console/day").text
    _, payment = office.world.paid()
    opened(office.world, DiscrepancyKind.STATUS_MISMATCH, 3_000)
    assert payment.business_date is not None
    with office.world.runtime.db.snapshot() as tx:
        (figures,) = day_at_a_glance(tx, payment.business_date, None).figures
        of_another = day_at_a_glance(tx, payment.business_date, an_agency(office))
    held = office.world.balances()["in_transit:sandbox"]
    assert figures.in_transit.amount_minor == held == 2 * FEE
    assert figures.collected.amount_minor == 2 * FEE
    assert figures.at_bank.amount_minor == 0
    assert (figures.unexplained.amount_minor, figures.unexplained_count) == (3_000, 1)
    assert [day for day, _ in figures.by_day][-1] == payment.business_date
    assert not of_another.figures

    page = viewer.get(f"/console/day?date={payment.business_date}").text
    assert "₫400,000" in page
    assert "1 discrepancy is open" in page
    assert "not run yet" in page
    assert len(page) < 60_000
    assert "style=" not in page


def test_a_refund_is_approved_by_another_officer(office: Office) -> None:
    _, payment = office.world.paid()
    asker = office.officer(Role.FINANCE, Role.APPROVER)
    with office.world.runtime.db.transaction() as tx:
        refund = request_refund(tx, office.world.runtime, caller_of(asker, office), payment.id, 50_000, "withdrawn")
    page = f"/console/refunds/{refund.id}"
    assert "another officer decides" in asker.get("/console/refunds").text
    assert f'action="{page}/approve"' not in asker.get(page).text
    other = office.officer(Role.APPROVER)
    shown = shown_on(other, page)
    own = submit(asker, page, f"{page}/approve", shown=shown)
    assert own.status_code == 422
    assert "another person decides" in own.text
    assert submit(other, page, f"{page}/approve", shown="old").status_code == 422
    assert office.world.refund(refund.id).status is RefundStatus.REQUESTED
    assert submit(other, page, f"{page}/approve", shown=shown).status_code == 303
    assert office.world.refund(refund.id).status is RefundStatus.APPROVED
    assert page in other.get("/console/refunds?status=approved").text


def test_a_download_is_the_report_and_is_written_down(office: Office) -> None:
    _, payment = office.world.paid()
    assert payment.business_date is not None
    auditor, month = office.officer(Role.AUDITOR), f"{payment.business_date:%Y-%m}"
    report = auditor.get(f"/console/reports/month?month={month}&format=json")
    assert report.status_code == 200
    assert report.json is not None
    assert report.json["month"] == month
    assert "attachment" in report.headers["Content-Disposition"]
    of_one = office.officer(Role.VIEWER, agency_id=payment.agency_id)
    own = of_one.get(f"/console/reports/month?month={month}&format=json&agency=all").json
    assert own is not None
    assert own["agency"] is not None
    assert auditor.get(f"/console/reports/receipts?day={payment.business_date}&format=csv").status_code == 200
    for wrong in ("month?month=x&format=json", f"month?month={month}&format=doc", "receipts?day=&format=csv"):
        assert auditor.get(f"/console/reports/{wrong}").status_code == 422
    assert auditor.get("/console/reports/payout?provider=sandbox&payout=none&format=json").status_code == 404
    assert of_one.get("/console/reports/payout?provider=sandbox&payout=none&format=json").status_code == 403
    assert "Give a day, like 2026-11-22." in auditor.get("/console/reports/receipts?day=x&format=csv").text
    assert office.officer(Role.CATALOGUE_EDITOR).get("/console/reports").status_code == 403
    with office.world.runtime.db.read() as tx:
        taken = "SELECT subject_type, subject_id FROM audit_log WHERE action = 'report.downloaded' ORDER BY at"
        noted = [tuple(row) for row in tx.execute(text(taken))]
    assert noted == [("month_report", month)] * 2 + [("receipts_report", payment.business_date.isoformat())]


def caller_of(browser: FlaskClient, office: Office) -> Caller:
    cookie = browser.get_cookie(cookie_name(office.world.runtime))
    assert cookie
    return officer_of(office.world.runtime.db, cookie.value).caller


def an_agency(office: Office) -> UUID:
    with office.world.runtime.db.transaction() as tx:
        return add_agency(tx, "vn-without-money")
