"""Runs the matching in DuckDB: the bulk in one join, then the steps of rules.py over what that leaves.

    with Matching(folder, day, batches, fee) as matching:
        matching.add_accepted(pairs)                       what people said is one
        matching.pair(lines, entries)                      the bulk: one join of the two files by key
        matching.add_details(lines, entries)               of wanted_lines() and wanted_entries()
        matching.add_named(named)                          whom misnamed_lines() may name, if anybody
        matching.decide()                                  the steps
        matching.totals(), .findings(), .write_matches()   what came of it

The first join is the first step of rules.py for those keys that occur once on either side, which is nearly all of them;
whatever is crowded or differs goes to the steps with the rest, so that the rules alone say what a match is.

What does not fit into the memory limit is spilled to files. The order of results is that of the handles, so the same
input gives the same output.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import duckdb

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import EXPONENT
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.names import Named
from reconciliation.matching.output import AT_A_TIME, BLOCKS, CHUNKS, MATCHES
from reconciliation.matching.repaired import PROPOSALS
from reconciliation.matching.repaired import VIEWS as READINGS
from reconciliation.matching.rules import ALONE, MACROS, STEPS, Step
from reconciliation.matching.sides import (
    ENTRIES,
    ENTRY_DETAILS,
    LINE_BITS,
    LINE_DETAILS,
    LINES,
    Columns,
    Entry,
    Line,
    Movement,
    columns_of,
)

CHUNK = 10_000
MOST_MISNAMED = 20_000
"""So many lines are looked at for garbled names. Where there are more, it is not their names that are wrong."""
NAMED = columns_of(Named)


@dataclass(frozen=True, slots=True)
class Limits:
    """The process needs some 100 MB beside `memory_mb`, which is DuckDB's own limit."""

    memory_mb: int = 500
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a line or an entry that is alone may be: an entry (`entries` by their keys) or a line (`lines` by their
    handles). More than one of them fit if there are several. `why` is a word for a program."""

    rule: str
    why: str
    lines: tuple[int, ...] = ()
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a line, with an entry, or between them; `expected_fee` only where it is the fee."""

    kind: DiscrepancyKind
    line: Line | None
    entry: Entry | None
    expected_fee: int | None = None
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Both sides in one currency. What a side has beyond `matched_minor` is explained by findings, to the last unit.

    `unsettled_minor` is what of the ledger is not matched and was booked by the end of the agency's day.
    """

    currency: str
    ledger_minor: int
    ledger_entries: int
    statement_minor: int
    statement_lines: int
    matched_minor: int
    matched: int
    unsettled_minor: int


@dataclass(frozen=True, slots=True)
class FeeSum:
    """What the provider kept of the matched lines of one batch that belong to one agency; both by their place."""

    batch: int
    agency: int
    currency: str
    fee_minor: int


# The first step of rules.py for keys that occur once on either side; a row with one side only is what no key joins.
# `equal` is what makes a match. What is not a plain match, with all that shares a line or an entry with it, stays open.
_PAIR = """
CREATE TABLE pairs AS
SELECT line, entry, gross, fee, line.currency::currency AS currency, agency,
       settled AND gross = amount AND line.currency = entry.currency AS equal,
       starts_with(key, 'payment:') AND fee_is_off(gross, fee) AS fee_off
  FROM lines_file AS line FULL JOIN entries_file AS entry USING (key);
CREATE TABLE crowded_line AS
SELECT line FROM pairs WHERE line IS NOT NULL GROUP BY line HAVING count(*) > 1 UNION SELECT line FROM accepted;
CREATE TABLE crowded_entry AS
SELECT entry FROM pairs WHERE entry IS NOT NULL GROUP BY entry HAVING count(*) > 1 UNION SELECT entry FROM accepted;
CREATE VIEW plain_matches AS
SELECT * FROM pairs ANTI JOIN crowded_line USING (line) ANTI JOIN crowded_entry USING (entry) WHERE equal;
CREATE TABLE rest AS
SELECT line, entry FROM pairs WHERE equal IS DISTINCT FROM true
 UNION ALL
SELECT line, entry FROM pairs SEMI JOIN crowded_line USING (line)
 UNION ALL
