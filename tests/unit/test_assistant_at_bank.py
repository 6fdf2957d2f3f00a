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
from reconciliation.assistant.cases import Came, Case, MoneyBack, Surroundings, case_of
from reconciliation.assistant.causes import Action, Cause
from reconciliation.assistant.judging import Opinion, opinions
from reconciliation.assistant.statement_gaps import Gap

K, C = DiscrepancyKind, Cause
DAY = date(2026, 3, 4)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
AROUND = Surroundings(provider="bank:0123", day=DAY, statement_until=DAY)


def found(kind: DiscrepancyKind, minor: int, number: int = 1, due: date = DAY, **evidence: Any) -> Case:
    about: dict[str, Any] = {
        "account": "0123",
        "why": "at_bank",
        "due_on": due.isoformat(),
        "provider_transaction_id": f"po-{number}",
    }
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


def over(minor: int, worth: int = 1_000_000, **more: Any) -> Case:
    return payout(K.PAYOUT_OVER, minor, expected_minor=worth, reported_minor=worth + minor, **more)


def line(minor: int, why: str = "at_bank", number: int = 9) -> Case:
    return found(K.MISSING_IN_GATEWAY, minor, number, why=why)


def judged(cases: Sequence[Case], around: Surroundings = AROUND) -> list[Opinion]:
    return list(opinions(cases, around))


LATE = payout(K.PAYOUT_MISSING, 700_000, 2)
OTHER = payout(K.PAYOUT_MISSING, 300_000, 3)


def back(minor: int, first: date = BEFORE, last: date | None = None) -> MoneyBack:
    return MoneyBack("wallet", "VND", minor, first, last)


LEFT_OUT = replace(AROUND, gaps=[Gap("VND", BEFORE, DAY + timedelta(days=2))])
REFUND = replace(AROUND, money_back=[back(250_000)])
REFUNDS = replace(AROUND, money_back=[back(150_000), back(100_000), back(7)])
LISTED = replace(AROUND, money_back=[back(250_000, last=DAY)])
LISTED_BEFORE = replace(AROUND, money_back=[back(250_000, last=BEFORE)])
PAID = replace(AROUND, paid=frozenset({("wallet", "VND", 250_000)}))
HAD = replace(AROUND, came=[Came("wallet", "VND", 50_000_000, frozenset({"po-7", "b-7"}))], providers=("wallet",))
LATER = replace(HAD, day=DAY + timedelta(days=5))
JOINED = [{"payout": "po-2", "batches": ["b-2"]}, {"payout": "po-3", "batches": ["b-3"]}]


def booked(*minors: int) -> list[dict[str, Any]]:
    return [{"amount_minor": minor, "booked_on": DAY.isoformat()} for minor in minors]


def named(minor: int, *names: str) -> Case:
    return found(K.MISSING_IN_GATEWAY, minor, 9, names=list(names))


@pytest.mark.parametrize(
    ("cases", "around", "cause", "action"),
    [
        ([payout(K.TIMING, 5)], replace(AROUND, statement_until=BEFORE), C.STATEMENT_MISSING, Action.CARRY_AS_TIMING),
        ([payout(K.TIMING, 5)], replace(AROUND, statement_until=date.min), C.STATEMENT_MISSING, Action.CARRY_AS_TIMING),
        ([payout(K.TIMING, 5)], AROUND, C.PAYOUT_LATE, Action.CARRY_AS_TIMING),
        ([LATE], AROUND, C.PAYOUT_LATE, Action.OPEN_TRACE),
        ([LATE], LEFT_OUT, C.STATEMENT_MISSING, Action.CARRY_AS_TIMING),
        ([payout(K.TIMING, 5)], LEFT_OUT, C.STATEMENT_MISSING, Action.CARRY_AS_TIMING),
        ([replace(LATE, currency="EUR")], LEFT_OUT, C.PAYOUT_LATE, Action.OPEN_TRACE),
        ([replace(LATE, business_date=AFTER)], LEFT_OUT, C.PAYOUT_LATE, Action.OPEN_TRACE),
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
        ([short(250_000)], REFUNDS, C.NETTED_BY_PROVIDER, Action.OPEN_TRACE),
        ([short(250_000)], LISTED, C.NETTED_BY_PROVIDER, Action.OPEN_TRACE),
        ([short(250_000, due=BEFORE)], PAID, C.NETTED_BY_PROVIDER, Action.OPEN_TRACE),
        ([short(150_013, due=BEFORE)], PAID, C.PAYOUT_DIFFERS, Action.OPEN_TRACE),
        ([short(250_000, due=BEFORE)], LISTED_BEFORE, C.PAYOUT_DIFFERS, Action.OPEN_TRACE),
        ([short(100_003, worth=2_000_060)], AROUND, C.PAYOUT_DIFFERS, Action.OPEN_TRACE),
        ([short(400_001), line(400_001)], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([line(400_001), short(400_001)], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([short(300_000, bank=booked(700_000)), LATE], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([LATE, short(300_000, bank=booked(700_000))], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([over(700_000, bank=booked(1_000_000, 700_000)), LATE], AROUND, C.PAYOUT_UNNAMED, Action.OPEN_TRACE),
        ([LATE, over(700_000, bank=booked(1_700_000))], AROUND, C.PAYOUTS_TOGETHER, Action.OPEN_TRACE),
        ([LATE, OTHER, line(1_000_000)], AROUND, C.PAYOUTS_TOGETHER, Action.OPEN_TRACE),
        (
            [
                replace(LATE, payouts=frozenset({"po-2"})),
                found(K.MISSING_IN_GATEWAY, 5, why="several_payouts", payouts=JOINED),
            ],
            AROUND,
            C.PAYOUTS_TOGETHER,
            Action.OPEN_TRACE,
        ),
        ([replace(LATE, why="taken_back")], AROUND, C.CREDIT_TAKEN_BACK, Action.OPEN_TRACE),
        ([line(-50_000_000, "debit_at_bank")], HAD, C.CREDIT_TAKEN_BACK, Action.OPEN_TRACE),
        ([replace(line(-123_000, "debit_at_bank"), is_reversal=True)], AROUND, C.CREDIT_TAKEN_BACK, Action.OPEN_TRACE),
        ([line(123, number=8), line(-123, "debit_at_bank")], AROUND, C.CREDIT_TAKEN_BACK, Action.OPEN_TRACE),
        ([line(-11_000, "debit_at_bank")], HAD, C.BANK_CHARGE, Action.OPEN_TRACE),
        ([line(-11_000_000, "debit_at_bank")], HAD, C.OUTSIDE_PAYMENT, Action.OPEN_TRACE),
        ([named(50_000_000, "po-7", "wallet")], HAD, C.PAYOUT_TWICE, Action.OPEN_TRACE),
        ([named(123, "wallet")], HAD, C.SETTLEMENT_LATE, Action.OPEN_TRACE),
        ([named(123, "wallet")], LATER, C.OTHER_SYSTEM, Action.OPEN_TRACE),
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
