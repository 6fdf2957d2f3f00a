"""What a bank tells of transfers: that notifications, returns, statements and trust hold for them as for any provider,
where a payment is not known to the other side and money comes as a credit.
"""

import signal
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    CreditObservation,
    DisputeObservation,
    LineKind,
    OutcomeUnknown,
    PaymentRef,
    ProviderError,
    RawRequest,
    RefundRef,
    Reply,
    WebhookRejected,
)
from providers.simulation.settlement import FAULTS
from tests.ports import free_port
from tests.providers.rig import Rig, ref
from tests.providers.suite.refunds import Refunds
from tests.providers.suite.settlement import Settlement
from tests.providers.suite.transfers import Transfers
from tests.providers.suite.trust import Trust
from tests.providers.suite.webhooks import Webhooks
from tests.providers.transfer_rig import TransferRig

REFUSED_WHOLE = ("wrong_total", "change_currency")
"""The planted faults with which a statement's balances do not add up."""


class TransferWebhooks(Transfers, Webhooks):
    """Notifications tell of credits, not of payments."""

    def success(self, rig: Rig) -> RawRequest:
        _, url = rig.started()
        rig.play(url, "succeed")
        rig.heard(CreditObservation)
        rig.quiet()
        return rig.inbox.requests[0]

    def test_a_true_notification_says_what_a_query_says(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        asked = rig.adapter.query_payment(begun)
        (heard,) = rig.heard(CreditObservation)
        assert (heard.amount, heard.account) == (begun.amount, self.payee.number)
        assert heard.provider_transaction_id == asked.provider_transaction_id
        listed = rig.adapter.list_credits(heard.occurred_at, heard.occurred_at + timedelta(seconds=1))
        assert heard in list(listed)

    def test_it_hints_or_tells_just_as_it_states(self, rig: Rig) -> None:
        assert {type(seen) for seen in rig.read(self.success(rig))} == {CreditObservation}

    def test_every_outcome_is_notified_as_what_it_is(self, rig: Rig) -> None:
        expected: Mapping[str, tuple[int, int]] = {"twice": (2, 0), "reverse": (1, 1)}
        for outcome in self.outcomes:
            if outcome in self.not_notified:
                continue
            rig.reset()
            _, url = rig.started()
            rig.play(url, outcome)
            credits_told, taken_back = expected.get(outcome, (1, 0))
            rig.heard(CreditObservation, count=credits_told)
            rig.quiet()
            assert len(rig.heard(CreditObservation)) == credits_told, outcome
            assert len(rig.heard(DisputeObservation, count=taken_back)) == taken_back, outcome

    def test_what_is_not_notified_is_found_in_the_list(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "silent")
        assert rig.inbox.requests == []
        found = rig.adapter.list_credits(
            begun.created_at - timedelta(seconds=1), datetime.now(UTC) + timedelta(hours=1)
        )
        assert rig.adapter.query_payment(begun).provider_transaction_id in {c.provider_transaction_id for c in found}

    def test_what_is_not_notified_is_found_by_a_query(self, rig: Rig) -> None:
        for outcome in self.not_notified:
            rig.reset()
            begun, url = rig.started()
            rig.play(url, outcome)
            assert rig.inbox.requests == []
            assert rig.adapter.query_payment(begun).status is self.outcomes[outcome]

    def test_order_does_not_change_what_notifications_say(self, rig: Rig) -> None:
        rig.fault("webhook", "reorder")
        (first, url), (second, other) = rig.started(), rig.started()
        rig.play(url, "succeed")
        rig.play(other, "succeed")
        heard = rig.heard(CreditObservation, count=2)
        told = [seen.provider_transaction_id for seen in heard]
        asked = [rig.adapter.query_payment(begun).provider_transaction_id for begun in (second, first)]
        assert told == asked

    def test_a_delayed_notification_comes_late(self, rig: Rig) -> None:
        rig.fault("webhook", "delay", times=10, seconds=1)
        _, url = rig.started()
        rig.play(url, "succeed")
        assert rig.inbox.stays_empty(300)
        assert rig.heard(CreditObservation)


class TransferRefunds(Transfers, Refunds):
    """A return is a refund like any other."""


class TransferSettlement(Transfers, Settlement):
    def test_a_payment_line_names_the_payment_and_keeps_the_agreed_fee(
        self, fresh_rig: Rig, afresh: PaymentRef
    ) -> None:
        """A bank knows no payment of ours: its line is the credit as its notification told of it. There is no fee."""
        until = datetime.now(UTC) + timedelta(minutes=1)
        (told,) = fresh_rig.adapter.list_credits(afresh.created_at - timedelta(seconds=1), until)
        line = self.only(fresh_rig.settled(), LineKind.PAYMENT)
        assert (line.provider_transaction_id, line.gross) == (afresh.provider_transaction_id, afresh.amount)
        assert line.credit == told
        assert fresh_rig.adapter.capabilities.fee is None
        assert line.net == line.gross

    def test_only_a_credit_comes_as_one(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        fresh_rig.adapter.refund(fresh_rig.refund_command(afresh, 40_000))
        fresh_rig.control("POST", "disputes", payment=str(afresh.payment_id), amount_minor=60_000)
        fresh_rig.control("POST", "charges", account=self.payee.number, amount_minor=2_500)
        lines = [line for _, lines in fresh_rig.settled() for line in lines]
        assert {line.kind for line in lines if line.credit is not None} == {LineKind.PAYMENT}
        charge = self.only(fresh_rig.settled(), LineKind.FEE)
        assert charge.gross == Money(-2_500, self.fee.currency)

    def test_each_account_has_a_statement_of_its_own(self, fresh_rig: Rig, afresh: PaymentRef) -> None:
        fresh_rig.control("POST", "credits", account="other", amount_minor=777, text="rent")
        batches = fresh_rig.settled()
        accounts = [{line.credit.account for line in lines if line.credit} for _, lines in batches]
        assert accounts == [{self.payee.number}, {"other"}] or accounts == [{"other"}, {self.payee.number}]
        assert {batch.total for batch, _ in batches} == {afresh.amount, Money(777, self.fee.currency)}

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
        if fault in REFUSED_WHOLE:
            with pytest.raises(OutcomeUnknown, match="cannot be read"):
                fresh_rig.settled()
            return
        ((batch, lines),) = fresh_rig.settled()
        ours = [line for line in lines if line.provider_transaction_id == afresh.provider_transaction_id]
        shown = (len(lines), [line.gross.amount_minor - afresh.amount.amount_minor for line in ours if line.settled])
        whole = -2 * afresh.amount.amount_minor
        assert (
            shown
            == {
                "drop_line": (1, []),
                "change_amount": (2, [1_000]),
                "duplicate_line": (3, [0, 0]),
                "wrong_fee": (3, [0]),  # a charge of its own that nobody agreed to
                "extra_line": (3, [0]),
                "wrong_status": (2, []),
                "unknown_refund": (3, [0, whole]),
            }[fault]
        )
        assert batch.total is not None
        assert sum(line.net.amount_minor for line in lines if line.settled) == batch.total.amount_minor

    def test_every_fault_that_can_be_planted_is_tested(self) -> None:
        """They all are parameters of the test above, which knows what each shows."""
        assert set(REFUSED_WHOLE) < set(FAULTS)


class TransferTrust(Transfers, Trust):
    def everything_said(self, rig: Rig) -> str:
        said = [repr(rig.adapter), str(rig.adapter), repr(vars(type(rig.adapter)))]
        paid = rig.paid()
        refund = rig.refund_command(paid)
        said += [repr(paid), repr(rig.adapter.refund(refund)), repr(rig.adapter.query_refund(RefundRef(refund)))]
        _, url = rig.started()
        rig.play(url, "succeed")
        said.append(repr(rig.heard(CreditObservation)))
        now = datetime.now(UTC)
        for request in rig.inbox.requests:
            said.append(repr(rig.adapter.verify(request, now)))
            try:
                rig.adapter.verify(self.signed(request.body, "another secret", now), now)
            except WebhookRejected as rejected:
                said.append("".join(traceback.format_exception(rejected)) + repr(vars(rejected)))
        for fault in ("timeout_after_accept", "error_500_after_accept", "garbled_answer", "rejected", "unauthorized"):
            rig.fault("query", fault)
            try:
                rig.impatient.query_payment(paid)
            except ProviderError as error:
                said.append("".join(traceback.format_exception(error)) + repr(error.__context__) + repr(vars(error)))
        return "\n".join(said)

    def test_a_kill_of_the_simulator_undoes_nothing_and_its_notifications_still_come(
        self, rig: Rig, tmp_path: Path
    ) -> None:
        port = free_port()
        adapter = rig.adapter_for(f"http://127.0.0.1:{port}")
        rig.inbox.answers.extend([Reply(503)] * 10_000)  # the gateway is down
        simulator = self.simulator_process(rig, port, tmp_path)
        command = rig.command()
        outcome = adapter.create_payment(command)
        assert isinstance(rig, TransferRig)
        rig.play(rig.page(outcome.next_action).replace(rig.simulator.url, f"http://127.0.0.1:{port}"), "succeed")
        rig.inbox.wait_for(1)
        simulator.send_signal(signal.SIGKILL)
        simulator.wait()
        with pytest.raises(ProviderError):
            adapter.query_payment(ref(command, outcome))

        rig.inbox.requests.clear()
        rig.inbox.answers.clear()
        simulator = self.simulator_process(rig, port, tmp_path)
        seen = adapter.query_payment(ref(command, outcome))
        assert seen.status is PaymentStatus.SUCCEEDED
        assert {heard.provider_transaction_id for heard in rig.heard(CreditObservation)} == {
            seen.provider_transaction_id
        }
        adapter.close()
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(10) == 0

    def test_a_simulator_that_was_told_to_hang_still_stops_at_once(self, tmp_path: Path, rig: Rig) -> None:
        other = TransferRig(self.provider, self.settings, tmp_path, self.base_url_setting, rig.inbox)
        other.fault("query", "timeout_after_accept", seconds=60)
        with pytest.raises(OutcomeUnknown):
            other.impatient.query_payment(ref(rig.command()))
        begun = datetime.now(UTC)
        other.close()
        assert datetime.now(UTC) - begun < timedelta(seconds=5)
