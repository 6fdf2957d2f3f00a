"""The report of a run: complete, the same to the byte, and harmless in a spreadsheet."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.ports.provider import BatchRef, SettlementLine
from reconciliation.reports.tabular import CSV_COLUMNS
from tests.integration.night import FEE, KEPT, Night

BOM = b"\xef\xbb\xbf"


def test_the_json_report_holds_the_totals_the_batches_the_discrepancies_and_the_matches(night: Night) -> None:
    _, payment = night.world.paid()
    night.plant("change_amount", payment)
    night.settle()
    run = night.run()
    report = json.loads(night.reports(run)[0])
    assert report["run"]["totals"]["matched"] == 1
    assert [batch["lines"] for batch in report["batches"]] == [2]
    assert report["batches"][0]["net_minor"] == report["batches"][0]["total_minor"]
    assert [found["kind"] for found in report["discrepancies"]] == ["amount_mismatch"]
    assert [(match["amount_minor"], match["fee_minor"], match["rule"]) for match in report["matches"]] == [
        (FEE, KEPT, "provider_reference")
    ]


def test_what_is_not_matched_is_explained_by_the_discrepancies_to_the_last_unit(night: Night) -> None:
    for fault in ("change_amount", "extra_line", "drop_line", "duplicate_line", "wrong_status", "unknown_refund"):
        _, payment = night.world.paid()
        night.plant(fault, payment)
    night.settle()
    run = night.run()
    totals = run.totals["by_currency"][0]
    found = json.loads(night.reports(run)[0])["discrepancies"]
    unmatched = [one["evidence"] for one in found if one["kind"] not in ("fee_mismatch", "refund_unknown")]
    ledger = sum(one["ledger"]["amount_minor"] for one in unmatched if "ledger" in one)
    statement = sum(one["settlement"]["gross_minor"] for one in unmatched if "settlement" in one)
    assert totals["ledger_minor"] == totals["matched_minor"] + ledger
    assert totals["statement_minor"] == totals["matched_minor"] + statement


def test_the_csv_report_is_a_table_that_a_spreadsheet_reads(night: Night) -> None:
    night.plant("wrong_fee")
    night.settle()
    written = night.reports(night.run())[1]
    assert written.startswith(BOM)
    assert written.count(b"\n") == written.count(b"\r\n")
    rows = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == CSV_COLUMNS
    by_row = {row["row"]: [each for each in rows if each["row"] == row["row"]] for row in rows}
    assert set(by_row) == {"total", "batch", "remittance", "ageing", "discrepancy", "match"}
    totals = {row["kind"]: row["amount_minor"] or row["count"] for row in by_row["total"]}
    assert totals["ledger_minor"] == totals["statement_minor"] == str(FEE)
    assert (totals["matched"], totals["discrepancies:fee_mismatch"]) == ("1", "1")
    assert totals["in_transit:balance_minor"] == str(FEE - KEPT - 500)
    wrong = by_row["discrepancy"][0]
    assert (wrong["expected_minor"], wrong["reported_minor"]) == (str(KEPT), str(KEPT + 500))
    assert "phí" in wrong["explanation_vi"]
    assert by_row["match"][0]["amount_minor"] == str(FEE)


@pytest.mark.parametrize("hostile", ['=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)"])
def test_text_from_a_provider_is_no_formula_in_a_spreadsheet(night: Night, hostile: str) -> None:
    night.settle()
    provider = Renaming(night.world.runtime.providers["sandbox"], hostile)
    night.world.runtime = replace(night.world.runtime, providers={"sandbox": provider})
    rows = list(csv.DictReader(io.StringIO(night.reports(night.run())[1].decode("utf-8-sig"), newline="")))
    assert f"'{hostile}" in [row["provider_transaction_id"] for row in rows]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]


class Renaming:
    """A provider whose settlement gives its transactions another name."""

    def __init__(self, provider: Any, transaction: str) -> None:
        self._provider, self._transaction = provider, transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        for line in self._provider.read_settlement(batch):
            yield replace(line, provider_transaction_id=self._transaction, merchant_reference=None)
