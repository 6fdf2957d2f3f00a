"""Ask for the run of a source and a day, which a worker carries out."""

from datetime import date
from uuid import UUID

from gateway.domain.errors import Invalid
from gateway.domain.payout import bank_source
from gateway.ports.provider import SettlementSource
from gateway.services.runtime import Caller, Runtime
from gateway.store import reconciliation
from gateway.store.database import Transaction
from reconciliation.callers import check_acts_for_all
from reconciliation.jobs import Queue
from reconciliation.runs import begin_run


def sources_of(runtime: Runtime) -> list[str]:
    """What days are run of: the providers that settle, and the bank accounts that they pay out to."""
    providers = [name for name, each in runtime.providers.items() if isinstance(each, SettlementSource)]
    return sorted([*providers, *map(bank_source, runtime.payouts.all_accounts())])


def ask_for_run(
    tx: Transaction, runtime: Runtime, queue: Queue, caller: Caller, provider: str, day: date, *, correction: bool
) -> UUID:
    """The id of the run, which is enqueued in the same transaction; one that is under way is not begun again.

    Raises OneAgencyOnly, Invalid for what has no settlement here, and what begin_run raises.
    """
    check_acts_for_all(caller)
    able = sources_of(runtime)
    if provider not in able:
        raise Invalid(f"{provider} has no settlement here.", fields={"provider": f"must be one of {', '.join(able)}"})
    known = reconciliation.runs_of_days(tx, provider, day, day)
    if known and known[-1].status == reconciliation.RUNNING:
        under_way: UUID = known[-1].id
        return under_way
    run = begin_run(tx, runtime, provider, day, caller.actor, correction=correction)
    queue.add(tx, provider, day, caller.actor, correction=correction)
    tx.audit(caller.actor, "reconciliation.requested", "reconciliation_run", run.id)
    return run.id
