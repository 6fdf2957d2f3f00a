"""Every error is a problem that names the fault, and none tells what is inside."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from gateway.api.problems import STATUS, status_of, title_of
from gateway.domain.errors import GatewayError, IllegalTransition, Invalid
from gateway.services.monitor import NotReady
from tests.integration.api import INVOICE, Api, problem


@contextmanager
def broken(api: Api, path: str, error: Exception) -> Iterator[None]:
    """The view at `path` raises `error` meanwhile."""
    endpoint, _ = api.app.url_map.bind("localhost").match(path)
    view = api.app.view_functions[endpoint]

    def fail() -> str:
        raise error

    fail.__dict__.update(view.__dict__)
    api.app.view_functions[endpoint] = fail
    try:
        yield
    finally:
        api.app.view_functions[endpoint] = view


def test_an_unknown_address_and_method_are_problems(api: Api) -> None:
    problem(api.get("/v1/nothing"), 404, "route_not_found")
    answer = api.call("DELETE", "/v1/invoices", "portal")
    problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_what_nobody_foresaw_is_told_without_its_inside(api: Api) -> None:
    secret = "Nguyễn Thị Thử 001199000001"
    with broken(api, "/healthz", RuntimeError(secret)), capture_logs() as logged:
        answer = api.get("/healthz", None)
    body = problem(answer, 500, "internal_error")
    assert secret not in answer.text
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert "unforeseen error" in [line["event"] for line in logged]


def test_a_database_that_is_away_is_a_503(api: Api) -> None:
    with broken(api, "/healthz", NotReady("The database does not answer.", fields={"database": "cannot be reached"})):
        answer = api.get("/healthz", None)
    problem(answer, 503, "not_ready")
    assert answer.headers["Retry-After"]


def test_a_request_id_is_taken_over_only_if_it_is_harmless(api: Api) -> None:
    given = "0123abcd-load-balancer"
    assert api.get("/healthz", None, headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
    for harmful in ("x", "a" * 100, 'a"},{"b": 12345678', "<script>alert(1)</script>"):
        made = api.get("/healthz", None, headers={"X-Request-Id": harmful}).headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made)


def test_every_answer_carries_its_protection(api: Api) -> None:
    for path in ("/healthz", "/v1/invoices", "/v1/nothing", "/docs"):
        headers = api.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
    assert api.get("/v1/invoices").headers["Cache-Control"] == "no-store"


def test_every_code_has_a_page_that_explains_it(api: Api) -> None:
    index = api.get("/problems/", None)
    codes = re.findall(r'<a href="(\w+)">', index.text)
    assert {"invoice_already_paid", "over_refund", "scope_missing", "malformed_json"} <= set(codes)
    for code in codes:
        page = api.get(f"/problems/{code}", None)
        assert page.status_code == 200
        assert code in page.text
    problem(api.get("/problems/no_such_code", None), 404, "route_not_found")


def test_every_family_of_errors_has_a_status() -> None:
    assert [family for family in GatewayError.__subclasses__() if family not in STATUS] == []
    assert status_of(IllegalTransition) == 409
    assert status_of(type("OfTomorrow", (GatewayError,), {})) == 500
    assert title_of(IllegalTransition) == "Illegal transition"


def test_nested_faults_are_named_by_their_path(api: Api) -> None:
    body = {**INVOICE, "payer": {"nickname": "x"}, "facts": {"pages": [1]}, "unknown": 1}
    errors = problem(api.post("/v1/invoices", body), 422, "invalid_request")["errors"]
    assert set(errors) == {"payer.name", "payer.nickname", "facts.pages", "unknown"}
    assert errors["payer.name"] == "is required"


def test_the_description_is_whole_and_names_no_other_host(api: Api) -> None:
    described = api.get("/openapi.json", None).json
    assert described["openapi"] == "3.1.0"
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            assert operation["summary"], path
            assert "default" in operation["responses"], path
            if operation["security"]:
                assert {"401", "403", "429"} <= set(operation["responses"]), path
    assert "http://" not in json.dumps(described["servers"])


def test_the_page_of_the_description_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/docs", None).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for path in loaded:
        assert path.startswith("/")
        assert api.get(path, None).status_code == 200
    problem(api.get("/docs/../app.py", None), 404, "route_not_found")


def test_metrics_name_routes_and_no_ids(api: Api) -> None:
    invoice = api.issued()
    api.get(f"/v1/invoices/{invoice['id']}")
    told = api.get("/metrics", None).text
    assert 'route="/v1/invoices/<key>"' in told
    assert invoice["id"] not in told
    assert "congphi_database_up 1.0" in told
    assert "congphi_oldest_unapplied_event_seconds 0.0" in told
    assert "congphi_oldest_discrepancy_seconds 0.0" in told


def test_it_is_ready_once_the_schema_is_that_of_the_release(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api.get("/readyz", None).json == {"status": "ready"}
    monkeypatch.setattr("gateway.services.monitor._needed_schema_version", lambda: "9999")
    errors = problem(api.get("/readyz", None), 503, "not_ready")["errors"]
    assert "9999" in errors["schema"]


def test_an_invalid_error_without_fields_has_no_errors(api: Api) -> None:
    with broken(api, "/healthz", Invalid("No.")):
        assert "errors" not in problem(api.get("/healthz", None), 422, "invalid")
