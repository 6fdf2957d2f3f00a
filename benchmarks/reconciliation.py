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
import hashlib
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path
from statistics import median
from uuid import UUID

import duckdb
from rich.console import Console

from benchmarks import reconciliation_store
from benchmarks.report import Finding, Goal, show
from benchmarks.server import durable_server
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.engine import Finding as Found
from reconciliation.matching.engine import Limits, Matching
from reconciliation.matching.sides import ENTRIES as ENTRIES_FILE
from reconciliation.matching.sides import LINES as LINES_FILE
from reconciliation.matching.sides import Entry, Line, Movement

DAY = date(2026, 3, 2)
FEE = FeeContract(basis_points=110)
BATCH = UUID(int=1)
RUN = UUID(int=2)
STRIDE = 7_368_787  # a prime: the settlement's order has nothing to do with the ledger's
LIMITS = Limits(memory_mb=500, threads=2)

# One in so many payments has each of these faults in its settlement line: the payment's number modulo EVERY.
EVERY = 5_000
DROPPED, OTHER_AMOUNT, OTHER_CURRENCY, WRONG_FEE, UNSETTLED, TWICE, UNKNOWN_TOO = range(1, 8)
FOUND_AS: Mapping[int, K] = {
    DROPPED: K.MISSING_AT_PROVIDER,
    OTHER_AMOUNT: K.AMOUNT_MISMATCH,
    OTHER_CURRENCY: K.CURRENCY_MISMATCH,
    WRONG_FEE: K.FEE_MISMATCH,
    UNSETTLED: K.STATUS_MISMATCH,
    TWICE: K.DUPLICATE_AT_PROVIDER,
    UNKNOWN_TOO: K.MISSING_IN_GATEWAY,
}
UNMATCHED = (DROPPED, OTHER_AMOUNT, OTHER_CURRENCY, UNSETTLED)

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
FLOOR = """
SELECT count(*)
  FROM read_csv('{folder}/lines', header = false, auto_detect = false, columns = {lines})
  JOIN read_csv('{folder}/entries', header = false, auto_detect = false, columns = {entries}) USING (key)
"""


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
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "FOLDER", "SIZE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        what, folder, size = given.child
        {"matching": match, "floor": join}[what](Path(folder), int(size))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
        return
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
                floor.append(timed("floor", folder, size))
                merge += [timed("pandas", folder, size)] if has_pandas() else []
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
        measured = timed("matching", folder, size)
        kept = reconciliation_store.written(url)
    planted = sum(len(range(fault, size, EVERY)) for fault in FOUND_AS)
    if kept != (size - _unmatched(size), planted):
        raise SystemExit(f"written: {kept}")
    return measured


def _positions(size: int, fault: int) -> list[int]:
    """Where in the settlement the payments with that fault are."""
    back = pow(STRIDE, -1, size)
    return [n * back % size for n in range(fault, size, EVERY)]


def timed(what: str, folder: Path, size: int) -> Measured:
    module = ["benchmarks.merge_by_pandas"] if what == "pandas" else ["benchmarks.reconciliation", "--child", what]
    command = [sys.executable, "-m", *module, str(folder), str(size)]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    cpu_seconds, peak_mb = done.stdout.split()
    return Measured(time.perf_counter() - start, float(cpu_seconds), int(peak_mb))


def match(folder: Path, size: int) -> None:
    """What a run does between the copying out and the copying in."""
    with tempfile.TemporaryDirectory(dir=folder) as name, Matching(Path(name), DAY, [BATCH], FEE, LIMITS) as matching:
        matching.pair(folder / "lines", folder / "entries")
        lines = Path(name) / "line_details"
        entries = Path(name) / "entry_details"
        lines.write_text(
            "".join(_row(astuple(line)) for chunk in matching.wanted_lines() for line in _lines(chunk, size))
        )
        entries.write_text("".join(_row(astuple(_entry(n))) for chunk in matching.wanted_entries() for n in chunk))
        matching.add_details(lines, entries)
        matching.decide()
        matches = Path(name) / "matches"
        matches.mkdir()
        matching.write_matches(matches, RUN)
        found: Counter[K] = Counter()
        url = (folder / "database").read_text()
        reconciliation_store.write(url, DAY, BATCH, RUN, matches, _counted(matching.findings(), found))
        _check(size, found, sum(totals.matched for totals in matching.totals()), bool(matching.fees()))


