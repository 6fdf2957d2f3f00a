"""The pages, put into the console."""

from pathlib import Path

from gateway.services.surface import N_, ConsoleSurface, Section
from reconciliation.console import decisions, discrepancy, proposals, queue, runs, signing
from reconciliation.console.roles import READERS


def register(console: ConsoleSurface) -> None:
    """Add pages, templates and sections to the console."""
    console.add_templates(Path(__file__).parent / "templates")
    for title, endpoint in (
        (N_("Discrepancies"), "console.discrepancies"),
        (N_("Decisions"), "console.decisions"),
        (N_("Runs"), "console.runs"),
    ):
        console.add_section(Section(title, endpoint, READERS))
    queue.add(console)
    discrepancy.add(console)
    proposals.add(console)
    decisions.add(console)
    runs.add(console)
    signing.add(console)
