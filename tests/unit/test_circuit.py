"""What a call says about its provider, and what a circuit lets through."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.circuit import COOL_DOWN, TRIAL_AT_MOST, WITHIN, Call, Circuit, CircuitState, Operation, Outcome
from gateway.services.start_payment import SUBMITTING_AT_MOST
from providers.transport import TIMEOUT

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
O = Outcome  # noqa: E741 - as short as in the tables of the domain


def call(operation: Operation, outcome: Outcome) -> Call:
    return Call("a", operation, outcome, "", 1, NOW)


@pytest.mark.parametrize(
    ("outcome", "answered"),
    [(O.OK, True), (O.DECLINED, True), (O.RATE_LIMITED, True), (O.UNKNOWN, False), (O.NOT_SENT, False)],
)
@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.QUERY, Operation.CANCEL, Operation.REFUND])
def test_only_silence_speaks_against_a_provider(operation: Operation, outcome: Outcome, answered: bool) -> None:
    assert call(operation, outcome).answered is answered


def test_what_our_side_refused_says_nothing() -> None:
    assert call(Operation.CREATE, O.UNSUPPORTED).answered is None


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("operation", [Operation.SETTLEMENT, Operation.CREDITS])
def test_a_settlement_says_nothing_about_payers(operation: Operation, outcome: Outcome) -> None:
    assert call(operation, outcome).answered is None


def test_a_circuit_goes_from_closed_over_open_to_half_open() -> None:
    circuit = Circuit("a", opened_at=NOW, retry_at=NOW + COOL_DOWN)
    assert Circuit("a").state(NOW) is CircuitState.CLOSED
    assert circuit.state(NOW) is CircuitState.OPEN
    assert circuit.state(NOW + COOL_DOWN) is CircuitState.HALF_OPEN


def test_a_half_open_circuit_lets_one_through_until_its_trial_was_cut_short() -> None:
    later = NOW + COOL_DOWN
    free = Circuit("a", opened_at=NOW, retry_at=later)
    taken = Circuit("a", opened_at=NOW, retry_at=later, trial_until=later + TRIAL_AT_MOST)
    assert Circuit("a").admits(NOW)
    assert not free.admits(NOW)
    assert free.admits(later)
    assert not taken.admits(later)
    assert taken.admits(later + TRIAL_AT_MOST)


def test_the_times_fit_those_of_the_transport() -> None:
    longest = timedelta(seconds=sum(part or 0 for part in (TIMEOUT.connect, TIMEOUT.read, TIMEOUT.write, TIMEOUT.pool)))
    assert longest < TRIAL_AT_MOST <= SUBMITTING_AT_MOST
    assert timedelta(seconds=5 * (TIMEOUT.read or 0)) < WITHIN
