"""Makes a month of realistic days, or tells how well the engine finds what is wrong with many of them.

    python -m benchmarks.days --seed 7 --payments 1000 --days 5 --out var/days    the month and its truth, in files
    python -m benchmarks.days --evaluate --seeds 200                             the engine beside the truth

The evaluation ends with 1 if anything matched falsely, or fewer than 99 of 100 planted faults of a kind were found.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.days.evaluation import Result, as_rows, evaluate
from benchmarks.days.files import write_month
from benchmarks.days.generate import Extent, generate

EXTENT = Extent()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.days", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the month, or of the first of --seeds")
    parser.add_argument("--payments", type=int, default=EXTENT.payments, help="a day, over all providers")
    parser.add_argument("--days", type=int, default=EXTENT.days)
    parser.add_argument("--out", type=Path, default=Path("var/days"), help="the folder of the files")
    parser.add_argument("--evaluate", action="store_true", help="run the engine and compare it with the truth")
    parser.add_argument("--seeds", type=int, default=200, help="how many months are evaluated")
    given = parser.parse_args()
    extent = Extent(days=given.days, payments=given.payments)
    console = Console()
    if given.evaluate:
        result = evaluate_seeds(range(given.seed, given.seed + given.seeds), extent)
        show(result, given.seeds, console)
        sys.exit(0 if result.is_good else 1)
    month = generate(given.seed, extent)
    write_month(month, given.out)
    console.print(f"{len(month.batches)} batches, {len(month.faults)} faults: {given.out}/truth.json")


def evaluate_seeds(seeds: Sequence[int], extent: Extent = EXTENT, processes: int | None = None) -> Result:
    """Summed over the months of all seeds, each evaluated by one of the processes."""
    whole = Result()
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        for result in pool.map(partial(_evaluate, extent=extent), seeds, chunksize=1):
            whole.add(result)
    return whole


def show(result: Result, seeds: int, console: Console) -> None:
    table = Table(title=f"{seeds} months")
    for column in ("kind", "planted", "found", "otherwise"):
        table.add_column(column, justify="right" if column in ("planted", "found") else "left")
    for row in as_rows(result):
        table.add_row(*row.values())
    console.print(table)
    unplanted = {
        found: count for (was, found), count in result.confusion.items() if was != found and was not in result.kinds
    }
    console.print(f"matches {result.matches:,}, false {len(result.false_matches)}, missed {result.missed_matches}")
    console.print(
        f"named though nothing was planted: {unplanted or 0}; named otherwise later: {dict(result.strays) or 0}"
    )
    for rule in sorted({rule for rule, _ in result.solvable}):
        solved, left = result.solvable[rule, True], result.solvable[rule, False]
        console.print(f"{rule}: {solved} of {solved + left} matched, the others left as discrepancies")
    for false in result.false_matches[:20]:
        console.print(f"false match: {false}")


def _evaluate(seed: int, extent: Extent) -> Result:
    return evaluate(generate(seed, extent))


if __name__ == "__main__":
    main()
