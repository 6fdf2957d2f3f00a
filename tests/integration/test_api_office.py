"""What officers and administrators read and do over the API, and how portals are told."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from gateway.store import catalogue
from tests.integration.api import Api, made, problem
from tests.integration.test_api_payments import paid

HOOK = {"url": "http://127.0.0.1:9/hook", "events": ["invoice.paid"]}


def kept_answers(api: Api) -> str:
    with api.world.runtime.db.read() as tx:
        return " ".join(tx.execute(text("SELECT response::text FROM idempotency_keys")).scalars())


def test_the_feed_tells_every_event_once_in_order(api: Api) -> None:
    for _ in range(3):
        api.issued()
    seen, after = [], ""
    while True:
        page = api.get(f"/v1/events?limit=2{after}").json
        seen += page["data"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) >= 3
    assert len({event["id"] for event in seen}) == len(seen)
    assert {"id", "type", "timestamp", "data"} == set(seen[-1])
    api.issued()
    assert [event["type"] for event in api.get(f"/v1/events?after={seen[-1]['id']}").json["data"]] == ["invoice.issued"]


def test_the_feed_goes_on_from_an_event_and_nothing_else(api: Api) -> None:
    for forged in (str(uuid4()), "x", "null", "0", "a" * 501):
        answer = api.get(f"/v1/events?after={forged}")
        assert answer.status_code == 422
        assert list(answer.json["errors"]) == ["after"]


def test_an_endpoint_tells_its_secret_once(api: Api) -> None:
    key = str(uuid4())
    asked = {"url": "https://portal.example/hooks", "events": ["invoice.paid", "payment.succeeded"]}
    first = made(api.post("/v1/webhook-endpoints", asked, key=key))
    again = made(api.post("/v1/webhook-endpoints", asked, key=key))
    assert first["secret"].startswith("whsec_")
    assert again == first | {"secret": None}
    assert first["secret"] not in kept_answers(api)
    shown = api.get(f"/v1/webhook-endpoints/{first['id']}").json
    assert shown == {name: value for name, value in first.items() if name != "secret"}
    assert shown in api.get("/v1/webhook-endpoints").json["data"]
    rotated = api.post(f"/v1/webhook-endpoints/{first['id']}/rotate-secret")
    assert rotated.json["secret"] not in (None, first["secret"])
    assert rotated.json["secret"] not in kept_answers(api)
    assert api.post(f"/v1/webhook-endpoints/{first['id']}/disable").json["status"] == "disabled"


def test_an_endpoint_inside_our_network_is_refused(api: Api) -> None:
    assert list(problem(api.post("/v1/webhook-endpoints", HOOK), 422, "invalid")["errors"]) == ["url"]
    unknown = {"url": "https://portal.example/hooks", "events": ["invoice.lost"]}
    assert list(problem(api.post("/v1/webhook-endpoints", unknown), 422, "invalid_request")["errors"]) == ["events[0]"]


def test_an_event_can_be_sent_once_more(api: Api) -> None:
    endpoint = made(api.post("/v1/webhook-endpoints", {"url": "https://portal.example/hooks"}))
    api.issued()
    event = api.get("/v1/events?limit=1").json["data"][0]
    deliveries = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"
    assert api.post(f"{deliveries}/{event['id']}/resend").status_code == 202
    (delivery,) = api.get(deliveries).json["data"]
    assert (delivery["event"], delivery["status"], delivery["log"]) == (event["id"], "pending", [])
    problem(api.post(f"{deliveries}/{uuid4()}/resend"), 404, "not_found")
    problem(api.get(f"/v1/webhook-endpoints/{uuid4()}/deliveries"), 404, "webhook_endpoint_not_found")


def test_the_trial_balance_is_equal_on_both_sides(api: Api) -> None:
    payment = paid(api)
    balance = api.get("/v1/ledger/trial-balance?currency=VND", "finance").json
    assert balance["total_debit_minor"] == balance["total_credit_minor"] > 0
    assert sum(account["debit_minor"] for account in balance["accounts"]) == balance["total_debit_minor"]
    in_transit = next(account for account in balance["accounts"] if account["code"] == "vn-moj/in_transit:sandbox")
    assert in_transit["balance_minor"] >= payment["amount_minor"]
    told = problem(api.get("/v1/ledger/trial-balance", "finance"), 422, "invalid")
    assert told["errors"] == {"currency": "must be one of DKK, EUR, KRW, SGD, VND"}
    with api.world.runtime.db.read() as tx:
        agencies = {agency.code: agency.id for agency in catalogue.all_agencies(tx)}
    of_one = api.key_for(agencies["vn-moj"], "finance")
    assert api.get("/v1/ledger/trial-balance", of_one).json["currency"] == "VND"
    before = api.get("/v1/ledger/trial-balance?currency=VND&on=1999-12-31", "finance").json
    assert (before["on"], before["accounts"], before["total_debit_minor"]) == ("1999-12-31", [], 0)
    problem(api.get("/v1/ledger/trial-balance?currency=XXX", "finance"), 422, "invalid")
    problem(api.get("/v1/ledger/trial-balance"), 403, "scope_missing")


def test_entries_are_read_by_account_and_day(api: Api) -> None:
    payment = paid(api)
    seen, after = [], ""
    while True:
        page = api.get(f"/v1/ledger/entries?account=vn-moj/in_transit:sandbox&limit=1{after}", "finance").json
        seen += page["data"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    entry = next(entry for entry in seen if entry["subject"] == payment["id"])
    assert entry["cause"] == "payment_succeeded"
    assert sum(transfer["amount_minor"] for transfer in entry["transfers"]) == payment["amount_minor"]
    day = entry["business_date"]
    assert entry in api.get(f"/v1/ledger/entries?from={day}&to={day}&limit=500", "finance").json["data"]
    assert api.get("/v1/ledger/entries?to=1999-12-31", "finance").json == {"data": [], "next": None}
    problem(api.get("/v1/ledger/entries?account=vn-moj/nothing", "finance"), 404, "account_not_found")


def test_a_cursor_serves_its_own_list_only(api: Api) -> None:
    for _ in range(2):
        paid(api)
    cursor = api.get("/v1/payments?limit=1").json["next"]
    for path, scope in (("/v1/invoices", "portal"), ("/v1/refunds", "portal"), ("/v1/ledger/entries", "finance")):
        errors = problem(api.get(f"{path}?after={cursor}", scope), 422, "invalid")["errors"]
        assert list(errors) == ["after"]
    for forged in ("x", "AAAA", cursor[:-2], "%22", "W10", "WzFd", "bnVsbA", "9" * 400):
        assert api.get(f"/v1/payments?after={forged}").status_code == 422


def test_agencies_are_those_the_key_acts_for(api: Api) -> None:
    everyone = api.get("/v1/agencies", headers={"Accept-Language": "en"}).json["data"]
    assert {"vn-moj", "vn-mps"} <= {agency["code"] for agency in everyone}
    assert everyone[0]["name"] == everyone[0]["names"]["en"]
    key = made(api.post("/v1/api-keys", {"label": "t", "scopes": ["portal"], "agency": "vn-moj"}, "admin"))["key"]
    assert [agency["code"] for agency in api.get("/v1/agencies", key).json["data"]] == ["vn-moj"]


def test_a_key_is_told_once_and_works_until_it_is_revoked(api: Api) -> None:
    idempotency_key = str(uuid4())
    asked = {"label": "Portal of Justice", "scopes": ["portal"], "agency": "vn-moj"}
    issued = made(api.post("/v1/api-keys", asked, "admin", key=idempotency_key))
    assert made(api.post("/v1/api-keys", asked, "admin", key=idempotency_key)) == issued | {"key": None}
    assert issued["key"] not in kept_answers(api)
    assert api.get("/v1/invoices", issued["key"]).status_code == 200
    assert api.post(f"/v1/api-keys/{issued['id']}/revoke", scope="admin").json["revoked_at"].endswith("Z")
    problem(api.get("/v1/invoices", issued["key"]), 401, "invalid_key")
    listed = api.get("/v1/api-keys", "admin").json["data"]
    assert issued["id"] in {key["id"] for key in listed}
    assert all("key" not in key and "key_hash" not in key for key in listed)
    problem(api.post(f"/v1/api-keys/{uuid4()}/revoke", scope="admin"), 404, "not_found")


def test_a_replaced_key_works_on_for_a_while(api: Api) -> None:
    old = made(api.post("/v1/api-keys", {"label": "t", "scopes": ["finance"]}, "admin"))
    new = made(api.post(f"/v1/api-keys/{old['id']}/rotate", {"overlap_hours": 0}, "admin"))
    assert (new["scopes"], new["agency"]) == (["finance"], None)
    problem(api.get("/v1/invoices", old["key"]), 401, "invalid_key")
    newer = made(api.post(f"/v1/api-keys/{new['id']}/rotate", scope="admin"))
    for key in (new["key"], newer["key"]):
        assert api.get("/v1/invoices", key).status_code == 200


def test_an_agencys_administrator_stays_within_the_agency(api: Api) -> None:
    admin = made(api.post("/v1/api-keys", {"label": "t", "scopes": ["admin"], "agency": "vn-moj"}, "admin"))["key"]
    asked = {"label": "t", "scopes": ["finance"]}
    problem(api.post("/v1/api-keys", asked, admin), 403, "every_agency")
    problem(api.post("/v1/api-keys", asked | {"agency": "vn-mps"}, admin), 422, "invalid")
    assert made(api.post("/v1/api-keys", asked | {"agency": "vn-moj"}, admin))["agency"] == "vn-moj"
    assert {key["agency"] for key in api.get("/v1/api-keys", admin).json["data"]} == {"vn-moj"}


def test_a_key_must_end_in_the_future(api: Api) -> None:
    asked = {"label": "t", "scopes": ["portal"]}
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    errors = problem(api.post("/v1/api-keys", asked | {"expires_at": past}, "admin"), 422, "invalid")["errors"]
    assert list(errors) == ["expires_at"]
    naive = asked | {"expires_at": "2999-01-01T00:00:00"}
    problem(api.post("/v1/api-keys", naive, "admin"), 422, "invalid_request")
    problem(api.post("/v1/api-keys", asked | {"scopes": ["root"]}, "admin"), 422, "invalid_request")
