"""A day is signed with all its reports or not at all, and only a correction says more about it afterwards."""

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway.domain.errors import Conflict, IllegalTransition
from gateway.domain.reconciliation import SignedBySameOfficer
from gateway.services.monitor import state_of_work
from gateway.store import reconciliation, signed_runs
from gateway.store.database import Transaction
from gateway.store.embedded import DatabaseUrls
from reconciliation import runs_cli
from reconciliation.reports import formats, written
from reconciliation.runs import NothingToCorrect, Run, RunSignedOff, RunUnderWay, run_reconciliation
from reconciliation.sign_off import OpenDiscrepancies, Write, nothing_at_work, sign_off
from tests.integration.api import Api, an_api, problem
from tests.integration.night import FEE, KEPT, Night
from tests.integration.test_reconciliation_api import RUNS, Office

WRITERS = formats.KEPT


def sign(night: Night, run: Run, reasons: dict[UUID, str] | None = None, writers: Any = WRITERS, by: str = "b") -> None:
    runtime = night.world.runtime
    with nothing_at_work(runtime, run.id), runtime.db.transaction() as tx:
        sign_off(tx, run.id, by, "", reasons or {}, writers)


def download(api: Api, path: str, name: str) -> bytes:
    form, _, language = name.partition(":")
    asked = f"format={form}" + (f"&language={language}" if language else "")
    content: bytes = api.get(f"{path}/report?{asked}", "finance").data
    return content


def correct(night: Night) -> Run:
    return run_reconciliation(night.world.runtime, "sandbox", night.day, "test", correction=True)


def state(night: Night, run: Run) -> Any:
    with night.world.runtime.db.read() as tx:
        return reconciliation.find_run(tx, run.id)


def kept(night: Night, run: Run) -> dict[str, bytes]:
    with night.world.runtime.db.read() as tx:
        return {
            row.format: b"".join(signed_runs.read_report(tx, run.id, row.format))
            for row in signed_runs.kept_reports(tx, run.id)
        }


def matches(night: Night, run: Run) -> list[Any]:
    query = text("SELECT batch, line, entry_id, rule FROM matches WHERE run_id = :run ORDER BY batch, line")
    with night.world.runtime.db.read() as tx:
        return tx.all(query, {"run": run.id})


def test_a_signed_day_keeps_its_reports_and_is_closed(night: Night) -> None:
    night.settle()
    run = night.run()
    with pytest.raises(NothingToCorrect):
        correct(night)
    sign(night, run)
    signed = state(night, run)
    assert (signed.status, signed.signed_off_by) == ("signed_off", "b")
    assert set(kept(night, run)) == set(WRITERS)
    assert hashlib.sha256(kept(night, run)["json"]).digest() == signed.report_sha256
    with pytest.raises(RunSignedOff):
        night.run()
    with pytest.raises(IllegalTransition):
        sign(night, run)


def test_who_asked_for_a_run_does_not_sign_it(night: Night) -> None:
    night.settle()
    run = night.run()
    with pytest.raises(SignedBySameOfficer):
        sign(night, run, by="test")
    assert state(night, run).status == "balanced"


def test_what_is_open_needs_a_reason_and_nothing_else_may_be_named(night: Night) -> None:
    night.plant("change_amount")
    night.settle()
    run = night.run()
    found = UUID(night.found(run)[0]["id"])
    work = state_of_work(night.world.runtime)
    assert (work.unexplained_minor, work.runs) == ({"VND": 1_000}, {("sandbox", "exceptions"): 1})
    assert work.oldest_discrepancy > timedelta()
    with pytest.raises(OpenDiscrepancies) as refused:
        sign(night, run)
    assert str(found) in refused.value.fields["acknowledged"]
    with pytest.raises(OpenDiscrepancies):
        sign(night, run, {found: "asked the provider", run.id: "is no discrepancy"})
    sign(night, run, {found: "asked the provider"})
    reason = {"discrepancy": str(found), "kind": "amount_mismatch", "reason": "asked the provider"}
    assert state(night, run).acknowledged == [reason]


def test_a_fault_in_the_last_report_leaves_the_day_unsigned(night: Night) -> None:
    night.settle()
    run = night.run()

    def breaks_off(tx: Transaction, run_id: UUID) -> Iterator[bytes]:
        yield b"half of it"
        raise KeyboardInterrupt

    writers: dict[str, Write] = {**WRITERS, "last": breaks_off}
    with pytest.raises(KeyboardInterrupt):
        sign(night, run, writers=writers)
    assert state(night, run).status == "balanced"
    assert kept(night, run) == {}
    sign(night, run)


