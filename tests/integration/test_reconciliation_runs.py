"""Runs against the sandbox's settlement over real HTTP: what is planted is found, and nothing else."""

import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.payment import PaymentStatus
from gateway.services.load_catalogue import load_catalogue
from gateway.services.read_catalogue import read_catalogue
from gateway.store import reconciliation
from reconciliation import runs
from reconciliation.cli import command
from reconciliation.runs import Run, RunUnderWay, run_reconciliation
from reconciliation.settlement import SettlementUnavailable
from tests.integration.night import FEE, KEPT, Night


def test_a_day_on_which_both_sides_agree_is_balanced(night: Night) -> None:
    night.world.paid()
    night.settle()
    run = night.run()
    assert (run.status, run.error) == ("balanced", "")
    assert night.kinds(run) == []
    figures = {name: run.totals[name] for name in ("currency", "ledger_minor", "statement_minor", "matched")}
    assert figures == {"currency": "VND", "ledger_minor": 2 * FEE, "statement_minor": 2 * FEE, "matched": 2}
    assert run.totals["by_rule"] == {"provider_reference": 2}


def test_what_the_provider_kept_is_booked_and_the_account_ties(night: Night) -> None:
    night.settle()
    run = night.run()
    assert night.world.balances()["provider_fees:sandbox"] == KEPT
    assert night.world.balances()["in_transit:sandbox"] == FEE - KEPT
    in_transit = {"balance_minor": FEE - KEPT, "unsettled_minor": 0, "settled_minor": FEE - KEPT}
    assert run.totals["by_currency"][0]["in_transit"] == in_transit


def test_an_agency_where_it_is_still_yesterday_is_reconciled_on_the_providers_day(night: Night) -> None:
    """For nineteen hours of the day the dates differ, for the rest the test is an easy one."""
    content = read_catalogue()
    west = tuple(replace(agency, time_zone="Etc/GMT+12") for agency in content.agencies if agency.code == "dk-police")
    with night.world.runtime.db.transaction() as tx:
        load_catalogue(tx, replace(content, agencies=(*content.agencies, *west)), "test")
    invoice = night.world.invoice("dk-passport")
    night.world.play(night.world.start(night.world.checkout(invoice)), "succeed")
    night.world.deliver(1)
    night.settle()
    run = night.run()
    assert (run.status, night.kinds(run)) == ("balanced", [])
    figures = {each["currency"]: (each["ledger_minor"], each["matched"]) for each in run.totals["by_currency"]}
    assert figures == {"VND": (FEE, 1), "DKK": (893_75, 1)}


