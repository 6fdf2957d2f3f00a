"""Tells how well the rules of a bank account's run find what is wrong with many generated months.

    python -m benchmarks.bank_days --seeds 200

It ends with 1 if anything matched falsely, if a payout that came was not matched that night, or if what was planted was
not found, or under another kind, or anything was named with which nothing is wrong.
"""

import argparse
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.bank_days.evaluation import Result, evaluate
from benchmarks.bank_days.generate import generate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bank_days", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first month")
    parser.add_argument("--seeds", type=int, default=200, help="how many months")
    given = parser.parse_args()
    result = evaluate_seeds(range(given.seed, given.seed + given.seeds))
    show(result, Console())
    sys.exit(0 if result.is_good else 1)


def evaluate_seeds(seeds: Iterable[int]) -> Result:
    whole = Result()
    for seed in seeds:
        whole.add(evaluate(generate(seed)))
    return whole


def show(result: Result, console: Console) -> None:
    table = Table("planted", "kind", "found as", "rows")
    for (planted, kind, found), count in sorted(result.confusion.items()):
        table.add_row(planted, kind, "the same" if kind == found else found, f"{count:,}")
    console.print(table)
    rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(result.matches.items()))
    console.print(f"matches {result.matches.total():,} ({rules}), false {len(result.false_matches)}")
    console.print(f"payouts that came and had to be matched that night {result.due:,}, missed {len(result.missed)}")
    for wrong in (*result.false_matches, *result.missed):
        console.print(wrong, soft_wrap=True)


if __name__ == "__main__":
    main()