SELECT line, entry FROM pairs SEMI JOIN crowded_entry USING (entry);
CREATE TABLE open_line AS SELECT DISTINCT line FROM rest WHERE line IS NOT NULL;
CREATE TABLE open_entry AS SELECT DISTINCT entry FROM rest WHERE entry IS NOT NULL;
"""

_WANTED_LINES = "SELECT line FROM open_line UNION ALL SELECT line FROM plain_matches WHERE fee_off ORDER BY 1"
_WANTED_ENTRIES = "SELECT entry FROM open_entry UNION ALL SELECT entry FROM plain_matches WHERE fee_off ORDER BY 1"

# A row of a group has no line or no entry, but for its first; the group counts as one match, in the row of its first.
_PREPARE = """
CREATE TABLE decisions (line BIGINT, entry BIGINT, rule TEXT, kind TEXT, evidence TEXT, part_of BIGINT);
CREATE TABLE known_matches AS SELECT line, entry FROM plain_matches WHERE fee_off;
CREATE VIEW free_lines AS
SELECT * FROM line_details
 WHERE line NOT IN (SELECT line FROM known_matches) AND line NOT IN (SELECT line FROM decisions WHERE line IS NOT NULL);
CREATE VIEW free_entries AS
SELECT * FROM entry_details
 WHERE entry NOT IN (SELECT entry FROM known_matches)
   AND entry NOT IN (SELECT entry FROM decisions WHERE entry IS NOT NULL);
CREATE VIEW groups AS
SELECT part_of, row_number() OVER (ORDER BY part_of) AS number, min(entry_details.agency) AS agency,
       sum(line_details.fee) AS fee, sum(expected_fee(entry_details.amount)) AS expected_fee, count(line) AS lines
  FROM decisions LEFT JOIN line_details USING (line) LEFT JOIN entry_details USING (entry)
 WHERE part_of IS NOT NULL GROUP BY part_of;
CREATE VIEW step_matches AS
SELECT line, entry, rule, evidence, groups.number AS group_no,
       CASE WHEN part_of <> line OR line IS NULL THEN 0 ELSE 1 END AS matches,
       coalesce(gross, 0) AS gross, coalesce(amount, 0) AS amount, coalesce(line_details.fee, 0) AS fee,
       coalesce(line_details.currency, entry_details.currency) AS currency,
       coalesce(groups.agency, entry_details.agency) AS agency,
       coalesce(line_details.movement = 'payment' AND fee_is_off(gross, line_details.fee), false)
       AND groups.fee IS DISTINCT FROM coalesce(groups.expected_fee, -1) AS fee_off,
       CASE WHEN groups.lines = 1 THEN groups.expected_fee ELSE expected_fee(gross) END AS expected_fee
  FROM decisions LEFT JOIN line_details USING (line) LEFT JOIN entry_details USING (entry)
  LEFT JOIN groups USING (part_of)
 WHERE rule IS NOT NULL;
CREATE VIEW matches AS
SELECT line, entry, 'provider_reference' AS rule, 1 AS matches, gross, gross AS amount, fee,
       currency::TEXT AS currency, agency, fee_off, expected_fee(gross) AS expected_fee
  FROM plain_matches
 UNION ALL
SELECT line, entry, rule, matches, gross, amount, fee, currency, agency, fee_off, expected_fee FROM step_matches;
CREATE VIEW findings AS
SELECT kind, line, entry, NULL AS expected_fee FROM decisions WHERE kind IS NOT NULL
 UNION ALL
SELECT 'fee_mismatch', line, entry, expected_fee FROM matches WHERE fee_off;
"""

# What a line calls its payment, where no entry has the provider's name of it.
_MISNAMED = """
SELECT line, unnest(list_distinct([merchant, transaction_id])) AS text
  FROM (SELECT * FROM line_details
         WHERE settled AND NOT later AND NOT counterpart_matched AND movement <> 'other'
           AND NOT EXISTS (FROM entry_details AS entry WHERE entry.movement = line_details.movement
                              AND entry.reference = line_details.reference)
         ORDER BY line LIMIT ?)
 ORDER BY ALL
"""

_FINDINGS = """
WITH of_line AS (
    SELECT line, min(proposals.rule) AS rule, min(why) AS why, list(entry_key ORDER BY entry) AS entries
      FROM proposals JOIN entry_details USING (entry) GROUP BY line
), of_entry AS (
    SELECT entry, min(rule) AS rule, min(why) AS why, list(line ORDER BY line) AS lines FROM proposals GROUP BY entry
)
SELECT findings.kind, findings.expected_fee, coalesce(of_line.rule, of_entry.rule), coalesce(of_line.why, of_entry.why),
       of_entry.lines, of_line.entries, line_details.*, entry_details.*
  FROM findings LEFT JOIN line_details USING (line) LEFT JOIN entry_details USING (entry)
  LEFT JOIN of_line ON of_line.line = findings.line AND findings.entry IS NULL
  LEFT JOIN of_entry ON of_entry.entry = findings.entry AND findings.line IS NULL
 ORDER BY findings.line NULLS LAST, findings.entry, findings.kind
