"""Find out whether a provider that stopped answering is back, so that no payer has to.

Once a circuit has cooled down, one payment of the provider is asked about, as the sweep would have done anyway. An
answer closes the circuit, and everything that has waited goes on; silence keeps it open for another cool-down.
"""

from datetime import timedelta

from gateway.services.ask_provider import check_payment
from gateway.services.runtime import Runtime
from gateway.services.sweep import each
from gateway.store import circuits, payments

CALLS_KEPT = timedelta(days=3)  # what went wrong on Friday night can still be looked at on Monday
FORGOTTEN_AT_ONCE = 10_000  # so that no statement takes long


def try_circuits(runtime: Runtime) -> int:
    """Try the providers whose circuits have cooled down, one payment each. Returns how many were tried."""
    with runtime.db.transaction() as tx:
        claimed = circuits.claim_trials(tx, list(runtime.providers))
    return each(claimed, lambda provider: _try(runtime, provider), "try_circuits")


def forget_calls(runtime: Runtime) -> int:
    """Delete the records of calls older than CALLS_KEPT. Returns how many."""
    forgotten = 0
    while True:
        with runtime.db.transaction() as tx:
            deleted = circuits.forget_calls(tx, tx.now - CALLS_KEPT, FORGOTTEN_AT_ONCE)
        forgotten += deleted
        if deleted < FORGOTTEN_AT_ONCE:
            return forgotten


def _try(runtime: Runtime, provider: str) -> None:
    with runtime.db.transaction() as tx:
        payment = payments.to_try_with(tx, provider)
        if payment is None:
            circuits.release_trial(tx, provider)
            return
    check_payment(runtime, payment, "poll", is_trial=True)
