"""What the adapter makes of MoMo's answers, code by code, given by a server that says just what it is told to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    CreatePayment,
    NotFound,
    OutcomeUnknown,
    PaymentObservation,
    ProviderError,
    RefundCommand,
    RefundObservation,
    RefundRef,
    Rejected,
    Reply,
)
from providers.momo import wire
from tests.providers.momo_messages import momo as momo_at
from tests.providers.rig import Inbox, ref

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
CREATION = CreatePayment(
    payment_id=UUID("019ab9a8-0000-7000-8000-000000000012"),
    reference="RF18539007547034",
    amount=Money(150_000, "VND"),
    title="Fee RF18 5390 0754 7034",
    locale="vi",
    idempotency_key="pay-1",
    return_url="https://gateway.example/return",
    cancel_url="https://gateway.example/return",
    webhook_url="https://gateway.example/webhook",
    created_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)
PAYMENT = replace(ref(CREATION), provider_transaction_id="4088878653")
REFUND = RefundCommand(UUID("019ab9a8-0000-7000-8000-000000000014"), PAYMENT, Money(40_000, "VND"), "refund-1", NOW)

CREATED: Mapping[str, Any] = {
    "resultCode": 0,
    "orderId": str(CREATION.payment_id),
    "requestId": "pay-1",
    "amount": 150_000,
    "payUrl": "https://pay.example/1",
}
PAID: Mapping[str, Any] = {**CREATED, "transId": 4_088_878_653, "responseTime": 1_721_720_663_942}
REFUNDED: Mapping[str, Any] = {
    "resultCode": 0,
    "orderId": str(REFUND.refund_id),
    "requestId": "refund-1",
    "amount": 40_000,
    "transId": 77,
    "responseTime": 1_721_720_663_942,
}


class Scripted:
    """The adapter, and the server that it talks to."""

    def __init__(self) -> None:
        self._server = Inbox()
        self.adapter = momo_at(self._server.url)

    def says(self, *bodies: Mapping[str, Any], status: int = 200) -> None:
        self._server.answers.extend(Reply(status, json.dumps(body).encode()) for body in bodies)

    def stop(self) -> None:
        self.adapter.close()
        self._server.stop()


@pytest.fixture
def momo() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.stop()


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(("code", "error"), wire.ERROR.items())
def test_each_refusal_means_what_the_table_says(
    momo: Scripted, code: int, error: type[ProviderError], status: int
) -> None:
    momo.says({"resultCode": code}, {"resultCode": code}, status=status)
    with pytest.raises(error) as raised:
        momo.adapter.create_payment(CREATION)
    assert (type(raised.value), raised.value.code) == (error, str(code))
    with pytest.raises(error):
        momo.adapter.refund(REFUND)


@pytest.mark.parametrize("code", [code for code in wire.ERROR if code != wire.NOT_FOUND])
def test_a_refusal_of_a_question_says_nothing_about_the_order(momo: Scripted, code: int) -> None:
    momo.says({**PAID, "resultCode": code}, {**REFUNDED, "resultCode": code})
    with pytest.raises(OutcomeUnknown):
        momo.adapter.query_payment(PAYMENT)
    with pytest.raises(OutcomeUnknown):
        momo.adapter.query_refund(RefundRef(REFUND))


@pytest.mark.parametrize("code", [0, 1000, 7000])
def test_what_is_not_plainly_accepted_is_unknown(momo: Scripted, code: int) -> None:
    """As 422 with code 7000: the same request is being carried out."""
    momo.says(*({**told, "resultCode": code} for told in (CREATED, REFUNDED, PAID)), status=422)
    with pytest.raises(OutcomeUnknown):
        momo.adapter.create_payment(CREATION)
    with pytest.raises(OutcomeUnknown):
        momo.adapter.refund(REFUND)
    with pytest.raises(OutcomeUnknown):
        momo.adapter.query_payment(PAYMENT)


@pytest.mark.parametrize("code", [1000, 7000, 7002, 9000, 1005, 98, 12_345])
def test_a_creation_with_any_other_code_is_unknown_and_not_acknowledged(momo: Scripted, code: int) -> None:
    momo.says({**CREATED, "resultCode": code})
    outcome = momo.adapter.create_payment(CREATION)
    assert (outcome.status, outcome.code) == (PaymentStatus.UNKNOWN, str(code))
    assert (outcome.provider_payment_id, outcome.next_action) == (None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"orderId": "another"},
        {"requestId": "another"},
        {"requestId": None},
        {"amount": 150_001},
        {"amount": "150000"},
        {"payUrl": ""},
        {"payUrl": 7},
        {"resultCode": "0"},
        {"resultCode": False},
        {"resultCode": None},
    ],
)
def test_an_answer_about_something_else_is_not_believed(momo: Scripted, wrong: dict[str, Any]) -> None:
    momo.says({**CREATED, **wrong}, CREATED)
    with pytest.raises(OutcomeUnknown):
        momo.adapter.create_payment(CREATION)
    assert momo.adapter.create_payment(CREATION).status is PaymentStatus.PENDING


@pytest.mark.parametrize(("code", "status"), [*wire.PAYMENT_STATUS.items(), (1, PaymentStatus.UNKNOWN)])
def test_each_code_of_a_payment_means_what_the_table_says(momo: Scripted, code: int, status: PaymentStatus) -> None:
    momo.says({**PAID, "resultCode": code})
    seen = momo.adapter.query_payment(PAYMENT)
    assert isinstance(seen, PaymentObservation)
    paid = status is PaymentStatus.SUCCEEDED
    assert (seen.status, seen.payment_id, seen.code) == (status, CREATION.payment_id, str(code))
    assert seen.amount == (Money(150_000, "VND") if paid else None)
    assert seen.provider_transaction_id == ("4088878653" if paid else None)
    assert seen.occurred_at == datetime(2024, 7, 23, 7, 44, 23, 942_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong", [{"orderId": "another"}, {"transId": 0}, {"amount": "5"}, {"amount": 2**63}, {"responseTime": None}]
)
def test_an_answer_to_a_question_that_cannot_be_read_says_nothing(momo: Scripted, wrong: dict[str, Any]) -> None:
    momo.says({**PAID, **wrong}, {**REFUNDED, **wrong})
    with pytest.raises(OutcomeUnknown):
        momo.adapter.query_payment(PAYMENT)
    with pytest.raises(OutcomeUnknown):
        momo.adapter.query_refund(RefundRef(REFUND))


@pytest.mark.parametrize(("code", "status"), [*wire.REFUND_STATUS.items(), (1, RefundStatus.UNKNOWN)])
def test_each_code_of_a_refund_means_what_the_table_says(momo: Scripted, code: int, status: RefundStatus) -> None:
    momo.says({**REFUNDED, "resultCode": code})
    seen = momo.adapter.query_refund(RefundRef(REFUND))
    assert isinstance(seen, RefundObservation)
    assert (seen.status, seen.provider_refund_id, seen.amount) == (status, "77", Money(40_000, "VND"))
    assert (seen.refund_id, seen.provider_transaction_id) == (REFUND.refund_id, "4088878653")


@pytest.mark.parametrize(
    ("code", "status"),
    [*((c, s) for c, s in wire.REFUND_STATUS.items() if c != wire.MAY_BE_REFUNDED), (1, RefundStatus.UNKNOWN)],
)
def test_each_code_of_the_answer_to_a_refund_means_the_same(momo: Scripted, code: int, status: RefundStatus) -> None:
    momo.says({**REFUNDED, "resultCode": code})
    outcome = momo.adapter.refund(REFUND)
    assert (outcome.status, outcome.provider_refund_id, outcome.code) == (status, "77", str(code))


class TestARefusalBecauseTheMoneyMayHaveGoneBack:
    """MoMo has forgotten the requestId, say, and refuses what it has done already."""

    refused: Mapping[str, Any] = {"resultCode": wire.MAY_BE_REFUNDED}

    def test_is_no_failure_if_it_went_back_by_this_very_refund(self, momo: Scripted) -> None:
        momo.says(self.refused, REFUNDED)
        outcome = momo.adapter.refund(REFUND)
        assert (outcome.status, outcome.provider_refund_id) == (RefundStatus.SUCCEEDED, "77")

    @pytest.mark.parametrize("known", [{"resultCode": wire.NOT_FOUND}, {**REFUNDED, "resultCode": 1081}])
    def test_is_final_if_this_refund_never_was(self, momo: Scripted, known: Mapping[str, Any]) -> None:
        momo.says(self.refused, known)
        with pytest.raises(Rejected, match="more than is left"):
            momo.adapter.refund(REFUND)

    @pytest.mark.parametrize("status", [200, 429, 500])
    def test_is_unknown_if_nobody_says_which(self, momo: Scripted, status: int) -> None:
        momo.says(self.refused)
        momo.says({"resultCode": 99}, status=status)
        with pytest.raises(OutcomeUnknown):
            momo.adapter.refund(REFUND)


def test_an_order_that_momo_does_not_know_is_not_found(momo: Scripted) -> None:
    for status in (200, 400, 404):
        momo.says({"resultCode": wire.NOT_FOUND}, {"resultCode": wire.NOT_FOUND}, status=status)
        assert momo.adapter.query_payment(PAYMENT) == NotFound()
        assert momo.adapter.query_refund(RefundRef(REFUND)) == NotFound()


def test_a_payment_that_was_never_paid_is_not_refunded(momo: Scripted) -> None:
    never_paid = replace(REFUND, payment=ref(CREATION))
    for told in ({"resultCode": wire.NOT_FOUND}, {**PAID, "resultCode": 1000}):
        momo.says(told)
        with pytest.raises(Rejected, match="never paid"):
            momo.adapter.refund(never_paid)
