"""What the words of a movement name beside payouts and providers: invoices that exist.

Nothing else of the words is kept. A number that happens to have right check digits may be somebody's, so that an
invoice is named only if there is one.
"""

from gateway.domain.reference_in_text import find_in_text
from gateway.ports.statement import StatementEntry


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
