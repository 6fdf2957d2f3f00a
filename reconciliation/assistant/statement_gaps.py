"""Statements of an account that are not here though later ones are: balances that do not follow each other show it.

A statement begins with what an earlier one ended with. Of several statements of a day nobody knows the order, and the
first day that is known follows nothing. A statement without balances may be what lies between.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Balances:
    """What a statement of `day` says that the account had before and after, in minor units; None: it says nothing."""

    currency: str
    day: date
    opening_minor: int | None
    closing_minor: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Between the statement of the day `after` and that of the day `before` something was booked that is in none."""

    currency: str
    after: date
    before: date


def gaps_between(statements: Iterable[Balances]) -> list[Gap]:
    of_currency: dict[str, list[Balances]] = defaultdict(list)
    for each in statements:
        of_currency[each.currency].append(each)
    return [gap for _, each in sorted(of_currency.items()) for gap in _gaps(sorted(each, key=lambda one: one.day))]


def _gaps(in_order: Sequence[Balances]) -> Iterable[Gap]:
    by_day: dict[date, list[Balances]] = defaultdict(list)
    for each in in_order:
        by_day[each.day].append(each)
    closings: set[int | None] = set()
    last: date | None = None
    for day, told in by_day.items():
        is_told = all(each.opening_minor is not None for each in told)
        if last is not None and is_told and not all(_follows(each, told, closings) for each in told):
            yield Gap(in_order[0].currency, last, day)
        closings.update(each.closing_minor for each in told)
        last = day if is_told else None


def _follows(statement: Balances, of_day: Sequence[Balances], closings: Collection[int | None]) -> bool:
    others = (each.closing_minor for each in of_day if each is not statement)
    return statement.opening_minor in closings or statement.opening_minor in others
