"""Charts are drawings of whole units, and the same for the same figures."""

import re

from reconciliation.console import charts


def test_a_bar_is_as_long_as_its_part_and_shows_what_is_there_at_all() -> None:
    def length(part: int, whole: int) -> int:
        found = re.search(r'<rect width="(\d+)"', charts.bar(part, whole))
        assert found
        return int(found[1])

    assert [length(0, 9), length(3, 9), length(-9, 9), length(1, 10**15), length(0, 0)] == [0, 333, 1000, 10, 0]


def test_columns_stand_on_the_line_in_their_order() -> None:
    drawn = charts.columns("<days>", [0, 50, 100])
    found = [
        tuple(map(int, each)) for each in re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', drawn)
    ]
    assert [(y, height) for _, y, _, height in found] == [(240, 0), (120, 120), (0, 240)]
    assert [x for x, *_ in found] == sorted({x for x, *_ in found})
    assert found[-1][0] + found[-1][2] <= charts.WIDTH
    assert 'aria-label="&lt;days&gt;"' in drawn
    assert charts.columns("none", []).startswith("<svg")