"""

_TOTALS = """
WITH side AS (
    SELECT currency, amount AS ledger, (entry IS NOT NULL)::INT AS entries, gross AS statement,
           (line IS NOT NULL)::INT AS lines, gross AS matched, matches AS n, 0 AS unsettled
      FROM matches
     UNION ALL
    SELECT currency, 0, 0, gross, 1, 0, 0, 0
      FROM decisions JOIN line_details USING (line) WHERE decisions.kind IS NOT NULL
     UNION ALL
    SELECT currency, amount, 1, 0, 0, 0, 0, CASE WHEN business_date <= getvariable('day') THEN amount ELSE 0 END
      FROM decisions JOIN entry_details USING (entry) WHERE decisions.kind IS NOT NULL
)
SELECT currency, sum(ledger), sum(entries), sum(statement), sum(lines), sum(matched), sum(n), sum(unsettled)
  FROM side GROUP BY currency ORDER BY currency
"""

_FEES = (
    "SELECT batch_of(line), agency, currency, sum(fee) FROM matches WHERE line IS NOT NULL GROUP BY ALL ORDER BY ALL"
)
_RULES = "SELECT rule, sum(matches)::BIGINT FROM matches GROUP BY rule ORDER BY rule"


class Matching:
    """The matching of one day. `batches` are the ids of the batches, by their place."""

    def __init__(
        self, folder: Path, day: date, batches: Sequence[UUID], fee: FeeContract | None, limits: Limits | None = None
    ) -> None:
        self._db = _database(folder, limits or Limits())
        self._db.execute(_macros(fee))
        self._db.execute("SET VARIABLE day = ?::DATE", [day])
        self._db.execute("CREATE TABLE accepted (line BIGINT, entry BIGINT, resolution VARCHAR)")
        self._db.execute("CREATE TABLE batches (place BIGINT, id UUID)")
        for place, batch in enumerate(batches):
            self._db.execute("INSERT INTO batches VALUES (?, ?)", [place, batch])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def add_accepted(self, pairs: Sequence[tuple[int, int, UUID]]) -> None:
        """Lines and entries that people accepted as the same, each with the resolution that says so."""
        for line, entry, resolution in pairs:
            self._db.execute("INSERT INTO accepted VALUES (?, ?, ?)", [line, entry, str(resolution)])

    def pair(self, lines: Path, entries: Path) -> None:
        """Join both files by key, and find out what the join does not decide."""
        self._db.execute(f"CREATE VIEW lines_file AS FROM {_read(lines, LINES)}")
        self._db.execute(f"CREATE VIEW entries_file AS FROM {_read(entries, ENTRIES)}")
        self._db.execute(_PAIR)

    def wanted_lines(self) -> Iterator[list[int]]:
        """The handles of the lines whose details are needed, in chunks."""
        return self._chunks(_WANTED_LINES)

    def wanted_entries(self) -> Iterator[list[int]]:
        """The ids of the entries whose details are needed, in chunks."""
        return self._chunks(_WANTED_ENTRIES)

    def add_details(self, lines: Path, entries: Path) -> None:
        """Take in the details of what is wanted, of what earlier days left, and of what runs of later days matched."""
        self._db.execute(f"CREATE TABLE line_details AS FROM {_read(lines, LINE_DETAILS)}")
        self._db.execute(f"CREATE TABLE entry_details AS FROM {_read(entries, ENTRY_DETAILS)}")
        self._db.execute(_PREPARE)
        self._db.execute(f"CREATE TABLE named ({', '.join(f'{name} {kind}' for name, kind in NAMED.items())})")
        self._db.execute(READINGS)

    def misnamed_lines(self) -> list[tuple[int, str]]:
        """Handles of lines that may have a garbled name, each with one of its names; at most MOST_MISNAMED lines."""
        return [
            (line, text) for line, text in self._db.execute(_MISNAMED, [MOST_MISNAMED]).fetchall() if text is not None
        ]

    def add_named(self, named: Path) -> None:
        """Take in which payments the names lead to, as Named says it."""
        self._db.execute(f"INSERT INTO named FROM {_read(named, NAMED)}")

    def decide(self) -> None:
        """Take the steps in their order over what the bulk left."""
        for step in STEPS:
            self._take(step)
        self._db.execute(PROPOSALS)
        for step in ALONE:
            self._take(step)

    def _take(self, step: Step) -> None:
        columns = "line, entry, rule, kind, evidence" + (", part_of" if step.grouped else "")
        self._db.execute(f"INSERT INTO decisions ({columns}) {step.sql}")

    def findings(self) -> Iterator[Finding]:
        """What is wrong, in the order of the lines, then of the entries that have none."""
        cursor = self._db.cursor()
        cursor.execute(_FINDINGS)
        while rows := cursor.fetchmany(CHUNK):
            for kind, expected_fee, rule, why, lines, entries, *details in rows:
                line, entry = details[: len(LINE_DETAILS)], details[len(LINE_DETAILS) :]
                proposal = Proposal(rule, why, tuple(lines or ()), tuple(entries or ())) if rule else None
                yield Finding(DiscrepancyKind(kind), _line(line), _entry(entry), expected_fee, proposal)

    def totals(self) -> list[Totals]:
        """By currency, in the order of their codes."""
        return [Totals(currency, *map(int, numbers)) for currency, *numbers in self._db.execute(_TOTALS).fetchall()]

    def fees(self) -> list[FeeSum]:
        rows = self._db.execute(_FEES).fetchall()
        return [FeeSum(batch, agency, currency, int(fee)) for batch, agency, currency, fee in rows]

    def matched_by_rule(self) -> dict[str, int]:
        return dict(self._db.execute(_RULES).fetchall())

    def write_matches(self, folder: Path, run_id: UUID) -> None:
        """The files that matches.replace_matches takes. Of the bulk so many lines at a time as fit into memory."""
        self._db.execute("SET VARIABLE run = ?::UUID", [run_id])
        for name, query in MATCHES.items():
            self._write(query, folder / name)
        blocks = [row[0] for row in self._db.execute(BLOCKS).fetchall()]
        for number, at in enumerate(range(0, len(blocks), AT_A_TIME)):
            self._db.execute("SET VARIABLE first = ?::BIGINT", [blocks[at]])
            self._db.execute("SET VARIABLE last = ?::BIGINT", [blocks[at : at + AT_A_TIME][-1]])
            self._write(CHUNKS, folder / f"chunks-{number:06}")

    def _write(self, query: str, file: Path) -> None:
        self._db.execute(f"COPY ({query}) TO {_quoted(file)} (FORMAT csv, HEADER false)")

    def _chunks(self, query: str) -> Iterator[list[int]]:
        cursor = self._db.cursor()
        cursor.execute(query)
        while rows := cursor.fetchmany(CHUNK):
            yield [row[0] for row in rows]


def _database(folder: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    """In memory up to the limit, then in `folder`. It never loads anything from outside."""
    return duckdb.connect(
        config={
            "threads": limits.threads,
            "memory_limit": f"{limits.memory_mb}MB",
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def _macros(fee: FeeContract | None) -> str:
    """`expected_fee` is FeeContract.fee_minor, in integers wide enough for every amount; null if nothing is agreed."""
    codes = ", ".join(f"'{code}'" for code in sorted(EXPONENT))
    agreed = f"(gross::HUGEINT * {fee.basis_points} + 5000) // 10000 + {fee.fixed_minor}" if fee else "NULL"
    return f"""
        CREATE TYPE currency AS ENUM ({codes});
        CREATE MACRO batch_of(line) AS line >> {LINE_BITS};
        CREATE MACRO number_of(line) AS line & {(1 << LINE_BITS) - 1};
        CREATE MACRO expected_fee(gross) AS CAST({agreed} AS BIGINT);
        CREATE MACRO fee_is_off(gross, fee) AS coalesce(fee <> expected_fee(gross), false);
        {MACROS};
    """


def _read(file: Path, columns: Columns) -> str:
    """The table function that reads one of the files of sides.py."""
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return f"read_csv({_quoted(file)}, header = false, auto_detect = false, delim = ',', columns = {{{typed}}})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _line(values: Sequence[Any]) -> Line | None:
    named: Mapping[str, Any] = dict(zip(LINE_DETAILS, values, strict=True))
    return None if named["line"] is None else Line(**{**named, "movement": Movement(named["movement"])})


def _entry(values: Sequence[Any]) -> Entry | None:
    named: Mapping[str, Any] = dict(zip(ENTRY_DETAILS, values, strict=True))
    return None if named["entry"] is None else Entry(**{**named, "movement": Movement(named["movement"])})
