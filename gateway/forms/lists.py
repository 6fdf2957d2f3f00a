"""Where a long list goes on: by a cursor, or by the number of its part. The filters of the address stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import request

from gateway.services.cursors import decode_cursor, encode_cursor

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """`items` are those of the part `number`, counted from 1; `before` and `after` are the addresses of its
    neighbours."""

    items: Sequence[Item]
    number: int
    has_more: bool

    @property
    def before(self) -> str | None:
        return _address(part=self.number - 1) if self.number > 1 else None

    @property
    def after(self) -> str | None:
        return _address(part=self.number + 1) if self.has_more else None


def asked_part(items: Sequence[Item], size: int) -> Part[Item]:
    """What the address asks for (`?part=2`), of `size` items, or the first part."""
    number = max(1, request.args.get("part", 1, type=int))
    return Part(items[(number - 1) * size : number * size], number, len(items) > number * size)


def place(kind: str, *types: type[str] | type[int]) -> list[Any] | None:
    """Where a list goes on. Raises Invalid."""
    cursor = request.args.get("after")
    return decode_cursor(kind, cursor, *types) if cursor else None


def following(kind: str, *parts: str | int) -> str:
    """The address of the page after the one that ends at `parts`."""
    return with_cursor(encode_cursor(kind, *parts))


def with_cursor(cursor: str) -> str:
    return _address(after=cursor)


def _address(**more: str | int) -> str:
    return "?" + urlencode({**request.args.to_dict(), **more})
