"""A disaster of a night: how long the assistant takes over so many discrepancies of one run, in the real database.

    python -m benchmarks.assistant_night --rows 100000

Half of a day's entries are missing in the settlement, a tenth of its lines came twice, a tenth have another fee, and
the rest is about payments that have no end here. Measured is the judging as a run does it, in its transaction, and then
the list of groups and a page of the largest one.
"""

import argparse
import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

from rich.console import Console

from benchmarks.server import Server, durable_server
from gateway.ports.capabilities import Capabilities, FeeContract, Flow
from gateway.store import spool
from gateway.store.database import Database
from reconciliation.assistant.listing import groups_of_day, members_of
from reconciliation.assistant.opinions import write_opinions

DAY = date(2026, 3, 2)
RUN = UUID(int=2)
PROVIDER = "wallet"
CAPABILITIES = Capabilities(
    currencies=frozenset({"VND"}), flow=Flow.REDIRECT, time_zone="Asia/Ho_Chi_Minh", fee=FeeContract(110)
)
PAGE = 5_000

RUN_ROW = f"""
INSERT INTO reconciliation_runs (id, provider, business_date, status, rules_version, totals, requested_by, started_at)
VALUES ('{RUN}', '{PROVIDER}', '{DAY}', 'exceptions', '1', '{{}}', 'benchmark', now())
"""  # noqa: S608 - all of it is ours

# By n modulo ten: five are missing, one is repeated, one has another fee, three have no end here.
DISCREPANCIES = """
INSERT INTO discrepancies (id, key, kind, status, provider, business_date, run_id, amount_minor, currency, evidence,
                           opened_at)
SELECT gen_random_uuid(), kind || ':wallet:' || n, kind, 'open', 'wallet', '2026-03-02', '{run}', amount, 'VND',
       CASE WHEN kind = 'missing_at_provider'
            THEN jsonb_build_object('expected_minor', amount, 'ledger', jsonb_build_object(
                     'reference', 'tx_' || md5(n::text), 'due_on', '2026-03-02', 'amount_minor', amount))
            ELSE jsonb_build_object(
                     'expected_minor', (amount * 110 + 5000) / 10000, 'reported_minor', (amount * 140 + 5000) / 10000,
                     'payment_status', CASE WHEN kind = 'missing_in_gateway' THEN 'pending' ELSE 'succeeded' END,
                     'settlement', jsonb_build_object(
                     'batch', 'b1', 'line', n, 'transaction', 'tx_' || md5(n::text), 'gross_minor', amount,
                     'status', 'ok', 'settled', true, 'occurred_at', '2026-03-02T05:00:00+00:00'::timestamptz
                     + n % 40000 * interval '1 second')) END,
       now()
  FROM (SELECT n, 20000 + n::bigint * 7919 % 900000 AS amount,
               (ARRAY['missing_at_provider', 'missing_at_provider', 'missing_at_provider', 'missing_at_provider',
                      'missing_at_provider', 'duplicate_at_provider', 'fee_mismatch', 'missing_in_gateway',
                      'missing_in_gateway', 'missing_in_gateway'])[n % 10 + 1] AS kind
          FROM generate_series(1, {rows}) AS n) AS found
"""
FINDINGS = """
INSERT INTO run_findings (run_id, discrepancy_id, origin) SELECT run_id, id, 'matching' FROM discrepancies
"""

Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the assistant over one night's discrepancies.")
    parser.add_argument("--rows", type=int, default=100_000)
    rows: int = parser.parse_args().rows
    console = Console()
    with durable_server() as server:
        measure(server, rows, console)


def measure(server: Server, rows: int, console: Console) -> None:
    server.execute(RUN_ROW, DISCREPANCIES.format(run=RUN, rows=rows), FINDINGS, "ANALYZE")
    db = Database(server.urls.app_url, lambda: datetime.now(UTC))
    totals = {"by_currency": [{"currency": "VND", "matched": rows // 2}]}

    def judge() -> None:
        with db.transaction() as tx:
            spool.take_time(tx)
            write_opinions(tx, RUN, PROVIDER, DAY, CAPABILITIES, totals)

    _timed(console, f"{rows:,} discrepancies judged and kept", judge)
    with db.read() as tx:
        groups = _timed(console, "their groups listed", lambda: groups_of_day(tx, DAY, PROVIDER, None))
        key = groups[0]["key"]
        _timed(console, f"a page of {PAGE:,} of the largest", lambda: members_of(tx, key, None, None, PAGE))
    for group in groups:
        console.print(f"  {group['key']}: {group['count']:,}")
    console.print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    if sum(group["count"] for group in groups) != rows:
        raise SystemExit("the groups do not hold every discrepancy once")


def _timed(console: Console, what: str, act: Callable[[], Result]) -> Result:
    wall, cpu = time.perf_counter(), time.process_time()
    result = act()
    console.print(f"{what}: {time.perf_counter() - wall:.1f} s ({time.process_time() - cpu:.1f} s of CPU here)")
    return result


if __name__ == "__main__":
    main()
