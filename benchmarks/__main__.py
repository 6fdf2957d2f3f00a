"""All benchmarks, one after another; the tables go into docs/performance.md.

python -m benchmarks            what `make bench` runs: some fifteen minutes
python -m benchmarks --quick    a smoke run that proves that all of it runs, and writes nothing
"""

import argparse
import os
import platform
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import invoices, ledger, lifecycle, pages, readers, reconciliation, reports
from benchmarks.report import Finding, as_markdown, show
from benchmarks.server import durable_server, filesystem_of
from benchmarks.stack import run_stack

TABLES = Path(__file__).parents[1] / "docs" / "performance.md"
MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: `seconds` are those of each part of a round."""

    rounds: int
    seconds: float
    lines: tuple[int, ...]
    rounds_of_lines: int
    entries: int
    pages: int | None


WHOLE = Extent(rounds=5, seconds=6, lines=(1_000_000, 10_000_000), rounds_of_lines=2, entries=readers.WHOLE, pages=None)
QUICK = Extent(rounds=1, seconds=0.5, lines=(10_000,), rounds_of_lines=1, entries=readers.QUICK, pages=2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run all benchmarks.")
    parser.add_argument("--quick", action="store_true", help="a smoke run; writes nothing")
    quick: bool = parser.parse_args().quick
    console, machine = Console(), describe_machine()
    findings = measure(QUICK if quick else WHOLE, console)
    show(findings, console)
    if not quick:
        write(machine, findings)
        console.print(f"Written to {TABLES.name}.")


def measure(extent: Extent, console: Console) -> list[Finding]:
    """Each on a new server, so that none has to carry what another left; but for the few payments of the pages."""
    findings: list[Finding] = []
    for benchmark in (ledger, invoices):
        with durable_server() as server:
            findings += benchmark.measure(server, extent.rounds, extent.seconds, console)
    with durable_server() as server, run_stack(server, whole=True) as stack:
        of_pages = pages.measure(server, stack, extent.rounds_of_lines, console, extent.pages)
        findings += lifecycle.measure(stack, extent.rounds, extent.seconds, console)
    with durable_server() as server:
        findings += reports.measure(server, extent.lines[0], 1, console)
    findings += of_pages + reconciliation.measure(extent.lines, extent.rounds_of_lines, console)
    return findings + readers.measure(extent.entries, extent.rounds_of_lines, console)


def write(machine: str, findings: Sequence[Finding]) -> None:
    """Put the table in the place of the last one."""
    told = f"{machine}\n\n{as_markdown(findings)}"
    TABLES.write_text(MARKED.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", TABLES.read_text()))


def describe_machine() -> str:
    """Taken before the measuring, so that the load is what others made."""
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    return (
        f"Measured on {datetime.now(UTC).date()} with {os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"{system}, data on {filesystem_of(Path(tempfile.gettempdir()))}, "
        f"Python {platform.python_version()}, PostgreSQL 18 on the same machine; load average before: "
        f"{psutil.getloadavg()[0]:.1f}."
    )


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*: (.+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        named = None
    return named[1] if named else platform.machine()


if __name__ == "__main__":
    main()
