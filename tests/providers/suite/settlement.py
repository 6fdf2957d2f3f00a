"""The settlement: lines that add up to what is paid out, and that name our payments as the observations did."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from gateway.domain.money import Money, total
from gateway.ports.capabilities import SettlementBy
from gateway.ports.provider import (
    BatchRef,
    LineKind,
    OutcomeUnknown,
    PaymentRef,
    Refunder,
    SettlementLine,
    SettlementSource,
    SettlementWindow,
)
from providers.simulation.faults import FILE_FAULTS
from providers.simulation.settlement import FAULTS
from tests.providers.rig import Rig
from tests.providers.suite.facts import Facts

Batches = list[tuple[BatchRef, list[SettlementLine]]]


class Settlement(Facts):
    @pytest.fixture
    def afresh(self, fresh_rig: Rig) -> PaymentRef:
        self.needs(SettlementSource)
        return fresh_rig.paid()

    def test_lines_add_up_to_what_is_paid_out_in_each_currency(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        others = [fresh_rig.paid(amount) for amount in self.amounts_on_the_wire]
        self.refunded(fresh_rig, afresh, 40_000)
        fresh_rig.control("POST", "disputes", payment=str(others[0].payment_id))
        batches = fresh_rig.settled()
        currencies = {amount.currency for amount in (afresh.amount, *self.amounts_on_the_wire)}
        assert {batch.total.currency for batch, _ in batches if batch.total} == currencies
        for batch, lines in batches:
            assert batch.total is not None
            assert total((line.net for line in lines), batch.total.currency) == batch.total
        grosses = {line.gross for _, lines in batches for line in lines if line.kind is LineKind.PAYMENT}
        assert grosses == {afresh.amount, *self.amounts_on_the_wire}

    def test_a_payment_line_names_the_payment_and_keeps_the_agreed_fee(
        self, fresh_rig: Rig, afresh: PaymentRef
    ) -> None:
        line = self.only(fresh_rig.settled(), LineKind.PAYMENT)
        fee = fresh_rig.adapter.capabilities.fee
        assert line.provider_transaction_id == afresh.provider_transaction_id
        assert line.merchant_reference == str(afresh.payment_id)
        assert (line.gross, line.fee.amount_minor) == (afresh.amount, fee.fee_minor(afresh.amount.amount_minor))
        assert line.net == line.gross - line.fee

    def test_refunds_and_chargebacks_are_lines_of_their_own(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        refund = self.refunded(fresh_rig, afresh, 40_000)
        fresh_rig.control("POST", "disputes", payment=str(afresh.payment_id), amount_minor=60_000)
        batches = fresh_rig.settled()
        line = self.only(batches, LineKind.REFUND)
        currency = afresh.amount.currency
        assert (line.gross, line.provider_refund_id) == (Money(-40_000, currency), refund)
        assert line.provider_transaction_id == afresh.provider_transaction_id
        assert self.only(batches, LineKind.CHARGEBACK).gross == Money(-60_000, currency)

    def test_a_refund_that_failed_after_it_succeeded_comes_back(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        self.needs(Refunder)
        command = fresh_rig.refund_command(afresh, 40_000)
        refund = fresh_rig.adapter.refund(command)
        fresh_rig.control("POST", f"refunds/{command.refund_id}", status="failed")
        lines = [line for _, lines in fresh_rig.settled() for line in lines if line.kind is LineKind.REFUND]
        assert sorted(line.gross.amount_minor for line in lines) == [-40_000, 40_000]
        assert {line.provider_refund_id for line in lines} == {refund.provider_refund_id}

    def test_a_dispute_that_was_won_comes_back(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        opened = fresh_rig.control("POST", "disputes", payment=str(afresh.payment_id))
        fresh_rig.control("POST", f"disputes/{opened['id']}", status="won")
        line = self.only(fresh_rig.settled(), LineKind.CHARGEBACK_REVERSAL)
        assert line.gross == afresh.amount

    def test_line_ids_are_unique_and_reading_twice_gives_the_same(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        self.refunded(fresh_rig, afresh, 40_000)
        first, second = fresh_rig.settled(), fresh_rig.settled()
        assert first == second
        ids = [line.line_id for _, lines in first for line in lines]
        assert len(ids) == len(set(ids)) == 2

    def test_what_moved_after_the_settlement_is_in_the_next_one_only(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        before = fresh_rig.settled()
        later = fresh_rig.paid()
        after = fresh_rig.settled()
        assert all(batch in after for batch in before)
        new = [line for batch in after if batch not in before for line in batch[1]]
        assert [line.provider_transaction_id for line in new] == [later.provider_transaction_id]

    def test_other_days_are_not_listed(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        today = fresh_rig.today()
        assert [batch.business_date for batch, _ in fresh_rig.settled()] == [today]
        for window in (
            SettlementWindow(today - timedelta(days=9), today - timedelta(days=1)),
            SettlementWindow(today + timedelta(days=1), today + timedelta(days=9)),
        ):
            assert list(fresh_rig.adapter.list_settlements(window)) == []

    def test_a_broken_file_is_no_empty_settlement(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        self.settles_by(fresh_rig, SettlementBy.FILE)
        self.refunded(fresh_rig, afresh, 40_000)
        whole = fresh_rig.settled()
        assert len(whole) == 1
        for fault in FILE_FAULTS:
            fresh_rig.fault("settlement_file", fault)
            with pytest.raises(OutcomeUnknown):
                fresh_rig.settled()
        assert fresh_rig.settled() == whole

    def test_a_broken_answer_is_no_empty_settlement(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        self.settles_by(fresh_rig, SettlementBy.API)
        (batch, lines), today = fresh_rig.settled()[0], fresh_rig.today()
        for fault in ("error_500_before", "close_connection", "garbled_answer", "wrong_shape", "empty_answer"):
            fresh_rig.fault("list_settlements", fault)
            with pytest.raises(OutcomeUnknown):
                list(fresh_rig.adapter.list_settlements(SettlementWindow(today, today)))
            fresh_rig.fault("read_settlement", fault)
            with pytest.raises(OutcomeUnknown):
                list(fresh_rig.adapter.read_settlement(batch))
        assert list(fresh_rig.adapter.read_settlement(batch)) == lines

    @pytest.mark.parametrize("fault", sorted(FAULTS))
    @pytest.mark.parametrize("already_settled", [True, False])
    def test_every_planted_fault_shows_in_the_lines(
        self, fresh_rig: Rig, afresh: PaymentRef, fault: str, already_settled: bool
    ) -> None:
        fresh_rig.paid()
        if already_settled:
            fresh_rig.settled()
        day = fresh_rig.today().isoformat()
        fresh_rig.control("POST", "settlement-faults", date=day, fault=fault, payment=str(afresh.payment_id))
        ((batch, lines),) = fresh_rig.settled()
        ours = [line for line in lines if line.provider_transaction_id == afresh.provider_transaction_id]
        assert batch.total is not None
        nets = total((line.net for line in lines if line.settled and line.gross.currency == "VND"), "VND")
        assert SHOWS[fault](afresh, lines, ours)
        assert (nets == batch.total) is (fault != "wrong_total")

    def test_every_fault_that_can_be_planted_is_tested(self) -> None:
        assert set(SHOWS) == set(FAULTS)

    def settles_by(self, rig: Rig, way: SettlementBy) -> None:
        """Skip where the provider states that it settles in another way."""
        if rig.adapter.capabilities.settlement is not way:
            pytest.skip(f"{self.provider} does not settle by {way}")

    def refunded(self, rig: Rig, paid: PaymentRef, amount_minor: int) -> str:
        """The provider's id of a refund: asked for by us, or made in its console where it takes no such orders."""
        if Refunder in self.protocols:
            return str(rig.adapter.refund(rig.refund_command(paid, amount_minor)).provider_refund_id)
        made = rig.control("POST", "dashboard-refund", payment=str(paid.payment_id), amount_minor=amount_minor)
        return str(made["id"])

    def only(self, batches: Batches, kind: LineKind) -> SettlementLine:
        (line,) = [line for _, lines in batches for line in lines if line.kind is kind]
        return line


