"""One comparison of both sides: copies them out of the database, and has them matched.

No transaction is open while the matching works.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import PaymentProvider
from gateway.store import accepted_pairs, catalogue, named, reconciliation, settlements, spool
from gateway.store.database import Database, Transaction
from gateway.store.spool import Scope
from reconciliation.findings import Batch, Context
from reconciliation.matching.engine import Matching
from reconciliation.matching.names import Named, found, guessed
from reconciliation.matching.sides import handle, write_records

LOOK_BACK = timedelta(days=7)
"""A payment may be recorded days after it happened, under the day on which it happened. So long ago are days looked at
again whose run is done."""

# A payment of the first minutes of a day may be in the provider's report of the day before: clocks and zones differ.
LOOK_AHEAD = timedelta(days=1)

FINISHED = frozenset({"balanced", "exceptions", "signed_off"})


@dataclass(frozen=True, slots=True)
class Comparison:
    matching: Matching
    context: Context


@dataclass(frozen=True, slots=True)
class _Sides:
    """The scope in bulk, and what else belongs to it one by one."""

    scope: Scope
    context: Context
    carried_lines: Sequence[int]
    later_lines: Sequence[int]
    carried_entries: Sequence[int]
    later_entries: Sequence[int]
    accepted: Sequence[tuple[int, int, UUID]]


@contextmanager
def compared(db: Database, run_id: UUID, provider: PaymentProvider, day: date, folder: Path) -> Iterator[Comparison]:
    """Both sides of `day`, matched and decided. `folder` is new and takes the files."""
    capabilities = provider.capabilities
    folder.mkdir()
    with db.transaction() as tx:
        spool.take_time(tx)
        sides = _sides(tx, run_id, provider.name, capabilities, day)
        spool.copy_lines(tx, sides.scope, folder / "lines")
        spool.copy_entries(tx, sides.scope, folder / "entries")
    with Matching(folder, day, sides.scope.batches, capabilities.fee) as matching:
        matching.add_accepted(sides.accepted)
        matching.pair(folder / "lines", folder / "entries")
        _copy_details(db, sides, matching, folder)
        matching.add_details(folder / "line_details", folder / "entry_details")
        write_records(folder / "named", _named(db, provider.name, matching.misnamed_lines()))
        matching.add_named(folder / "named")
        matching.decide()
        yield Comparison(matching, sides.context)


def _sides(tx: Transaction, run_id: UUID, provider: str, capabilities: Capabilities, day: date) -> _Sides:
    of_day = settlements.batches_of_day(tx, provider, day)
    carried = spool.carried_lines(tx, run_id, provider, day)
    later = spool.later_lines(tx, provider, day)
    batches = {row.id: Batch(row.id, row.batch_id, day) for row in of_day}
    batches |= {row.batch: Batch(row.batch, row.batch_id, row.business_date) for row in (*carried, *later)}
    in_order = sorted(batches.values(), key=lambda batch: (batch.business_date, batch.batch_id))
    place = {batch.id: number for number, batch in enumerate(in_order)}
    agencies = sorted(agency.id for agency in catalogue.all_agencies(tx))
    run = reconciliation.find_run(tx, run_id)
    finished = reconciliation.runs_of_days(tx, provider, day - LOOK_BACK, day - timedelta(days=1))
    scope = Scope(
        run_id=run_id,
        provider=provider,
        day=day,
        corrects=run is not None and run.correction > 0,
        dates=[*(run.business_date for run in finished if run.status in FINISHED), day, day + LOOK_AHEAD],
        day_batches=[row.id for row in of_day],
        batches=[batch.id for batch in in_order],
        agencies=agencies,
        time_zone=capabilities.time_zone,
        lag_days=capabilities.settlement_lag_days,
        lands_in_bank=capabilities.lands_in_bank,
    )

    def handles(rows: Sequence[Row[tuple[object, ...]]]) -> list[int]:
        return [handle(place[row.batch], row.line) for row in rows]

    return _Sides(
        scope=scope,
        context=Context(run_id, provider, day, in_order, agencies, capabilities.lands_in_bank),
        carried_lines=handles(carried),
        later_lines=handles(later),
        carried_entries=spool.carried_entries(tx, scope),
        later_entries=spool.later_entries(tx, provider, day),
        accepted=[
            (handle(place[row.batch], row.line), row.entry_id, row.resolution_id)
            for row in accepted_pairs.of_batches(tx, list(batches))
        ],
    )


def _copy_details(db: Database, sides: _Sides, matching: Matching, folder: Path) -> None:
    lines, entries = folder / "line_details", folder / "entry_details"
    with db.transaction() as tx:
        spool.take_time(tx)
        for chunk in (*matching.wanted_lines(), sides.carried_lines):
            spool.add_line_details(tx, sides.scope, chunk, lines)
        spool.add_line_details(tx, sides.scope, sides.later_lines, lines, later=True)
        for chunk in (*matching.wanted_entries(), sides.carried_entries):
            spool.add_entry_details(tx, sides.scope, chunk, entries)
        spool.add_entry_details(tx, sides.scope, sides.later_entries, entries, later=True)


def _named(db: Database, provider: str, texts: Sequence[tuple[int, str]]) -> list[Named]:
    """Which payments of the provider those lines may name that do not name one clearly."""
    guesses = guessed(texts)
    references = sorted({reference for _, guess in guesses for reference in guess.references})
    pieces = sorted({(guess.first, guess.last) for _, guess in guesses if guess.first and guess.last})
    if not guesses:
        return []
    with db.transaction() as tx:
        spool.take_time(tx)
        rows = named.payments_of_references(tx, provider, references)
        rows += named.payments_between(tx, provider, pieces)
    return found(guesses, rows)
