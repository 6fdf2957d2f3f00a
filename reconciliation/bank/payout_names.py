"""The names of payouts and providers in what a bank writes beside a credit.

Banks upper-case text, break it into lines and drop signs between letters and digits, so only letters and digits are
compared. A name must begin and end where it does in the text: "PO-12" is not named by "PO-123". Nothing of the text is
kept but the names that were asked for, for the rest may be personal data.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

LENGTH_MIN = 4
"""Letters and digits of a name: a shorter one is found in too much."""

_SIGNS = r"[\W_]*"
_BETWEEN_WORDS = r"(?<![^\W_]){}(?![^\W_])"


def names_in(text: str, wanted: Iterable[str]) -> frozenset[str]:
    """Those of `wanted` that stand in `text`, as they are written in `wanted`."""
    letters = compact(text)
    return frozenset(name for name in wanted if _may_stand_in(letters, name) and _stands_in(text, name))


class KnownNames:
    """Many names are looked for at once: by how they begin, so that it takes no longer the more there are."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_start: dict[str, list[str]] = defaultdict(list)
        for name in sorted(set(names)):
            if len(compact(name)) >= LENGTH_MIN:
                self._by_start[compact(name)[:LENGTH_MIN]].append(name)

    def found_in(self, text: str) -> frozenset[str]:
        letters = compact(text) if self._by_start else ""
        starts = {letters[at : at + LENGTH_MIN] for at in range(len(letters) - LENGTH_MIN + 1)}
        maybe = [name for start in starts & self._by_start.keys() for name in self._by_start[start]]
        return names_in(text, maybe) if maybe else frozenset()


def _may_stand_in(text: str, name: str) -> bool:
    letters = compact(name)
    return len(letters) >= LENGTH_MIN and letters in text


def _stands_in(text: str, name: str) -> bool:
    pattern = _BETWEEN_WORDS.format(_SIGNS.join(map(re.escape, compact(name))))
    return re.search(pattern, text.upper()) is not None


def compact(text: str) -> str:
    """Its letters and digits, in capitals."""
    return re.sub(r"[\W_]+", "", text.upper())
