"""A bank's statement is loaded whole or not at all, and kept as it was handed in."""

from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.bank_file import FileStatus
from gateway.domain.invoice import InvoiceStatus
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
