"""Stripe's balance transactions and payout reconciliation report, line by line."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.domain.money import Money
from gateway.ports.provider import LineKind
from providers.reading import Unreadable
from providers.stripe import settlement

TRANSACTION = {
    "id": "txn_1",
    "amount": 1_000,
    "fee": 59,
    "net": 941,
    "currency": "usd",
    "created": 1_700_000_000,
    "reporting_category": "charge",
    "status": "available",
    "source": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"payment_id": "ours"}},
}


class TestBalanceTransaction:
    @pytest.mark.parametrize(
        ("category", "kind"),
        [
            *settlement.CATEGORY.items(),
            ("other_adjustment", LineKind.ADJUSTMENT),
            ("payout_reversal", LineKind.ADJUSTMENT),
            ("from_the_future", LineKind.ADJUSTMENT),
        ],
    )
    def test_each_category_is_a_kind_of_line_and_none_is_dropped(self, category: str, kind: LineKind) -> None:
        line = settlement.line({**TRANSACTION, "reporting_category": category})
        assert line is not None
        assert (line.kind, line.net) == (kind, Money(941, "USD"))

    def test_a_charge_without_an_intent_is_named_by_itself(self) -> None:
        source = {"id": "ch_1", "object": "charge", "payment_intent": None}
        line = settlement.line({**TRANSACTION, "source": source})
        assert line is not None
        assert (line.provider_transaction_id, line.merchant_reference) == ("ch_1", None)

    @pytest.mark.parametrize("change", [{"net": 942}, {"amount": 10.5}, {"currency": "xxx"}, {"id": None}])
    def test_what_does_not_add_up_is_unreadable(self, change: dict[str, Any]) -> None:
        with pytest.raises(Unreadable):
            settlement.line({**TRANSACTION, **change})

    @pytest.mark.parametrize(
        ("change", "reported"),
        [
            ({}, True),
            ({"status": "failed"}, False),
            ({"reconciliation_status": "in_progress"}, False),
            ({"reconciliation_status": "not_applicable"}, True),
        ],
    )
    def test_a_payout_counts_once_all_its_transactions_are_there(self, change: dict[str, str], reported: bool) -> None:
        payout = {"status": "paid", "reconciliation_status": "completed", **change}
        assert settlement.is_reported(payout) is reported


ROW = {
    "automatic_payout_id": "po_1",
    "automatic_payout_effective_at": "2026-03-02 00:00:00",
    "balance_transaction_id": "txn_1",
    "created_utc": "2026-02-27 16:30:00",
    "available_on_utc": "2026-03-02 00:00:00",
    "currency": "usd",
    "gross": "10.50",
    "fee": "0.66",
    "net": "9.84",
    "reporting_category": "charge",
    "source_id": "ch_1",
    "customer_facing_amount": "10.50",
    "customer_facing_currency": "usd",
    "charge_id": "ch_1",
    "payment_intent_id": "pi_1",
}


def report(*rows: Mapping[str, str]) -> io.StringIO:
    file = io.StringIO()
    table = csv.DictWriter(file, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    file.seek(0)
    return file


class TestPayoutReport:
    @pytest.mark.parametrize(
        ("currency", "gross", "fee", "net", "minor"),
        [
            ("vnd", "150000", "5100", "144900", (150_000, 5_100)),
            ("vnd", "12345678.0", "0", "12345678", (12_345_678, 0)),
            ("usd", "123456.78", "0.01", "123456.77", (12_345_678, 1)),
            ("kwd", "10.500", "0.357", "10.143", (10_500, 357)),
            ("usd", "-10.5", "0.00", "-10.50", (-1_050, 0)),
        ],
    )
    def test_major_units_become_exact_minor_units(
        self, currency: str, gross: str, fee: str, net: str, minor: tuple[int, int]
    ) -> None:
        row = {**ROW, "currency": currency, "gross": gross, "fee": fee, "net": net}
        ((_, line),) = settlement.read_report(report(row))
        assert (line.gross.amount_minor, line.fee.amount_minor) == minor
        assert line.gross.currency == currency.upper()

    def test_a_line_names_its_payout_and_its_payment(self) -> None:
        rows = ({**ROW, "payment_metadata[payment_id]": "ours"}, {**ROW, "reporting_category": "payout"})
        ((batch, line),) = settlement.read_report(report(*rows))
        assert (batch.id, batch.business_date, batch.total) == ("po_1", date(2026, 3, 2), None)
        assert (line.provider_transaction_id, line.merchant_reference) == ("pi_1", "ours")
        assert line.occurred_at == datetime(2026, 2, 27, 16, 30, tzinfo=UTC)

    def test_a_refund_line_names_the_refund(self) -> None:
        refund = {"reporting_category": "refund", "source_id": "re_1", "gross": "-10.50", "fee": "0", "net": "-10.50"}
        ((_, line),) = settlement.read_report(report({**ROW, **refund}))
        assert (line.kind, line.provider_refund_id) == (LineKind.REFUND, "re_1")
        assert line.provider_transaction_id == "pi_1"

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"net": "9.85"}, "line 3: gross - fee is not net"),
            ({"gross": "10.505"}, "line 3: gross is not an amount"),
            ({"gross": "ten"}, "line 3: gross is not an amount"),
            ({"fee": ""}, "line 3: fee is empty"),
            ({"currency": "zzz"}, "line 3: gross is not an amount of the line's currency"),
            ({"created_utc": "yesterday"}, "line 3: created_utc is not a time"),
            ({"automatic_payout_id": ""}, "line 3: it names no payout"),
        ],
    )
    def test_a_fault_is_named_with_its_line(self, change: dict[str, str], complaint: str) -> None:
        with pytest.raises(Unreadable, match=complaint):
            list(settlement.read_report(report(ROW, {**ROW, **change})))

    def test_missing_columns_are_named(self) -> None:
        with pytest.raises(Unreadable, match="line 1: the columns fee, charge_id are missing"):
            list(settlement.read_report(report({n: v for n, v in ROW.items() if n not in ("fee", "charge_id")})))
        with pytest.raises(Unreadable, match="line 1"):
            list(settlement.read_report(io.StringIO("")))
