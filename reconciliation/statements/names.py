"""What the words of a movement name: payouts and providers that are known, and invoices that exist.

Nothing else of the words is kept. A number that happens to have right check digits may be somebody's, so that an
invoice is named only if there is one.
"""

from collections import defaultdict
from collections.abc import Iterable

from gateway.domain.reference_in_text import find_in_text
from gateway.ports.statement import StatementEntry
from reconciliation.payout_names import LENGTH_MIN, compact, names_in


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


def words_of(entry: StatementEntry) -> str:
    """All that a movement says, with a sign between what does not belong together."""
    return " / ".join(
        (entry.remittance, entry.reference, entry.end_to_end_id, entry.instruction_id, entry.entry_reference)
    )


def references_in(entry: StatementEntry) -> frozenset[str]:
    """The canonical references that may be an invoice's."""
    return frozenset(
        reading.reference for text in (entry.reference, entry.remittance) if text for reading in find_in_text(text)
    )
