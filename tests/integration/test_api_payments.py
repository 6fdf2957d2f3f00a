"""From a checkout session to money and back, over the API alone."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.services.refund_payment import send_refunds
from tests.integration.api import INVOICE, Api, made, problem

BACK = "https://portal.example/back?case=7"


def session_for(api: Api, *invoices: dict[str, Any], **changed: Any) -> dict[str, Any]:
    keys = [invoice["reference_display"] for invoice in invoices or (api.issued(),)]
    return made(api.post("/v1/checkout-sessions", {"invoices": keys, "return_url": BACK, **changed}))


def payment_of(api: Api, session: dict[str, Any], provider: str = "sandbox") -> dict[str, Any]:
    return made(api.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": provider}))


def play(payment: dict[str, Any], outcome: str) -> httpx.Response:
    """What the payer does on the provider's page."""
    answer = httpx.post(payment["next_action"]["url"], data={"outcome": outcome}, timeout=10)
    assert answer.status_code == 303, answer.text
    return answer


def paid(api: Api) -> dict[str, Any]:
    """A payment that succeeded, learnt by asking when the browser came back."""
    payment = payment_of(api, session_for(api))
    play(payment, "succeed")
    api.get(f"/providers/sandbox/return?payment={payment['id']}", None)
    shown: dict[str, Any] = api.get(f"/v1/payments/{payment['id']}").json
    assert shown["status"] == "succeeded"
    return shown


def test_a_session_sums_up_its_invoices(api: Api) -> None:
    first, second = api.issued(), api.issued()
    session = session_for(api, first, second, locale="en")
    assert session["status"] == "open"
    assert session["amount_minor"] == first["amount_due_minor"] + second["amount_due_minor"]
    assert [invoice["id"] for invoice in session["invoices"]] == [first["id"], second["id"]]
    assert session["payments"] == []
    assert session["url"].startswith(api.world.runtime.public_url + "/pay/")
    assert api.get(f"/v1/checkout-sessions/{session['id']}").json == session


def test_a_session_of_what_is_not_there_or_not_due_is_refused(api: Api) -> None:
    asked = {"invoices": [str(uuid4())], "return_url": BACK}
    problem(api.post("/v1/checkout-sessions", asked), 404, "invoice_not_found")
    void = api.issued()
    api.post(f"/v1/invoices/{void['id']}/void")
    problem(api.post("/v1/checkout-sessions", asked | {"invoices": [void["id"]]}), 409, "invoice_closed")
    twice = asked | {"invoices": [api.issued()["id"]] * 2}
    problem(api.post("/v1/checkout-sessions", twice), 422, "invalid")
    elsewhere = asked | {"invoices": [api.issued()["id"]], "methods": ["barter"]}
    errors = problem(api.post("/v1/checkout-sessions", elsewhere), 422, "method_not_offered")["errors"]
    assert "sandbox" in errors["methods"]


@pytest.mark.parametrize(
    "return_url",
    [
        "javascript:alert(1)",
        "//portal.example",
        "/back",
        "ftp://portal.example",
        "https://",
        "https://[",
        "https://portal.example:99999/",
        "https://user@portal.example/",
        "https://portal.example/a b",
        "https://portal.example/\r\nSet-Cookie: x",
        "https://portal.example/đ",
        "https://portal.example/" + "a" * 2000,
    ],
)
def test_a_browser_is_only_sent_to_an_address_on_the_web(api: Api, return_url: str) -> None:
    asked = {"invoices": [api.issued()["id"]], "return_url": return_url}
    answer = api.post("/v1/checkout-sessions", asked)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["return_url"]


def test_a_payment_waits_for_its_payer(api: Api) -> None:
    session = session_for(api)
    payment = payment_of(api, session)
    assert payment["status"] == "pending"
    assert payment["next_action"]["type"] == "redirect"
    assert payment["amount_minor"] == session["amount_minor"]
    assert payment["checkout_session"] == session["id"]
    again = payment_of(api, session)
    assert again["id"] == payment["id"]
    summaries = api.get(f"/v1/checkout-sessions/{session['id']}").json["payments"]
    assert [summary["id"] for summary in summaries] == [payment["id"]]


