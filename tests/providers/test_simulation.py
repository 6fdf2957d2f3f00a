"""What all simulators share: books that survive a kill, settlements of past days, and controls that refuse nonsense."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import NotSent, OutcomeUnknown, PaymentObservation, SettlementWindow
from providers.simulation.books import Books
from tests.providers.rig import Inbox, Rig

SETTINGS = {"GATEWAY_SANDBOX_MERCHANT": "ministry", "GATEWAY_SANDBOX_SECRETS": "one,two"}


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    inbox = Inbox()
    rig = Rig("sandbox", SETTINGS, tmp_path, "GATEWAY_SANDBOX_BASE_URL", inbox)
    yield rig
    rig.close()
    inbox.stop()


class TestBooks:
    def test_a_line_torn_by_a_kill_never_happened_and_what_follows_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "books.jsonl"
        books = Books(path)
        for number in (1, 2):
            with books.change() as change:
                change.put("payment", {"id": "p", "number": number})
                change.put("webhook", {"id": f"w{number}"})
        books.close()
        whole = path.read_bytes()
        second_line = whole.index(b"\n") + 1
        for length in range(second_line, len(whole)):
            path.write_bytes(whole[:length])
            books = Books(path)
            assert books.get("payment", "p") == {"id": "p", "number": 1}
            assert books.get("webhook", "w2") is None
            with books.change() as change:
                change.put("payment", {"id": "p", "number": 3})
            books.close()
            books = Books(path)
            assert books.get("payment", "p") == {"id": "p", "number": 3}
            books.close()

    def test_a_change_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        books = Books(tmp_path / "books.jsonl")
        with pytest.raises(ZeroDivisionError):
            _fail_after_putting(books)
        assert books.get("payment", "p") is None
        books.close()
        assert (tmp_path / "books.jsonl").read_bytes() == b""


def _fail_after_putting(books: Books) -> None:
    with books.change() as change:
        change.put("payment", {"id": "p"})
        assert change.get("payment", "p") == {"id": "p"}
        raise ZeroDivisionError


class TestOutage:
    def test_nobody_listens_and_what_happened_meanwhile_is_told_afterwards(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.fault("webhook", "delay", seconds=1)
        rig.play(url, "succeed")
        rig.control("POST", "outage", seconds=3)
        with pytest.raises(NotSent):
            poll(lambda: rig.adapter.query_payment(begun))
        with pytest.raises(NotSent):
            rig.adapter.create_payment(rig.command())
        assert rig.inbox.requests == []
        (heard,) = rig.heard(PaymentObservation)
        assert heard.status is PaymentStatus.SUCCEEDED
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED

    def test_a_simulator_that_is_down_can_be_stopped(self, rig: Rig) -> None:
        rig.simulator.go_down(3_600)  # the fixture stops it now


def poll(ask: Callable[[], object]) -> None:
    """Ask until it raises, or for ten seconds. Of a question that was under way when the outage began, nobody knows."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OutcomeUnknown):
            ask()


class TestSettlement:
    def test_a_past_day_is_settled_without_being_told(self, rig: Rig) -> None:
        paid = rig.paid()
        yesterday = rig.today() - timedelta(days=1)
        bank = rig.simulator.bank
        with bank.change() as change:
            for movement in bank.books.all("movement"):
                change.put("movement", {**movement, "occurred": movement["occurred"] - 24 * 60 * 60})
        (batch,) = rig.adapter.list_settlements(SettlementWindow(yesterday, rig.today()))
        assert batch.business_date == yesterday
        (line,) = rig.adapter.read_settlement(batch)
        assert line.provider_transaction_id == paid.provider_transaction_id

    def test_a_fault_planted_early_touches_one_line_and_says_which(self, rig: Rig) -> None:
        today = rig.today().isoformat()
        planted = rig.control("POST", "settlement-faults", date=today, fault="drop_line")
        assert planted["line"] is None
        rig.paid()
        rig.paid(Money(1_050, "USD"))
        answer = rig.control("POST", "settle", date=today)
        (fault,) = answer["faults"]
        assert fault["fault"] == "drop_line"
        assert fault["line"] is not None
        assert sorted(batch["lines"] for batch in answer["batches"]) == [0, 1]

    def test_faults_without_a_payment_touch_one_line_each(self, rig: Rig) -> None:
        paid = [rig.paid() for _ in range(3)]
        today = rig.today().isoformat()
        touched = [
            rig.control("POST", "settlement-faults", date=today, fault=fault)
            for fault in ("change_amount", "wrong_fee", "wrong_status")
        ]
        assert all(fault["line"] is None for fault in touched)
        faults = rig.control("POST", "settle", date=today)["faults"]
        assert {fault["payment_id"] for fault in faults} == {str(payment.payment_id) for payment in paid}


class TestControls:
    @pytest.mark.parametrize(
        ("path", "fields"),
        [
            ("faults", {"operation": "nonsense", "fault": "duplicate"}),
            ("faults", {"operation": "create", "fault": "duplicate"}),
            ("faults", {"operation": "webhook", "fault": "error_500_before"}),
            ("faults", {"operation": "create", "fault": "error_500_before", "times": 0}),
            ("settle", {"date": "yesterday"}),
            ("settlement-faults", {"date": "2026-01-01", "fault": "nonsense"}),
            ("dashboard-refund", {"payment": "nobody"}),
            ("disputes", {"payment": "nobody"}),
            ("disputes/sd_nobody", {"status": "won"}),
            ("refunds/sr_nobody", {"status": "succeeded"}),
        ],
    )
    def test_nonsense_is_refused(self, rig: Rig, path: str, fields: dict[str, object]) -> None:
        answer = rig.browser.post(f"{rig.simulator.url}/_sim/{path}", json=fields)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_possible")

    def test_a_body_that_is_no_object_is_refused(self, rig: Rig) -> None:
        assert rig.browser.post(f"{rig.simulator.url}/_sim/settle", json=["2026-01-01"]).status_code == 409

    def test_faults_can_be_seen_and_disarmed(self, rig: Rig) -> None:
        rig.fault("create", "error_500_before", times=2)
        armed = rig.control("GET", "faults")["data"]
        assert armed == [{"operation": "create", "fault": "error_500_before"}] * 2
        assert rig.control("DELETE", "faults")["data"] == []
        rig.started()

    def test_a_payment_that_is_unknown_has_no_page(self, rig: Rig) -> None:
        for method in ("GET", "POST"):
            assert rig.browser.request(method, f"{rig.simulator.url}/pay/sp_nobody").status_code == 404


def test_a_simulator_without_its_settings_says_what_is_missing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    ended = subprocess.run(
        [sys.executable, "-m", "providers.simulation", "--provider", "sandbox", "--port", "0", "--data-dir", tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "GATEWAY_SANDBOX_MERCHANT, GATEWAY_SANDBOX_SECRETS" in ended.stderr
    assert "Traceback" not in ended.stderr
