"""docs/providers.md names every provider, and every fault that the conformance suite lets loose on it."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from providers.registry import ADAPTERS
from providers.simulation import settlement
from providers.simulation.faults import FILE_FAULTS, HTTP_FAULTS, WEBHOOK_FAULTS

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "tests/providers/suite"
FAULTS: Mapping[str, set[str]] = {
    "an answer": set(HTTP_FAULTS),
    "a notification": set(WEBHOOK_FAULTS),
    "a settlement file": set(FILE_FAULTS),
    "a line of a settlement": set(settlement.FAULTS),
    "provider": set(ADAPTERS),
}
ITERATED = ("FILE_FAULTS", "FAULTS")
"""Tables that the suite goes through whole."""


def first_cells(document: str, heading: str) -> list[str]:
    """What stands in the first column of the table with that heading there."""
    table = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", document, re.MULTILINE)
    return re.findall(r"^\| `(\w+)` \|", table.group(1), re.MULTILINE) if table else []


@pytest.mark.parametrize("heading", FAULTS)
def test_the_page_names_each_of_them_once(heading: str) -> None:
    named = first_cells((ROOT / "docs/providers.md").read_text(), heading)
    assert set(named) == FAULTS[heading], "docs/providers.md and the code name different ones"
    assert len(named) == len(set(named))


def test_the_suite_lets_each_of_them_loose() -> None:
    text = "\n".join(path.read_text() for path in SUITE.glob("*.py"))
    for fault in FAULTS["an answer"] | FAULTS["a notification"]:
        assert f'"{fault}"' in text, fault
    for table in ITERATED:
        assert re.search(rf"(in|sorted\() ?{table}\b", text), table


def test_a_table_that_misses_a_row_is_found() -> None:
    assert first_cells("| a thing | x |\n|---|---|\n| `one` | 1 |\n| `two` | 2 |\n\n| b |\n", "a thing") == [
        "one",
        "two",
    ]
    assert first_cells("| a thing | x |\n|---|---|\n", "another") == []
