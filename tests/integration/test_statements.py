"""A bank's statement is loaded whole or not at all, and kept as it was handed in."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from gateway.domain.bank_file import FileStatus
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.payout import PayoutTerms
from gateway.services.apply_observation import apply_observation
from gateway.store.database import new_id
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.reconciliation import settlement_batches
from reconciliation.statements import learn as learning
from reconciliation.statements.kept import pieces
from reconciliation.statements.load import EmptyFile, NotOurAccount, StatementChanged, UnknownLayout
from reconciliation.statements.telling import file_json
from tests.integration.statement_files import Movement, learn, load, mt940
from tests.integration.village_bank import Village

FEE = 200_000
ACCOUNT = "9990000000000000011"  # of the agency that the fees of these tests are due to
STRANGE = "1234567890"
TWO = [Movement(150_000, "LE PHI", "FT1"), Movement(-50_000, "PHI", "FT2")]


def rows(village: Village, query: str) -> list[Any]:
    with village.world.runtime.db.read() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def lines(village: Village) -> list[Any]:
    return rows(village, "SELECT line, amount_minor, bank_reference, names FROM bank_lines ORDER BY statement_id, line")


def told(village: Village, file_id: Any) -> Any:
    with village.world.runtime.db.read() as tx:
        return file_json(tx, file_id)


def test_a_statement_is_loaded_line_by_line_and_kept_as_it_came(village: Village) -> None:
    content = mt940(ACCOUNT, TWO, opening=1_000)
    loaded = load(village.world.runtime, content)
    assert (loaded.status, loaded.is_new) == (FileStatus.LOADED, True)
    assert lines(village) == [(1, 150_000, "FT1", []), (2, -50_000, "FT2", [])]
    file = told(village, loaded.file_id)
    assert (file["format"], file["lines"], file["size_bytes"], file["errors"]) == ("mt940", 2, len(content), [])
    (statement,) = file["statements"]
    assert (statement["account"], statement["opening_minor"], statement["closing_minor"]) == (ACCOUNT, 1_000, 101_000)
    assert b"".join(pieces(village.world.runtime, loaded.file_id)) == content
    assert b"LE PHI" not in rows(village, "SELECT sealed FROM statement_chunks")[0][0]
    assert rows(village, "SELECT action FROM audit_log WHERE subject_type = 'statement_file'") == [
        ("statement.loaded",)
    ]


def test_the_same_file_again_is_known_and_adds_nothing(village: Village) -> None:
    content = mt940(ACCOUNT, TWO)
    first, second = load(village.world.runtime, content), load(village.world.runtime, content)
    assert (second.file_id, second.is_new) == (first.file_id, False)
    assert len(lines(village)) == 2


def test_another_file_may_tell_a_statement_again_but_not_otherwise(village: Village) -> None:
    load(village.world.runtime, mt940(ACCOUNT, TWO))
    again = load(village.world.runtime, mt940(ACCOUNT, TWO) + b"\n")
    assert told(village, again.file_id)["statements"] == []
    with pytest.raises(StatementChanged, match=r"STMT1/1/2026-03-02 of account 9990000000000000011"):
        load(village.world.runtime, mt940(ACCOUNT, [Movement(1, "", "FT1")]))
    assert len(lines(village)) == 2


def test_a_broken_file_is_quarantined_whole_and_can_be_read_anew(village: Village) -> None:
    content = mt940(ACCOUNT, TWO, closing=7)
    loaded = load(village.world.runtime, content)
    assert loaded.status is FileStatus.QUARANTINED
    file = told(village, loaded.file_id)
    assert file["errors"] == [
        {
            "line": 9,
            "field": ":62F:",
            "reason": "its opening balance and its entries do not make its closing balance",
        }
    ]
    assert (lines(village), file["statements"]) == ([], [])
    assert b"".join(pieces(village.world.runtime, loaded.file_id)) == content
    again = load(village.world.runtime, content)
    assert (again.file_id, again.status, again.is_new) == (loaded.file_id, FileStatus.QUARANTINED, False)


def test_all_faults_of_a_file_are_told_at_once(village: Village) -> None:
    content = mt940(ACCOUNT, [Movement(5, "words") for _ in range(4)]).replace(b"C5,NTRF", b"X5,NTRF", 3)
    file = told(village, load(village.world.runtime, content).file_id)
    assert [(error["line"], error["field"]) for error in file["errors"]] == [(5, ":61:"), (7, ":61:"), (9, ":61:")]
    assert (file["status"], lines(village)) == ("quarantined", [])


def test_what_is_not_for_us_is_refused_by_name_and_not_kept(village: Village) -> None:
    runtime = village.world.runtime
    with pytest.raises(NotOurAccount, match=STRANGE):
        load(runtime, mt940(ACCOUNT, TWO) + mt940(STRANGE, TWO, number=2))
    with pytest.raises(UnknownLayout, match="nowhere"):
        load(runtime, b"a;b\n", layout="nowhere")
    with pytest.raises(EmptyFile):
        load(runtime, b"")
    assert rows(village, "SELECT id FROM statement_files") == []
    assert load(runtime, b"a;b\n").status is FileStatus.QUARANTINED


def test_what_the_bank_told_nobody_is_learnt_once(village: Village) -> None:
    invoice, known = village.invoice(), village.invoice()
    credit = village.told(known)
    content = mt940(
        ACCOUNT,
        [
            Movement(FEE, f"NOP LE PHI {invoice.reference}", "FT1"),
            Movement(FEE, known.reference, credit.provider_transaction_id),
            Movement(FEE, "NGUYEN VAN CANARY", "FT3"),
        ],
    )
    assert learn(village.world.runtime, content) == 2
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert village.balances()[f"bank:{ACCOUNT}"] == 3 * FEE
    assert village.asked_about() == [("unidentified_receipt", FEE)]
    assert lines(village)[0][3] == [invoice.reference]
    file = rows(village, "SELECT lines, read_lines, learnt_lines, learnt_at IS NOT NULL FROM statement_files")
    assert file == [(3, 3, 2, True)]
    assert learn(village.world.runtime, content) == 0


class Stopped(Exception):
    """Somebody pulled the plug."""


def stop(*_: Any) -> None:
    raise Stopped


def test_a_load_that_breaks_off_anywhere_leaves_nothing_and_the_next_one_loads(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = mt940(ACCOUNT, TWO)
    for seam in ("add_file", "add_chunks", "add_statements"):
        with monkeypatch.context() as patch:
            patch.setattr(f"gateway.store.statements.{seam}", stop)
            with pytest.raises(Stopped):
                load(village.world.runtime, content)
        assert left(village) == [(0, 0, 0, 0)], seam
    with pytest.raises(Stopped):
        load(village.world.runtime, content, then=stop)
    assert left(village) == [(0, 0, 0, 0)]
    assert load(village.world.runtime, content).is_new
    assert left(village) == [(1, 1, 1, 2)]


def test_a_load_that_is_killed_leaves_nothing_and_the_next_one_loads(
    village: Village, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    file = tmp_path / "statement.sta"
    file.write_bytes(mt940(ACCOUNT, TWO))
    command = [sys.executable, "-m", "tests.integration.load_once", database_urls.app_url]
    command += [village.world.vault_key.hex(), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["reading", "written"]
        process.kill()
    assert left(village) == [(0, 0, 0, 0)]
    assert subprocess.run(command, input="\n", capture_output=True, text=True, timeout=60, check=True).stdout
    assert left(village) == [(1, 1, 1, 2)]


def left(village: Village) -> list[Any]:
    """How many files, pieces of files, statements and lines there are."""
    return rows(
        village,
        "SELECT (SELECT count(*) FROM statement_files), (SELECT count(*) FROM statement_chunks),"
        " (SELECT count(*) FROM bank_statements), (SELECT count(*) FROM bank_lines)",
    )


def test_a_learning_that_breaks_off_goes_on_and_counts_nothing_twice(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoices = [village.invoice() for _ in range(3)]
    content = mt940(ACCOUNT, [Movement(FEE, each.reference, f"FT{n}") for n, each in enumerate(invoices)])
    monkeypatch.setattr("reconciliation.statements.learn.LINES_AT_ONCE", 1)

    def fail_once(tx: Any, bank: str, observation: Any, *rest: Any) -> Any:
        if observation.provider_transaction_id == "FT1":
            raise Stopped
        return apply_observation(tx, bank, observation, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(learning, "apply_observation", fail_once)
        assert learn(village.world.runtime, content) == 2
    progress = "SELECT read_lines, learnt_lines, learnt_at IS NOT NULL FROM statement_files"
    assert rows(village, progress) == [(1, 2, False)]
    assert learn(village.world.runtime, content) == 1
    assert rows(village, progress) == [(3, 3, True)]
    assert village.balances()[f"bank:{ACCOUNT}"] == 3 * FEE


def test_a_booking_that_two_statements_tell_is_one_line_and_counts_once(village: Village) -> None:
    invoice = village.invoice()
    movement = Movement(FEE, invoice.reference, "FT1")
    assert learn(village.world.runtime, mt940(ACCOUNT, [movement], number=1)) == 1
    assert learn(village.world.runtime, mt940(ACCOUNT, [movement, Movement(7, "", "FT2")], number=2)) == 1
    assert [(amount, reference) for _, amount, reference, _ in lines(village)] == [(FEE, "FT1"), (7, "FT2")]
    assert village.balances()[f"bank:{ACCOUNT}"] == FEE + 7


def test_a_credit_that_is_taken_back_is_taken_back_here(village: Village) -> None:
    paid = village.told(village.invoice()).provider_transaction_id
    unknown = village.told(village.invoice(), "no reference").provider_transaction_id
    taken_back = [Movement(-FEE, "", one, kind="RC") for one in (paid, unknown, "nobody's")]
    assert learn(village.world.runtime, mt940(ACCOUNT, taken_back, opening=3 * FEE)) == 2
    balances = village.balances()
    assert balances["disputes"] == FEE
    assert f"bank:{ACCOUNT}" not in balances  # nothing is left there
    stray, *others = sorted(village.asked_about())
    assert (stray, [kind for kind, _ in others]) == (("missing_in_gateway", -FEE), ["unidentified_receipt"])


def test_what_names_a_payout_is_left_to_the_run_of_the_account(village: Village) -> None:
    runtime = village.world.runtime
    village.world.runtime = replace(runtime, payouts=PayoutTerms({"sandbox": ACCOUNT}))
    with runtime.db.transaction() as tx:
        batch = {"provider": "sandbox", "batch_id": "B-20260302-1", "payout_id": "PO-77431", "lines": 0}
        batch |= {"id": new_id(), "sha256": b"", "business_date": tx.now.date()}
        tx.execute(insert(settlement_batches).values(**batch))
    invoice = village.invoice()
    movements = [
        Movement(900, "PAYOUT PO77431", "FT1"),
        Movement(800, "TRANSFER SANDBOX", "FT2"),
        Movement(FEE, f"BY SANDBOX {invoice.reference}", "FT3"),
        Movement(700, "PO774312", "FT4"),
    ]
    assert learn(village.world.runtime, mt940(ACCOUNT, movements)) == 2
    names = [["PO-77431"], ["sandbox"], sorted([invoice.reference, "sandbox"]), []]
    assert [names for *_, names in lines(village)] == names
    assert village.balances()[f"bank:{ACCOUNT}"] == FEE + 700
