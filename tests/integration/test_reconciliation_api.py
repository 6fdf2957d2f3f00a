"""Reconciliation as an officer meets it: asked for over the API, carried out by the worker, read and downloaded."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.app import create_app
from gateway.jobs import build_jobs
from gateway.store import reconciliation as store
from gateway.store.embedded import DatabaseUrls
from reconciliation import api as reconciliation_api
from reconciliation import jobs
from tests.integration.api import Api, an_api, problem

REPORTS = "/v1/reconciliation"
RUNS = f"{REPORTS}/runs"
FEE = 200_000


class Office:
    """The API, its worker, and a day on which two payments were made and the report of one is wrong."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        api.app = create_app(api.settings, api.world.runtime, api.ring, [reconciliation_api.register])
        self.jobs = build_jobs(api.world.runtime, url, [jobs.register])
        self.payments = [api.world.paid()[1] for _ in range(2)]
        day = self.payments[0].business_date
        assert day is not None
        self.day: date = day
        wrong = {"date": self.day.isoformat(), "fault": "change_amount", "payment": str(self.payments[0].id)}
        self.control("settlement-faults", wrong)
        self.control("settle", {"date": self.day.isoformat()})

    def control(self, path: str, body: dict[str, str]) -> None:
        httpx.post(f"{self.api.world.simulator.url}/_sim/{path}", json=body, timeout=10).raise_for_status()

    def ask(self, **changed: Any) -> dict[str, Any]:
        body = {"provider": "sandbox", "business_date": self.day.isoformat(), **changed}
        answer = self.api.post(RUNS, body, "finance")
        assert answer.status_code == 202, answer.text
        run: dict[str, Any] = answer.json
        return run

    def work(self) -> None:
        """Let the worker do what waits."""
        self.jobs.run_worker(wait=False, queues=["default"], install_signal_handlers=False)

    def finished(self) -> dict[str, Any]:
        run = self.ask()
        self.work()
        shown: dict[str, Any] = self.api.get(f"{RUNS}/{run['id']}", "finance").json
        return shown


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as api:
        yield Office(api, module_database_urls.app_url)


def test_a_run_is_asked_for_and_the_worker_carries_it_out(office: Office) -> None:
    asked = office.ask()
    assert asked["status"] == "running"
    assert office.ask()["id"] == asked["id"]
    office.work()
    run = office.api.get(f"{RUNS}/{asked['id']}", "finance").json
    assert (run["status"], run["provider"], run["business_date"]) == ("exceptions", "sandbox", office.day.isoformat())
    assert run["totals"]["ledger_minor"] == 2 * FEE
    assert run["totals"]["matched"] == 1
    assert run["totals"]["discrepancies"] == {"amount_mismatch": 1}


def test_what_was_found_is_listed_with_evidence_and_explained(office: Office) -> None:
    run = office.finished()
    found = office.api.get(f"{RUNS}/{run['id']}/discrepancies", "finance").json
    assert found["next"] is None
    one = found["data"][0]
    assert (one["kind"], one["payment"], one["amount_minor"]) == ("amount_mismatch", str(office.payments[0].id), 1_000)
    assert one["evidence"]["settlement"]["gross_minor"] == FEE + 1_000
    assert set(one["explanation"]) == {"vi", "en"}


def test_the_report_is_downloaded_as_asked_for(office: Office) -> None:
    path = f"{RUNS}/{office.finished()['id']}/report"
    as_json = office.api.get(path, "finance")
    assert as_json.content_type == "application/json"
    assert [found["kind"] for found in as_json.json["discrepancies"]] == ["amount_mismatch"]
    as_csv = office.api.get(path, "finance", headers={"Accept": "text/csv"})
    assert as_csv.data == office.api.get(f"{path}?format=csv", "finance").data
    assert as_csv.content_type.startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(as_csv.data.decode("utf-8-sig"), newline="")))
    assert {row["row"] for row in rows} == {"total", "batch", "remittance", "ageing", "discrepancy", "match"}
    assert f"sandbox-{office.day}.csv" in as_csv.headers["Content-Disposition"]


@pytest.mark.parametrize(("form", "begins"), [("xlsx", b"PK"), ("pdf", b"%PDF-1.7")])
def test_the_report_is_had_as_a_document(office: Office, form: str, begins: bytes) -> None:
    path = f"{RUNS}/{office.finished()['id']}/report"
    answer = office.api.get(f"{path}?format={form}&language=en", "finance")
    assert (answer.status_code, answer.data[: len(begins)]) == (200, begins)
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert office.api.get(path, "finance", headers={"Accept": answer.content_type}).data[: len(begins)] == begins
    problem(office.api.get(f"{path}?format={form}&language=fr", "finance"), 422, "invalid_request")


