"""Prices and invoices over the API: explained, issued once, found by whatever a person types, withdrawn."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from gateway.domain.reference import fik71, viitenumber
from gateway.store.database import Database
from gateway.store.tables.catalogue import agencies
from tests.integration.api import INVOICE, Api, problem
from tests.integration.world import PAYER

STATEMENTS_MAX, COMMITS = 5, 1


@contextmanager
def counted(db: Database) -> Iterator[dict[str, list[str]]]:
    """What is sent to the database meanwhile: statements and commits."""
    sent: dict[str, list[str]] = {"statements": [], "commits": []}

    def note_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent["statements"].append(statement)

    def note_commit(_: Any) -> None:
        sent["commits"].append("COMMIT")

    event.listen(db.engine, "before_cursor_execute", note_statement)
    event.listen(db.engine, "commit", note_commit)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note_statement)
        event.remove(db.engine, "commit", note_commit)


def test_the_catalogue_tells_which_facts_to_ask_for(api: Api) -> None:
    listed = api.get("/v1/procedures").json
    assert {"vn-certified-copy", "vn-car-registration"} <= {procedure["code"] for procedure in listed["data"]}
    assert listed["next"] is None
    shown = api.get("/v1/procedures/vn-certified-copy", headers={"Accept-Language": "en"}).json
    pages = next(fact for fact in shown["facts"] if fact["name"] == "pages")
    assert shown["title"] == "Certified copy"
    assert (pages["kind"], pages["required"], pages["minimum"]) == ("integer", True, 1)
    problem(api.get("/v1/procedures/vn-nothing"), 404, "procedure_not_found")


def test_every_procedure_is_listed_in_full(api: Api) -> None:
    for procedure in api.get("/v1/procedures").json["data"]:
        assert api.get(f"/v1/procedures/{procedure['code']}").json == procedure


def test_a_quote_is_explained_step_by_step(api: Api) -> None:
    asked = {"procedure": "vn-certified-copy", "facts": {"pages": 12}, "channel": "counter"}
    answer = api.post("/v1/quotes", asked, headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert answer.status_code == 200, answer.text
    (line,) = answer.json["lines"]
    assert answer.json["total_minor"] == line["amount_minor"] == sum(step["amount_minor"] for step in line["steps"])
    assert line["steps"][0]["text"] == line["steps"][0]["texts"]["en"]
    vietnamese = api.post("/v1/quotes", asked, headers={"Accept-Language": "fr"}).json
    assert vietnamese["lines"][0]["steps"][0]["text"] == line["steps"][0]["texts"]["vi"]


def test_a_quote_needs_no_transaction(api: Api) -> None:
    asked = {"procedure": "vn-certified-copy", "facts": {"pages": 12}, "channel": "counter"}
    with counted(api.world.runtime.db) as sent:
        assert api.post("/v1/quotes", asked).status_code == 200
    assert len(sent["statements"]) == 2  # who calls, and what the procedure costs
    assert sent["commits"] == []


def test_a_wrong_fact_is_named_with_what_is_allowed(api: Api) -> None:
    asked = {"procedure": "vn-certified-copy", "facts": {"pages": "12", "colour": 1}, "channel": "counter"}
    errors = problem(api.post("/v1/quotes", asked), 422, "invalid_facts")["errors"]
    assert errors["facts.pages"] == "must be a whole number from 1 to 10000"
    assert "is not asked for" in errors["facts.colour"]


def test_the_rates_of_another_day_can_be_asked_for(api: Api) -> None:
    asked = {"procedure": "vn-certified-copy", "facts": {"pages": 1}, "channel": "counter", "on": "1999-01-01"}
    problem(api.post("/v1/quotes", asked), 422, "no_rate_on_date")


def test_an_issued_invoice_says_what_is_owed_and_why(api: Api) -> None:
    due_on = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    invoice = api.issued(due_on=due_on, metadata={"case": 7, "urgent": True})
    assert invoice["status"] == "open"
    assert invoice["total_minor"] == invoice["amount_due_minor"] == 42_000
    assert invoice["amount_paid_minor"] == invoice["amount_refunded_minor"] == 0
    assert invoice["currency"] == "VND"
    assert invoice["reference_display"].replace(" ", "") == invoice["reference"]
    assert invoice["due_on"] == due_on
    assert invoice["metadata"] == {"case": 7, "urgent": True}
    assert invoice["created_at"].endswith("Z")
    assert sum(line["amount_minor"] for line in invoice["lines"]) == invoice["total_minor"]


def test_nothing_of_the_payer_comes_back(api: Api) -> None:
    invoice = api.issued()
    seen = json.dumps([invoice, api.get(f"/v1/invoices/{invoice['id']}").json], ensure_ascii=False)
    assert not [value for value in PAYER.values() if value in seen]


def test_an_invoice_is_found_by_whatever_a_person_types(api: Api) -> None:
    invoice = api.issued()
    base = invoice["reference"][4:]
    writings = (
        invoice["id"],
        invoice["reference"],
        invoice["reference_display"],
        invoice["reference"].lower(),
        viitenumber(base),
        fik71(base),
    )
    for written in writings:
        assert api.get(f"/v1/invoices/{written}").json == invoice


def test_a_mistyped_reference_is_told_from_an_unknown_one(api: Api) -> None:
    reference = api.issued()["reference"]
    mistyped = reference[:-1] + str((int(reference[-1]) + 1) % 10)
    problem(api.get(f"/v1/invoices/{mistyped}"), 422, "mistyped_reference")
    problem(api.get(f"/v1/invoices/{uuid4()}"), 404, "invoice_not_found")
    problem(api.get("/v1/invoices/lost"), 404, "invoice_not_found")


def test_the_invoice_of_another_agency_is_not_found(api: Api) -> None:
    invoice = api.issued()
    with api.world.runtime.db.read() as tx:
        other = tx.execute(agencies.select().where(agencies.c.code != "vn-moj")).first()
    assert other is not None
    theirs = api.key_for(other.id, "portal")
    problem(api.get(f"/v1/invoices/{invoice['id']}", theirs), 404, "invoice_not_found")
    problem(api.post(f"/v1/invoices/{invoice['id']}/void", scope=theirs), 404, "invoice_not_found")
    problem(api.post("/v1/invoices", INVOICE, theirs), 403, "wrong_agency")
    assert api.get("/v1/invoices", theirs).json == {"data": [], "next": None}


def test_an_open_invoice_can_be_withdrawn_once(api: Api) -> None:
    invoice = api.issued()
    answer = api.post(f"/v1/invoices/{invoice['reference']}/void")
    assert (answer.status_code, answer.json["status"], answer.json["amount_due_minor"]) == (200, "void", 0)
    problem(api.post(f"/v1/invoices/{invoice['id']}/void"), 409, "invoice_closed")


def test_an_invoice_post_is_five_statements_and_one_commit(api: Api) -> None:
    api.issued()  # agencies and the procedure are known from now on
    with counted(api.world.runtime.db) as sent:
        api.issued()
    assert len(sent["statements"]) <= STATEMENTS_MAX, sent["statements"]
    assert len(sent["commits"]) == COMMITS


def test_the_same_key_gets_the_same_answer_to_the_byte(api: Api) -> None:
    key = str(uuid4())
    before = api.world.count("invoices")
    first = api.post("/v1/invoices", INVOICE, key=key)
    rewritten = json.dumps(dict(reversed(list(INVOICE.items()))), indent=3).encode()
    again = api.post("/v1/invoices", rewritten, key=key)
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert api.world.count("invoices") == before + 1


def test_the_same_key_with_another_request_is_refused(api: Api) -> None:
    key = str(uuid4())
    invoice = api.post("/v1/invoices", INVOICE, key=key).json
    problem(api.post("/v1/invoices", {**INVOICE, "dossier": "other"}, key=key), 422, "idempotency_key_reused")
    problem(api.post(f"/v1/invoices/{invoice['id']}/void", key=key), 422, "idempotency_key_reused")


def test_two_callers_may_choose_the_same_key(api: Api) -> None:
    key, other = str(uuid4()), api.key_for(None, "portal")
    ours, theirs = api.post("/v1/invoices", INVOICE, key=key), api.post("/v1/invoices", INVOICE, other, key=key)
    assert ours.json["id"] != theirs.json["id"]


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    key = str(uuid4())
    problem(api.post("/v1/invoices", {**INVOICE, "facts": {}}, key=key), 422, "invalid_facts")
    assert api.post("/v1/invoices", INVOICE, key=key).status_code == 201


@pytest.mark.parametrize(
    ("key", "code"), [(None, "idempotency_key_required"), ("has space", "invalid_idempotency_key")]
)
def test_an_invoice_needs_a_usable_key(api: Api, key: str | None, code: str) -> None:
    errors = problem(api.post("/v1/invoices", INVOICE, key=key), 400, code)["errors"]
    assert list(errors) == ["Idempotency-Key"]


def test_a_list_is_read_page_by_page_while_more_come(api: Api) -> None:
    dossier = f"page-{uuid4()}"
    issued = [api.issued(dossier=dossier)["id"] for _ in range(5)]
    first = api.get(f"/v1/invoices?dossier={dossier}&limit=2").json
    issued.append(api.issued(dossier=dossier)["id"])
    seen, after = [invoice["id"] for invoice in first["data"]], first["next"]
    while after:
        page = api.get(f"/v1/invoices?dossier={dossier}&limit=2&after={after}").json
        seen += [invoice["id"] for invoice in page["data"]]
        after = page["next"]
    assert seen == issued


def test_a_list_is_narrowed_by_what_is_asked(api: Api) -> None:
    dossier = f"narrow-{uuid4()}"
    void, left = api.issued(dossier=dossier), api.issued(dossier=dossier)
    api.post(f"/v1/invoices/{void['id']}/void")
    for query, expected in (
        ("status=void", [void["id"]]),
        ("status=open", [left["id"]]),
        ("created_from=2020-01-01T00:00:00%2B07:00", [void["id"], left["id"]]),
        ("created_from=2999-01-01T00:00:00Z", []),
    ):
        found = api.get(f"/v1/invoices?dossier={dossier}&{query}").json["data"]
        assert [invoice["id"] for invoice in found] == expected