def test_each_agency_bears_the_fees_of_its_own_payments(night: Night) -> None:
    invoice = night.world.invoice("vn-certified-signature", {"documents": 10})
    payment = night.world.start(night.world.checkout(invoice))
    night.world.play(payment, "succeed")
    night.world.deliver(1)
    night.settle()
    night.run()
    with night.world.runtime.db.read() as tx:
        rows = tx.all(
            text(
                "SELECT agency_id, sum(amount_minor) AS minor FROM ledger_transfers AS t JOIN ledger_accounts AS a"
                " USING (agency_id) WHERE a.id = t.debit_account_id AND a.code = 'provider_fees:sandbox' GROUP BY 1"
            )
        )
    assert sorted(int(row.minor) for row in rows) == sorted([KEPT, invoice.total_minor * 110 // 10_000])


def test_the_command_line_runs_a_day_and_shows_what_it_found(night: Night) -> None:
    night.plant("drop_line")
    night.settle()
    shown = CliRunner().invoke(
        command(lambda: night.world.runtime), ["--provider", "sandbox", "--date", night.day.isoformat()]
    )
    assert shown.exit_code == 0, shown.output
    assert "exceptions, 0 matched" in shown.output
    assert "missing_at_provider" in shown.output
    wrong = CliRunner().invoke(command(lambda: night.world.runtime), ["--provider", "nobody", "--date", "2026-01-01"])
    assert (wrong.exit_code, "nobody" in wrong.output) == (1, True)


def test_running_a_day_again_changes_nothing(night: Night) -> None:
    night.plant("wrong_fee")
    night.settle()
    night.world.paid()
    first = night.run()
    before = night.reports(first), night.world.balances(), counted(night)
    again = night.run()
    assert (again.id, again.totals, again.status) == (first.id, first.totals, first.status)
    assert (night.reports(again), night.world.balances(), counted(night)) == before


def counted(night: Night) -> dict[str, int]:
    tables = ("matches", "discrepancies", "run_findings", "settlement_batches", "settlement_lines", "ledger_entries")
    return {table: night.world.count(table) for table in tables}


FAULTS = {
    "drop_line": "missing_at_provider",
    "change_amount": "amount_mismatch",
    "change_currency": "currency_mismatch",
    "duplicate_line": "duplicate_at_provider",
    "wrong_fee": "fee_mismatch",
    "extra_line": "missing_in_gateway",
    "wrong_status": "status_mismatch",
    "unknown_refund": "refund_unknown",
    "wrong_total": "payout_short",
}


@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
def test_a_planted_fault_is_found_and_named(night: Night, fault: str, kind: str) -> None:
    _, payment = night.world.paid()
    night.plant(fault, None if fault == "wrong_total" else payment)
    night.settle()
    run = night.run()
    assert run.status == "exceptions"
    found = night.found(run)
    assert [(each["kind"], each["status"]) for each in found] == [(kind, "open")]
    if fault not in ("extra_line", "wrong_total"):
        assert found[0]["payment"] == str(payment.id)
    for words in found[0]["explanation"].values():
        assert "None" not in words["text"]


def test_all_faults_at_once_are_told_apart(night: Night) -> None:
    for fault in FAULTS:
        _, payment = night.world.paid()
        night.plant(fault, None if fault == "wrong_total" else payment)
    night.settle()
    run = night.run()
    assert sorted(kind for kind, _ in night.kinds(run)) == sorted(FAULTS.values())
    assert ties(run)


def test_a_payment_that_no_notification_told_of_is_learnt_from_the_settlement(night: Night) -> None:
    invoice = night.world.invoice()
    payment = night.world.start(night.world.checkout(invoice))
    night.world.play(payment, "silent")
    night.settle()
    run = night.run()
    assert night.world.payment(payment.id).status is PaymentStatus.SUCCEEDED
    assert night.world.again(invoice).status == "paid"
    assert night.kinds(run) == [("status_mismatch", "cleared")]
    assert (run.status, run.totals["matched"]) == ("balanced", 2)
    before = night.reports(run)
    assert night.reports(night.run()) == before


def test_a_second_movement_that_no_notification_told_of_is_credited_to_the_payer(night: Night) -> None:
    night.world.paid("twice", notifications=1)
    night.settle()
    run = night.run()
    assert ("duplicate_payment", "open") in night.kinds(run)
    assert (run.status, run.totals["matched"]) == ("exceptions", 3)
    assert night.world.balances()["payer_credit"] == -FEE


def test_what_the_gateway_found_itself_counts_to_the_run_of_its_day(night: Night) -> None:
    night.world.paid("twice", notifications=2)
    night.settle()
    run = night.run()
    assert night.kinds(run) == [("duplicate_payment", "open")]
    assert (run.status, run.totals["matched"]) == ("exceptions", 3)


def test_a_wrong_amount_is_one_discrepancy_whoever_sees_it_first(night: Night) -> None:
    _, payment = night.world.paid("wrong_amount")
    night.settle()
    run = night.run()
    found = night.found(run)
    assert [(each["kind"], each["payment"]) for each in found] == [("amount_mismatch", str(payment.id))]
    assert night.world.count("discrepancies") == 1
    assert found[0]["evidence"]["settlement"]["gross_minor"] == FEE - 10


def test_a_line_that_is_missing_one_day_and_comes_the_next_clears_by_itself(night: Night) -> None:
    next_day = night.day + timedelta(days=1)
    night.world.clock.ahead = timedelta(days=1)
    first = night.run()
    assert night.kinds(first) == [("missing_at_provider", "open")]
    night.settle(next_day)
    second = night.run(next_day)
    assert (second.status, second.totals["matched"], night.kinds(second)) == ("balanced", 1, [])
    assert night.kinds(first) == [("missing_at_provider", "cleared")]
    again = night.run()
    news = {"open": None, "waiting_for_file": None, "file_late": None}  # what it says of now, not of the day
    assert again.totals | news == first.totals | news
    assert (again.status, night.kinds(again)) == ("balanced", [("missing_at_provider", "cleared")])
    assert night.run(next_day).totals == second.totals


def test_what_may_still_come_is_a_matter_of_timing_until_the_provider_is_late(night: Night) -> None:
    provider: Any = night.world.runtime.providers["sandbox"]
    provider.capabilities = replace(provider.capabilities, settlement_lag_days=1)
    night.world.clock.ahead = timedelta(days=1)
    today = night.run()
    assert (today.status, night.kinds(today)) == ("balanced", [("timing", "open")])
    tomorrow = night.run(night.day + timedelta(days=1))
    assert (tomorrow.status, night.kinds(tomorrow)) == ("exceptions", [("missing_at_provider", "open")])
    assert night.kinds(today) == [("timing", "cleared")]
    assert tomorrow.totals["ledger_minor"] == FEE


def test_a_day_that_is_run_after_the_day_that_settles_it_clears_by_itself(night: Night) -> None:
    provider: Any = night.world.runtime.providers["sandbox"]
    provider.capabilities = replace(provider.capabilities, settlement_lag_days=1)
    next_day = night.day + timedelta(days=1)
    night.world.clock.ahead = timedelta(days=1)
    night.settle(next_day)
    early = night.run(next_day)
    assert night.kinds(early) == [("missing_in_gateway", "open")]
    late = night.run()
    assert (late.status, night.kinds(late)) == ("balanced", [("timing", "cleared")])
    again = run_of(night, next_day)
    assert (again.id, again.status, again.totals["matched"], night.kinds(again)) == (early.id, "balanced", 1, [])
    assert night.run().totals["by_currency"] == late.totals["by_currency"]


def test_what_stays_unexplained_is_in_every_days_report_and_opened_once(night: Night) -> None:
    _, payment = night.world.paid()
    night.plant("extra_line", payment)
    night.settle()
    first = night.found(night.run())
    night.world.clock.ahead = timedelta(days=1)
    second = night.run(night.day + timedelta(days=1))
    assert [found["id"] for found in night.found(second)] == [found["id"] for found in first]
    assert (second.totals["statement_minor"], second.totals["matched"]) == (FEE, 0)


def test_only_one_run_of_a_provider_works_at_a_time(night: Night) -> None:
    night.settle()
    with reconciliation.only_one(night.world.runtime.db, "sandbox") as alone:
        assert alone
        with pytest.raises(RunUnderWay):
            night.run()
    assert night.run().status == "balanced"


def test_runs_that_start_together_leave_what_one_run_leaves(night: Night) -> None:
    night.settle()
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(night.run().status)
        except RunUnderWay:
            outcomes.append(None)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"balanced", None}
    assert "balanced" in outcomes
    assert (night.world.count("matches"), night.world.balances()["provider_fees:sandbox"]) == (1, KEPT)


def test_a_provider_that_is_out_of_reach_fails_the_run_and_leaves_nothing(night: Night) -> None:
    night.settle()
    night.world.unplug()
    with pytest.raises(SettlementUnavailable):
        night.run()
    assert (run_of(night).status, night.world.count("settlement_batches")) == ("failed", 0)
    night.world.plug_in()
    assert night.run().status == "balanced"


def test_a_day_to_come_and_a_provider_that_is_not_here_are_refused(night: Night) -> None:
    with pytest.raises(Invalid):
        night.run(night.day + timedelta(days=3))
    with pytest.raises(NotFound):
        run_reconciliation(night.world.runtime, "nobody", night.day, "test")
    assert night.world.count("reconciliation_runs") == 0


def run_of(night: Night, day: date | None = None) -> Run:
    with night.world.runtime.db.read() as tx:
        return runs.run_from(reconciliation.runs_of_days(tx, "sandbox", day or night.day, day or night.day)[0])


def ties(run: Run) -> bool:
    """What is on the account is unsettled or settled, and nothing else."""
    return all(
        each["in_transit"]["balance_minor"]
        == each["in_transit"]["unsettled_minor"] + each["in_transit"]["settled_minor"]
        for each in run.totals["by_currency"]
    )
