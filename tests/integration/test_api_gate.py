"""The gate: every route says who may use it, and nobody else does."""

from pathlib import Path

import pytest
from flask import Flask

from gateway.services.access import access_of, public, requires
from gateway.services.keys import Scope, new_plaintext
from gateway.store.embedded import DatabaseUrls
from tests.integration.api import INVOICE, Api, an_api, basic, problem

PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/<name>",
    "/problems/",
    "/problems/<code>",
}


def undeclared(app: Flask) -> list[str]:
    return [rule.rule for rule in app.url_map.iter_rules() if access_of(app.view_functions[rule.endpoint]) is None]


def test_every_route_declares_who_may_use_it(api: Api) -> None:
    assert undeclared(api.app) == []


def test_a_route_that_declares_nothing_is_found_and_refused(api: Api) -> None:
    app = Flask("gateway")
    app.add_url_rule("/v1/secret", view_func=lambda: "secret")
    assert "/v1/secret" in undeclared(app)


def test_only_what_must_be_is_public(api: Api) -> None:
    open_to_all = {
        rule.rule
        for rule in api.app.url_map.iter_rules()
        if (access := access_of(api.app.view_functions[rule.endpoint])) and access.is_public
    }
    assert {rule for rule in open_to_all if rule.startswith("/v1")} == set()
    assert open_to_all >= PUBLIC


def test_a_public_route_says_why() -> None:
    with pytest.raises(ValueError, match="says why"):
        public(" ")
    with pytest.raises(ValueError, match="says why"):
        requires()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": basic("portal:secret")},
        {"Authorization": f"Bearer {new_plaintext()}"},
        {"Authorization": "Bearer cp_x"},
        {"Authorization": "Bearer é"},
    ],
)
def test_whoever_shows_no_valid_key_is_not_let_in(api: Api, headers: dict[str, str]) -> None:
    answer = api.get("/v1/invoices", None, headers=headers)
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_in_the_address_is_no_key(api: Api) -> None:
    assert api.get(f"/v1/invoices?api_key={api.keys['portal']}", None).status_code == 401


def test_a_key_without_the_scope_is_told_which_it_needs(api: Api) -> None:
    body = problem(api.post("/v1/invoices", INVOICE, "finance"), 403, "scope_missing")
    assert "portal" in body["detail"]


@pytest.mark.usefixtures("still")
def test_guessing_keys_is_slowed_down(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with an_api(database_urls, tmp_path) as api:
        statuses = [api.get("/v1/invoices", new_plaintext()).status_code for _ in range(31)]
        assert statuses == [401] * 30 + [429]
        answer = api.get("/v1/invoices", new_plaintext())
        problem(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 61


@pytest.mark.usefixtures("still")
def test_a_key_that_asks_too_often_must_wait_and_others_need_not(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with an_api(database_urls, tmp_path, GATEWAY_RATE_LIMIT="3/minute") as api:
        assert [api.get("/v1/invoices").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert api.get("/v1/invoices", "finance").status_code == 200
        assert api.get("/healthz", None).status_code == 200


@pytest.mark.usefixtures("still")
def test_an_address_without_a_key_must_wait_too(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with an_api(database_urls, tmp_path, GATEWAY_RATE_LIMIT="2/minute") as api:
        assert [api.get("/openapi.json", None).status_code for _ in range(3)] == [200, 200, 429]
        assert api.get("/v1/invoices", "finance").status_code == 200


def test_a_route_that_forgot_its_declaration_answers_nothing(api: Api) -> None:
    rules = api.app.url_map.bind("localhost")
    endpoint, _ = rules.match("/healthz")
    view = api.app.view_functions[endpoint]
    try:
        api.app.view_functions[endpoint] = lambda: "secret"
        answer = api.get("/healthz", None)
    finally:
        api.app.view_functions[endpoint] = view
    problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


def test_scopes_of_the_key_are_those_of_the_key_ring() -> None:
    assert set(Scope) == {"portal", "finance", "approver", "admin"}


@pytest.mark.usefixtures("still")
def test_the_address_behind_trusted_proxies_is_the_one_that_counts(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    proxied = {"GATEWAY_RATE_LIMIT": "1/minute", "GATEWAY_TRUSTED_PROXIES": "1"}
    with an_api(database_urls, tmp_path, **proxied) as api:
        for chain, status in (("203.0.113.1", 200), ("203.0.113.1", 429), ("203.0.113.2", 200)):
            # What a client puts there itself stands to the left of what the proxy adds, and is not believed.
            forwarded = {"X-Forwarded-For": f"198.51.100.{len(chain)}, {chain}"}
            assert api.get("/openapi.json", None, headers=forwarded).status_code == status


@pytest.mark.usefixtures("still")
def test_without_proxies_nobody_chooses_the_address_that_counts(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with an_api(database_urls, tmp_path, GATEWAY_RATE_LIMIT="1/minute") as api:
        for last, status in ((1, 200), (2, 429)):
            forwarded = {"X-Forwarded-For": f"203.0.113.{last}"}
            assert api.get("/openapi.json", None, headers=forwarded).status_code == status
