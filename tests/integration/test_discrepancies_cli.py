"""The queue at the command line: the same use cases, by named officers, and the trail says on whose login."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.officer import Role
from gateway.services.work_on_discrepancy import open_trace
from gateway.store.embedded import DatabaseUrls
from reconciliation.discrepancies_cli import group
from tests.integration.deciding import opened, status_of
from tests.integration.officers import an_officer
from tests.integration.world import World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        made.runtime = replace(made.runtime, write_off_limits={"VND": 10_000})
        yield made


def gateway(world: World, *arguments: str, fails: bool = False) -> str:
    result = CliRunner().invoke(group(lambda: world.runtime), arguments)
    assert (result.exit_code != 0) is fails, result.output
    return result.output


def email(officer: UUID) -> str:
    return f"{officer}@gov.example"


def test_two_officers_decide_at_the_command_line(world: World, tmp_path: Path) -> None:
    found = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    finance, approver = (an_officer(world.runtime, [role]) for role in (Role.FINANCE, Role.APPROVER))
    assert str(found) in gateway(world, "list")
    assert str(found) not in gateway(world, "list", "--kind", "timing")
    shown = gateway(world, "show", str(found))
    assert "write_off" in shown
    assert "4,000 VND" in shown
    gateway(world, "comment", str(found), "rang the provider", "--as", email(finance))
    gateway(world, "assign", str(found), "--to", "Lan", "--as", email(approver))
    wanted = ("propose", str(found), "--action", "write_off", "--reason", "small", "--as")
    assert "takes the role of finance" in gateway(world, *wanted, email(approver), fails=True)
    assert "There is no officer" in gateway(world, *wanted, "nobody@gov.example", fails=True)
    line = gateway(world, *wanted, email(finance))
    decision = line.split()[1].rstrip(":")
    assert "applied" in gateway(world, "approve", decision, "--as", email(approver))
    assert status_of(world, found) == "resolved"
    assert "rang the provider" in gateway(world, "show", str(found))
    with world.runtime.db.transaction() as tx:
        trail = tx.all(
            text("SELECT actor, after ->> 'command' AS command FROM audit_log WHERE action = 'command_line.used'")
        )
    assert [tuple(row) for row in trail] == [
        (f"officer:{finance}", "discrepancies comment"),
        (f"officer:{approver}", "discrepancies assign"),
        (f"officer:{finance}", "discrepancies propose"),
        (f"officer:{approver}", "discrepancies approve"),
    ]


def test_the_letter_of_a_trace_is_written(world: World, tmp_path: Path) -> None:
    found = opened(world, DiscrepancyKind.MISSING_AT_PROVIDER, 4_000)
    out = tmp_path / "letter.pdf"
    wanted = ("letter", str(found), "--out", str(out))
    assert "No trace was opened" in gateway(world, *wanted, fails=True)
    with world.runtime.db.transaction() as tx:
        open_trace(tx, world.finance, found, "trace", "Sandbox Bank")
    gateway(world, *wanted)
    assert out.read_bytes().startswith(b"%PDF-")
