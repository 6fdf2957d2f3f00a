"""Banks' statements as a portal and an officer meet them: handed in over the API and on the console's page."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway.app import create_app
from gateway.domain.officer import Role
from gateway.jobs import build_jobs
from gateway.store.embedded import DatabaseUrls
from reconciliation import api as reconciliation_api
from reconciliation import console, statements_cli
from reconciliation.statements import jobs
from tests.integration.api import Api, Reply, an_api, problem
from tests.integration.officers import browser_of, submit
from tests.integration.statement_files import Movement, mt940

ROUTE = "/v1/reconciliation/statements"
PAGE = "/console/statements"
ACCOUNT = "9990000000000000011"
LIMIT = 400_000  # more than other bodies may have


@pytest.fixture(scope="module")
def office(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as api:
        api.world.runtime = replace(api.world.runtime, statement_bytes_max=LIMIT)
        extensions = [reconciliation_api.register]
        api.app = create_app(api.settings, api.world.runtime, api.ring, extensions, consoles=[console.register])
        yield api


def hand_in(api: Api, content: bytes, scope: str = "finance", **form: str) -> Reply:
    return api.call("POST", ROUTE, scope, data={"file": (io.BytesIO(content), "day.sta"), **form})


def a_statement(*movements: Movement, **options: Any) -> bytes:
    return mt940(ACCOUNT, movements or [Movement(1_000, "A", str(uuid4())[:12])], **options)


def test_a_file_is_handed_in_learnt_and_read_back(office: Api, module_database_urls: DatabaseUrls) -> None:
    content = a_statement(number=1)
    answer = hand_in(office, content)
    assert answer.status_code == 201, answer.text
    told = answer.json
    assert (told["status"], told["lines"], told["statements"][0]["account"]) == ("loaded", 1, ACCOUNT)
    again = hand_in(office, content)
    assert (again.status_code, again.json) == (200, told)
    worker = build_jobs(office.world.runtime, module_database_urls.app_url, [jobs.register])
    worker.run_worker(wait=False, queues=["default"], install_signal_handlers=False)
    shown = office.get(f"{ROUTE}/{told['id']}", "approver").json
    assert (shown["read_lines"], shown["learnt_at"] is not None) == (1, True)
    listed = office.get(f"{ROUTE}?limit=1", "finance").json
    assert listed["data"][0]["id"] == told["id"]
    for nothing, code in (({}, "invalid_request"), ({"purpose": ""}, "invalid_request"), ({"purpose": " "}, "invalid")):
        refused = problem(office.post(f"{ROUTE}/{told['id']}/file", nothing, "finance"), 422, code)
        assert "purpose" in str(refused["errors"])
    read = office.post(f"{ROUTE}/{told['id']}/file", {"purpose": "the bank asks"}, "finance", key=None)
    assert (read.data, read.content_type) == (content, "application/octet-stream")
    with office.world.runtime.db.read() as tx:
        query = text("SELECT action, after ->> 'purpose' FROM audit_log WHERE subject_id = :id ORDER BY id")
        audited = [tuple(row) for row in tx.all(query, {"id": told["id"]})]
    assert audited == [("statement.loaded", None), ("statement.read", "the bank asks")]


def test_what_is_wrong_is_told_by_line_and_field(office: Api) -> None:
    told = hand_in(office, a_statement(number=2, closing=7)).json
    assert told["status"] == "quarantined"
    assert told["errors"][0]["field"] == ":62F:"
    problem(hand_in(office, mt940("1234567890", [])), 422, "not_our_account")
    problem(hand_in(office, b"a;b", layout="nowhere"), 422, "unknown_layout")
    problem(hand_in(office, b""), 422, "empty_file")
    assert "file" in problem(office.call("POST", ROUTE, "finance"), 422, "invalid_request")["errors"]
    problem(office.get(f"{ROUTE}/{uuid4()}", "finance"), 404, "statement_file_not_found")


def test_a_large_file_is_taken_here_and_nowhere_else_and_not_without_end(office: Api) -> None:
    many = [Movement(1, "X" * 90, f"FT{number}") for number in range(2_500)]
    content = a_statement(*many, number=3)
    assert office.settings.max_body_bytes < len(content) < LIMIT
    assert hand_in(office, content).status_code == 201
    problem(hand_in(office, b" " * (LIMIT + 20_000)), 413, "body_too_large")
    problem(office.post("/v1/invoices", b" " * (office.settings.max_body_bytes + 1)), 413, "body_too_large")


def test_they_are_for_finance_and_for_every_agency(office: Api) -> None:
    problem(hand_in(office, b"x", "portal"), 403, "scope_missing")
    problem(hand_in(office, b"x", "approver"), 403, "scope_missing")
    with office.world.runtime.db.read() as tx:
        agency = tx.one_or_none(text("SELECT id FROM agencies LIMIT 1"))
    assert agency is not None
    key = office.key_for(agency.id, "finance")
    problem(hand_in(office, b"x", key), 403, "one_agency_only")
    problem(office.get(ROUTE, key), 403, "one_agency_only")


def test_an_officer_hands_in_a_file_sees_its_faults_and_reads_it_for_a_purpose(office: Api) -> None:
    browser = browser_of(office.app, office.world.runtime, Role.FINANCE)
    browser.get("/console/sign-in?lang=en")
    assert "Choose the file that the bank sent." in submit(browser, PAGE, PAGE).text
    strange = submit(browser, PAGE, PAGE, file=(io.BytesIO(mt940("1234567890", [])), "a.sta"))  # type: ignore[arg-type]
    assert strange.status_code == 422
    assert "1234567890" in strange.text

    content = a_statement(number=4, closing=7)
    sent = submit(browser, PAGE, PAGE, file=(io.BytesIO(content), "broken.sta"))  # type: ignore[arg-type]
    assert sent.status_code == 303
    whole = browser.get(sent.location).text
    for words in ("not usable", ":62F:", "its opening balance and its entries do not make its closing balance"):
        assert words in whole
    assert "broken.sta" in browser.get(PAGE).text
    assert "must not stay empty" in submit(browser, sent.location, f"{sent.location}/file").text
    read = submit(browser, sent.location, f"{sent.location}/file", purpose="the bank asks")
    assert read.data == content

    large = a_statement(*[Movement(1, "X" * 90, f"GT{number}") for number in range(2_500)], number=5)
    assert submit(browser, PAGE, PAGE, file=(io.BytesIO(large), "b.sta")).status_code == 303  # type: ignore[arg-type]
    again = submit(browser, PAGE, PAGE, file=(io.BytesIO(large), "b.sta"))  # type: ignore[arg-type]
    assert "counts once" in browser.get(again.location).text


def test_an_auditor_reads_the_pages_and_changes_nothing(office: Api) -> None:
    browser = browser_of(office.app, office.world.runtime, Role.AUDITOR)
    browser.get("/console/sign-in?lang=en")
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert 'type="file"' not in page.text


def test_the_command_line_loads_lists_and_shows(office: Api, tmp_path: Path) -> None:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(statements_cli.group(lambda: office.world.runtime), arguments)

    good, broken = tmp_path / "good.sta", tmp_path / "broken.sta"
    good.write_bytes(a_statement(number=6))
    broken.write_bytes(a_statement(number=7, closing=7))
    assert "1 statements, 1 lines" in call("load", str(good)).output
    assert "known already" in call("load", str(good)).output
    failed = call("load", str(broken))
    assert failed.exit_code == 1
    assert "Quarantined" in failed.output
    assert "line 7, :62F: – its opening balance" in failed.output
    assert "broken.sta" in call("list").output
    file_id = failed.output.split("Quarantined as ")[1].split(":")[0]
    assert json.loads(call("show", file_id).output)["status"] == "quarantined"
    assert "There is no such file" in call("show", str(uuid4())).output
