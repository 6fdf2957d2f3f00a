"""Officers at reconciliation: the queue, a discrepancy and its decision by two persons, a run and its signature."""

import re
from collections.abc import Iterator
from html import unescape
from uuid import UUID

import httpx
import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.officer import Role
from gateway.domain.resolution import Action
from gateway.store import resolutions
from gateway.store.embedded import DatabaseUrls
from reconciliation.console import queue
from tests.integration.api import an_api
from tests.integration.conftest import add_agency
from tests.integration.console.reconciliation_office import HIDDEN, Office, shown_on
from tests.integration.deciding import FEE, opened, proposed, status_of
from tests.integration.officers import submit


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as api:
        yield Office(api, module_database_urls.app_url)


@pytest.fixture(scope="module")
def other_agency_id(office: Office) -> UUID:
    with office.world.runtime.db.transaction() as tx:
        return add_agency(tx, "vn-other")


@pytest.fixture(scope="module")
def excess(office: Office) -> UUID:
    """A payment that the provider settled with 20,000 more, which is written off."""
    return opened(
        office.world,
        DiscrepancyKind.AMOUNT_MISMATCH,
        -20_000,
        ledger={"amount_minor": FEE, "currency": "VND", "entry": "payment:1"},
        settlement={"gross_minor": FEE - 20_000, "currency": "VND", "batch": "B1", "line": 1},
        provider_transaction_id="T1",
    )


def test_a_decision_takes_two_officers(office: Office, excess: UUID) -> None:
    both = office.officer(Role.FINANCE, Role.APPROVER)
    page = f"/console/discrepancies/{excess}"
    assert page in both.get("/console/discrepancies").text
    whole = both.get(page).text
    assert "What the ledger would book" in whole
    assert "₫180,000" in whole

    fields = {"action": "write_off", "reason": "the provider rounds", "invoice": ""}
    looked = submit(both, page, f"{page}/propose", **fields)
    assert looked.status_code == 200
    assert "another officer approves it first" in looked.text
    assert status_of(office.world, excess) == "open"
    shown = HIDDEN.search(looked.text)
    assert shown
    made = submit(both, page, f"{page}/propose", **fields, shown=shown[1], confirmed="1")
    assert made.status_code == 303

    refused = submit(both, made.location, f"{made.location}/approve", shown=shown_on(both, made.location))
    assert refused.status_code == 422
    assert "another person decides" in refused.text
    other = office.officer(Role.APPROVER)
    assert made.location in other.get("/console/decisions").text
    done = submit(other, made.location, f"{made.location}/approve", shown=shown_on(other, made.location))
    assert done.status_code == 303
    assert status_of(office.world, excess) == "resolved"
    assert "Decided by" in other.get(made.location).text


def test_a_decision_without_a_reason_is_asked_for_one(office: Office) -> None:
    found = opened(office.world, DiscrepancyKind.DUPLICATE_AT_PROVIDER, 20_000)
    finance, page = office.officer(Role.FINANCE), f"/console/discrepancies/{found}"
    answer = submit(finance, page, f"{page}/propose", action="close_explained", reason=" ", invoice="")
    assert answer.status_code == 422
    assert 'href="#reason"' in answer.text
    assert status_of(office.world, found) == "open"


def test_work_is_noted_with_the_names_of_officers(office: Office) -> None:
    found = opened(office.world, DiscrepancyKind.MISSING_AT_PROVIDER, 20_000)
    finance, page = office.officer(Role.FINANCE), f"/console/discrepancies/{found}"
    assert submit(finance, page, f"{page}/comment", text="asked by telephone <b>\0").status_code == 303
    actor = re.search(r'value="(officer:[^"]+)"', finance.get(page).text)
    assert actor
    assert submit(finance, page, f"{page}/assign", to=actor[1]).status_code == 303
    assert submit(finance, page, f"{page}/traces", kind="trace", addressee="Sandbox").status_code == 303
    assert submit(finance, page, f"{page}/carry", until="2001-01-01", why="soon").status_code == 422
    whole = finance.get(page).text
    assert "asked by telephone &lt;b&gt;" in whole
    assert "An answer is due by" in whole
    assert "Lan" in whole.split("History")[1]


def test_a_comment_that_is_sent_twice_is_kept_once(office: Office) -> None:
    found = opened(office.world, DiscrepancyKind.MISSING_AT_PROVIDER, 20_000)
    finance, page = office.officer(Role.FINANCE), f"/console/discrepancies/{found}"
    once = re.search(r'name="once" value="([^"]+)"', finance.get(page).text)
    assert once
    for said in ("asked by telephone", "asked by telephone", "asked in writing"):
        assert submit(finance, page, f"{page}/comment", text=said, once=once[1]).status_code == 303
    assert finance.get(page).text.count("asked by telephone") == 1
    assert finance.get(page).text.count("asked in writing") == 1


def test_readers_read_and_no_more(office: Office, excess: UUID) -> None:
    for role in (Role.VIEWER, Role.AUDITOR):
        browser = office.officer(role)
        for page in ("/discrepancies", f"/discrepancies/{excess}", "/decisions", "/runs"):
            assert browser.get(f"/console{page}").status_code == 200, page
        page = f"/console/discrepancies/{excess}"
        assert submit(browser, page, f"{page}/comment", text="hello").status_code == 403
    assert office.officer(Role.CATALOGUE_EDITOR).get("/console/discrepancies").status_code == 403


