"""How statuses move: the graphs are whole, and no order in which news arrives undoes money that moved."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import checkout, fee_draft, invoice, payment, reconciliation, refund
from gateway.domain.checkout import CheckoutStatus
from gateway.domain.errors import IllegalTransition
from gateway.domain.fee_draft import DraftStatus
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.reconciliation import BY_SCHEDULE, RunStatus, SignedBySameOfficer, check_signer
from gateway.domain.refund import OverRefund, RefundStatus, SamePerson, check_amount, check_approver
from gateway.domain.states import Graph, Status, mermaid, transition

P, R = PaymentStatus, RefundStatus
GRAPHS: list[tuple[type[StrEnum], Graph[Any], StrEnum]] = [
    (InvoiceStatus, invoice.GRAPH, InvoiceStatus.OPEN),
    (CheckoutStatus, checkout.GRAPH, CheckoutStatus.OPEN),
    (PaymentStatus, payment.GRAPH, P.SUBMITTING),
    (RefundStatus, refund.GRAPH, R.REQUESTED),
    (RunStatus, reconciliation.GRAPH, RunStatus.RUNNING),
    (DraftStatus, fee_draft.GRAPH, DraftStatus.DRAFT),
]
EACH_GRAPH = pytest.mark.parametrize(
    ("statuses", "graph", "start"), [pytest.param(*row, id=row[0].__name__) for row in GRAPHS]
)
NEWS_OF_A_PAYMENT = [P.PENDING, P.UNKNOWN, P.SUCCEEDED, P.DECLINED, P.CANCELLED, P.EXPIRED]
NEWS_OF_A_REFUND = [R.PENDING, R.UNKNOWN, R.SUCCEEDED, R.FAILED]


def after(observed: Callable[[Status, Status], Status], start: Status, news: list[Status]) -> Status:
    status = start
    for reported in news:
        status = observed(status, reported)
    return status


@EACH_GRAPH
def test_a_graph_names_every_status(statuses: type[StrEnum], graph: Graph[Any], start: StrEnum) -> None:
    assert set(graph) == set(statuses)
    assert {to for edges in graph.values() for to in edges} <= set(statuses)


@EACH_GRAPH
def test_every_status_can_be_reached(statuses: type[StrEnum], graph: Graph[Any], start: StrEnum) -> None:
    reached: set[StrEnum] = set()
    frontier = {start}
    while frontier:
        reached |= frontier
        frontier = {to for status in frontier for to in graph[status]} - reached
    assert reached == set(statuses)


@EACH_GRAPH
def test_a_status_moves_along_an_edge_and_no_other_way(
    statuses: type[StrEnum], graph: Graph[Any], start: StrEnum
) -> None:
    for current in statuses:
        for to in statuses:
            if to in graph[current]:
                assert transition("thing", graph, current, to) is to
            else:
                with pytest.raises(IllegalTransition) as refused:
                    transition("thing", graph, current, to)
                assert refused.value.detail == f"A thing that is {current} cannot become {to}."


@EACH_GRAPH
def test_the_drawing_shows_every_edge_and_every_end(statuses: type[StrEnum], graph: Graph[Any], start: StrEnum) -> None:
    drawn = set(mermaid(graph, start).splitlines())
    edges = {f"    {status} --> {to}" for status in graph for to in graph[status]}
    ends = {f"    {status} --> [*]" for status in graph if not graph[status]}
    assert drawn == {"stateDiagram-v2", f"    [*] --> {start}"} | edges | ends


@pytest.mark.parametrize("closed", [InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.EXPIRED])
def test_a_closed_invoice_stays_closed(closed: InvoiceStatus) -> None:
    assert not invoice.GRAPH[closed]


@pytest.mark.parametrize("closed", [CheckoutStatus.COMPLETED, CheckoutStatus.EXPIRED, CheckoutStatus.CANCELLED])
def test_a_closed_checkout_session_stays_closed(closed: CheckoutStatus) -> None:
    assert not checkout.GRAPH[closed]


@pytest.mark.parametrize("current", list(P))
def test_success_is_believed_in_every_state_of_a_payment(current: PaymentStatus) -> None:
    assert payment.observed(current, P.SUCCEEDED) is P.SUCCEEDED


@given(st.lists(st.sampled_from(NEWS_OF_A_PAYMENT)), st.lists(st.sampled_from(NEWS_OF_A_PAYMENT)))
def test_once_the_money_moved_no_order_of_news_undoes_it(
    before: list[PaymentStatus], later: list[PaymentStatus]
) -> None:
    assert after(payment.observed, P.SUBMITTING, [*before, P.SUCCEEDED, *later]) is P.SUCCEEDED


@given(st.permutations(NEWS_OF_A_PAYMENT))
def test_every_order_that_holds_a_success_ends_in_it(news: list[PaymentStatus]) -> None:
    assert after(payment.observed, P.SUBMITTING, news) is P.SUCCEEDED


@pytest.mark.parametrize("current", list(P))
@pytest.mark.parametrize("news", NEWS_OF_A_PAYMENT)
def test_the_same_news_of_a_payment_twice_is_as_once(current: PaymentStatus, news: PaymentStatus) -> None:
    once = payment.observed(current, news)
    assert payment.observed(once, news) is once


@given(st.sampled_from([P.DECLINED, P.CANCELLED, P.EXPIRED]), st.lists(st.sampled_from(NEWS_OF_A_PAYMENT)))
def test_only_a_success_moves_a_payment_that_ended(ended: PaymentStatus, news: list[PaymentStatus]) -> None:
    expected = P.SUCCEEDED if P.SUCCEEDED in news else ended
    assert after(payment.observed, ended, news) is expected


def test_an_unknown_payment_is_not_at_its_end() -> None:
    assert P.UNKNOWN in payment.OPEN
    assert payment.GRAPH[P.UNKNOWN] >= {P.SUCCEEDED, P.DECLINED, P.CANCELLED, P.EXPIRED}


def test_open_payments_are_those_that_can_still_go_any_way() -> None:
    assert {status for status in P if payment.GRAPH[status] - {P.SUCCEEDED}} == payment.OPEN


def test_nobody_goes_back_to_submitting_a_payment() -> None:
    assert all(P.SUBMITTING not in edges for edges in payment.GRAPH.values())


def test_the_mop_up_asks_after_1_5_and_15_minutes_and_then_every_hour() -> None:
    minutes = [payment.next_check(checks).total_seconds() / 60 for checks in range(6)]
    assert minutes == [1, 5, 15, 60, 60, 60]


@given(st.lists(st.sampled_from(NEWS_OF_A_REFUND)))
def test_a_refund_follows_its_news_and_a_failure_is_the_last_word(news: list[RefundStatus]) -> None:
    status = after(refund.observed, R.SUBMITTING, news)
    if R.FAILED in news:
        assert status is R.FAILED
    elif R.SUCCEEDED in news:
        assert status is R.SUCCEEDED
    else:
        assert status in refund.AT_PROVIDER


def test_a_refund_that_timed_out_stays_unknown_until_the_provider_answers() -> None:
    assert refund.observed(R.SUBMITTING, R.UNKNOWN) is R.UNKNOWN
    assert refund.GRAPH[R.UNKNOWN] == {R.PENDING, R.SUCCEEDED, R.FAILED}


def test_a_refund_reaches_the_provider_only_by_approval() -> None:
    into_provider = {status for status in R if R.SUBMITTING in refund.GRAPH[status]}
    assert into_provider == {R.APPROVED}
    assert {status for status in R if R.APPROVED in refund.GRAPH[status]} == {R.REQUESTED, R.SUBMITTING}


def test_a_refund_holds_its_money_until_it_is_rejected_or_failed() -> None:
    assert set(R) - refund.HOLDS_MONEY == {R.REJECTED, R.FAILED}


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_a_refund_is_of_a_positive_amount_that_is_still_there(amount: int, refundable: int) -> None:
    if 0 < amount <= refundable:
        check_amount(Money(amount, "VND"), Money(refundable, "VND"))
    else:
        with pytest.raises(OverRefund) as refused:
            check_amount(Money(amount, "VND"), Money(refundable, "VND"))
        assert set(refused.value.fields) == {"amount_minor"}


def test_who_asks_for_a_refund_does_not_decide_on_it() -> None:
    check_approver("one", "another")
    with pytest.raises(SamePerson):
        check_approver("one", "one")


@given(st.lists(st.sampled_from(list(RunStatus)), max_size=20))
def test_a_run_that_was_signed_never_changes_and_was_finished_before(wanted: list[RunStatus]) -> None:
    status = RunStatus.RUNNING
    for to in wanted:
        before = status
        try:
            status = transition("run", reconciliation.GRAPH, before, to)
        except IllegalTransition:
            continue
        assert before is not RunStatus.SIGNED_OFF
        if status is RunStatus.SIGNED_OFF:
            assert before in (RunStatus.BALANCED, RunStatus.EXCEPTIONS)


def test_who_asked_for_a_run_does_not_sign_it_and_the_schedule_is_nobody() -> None:
    with pytest.raises(SignedBySameOfficer):
        check_signer("an", "an")
    check_signer("an", "binh")
    check_signer(BY_SCHEDULE, BY_SCHEDULE)
