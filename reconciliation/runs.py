"""A run: one provider's settlement of one business date against the ledger; or one bank account's statement of a day
against what was paid out to it, which is bank_run.py's.

    load       the settlement is fetched and loaded, batch by batch, each whole
    learn      what a bank's statement tells of and nobody told before is applied
    compare    both sides are copied out and matched
    repair     what the settlement proves and nobody told is applied, and the sides are compared again
    write      matches, discrepancies, fees and totals, in one transaction

Each phase can be killed and done again: what was loaded is recognised, what was repaired is old news, and writing
replaces what the run wrote before. A run of the same day over the same facts writes the same. Of each provider one run
works at a time, because two could match the same entry.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.engine import Row

from gateway.domain.agency import business_date as day_in
from gateway.domain.errors import Conflict, GatewayError, Invalid, Unavailable
from gateway.domain.payout import account_of_source
from gateway.domain.reconciliation import RunStatus
from gateway.ports.provider import PaymentProvider, Refunder, SettlementSource
from gateway.services.runtime import Runtime
from gateway.store import (
    batch_versions,
    catalogue,
    days_again,
    matches,
    reconciliation,
    settlements,
    signed_runs,
    spool,
)
from gateway.store.database import Database, Transaction
from reconciliation.assistant.opinions import write_opinions
from reconciliation.bank.account import bank_account
from reconciliation.bank.payouts import RULES_VERSION as PAYOUT_RULES_VERSION
from reconciliation.bank.run import BankDay, reconcile_bank_day
from reconciliation.changes import Changes, fees_taken_back
from reconciliation.comparison import Comparison, compared
from reconciliation.credits import CreditFile, learn_credits
from reconciliation.fees import post_fees
from reconciliation.findings import CARRIED, discrepancy_of, payout_findings
from reconciliation.matching.rules import RULES_VERSION
from reconciliation.repair import repair
from reconciliation.run_end import end, record, tell_late
from reconciliation.settlement import NoSettlement, load_settlements
from reconciliation.statements.late_names import find_late_names
from reconciliation.totals import totals_of
from reconciliation.waiting import file_state
from reconciliation.workspace import workspace
from reconciliation.write_offs import reverse_write_offs

log = structlog.get_logger()

Tell = Callable[[str], None]


class RunUnderWay(Conflict):
    """Another run of this provider is at work."""

    code = "run_under_way"


class RunSignedOff(Conflict):
    """The day is signed off and does not change any more."""

    code = "run_signed_off"


class NothingToCorrect(Conflict):
    """A correction is asked for of a day that is still open."""

    code = "nothing_to_correct"


@dataclass(frozen=True, slots=True)
class Run:
    """`provider` may be a bank account, `bank:{account}`. `status`: running, balanced (nothing is open but matters of
    timing), exceptions, failed (`error` says why) or signed_off."""

    id: UUID
    provider: str
    business_date: date
    correction: int
    dated: date
    status: str
    rules_version: str
    totals: dict[str, Any]
    requested_by: str
    error: str
    started_at: datetime
    finished_at: datetime | None


def run_from(row: Row[Any]) -> Run:
    return Run(**{name: row._mapping[name] for name in Run.__slots__})


def begin_run(
    tx: Transaction, runtime: Runtime, provider: str, day: date, requested_by: str, *, correction: bool = False
) -> Run:
    """The run of that day, or with `correction` what corrects its signed run; `running`, for somebody to carry out.

    Raises NotFound for a provider or an account that is not here, NoSettlement, Invalid for a day to come,
    RunSignedOff, and NothingToCorrect.
    """
    at_bank = account_of_source(provider) is not None
    zone = bank_account(tx, runtime.payouts, provider).time_zone if at_bank else _zone_of(runtime.provider(provider))
    today = day_in(tx.now, zone)
    if day > today:
        raise Invalid("That day has not come yet.", fields={"business_date": "must not be in the future"})
    signed = _to_correct(tx, provider, day) if correction else None
    dated = today if correction else day
    rules = PAYOUT_RULES_VERSION if at_bank else RULES_VERSION
    row = reconciliation.begin_run(tx, provider, day, requested_by, rules, dated=dated, corrects=signed)
    if row is None:
        raise RunSignedOff(f"{provider} is signed off for {day}.")
    return run_from(row)


def _to_correct(tx: Transaction, provider: str, day: date) -> Row[Any]:
    """The signed run that an open correction corrects, or that a new one will."""
    last = signed_runs.last_run(tx, provider, day)
    if last is not None and last.corrects and last.status != RunStatus.SIGNED_OFF:
        last = reconciliation.find_run(tx, last.corrects)
    if last is None or last.status != RunStatus.SIGNED_OFF:
        raise NothingToCorrect(f"{provider} is not signed off for {day}: run the day again instead.")
    return last


def _zone_of(provider: PaymentProvider) -> str:
    if not isinstance(provider, SettlementSource):
        raise NoSettlement(f"{provider.name} offers no settlement to reconcile with.")
    return provider.capabilities.time_zone


def run_reconciliation(
    runtime: Runtime,
    provider: str,
    day: date,
    requested_by: str,
    tell: Tell = lambda phase: None,
    *,
    correction: bool = False,
) -> Run:
    """Reconcile `provider` for `day` and return the finished run. `tell` hears of each phase.

    Raises what begin_run raises, RunUnderWay, and what load_settlements raises; then the run is `failed` and says why.
    """
    if account_of_source(provider) is None:
        runtime.provider(provider)
    with alone(runtime.db, provider):
        with runtime.db.transaction() as tx:
            run = begin_run(tx, runtime, provider, day, requested_by, correction=correction)
        try:
            if account_of_source(provider) is None:
                with workspace() as folder:
                    _carry_out(runtime, run, runtime.provider(provider), folder, tell)
            else:
                _carry_out_at_bank(runtime, run, tell)
        except Exception as error:
            _fail(runtime.db, run, error)
            raise
    _run_again_what_it_touched(runtime, provider, requested_by, tell)
    with runtime.db.read() as tx:
        return next(run_from(row) for row in [reconciliation.find_run(tx, run.id)] if row)


def _run_again_what_it_touched(runtime: Runtime, provider: str, requested_by: str, tell: Tell) -> None:
    """Open days whose matches have ended because a batch was told anew, and later days that had a line before its
    entry was looked at. One that cannot be run now says so itself."""
    with runtime.db.read() as tx:
        touched = [*batch_versions.days_touched(tx, provider), *days_again.days_completed(tx, provider)]
    for row in touched:
        with suppress(GatewayError):
            run_reconciliation(runtime, provider, row.business_date, requested_by, tell, correction=row.correction > 0)


@contextmanager
def alone(db: Database, provider: str) -> Iterator[None]:
    """No other run of `provider` works until the end of the block. Raises RunUnderWay."""
    with reconciliation.only_one(db, provider) as taken:
        if not taken:
            raise RunUnderWay(f"A run of {provider} is at work. Wait for it to end.")
        yield


def _carry_out(runtime: Runtime, run: Run, provider: PaymentProvider, folder: Path, tell: Tell) -> None:
    db, day = runtime.db, run.business_date
    tell("fetching the settlement")
    with CreditFile(runtime.vault, run.id, folder / "credits") as told:
        lines = load_settlements(db, run.id, run.provider, provider, day, folder, told.add)
        learn_credits(runtime, run.id, run.provider, day, told)
    tell(f"comparing {lines:,} lines with the ledger")
    with compared(db, run.id, provider, day, folder / "first") as first:
        learnt = repair(db, first.context, first.matching.findings())
        if not learnt:
            tell("writing matches and discrepancies")
            _write(db, run, provider, first, folder / "matches")
            return
    tell(f"{learnt:,} movements were news; comparing again")
    with compared(db, run.id, provider, day, folder / "again") as again:
        tell("writing matches and discrepancies")
        _write(db, run, provider, again, folder / "matches")


def _carry_out_at_bank(runtime: Runtime, run: Run, tell: Tell) -> None:
    with runtime.db.read() as tx:
        account = bank_account(tx, runtime.payouts, run.provider)
    tell("looking for payouts that were settled after the bank named them")
    find_late_names(runtime, account)
    tell("comparing what was paid out with the bank's statements")
    with runtime.db.transaction() as tx:
        account = bank_account(tx, runtime.payouts, run.provider)
        about = BankDay(run.id, run.business_date, run.dated, run.totals)
        totals = reconcile_bank_day(tx, runtime.payouts, account, about)
        status = end(tx, run.id, run.provider, run.business_date, account.concerned, totals)
    log.info("run finished", run=str(run.id), provider=run.provider, day=run.business_date.isoformat(), status=status)


def _write(db: Database, run: Run, provider: PaymentProvider, comparison: Comparison, folder: Path) -> None:
    """Matches and all that follows from them, in the place of what the run wrote before."""
    matching, context, day = comparison.matching, comparison.context, run.business_date
    capabilities, sends_back = provider.capabilities, isinstance(provider, Refunder)
    folder.mkdir()
    matching.write_matches(folder, run.id)
    with db.transaction() as tx:
        spool.take_time(tx)
        changes = Changes(tx, context, run.totals)
        matches.replace_matches(tx, run.id, folder)
        reconciliation.forget_findings(tx, run.id)
        record(tx, run.id, day, map(partial(discrepancy_of, context=context), matching.findings()))
        batches = settlements.sums_of_day(tx, run.provider, day)
        record(tx, run.id, day, iter(payout_findings(batches, context)))
        reconciliation.link_opened(tx, run.id, run.provider, day)
        reconciliation.clear_explained(tx, run.id, run.provider, day, CARRIED)
        post_fees(tx, context, [*matching.fees(), *fees_taken_back(tx, context)], run.dated, run.correction)
        reverse_write_offs(tx, context)
        totals = totals_of(tx, context, matching)
        totals |= changes.told() | file_state(totals, bool(batches), day, capabilities, tx.now)
        agencies = [each for each in catalogue.all_agencies(tx) if run.provider in each.providers]
        tell_late(tx, run.provider, day, agencies, run.totals, totals)
        write_opinions(tx, run.id, run.provider, day, capabilities, totals, sends_back=sends_back)
        status = end(tx, run.id, run.provider, day, agencies, totals)
    log.info("run finished", run=str(run.id), provider=run.provider, day=day.isoformat(), status=status)


def _fail(db: Database, run: Run, error: Exception) -> None:
    """Only errors that are made for people are told to them."""
    told = error.detail if isinstance(error, GatewayError) else "A fault of ours. It has been noted in the log."
    log.exception("run failed", run=str(run.id), provider=run.provider, day=run.business_date.isoformat())
    with suppress(Unavailable), db.transaction() as tx:
        reconciliation.end_run(tx, run.id, reconciliation.FAILED, error=told)
