"""The names of payouts and providers in what a bank writes beside a credit.

Banks upper-case text, break it into lines and drop signs between letters and digits, so only letters and digits are
compared. A name must begin and end where it does in the text: "PO-12" is not named by "PO-123". Nothing of the text is
kept but the names that were asked for, for the rest may be personal data.
"""

import re
from collections.abc import Iterable

LENGTH_MIN = 4
"""Letters and digits of a name: a shorter one is found in too much."""

_SIGNS = r"[\W_]*"
_BETWEEN_WORDS = r"(?<![^\W_]){}(?![^\W_])"


def names_in(text: str, wanted: Iterable[str]) -> frozenset[str]:
    """Those of `wanted` that stand in `text`, as they are written in `wanted`."""
    letters = compact(text)
    return frozenset(name for name in wanted if _may_stand_in(letters, name) and _stands_in(text, name))


def _may_stand_in(text: str, name: str) -> bool:
    letters = compact(name)
    return len(letters) >= LENGTH_MIN and letters in text


def _stands_in(text: str, name: str) -> bool:
    pattern = _BETWEEN_WORDS.format(_SIGNS.join(map(re.escape, compact(name))))
    return re.search(pattern, text.upper()) is not None


def compact(text: str) -> str:
    """Its letters and digits, in capitals."""
    return re.sub(r"[\W_]+", "", text.upper())
