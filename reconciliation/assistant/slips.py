"""Whether two references, or two amounts, are the same but for a slip of the hand or of a system on the way.

A slip is one character typed wrong, left out or added, two neighbours swapped, a part cut off, or other capitals and
signs between. Of amounts: one digit, two neighbours swapped, or a zero too many or too few.
"""

import re

LENGTH_MIN = 6
"""Of a shorter reference, one slip away is too much of it."""

CUT_MIN = 8
_SIGNS = re.compile(r"[\W_]+")


def is_slip_of(one: str | None, other: str | None) -> bool:
    """Whether they are the same but for one slip. Not if they are the same to the letter."""
    if not one or not other or one == other:
        return False
    left, right = sorted((_plain(one), _plain(other)), key=lambda text: (len(text), text))
    if len(left) < LENGTH_MIN:
        return False
    if left == right or (len(left) >= CUT_MIN and (right.startswith(left) or right.endswith(left))):
        return True
    return _one_apart(left, right)


def is_amount_slip(one: int, other: int) -> bool:
    """Whether one amount is the other with a slip of the hand."""
    left, right = sorted((str(abs(one)), str(abs(other))), key=lambda text: (len(text), text))
    if left == right:
        return False
    if len(left) == len(right):
        return _one_apart(left, right)
    return right == left + "0" * (len(right) - len(left)) or (len(right) - len(left) == 1 and _one_apart(left, right))


def _plain(text: str) -> str:
    return _SIGNS.sub("", text).casefold()


def _one_apart(left: str, right: str) -> bool:
    """One character other, added or left out, or two neighbours swapped; `left` is not the longer one."""
    if len(right) - len(left) > 1:
        return False
    at = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
    if len(left) < len(right):
        return left[at:] == right[at + 1 :]
    swapped = left[:at] + left[at : at + 2][::-1] + left[at + 2 :]
    return left[at + 1 :] == right[at + 1 :] or swapped == right