def test_the_month_a_payout_and_the_receipts_of_a_day_are_reported(office: Office) -> None:
    office.finished()
    month = office.api.get(f"{REPORTS}/months/{office.day:%Y-%m}/report", "finance").json
    assert sum(rail["collected_minor"] for rail in month["rails"]) == 2 * FEE
    payout = f"{REPORTS}/payouts/sandbox/payout-{office.day}-VND-1/report"
    assert office.api.get(payout, "finance").json["kinds"][0]["lines"] == 2
    problem(office.api.get(payout.replace("-VND-", "-EUR-"), "finance"), 404, "payout_not_found")
    receipts = office.api.get(f"{REPORTS}/receipts/{office.day}", "finance").json["receipts"]
    assert [receipt["amount_minor"] for receipt in receipts] == [FEE, FEE]


@pytest.mark.parametrize(("path", "field"), [("months/2026-13/report", "month"), ("receipts/2026-02-30", "day")])
def test_a_day_that_is_none_has_no_report(office: Office, path: str, field: str) -> None:
    assert list(problem(office.api.get(f"{REPORTS}/{path}", "finance"), 422, "invalid")["errors"]) == [field]


def test_a_report_of_another_form_is_refused_and_the_forms_named(office: Office) -> None:
    path = f"{RUNS}/{office.finished()['id']}/report"
    told = problem(office.api.get(f"{path}?format=docx", "finance"), 422, "unknown_report_format")
    assert told["errors"] == {"format": "must be one of json, csv, xlsx, pdf"}
    problem(office.api.get(path, "finance", headers={"Accept": "image/png"}), 422, "unknown_report_format")


def test_lists_go_on_page_by_page(office: Office) -> None:
    office.finished()
    page = office.api.get(f"{RUNS}?limit=1", "finance").json
    seen = [run["id"] for run in page["data"]]
    while page["next"]:
        page = office.api.get(f"{RUNS}?limit=1&after={page['next']}", "finance").json
        seen += [run["id"] for run in page["data"]]
    assert len(seen) == len(set(seen)) == office.api.world.count("reconciliation_runs")
    problem(office.api.get(f"{RUNS}?after=nonsense", "finance"), 422, "invalid")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"provider": "nobody"}, "invalid"),
        ({"business_date": "2999-01-01"}, "invalid"),
        ({"business_date": "yesterday"}, "invalid_request"),
        ({"more": 1}, "invalid_request"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_makes_no_run(
    office: Office, changed: dict[str, Any], code: str
) -> None:
    before = office.api.world.count("reconciliation_runs")
    body = {"provider": "sandbox", "business_date": office.day.isoformat(), **changed}
    problem(office.api.post(RUNS, body, "finance"), 422, code)
    assert office.api.world.count("reconciliation_runs") == before


def test_only_officers_of_every_agency_may_run_and_read(office: Office) -> None:
    body = {"provider": "sandbox", "business_date": office.day.isoformat()}
    problem(office.api.post(RUNS, body, "portal"), 403, "scope_missing")
    problem(office.api.post(RUNS, body, "finance", key=None), 400, "idempotency_key_required")
    problem(office.api.get(f"{RUNS}/{uuid4()}", "finance"), 404, "run_not_found")
    of_one = office.api.key_for(office.payments[0].agency_id, "finance")
    problem(office.api.post(RUNS, body, of_one), 403, "one_agency_only")
    run = office.finished()
    problem(office.api.get(f"{RUNS}/{run['id']}/report", of_one), 403, "one_agency_only")
    found = office.api.get(f"{RUNS}/{run['id']}/discrepancies", of_one).json["data"]
    assert [one["kind"] for one in found] == ["amount_mismatch"]


def test_a_run_that_meets_another_is_tried_again_later(office: Office) -> None:
    with store.only_one(office.api.world.runtime.db, "sandbox"):
        assert office.finished()["status"] == "running"
    assert office.api.world.count("procrastinate_jobs WHERE status = 'todo' AND scheduled_at IS NOT NULL") == 1


def test_the_schedule_asks_for_each_day_that_is_over_and_has_no_run(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    with an_api(database_urls, tmp_path) as api:
        world, queue = api.world, jobs.Queue()
        today = world.clock().date()
        first = jobs.schedule(world.runtime, queue)
        assert [name for name, _ in first] == ["sandbox"]
        assert first[0][1] < today + timedelta(days=1)
        assert jobs.schedule(world.runtime, queue) == []  # it waits already
        build_jobs(world.runtime, database_urls.app_url, [jobs.register]).run_worker(
            wait=False, install_signal_handlers=False
        )
        assert jobs.schedule(world.runtime, queue) == []  # it is done
        world.clock.ahead = timedelta(days=3)
        missed = [day for _, day in jobs.schedule(world.runtime, queue)]
        assert missed == [first[0][1] + timedelta(days=n) for n in (1, 2, 3)]
