"""References a person can type: one base, check digits that catch a slip, and a rendering for each country's habit.

Canonical is ISO 11649 ("RF", two check digits by ISO 7064 mod 97-10, then the base). The base is a two-digit year and
twelve random digits: not sequential, and no personal data. The same base renders as the Estonian viitenumber (weights
7, 3, 1 from the right) and the Danish FIK +71 number (the Luhn digit).

Which check is canonical was measured: all three catch every single wrong digit, but 7-3-1 misses 11% of swapped
neighbours and the Luhn digit 2%, while mod 97 misses none.
"""

import re
from itertools import cycle

from gateway.domain.errors import Invalid

BASE_DIGITS = 14
RANDOM_BELOW = 10**12
_LETTER_VALUES = {chr(ord("A") + n): str(10 + n) for n in range(26)}


class MistypedReference(Invalid):
    code = "mistyped_reference"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"The check digits of {grouped(text)} do not match: something is mistyped. Compare it with the slip.",
            fields={"reference": "the check digits do not match"},
        )


def new_base(year: int, random_below: int) -> str:
    """A base for `year` from a random number in [0, RANDOM_BELOW)."""
    return f"{year % 100:02d}{random_below:012d}"


def rf(base: str) -> str:
    """The canonical reference for `base`: rf("539007547034") == "RF18539007547034"."""
    return f"RF{98 - _mod97(base + 'RF00'):02d}{base}"


def viitenumber(base: str) -> str:
    """The Estonian rendering. Raises Invalid if the base is empty, not digits, or longer than 19."""
    if not re.fullmatch(r"[0-9]{1,19}", base):
        raise Invalid("A viitenumber is made of 1 to 19 digits and a check digit.")
    weighted = sum(int(digit) * weight for digit, weight in zip(reversed(base), cycle((7, 3, 1)), strict=False))
    return f"{base}{-weighted % 10}"


def fik71(base: str) -> str:
    """The Danish FIK +71 rendering: the base padded to 14 digits, and its Luhn digit."""
    if not re.fullmatch(r"[0-9]{1,14}", base):
        raise Invalid("A FIK +71 number is made of at most 14 digits and a check digit.")
    padded = base.zfill(14)
    digits = "".join(str(int(digit) * weight) for digit, weight in zip(padded, cycle((1, 2)), strict=False))
    return f"{padded}{-sum(map(int, digits)) % 10}"


def grouped(text: str) -> str:
    """In groups of four, as people read and type it: "RF18 5390 0754 7034"."""
    compact = _compact(text)
    return " ".join(compact[at : at + 4] for at in range(0, len(compact), 4))


def parse(text: str) -> str:
    """The canonical RF reference that a person meant by any rendering, spaces and lower case forgiven.

    Raises MistypedReference if the check digits do not match, Invalid if it cannot be a reference at all.
    """
    compact = _compact(text)
    if re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", compact):
        if _mod97(compact[4:] + compact[:4]) != 1:
            raise MistypedReference(text)
        return compact
    if compact.isascii() and compact.isdigit() and len(compact) == BASE_DIGITS + 1:
        base = compact[:-1]
        if compact not in (viitenumber(base), fik71(base)):
            raise MistypedReference(text)
        return rf(base)
    raise Invalid(
        f"A reference looks like {grouped(rf('0' * BASE_DIGITS))}.", fields={"reference": "is not a payment reference"}
    )


def _compact(text: str) -> str:
    return re.sub(r"[\s.\-]", "", text).upper()


def _mod97(text: str) -> int:
    return int("".join(_LETTER_VALUES.get(character, character) for character in text)) % 97
