"""The floor of benchmarks.reconciliation: DuckDB joins both sides and counts the pairs, in a process of its own."""

import resource
import sys
from pathlib import Path

import duckdb

from reconciliation.matching.sides import ENTRIES, LINES

THREADS, MEMORY_MB = 2, 500
"""What the matching may take, too."""

JOIN = """
SELECT count(*)
  FROM read_csv('{folder}/lines', header = false, auto_detect = false, columns = {lines})
  JOIN read_csv('{folder}/entries', header = false, auto_detect = false, columns = {entries}) USING (key)
"""


def main() -> None:
    """Takes the folder and how many lines a side has; prints seconds of CPU and peak megabytes."""
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    memory = {"memory_limit": f"{MEMORY_MB}MB", "temp_directory": str(folder / "spill")}
    with duckdb.connect(config={"threads": THREADS, "preserve_insertion_order": False, **memory}) as database:
        join = JOIN.format(folder=folder, lines=dict(LINES), entries=dict(ENTRIES))
        ((pairs,),) = database.execute(join).fetchall()
    if pairs < size - size // 1_000:
        raise SystemExit(f"DuckDB made {pairs} pairs of {size} lines")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


if __name__ == "__main__":
    main()
