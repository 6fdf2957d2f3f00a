"""The report of a large day: lines a second and peak memory in each format.

    python -m benchmarks.reports --lines 1000000

What is measured is a process of its own that renders the report of one run and throws the bytes away: the digest over
the facts, the matches, and for the CSV and the JSON nothing else worth mentioning. Each line is a payment that is
matched, of an invoice with two fees, so that the remittance has something to add up.

Beside it, in the same round, the floor: the settlement's lines copied out by a bare COPY, row by row.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from uuid import UUID

import psycopg
from rich.console import Console

from benchmarks.report import Finding, Goal, show
from benchmarks.server import Server, durable_server
from gateway.store.database import Database
from reconciliation.reports.formats import FORMATS, render

RUN, BATCH = UUID(int=1), UUID(int=2)
FLOOR = "floor"
LINES_PER_SECOND = 100_000
STREAMED = ("csv", "json")
LINES = "COPY settlement_lines TO STDOUT (FORMAT csv)"
TOTALS = """{"matched": %(lines)s, "ledger_minor": 0, "statement_minor": 0, "open": {}, "by_currency": []}"""

SEED = f"""
INSERT INTO agencies (id, code, names, time_zone, currency, bank_account, receipt_series, providers)
VALUES (uuidv7(), 'vn-moj', '{{}}', 'Asia/Ho_Chi_Minh', 'VND', '3511.0.1', 'AA', '{{}}');
INSERT INTO reconciliation_runs (id, provider, business_date, dated, status, rules_version, totals, requested_by,
                                 started_at)
VALUES ('{RUN}', 'sandbox', '2026-03-02', '2026-03-02', 'balanced', '1', '%(totals)s', 'benchmark', now());
INSERT INTO settlement_batches (id, provider, batch_id, business_date, sha256, lines)
VALUES ('{BATCH}', 'sandbox', '2026-03-02-VND-1', '2026-03-02', '\\x00', %(lines)s);
CREATE TEMP TABLE one AS
SELECT n, uuidv7() AS payment, uuidv7() AS invoice, 50000 + n::bigint * 7919 %% 900000 AS amount
  FROM generate_series(1, %(lines)s) AS t (n);
INSERT INTO invoices (id, agency_id, reference, procedure, procedure_version, channel, facts, dossier, payer_id, status,
                      currency, total_minor, paid_minor, metadata, created_by, created_at, business_date)
SELECT invoice, (SELECT id FROM agencies), 'RF' || n, 'procedure', 1, 'counter', '{{}}', '', uuidv7(), 'paid', 'VND',
       amount, amount, '{{}}', uuidv7(), now(), '2026-03-02' FROM one;
INSERT INTO invoice_lines (invoice_id, position, fee_item, revenue_code, quantity, begins_minor, amount_minor,
                           reduction_minor, legal_basis, steps)
SELECT invoice, place, 'fee', 'code-' || place, 1, CASE place WHEN 1 THEN 0 ELSE 40000 END,
       CASE place WHEN 1 THEN 40000 ELSE amount - 40000 END, 0, '', '[]'
  FROM one, generate_series(1, 2) AS place;
INSERT INTO allocations (payment_id, invoice_id, begins_minor, amount_minor)
SELECT payment, invoice, 0, amount FROM one;
INSERT INTO payments (id, session_id, agency_id, provider, lands_on, status, amount_minor, currency, reference,
                      provider_transaction_id, via_page, created_at, expires_at, succeeded_at, business_date)
SELECT payment, uuidv7(), (SELECT id FROM agencies), 'sandbox', 'in_transit:sandbox', 'succeeded', amount, 'VND', 'RF',
       'pi_' || md5(n::text), false, now(), now(), now(), '2026-03-02' FROM one;
INSERT INTO settlement_lines (batch, line, line_id, kind, provider_transaction_id, currency, gross_minor, fee_minor,
                              occurred_at, status, settled)
