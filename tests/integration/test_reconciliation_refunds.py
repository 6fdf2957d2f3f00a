"""Money that goes back, in the settlement: our refunds, those nobody told of, those in doubt, and disputes."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.domain.payment import Payment
from gateway.domain.refund import Refund, RefundStatus
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from tests.integration.night import FEE, KEPT, Night


def test_a_refund_of_the_providers_console_that_nobody_told_of_is_booked_and_reported(night: Night) -> None:
    _, payment = night.world.paid()
    night.control("dashboard-refund", payment=str(payment.id), amount_minor=50_000)
    night.settle()
    run = night.run()
    assert night.kinds(run) == [("refund_unknown", "open")]
    assert run.totals["matched"] == 3
    assert night.world.balances()["in_transit:sandbox"] == 2 * (FEE - KEPT) - 50_000


def test_a_refund_of_ours_matches_its_line(night: Night) -> None:
    _, payment = night.world.paid()
    refunded(night, payment, 50_000)
    night.settle()
    run = night.run()
    assert (run.status, run.totals["matched"], night.kinds(run)) == ("balanced", 3, [])


def test_a_line_that_may_be_the_refund_whose_answer_was_lost_is_not_booked_as_a_second_one(night: Night) -> None:
    _, payment = night.world.paid()
    night.world.fault("refund", "timeout_after_accept")
    refund = refunded(night, payment, 50_000)
    assert night.world.refund(refund.id).status is RefundStatus.UNKNOWN
    night.settle()
    doubtful = night.run()
    assert night.kinds(doubtful) == [("refund_unknown", "open")]
    assert night.world.count("refunds") == 1
    night.world.clock.ahead = timedelta(minutes=6)
    send_refunds(night.world.runtime)
    run = night.run()
    assert night.world.count("refunds") == 1
    assert (run.status, run.totals["matched"], night.kinds(run)) == ("balanced", 3, [])
    with night.world.runtime.db.read() as tx:
        cleared = tx.execute(text("SELECT status, cleared_by FROM discrepancies")).one()
    assert cleared == ("cleared", run.id)


def test_a_refund_that_the_provider_undid_without_a_word_is_learnt_from_the_settlement(night: Night) -> None:
    _, payment = night.world.paid()
    refund = refunded(night, payment, 50_000)
    night.world.fault("webhook", "drop")
    night.control(f"refunds/{refund.id}", status="failed")
    night.settle()
    run = night.run()
    assert night.world.refund(refund.id).status is RefundStatus.FAILED
    assert night.kinds(run) == [("status_mismatch", "cleared")]
    assert run.totals["matched"] == 4


def test_a_dispute_and_its_end_match_their_lines(night: Night) -> None:
    _, payment = night.world.paid()
    dispute = night.control("disputes", payment=str(payment.id))
    night.control(f"disputes/{dispute['id']}", status="won")
    night.world.deliver(2)
    night.settle()
    run = night.run()
    assert (run.status, run.totals["matched"], night.kinds(run)) == ("balanced", 4, [])


@pytest.mark.parametrize(("status", "matched"), [("open", 3), ("won", 4)])
def test_a_dispute_that_no_notification_told_of_is_learnt_from_the_settlement(
    night: Night, status: str, matched: int
) -> None:
    _, payment = night.world.paid()
    night.world.fault("webhook", "drop")
    night.world.fault("webhook", "drop")
    dispute = night.control("disputes", payment=str(payment.id))
    if status == "won":
        night.control(f"disputes/{dispute['id']}", status=status)
    night.settle()
    run = night.run()
    assert (run.status, run.totals["matched"]) == ("balanced", matched)
    assert night.kinds(run) == [("status_mismatch", "cleared")] * (matched - 2)
    assert night.world.balances().get("disputes", 0) == (FEE if status == "open" else 0)
    assert night.run().totals == run.totals


def refunded(night: Night, payment: Payment, amount_minor: int) -> Refund:
    """A refund, sent to the provider."""
    with night.world.runtime.db.transaction() as tx:
        refund = request_refund(tx, night.world.runtime, night.world.finance, payment.id, amount_minor, "a mistake")
    with night.world.runtime.db.transaction() as tx:
        approve_refund(tx, night.world.approver, refund.id)
    send_refunds(night.world.runtime)
    return refund
