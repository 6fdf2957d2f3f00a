"""The states of a reconciliation run, and who may sign it."""

from enum import StrEnum

from gateway.domain.errors import Forbidden
from gateway.domain.states import Graph

BY_SCHEDULE = "schedule"
"""Who asked for a run that the schedule began: nobody, so that anybody who may sign may sign it."""


class RunStatus(StrEnum):
    RUNNING = "running"
    BALANCED = "balanced"  # nothing is open but matters of timing
    EXCEPTIONS = "exceptions"
    FAILED = "failed"
    SIGNED_OFF = "signed_off"


S = RunStatus
GRAPH: Graph[RunStatus] = {
    S.RUNNING: frozenset({S.BALANCED, S.EXCEPTIONS, S.FAILED}),
    S.BALANCED: frozenset({S.RUNNING, S.SIGNED_OFF}),
    S.EXCEPTIONS: frozenset({S.RUNNING, S.SIGNED_OFF}),
    S.FAILED: frozenset({S.RUNNING}),
    S.SIGNED_OFF: frozenset(),
}
"""An open day can be run again and again; one that is signed stays as it is, and a correction is a run of its own."""


class SignedBySameOfficer(Forbidden):
    """Who asked for a run may not sign it."""

    code = "signed_by_same_officer"


def check_signer(requested_by: str, signer: str) -> None:
    """Raises SignedBySameOfficer."""
    if requested_by == signer and requested_by != BY_SCHEDULE:
        raise SignedBySameOfficer("You asked for this run yourself. Let another officer sign it.")
