"""Whatever is sent, the answer is a problem that names the fault, never a fault of ours, and nothing is written.

Schemathesis asks every operation of the description for things that fit it and things that do not, over the network.
What a description cannot say (broken bytes, depth, size) is written out by hand.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.store.embedded import DatabaseUrls
from tests.faults.service import Service, a_service
from tests.integration.api import INVOICE, description

EXAMPLES_MAX = 10  # of each operation, beside the boundary cases that Schemathesis derives
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
URI_TOO_LONG = 414
BIGINT_MAX = 2**63 - 1
TABLES = ("invoices", "payers", "checkout_sessions", "payments", "refunds", "ledger_entries", "audit_log", "events")
DESCRIBED = schemathesis.openapi.from_dict(description())


@pytest.fixture(scope="module")
def service(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with a_service(module_database_urls, tmp_path_factory.mktemp("service")) as running:
        yield running


@DESCRIBED.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
def test_every_operation_keeps_what_its_description_says(case: schemathesis.Case[Any], service: Service) -> None:
    response = case.call(base_url=service.url, headers={"Authorization": f"Bearer {service.key}"}, timeout=30)
    if response.status_code != URI_TOO_LONG:  # gunicorn says so before the application is asked
        case.validate_response(response, checks=CHECKS)


def send(service: Service, path: str, **options: Any) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json", **options.pop("headers", {})}
    with service.client() as client:
        return client.request(options.pop("method", "POST"), path, headers=headers, **options)


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code, body
    return body


def written(service: Service) -> dict[str, int]:
    return {table: service.world.count(table) for table in TABLES}


BROKEN = {
    "no JSON": b"{",
    "half of it": b'{"procedure": "vn-cert',
    "nothing but text": b'"text"',
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "broken UTF-8": b'{"procedure": "\xff\xfe"}',
    "UTF-16": json.dumps(INVOICE).encode("utf-16"),
    "a mark at its beginning": b"\xef\xbb\xbf{}",
    "no number": b'{"facts": {"pages": NaN}}',
    "infinity": b'{"facts": {"pages": -Infinity}}',
    "a name twice": b'{"procedure": "a", "procedure": "b"}',
    "two objects": b"{}{}",
    "a comment": b'{"procedure": "a" /* b */}',
    "deep lists": b'{"facts": ' + b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_no_json_object_is_refused(service: Service, body: bytes) -> None:
    before = written(service)
    refused(send(service, "/v1/invoices", content=body), 400, "malformed_json")
    assert written(service) == before


WRONG: dict[str, tuple[dict[str, Any], str | None]] = {
    "a number beyond a BIGINT": ({"metadata": {"n": BIGINT_MAX + 1}}, "metadata.n"),
    "a number of a thousand digits": ({"facts": {"pages": 10**1000}}, "facts.pages"),
    "a number of ten thousand digits": ({"facts": {"pages": "HUGE"}}, "facts.pages"),
    "a negative number": ({"facts": {"pages": -1}}, "facts.pages"),
    "zero": ({"facts": {"pages": 0}}, "facts.pages"),
    "a fraction": ({"facts": {"pages": 1.5}}, "facts.pages"),
    "a fraction that is whole": ({"facts": {"pages": 2.0}}, "facts.pages"),
    "a number as text": ({"facts": {"pages": "2"}}, "facts.pages"),
    "a truth as a number": ({"facts": {"pages": True}}, "facts.pages"),
    "null": ({"facts": {"pages": None}}, "facts.pages"),
    "a list as a number": ({"facts": {"pages": [2]}}, "facts.pages"),
    "a list as an object": ({"facts": []}, "facts"),
    "text as an object": ({"payer": "Lan"}, "payer"),
    "an object as text": ({"dossier": {}}, "dossier"),
    "a number as text in a name": ({"payer": {"name": 5}}, "payer.name"),
    "no text": ({"dossier": ""}, "dossier"),
    "too long a text": ({"dossier": "a" * 101}, "dossier"),
    "a NUL": ({"dossier": "a\0b"}, "dossier"),
    "a NUL in a nested name": ({"metadata": {"a\0b": 1}}, "metadata.a?b"),
    "half a character": ({"payer": {"name": "\ud800"}}, "payer.name"),
    "half a character in a name": ({"\udfff": 1}, "?"),
    "an unknown field": ({"discount": 100}, "discount"),
    "an unknown field inside": ({"payer": {"name": "Lan", "password": "x"}}, "payer.password"),
    "an unknown fact": ({"facts": {"pages": 1, "'; DROP TABLE invoices; --": 1}}, "facts.'; DROP TABLE invoices; --"),
    "an unknown channel": ({"channel": "ONLINE"}, "channel"),
    "no date": ({"due_on": "31.12.2999"}, "due_on"),
    "a day that is none": ({"due_on": "2999-02-30"}, "due_on"),
    "a day gone by": ({"due_on": "0001-01-01"}, "due_on"),
    "too many facts": ({"facts": {f"f{n}": 1 for n in range(51)}}, "facts"),
    "too deep": ({"metadata": {"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}, None),
}


@pytest.mark.parametrize(("changed", "field"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_named_and_nothing_is_written(
    service: Service, changed: dict[str, Any], field: str | None
) -> None:
    before = written(service)
    body = json.dumps({**INVOICE, **changed}).replace('"HUGE"', "9" * 10_000).encode()
    response = send(service, "/v1/invoices", content=body)
    assert response.status_code == 422, response.text
    assert field is None or field in response.json()["errors"], response.text
    assert written(service) == before


@pytest.mark.parametrize("missing", ["procedure", "facts", "channel", "dossier", "payer"])
def test_a_missing_field_is_named(service: Service, missing: str) -> None:
    body = {name: value for name, value in INVOICE.items() if name != missing}
    errors = refused(send(service, "/v1/invoices", json=body), 422, "invalid_request")["errors"]
    assert errors == {missing: "is required"}


def test_no_body_at_all_names_everything_that_is_needed(service: Service) -> None:
    errors = refused(send(service, "/v1/invoices"), 422, "invalid_request")["errors"]
    assert set(errors) == {"procedure", "facts", "channel", "dossier", "payer"}


def test_text_that_looks_like_sql_is_text(service: Service) -> None:
    dossier = "x'; DROP TABLE invoices; --"
    issued = send(service, "/v1/invoices", json={**INVOICE, "dossier": dossier})
    assert issued.status_code == 201
    with service.client() as client:
        found = client.get("/v1/invoices", params={"dossier": dossier}).json()["data"]
    assert [invoice["id"] for invoice in found] == [issued.json()["id"]]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_a_body_of_another_type_is_refused(service: Service, content_type: str) -> None:
    response = send(service, "/v1/invoices", json=INVOICE, headers={"Content-Type": content_type})
    refused(response, 415, "unsupported_media_type")


def test_a_body_of_ten_megabytes_is_refused_unread(service: Service) -> None:
    before = written(service)
    body = json.dumps({**INVOICE, "dossier": "a" * 10_000_000}).encode()
    refused(send(service, "/v1/invoices", content=body), 413, "body_too_large")
    assert written(service) == before


@pytest.mark.parametrize("path", ["/v1/quotes", "/providers/sandbox/webhook"])
@pytest.mark.parametrize("chunked", [False, True], ids=["told", "untold"])
def test_every_route_that_reads_a_body_limits_it(service: Service, path: str, chunked: bool) -> None:
    body = b"a" * 1_000_000
    content = (body[at : at + 1_000] for at in range(0, len(body), 1_000)) if chunked else body
    refused(send(service, path, content=content), 413, "body_too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/invoices/%00",
        "/v1/procedures/a%00b",
        "/v1/invoices?dossier=%00",
        "/v1/invoices?%00=1",
        "/v1/invoices?dossier=a&dossier=b",
        "/v1/invoices?colour=red",
        "/v1/invoices?limit=0",
        "/v1/invoices?limit=501",
        "/v1/invoices?limit=-1",
        "/v1/invoices?limit=1e2",
        "/v1/invoices?limit=%D9%A3",
        "/v1/invoices?limit=" + "9" * 3000,
        "/v1/invoices?after=%F0%9F%92%A9",
        "/v1/invoices?created_from=yesterday",
        "/v1/invoices?created_from=2026-01-01T00:00:00",
        "/v1/payments?checkout_session=1",
        "/v1/events?after=RF18",
        "/v1/ledger/trial-balance?on=2026-13-01",
        "/v1/ledger/trial-balance?currency=%27%20OR%201",
        "/v1/ledger/entries?account=x",
    ],
)
def test_a_wrong_address_or_query_is_named(service: Service, path: str) -> None:
    response = send(service, path, method="GET")
    assert response.status_code == 422, response.text
    assert response.json()["errors"], response.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/invoices/%ff%fe",
        "/v1/invoices/..%2f..%2fetc%2fpasswd",
        "/v1/payments/1",
        "/v1/payments/' OR 1=1",
        "/v1/checkout-sessions/00000000-0000-0000-0000-000000000000",
        "/v1/procedures/" + "a" * 3000,
        "//v1/invoices",
        "/v1/invoices/",
        "/providers/sandbox/return",
    ],
)
def test_an_address_of_nothing_is_not_found(service: Service, path: str) -> None:
    response = send(service, path, method="GET")
    assert response.status_code == 404, response.text
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_day_at_the_end_of_time_is_answered(service: Service) -> None:
    for path in (
        "/v1/ledger/trial-balance?currency=VND&on=9999-12-31",
        "/v1/ledger/entries?from=0001-01-01&to=9999-12-31",
    ):
        assert send(service, path, method="GET").status_code == 200
    early = "/v1/invoices?created_from=0001-01-01T00:00:00%2B23:59"
    late = "/v1/invoices?created_from=9999-12-31T23:59:59-23:59"
    for path in (early, late):
        assert send(service, path, method="GET").status_code in (200, 422)


@pytest.mark.parametrize("amount_minor", [0, -1, BIGINT_MAX, BIGINT_MAX + 1, -BIGINT_MAX, "1", 1.0, True, None])
def test_a_refund_of_a_wrong_amount_is_refused(service: Service, amount_minor: object) -> None:
    before = written(service)
    body = {"payment": str(uuid4()), "amount_minor": amount_minor, "reason": "x"}
    assert send(service, "/v1/refunds", json=body).status_code in (404, 422)
    assert written(service) == before


def test_nothing_of_all_this_was_a_fault_of_the_service(service: Service) -> None:
    assert service.faults() == []
