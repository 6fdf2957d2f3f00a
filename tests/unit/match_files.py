"""Reads the files of matches as the database would."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

Member = tuple[int | None, int | None]


def members_of(folder: Path, batches: Sequence[UUID]) -> tuple[dict[Member, str], set[frozenset[Member]]]:
    """What the files of the matches say: the members with their rules, and the groups. Each member has its bit."""
    of_batch = {str(batch): number << 32 for number, batch in enumerate(batches)}
    matches: dict[Member, str] = {}
    groups: dict[str, set[Member]] = {}
    for batch, number, entry_id, _, rule, _, group in rows_of(folder, "rows"):
        member = (of_batch[batch] + int(number) if number else None, int(entry_id) if entry_id else None)
        matches[member] = rule
        if group:
            groups.setdefault(group, set()).add(member)
    for batch, block, _, pairs in rows_of(folder, "chunks"):
        for pair in map(int, pairs.strip("{}").split(",")):
            matches[of_batch[batch] + int(block) * 1024 + pair % 1024, pair // 1024] = "provider_reference"
    lines_set = [of_batch[row[0]] + number for row in rows_of(folder, "lines") for number in set_bits(row[1], row[3])]
    entries_set = [number for block, _, bits in rows_of(folder, "entries") for number in set_bits(block, bits)]
    assert sorted(lines_set) == sorted(line for line, _ in matches if line is not None)
    assert sorted(entries_set) == sorted(entry for _, entry in matches if entry is not None)
    return matches, {frozenset(group) for group in groups.values()}


def rows_of(folder: Path, kind: str) -> Iterator[list[str]]:
    for path in sorted(folder.glob(f"{kind}*")):
        with path.open(newline="") as file:
            yield from csv.reader(file)


def set_bits(block: str, bits: str) -> list[int]:
    return [int(block) * 1024 + at for at, bit in enumerate(bits) if bit == "1"]
