"""Laying a new version of a fee over the others: on its days it holds, on every other day nothing changes."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.fees.amend import amended, is_part_of

START = date(2026, 1, 1)
DAYS = 40

Plain = dict[str, Any]


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


@st.composite
def versions(draw: st.DrawFn) -> list[Plain]:
    """Versions in order, apart from one another or not, the last one open or not."""
    cuts = sorted(draw(st.sets(st.integers(0, DAYS - 1), min_size=2, max_size=8)))
    made = []
    for number, (first, following) in enumerate(pairwise(cuts)):
        last = draw(st.integers(first, following - 1))
        made.append({"valid_from": day(first), "valid_until": day(last), "amount": number})
    if draw(st.booleans()):
        made.append({"valid_from": day(cuts[-1]), "amount": len(made)})
    return made


@st.composite
def changes(draw: st.DrawFn) -> Plain:
    first = draw(st.integers(0, DAYS))
    change = {"valid_from": day(first), "amount": "new"}
    return change | draw(st.just({}) | st.integers(first, DAYS + 5).map(lambda last: {"valid_until": day(last)}))


def on(held: Sequence[Mapping[str, Any]], when: str) -> object:
    """What holds on the day; fails if two versions do."""
    found = [one["amount"] for one in held if one["valid_from"] <= when <= one.get("valid_until", "9999-12-31")]
    assert len(found) <= 1
    return found[0] if found else None


@given(versions(), changes())
def test_a_change_holds_on_its_days_and_touches_no_other(before: list[Plain], change: Plain) -> None:
    after = amended(before, change)
    assert after == sorted(after, key=lambda one: str(one["valid_from"]))
    assert is_part_of(after, change)
    later = [one["valid_from"] for one in before if one["valid_from"] > change["valid_from"]]
    end = change.get("valid_until", "9999-12-31")
    for number in range(DAYS + 10):
        when = day(number)
        is_covered = change["valid_from"] <= when <= end
        if "valid_until" not in change and later and when >= min(later):
            is_covered = False
        assert on(after, when) == ("new" if is_covered else on(before, when))


@given(versions(), changes(), changes())
def test_a_later_change_may_end_an_earlier_one_and_it_is_still_known(
    before: list[Plain], first: Plain, second: Plain
) -> None:
    second = {**second, "amount": "newer", "valid_from": max(second["valid_from"], day(DAYS + 1))}
    second.pop("valid_until", None)
    assert is_part_of(amended(amended(before, first), second), first)


def test_what_was_never_laid_in_is_not_part() -> None:
    assert not is_part_of([{"valid_from": day(0), "amount": 1}], {"valid_from": day(0), "amount": 2})
