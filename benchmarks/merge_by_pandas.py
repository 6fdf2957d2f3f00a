"""pandas' merge of both sides of benchmarks.reconciliation, in a process of its own: pandas is no part of the project.

It reads both files and merges them by key, as a script would that fits into memory. It decides nothing, finds nothing
that is missing, and writes nothing.
"""

import resource
import sys
from pathlib import Path

import pandas

from reconciliation.matching.sides import ENTRIES, LINES


def main() -> None:
    """Takes the folder and how many lines a side has; prints seconds of CPU and peak megabytes."""
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    lines = pandas.read_csv(folder / "lines", header=None, names=list(LINES))
    entries = pandas.read_csv(folder / "entries", header=None, names=list(ENTRIES))
    pairs = len(lines.merge(entries, on="key"))
    if not size - size // 1_000 <= pairs <= size + size // 1_000:
        raise SystemExit(f"pandas made {pairs} pairs of {size} lines")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


if __name__ == "__main__":
    main()
