"""What officers write may hold a name: it stays where it was written."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.resolution import Action
from gateway.services.resolve_discrepancy import approve, propose
from gateway.services.work_on_discrepancy import answer_trace, comment, open_trace
from gateway.store.embedded import DatabaseUrls
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.trace import latest_letter, trace_document
from tests.integration.deciding import the_discrepancy
from tests.integration.night import FEE, Night
from tests.integration.world import a_world

CANARY = "Nguyễn Thị Canary"
TABLES = """
SELECT relname FROM pg_class
 WHERE relkind IN ('r', 'p') AND has_table_privilege(oid, 'SELECT') AND relnamespace = 'public'::regnamespace
"""
WRITTEN_IN = {"discrepancy_notes", "resolutions", "traces"}


@pytest.fixture
def night(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Night]:
    with a_world(database_urls, tmp_path) as world:
        world.runtime = replace(world.runtime, write_off_limits={"VND": FEE})
        _, payment = world.paid()
        assert payment.business_date is not None
        night = Night(world, payment.business_date)
        night.plant("drop_line", payment)
        night.settle()
        night.run()
        yield night


def test_it_is_in_no_log_event_audit_record_report_or_letter(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    world = night.world
    found = the_discrepancy(world, DiscrepancyKind.MISSING_AT_PROVIDER)
    with world.runtime.db.transaction() as tx:
        comment(tx, world.finance, found, f"rang {CANARY}")
        trace = open_trace(tx, world.finance, found, "trace", "Sandbox Bank")
        answer_trace(tx, world.finance, trace, f"it was {CANARY}")
    with world.runtime.db.transaction() as tx:
        (made,) = propose(tx, world.runtime, world.finance, [found], Action.WRITE_OFF, f"agreed with {CANARY}", {})
    with world.runtime.db.transaction() as tx:
        approve(tx, world.runtime, world.approver, [made.id])
    reports = b"".join(night.reports(night.run())).decode()
    with world.runtime.db.transaction() as tx:
        letter = latest_letter(tx, found, None)
        tables = tx.execute(text(TABLES))
        holding = {
            name
            for name in tables.scalars().all()
            if tx.execute(
                text(f"SELECT count(*) FROM {name} AS whole WHERE whole::text LIKE :canary"),  # noqa: S608
                {"canary": f"%{CANARY}%"},
            ).scalar_one()
        }
    assert holding == WRITTEN_IN
    assert CANARY not in reports
    document = trace_document(letter, "vi")
    assert CANARY not in repr(document)
    assert b"".join(as_pdf(document))
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
