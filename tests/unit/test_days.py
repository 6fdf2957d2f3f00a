"""The generated days: the same for a seed, with the truth beside them, which the engine finds."""

import filecmp
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.days import Cause, Extent, Month, PlayedRun, generate, play
from benchmarks.days.causes import WHOLE
from benchmarks.days.evaluation import NOT_FOUND, NOT_PLANTED, Result, evaluate
from benchmarks.days.files import write_month
from gateway.domain.discrepancy import DiscrepancyKind as K

SMALL = Extent(days=3, payments=60, single=1, whole=2)
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def months() -> list[Month]:
    return [generate(seed, SMALL) for seed in SEEDS]


@pytest.fixture(scope="module")
def nights(months: list[Month]) -> list[list[PlayedRun]]:
    """Those of each month."""
    return [list(play(month)) for month in months]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_month(generate(7, SMALL), tmp_path / name)
    write_month(generate(8, SMALL), tmp_path / "another")
    assert list(differing(tmp_path / "one", tmp_path / "other")) == []
    assert "truth.json" in differing(tmp_path / "one", tmp_path / "another")


def differing(one: Path, other: Path) -> Iterator[str]:
    files = [path.relative_to(one).as_posix() for path in sorted(one.rglob("*")) if path.is_file()]
    assert len(files) > 30
    _, different, missing = filecmp.cmpfiles(one, other, files, shallow=False)
    yield from (*different, *missing)


def test_every_cause_is_planted() -> None:
    planted = {fault.cause for seed in range(5) for fault in generate(seed, replace(SMALL, whole=len(WHOLE))).faults}
    assert planted == set(Cause)


def test_a_fault_is_expected_to_be_found_or_may_be_solved(months: list[Month]) -> None:
    for month in months:
        followed = {each.fault for each in month.expected} | {each.fault for each in month.solvable}
        lost = [fault for fault in month.faults if fault not in followed and month.first <= fault.day < month.last]
        # One is in time after all where it may take two days, the other's refunds come after the month.
        assert {fault.cause for fault in lost} <= {Cause.LINE_LATE, Cause.SETTLED_TOGETHER}


def test_a_line_is_wrong_in_one_way_at_most(months: list[Month]) -> None:
    for month in months:
        of_lines = Counter(each.line for each in month.expected if each.line)
        of_lines.update(line for each in month.solvable for line in each.lines)
        assert set(of_lines.values()) == {1}


def test_the_engine_matches_nothing_falsely_and_names_what_was_planted(
    months: list[Month], nights: list[list[PlayedRun]]
) -> None:
    result = Result()
    for month, played in zip(months, nights, strict=True):
        result.add(evaluate(month, played))
    assert result.is_good, (result.false_matches, result.missed_matches, result.confusion, result.strays)
    assert result.matches > 300
    assert len(result.kinds) >= 10


def test_a_match_that_is_not_true_is_noticed(months: list[Month], nights: list[list[PlayedRun]]) -> None:
    """The truth with two entries exchanged stands for an engine that exchanges them."""
    month = months[0]
    (one, first), (other, second), *_ = sorted(month.matches.items())
    exchanged = evaluate(replace(month, matches={**month.matches, one: second, other: first}), nights[0])
    assert (len(exchanged.false_matches), exchanged.missed_matches, exchanged.is_good) == (2, 2, False)


def test_what_is_not_found_or_called_otherwise_or_not_wrong_is_noticed(
    months: list[Month], nights: list[list[PlayedRun]]
) -> None:
    month = months[0]
    amount = next(each for each in month.expected if each.kind is K.AMOUNT_MISMATCH)
    fee = next(each for each in month.expected if each.kind is K.FEE_MISMATCH)
    other = [each for each in month.expected if each not in (amount, fee)]
    lost = replace(fee, entry=None, line=replace(fee.line, number=0) if fee.line else None)
    result = evaluate(replace(month, expected=(*other, replace(amount, kind=K.CURRENCY_MISMATCH), lost)), nights[0])
    assert result.confusion[K.CURRENCY_MISMATCH, K.AMOUNT_MISMATCH] == 1
    assert result.confusion[K.FEE_MISMATCH, NOT_FOUND] == 1
    assert result.confusion[NOT_PLANTED, K.FEE_MISMATCH] == 1
    assert not result.is_good


def test_a_night_tells_the_fault_behind_each_discrepancy(nights: list[list[PlayedRun]]) -> None:
    for night in nights[0]:
        by_key = {each.key: each for each in night.discrepancies}
        assert len(by_key) == len(night.discrepancies)
        assert set(night.truth) <= set(by_key)
        behind_nothing = {by_key[key].kind for key in set(by_key) - set(night.truth)}
        assert behind_nothing <= {K.TIMING}
    causes = {fault.cause for night in nights[0] for fault in night.truth.values()}
    assert len(causes) >= 12
    evidence = next(
        each.evidence for night in nights[0] for each in night.discrepancies if each.kind is K.AMOUNT_MISMATCH
    )
    assert evidence["settlement"]["gross_minor"] == evidence["reported_minor"] != evidence["expected_minor"]