def test_the_story_of_a_payment_tells_how_it_was_learnt(api: Api) -> None:
    payment = paid(api)
    told = [(event["source"], event["status"], event["changed"]) for event in payment["events"]]
    assert told[0] == ("api", "pending", True)
    assert ("return", "succeeded", True) in told or ("webhook", "succeeded", True) in told
    assert payment["next_action"] is None
    assert payment["succeeded_at"].endswith("Z")
    assert payment["provider_transaction_id"]


def test_a_browser_that_comes_back_is_believed_nothing_and_sent_on(api: Api) -> None:
    payment = payment_of(api, session_for(api))
    query = f"payment={payment['id']}&status=succeeded&outcome=paid"
    answer = api.get(f"/providers/sandbox/return?{query}", None)
    assert answer.status_code == 303
    target = urlsplit(answer.headers["Location"])
    told = parse_qs(target.query)
    assert (target.scheme, target.netloc, target.path) == ("https", "portal.example", "/back")
    assert told == {"case": ["7"], "checkout_session": [payment["checkout_session"]], "payment": [payment["id"]]}
    assert api.get(f"/v1/payments/{payment['id']}").json["status"] == "pending"


def test_a_browser_that_is_reloaded_does_not_make_us_ask_each_time(api: Api) -> None:
    payment = payment_of(api, session_for(api))
    for _ in range(20):
        assert api.get(f"/providers/sandbox/return?payment={payment['id']}", None).status_code == 303
    asked = [event for event in api.get(f"/v1/payments/{payment['id']}").json["events"] if event["source"] == "return"]
    assert 1 <= len(asked) <= 6


@pytest.mark.parametrize("query", ["", "payment=", "payment=x", f"payment={UUID(int=7)}", "payment=%00", "payment[]=1"])
def test_a_browser_with_no_payment_of_ours_goes_nowhere(api: Api, query: str) -> None:
    answer = api.get(f"/providers/sandbox/return?{query}", None)
    assert answer.status_code in (404, 422)
    assert "Location" not in answer.headers


def test_the_payment_of_another_provider_is_not_found(api: Api) -> None:
    payment = payment_of(api, session_for(api))
    problem(api.get(f"/providers/other/return?payment={payment['id']}", None), 404, "payment_not_found")


def test_a_webhook_is_answered_as_the_provider_asks(api: Api) -> None:
    payment = payment_of(api, session_for(api))
    before = len(api.world.inbox.requests)
    play(payment, "succeed")
    notification = api.world.inbox.wait_for(before + 1)[before]
    answer = api.call("POST", "/providers/sandbox/webhook", None, headers=notification.headers, data=notification.body)
    assert answer.status_code == 200
    assert api.get(f"/v1/payments/{payment['id']}").json["status"] == "succeeded"
    again = api.call("POST", "/providers/sandbox/webhook", None, headers=notification.headers, data=notification.body)
    assert again.status_code == 200


def test_a_forged_webhook_is_refused_and_not_kept(api: Api) -> None:
    before = api.world.count("provider_events")
    for body in (b"{}", b"", b"\xff\xfe", b"[" * 100_000):
        answer = api.call("POST", "/providers/sandbox/webhook", None, data=body)
        assert answer.status_code == 400
    assert api.get("/providers/sandbox/webhook", None).status_code == 400
    problem(api.call("POST", "/providers/nobody/webhook", None, data=b"{}"), 404, "not_found")
    assert api.world.count("provider_events") == before


def test_a_session_can_be_given_up(api: Api) -> None:
    session = session_for(api)
    assert api.post(f"/v1/checkout-sessions/{session['id']}/cancel").json["status"] == "cancelled"
    problem(api.post(f"/v1/checkout-sessions/{session['id']}/cancel"), 409, "session_not_payable")
    refused = api.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": "sandbox"})
    problem(refused, 409, "session_not_payable")


def test_payments_are_listed_by_what_is_asked(api: Api) -> None:
    session = session_for(api)
    payment = payment_of(api, session)
    for query, expected in (
        (f"checkout_session={session['id']}", [payment["id"]]),
        (f"checkout_session={session['id']}&status=pending&provider=sandbox", [payment["id"]]),
        (f"checkout_session={session['id']}&status=declined", []),
        ("provider=nobody", []),
    ):
        assert [found["id"] for found in api.get(f"/v1/payments?{query}").json["data"]] == expected
    problem(api.get("/v1/payments?status=lost"), 422, "invalid_request")


