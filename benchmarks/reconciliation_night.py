"""What benchmarks.reconciliation measures: a night of so many payments, with the faults that are planted in it.

It runs in a process of its own, and imports nothing that a night does not need.
"""

import hashlib
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from datetime import date
from pathlib import Path
from uuid import UUID

from benchmarks import reconciliation_store
from benchmarks.merge_by_duckdb import MEMORY_MB, THREADS
from gateway.domain.discrepancy import DiscrepancyKind as K
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.engine import Finding as Found
from reconciliation.matching.engine import Limits, Matching
from reconciliation.matching.sides import Entry, Line, Movement

DAY = date(2026, 3, 2)
FEE = FeeContract(basis_points=110)
BATCH = UUID(int=1)
RUN = UUID(int=2)
STRIDE = 7_368_787  # a prime: the settlement's order has nothing to do with the ledger's
LIMITS = Limits(memory_mb=MEMORY_MB, threads=THREADS)

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


def main() -> None:
    """Takes the folder and how many lines a side has; prints seconds of CPU and peak megabytes."""
    match(Path(sys.argv[1]), int(sys.argv[2]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


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


def _check(size: int, found: Mapping[K, int], matched: int, has_fees: bool) -> None:
    planted = {kind: len(range(fault, size, EVERY)) for fault, kind in FOUND_AS.items()}
    expected = size - unmatched(size)
    if dict(found) != planted or matched != expected or not has_fees:
        raise SystemExit(f"planted {planted}, found {dict(found)}; {expected} to match, {matched} matched")


def unmatched(size: int) -> int:
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


if __name__ == "__main__":
    main()
