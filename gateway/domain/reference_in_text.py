"""Finding references in the text of a bank transfer.

Banks upper-case, cut and pad what a payer wrote, and glue it to other words. Check digits decide; nothing is guessed.
What a person may look at is another matter: `near_in_text` names the references that are one slip away.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from gateway.domain.errors import Invalid
from gateway.domain.reference import BASE_DIGITS, CHECKED_DIGITS, EPN_DIGITS, Reading, mod97, read

NATIONAL_DIGITS = (CHECKED_DIGITS, EPN_DIGITS)
"""How many digits those renderings have that are digits and nothing else."""


def find_in_text(text: str) -> list[Reading]:
    """The references in free text, each once, those that begin with RF first; empty if none is whole.

    "RF" may be glued to words and be followed by anything, for its check digits say where it ends. A national number
    is digits among other digits: it must begin and end where a group of digits does. One that names an issuer is
    Korean, and has no check digits: it is what the payer wrote only if something else says so.
    """
    written = _Written.of(text)
    found = [Reading(reference) for digits in written.rf_digits() for reference in _valid_rf(digits)]
    found += [reading for number in written.national_numbers() for reading in _readings(number)]
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
    near += [reading.reference for number in numbers for reading in _readings(number)]
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
    return bool(re.fullmatch(r"RF[0-9]{3,23}", text)) and mod97(text[4:] + text[:4]) == 1


def _readings(number: str) -> Iterator[Reading]:
    try:
        yield read(number)
    except Invalid:
        return


def _one_slip_away(digits: str) -> Iterator[str]:
    for at, right in enumerate(digits):
        yield from (f"{digits[:at]}{wrong}{digits[at + 1 :]}" for wrong in "0123456789" if wrong != right)
        if at and digits[at - 1] != right:
            yield f"{digits[: at - 1]}{right}{digits[at - 1]}{digits[at + 1 :]}"
