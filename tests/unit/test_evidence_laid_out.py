"""Evidence of any kind is laid out by what it is made of."""

from datetime import UTC, date, datetime
from typing import Any

from gateway.domain.money import Money
from reconciliation.console.evidence import ROWS_SHOWN, others, sides, tables

LINE: dict[str, Any] = {
    "gross_minor": 1_000,
    "fee_minor": 11,
    "currency": "DKK",
    "occurred_at": "2026-03-02T04:00:00+00:00",
    "settled": False,
}
ENTRY: dict[str, Any] = {"amount_minor": 900, "currency": "DKK", "due_on": "2026-03-04", "reference": None}


def test_what_both_sides_tell_stands_beside_each_other() -> None:
    found = {name: (ours, theirs) for name, ours, theirs in sides({"ledger": ENTRY, "settlement": LINE})}
    assert found == {
        "amount_minor": (Money(900, "DKK"), Money(1_000, "DKK")),
        "due_on": (date(2026, 3, 4), None),
        "fee_minor": (None, Money(11, "DKK")),
        "occurred_at": (None, datetime(2026, 3, 2, 4, tzinfo=UTC)),
        "settled": (None, False),
    }


def test_one_side_alone_is_told_and_none_is_nothing() -> None:
    assert sides({"ledger": ENTRY})[0] == ("amount_minor", Money(900, "DKK"), None)
    assert sides({}) == []


def test_the_rest_is_told_but_for_codes_that_the_explanation_says_in_words() -> None:
    evidence = {
        "why": "at_bank",
        "credited_minor": 5,
        "reported_minor": 7,
        "reported_currency": "VND",
        "candidates": ["RF1", "RF2"],
        "proposal": {"rule": "amount_window", "line": {"batch": "B1", "line": 3}},
        "ledger": ENTRY,
    }
    assert others(evidence, "EUR") == [
        ("credited_minor", Money(5, "EUR")),
        ("reported_minor", Money(7, "VND")),
        ("candidates", "RF1, RF2"),
        ("proposed_line", "B1 / 3"),
    ]


def test_lists_are_tables_of_what_any_of_them_tells() -> None:
    payouts = [{"payout": f"p{n}", "net_minor": n, "currency": "VND"} for n in range(ROWS_SHOWN + 1)]
    payouts[1]["batches"] = ["a", "b"]
    (found,) = tables({"payouts": payouts, "bank": [], "candidates": ["RF1"]})
    assert (found.name, found.columns, found.number) == ("payouts", ["payout", "net_minor", "batches"], ROWS_SHOWN + 1)
    assert found.rows[:2] == [["p0", Money(0, "VND"), None], ["p1", Money(1, "VND"), "a, b"]]
    assert len(found.rows) == ROWS_SHOWN
