"""All benchmarks, one after another; the tables go into docs/performance.md.

python -m benchmarks            what `make bench` runs: some eight minutes on a quiet machine
python -m benchmarks --quick    a smoke run that proves that all of it runs, and writes nothing
"""

import argparse
import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import ledger, reconciliation, web
from benchmarks.report import Finding, as_markdown, show
from benchmarks.server import durable_server

TABLES = Path(__file__).parents[1] / "docs" / "performance.md"
MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run all benchmarks.")
    parser.add_argument("--quick", action="store_true", help="a smoke run; writes nothing")
    quick = parser.parse_args().quick
    console = Console()
    rounds = 1 if quick else 3
    with durable_server() as server:
        findings = ledger.measure(server, rounds, 1 if quick else 5, console)
    findings += web.measure(rounds, 1 if quick else 8, console)
    sizes = (10_000,) if quick else (1_000_000, 10_000_000)
    findings += reconciliation.measure(sizes, 1 if quick else 2, console)
    show(findings, console)
    if not quick:
        write(findings)
        console.print(f"Written to {TABLES.name}.")


def write(findings: Sequence[Finding]) -> None:
    """Put the table in the place of the last one, with the machine and the date."""
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Python {platform.python_version()}"
    measured = f"Measured on {datetime.now(UTC).date()}: {machine}, PostgreSQL 18 on the same machine.\n\n"
    told = measured + as_markdown(findings)
    TABLES.write_text(MARKED.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", TABLES.read_text()))


if __name__ == "__main__":
    main()
