"""When a refund that its provider does not find may be sent again: never if that could pay it twice."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.refund import Refund, RefundStatus
from gateway.ports.capabilities import Capabilities, Flow
from gateway.services.refund_payment import _cannot_pay_twice
from gateway.store.database import new_id

SENT = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)  # 16:00 in Hanoi
MIDNIGHT = datetime(2026, 1, 31, 17, 0, tzinfo=UTC)


def refund(sent_at: datetime | None = SENT, provider_refund_id: str | None = None) -> Refund:
    return Refund(
        id=new_id(),
        payment_id=new_id(),
        agency_id=new_id(),
        status=RefundStatus.UNKNOWN,
        amount_minor=1,
        currency="VND",
        reason="",
        requested_by="key:1",
        decided_by="key:2",
        provider_refund_id=provider_refund_id,
        code="",
        created_at=SENT - timedelta(days=2),
        sent_at=sent_at,
        succeeded_at=None,
        business_date=None,
        checks=0,
    )


def can(*, window: timedelta | None = timedelta(hours=24), by_day: bool = False) -> Capabilities:
    return Capabilities(
        currencies=frozenset({"VND"}),
        flow=Flow.REDIRECT,
        idempotency_window=window,
        idempotency_by_day=by_day,
        time_zone="Asia/Ho_Chi_Minh",
    )


@pytest.mark.parametrize(
    ("by_day", "now", "again"),
    [
        (True, SENT + timedelta(minutes=6), True),
        (True, MIDNIGHT - timedelta(minutes=6), True),
        (True, MIDNIGHT - timedelta(minutes=4), False),
        (True, MIDNIGHT + timedelta(minutes=1), False),
        (True, MIDNIGHT + timedelta(hours=6), False),
        (False, MIDNIGHT + timedelta(hours=6), True),
        (False, SENT + timedelta(hours=25), False),
    ],
)
def test_a_key_that_counts_for_a_day_protects_on_that_day_only(by_day: bool, now: datetime, again: bool) -> None:
    assert _cannot_pay_twice(refund(), can(by_day=by_day), now) is again


def test_nothing_is_sent_again_that_was_acknowledged_or_never_sent_or_that_no_key_protects() -> None:
    now = SENT + timedelta(minutes=6)
    assert not _cannot_pay_twice(refund(provider_refund_id="r"), can(), now)
    assert not _cannot_pay_twice(refund(sent_at=None), can(), now)
    assert not _cannot_pay_twice(refund(), can(window=None), now)
