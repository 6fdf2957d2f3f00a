"""The evidence of a discrepancy, laid out: both sides beside each other, what else is known, and lists as tables.

Nothing here knows the kinds: what a new kind has as evidence shows by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.domain.money import Money

OURS, THEIRS = "ledger", "settlement"
CODES = frozenset({"why", "proposed"})
"""What the explanation says in words."""
PROPOSED = ("entry", "line")
"""What the matching proposes on the other side."""
LEADING = ("provider", "payout", "statement", "line", "booked_on")
"""The columns that say what a row is about come first."""
ROWS_SHOWN = 50

_SAME = {"gross_minor": "amount_minor", "transaction": "reference"}
"""How a figure of the settlement is called in the ledger."""


@dataclass(frozen=True, slots=True)
class Listed:
    """`number` is how many there are; `rows` the first of them, a figure or None for each of `columns`."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    number: int


def sides(evidence: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What our ledger and the other side say of the same thing, by figure; None where a side says nothing."""
    ours, theirs = _figures(evidence.get(OURS) or {}), _figures(evidence.get(THEIRS) or {})
    return [(name, ours.get(name), theirs.get(name)) for name in {**ours, **theirs}]


def others(evidence: Mapping[str, Any], currency: str) -> list[tuple[str, Any]]:
    """What else is known, by name; `currency` is that of amounts that tell none."""
    proposal = evidence.get("proposal") or {}
    proposed = {f"proposed_{name}": _plain(proposal[name]) for name in PROPOSED if name in proposal}
    figures = _figures({"currency": currency, **evidence, **proposed})
    flat = {name: figure for name, figure in figures.items() if not _is_nested(figure)}
    return [(name, _plain(figure)) for name, figure in flat.items() if name not in CODES]


def tables(evidence: Mapping[str, Any]) -> list[Listed]:
    """Lists of things, such as the payouts and the lines of a bank's statement."""
    return [_listed(name, value) for name, value in evidence.items() if value and _is_list_of_things(value)]


def _listed(name: str, things: Sequence[Mapping[str, Any]]) -> Listed:
    rows = [_figures(thing) for thing in things[:ROWS_SHOWN]]
    known = dict.fromkeys(column for row in rows for column in row)
    columns = sorted(known, key=lambda column: LEADING.index(column) if column in LEADING else len(LEADING))
    return Listed(name, columns, [[_plain(row.get(column)) for column in columns] for row in rows], len(things))


def _figures(side: Mapping[str, Any]) -> dict[str, Any]:
    """By name: money as such, days as days, moments as moments."""
    return {
        _SAME.get(name, name): _figure(name, value, side)
        for name, value in side.items()
        if value is not None and not name.endswith("currency")
    }


def _figure(name: str, value: Any, side: Mapping[str, Any]) -> Any:
    if name.endswith("_minor"):
        currency = side.get(name.replace("_minor", "_currency")) or side.get("currency")
        return Money(int(value), currency) if currency else value
    if name.endswith("_at"):
        return datetime.fromisoformat(value)
    if name.endswith(("_on", "_date", "_until")):
        return date.fromisoformat(value)
    return value


def _plain(value: Any) -> Any:
    """One line for what is in several parts."""
    if isinstance(value, Mapping):
        return " / ".join(str(part) for part in value.values())
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(each, Mapping) for each in value))


def _is_list_of_things(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)
