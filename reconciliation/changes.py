"""What has changed in a day's settlement since the day was run: late files, batches told anew; and what came of it.

    batches                               each with the versions before and now, and how many lines are added, gone and
                                          changed; a batch that is new was at version 0
    matches_undone, matches_made          of the day's run, and those of other runs that ended with a line
    discrepancies_cleared, .._opened      by this run

A run that finds nothing new says what the last one said, so that it gives the same bytes.
"""

import json
from collections.abc import Mapping
from typing import Any

from gateway.store import batch_versions, reconciliation
from gateway.store.database import Transaction
from reconciliation.findings import Context
from reconciliation.matching.engine import FeeSum


class Changes:
    """Made before the run's matches are replaced, within the transaction that does it. `before` are the run's totals as
    it was last run; a correction that never was is compared with the run that it corrects."""

    def __init__(self, tx: Transaction, context: Context, before: Mapping[str, Any]) -> None:
        self._tx, self._context, self._before = tx, context, before
        seen = before.get("versions", _corrected(tx, context).get("versions"))
        self._batches = [] if seen is None else _batches(tx, context, seen)
        if self._batches:
            batch_versions.remember_pairs(tx, context.run_id)

    def told(self) -> dict[str, Any]:
        """For the totals: `versions` that the run has seen, and `changes` if there ever were any."""
        tx, context = self._tx, self._context
        told: dict[str, Any] = {"versions": batch_versions.versions_of_day(tx, context.provider, context.day)}
        if self._batches:
            told["changes"] = {"batches": self._batches, **batch_versions.compared(tx, context.run_id)}
        elif "changes" in self._before:
            told["changes"] = self._before["changes"]
        return told


def _corrected(tx: Transaction, context: Context) -> Mapping[str, Any]:
    """The totals of the run that this one corrects, if it corrects one."""
    run = reconciliation.find_run(tx, context.run_id)
    signed = reconciliation.find_run(tx, run.corrects) if run and run.corrects else None
    totals: Mapping[str, Any] = signed.totals if signed else {}
    return totals


def _batches(tx: Transaction, context: Context, seen: Mapping[str, int]) -> list[dict[str, Any]]:
    rows = batch_versions.changes_since(tx, context.provider, context.day, json.dumps(seen))
    return [
        {
            "batch": row.batch_id,
            "was": row.seen,
            "is": row.version,
            "added": row.added - row.changed,
            "gone": row.gone - row.changed,
            "changed": row.changed,
        }
        for row in rows
    ]


def fees_taken_back(tx: Transaction, context: Context) -> list[FeeSum]:
    """The fees that a signed run has booked for lines that are gone: this run books them back."""
    place = {batch.id: number for number, batch in enumerate(context.batches)}
    agency = {agency: number for number, agency in enumerate(context.agencies)}
    return [
        FeeSum(place[each.batch], agency[each.agency_id], each.currency, -each.fee_minor)
        for each in batch_versions.fees_of_ended(tx, context.run_id)
    ]
