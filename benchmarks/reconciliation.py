"""A night's matching: seconds and peak memory for so many settlement lines against as many ledger entries.

    python -m benchmarks.reconciliation --lines 1000000 10000000

What is measured is a process of its own, from its start to its end: it reads both sides from files as PostgreSQL's COPY
writes them (CSV), pairs them, takes the details of what is left over, decides, and writes the matches and discrepancies
to PostgreSQL, durably, with all totals and fees read. What is not measured is the copying of the sides out of the
database. Faults are planted, and each must be found and written, or the run does not count.

Beside it, in the same round, the floor: DuckDB joins the same two files and counts the pairs; and where it is
installed, as `make bench` does, pandas merges them.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb
from rich.console import Console

from benchmarks import reconciliation_store
from benchmarks.reconciliation_night import BATCH, DAY, EVERY, FOUND_AS, RUN, STRIDE, TWICE, unmatched
from benchmarks.report import Finding, Goal, show
from benchmarks.server import durable_server

ENTRIES = """
COPY (SELECT n AS entry, 'payment:pi_' || substr(md5(n::TEXT), 1, 24) AS key, 0 AS agency, 'VND' AS currency,
             50000 + n * 7919 % 900000 AS amount
        FROM range(getvariable('size')) AS t (n)) TO '{folder}/entries' (FORMAT csv, HEADER false)
"""
LINES = """
COPY (
    WITH payment AS (
        SELECT position, position * getvariable('stride') % getvariable('size') AS n
          FROM range(getvariable('size')) AS t (position)
    ), line AS (
        SELECT position, n, n % getvariable('every') AS fault, 'payment:pi_' || substr(md5(n::TEXT), 1, 24) AS key,
               50000 + n * 7919 % 900000 AS amount
          FROM payment
    )
    SELECT position, key, CASE fault WHEN 3 THEN 'USD' ELSE 'VND' END, amount + CASE fault WHEN 2 THEN 1000 ELSE 0 END,
           (amount * 110 + 5000) // 10000 + CASE fault WHEN 4 THEN 500 ELSE 0 END, fault <> 5
      FROM line WHERE fault <> 1
     UNION ALL
    SELECT getvariable('size') + position, key, 'VND', amount, (amount * 110 + 5000) // 10000, true
      FROM line WHERE fault = 6
     UNION ALL
    SELECT 2 * getvariable('size') + position, key || 'x', 'VND', amount, (amount * 110 + 5000) // 10000, true
      FROM line WHERE fault = 7
) TO '{folder}/lines' (FORMAT csv, HEADER false)
"""
NIGHT, DUCKDB, PANDAS = "benchmarks.reconciliation_night", "benchmarks.merge_by_duckdb", "benchmarks.merge_by_pandas"

# To reach on 2 cores, by lines a side: seconds and megabytes.
GOALS: Mapping[int, tuple[int, int]] = {1_000_000: (3, 800), 10_000_000: (30, 800)}


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu_seconds` are those of all its threads: what a busy machine does not lengthen."""

    seconds: float
    cpu_seconds: float
    peak_mb: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the matching of a settlement with the ledger.")
    parser.add_argument("--lines", type=int, nargs="+", default=list(GOALS))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    console = Console()
    show(measure(given.lines, given.rounds, console), console)


def measure(sizes: Sequence[int], rounds: int, console: Console) -> list[Finding]:
    findings = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="congphi-bench-") as name:
            folder = Path(name)
            generate(folder, size)
            ours, floor, merge = [], [], []
            for number in range(1, rounds + 1):
                ours.append(matched(folder, size))
                floor.append(timed(DUCKDB, folder, size))
                merge += [timed(PANDAS, folder, size)] if has_pandas() else []
                console.print(f"reconciliation of {size:,}, round {number} of {rounds}: {ours[-1].seconds:.1f} s")
        findings += _findings(size, _median(ours), _median(floor))
        findings.append(_beside_pandas(size, _median(ours), _median(merge) if merge else None))
    return findings


def _findings(size: int, ours: Measured, floor: Measured) -> list[Finding]:
    seconds, peak_mb = GOALS.get(size, (0, 0))
    return [
        Finding(
            what=f"{size:,} settlement lines matched with as many entries",
            measured=f"{ours.seconds:.1f} s ({ours.cpu_seconds:.1f} s of CPU)",
            beside=f"bare join of both files {floor.seconds:.1f} s ({floor.cpu_seconds:.1f} s)",
            ratio=ours.seconds / floor.seconds,
            goal=Goal(ours.seconds, seconds, at_least=False) if seconds else None,
        ),
        Finding(
            what="its peak memory",
            measured=f"{ours.peak_mb} MB",
            beside=f"{floor.peak_mb} MB",
            ratio=ours.peak_mb / floor.peak_mb,
            goal=Goal(ours.peak_mb, peak_mb, at_least=False) if peak_mb else None,
        ),
    ]


def has_pandas() -> bool:
    return importlib.util.find_spec("pandas") is not None


def _beside_pandas(size: int, ours: Measured, merge: Measured | None) -> Finding:
    return Finding(
        what=f"{size:,} lines a side beside pandas",
        measured=f"{ours.seconds:.1f} s ({ours.cpu_seconds:.1f} s of CPU), {ours.peak_mb} MB",
        beside=f"pandas.merge of both files {merge.seconds:.1f} s ({merge.cpu_seconds:.1f} s), {merge.peak_mb} MB"
        if merge
        else "pandas is not installed here: `make bench` installs it",
        ratio=ours.seconds / merge.seconds if merge else None,
    )


def generate(folder: Path, size: int) -> None:
    with duckdb.connect() as database:
        for name, value in (("size", size), ("stride", STRIDE), ("every", EVERY)):
            database.execute(f"SET VARIABLE {name} = {value}::BIGINT")
        database.execute("SET preserve_insertion_order = false")
        database.execute(ENTRIES.format(folder=folder))
        database.execute(LINES.format(folder=folder))


def matched(folder: Path, size: int) -> Measured:
    """A night on a server of its own, which has what was written."""
    twice = [copy * size + position for position in _positions(size, TWICE) for copy in (0, 1)]
    with durable_server() as server:
        url = server.urls.app_url
        reconciliation_store.prepare(url, DAY, BATCH, RUN, twice)
        (folder / "database").write_text(url)
        measured = timed(NIGHT, folder, size)
        kept = reconciliation_store.written(url)
    planted = sum(len(range(fault, size, EVERY)) for fault in FOUND_AS)
    if kept != (size - unmatched(size), planted):
        raise SystemExit(f"written: {kept}")
    return measured


def _positions(size: int, fault: int) -> list[int]:
    """Where in the settlement the payments with that fault are."""
    back = pow(STRIDE, -1, size)
    return [n * back % size for n in range(fault, size, EVERY)]


def timed(module: str, folder: Path, size: int) -> Measured:
    command = [sys.executable, "-m", module, str(folder), str(size)]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    cpu_seconds, peak_mb = done.stdout.split()
    return Measured(time.perf_counter() - start, float(cpu_seconds), int(peak_mb))


def _median(taken: list[Measured]) -> Measured:
    return Measured(
        median(each.seconds for each in taken),
        median(each.cpu_seconds for each in taken),
        max(each.peak_mb for each in taken),
    )


if __name__ == "__main__":
    main()
