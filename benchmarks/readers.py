"""Readers of statements: seconds and memory for a camt.053 of so many entries, lines a second of the other formats.

    python -m benchmarks.readers --entries 1000000        --quick for a smoke run

What is measured is a process of its own, by the CPU time that it takes to read a file and by how much its peak memory
grows meanwhile. Beside each, in the same round, a floor: of camt an expat that calls back to do nothing, of files of
lines the reading of its lines alone.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from statistics import median
from xml.parsers.expat import ParserCreate

from rich.console import Console

from benchmarks.report import Finding, Goal, show
from gateway.ports.delimited import StatementMap
from gateway.ports.provider import BatchRef
from gateway.ports.statements import CHUNK_BYTES, read_statement
from providers.column_map import read_map
from providers.settlement_files import FileSettlements

QUICK, WHOLE = 2_000, 1_000_000
SECONDS_MAX, GROWTH_MB_MAX, MT940_LINES_MIN = 20, 50, 200_000  # of a million entries, and a second
MINOR = 10_050
MAP = StatementMap(
    account="EE382200221020145685",
    currency="EUR",
    columns=("day", "reference", "amount", "text"),
    fields={"booked_on": "day", "bank_reference": "reference", "amount": "amount", "text": "text"},
    date_format="%Y-%m-%d",
)
SETTLEMENT_MAP = Path(__file__).parents[1] / "providers" / "vnpay" / "settlement.yaml"

CAMT_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>S1</Id>
<Acct><Id><IBAN>EE382200221020145685</IBAN></Id></Acct>
"""
CAMT_ENTRY = """<Ntry><NtryRef>{0}</NtryRef><Amt Ccy="EUR">100.50</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-25</Dt></BookgDt><ValDt><Dt>2026-11-25</Dt></ValDt>
<AcctSvcrRef>B{0}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>
</BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId><TxId>T{0}</TxId></Refs>
<RltdPties><Dbtr><Pty><Nm>PAYER</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>FEE {0}</Ustrd></RmtInf>
</TxDtls></NtryDtls></Ntry>
"""
CAMT_END = "</Stmt></BkToCstmrStmt></Document>"


@dataclass(frozen=True, slots=True)
class Measured:
    rows: int
    seconds: float
    growth_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the readers of statements.")
    parser.add_argument("--entries", type=int, default=WHOLE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        what, file = given.child
        child(what, Path(file))
        return
    console = Console()
    entries, rounds = (QUICK, 1) if given.quick else (given.entries, given.rounds)
    show(measure(entries, rounds, console), console)


def measure(entries: int, rounds: int, console: Console) -> list[Finding]:
    findings = []
    with tempfile.TemporaryDirectory(prefix="congphi-bench-") as name:
        for what, write in WRITERS.items():
            file = Path(name) / what
            with file.open("w", encoding="utf-8") as opened:
                opened.writelines(write(entries))
            floor = "nothing" if what == "camt" else "lines"
            taken = []
            for number in range(1, rounds + 1):
                taken.append((timed(what, file), timed(floor, file)))
                console.print(f"{what} of {entries:,}, round {number} of {rounds}: {taken[-1][0].seconds:.1f} s")
            file.unlink()
            if any(ours.rows != entries for ours, _ in taken):
                raise SystemExit(f"{what}: other rows were read than written")
            findings += _findings(what, entries, [ours for ours, _ in taken], [least for _, least in taken])
    return findings


def _findings(what: str, entries: int, ours: Sequence[Measured], floors: Sequence[Measured]) -> list[Finding]:
    seconds, least = median(one.seconds for one in ours), median(one.seconds for one in floors)
    growth = max(one.growth_mb for one in ours)
    whole = entries == WHOLE
    if what == "camt":
        taken = Finding(
            what=f"camt.053 of {entries:,} entries",
            measured=f"{seconds:.1f} s of CPU",
            beside=f"expat alone, calling back to do nothing {least:.1f} s",
            ratio=seconds / least,
            goal=Goal(seconds, SECONDS_MAX, at_least=False) if whole else None,
        )
    else:
        lines = floors[0].rows
        taken = Finding(
            what=f"{what}: lines a second",
            measured=f"{lines / seconds:,.0f}",
            beside=f"reading the lines alone {lines / least:,.0f}",
            ratio=seconds / least,
            goal=Goal(lines / seconds, MT940_LINES_MIN) if whole and what == "mt940" else None,
        )
    goal = Goal(growth, GROWTH_MB_MAX, at_least=False) if whole else None
    return [taken, Finding(what="its peak memory grew by", measured=f"{growth:.0f} MB", goal=goal)]


def timed(what: str, file: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.readers", "--child", what, str(file)]
    rows, seconds, growth_mb = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Measured(int(rows), float(seconds), float(growth_mb))


def child(what: str, file: Path) -> None:
    before, start = _peak_mb(), time.process_time()
    rows = READERS[what](file)
    print(rows, time.process_time() - start, _peak_mb() - before)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(file: Path) -> int:
    with file.open("rb") as opened:
        return sum(1 for _ in read_statement(opened, MAP)) - 1  # the head


def read_settlement(file: Path) -> int:
    """As a provider's file, which must bear the name of its day."""
    layout = read_map(SETTLEMENT_MAP)
    day = date(2026, 1, 31)
    (file.parent / layout.name_of(day)).hardlink_to(file)
    try:
        return sum(1 for _ in FileSettlements(file.parent, layout).read_settlement(BatchRef(layout.name_of(day), day)))
    finally:
        (file.parent / layout.name_of(day)).unlink()


def read_lines(file: Path) -> int:
    with file.open("rb") as opened:
        return sum(1 for _ in opened)


def read_nothing(file: Path) -> int:
    parser = ParserCreate(None, "}")
    parser.StartElementHandler = lambda *_: None
    parser.EndElementHandler = lambda *_: None
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
    return 0


def camt(entries: int) -> Iterator[str]:
    return chain([CAMT_HEAD], (CAMT_ENTRY.format(number) for number in range(entries)), [CAMT_END])


def mt940(entries: int) -> Iterator[str]:
    yield ":20:S\n:25:EE382200221020145685\n:28C:1\n:60F:C261124EUR0,\n"
    for number in range(entries):
        yield f":61:2611251125C100,50NTRFNONREF//B{number}\n"
        yield f":86:166?00GUTSCHRIFT?20EREF+E{number}?21SVWZ+FEE {number}\n?32PAYER\n"
    yield f":62F:C261125EUR{entries * MINOR // 100},{entries * MINOR % 100:02d}\n-\n"


def delimited(entries: int) -> Iterator[str]:
    yield ",".join(MAP.columns) + "\n"
    for number in range(entries):
        yield f"2026-11-25,B{number},100.50,FEE {number}\n"


def settlement(entries: int) -> Iterator[str]:
    layout = read_map(SETTLEMENT_MAP)
    yield ",".join(layout.columns) + "\n"
    for number in range(entries):
        yield f"{number},PAYMENT,R{number},T{number},,20260131101500,VND,150000,1650,148350,SETTLED\n"
    yield f"TOTAL,{entries},,,,,,,,{148_350 * entries},\n"


WRITERS: Mapping[str, Callable[[int], Iterator[str]]] = {
    "camt": camt,
    "mt940": mt940,
    "delimited": delimited,
    "settlement": settlement,
}
READERS: Mapping[str, Callable[[Path], int]] = {
    "camt": read,
    "mt940": read,
    "delimited": read,
    "settlement": read_settlement,
    "lines": read_lines,
    "nothing": read_nothing,
}

if __name__ == "__main__":
    main()