SELECT '{BATCH}', n, 'line-' || n, 'payment', 'pi_' || md5(n::text), 'VND', amount, amount / 100, now(), 'paid', true
  FROM one;
INSERT INTO ledger_entries (key, cause, agency_id, subject_id, occurred_at, business_date, content_hash)
SELECT 'payment:' || payment || ':succeeded', 'payment_succeeded', (SELECT id FROM agencies), payment, now(),
       '2026-03-02', '\\x00' FROM one ORDER BY n;
INSERT INTO match_chunks (batch, block, run_id, pairs)
SELECT '{BATCH}', one.n >> 10, '{RUN}', array_agg((entry.id << 10) | (one.n & 1023))
  FROM one JOIN ledger_entries AS entry ON entry.key = 'payment:' || payment || ':succeeded'
 GROUP BY one.n >> 10;
INSERT INTO matched_lines (batch, block, run_id, bits)
SELECT batch, block, run_id, repeat('1', 1024)::bit(1024) FROM match_chunks
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    peak_mb: int
    size_mb: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the reports of a large day.")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(*write(*given.child))
        return
    console = Console()
    with durable_server() as server:
        lines, rounds = (10_000, 1) if given.quick else (given.lines, given.rounds)
        show(measure(server, lines, rounds, console), console)


def measure(server: Server, lines: int, rounds: int, console: Console) -> list[Finding]:
    seed(server, lines)
    taken: dict[str, list[Measured]] = {name: [] for name in (FLOOR, *FORMATS)}
    for number in range(1, rounds + 1):
        for name in taken:
            taken[name].append(timed(name, server.urls.app_url))
        seconds = ", ".join(f"{name} {found[-1].seconds:.1f} s" for name, found in taken.items())
        console.print(f"reports of {lines:,} lines, round {number} of {rounds}: {seconds}")
    floor = _median(taken[FLOOR])
    return [_finding(name, lines, _median(taken[name]), floor, is_large=lines >= LINES_PER_SECOND) for name in FORMATS]


def seed(server: Server, lines: int) -> None:
    """Without the triggers, which would look every row's parent up: the rows are made to fit, but for some parents."""
    filled = SEED % {"lines": lines, "totals": TOTALS % {"lines": lines}}
    server.execute("SET session_replication_role = replica", *filled.split(";\n"), "VACUUM ANALYZE")


def timed(what: str, url: str) -> Measured:
    command = [sys.executable, "-m", "benchmarks.reports", "--child", what, url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak_mb, size_mb = done.stdout.split()
    return Measured(float(seconds), int(peak_mb), int(size_mb))


def write(what: str, url: str) -> tuple[float, int, int]:
    """Seconds, peak memory and size in megabytes."""
    start, size = time.perf_counter(), 0
    if what == FLOOR:
        with psycopg.connect(url.replace("+psycopg", "", 1)) as connection, connection.cursor().copy(LINES) as rows:
            size = sum(map(len, rows))
    else:
        database = Database(url, lambda: datetime.now(UTC))
        with database.snapshot() as tx:
            size = sum(map(len, render(tx, RUN, what)))
        database.close()
    taken = time.perf_counter() - start
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, size >> 20


def _finding(name: str, lines: int, ours: Measured, floor: Measured, *, is_large: bool) -> Finding:
    rate = lines / ours.seconds
    has_goal = is_large and name in STREAMED
    return Finding(
        what=f"report of {lines:,} matched lines as {name.upper()}",
        measured=f"{ours.seconds:.1f} s, {rate:,.0f} lines/s, {ours.peak_mb} MB of memory",
        beside=f"bare COPY of the lines {floor.seconds:.1f} s",
        ratio=ours.seconds / floor.seconds,
        goal=Goal(rate, LINES_PER_SECOND) if has_goal else None,
    )


def _median(taken: Sequence[Measured]) -> Measured:
    return Measured(
        median(one.seconds for one in taken), max(one.peak_mb for one in taken), max(one.size_mb for one in taken)
    )


if __name__ == "__main__":
    main()
