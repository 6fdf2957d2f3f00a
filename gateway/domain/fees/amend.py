"""Lay a new version of a fee item over those that there are, in their plain form (see definition.py).

A version without a last day lasts until the next one that is known begins. One with a last day is a change for a time:
after it, what it covered goes on. On the days that it does not cover nothing changes.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Plain = Mapping[str, Any]

A_DAY = timedelta(days=1)
FIRST, LAST = "valid_from", "valid_until"


def amended(versions: Sequence[Plain], change: Plain) -> list[dict[str, Any]]:
    """The versions of an item, in the order of their days, once `change` is among them."""
    first, last = first_day(change), last_day(versions, change)
    before = [_ending(version, first - A_DAY) for version in versions if first_day(version) < first]
    after = [_beginning(version, last + A_DAY) for version in versions if last and _ends_after(version, last)]
    own = {**change, LAST: last.isoformat()} if last else {key: change[key] for key in change if key != LAST}
    return [*before, own, *after]


def is_part_of(versions: Sequence[Plain], change: Plain) -> bool:
    """Whether `change` is among the versions, even if a later one has ended it early."""
    return any(_without_end(version) == _without_end(change) for version in versions)


def first_day(version: Plain) -> date:
    return date.fromisoformat(version[FIRST])


def last_day(versions: Sequence[Plain], change: Plain) -> date | None:
    """The last day of `change` among `versions`; None if it is open."""
    if change.get(LAST):
        return date.fromisoformat(change[LAST])
    later = [first_day(version) for version in versions if first_day(version) > first_day(change)]
    return min(later) - A_DAY if later else None


def _ends_after(version: Plain, day: date) -> bool:
    return not version.get(LAST) or date.fromisoformat(version[LAST]) > day


def _ending(version: Plain, day: date) -> dict[str, Any]:
    end = day if _ends_after(version, day) else date.fromisoformat(version[LAST])
    return {**version, LAST: end.isoformat()}


def _beginning(version: Plain, day: date) -> dict[str, Any]:
    return {**version, FIRST: max(first_day(version), day).isoformat()}


def _without_end(version: Plain) -> dict[str, Any]:
    return {key: value for key, value in version.items() if key != LAST}