def _counted(findings: Iterator[Found], found: Counter[K]) -> Iterator[Found]:
    for finding in findings:
        found[finding.kind] += 1
        yield finding


def join(folder: Path, size: int) -> None:
    """The floor: no run can be quicker than reading both sides and joining them."""
    with duckdb.connect(
        config={
            "threads": LIMITS.threads,
            "memory_limit": f"{LIMITS.memory_mb}MB",
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": False,
        }
    ) as database:
        pairs = database.execute(
            FLOOR.format(folder=folder, lines=dict(LINES_FILE), entries=dict(ENTRIES_FILE))
        ).fetchall()
        if not pairs[0][0] >= size - size // EVERY - 1:
            raise SystemExit("the floor lost lines")


def _check(size: int, found: Mapping[K, int], matched: int, has_fees: bool) -> None:
    planted = {kind: len(range(fault, size, EVERY)) for fault, kind in FOUND_AS.items()}
    expected = size - _unmatched(size)
    if dict(found) != planted or matched != expected or not has_fees:
        raise SystemExit(f"planted {planted}, found {dict(found)}; {expected} to match, {matched} matched")


def _unmatched(size: int) -> int:
    return sum(len(range(fault, size, EVERY)) for fault in UNMATCHED)


def _lines(handles: list[int], size: int) -> Iterator[Line]:
    """As the database would tell them; here the number of a line says it all."""
    for handle in handles:
        copy, position = divmod(handle, size)
        n = position * STRIDE % size
        fault = n % EVERY
        amount = 50_000 + n * 7919 % 900_000
        reference = _reference(n) + ("x" if copy == 2 else "")
        yield Line(
            line=handle,
            movement=Movement.PAYMENT,
            reference=reference,
            merchant=None,
            currency="USD" if fault == OTHER_CURRENCY else "VND",
            gross=amount + (1_000 if fault == OTHER_AMOUNT else 0),
            fee=FEE.fee_minor(amount) + (500 if fault == WRONG_FEE else 0),
            settled=fault != UNSETTLED,
            later=False,
            line_id=f"line_{handle}",
            kind="payment",
            status="settled",
            transaction_id=reference,
            refund_reference=None,
            occurred_at="2026-03-02 04:00:00+00",
            payment=None,
            payment_status=None,
            payment_currency=None,
            payment_amount=None,
            refund=None,
            refund_unresolved=False,
            agency=None,
            counterpart=None,
            counterpart_matched=False,
        )


def _entry(n: int) -> Entry:
    return Entry(
        entry=n,
        movement=Movement.PAYMENT,
        reference=_reference(n),
        merchant=None,
        currency="VND",
        amount=50_000 + n * 7919 % 900_000,
        later=False,
        entry_key=f"payment:{n}:succeeded",
        business_date=DAY,
        sought_from=DAY,
        due_on=DAY,
        payment=None,
        refund=None,
        agency=0,
    )


def _reference(n: int) -> str:
    return "pi_" + hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest()[:24]


def _row(values: tuple[object, ...]) -> str:
    return (
        ",".join(
            "" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in values
        )
        + "\n"
    )


def _median(taken: list[Measured]) -> Measured:
    return Measured(
        median(each.seconds for each in taken),
        median(each.cpu_seconds for each in taken),
        max(each.peak_mb for each in taken),
    )


if __name__ == "__main__":
    main()