Check = Callable[[PaymentRef, list[SettlementLine], list[SettlementLine]], bool]
SHOWS: Mapping[str, Check] = {
    "drop_line": lambda paid, lines, ours: len(lines) == 1 and not ours,
    "change_amount": lambda paid, lines, ours: ours[0].gross == paid.amount + Money(1_000, "VND"),
    "change_currency": lambda paid, lines, ours: ours[0].gross == Money(paid.amount.amount_minor, "USD"),
    "duplicate_line": lambda paid, lines, ours: len(ours) == 2 and ours[0].line_id != ours[1].line_id,
    "wrong_fee": lambda paid, lines, ours: (
        ours[0].fee in {line.fee + Money(500, "VND") for line in lines if line not in ours}
    ),
    "extra_line": lambda paid, lines, ours: (
        [line.merchant_reference for line in lines].count(None) == 1 and len(lines) == 3
    ),
    "wrong_status": lambda paid, lines, ours: (
        [line.settled for line in ours] == [False] and [line.settled for line in lines].count(True) == 1
    ),
    "unknown_refund": lambda paid, lines, ours: (
        [line.gross for line in ours if line.kind is LineKind.REFUND] == [-paid.amount]
    ),
    "wrong_total": lambda paid, lines, ours: len(lines) == 2 and len(ours) == 1,
}
"""How each planted fault shows to whoever reads the settlement through the port."""
