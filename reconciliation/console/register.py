"""The pages, put into the console."""

from pathlib import Path

from gateway.services.surface import N_, ConsoleSurface, Section
from reconciliation.console import (
    decisions,
    discrepancy,
    overview,
    proposals,
    queue,
    refunds,
    reports,
    runs,
    signing,
    statements,
)
from reconciliation.console.roles import READERS


def register(console: ConsoleSurface) -> None:
    """Add pages, templates and sections to the console."""
    console.add_templates(Path(__file__).parent / "templates")
    for title, endpoint in (
        (N_("The day"), "console.day"),
        (N_("Discrepancies"), "console.discrepancies"),
        (N_("Decisions"), "console.decisions"),
        (N_("Refunds"), "console.refunds"),
        (N_("Runs"), "console.runs"),
        (N_("Bank statements"), "console.statements"),
        (N_("Reports"), "console.reports"),
    ):
        console.add_section(Section(title, endpoint, READERS, is_first=endpoint == "console.day"))
    overview.add(console)
    queue.add(console)
    discrepancy.add(console)
    proposals.add(console)
    decisions.add(console)
    runs.add(console)
    signing.add(console)
    refunds.add(console)
    reports.add(console)
    statements.add(console)