def test_of_two_who_sign_at_once_one_does(night: Night) -> None:
    night.settle()
    run = night.run()
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def signs(name: str) -> None:
        together.wait()
        try:
            sign(night, run, by=name)
            outcomes.append(name)
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=signs, args=(name,)) for name in ("b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("refused") == 1
    assert state(night, run).signed_off_by in outcomes


def test_nothing_is_signed_while_a_run_is_at_work(night: Night) -> None:
    night.settle()
    run = night.run()
    with reconciliation.only_one(night.world.runtime.db, "sandbox"), pytest.raises(RunUnderWay):
        sign(night, run)
    assert state(night, run).status == "balanced"


def test_a_correction_takes_in_what_came_later_and_leaves_the_signed_run_as_it_was(night: Night) -> None:
    night.settle()
    night.world.paid()  # after the provider wrote its batch
    run = night.run()
    assert night.kinds(run) == [("missing_at_provider", "open")]
    sign(night, run, {UUID(night.found(run)[0]["id"]): "the provider sends it tomorrow"})
    signed, reports, matched = state(night, run), kept(night, run), matches(night, run)
    night.settle()  # a second batch of the same day
    night.world.clock.ahead = timedelta(days=3)
    correction = correct(night)
    assert (correction.status, correction.correction, correction.business_date) == ("balanced", 1, night.day)
    assert correction.dated == night.day + timedelta(days=3)
    assert (correction.totals["matched"], correction.totals["ledger_minor"]) == (1, FEE)
    assert (state(night, run), kept(night, run), matches(night, run)) == (signed, reports, matched)
    query = text("SELECT status, cleared_by FROM discrepancies")
    with night.world.runtime.db.read() as tx:
        assert [tuple(row) for row in tx.all(query)] == [("cleared", correction.id)]
    assert night.world.balances()["provider_fees:sandbox"] == 2 * KEPT
    assert fee_days(night) == [night.day, correction.dated]


def test_an_open_correction_is_run_again_and_a_signed_one_is_followed_by_the_next(night: Night) -> None:
    night.settle()
    run = night.run()
    sign(night, run)
    first = correct(night)
    assert correct(night).id == first.id
    sign(night, first)
    second = correct(night)
    assert (second.correction, state(night, second).corrects) == (2, first.id)
    assert night.world.balances()["provider_fees:sandbox"] == KEPT


def test_the_command_line_lists_shows_signs_and_corrects(night: Night) -> None:
    night.settle()
    run = night.run()
    commands, runner = runs_cli.group(lambda: night.world.runtime), CliRunner()
    shown = runner.invoke(commands, ["show", str(run.id)])
    assert json.loads(shown.output)["status"] == "balanced"
    signed = runner.invoke(commands, ["sign-off", str(run.id), "--note", "for the treasury"])
    assert signed.exit_code == 0, signed.output
    assert state(night, run).report_sha256.hex() in signed.output
    day = night.day.isoformat()
    corrected = runner.invoke(commands, ["correct", "--provider", "sandbox", "--date", day])
    assert f"Correction 1 of {day}" in corrected.output
    correction = corrected.output.splitlines()[-1].split()[5].rstrip(":")
    own = runner.invoke(commands, ["sign-off", correction, "--note", "mine"])
    assert (own.exit_code, "Let another officer sign it" in own.output) == (1, True)
    listed = runner.invoke(commands, ["list", "--status", "signed_off", "--from", day, "--to", day])
    assert (str(run.id) in listed.output, listed.output.count("sandbox")) == (True, 1)


def fee_days(night: Night) -> list[Any]:
    query = text("SELECT business_date FROM ledger_entries WHERE cause = 'provider_fees' ORDER BY id")
    with night.world.runtime.db.read() as tx:
        return list(tx.execute(query).scalars())


def test_an_approver_signs_over_the_api_and_downloads_stay_the_same(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with an_api(database_urls, tmp_path) as api:
        office = Office(api, database_urls.app_url)
        run = office.finished()
        path = f"{RUNS}/{run['id']}"
        found = api.get(f"{path}/discrepancies", "finance").json["data"][0]["id"]
        body = {"note": "seen", "acknowledged": [{"discrepancy": found, "reason": "the provider was asked"}]}
        problem(api.post(f"{path}/sign-off", body, "finance"), 403, "scope_missing")
        problem(api.post(f"{path}/sign-off", {}, "approver"), 422, "open_discrepancies")
        signed = api.post(f"{path}/sign-off", body, "approver")
        assert signed.status_code == 200, signed.text
        downloaded = {name: download(api, path, name) for name in WRITERS}
        assert hashlib.sha256(downloaded["json"]).hexdigest() == signed.json["report_sha256"]
        monkeypatch.setattr(written, "render", lambda *_: iter([b"other"]))
        again = {name: download(api, path, name) for name in WRITERS}
        assert again == downloaded
        asked = {"provider": "sandbox", "business_date": office.day.isoformat()}
        problem(api.post(RUNS, asked, "finance"), 409, "run_signed_off")
        correction = office.ask(correction=True)
        assert (correction["correction"], correction["corrects"]) == (1, run["id"])
        listed = api.get(f"{RUNS}?status=signed_off&first={office.day}&last={office.day}", "finance").json["data"]
        assert [each["id"] for each in listed] == [run["id"]]
