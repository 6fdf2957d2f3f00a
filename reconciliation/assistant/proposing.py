"""What is proposed about a discrepancy: the action of its likeliest cause, if that can be decided about this one.

A decision is refused by gateway/services/plan_resolution.py wherever the books would lose the name of money. What is
refused there is not proposed here; the next best is, and at last what is possible for everything that is open: to ask
the bank or the provider in writing.
"""

from collections.abc import Callable, Mapping

from gateway.domain.resolution import ALLOWED
from gateway.domain.resolution import Action as Decision
from gateway.services.plan_resolution import HELD_NOWHERE
from gateway.services.work_on_discrepancy import CARRIED
from reconciliation.assistant.cases import Case, Surroundings
from reconciliation.assistant.causes import Action, Cause, action_for

A = Action
ELSE: Mapping[Action, Action] = {
    A.CORRECT_FEE: A.CLOSE_EXPLAINED,
    A.CLOSE_EXPLAINED: A.REFUND_DUPLICATE,
    A.ACCEPT_PROPOSAL: A.CARRY_AS_TIMING,
}
"""The next best, where an action cannot be decided."""


def proposed_action(cause: Cause, case: Case, around: Surroundings) -> Action:
    action = action_for(cause, case.kind)
    while not is_possible(action, case, around):
        action = ELSE.get(action, A.OPEN_TRACE)
    return action


def is_possible(action: Action, case: Case, around: Surroundings) -> bool:
    """Whether it can be decided, or done, about the discrepancy while that is open."""
    if action is A.CARRY_AS_TIMING:
        return case.kind in CARRIED
    if action in WORK:
        return True
    return Decision(action) in ALLOWED[case.kind] and _RULES.get(action, _always)(case, around)


WORK = frozenset({A.OPEN_TRACE, A.DISPUTE})


def _always(case: Case, around: Surroundings) -> bool:
    return True


def _is_kept(case: Case, around: Surroundings) -> bool:
    return case.kept_minor > 0


def _is_ones(case: Case, around: Surroundings) -> bool:
    """An agency's: of what is nobody's nothing can be booked."""
    return case.zone is not None


def _is_returnable(case: Case, around: Surroundings) -> bool:
    return _is_ones(case, around) and around.sends_back


def _is_fee_above(case: Case, around: Surroundings) -> bool:
    return _is_ones(case, around) and (case.reported_minor or 0) > (case.expected_minor or 0)


def _fits(case: Case, around: Surroundings) -> bool:
    return case.fits_one


def _is_closable(case: Case, around: Surroundings) -> bool:
    return not case.kept_minor and (not case.held or case.kind in HELD_NOWHERE)


_RULES: Mapping[Action, Callable[[Case, Surroundings], bool]] = {
    A.ACCEPT_LATE_PAYMENT: _is_kept,
    A.REFUND_DUPLICATE: _is_kept,
    A.ASSIGN_RECEIPT: _is_ones,
    A.RETURN_RECEIPT: _is_returnable,
    A.ACCEPT_PROPOSAL: _fits,
    A.CORRECT_FEE: _is_fee_above,
    A.CLOSE_EXPLAINED: _is_closable,
}
