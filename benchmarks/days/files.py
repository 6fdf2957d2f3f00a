"""A month in files: each night's two sides as the matching reads them, and the truth beside them.

    {provider}/{day}/lines, entries                    the bulk, as reconciliation/matching/sides.py has it
    {provider}/{day}/line_details, entry_details       all that is known of each
    truth.json                                         batches, credits, faults, what is expected, what matches

A night's files hold what is new on it; what earlier nights left over is not in them again.
"""

import json
from collections.abc import Mapping
from dataclasses import astuple, fields, is_dataclass
from pathlib import Path
from typing import Any

from benchmarks.days.model import LineAt, Month, Provider
from benchmarks.days.rows import Books, bulk_entry, bulk_line, entry_row, write_rows
from reconciliation.matching.sides import handle


def write_month(month: Month, folder: Path) -> None:
    """The same month gives the same bytes."""
    for provider in month.providers:
        _write_nights(month, provider, folder / provider.name)
    truth = json.dumps(truth_of(month), ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "truth.json").write_text(truth + "\n", encoding="utf-8")


def truth_of(month: Month) -> dict[str, Any]:
    """What is in truth.json; a line is [batch, number]."""
    return {
        "seed": month.seed,
        "days": [day.isoformat() for day in month.days],
        "agencies": [_plain(agency) for agency in month.agencies],
        "providers": [_plain(provider) for provider in month.providers],
        "batches": [_plain(batch.ref) | {"lines": len(batch.lines)} for batch in month.batches],
        "credits": [_plain(credit) for credit in month.credits],
        "faults": [_plain(fault) for fault in month.faults],
        "expected": [_plain(each) | {"fault": each.fault and each.fault.number} for each in month.expected],
        "matches": [[_plain(line), entry] for line, entry in sorted(month.matches.items())],
        "solvable": [_plain(each) | {"fault": each.fault.number} for each in month.solvable],
    }


def _write_nights(month: Month, provider: Provider, folder: Path) -> None:
    books = Books(month, provider)
    batches = [batch for batch in month.batches if batch.provider == provider]
    for day in month.days:
        night = folder / day.isoformat()
        night.mkdir(parents=True, exist_ok=True)
        of_day = [batch for batch in batches if batch.ref.business_date == day]
        lines = [
            books.line(handle(place, number), line, set())
            for place, batch in enumerate(of_day)
            for number, line in enumerate(batch.lines, start=1)
        ]
        entries = [entry_row(booked) for booked in books.entries if max(booked.sought_from, month.first) == day]
        write_rows(night / "lines", map(bulk_line, lines))
        write_rows(night / "entries", map(bulk_entry, entries))
        write_rows(night / "line_details", map(astuple, lines))
        write_rows(night / "entry_details", map(astuple, entries))


def _plain(value: object) -> Any:
    """As JSON can have it, without a float."""
    if isinstance(value, LineAt):
        return [value.batch, value.number]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int) else str(value)
