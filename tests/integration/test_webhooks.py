"""Outbound webhooks: signed as the standard has it, only after the commit, again until they arrive, for three days."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import standardwebhooks
from sqlalchemy import text

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.webhook import RETRY_AFTER, retry_after
from gateway.services.deliver_events import deliver_events
from gateway.services.list_events import list_events
from gateway.services.register_webhook_endpoint import register_webhook_endpoint
from gateway.services.runtime import Caller, Runtime
from gateway.services.send_webhook import Sender
from gateway.services.webhook_deliveries import list_deliveries, resend
from gateway.services.webhook_endpoints import (
    EndpointNotFound,
    disable_webhook_endpoint,
    list_webhook_endpoints,
    rotate_endpoint_secret,
)
from gateway.store.database import Database, new_id
from tests.integration.conftest import Clock
from tests.integration.portal import Portal, Received, portal_server


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    """One that may call this machine, where the portals of these tests are."""
    return dataclasses.replace(runtime, allow_private_webhooks=True)


@pytest.fixture
def site() -> Iterator[Portal]:
    with portal_server() as portal:
        yield portal


def register(runtime: Runtime, caller: Caller, url: str, *events: str) -> tuple[UUID, str]:
    with runtime.db.transaction() as tx:
        endpoint = register_webhook_endpoint(tx, runtime, caller, url, events)
    return endpoint["id"], endpoint["secret"]


def emit(db: Database, agency: UUID, *types: str) -> None:
    with db.transaction() as tx:
        for n, kind in enumerate(types):
            tx.emit(kind, agency, {"n": n})


def types_of(received: list[Received]) -> list[str]:
    return [json.loads(message.body)["type"] for message in received]


def deliveries(runtime: Runtime, caller: Caller, endpoint_id: UUID) -> list[dict[str, Any]]:
    with runtime.db.transaction() as tx:
        data: list[dict[str, Any]] = list_deliveries(tx, caller, endpoint_id)["data"]
    return data


def is_signed_with(secret: str, message: Received, monkeypatch: pytest.MonkeyPatch, now: datetime) -> bool:
    """Whether the independent implementation of Standard Webhooks accepts the message at the time `now`."""

    class FrozenTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", FrozenTime)
    try:
        standardwebhooks.Webhook(secret).verify(message.body, message.headers)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def test_a_committed_event_is_delivered_once_and_signed_as_the_standard_has_it(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id, secret = register(runtime, portal, site.url)
    emit(runtime.db, agency, "payment.succeeded")
    assert deliver_events(runtime)["delivered"] == 1
    assert +deliver_events(runtime) == {}
    (message,) = site.received
    with runtime.db.transaction() as tx:
        (event,) = list_events(tx, portal)["data"]
    assert json.loads(message.body) == event
    assert message.headers["webhook-id"] == event["id"]
    assert message.headers["content-type"] == "application/json"
    assert is_signed_with(secret, message, monkeypatch, runtime.db.now())
    assert not is_signed_with("whsec_" + "A" * 43 + "=", message, monkeypatch, runtime.db.now())
    altered = Received(message.headers, message.body.replace(b"succeeded", b"declined"))
    assert not is_signed_with(secret, altered, monkeypatch, runtime.db.now())
    (delivery,) = deliveries(runtime, portal, endpoint_id)
    assert (delivery["status"], delivery["attempts"], delivery["next_attempt_at"]) == ("delivered", 1, None)
    assert [(attempt["http_status"], attempt["error"]) for attempt in delivery["log"]] == [(204, "")]


def test_nothing_is_delivered_before_its_transaction_commits(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal
) -> None:
    register(runtime, portal, site.url)
    with runtime.db.transaction() as tx:
        tx.emit("payment.succeeded", agency, {})
        tx.flush()
        deliver_events(runtime)
        assert site.received == []
    deliver_events(runtime)
    assert types_of(site.received) == ["payment.succeeded"]


def test_a_portal_gets_what_it_asked_for_of_its_agency_from_its_registration_on(
    runtime: Runtime, agency: UUID, other_agency: UUID, portal: Caller, everywhere: Caller, site: Portal
) -> None:
    emit(runtime.db, agency, "invoice.paid")
    with runtime.db.transaction() as tx:
        list_events(tx, portal)  # puts it in its place, before anybody listens
    register(runtime, portal, site.url, "invoice.paid", "refund.failed")
    with portal_server() as ministry:
        register(runtime, everywhere, ministry.url)
        emit(runtime.db, agency, "invoice.issued", "invoice.paid")
        emit(runtime.db, other_agency, "invoice.paid", "refund.failed")
        emit(runtime.db, agency, "refund.failed")
        deliver_events(runtime)
        assert types_of(site.received) == ["invoice.paid", "refund.failed"]
        every = ["invoice.issued", "invoice.paid", "invoice.paid", "refund.failed", "refund.failed"]
        assert types_of(ministry.received) == every


def test_an_endpoint_catches_up_in_order_over_several_sweeps(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.services.deliver_events.EVENTS_A_FAN_OUT", 4)
    monkeypatch.setattr("gateway.services.deliver_events.CLAIMED_PER_ENDPOINT", 3)
    register(runtime, portal, site.url)
    emit(runtime.db, agency, *["invoice.issued"] * 11)
    made = [deliver_events(runtime)["made"] for _ in range(5)]
    assert made == [4, 4, 3, 0, 0]
    assert [json.loads(message.body)["data"]["n"] for message in site.received] == list(range(11))


@pytest.mark.parametrize("status", [500, 400, 301, 307])
def test_a_failed_delivery_is_tried_again_later_and_then_arrives(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, clock: Clock, status: int
) -> None:
    endpoint_id, _ = register(runtime, portal, site.url)
    site.answer = lambda _: status if len(site.received) < 3 else 200
    emit(runtime.db, agency, "invoice.paid")
    assert deliver_events(runtime)["failed"] == 1
    assert deliver_events(runtime)["failed"] == 0
    clock.pass_by(timedelta(seconds=6))
    deliver_events(runtime)
    clock.pass_by(timedelta(minutes=6))
    assert deliver_events(runtime)["delivered"] == 1
    (delivery,) = deliveries(runtime, portal, endpoint_id)
    assert [attempt["http_status"] for attempt in delivery["log"]] == [status, status, 200]
    assert len({message.headers["webhook-id"] for message in site.received}) == 1


def test_the_pauses_grow_over_three_days_and_then_it_is_given_up(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, clock: Clock
) -> None:
    endpoint_id, _ = register(runtime, portal, site.url)
    site.answer = lambda _: 503
    begin = clock.now
    emit(runtime.db, agency, "invoice.paid")
    for _ in range(len(RETRY_AFTER) + 5):
        deliver_events(runtime)
        (delivery,) = deliveries(runtime, portal, endpoint_id)
        if delivery["status"] == "failed":
            break
        clock.now = delivery["next_attempt_at"] - timedelta(seconds=1)
        assert +deliver_events(runtime) == {}
        clock.now = delivery["next_attempt_at"]
    assert delivery["attempts"] == len(RETRY_AFTER) + 1 == len(site.received)
    assert timedelta(days=2, hours=22) < clock.now - begin < timedelta(days=3, hours=8)


def test_the_jitter_is_at_most_a_tenth() -> None:
    for failed, delay in enumerate(RETRY_AFTER, start=1):
        assert retry_after(failed, 0) == delay
        longest = retry_after(failed, 99)
        assert longest is not None
        assert delay * 109 // 100 < longest < delay * 110 // 100
    assert retry_after(len(RETRY_AFTER) + 1, 0) is None


def test_a_portal_that_says_gone_is_left_alone(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, clock: Clock
) -> None:
    endpoint_id, _ = register(runtime, portal, site.url)
    site.answer = lambda _: 410
    emit(runtime.db, agency, "invoice.paid", "invoice.issued")
    deliver_events(runtime)
    clock.pass_by(timedelta(days=1))
    emit(runtime.db, agency, "invoice.paid")
    deliver_events(runtime)
    assert len(site.received) == 1
    assert {delivery["status"] for delivery in deliveries(runtime, portal, endpoint_id)} == {"failed"}
    with runtime.db.transaction() as tx:
        assert [endpoint["status"] for endpoint in list_webhook_endpoints(tx, portal)] == ["disabled"]
        with pytest.raises(Conflict):
            resend(tx, portal, endpoint_id, new_id())


def test_a_portal_that_is_down_is_knocked_at_once_a_sweep(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, clock: Clock
) -> None:
    endpoint_id, _ = register(runtime, portal, site.url)
    site.answer = lambda _: 500
    emit(runtime.db, agency, *["invoice.paid"] * 9)
    counts = deliver_events(runtime)
    assert (counts["failed"], counts["put_off"], len(site.received)) == (1, 8, 1)
    assert [delivery["attempts"] for delivery in deliveries(runtime, portal, endpoint_id)] == [0] * 8 + [1]
    site.answer = lambda _: 200
    clock.pass_by(timedelta(minutes=2))
    assert deliver_events(runtime)["delivered"] == 9


def test_a_slow_portal_delays_itself_only(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.services.send_webhook.CALL_TIMEOUT", timedelta(seconds=2))
    released = threading.Event()
    with portal_server() as slow:

        def wait(_: Received) -> int:
            released.wait(10)
            return 200

        slow.answer = wait
        endpoint_id, _ = register(runtime, portal, slow.url)
        for _ in range(3):
            register(runtime, portal, site.url)
        emit(runtime.db, agency, *["invoice.paid"] * 5)
        with ThreadPoolExecutor(1) as pool:
            sweep = pool.submit(deliver_events, runtime)
            deadline = time.monotonic() + 1.5
            while len(site.received) < 15 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(site.received) == 15
            assert not sweep.done()
            counts = sweep.result(timeout=10)
        released.set()
    assert (counts["delivered"], counts["failed"], counts["put_off"]) == (15, 1, 4)
    log = [attempt for delivery in deliveries(runtime, portal, endpoint_id) for attempt in delivery["log"]]
    assert [(attempt["http_status"], attempt["error"]) for attempt in log] == [(None, "no answer in time")]


def test_sweeps_at_once_deliver_each_event_once(runtime: Runtime, agency: UUID, portal: Caller, site: Portal) -> None:
    for _ in range(4):
        register(runtime, portal, site.url)
    emit(runtime.db, agency, *["invoice.paid"] * 30)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            list(pool.map(lambda _: deliver_events(runtime), range(4)))
    assert len(site.received) == 120


async def died(_: Sender) -> Sender:
    raise KeyboardInterrupt


def test_a_sweep_that_died_leaves_its_deliveries_due_again(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(runtime, portal, site.url)
    emit(runtime.db, agency, "invoice.paid")
    with monkeypatch.context() as patch:
        patch.setattr(Sender, "__aenter__", died)
        with pytest.raises(KeyboardInterrupt):
            deliver_events(runtime)
    assert deliver_events(runtime)["delivered"] == 0
    clock.pass_by(timedelta(minutes=3))
    assert deliver_events(runtime)["delivered"] == 1


def test_during_a_change_of_the_secret_both_are_good(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id, old = register(runtime, portal, site.url)
    with runtime.db.transaction() as tx:
        new = rotate_endpoint_secret(tx, runtime.vault, portal, endpoint_id, overlap=timedelta(hours=1))
    emit(runtime.db, agency, "invoice.paid")
    deliver_events(runtime)
    assert all(is_signed_with(secret, site.received[-1], monkeypatch, clock.now) for secret in (old, new))
    clock.pass_by(timedelta(hours=1))
    emit(runtime.db, agency, "invoice.paid")
    deliver_events(runtime)
    assert [is_signed_with(secret, site.received[-1], monkeypatch, clock.now) for secret in (old, new)] == [False, True]


def test_an_event_can_be_sent_again_also_after_it_was_given_up(
    runtime: Runtime, agency: UUID, other_agency: UUID, portal: Caller, everywhere: Caller, site: Portal
) -> None:
    emit(runtime.db, agency, "invoice.paid")
    emit(runtime.db, other_agency, "invoice.paid")
    with runtime.db.transaction() as tx:
        theirs = UUID(list_events(tx, everywhere)["data"][1]["id"])
        ours = UUID(list_events(tx, portal)["data"][0]["id"])
    endpoint_id, _ = register(runtime, portal, site.url, "refund.failed")
    for times in (1, 2):
        with runtime.db.transaction() as tx:
            resend(tx, portal, endpoint_id, ours)
        deliver_events(runtime)
        assert len(site.received) == times
    with runtime.db.transaction() as tx, pytest.raises(NotFound):
        resend(tx, portal, endpoint_id, theirs)


def test_a_disabled_endpoint_gets_nothing_more(runtime: Runtime, agency: UUID, portal: Caller, site: Portal) -> None:
    endpoint_id, _ = register(runtime, portal, site.url)
    emit(runtime.db, agency, "invoice.paid")
    with runtime.db.transaction() as tx:
        disable_webhook_endpoint(tx, portal, endpoint_id)
    deliver_events(runtime)
    assert site.received == []


def test_the_log_of_deliveries_is_read_page_by_page(
    runtime: Runtime, agency: UUID, portal: Caller, site: Portal
) -> None:
    endpoint_id, _ = register(runtime, portal, site.url)
    emit(runtime.db, agency, *["invoice.paid"] * 5)
    deliver_events(runtime)
    seen, after = [], None
    while True:
        with runtime.db.transaction() as tx:
            page = list_deliveries(tx, portal, endpoint_id, after, limit=2)
        seen += [delivery["event_id"] for delivery in page["data"]]
        after = page["next"]
        if after is None:
            break
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


def test_another_agencys_endpoint_is_not_found(
    runtime: Runtime, other_agency: UUID, portal: Caller, site: Portal
) -> None:
    theirs = Caller(new_id(), "theirs", frozenset({"portal"}), other_agency)
    endpoint_id, _ = register(runtime, theirs, site.url)
    with runtime.db.transaction() as tx:
        assert list_webhook_endpoints(tx, portal) == []
        for work in (
            lambda: disable_webhook_endpoint(tx, portal, endpoint_id),
            lambda: rotate_endpoint_secret(tx, runtime.vault, portal, endpoint_id),
            lambda: list_deliveries(tx, portal, endpoint_id),
            lambda: resend(tx, portal, endpoint_id, new_id()),
        ):
            with pytest.raises(EndpointNotFound):
                work()


def test_an_event_that_does_not_exist_is_named(runtime: Runtime, portal: Caller) -> None:
    with pytest.raises(Invalid, match="no event 'invoice") as refused:
        register(runtime, portal, "http://127.0.0.1/", "invoice.paid", "invoice.eaten")
    assert "invoice.paid" in refused.value.fields["events"]


def test_the_secret_is_stored_nowhere_in_the_clear(runtime: Runtime, portal: Caller, site: Portal) -> None:
    _, secret = register(runtime, portal, site.url)
    with runtime.db.read() as tx:
        stored = str(tx.all(text("TABLE webhook_endpoints"))) + str(tx.all(text("TABLE audit_log")))
    assert secret[6:] not in stored
    assert "sealed_secret" not in str(list_endpoints(runtime, portal))


def list_endpoints(runtime: Runtime, caller: Caller) -> list[dict[str, Any]]:
    with runtime.db.transaction() as tx:
        return list_webhook_endpoints(tx, caller)
