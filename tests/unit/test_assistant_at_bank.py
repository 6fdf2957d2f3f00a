"""The causes of what a bank's statement and the payouts do not agree about: a day with one thing wrong each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.cases import Case, Surroundings, case_of
from reconciliation.assistant.causes import Action, Cause
from reconciliation.assistant.judging import Opinion, opinions

K, C = DiscrepancyKind, Cause
DAY = date(2026, 3, 4)
BEFORE = DAY - timedelta(days=1)
AROUND = Surroundings(provider="bank:0123", day=DAY, statement_until=DAY)


def found(kind: DiscrepancyKind, minor: int, number: int = 1, due: date = DAY, **evidence: Any) -> Case:
    about = {"account": "0123", "why": "at_bank", "due_on": due.isoformat(), "provider_transaction_id": f"po-{number}"}
    row = SimpleNamespace(
        key=f"{kind}:{number}",
        kind=kind,
        business_date=DAY,
        payment_id=None,
        refund_id=None,
        amount_minor=minor,
        currency="VND",
        evidence=about | evidence,
    )
    return case_of(row)


def payout(kind: DiscrepancyKind, minor: int, number: int = 1, **more: Any) -> Case:
    return found(kind, minor, number, paid_by="wallet", **more)


def short(minor: int, number: int = 1, worth: int = 1_000_000, **more: Any) -> Case:
    return payout(K.PAYOUT_SHORT, -minor, number, expected_minor=worth, reported_minor=worth - minor, **more)


def over(minor: int, worth: int = 1_000_000) -> Case:
    return payout(K.PAYOUT_OVER, minor, expected_minor=worth, reported_minor=worth + minor)


def line(minor: int, why: str = "at_bank", number: int = 9) -> Case:
    return found(K.MISSING_IN_GATEWAY, minor, number, why=why)


def judged(cases: Sequence[Case], around: Surroundings = AROUND) -> list[Opinion]:
    return list(opinions(cases, around))


LATE = payout(K.PAYOUT_MISSING, 700_000, 2)
OTHER = payout(K.PAYOUT_MISSING, 300_000, 3)
REFUND = replace(AROUND, money_back=frozenset({("wallet", "VND", 250_000)}))


@pytest.mark.parametrize(
    ("cases", "around", "cause", "action"),
    [
        ([payout(K.TIMING, 5)], replace(AROUND, statement_until=BEFORE), C.STATEMENT_MISSING, Action.CARRY_AS_TIMING),
        ([payout(K.TIMING, 5)], replace(AROUND, statement_until=date.min), C.STATEMENT_MISSING, Action.CARRY_AS_TIMING),
        ([payout(K.TIMING, 5)], AROUND, C.PAYOUT_LATE, Action.CARRY_AS_TIMING),
        ([LATE], AROUND, C.PAYOUT_LATE, Action.OPEN_TRACE),
        ([LATE, line(700_000)], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([line(700_000), LATE], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([line(1_000_000), LATE, OTHER], AROUND, C.PAYOUTS_TOGETHER, Action.OPEN_TRACE),
        ([line(5, "several_payouts"), LATE], AROUND, C.PAYOUTS_TOGETHER, Action.OPEN_TRACE),
        ([line(123)], AROUND, C.OTHER_SYSTEM, Action.OPEN_TRACE),
        ([line(-123, "debit_at_bank")], AROUND, C.OUTSIDE_PAYMENT, Action.OPEN_TRACE),
        ([line(-123, "debit_at_bank"), line(123, number=8)], AROUND, C.CREDIT_TAKEN_BACK, Action.OPEN_TRACE),
        ([line(-11, "charge_at_bank")], AROUND, C.BANK_CHARGE, Action.OPEN_TRACE),
        ([short(11_000)], AROUND, C.BANK_CHARGE, Action.OPEN_TRACE),
        ([short(250_000)], REFUND, C.NETTED_BY_PROVIDER, Action.OPEN_TRACE),
        ([short(400_000)], AROUND, C.PART_ON_ITS_WAY, Action.OPEN_TRACE),
        ([short(400_000, due=BEFORE)], AROUND, C.PAYOUT_DIFFERS, Action.OPEN_TRACE),
        ([over(700_000), LATE], AROUND, C.PAYOUTS_TOGETHER, Action.OPEN_TRACE),
        ([over(1_000_000)], AROUND, C.PAYOUT_TWICE, Action.OPEN_TRACE),
        ([over(50_000)], AROUND, C.PAYOUT_DIFFERS, Action.OPEN_TRACE),
    ],
)
def test_the_first_is_explained_by_its_cause(
    cases: Sequence[Case], around: Surroundings, cause: Cause, action: Action
) -> None:
    told = judged(cases, around)[0]
    assert (told.ranking[0].cause, told.action) == (cause, action)
    assert told.ranking[0].speaks_for or cause in (C.OTHER_SYSTEM, C.PAYOUT_DIFFERS)


def test_what_one_charge_took_from_several_payouts_is_one_group() -> None:
    cases = [short(11_000, 1, 400_000), short(11_000, 2, 500_000), short(7_000, 3, 20_000, due=BEFORE)]
    told = judged(cases)
    assert [each.ranking[0].cause for each in told] == [C.BANK_CHARGE, C.BANK_CHARGE, C.PAYOUT_DIFFERS]
    assert told[0].group == told[1].group != told[2].group


def test_all_that_waits_for_one_statement_is_one_group_whatever_its_day() -> None:
    cases = [payout(K.TIMING, 10 * number, number) for number in range(1, 4)]
    later = replace(cases[2], business_date=BEFORE)
    told = judged([*cases[:2], later], replace(AROUND, statement_until=BEFORE))
    assert len({each.group for each in told}) == 1


MIXED = [LATE, OTHER, line(700_000), short(11_000, 4), over(300_000)]


@given(st.permutations(MIXED))
def test_the_order_of_the_day_changes_no_opinion(cases: list[Case]) -> None:
    plain = {each.key: (each.ranking, each.group) for each in judged(MIXED)}
    assert {each.key: (each.ranking, each.group) for each in judged(cases)} == plain
