"""The generated months at the bank: the same for a seed, with the truth beside them, which the rules of a run find."""

from dataclasses import replace

import pytest

from benchmarks.assistant_bank import NAMED, measure
from benchmarks.assistant_score import TOP, group_rows, mean_of_causes, rows_of
from benchmarks.bank_days import BankMonth, BankNight, Cause, Extent, generate, play
from benchmarks.bank_days.evaluation import NOT_FOUND, Result, evaluate
from benchmarks.bank_days.model import NATURAL
from gateway.domain.discrepancy import DiscrepancyKind as K
from reconciliation.assistant.causes import CAUSES
from reconciliation.assistant.causes import Cause as Told

SMALL = Extent(days=9, payments=80)
SEEDS = (1, 2, 3, 4)

# Bars, in percent and tenths of it, below what docs/reconciliation.md tells: few months hold few rows of some causes.
RIGHT, AMONG_THREE, MEAN = 95, 97, 850


@pytest.fixture(scope="module")
def months() -> list[BankMonth]:
    return [generate(seed, SMALL) for seed in SEEDS]


@pytest.fixture(scope="module")
def nights(months: list[BankMonth]) -> list[list[BankNight]]:
    """Those of each month."""
    return [list(play(month)) for month in months]


def test_the_same_seed_gives_the_same_month(months: list[BankMonth]) -> None:
    again, other = generate(SEEDS[0], SMALL), months[1]
    for part in ("bookings", "statements", "labels", "expected", "money_back"):
        assert getattr(again, part) == getattr(months[0], part) != getattr(other, part)
    assert [payout.id for payout in again.payouts] == [payout.id for payout in months[0].payouts]


def test_every_cause_is_planted_and_every_cause_at_the_bank_has_to_be_told() -> None:
    planted = {fault.cause for seed in range(8) for fault in generate(seed, SMALL).faults}
    assert planted == set(Cause) - NATURAL
    assert set(NAMED) == set(Cause)
    at_bank = {K.PAYOUT_SHORT, K.PAYOUT_OVER, K.PAYOUT_MISSING}
    assert {cause for cause in CAUSES if at_bank & CAUSES[cause].kinds.keys()} - {Told.UNKNOWN} <= set(NAMED.values())


def test_nothing_is_matched_falsely_and_all_that_is_planted_is_found(
    months: list[BankMonth], nights: list[list[BankNight]]
) -> None:
    result = Result()
    for month, played in zip(months, nights, strict=True):
        result.add(evaluate(month, played))
    assert result.is_good, (result.false_matches, result.missed, result.wrong)
    assert result.due > 80
    assert result.matches.keys() >= {"payout_reference", "payouts_in_one", "payout_in_parts", "payout_amount"}
    assert len({planted for planted, *_ in result.confusion}) > 20


def test_a_match_that_is_not_true_is_noticed(months: list[BankMonth], nights: list[list[BankNight]]) -> None:
    """The truth with a booking that pays something else stands for rules that match it falsely."""
    month, matched = months[0], next(each for night in nights[0] for each in night.matched if each.payouts)
    wrong = month.booking(matched.bookings[0])
    bookings = tuple(
        replace(each, pays=frozenset({"wallet:x:VND"})) if each == wrong else each for each in month.bookings
    )
    result = evaluate(replace(month, bookings=bookings), nights[0])
    assert len(result.false_matches) == 1
    assert not result.is_good


def test_what_is_not_found_or_not_matched_is_noticed(months: list[BankMonth], nights: list[list[BankNight]]) -> None:
    silent = [replace(night, found=(), matched=()) for night in nights[0]]
    result = evaluate(months[0], silent)
    assert len(result.missed) == result.due > 10
    assert {found for *_, found in result.confusion} == {NOT_FOUND}


def test_most_causes_at_the_bank_are_named_and_nearly_all_are_among_the_first_three() -> None:
    score = measure(range(900, 906), SMALL)
    told = list(rows_of(score, NAMED))
    right, number = score.right(score.last, 1)
    among, _ = score.right(score.last, TOP)
    assert number > 300
    assert right * 100 >= number * RIGHT, told
    assert among * 100 >= number * AMONG_THREE, told
    assert mean_of_causes(score.last) >= MEAN, told
    assert score.exact["charge_on_all"] == score.groups["charge_on_all"] > 0, list(group_rows(score))