def test_money_goes_back_once_two_keys_agree(api: Api) -> None:
    payment = paid(api)
    asked = {"payment": payment["id"], "amount_minor": 2_000, "reason": "Application refused"}
    refund = made(api.post("/v1/refunds", asked, "finance"))
    assert refund["status"] == "requested"
    problem(api.post(f"/v1/refunds/{refund['id']}/approve", scope="finance"), 403, "scope_missing")
    approved = api.post(f"/v1/refunds/{refund['id']}/approve", scope="approver")
    assert (approved.status_code, approved.json["status"]) == (200, "approved")
    send_refunds(api.world.runtime)
    shown = api.get(f"/v1/refunds/{refund['id']}").json
    assert shown["status"] in ("pending", "succeeded")
    assert shown["requested_by"] != shown["decided_by"]
    assert api.get(f"/v1/payments/{payment['id']}").json["amount_refunded_minor"] == 2_000


def test_nobody_decides_on_what_they_asked_for(api: Api) -> None:
    both = api.key_for(None, "finance", "approver")
    asked = {"payment": paid(api)["id"], "amount_minor": 1_000, "reason": "mine"}
    refund = made(api.post("/v1/refunds", asked, both))
    problem(api.post(f"/v1/refunds/{refund['id']}/approve", scope=both), 403, "same_person")
    problem(api.post(f"/v1/refunds/{refund['id']}/reject", scope=both), 403, "same_person")


def test_no_more_is_refunded_than_came_in(api: Api) -> None:
    payment = paid(api)
    asked = {"payment": payment["id"], "amount_minor": payment["amount_minor"], "reason": "all of it"}
    refund = made(api.post("/v1/refunds", asked))
    problem(api.post("/v1/refunds", asked | {"amount_minor": 1}), 422, "over_refund")
    assert api.post(f"/v1/refunds/{refund['id']}/reject", scope="approver").json["status"] == "rejected"
    assert made(api.post("/v1/refunds", asked))["status"] == "requested"
    listed = api.get(f"/v1/refunds?payment={payment['id']}").json["data"]
    assert [found["status"] for found in listed] == ["rejected", "requested"]
    waiting = payment_of(api, session_for(api))
    problem(api.post("/v1/refunds", asked | {"payment": waiting["id"]}), 409, "not_refundable")
    problem(api.post("/v1/refunds", asked | {"payment": str(uuid4())}), 404, "payment_not_found")


def test_a_session_that_is_over_takes_no_payment(api: Api) -> None:
    session = session_for(api)
    api.world.clock.ahead = timedelta(hours=2)
    try:
        refused = api.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": "sandbox"})
        problem(refused, 409, "session_not_payable")
    finally:
        api.world.clock.ahead = timedelta()


def test_a_provider_that_refuses_to_work_leaves_the_key_free(api: Api) -> None:
    path, key = f"/v1/checkout-sessions/{session_for(api)['id']}/payments", str(uuid4())
    api.world.fault("create", "rate_limited")
    problem(api.post(path, {"provider": "sandbox"}, key=key), 503, "provider_unavailable")
    assert made(api.post(path, {"provider": "sandbox"}, key=key))["status"] == "pending"


def test_a_lost_answer_is_an_unknown_outcome_not_an_error(api: Api) -> None:
    path, key = f"/v1/checkout-sessions/{session_for(api)['id']}/payments", str(uuid4())
    api.world.fault("create", "close_connection")
    payment = made(api.post(path, {"provider": "sandbox"}, key=key))
    assert payment["status"] == "unknown"
    assert made(api.post(path, {"provider": "sandbox"}, key=key)) == payment
    problem(api.post(path, {"provider": "sandbox"}), 409, "payment_outcome_unknown")


def test_the_same_invoice_is_not_offered_for_less(api: Api) -> None:
    invoice = api.issued(facts={**INVOICE["facts"], "pages": 1})
    assert session_for(api, invoice)["amount_minor"] == invoice["amount_due_minor"]