def test_an_officer_of_one_agency_sees_its_own(office: Office, other_agency_id: UUID, excess: UUID) -> None:
    browser = office.officer(Role.FINANCE, agency_id=other_agency_id)
    assert str(excess) not in browser.get("/console/discrepancies?status=all").text
    assert browser.get(f"/console/discrepancies/{excess}").status_code == 404
    assert browser.get("/console/runs").status_code == 403
    found = opened(office.world, DiscrepancyKind.AMOUNT_MISMATCH, 60_000)
    waiting = proposed(office.world, found, Action.CLOSE_EXPLAINED)
    assert str(waiting.id) in office.officer(Role.VIEWER).get("/console/decisions").text
    approver = office.officer(Role.APPROVER, agency_id=other_agency_id)
    assert str(waiting.id) not in approver.get("/console/decisions").text
    page = f"/console/decisions/{waiting.id}"
    assert approver.get(page).status_code == 404
    assert submit(approver, "/console/decisions", f"{page}/approve", shown="x").status_code == 404


def test_the_queue_takes_filters_and_pages(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAGE", 2)
    made = {str(opened(office.world, DiscrepancyKind.REFUND_UNKNOWN, amount)) for amount in (1_000, 3_000, 2_000)}
    viewer, seen = office.officer(Role.VIEWER), []
    page: str | None = "?kind=refund_unknown&order=amount"
    while page:
        text = viewer.get(f"/console/discrepancies{page}").text
        seen += re.findall(r'/console/discrepancies/([0-9a-f-]{36})"', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        page = unescape(following[1]) if following else None
    assert set(seen) == made
    assert len(seen) == len(made)
    assert made.isdisjoint(re.findall(r"[0-9a-f-]{36}", viewer.get("/console/discrepancies?kind=timing").text))
    for odd in ("?after=x", "?order=amount&after=x", "?provider=%00"):
        assert viewer.get(f"/console/discrepancies{odd}").status_code == 422
    assert viewer.get("/console/discrepancies?status=none&kind=none&agency=none&age=none&cause=none").status_code == 200


def test_one_decision_is_taken_for_all_of_one_cause(office: Office) -> None:
    made = [opened(office.world, DiscrepancyKind.PAYOUT_OVER, amount) for amount in (1_000, 2_000)]
    finance = office.officer(Role.FINANCE)
    with office.world.runtime.db.read() as tx:
        (found,) = resolutions.page_of_discrepancies(
            tx, None, {"id": made[0]}, older_than_days=None, due=False, after=None, limit=1
        )
    run = submit(
        finance, "/console/runs", "/console/runs", provider="sandbox", business_date=found.business_date.isoformat()
    )
    assert run.status_code == 303
    office.work()
    queue_page = finance.get("/console/discrepancies?kind=payout_over").text
    group = re.search(r'href="(/console/discrepancies/groups/payout_differs-[^"]+)"', queue_page)
    assert group
    assert "2 of sandbox, one cause" in queue_page
    assert "₫3,000" in queue_page
    page = finance.get(group[1]).text
    assert all(str(each) in page for each in made)

    fields = {"action": "close_explained", "reason": "the provider mended its total"}
    shown = shown_on(finance, group[1])
    looked = submit(finance, group[1], f"{group[1]}/propose", **fields, shown=shown)
    assert "This is done at once" in looked.text
    old = submit(finance, group[1], f"{group[1]}/propose", **fields, shown="old", confirmed="1")
    assert old.status_code == 422
    assert "This has changed" in old.text
    assert {status_of(office.world, each) for each in made} == {"open"}
    done = submit(finance, group[1], f"{group[1]}/propose", **fields, shown=shown, confirmed="1")
    assert done.status_code == 303
    assert {status_of(office.world, each) for each in made} == {"resolved"}
    assert "2 discrepancies" in finance.get(done.location).text
    assert finance.get(group[1]).status_code == 404


def test_a_day_is_run_and_signed_by_another_officer(office: Office) -> None:
    _, payment = office.world.paid()
    assert payment.business_date is not None
    day = payment.business_date.isoformat()
    url = f"{office.world.simulator.url}/_sim"
    wrong = {"date": day, "fault": "change_amount", "payment": str(payment.id)}
    httpx.post(f"{url}/settlement-faults", json=wrong, timeout=10).raise_for_status()
    httpx.post(f"{url}/settle", json={"date": day}, timeout=10).raise_for_status()
    both = office.officer(Role.FINANCE, Role.APPROVER)
    begun = submit(both, "/console/runs", "/console/runs", provider="sandbox", business_date=day)
    assert begun.status_code == 303
    page = begun.location
    assert "Wait for it to end" in both.get(page).text
    office.work()
    assert "Totals by currency" in both.get(page).text
    assert "another approver signs it" in both.get(f"{page}/sign-off").text

    other = office.officer(Role.APPROVER)
    shown = shown_on(other, f"{page}/sign-off")
    kinds = re.findall(r'<textarea id="reason-([a-z_]+)"', other.get(f"{page}/sign-off").text)
    assert "amount_mismatch" in kinds
    refused = submit(other, f"{page}/sign-off", f"{page}/sign-off", shown=shown, note="")
    assert refused.status_code == 422
    assert 'href="#reason-amount_mismatch"' in refused.text
    reasons = {f"reason-{kind}": "the provider was asked" for kind in kinds}
    stale = submit(other, f"{page}/sign-off", f"{page}/sign-off", shown="old", note="", **reasons)
    assert stale.status_code == 422
    signed = submit(other, f"{page}/sign-off", f"{page}/sign-off", shown=shown, note="seen", **reasons)
    assert signed.status_code == 303
    assert "signed off" in other.get(page).text
    corrected = submit(both, page, f"{page}/correct")
    assert corrected.status_code == 303
    assert corrected.location != page
