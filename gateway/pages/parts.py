"""A long list, a part at a time, so that its page stays light: a session may have fifty invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request

Item = TypeVar("Item")

PART = 15
"""Slips are the heaviest: with their codes so many come to some 40 kB."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """`items` are those from the place `first` on, counted from 1, of `whole` in all."""

    items: Sequence[Item]
    first: int
    whole: int

    @property
    def last(self) -> int:
        return self.first + len(self.items) - 1

    @property
    def earlier(self) -> int | None:
        """Where the part before begins; None if this is the first."""
        return max(1, self.first - PART) if self.first > 1 else None

    @property
    def later(self) -> int | None:
        return self.last + 1 if self.last < self.whole else None


def asked_part(items: Sequence[Item]) -> Part[Item]:
    """What the address asks for (`?first=16`), or the first part."""
    wanted = request.args.get("first", 1, int)
    first = wanted if 1 <= wanted <= len(items) else 1
    return Part(items[first - 1 : first - 1 + PART], first, len(items))
