"""Discrepancies with one cause belong together: a thousand rows become one decision.

A group is of one provider, one cause and one window, which the cause itself tells: the day of a missing file, the rate
of a new fee, the stretch of an outage, the file that was sent twice. Its key says the same for the same facts, so that
a group is found again by the runs of later days. What asks for another decision than its cause does otherwise is a
group of its own, since a group is decided about as one.
"""

import hashlib
from collections.abc import Mapping

from reconciliation.assistant.cases import Case
from reconciliation.assistant.causes import Action, Cause, action_for
from reconciliation.assistant.facts import Fact, Facts

DIGITS = 16

C, F = Cause, Fact
WINDOWS: Mapping[Cause, tuple[tuple[Fact, tuple[str, ...]], ...]] = {
    C.MISSING_FILE: ((F.NO_BATCH_OF_DAY, ("day",)), (F.BATCH_OF_DAY, ("day",))),
    C.LATE_FILE: ((F.NO_BATCH_OF_DAY, ("day",)), (F.BATCH_OF_DAY, ("day",))),
    C.TIME_ZONE_CUT: (
        (F.AT_MIDNIGHT, ("midnight_at",)),
        (F.FEW_AT_MIDNIGHT, ("midnight_at",)),
        (F.ALONE_AT_MIDNIGHT, ("midnight_at",)),
    ),
    C.FEE_CHANGE: ((F.SAME_RATE, ("rate_basis_points", "rate_fixed_minor")),),
    C.STATEMENT_MISSING: ((F.STATEMENT_GAP, ("gap_after", "gap_before")), (F.NO_STATEMENT, ("statement_until",))),
    C.PROVIDER_OUTAGE: ((F.UNFINISHED_TOGETHER, ("unfinished_from",)), (F.IN_OUTAGE, ("outage_from",))),
}
"""The figures of a fact that name the window, from the first fact that holds."""

BY_CURRENCY = frozenset({C.MISSING_FILE, C.LATE_FILE})


def group_key(provider: str, case: Case, cause: Cause, facts: Facts, action: Action) -> str:
    """Readable by its cause, and safe in a path: "missing_file-3f1c0a..."."""
    decided = () if action is action_for(cause, case.kind) else (action,)
    window = "\n".join((provider, cause, *_window(case, cause, facts), *decided))
    return f"{cause}-{hashlib.sha256(window.encode()).hexdigest()[:DIGITS]}"


def _window(case: Case, cause: Cause, facts: Facts) -> tuple[str, ...]:
    """What tells one window of a cause from another; the day and the kind where the cause has none of its own."""
    if cause is Cause.REPEATED_FILE and case.batch is not None:
        return (case.batch,)
    if cause is Cause.BANK_CHARGE and Fact.SAME_SHORTFALL in facts:
        return case.paid_by, case.currency, str(case.amount_minor)
    for fact, names in WINDOWS.get(cause, ()):
        if fact in facts:
            return fact, *_currency(case, cause), *(str(facts[fact][name]) for name in names)
    return case.business_date.isoformat(), case.kind


def _currency(case: Case, cause: Cause) -> tuple[str, ...]:
    """Files are by currency as a rule; outages and rates are not."""
    return (case.currency,) if cause in BY_CURRENCY else ()
