"""VNPAY through the whole gateway: a browser opens the payment, notifications by GET are answered in VNPAY's words, and
its daily file reconciles."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from gateway.domain.payment import Payment, PaymentStatus
from gateway.ports.provider import AckResult, PaymentProvider, RawRequest, WebhookReceiver
from gateway.services.ask_provider import check_payments
from gateway.store.embedded import DatabaseUrls
from providers.registry import SIMULATORS, build
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator
from providers.vnpay import wire
from reconciliation.reports.run import discrepancies_of
from reconciliation.runs import Run, run_reconciliation
from reconciliation.settlement import SettlementUnavailable
from tests.integration.api import Api, Reply, an_api
from tests.integration.world import World
from tests.providers.rig import PATIENT, Inbox

S = PaymentStatus
FEE = 200_000
TERMINAL = "CONGPHI1"


@dataclass
class Vnpay:
    api: Api
    simulator: RunningSimulator
    inbox: Inbox
    secret: str
    heard: int = 0

    @property
    def world(self) -> World:
        return self.api.world

    def begun(self) -> Payment:
        return self.world.start(self.world.checkout(self.world.invoice()), "vnpay")

    def played(self, outcome: str) -> Payment:
        payment = self.begun()
        self.world.play(payment, outcome)
        return payment

    def notification(self) -> RawRequest:
        """The next one that VNPAY sent."""
        self.heard += 1
        return self.inbox.wait_for(self.heard)[self.heard - 1]

    def told(self, query: str) -> tuple[int, str]:
        """How we answer a notification: the HTTP status and the code in the body."""
        answer: Reply = self.api.call("GET", f"/providers/vnpay/webhook?{query}", None)
        return answer.status_code, answer.json["RspCode"]

    def paid(self) -> Payment:
        payment = self.played("succeed")
        assert self.told(self.notification().query_string) == (200, "00")
        return self.world.payment(payment.id)

    def control(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.simulator.url}/_sim/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reconciled(self, payment: Payment) -> Run:
        assert payment.business_date is not None
        self.control("settle", date=payment.business_date.isoformat())
        return run_reconciliation(self.world.runtime, "vnpay", payment.business_date, "test")

    def found(self, run: Run) -> list[str]:
        with self.world.runtime.db.read() as tx:
            return sorted(found["kind"] for found in discrepancies_of(tx, run.id))


@pytest.fixture
def vnpay(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Vnpay]:
    settings = {
        "GATEWAY_VNPAY_TMN_CODE": TERMINAL,
        "GATEWAY_VNPAY_SECRETS": secrets.token_hex(16),
        "GATEWAY_VNPAY_SETTLEMENT_DIR": str(tmp_path / "settlements"),
    }
    inbox = Inbox()
    simulator = RunningSimulator(SIMULATORS["vnpay"](Options(tmp_path, settings, inbox.url)))
    with an_api(database_urls, tmp_path) as api:
        adapter = build("vnpay", settings | {"GATEWAY_VNPAY_BASE_URL": simulator.url}, PATIENT)
        assert isinstance(adapter, WebhookReceiver)
        cast(dict[str, PaymentProvider], api.world.runtime.providers)["vnpay"] = adapter
        inbox.usual = adapter.ack(AckResult.APPLIED)
        yield Vnpay(api, simulator, inbox, settings["GATEWAY_VNPAY_SECRETS"])
    simulator.stop()
    inbox.stop()


class TestNotifications:
    def test_a_success_is_confirmed_once_it_is_booked_and_a_repetition_is_known(self, vnpay: Vnpay) -> None:
        payment = vnpay.played("succeed")
        assert vnpay.world.payment(payment.id).status is S.PENDING
        query = vnpay.notification().query_string
        assert vnpay.told(query) == (200, "00")
        paid = vnpay.world.payment(payment.id)
        assert (paid.status, paid.provider_payment_id) == (S.SUCCEEDED, payment.id.hex)
        assert vnpay.world.balances()["in_transit:vnpay"] == FEE
        assert vnpay.told(query) == (200, "02")
        assert vnpay.world.balances()["in_transit:vnpay"] == FEE

    @pytest.mark.parametrize(
        ("outcome", "status"), [("decline", S.DECLINED), ("cancel", S.CANCELLED), ("expire", S.EXPIRED)]
    )
    def test_a_failure_is_confirmed_too(self, vnpay: Vnpay, outcome: str, status: PaymentStatus) -> None:
        payment = vnpay.played(outcome)
        assert vnpay.told(vnpay.notification().query_string) == (200, "00")
        assert vnpay.world.payment(payment.id).status is status

    def test_another_amount_is_told_to_vnpay_and_kept_for_an_officer(self, vnpay: Vnpay) -> None:
        payment = vnpay.played("wrong_amount")
        assert vnpay.told(vnpay.notification().query_string) == (200, "04")
        assert vnpay.world.payment(payment.id).status is not S.SUCCEEDED
        (found,) = vnpay.world.discrepancies()
        assert (found.kind, found.payment_id) == ("amount_mismatch", payment.id)

    def test_what_is_forged_or_changed_hears_of_its_checksum_with_http_200(self, vnpay: Vnpay) -> None:
        payment = vnpay.played("succeed")
        true = vnpay.notification().query_string
        for query in (true[:-1], true.replace("vnp_ResponseCode=00", "vnp_ResponseCode=01"), "vnp_Amount=1", ""):
            assert vnpay.told(query) == (200, "97")
        assert vnpay.world.payment(payment.id).status is S.PENDING
        assert vnpay.world.count("provider_events") == 0

    def test_an_order_that_is_not_ours_is_not_found(self, vnpay: Vnpay) -> None:
        codes = {"vnp_ResponseCode": "00", "vnp_TransactionStatus": "00", "vnp_TransactionNo": "1"}
        order = {"vnp_TmnCode": TERMINAL, "vnp_TxnRef": "1716257871703", "vnp_Amount": "15000000"}
        assert vnpay.told(wire.signed_query(vnpay.secret, codes | order)) == (200, "01")


class TestPayersWhoDoNotCome:
    def test_a_payment_that_no_browser_opened_waits_and_then_expires(self, vnpay: Vnpay) -> None:
        payment = vnpay.begun()
        assert payment.provider_payment_id is None
        for ahead, status in ((timedelta(minutes=6), S.PENDING), (timedelta(minutes=40), S.EXPIRED)):
            vnpay.world.clock.ahead = ahead
            check_payments(vnpay.world.runtime)
            assert vnpay.world.payment(payment.id).status is status
        assert vnpay.world.discrepancies() == []

    def test_a_payer_who_comes_and_leaves_is_expired_too(self, vnpay: Vnpay) -> None:
        payment = vnpay.played("abandon")
        vnpay.world.clock.ahead = timedelta(minutes=6)
        check_payments(vnpay.world.runtime)
        assert vnpay.world.payment(payment.id).provider_payment_id == payment.id.hex
        vnpay.world.clock.ahead = timedelta(minutes=40)
        check_payments(vnpay.world.runtime)
        assert vnpay.world.payment(payment.id).status is S.EXPIRED

    def test_a_payment_that_was_made_and_never_told_is_found_by_asking(self, vnpay: Vnpay) -> None:
        payment = vnpay.played("silent")
        vnpay.world.clock.ahead = timedelta(minutes=6)
        check_payments(vnpay.world.runtime)
        assert vnpay.world.payment(payment.id).status is S.SUCCEEDED

    def test_money_that_comes_after_the_expiry_is_kept_for_the_payer(self, vnpay: Vnpay) -> None:
        payment = vnpay.played("late")
        assert [vnpay.told(vnpay.notification().query_string) for _ in range(2)] == [(200, "00")] * 2
        assert vnpay.world.payment(payment.id).status is S.SUCCEEDED


class TestSettlement:
    def test_a_day_on_which_both_sides_agree_is_balanced_by_its_file(self, vnpay: Vnpay) -> None:
        payment = vnpay.paid()
        run = vnpay.reconciled(payment)
        assert (run.status, run.totals["matched"], vnpay.found(run)) == ("balanced", 1, [])
        assert run.totals["by_rule"] == {"provider_reference": 1}
        assert vnpay.world.balances()["provider_fees:vnpay"] == FEE * wire.CHECK.fee_basis_points // 10_000

    def test_a_payment_that_nobody_told_of_is_learnt_from_the_file(self, vnpay: Vnpay) -> None:
        vnpay.paid()
        untold = vnpay.played("silent")
        run = vnpay.reconciled(vnpay.paid())
        assert vnpay.world.payment(untold.id).status is S.SUCCEEDED
        assert (run.totals["matched"], vnpay.found(run)) == (3, ["status_mismatch"])

    def test_planted_faults_are_found_in_the_file(self, vnpay: Vnpay) -> None:
        payments = [vnpay.paid() for _ in range(4)]
        day = payments[0].business_date
        assert day is not None
        for fault, payment in zip(("change_amount", "change_currency", "wrong_total"), payments, strict=False):
            vnpay.control("settlement-faults", date=day.isoformat(), fault=fault, payment=str(payment.id))
        run = vnpay.reconciled(payments[0])
        assert run.status == "exceptions"
        assert set(vnpay.found(run)) >= {"amount_mismatch", "currency_mismatch", "payout_short"}

    def test_a_broken_file_is_refused_whole_and_loaded_once_it_is_right(self, vnpay: Vnpay) -> None:
        payment = vnpay.paid()
        for fault in ("file_is_cut", "file_repeats_a_line"):
            vnpay.control("faults", operation="settlement_file", fault=fault)
            with pytest.raises(SettlementUnavailable, match=r"cannot be used \(unreadable\)"):
                vnpay.reconciled(payment)
            assert vnpay.world.count("settlement_lines") == 0
        assert vnpay.reconciled(payment).status == "balanced"
