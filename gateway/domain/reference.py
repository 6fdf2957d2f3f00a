"""References a person can type: one base, check digits that catch a slip, and a rendering for each country's habit.

Canonical is ISO 11649 ("RF", two check digits by ISO 7064 mod 97-10, then the base). The base is a two-digit year and
twelve random digits: not sequential, and no personal data. The same base renders as the Estonian viitenumber (weights
7, 3, 1 from the right) and the Danish FIK +71 number (the Luhn digit).

Which check is canonical was measured: all three catch every single wrong digit, but 7-3-1 misses 11% of swapped
neighbours and the Luhn digit 2%, while mod 97 misses none.

In the text of a bank transfer a reference is found by `find_in_text`: banks upper-case, cut and pad what a payer wrote,
and glue it to other words. Check digits decide; nothing is guessed. What a person may look at is another matter:
`near_in_text` names the references that are one slip away.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Self

from gateway.domain.errors import Invalid

BASE_DIGITS = 14
RANDOM_BELOW = 10**12
NATIONAL_DIGITS = (BASE_DIGITS + 1,)
"""How many digits those renderings have that are digits and nothing else; `parse` reads each."""
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


def find_in_text(text: str) -> list[str]:
    """The references in free text, canonical and each once, those that begin with RF first; empty if none is whole.

    "RF" may be glued to words and be followed by anything, for its check digits say where it ends. A national number
    is digits among other digits: it must begin and end where a group of digits does.
    """
    written = _Written.of(text)
    found = [reference for digits in written.rf_digits() for reference in _valid_rf(digits)]
    found += [reference for number in written.national_numbers() for reference in _parsed(number)]
    return list(dict.fromkeys(found))


def near_in_text(text: str) -> list[str]:
    """The references of ours that free text may have meant: with one digit wrong, or two neighbours swapped.

    For a person to look at, beside the amount: several can be as near, and the right one may not be among them.
    """
    written = _Written.of(text)
    near = [
        f"RF{slip}"
        for digits in written.rf_digits()
        for slip in _one_slip_away(digits[: BASE_DIGITS + 2])
        if len(slip) == BASE_DIGITS + 2 and _is_rf(f"RF{slip}")
    ]
    numbers = [slip for number in written.national_numbers() for slip in _one_slip_away(number)]
    near += [reference for number in numbers for reference in _parsed(number)]
    return list(dict.fromkeys(near))


@dataclass(frozen=True, slots=True)
class _Written:
    """Text without what stands between its letters and digits. `cuts` are the places where something stood, or where
    letters meet digits: a number does not begin or end elsewhere."""

    compact: str
    cuts: frozenset[int]

    @classmethod
    def of(cls, text: str) -> Self:
        groups = re.findall(r"[0-9]+|[^\W0-9_]+", unicodedata.normalize("NFKC", text).upper())
        cuts = [0]
        for group in groups:
            cuts.append(cuts[-1] + len(group))
        return cls("".join(groups), frozenset(cuts))

    def rf_digits(self) -> Iterator[str]:
        """All digits that follow each "RF"."""
        for match in re.finditer(r"RF([0-9]+)", self.compact):
            yield match[1]

    def national_numbers(self) -> Iterator[str]:
        """What is as long as a national rendering, unless it is the inside of an RF reference: there its own check
        digits have the say, and they are the better ones."""
        inside = {
            at
            for match in re.finditer(rf"RF(?=[0-9]{{{BASE_DIGITS + 2}}})", self.compact)
            for at in range(match.end() + 1, match.end() + BASE_DIGITS + 2)
        }
        for start in sorted(self.cuts - inside):
            for digits in NATIONAL_DIGITS:
                number = self.compact[start : start + digits]
                if start + digits in self.cuts and re.fullmatch(rf"[0-9]{{{digits}}}", number):
                    yield number


def _valid_rf(digits: str) -> Iterator[str]:
    """Ours, whatever digits follow it; or one of another length, if nothing does."""
    for length in (BASE_DIGITS + 2, len(digits)):
        if length <= len(digits) and _is_rf(f"RF{digits[:length]}"):
            yield f"RF{digits[:length]}"
            return


def _is_rf(text: str) -> bool:
    return bool(re.fullmatch(r"RF[0-9]{3,23}", text)) and _mod97(text[4:] + text[:4]) == 1


def _parsed(number: str) -> Iterator[str]:
    try:
        yield parse(number)
    except Invalid:
        return


def _one_slip_away(digits: str) -> Iterator[str]:
    for at, right in enumerate(digits):
        yield from (f"{digits[:at]}{wrong}{digits[at + 1 :]}" for wrong in "0123456789" if wrong != right)
        if at and digits[at - 1] != right:
            yield f"{digits[: at - 1]}{right}{digits[at - 1]}{digits[at + 1 :]}"


def _compact(text: str) -> str:
    return re.sub(r"[\s.\-]", "", text).upper()


def _mod97(text: str) -> int:
    return int("".join(_LETTER_VALUES.get(character, character) for character in text)) % 97
