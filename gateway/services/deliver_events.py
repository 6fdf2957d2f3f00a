"""Tell the portals: what was committed, signed, to each endpoint that asked, until it answers or three days pass.

A sweep: the committed events get their place in the feed, each endpoint gets its deliveries, and those that are due are
claimed, sent with no transaction open, and recorded. A crash anywhere leaves deliveries that are due again: a portal
can be told twice, and drops the second by its id, but is never left untold. Any number of sweeps can run at once.

Endpoints are served side by side and each one in the order of the feed, so that a slow one delays itself only. When an
attempt fails, the rest of the claimed is given back untried: a portal that is down is knocked at once a sweep.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import groupby
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain import webhook
from gateway.services.list_events import event_as_json
from gateway.services.runtime import Runtime
from gateway.services.send_webhook import Attempt, Message, Sender
from gateway.services.webhook_endpoints import signing_secrets
from gateway.store import events, webhooks

EVENTS_A_FAN_OUT = 1000
CLAIMED_PER_ENDPOINT = 20
ENDPOINTS_AT_ONCE = 32

# Whoever claims a delivery has it for the lease. An endpoint that could not be begun with in time is left to a later
# sweep, and each is left after its turn, so that no lease ends while its delivery is being sent.
LEASE = timedelta(seconds=120)
BEGIN_WITHIN = timedelta(seconds=60)
TURN = timedelta(seconds=10)
PUT_OFF = timedelta(seconds=30)

HTTP_GONE = 410  # the receiver says that it does not want webhooks any more


def deliver_events(runtime: Runtime, *, limit: int = 500) -> Counter[str]:
    """One sweep over at most `limit` deliveries.

    Answers how many events were "placed", and how many deliveries "made", "delivered", "failed" (to be tried again),
    "given_up" and "put_off". Raises VaultError, after all others were served, if an endpoint's secret does not open.
    """
    with runtime.db.transaction() as tx:
        counts = Counter(placed=events.place(tx))
    with runtime.db.transaction() as tx:
        counts["made"] = webhooks.fan_out(tx, EVENTS_A_FAN_OUT)
    with runtime.db.transaction() as tx:
        due = webhooks.claim(tx, tx.now + LEASE, per_endpoint=CLAIMED_PER_ENDPOINT, limit=limit)
    if due:
        counts += asyncio.run(_serve_all(runtime, due))
    return counts


async def _serve_all(runtime: Runtime, due: Sequence[Row[Any]]) -> Counter[str]:
    at_once = asyncio.Semaphore(ENDPOINTS_AT_ONCE)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(ENDPOINTS_AT_ONCE))  # for name servers, which can be slow too
    begin_until = monotonic() + BEGIN_WITHIN.total_seconds()
    with ThreadPoolExecutor(1) as recorder:

        async def serve(endpoint_id: UUID, deliveries: list[Row[Any]]) -> Counter[str]:
            async with at_once, Sender(allow_private=runtime.allow_private_webhooks) as sender:
                if monotonic() > begin_until:
                    return Counter(put_off=len(deliveries))
                return await _serve(runtime, endpoint_id, deliveries, sender, recorder)

        groups = groupby(due, key=lambda delivery: delivery.endpoint_id)
        served = (serve(endpoint_id, list(group)) for endpoint_id, group in groups)
        results = await asyncio.gather(*served, return_exceptions=True)
    counts: Counter[str] = Counter()
    for result in results:
        if isinstance(result, BaseException):
            raise result
        counts += result
    return counts


async def _serve(
    runtime: Runtime, endpoint_id: UUID, deliveries: list[Row[Any]], sender: Sender, recorder: ThreadPoolExecutor
) -> Counter[str]:
    """Deliver in order, until one fails or the endpoint's turn is over."""
    counts: Counter[str] = Counter()
    loop, end = asyncio.get_running_loop(), monotonic() + TURN.total_seconds()
    for n, delivery in enumerate(deliveries):
        attempt = await sender.send(_message(runtime, delivery))
        result = await loop.run_in_executor(recorder, _record, runtime, delivery, attempt)
        counts[result] += 1
        rest = [untried.id for untried in deliveries[n + 1 :]]
        if rest and (not attempt.succeeded or monotonic() > end):
            wait = timedelta(0) if attempt.succeeded else PUT_OFF
            await loop.run_in_executor(recorder, _put_off, runtime, endpoint_id, rest, wait)
            counts["put_off"] += len(rest)
            break
    return counts


def _message(runtime: Runtime, delivery: Row[Any]) -> Message:
    now = runtime.db.now()
    body = json.dumps(event_as_json(delivery), ensure_ascii=False, separators=(",", ":")).encode()
    secrets = signing_secrets(runtime.vault, delivery.endpoint_id, delivery, now)
    return Message(delivery.url, webhook.headers(secrets, str(delivery.id), now, body), body)


def _record(runtime: Runtime, delivery: Row[Any], attempt: Attempt) -> str:
    """Write down the attempt and what follows from it: "delivered", "failed" (and tried again) or "given_up"."""
    endpoint_id, event_id = delivery.endpoint_id, delivery.id
    delay = webhook.retry_after(delivery.attempts + 1, random.randrange(100))  # noqa: S311 - jitter, not a secret
    with runtime.db.transaction() as tx:
        webhooks.log_attempt(tx, endpoint_id, event_id, attempt.as_row())
        if attempt.succeeded:
            webhooks.record(tx, endpoint_id, event_id, "delivered", None)
            return "delivered"
        if attempt.http_status == HTTP_GONE or delay is None:
            webhooks.record(tx, endpoint_id, event_id, "failed", None)
            if attempt.http_status == HTTP_GONE:
                webhooks.disable(tx, endpoint_id)
                tx.audit("system", "webhook_endpoint.gone", "webhook_endpoint", endpoint_id)
            return "given_up"
        webhooks.record(tx, endpoint_id, event_id, "pending", tx.now + delay)
        return "failed"


def _put_off(runtime: Runtime, endpoint_id: UUID, event_ids: list[UUID], wait: timedelta) -> None:
    with runtime.db.transaction() as tx:
        webhooks.put_off(tx, endpoint_id, event_ids, tx.now + wait)
