"""A payout's stated total against what its lines add up to."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from reconciliation.findings import Context, payout_findings

DAY = date(2026, 3, 2)
CONTEXT = Context(UUID(int=1), "sandbox", DAY, [], [])


def row(total_minor: int | None, currency: str = "VND", gross_minor: int = 100_000, batch: str = "b1") -> Any:
    stated = {"total_minor": total_minor, "total_currency": None if total_minor is None else "VND"}
    lines = {"currency": currency, "gross_minor": gross_minor, "fee_minor": 1_100, "lines": 1}
    return SimpleNamespace(batch_id=batch, business_date=DAY, payout_id="p1", **stated, **lines)


def test_a_total_that_is_the_sum_of_its_lines_is_nothing_to_report() -> None:
    assert payout_findings([row(98_900)], CONTEXT) == []


def test_a_batch_that_states_no_total_cannot_be_wrong() -> None:
    assert payout_findings([row(None)], CONTEXT) == []


@pytest.mark.parametrize(("total", "kind", "over"), [(98_000, "payout_short", -900), (99_000, "payout_over", 100)])
def test_a_total_that_is_not_the_sum_is_short_or_over(total: int, kind: str, over: int) -> None:
    found = payout_findings([row(total)], CONTEXT)
    assert [(one.kind, one.amount_minor, one.key) for one in found] == [(kind, over, f"{kind}:sandbox:b1")]
    assert (found[0].evidence["expected_minor"], found[0].evidence["reported_minor"]) == (98_900, total)


def test_lines_in_another_currency_do_not_count_towards_the_total() -> None:
    assert payout_findings([row(98_900, "USD", 5), row(98_900)], CONTEXT) == []


def test_a_batch_without_lines_has_a_total_of_nothing() -> None:
    empty: Any = SimpleNamespace(**{**vars(row(98_900)), "currency": None, "gross_minor": None, "fee_minor": None})
    assert [one.amount_minor for one in payout_findings([empty], CONTEXT)] == [98_900]
