"""What the database itself refuses about a signed run, tried by direct SQL with the application's own role.

Nothing here may succeed but the last test, so one signed day serves all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.store import reconciliation, resolutions
from gateway.store.database import Database, DatabaseUnavailable, constraint_of
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports import formats
from reconciliation.runs import Run
from reconciliation.sign_off import nothing_at_work, sign_off
from tests.integration.night import Night
from tests.integration.world import a_world


@dataclass
class Signed:
    """A day with a match and something open, which is signed, and the day before it, which is not."""

    db: Database
    run: Run
    unsigned: Run
    found: UUID
    owner_url: str

    def attempt(self, statement: str) -> None:
        with self.db.transaction() as tx:
            tx.execute(text(statement), {"run": self.run.id, "unsigned": self.unsigned.id, "found": self.found})


@pytest.fixture(scope="module")
def signed(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    folder: Path = tmp_path_factory.mktemp("signed")
    with a_world(module_database_urls, folder) as world:
        _, payment = world.paid()
        assert payment.business_date is not None
        night = Night(world, payment.business_date)
        unsigned = night.run(night.day - timedelta(days=1))
        night.settle()
        world.paid()  # after the provider wrote its batch
        run = night.run()
        found = UUID(night.found(run)[0]["id"])
        with nothing_at_work(world.runtime, run.id), world.runtime.db.transaction() as tx:
            sign_off(tx, run.id, "b", "", {found: "the provider sends it tomorrow"}, formats.KEPT)
        yield Signed(world.runtime.db, run, unsigned, found, module_database_urls.owner_url)


ROWS = ("match_chunks", "matched_lines", "matched_entries", "run_findings", "finding_causes")
REFUSED = [
    *((f"DELETE FROM {table} WHERE run_id = :run", "signed_run") for table in ROWS),  # noqa: S608
    ("INSERT INTO matched_lines SELECT batch, 7, run_id, bits FROM matched_lines", "signed_run"),
    ("INSERT INTO matched_entries SELECT 900000, run_id, ~bits FROM matched_entries", "signed_run"),
    (
        "INSERT INTO match_chunks (batch, block, run_id, pairs) SELECT batch, 7, run_id, pairs FROM match_chunks",
        "signed_run",
    ),
    (
        (
            "INSERT INTO match_rows (batch, line, entry_id, run_id, rule)"
            " SELECT batch, line, 900000, :run, 'provider_reference' FROM settlement_lines LIMIT 1"
        ),
        "signed_run",
    ),
    (
        (
            "INSERT INTO bank_matches (group_id, run_id, rule, rules_version, batch, currency, amount_minor)"
            " SELECT gen_random_uuid(), :run, 'decided', '1', id, 'VND', 1 FROM settlement_batches LIMIT 1"
        ),
        "signed_run",
    ),
    (
        (
            "INSERT INTO discrepancies (id, key, kind, status, provider, business_date, run_id, amount_minor, currency,"
            " evidence, opened_at) SELECT gen_random_uuid(), 'another', kind, 'open', provider, business_date, run_id,"
            " amount_minor, currency, evidence, opened_at FROM discrepancies WHERE id = :found"
        ),
        "signed_run",
    ),
    ("UPDATE matched_lines SET bits = repeat('0', 1024)::bit(1024) WHERE run_id = :run", "ended_matches"),
    ("UPDATE matched_entries SET bits = ~bits WHERE run_id = :run", "ended_matches"),
    ("UPDATE matched_entries SET run_id = :unsigned WHERE run_id = :run", "permission denied"),
    ("UPDATE match_chunks SET pairs = '{}' WHERE run_id = :run", "permission denied"),
    ("UPDATE match_rows SET rule = 'amount_window'", "permission denied"),
    ("UPDATE run_findings SET run_id = :unsigned WHERE run_id = :run", "permission denied"),
    ("UPDATE finding_causes SET cause = 'unknown' WHERE run_id = :run", "permission denied"),
    ("UPDATE discrepancies SET run_id = :unsigned WHERE id = :found", "permission denied"),
    ("UPDATE discrepancies SET kind = 'timing' WHERE id = :found", "permission denied"),
    ("UPDATE discrepancies SET opened_at = now() WHERE id = :found", "permission denied"),
    ("DELETE FROM discrepancies WHERE id = :found", "permission denied"),
    ("UPDATE reconciliation_runs SET totals = '{}' WHERE id = :run", "signed_run"),
    (
        (
            "UPDATE reconciliation_runs SET status = 'balanced', signed_off_by = NULL, signed_off_at = NULL,"
            " report_sha256 = NULL WHERE id = :run"
        ),
        "signed_run",
    ),
    ("UPDATE reconciliation_runs SET report_sha256 = '' WHERE id = :run", "signed_run"),
    ("UPDATE reconciliation_runs SET note = 'never seen' WHERE id = :run", "signed_run"),
    ("DELETE FROM reconciliation_runs WHERE id = :run", "permission denied"),
    ("UPDATE run_reports SET sha256 = '' WHERE run_id = :run", "permission denied"),
    ("DELETE FROM run_reports WHERE run_id = :run", "permission denied"),
    ("UPDATE run_report_chunks SET compressed = '' WHERE run_id = :run", "permission denied"),
    ("DELETE FROM run_report_chunks WHERE run_id = :run", "permission denied"),
    ("TRUNCATE run_report_chunks", "permission denied"),
    ("INSERT INTO run_reports VALUES (:run, 'other', '', 0)", "signed_run"),
    ("INSERT INTO run_report_chunks VALUES (:run, 'json', 999, '')", "signed_run"),
    ("INSERT INTO run_reports VALUES (:unsigned, 'json', '', 0)", "signed_run"),
    (
        (
            "UPDATE reconciliation_runs SET status = 'signed_off', signed_off_by = 'nobody', signed_off_at = now(),"
            " report_sha256 = '' WHERE id = :unsigned"
        ),
        "signed_with_report",
    ),
    ("ALTER TABLE reconciliation_runs DISABLE TRIGGER ALL", "must be owner"),
    ("DROP TRIGGER signed_runs_stay ON reconciliation_runs", "must be owner"),
]


@pytest.mark.parametrize(("statement", "reason"), REFUSED, ids=[statement[:60] for statement, _ in REFUSED])
def test_the_application_cannot_change_what_was_signed(signed: Signed, statement: str, reason: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        signed.attempt(statement)
    constraint = constraint_of(refused.value) if isinstance(refused.value, IntegrityError) else ""
    assert reason in f"{constraint} {refused.value}"


@pytest.mark.parametrize("table", ["run_reports", "run_report_chunks", "reconciliation_runs", "matched_lines"])
def test_not_even_the_owner_removes_it_with_the_rules_on(signed: Signed, table: str) -> None:
    engine = create_engine(signed.owner_url)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names from this file
    engine.dispose()


def try_to_sign(signed: Signed) -> None:
    with signed.db.transaction() as tx:
        tx.execute(text("SET LOCAL lock_timeout = '50ms'"))
        tx.execute(text("UPDATE reconciliation_runs SET note = 'seen' WHERE id = :id"), {"id": signed.unsigned.id})


def test_who_signs_waits_for_who_is_writing(signed: Signed) -> None:
    """Else a row written in between would be in a signed run that was signed without it."""
    with signed.db.transaction() as tx:
        reconciliation.link(tx, signed.unsigned.id, signed.found)
        with pytest.raises(DatabaseUnavailable):
            try_to_sign(signed)
    try_to_sign(signed)


def test_what_is_decided_later_about_what_was_found_goes_on(signed: Signed) -> None:
    with signed.db.transaction() as tx:
        until = signed.run.business_date + timedelta(days=9)
        resolutions.change_discrepancy(tx, signed.found, carried_until=until, assigned_to="lan")
        key = tx.execute(text("SELECT key FROM discrepancies WHERE id = :id"), {"id": signed.found}).scalar_one()
        reconciliation.clear_discrepancy(tx, key, {"told": "by the provider"})
    with signed.db.read() as tx:
        query = text("SELECT status, assigned_to FROM discrepancies WHERE id = :id")
        assert tuple(tx.execute(query, {"id": signed.found}).one()) == ("cleared", "lan")
