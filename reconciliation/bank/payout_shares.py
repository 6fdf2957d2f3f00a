"""Whose money a payout is: what came of it, shared out among the agencies whose payments it is made of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K")


def shared_out(shares: Mapping[K, int], came: int) -> dict[K, int]:
    """`came` over those who have `shares`, in minor units: each has its own, and what came beyond their sum, or is
    short of it, is spread by their size (without its sign), the largest remainders first. Nobody has a share of
    nothing."""
    over = came - sum(shares.values())
    sizes = {key: abs(minor) for key, minor in sorted(shares.items(), key=lambda each: str(each[0]))}
    whole = sum(sizes.values())
    if whole == 0:
        return {}
    parts = {key: over * size // whole for key, size in sizes.items()}
    left = over - sum(parts.values())
    for key in sorted(sizes, key=lambda each: -(over * sizes[each] % whole))[:left]:
        parts[key] += 1
    return {key: shares[key] + part for key, part in parts.items()}


def left_to_come(shares: Mapping[K, int], expected: int, came: int) -> dict[K, int]:
    """What each is short of if `came` came of a payout that is worth `expected`, shared out as in_turn does it; less
    than 0 if it has too much."""
    should, has = _brought(shares, expected), _brought(shares, came)
    return {key: should[key] - has[key] for key in shares}


def in_turn(shares: Mapping[K, int], amounts: Sequence[int]) -> Iterator[dict[K, int]]:
    """What each of `amounts`, which came one after the other, brings to whom: so that whatever came first is shared
    out the same, whatever comes after it, and all together is shared out as if it had come at once."""
    came, before = 0, _brought(shares, 0)
    for amount in amounts:
        came += amount
        after = _brought(shares, came)
        yield {key: after[key] - before[key] for key in shares}
        before = after


def _brought(shares: Mapping[K, int], came: int) -> dict[K, int]:
    """As it is shared out; where nothing came nobody has anything, whatever they have to give each other."""
    whole = shared_out(shares, came) if came else {}
    return {key: whole.get(key, 0) for key in shares}
