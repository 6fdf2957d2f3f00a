"""Reads what a line calls its payment when the name is not whole: which names it may have been.

Two kinds of name prove what they were. Our references carry check digits (gateway/domain/reference.py), so that one
wrong digit or two swapped neighbours leave few readings, and of those as good as never two that exist. Our payment id
is cut by providers whose field is too short for it: a piece of it that holds enough of its random digits is no other's.
Whether a name exists, and whose it is, the database says.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.domain.reference import EPN_DIGITS
from gateway.domain.reference_in_text import find_in_text, near_in_text

UUID_DIGITS = 32
LEAST_UUID_DIGITS = 20
"""Of a UUIDv7 the first twelve tell the millisecond, the thirteenth the version: seven more are 26 random bits."""

# A Korean number has no check digits: any other number of its length is as good a one.
_WITHOUT_CHECK_DIGITS = rf"(?<![0-9])[0-9]{{{EPN_DIGITS}}}(?![0-9])"

LONGEST_TEXT = 140  # of a field for the words of a transfer; what is longer is no reference


@dataclass(frozen=True, slots=True)
class Guess:
    """What `read` may have been: one of `references`, or a payment whose id lies from `first` to `last`.

    `how`: "whole" (nothing is wrong with it), "slip" (one digit, or two swapped) or "cut".
    """

    read: str
    how: str
    references: tuple[str, ...] = ()
    first: UUID | None = None
    last: UUID | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A payment of ours that a line's words lead to: `name` is what was `read` when it was whole.

    `amount` in minor units and `currency` are the payment's.
    """

    line: int
    payment: UUID
    how: str
    read: str
    name: str
    amount: int
    currency: str


def guesses(text: str) -> Iterator[Guess]:
    """What a line's text may name; nothing for most texts, which are whole names of the provider's."""
    if len(text) > LONGEST_TEXT:
        return
    piece = _piece_of_an_id(text)
    if piece is not None:
        if len(piece) < UUID_DIGITS:
            first, last = piece.ljust(UUID_DIGITS, "0"), piece.ljust(UUID_DIGITS, "f")
            yield Guess(text, "cut", first=UUID(first), last=UUID(last))
        return
    if re.search(_WITHOUT_CHECK_DIGITS, re.sub(r"[\s.-]", "", text)):
        return
    whole = tuple(reading.reference for reading in find_in_text(text))
    near = () if whole else tuple(near_in_text(text))
    if whole or near:
        yield Guess(text, "whole" if whole else "slip", references=whole or near)


def guessed(texts: Iterable[tuple[int, str]]) -> list[tuple[int, Guess]]:
    """What the texts of lines, each with its line's handle, may name."""
    return [(line, guess) for line, text in texts for guess in guesses(text)]


def found(guesses: Iterable[tuple[int, Guess]], payments: Sequence[Any]) -> list[Named]:
    """The guesses that exist. Each of `payments` has the name by which it was found (a reference, or the first id of a
    piece), id, amount_minor and currency."""
    by_name = defaultdict(list)
    for payment in payments:
        by_name[payment.name].append(payment)
    return [
        Named(
            line,
            known.id,
            guess.how,
            guess.read,
            str(known.id if guess.first else name),
            known.amount_minor,
            known.currency,
        )
        for line, guess in guesses
        for name in guess.references or (guess.first,)
        for known in by_name.get(name, ())
    ]


def _piece_of_an_id(text: str) -> str | None:
    """The beginning of a payment id in small letters without hyphens, long enough to be no other's."""
    piece = re.sub(r"[\s-]", "", text).lower()
    is_ours = re.fullmatch(rf"[0-9a-f]{{12}}7[0-9a-f]{{{LEAST_UUID_DIGITS - 13},{UUID_DIGITS - 13}}}", piece)
    return piece if is_ours and re.search("[a-f]|-", text.lower()) else None


def is_another_writing(read: str, name: str) -> bool:
    """Whether `read` may be `name` with one character wrong, missing or too many, or two neighbours swapped, in
    whatever letters and padding. Sequential names are as near to each other, so that it proves nothing."""
    one, other = _folded(read), _folded(name)
    if one == other:
        return True
    if len(one) > len(other):
        one, other = other, one
    at = next((n for n, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[:at] + one[at : at + 2][::-1] + one[at + 2 :]
    return one[at + 1 :] == other[at + 1 :] or swapped == other


def _folded(name: str) -> str:
    return re.sub("[^0-9A-Z]", "", name.upper()).lstrip("0")
