"""Matches written by the block: what the database holds of them, and that it lets nobody match anything twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from gateway.store import matches, reconciliation
from gateway.store.database import Database, constraint_of
from gateway.store.embedded import DatabaseUrls
from gateway.store.matches import MatchedTwice
from gateway.store.tables.reconciliation import settlement_batches, settlement_lines
from reconciliation.matching.engine import Limits, Matching
from tests.unit.plain_matcher import entry, line, written

DAY = date(2026, 3, 2)
BATCH = UUID(int=1)
LINES = (0, 1, 1023, 1024, 5000)


@pytest.fixture
def db(database_urls: DatabaseUrls) -> Iterator[Database]:
    """A database with one batch of LINES and no run."""
    db = Database(database_urls.app_url, lambda: datetime(2026, 3, 3, tzinfo=UTC))
    batch = {"id": BATCH, "provider": "sandbox", "batch_id": "b", "business_date": DAY, "sha256": b"", "lines": 5}
    a_line = {"batch": BATCH, "line_id": "", "kind": "payment", "currency": "VND", "gross_minor": 1, "fee_minor": 0}
    a_line |= {"occurred_at": datetime(2026, 3, 2, tzinfo=UTC), "status": "", "settled": True}
    with db.transaction() as tx:
        tx.execute(insert(settlement_batches).values(batch))
        tx.execute(insert(settlement_lines), [a_line | {"line": number} for number in LINES])
    yield db
    db.close()


def begun(db: Database, provider: str = "sandbox") -> UUID:
    with db.transaction() as tx:
        run = reconciliation.begin_run(tx, provider, DAY, "test", "2", dated=DAY)
        assert run is not None
        run_id: UUID = run.id
        return run_id


def matched(db: Database, run_id: UUID, folder: Path, pairs: dict[int, int]) -> None:
    """As a run matches lines with entries and writes it."""
    folder.mkdir()
    lines, entries = [line(n) for n in pairs], [entry(n, reference=f"tx_{of}") for of, n in pairs.items()]
    with Matching(folder, DAY, [BATCH], None, Limits(threads=1)) as matching:
        matching.pair(
            written(folder / "sl", [(x.line, x.reference, x.currency, x.gross, x.fee, x.settled) for x in lines]),
            written(folder / "sd", [(x.entry, x.reference, 0, x.currency, x.amount) for x in entries]),
        )
        matching.add_details(written(folder / "dl", []), written(folder / "de", []))
        matching.decide()
        (folder / "matches").mkdir()
        matching.write_matches(folder / "matches", run_id)
    with db.transaction() as tx:
        matches.replace_matches(tx, run_id, folder / "matches")


def kept(db: Database) -> set[tuple[UUID, int, int]]:
    with db.read() as tx:
        rows = tx.all(text("SELECT run_id, line, entry_id FROM matches"))
    return {(row.run_id, row.line, row.entry_id) for row in rows}


def test_what_is_written_by_the_block_is_read_by_the_row(db: Database, tmp_path: Path) -> None:
    run = begun(db)
    pairs = {0: 7_000_000_000, 1: 5, 1023: 1024, 1024: 1023, 5000: 6}
    matched(db, run, tmp_path / "a", pairs)
    assert kept(db) == {(run, *pair) for pair in pairs.items()}
    matched(db, run, tmp_path / "b", {1: 9})
    assert kept(db) == {(run, 1, 9)}


@pytest.mark.parametrize(("pairs", "by"), [({1: 8}, "matched_lines"), ({5000: 5}, "matched_entries")])
def test_what_one_run_has_matched_no_other_can(db: Database, tmp_path: Path, pairs: dict[int, int], by: str) -> None:
    first, second = begun(db), begun(db, "stripe")
    matched(db, first, tmp_path / "a", {1: 5, 1023: 6})
    with pytest.raises(IntegrityError) as refused:
        matched(db, second, tmp_path / "b", pairs)
    assert constraint_of(refused.value) == f"{by}_exclusive"
    assert kept(db) == {(first, 1, 5), (first, 1023, 6)}
    matched(db, second, tmp_path / "c", {1024: 7})
    assert len(kept(db)) == 3


def test_a_run_cannot_match_one_entry_twice_itself(db: Database, tmp_path: Path) -> None:
    run = begun(db)
    bits = "".join("1" if bit in (0, 1) else "0" for bit in range(1024))
    one_bit = "01" + "0" * 1022
    (tmp_path / "lines").write_text(f"{BATCH},0,{run},{bits}\n")
    (tmp_path / "entries").write_text(f"0,{run},{one_bit}\n")
    (tmp_path / "chunks-0").write_text(f'{BATCH},0,{run},"{{1024,1025}}"\n')
    with pytest.raises(MatchedTwice), db.transaction() as tx:
        matches.replace_matches(tx, run, tmp_path)
    assert kept(db) == set()
