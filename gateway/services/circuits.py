"""Whether a provider is asked at all: the gate that an open circuit closes, for payers and for sweeps.

Nothing is sent while a circuit is open, so that a payer may turn to another way at once; and what waits for a provider
(payments to ask about, refunds to send) stays due and is taken up when the circuit closes.
"""

from gateway.domain.checkout import ProviderUnavailable
from gateway.domain.circuit import Circuit
from gateway.services.runtime import Runtime
from gateway.store import circuits
from gateway.store.database import Transaction


def circuit_of(tx: Transaction, provider: str) -> Circuit:
    """As it stands; closed if it was never open."""
    return circuits.not_closed(tx).get(provider, Circuit(provider))


def take_trial(tx: Transaction, runtime: Runtime, circuit: Circuit) -> bool:
    """Whether what comes now is the trial of a circuit that was found half open; False if it is closed, or if nothing
    is sent by which anything could be found out.

    Raises ProviderUnavailable if somebody else makes the trial.
    """
    if circuit.opened_at is None or runtime.provider(circuit.provider).capabilities.begins_unsent:
        return False
    if circuits.claim_trial(tx, circuit.provider):
        return True
    if circuit_of(tx, circuit.provider).opened_at is not None:
        raise unavailable(circuit)
    return False  # somebody else's trial went well meanwhile


def is_shut(runtime: Runtime, provider: str) -> bool:
    """Whether questions to this provider are put off for now."""
    with runtime.db.read() as tx:
        return circuit_of(tx, provider).opened_at is not None


def unavailable_ones(tx: Transaction, runtime: Runtime) -> frozenset[str]:
    """The providers with which no payment can be begun at this moment."""
    found = circuits.not_closed(tx)
    return frozenset(name for name in runtime.providers if name in found and not may_begin(tx, runtime, found[name]))


def may_begin(tx: Transaction, runtime: Runtime, circuit: Circuit) -> bool:
    """Whether a payment may be begun: a transfer always, for that needs no answer of the bank's; where the payer's
    browser carries the request, once a question was answered; else also as the trial that finds out."""
    can = runtime.provider(circuit.provider).capabilities
    if can.begins_unsent:
        return can.lands_in_bank or circuit.opened_at is None
    return circuit.admits(tx.now)


def unavailable(circuit: Circuit) -> ProviderUnavailable:
    """What a payer is told whose payment is not begun."""
    return ProviderUnavailable(
        f"{circuit.provider} does not answer at the moment. Nothing was sent and nothing was paid: choose another"
        " method, or try again in a minute."
    )
