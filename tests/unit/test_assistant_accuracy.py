"""The assistant beside the truth of generated days; `python -m benchmarks.assistant` measures more of them."""

from benchmarks.assistant import FIRST_UNSEEN, NAMED, WHOLE, measure
from benchmarks.assistant_score import Score, group_rows, rows_of
from benchmarks.days import Cause as Planted
from benchmarks.days import Extent
from reconciliation.assistant.causes import Cause

# Bars, in percent, below what docs/reconciliation.md tells: three months hold few rows of some causes.
RIGHT, AMONG_THREE = 90, 95


def test_most_planted_causes_are_named_and_nearly_all_are_among_the_first_three() -> None:
    score = measure(range(FIRST_UNSEEN, FIRST_UNSEEN + 3), Extent(days=4, payments=150))
    right, number = score.right(score.last, 1)
    among, _ = score.right(score.last, 3)
    assert number > 200
    assert right * 100 >= number * RIGHT, list(rows_of(score, NAMED))
    assert among * 100 >= number * AMONG_THREE, list(rows_of(score, NAMED))
    groups = sum(score.groups.values())
    assert groups >= 3
    assert sum(score.exact.values()) * 100 >= groups * 60, list(group_rows(score))


def test_every_whole_cause_is_scored() -> None:
    assert set(NAMED) >= WHOLE
    assert set(NAMED.values()) <= set(Cause)


def test_an_empty_score_has_no_rows() -> None:
    assert list(rows_of(Score(), NAMED)) == []
    assert Score().right([], 1, Planted.MISSING_FILE) == (0, 0)
