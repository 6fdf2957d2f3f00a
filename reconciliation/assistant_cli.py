"""`gateway explain` and `gateway groups`: what the assistant thinks, on the command line."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from gateway.domain.errors import GatewayError
from gateway.services.runtime import Runtime
from reconciliation.assistant.listing import groups_of_day
from reconciliation.explain import LANGUAGES
from reconciliation.likely_causes import causes_of

GetRuntime = Callable[[], Runtime]


def commands(get_runtime: GetRuntime) -> list[click.Command]:
    """`get_runtime` is called once a command runs, so that --help needs no configuration."""
    return [_explain(get_runtime), _groups(get_runtime)]


def _explain(get_runtime: GetRuntime) -> click.Command:
    @click.command("explain")
    @click.argument("discrepancy", type=click.UUID)
    @click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
    def explain(discrepancy: UUID, language: str) -> None:
        """Show the likeliest causes of a discrepancy, with the facts for (+) and against (-) each."""
        runtime = get_runtime()
        try:
            with runtime.db.read() as tx:
                told = causes_of(tx, runtime, discrepancy, None)
        except GatewayError as error:
            raise click.ClickException(error.detail) from error
        for line in _lines(told, language):
            click.echo(line)

    return explain


def _lines(told: Mapping[str, Any], language: str) -> list[str]:
    lines = [f"Group {told['group']}, proposed: {told['proposed_action']}."]
    if told["ask_first"]:
        lines.append(told["ask_first"][language])
    for ranked in told["causes"]:
        words = ranked["explanation"][language]
        lines += ["", f"{ranked['cause']} ({ranked['score']:+d}): {words['cause']}", f"  > {words['next_step']}"]
        lines += [f"  + {fact}" for fact in words["for"]]
        lines += [f"  - {fact}" for fact in words["against"]]
    return lines


def _groups(get_runtime: GetRuntime) -> click.Command:
    @click.command("groups")
    @click.option(
        "--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The business date, as in 2026-11-22."
    )
    @click.option("--provider", default=None, help="Only this provider's.")
    @click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
    def groups(day: datetime, provider: str | None, language: str) -> None:
        """List what the runs of a day left open, grouped by cause."""
        with get_runtime().db.read() as tx:
            found = groups_of_day(tx, day.date(), provider, None)
        Console(soft_wrap=True).print(_table(found, language))

    return groups


def _table(found: list[dict[str, Any]], language: str) -> Table:
    table = Table()
    for name in ("group", "count", "sum", "cause", "next"):
        table.add_column(name, no_wrap=name in ("group", "count"), justify="right" if name == "count" else "left")
    for group in found:
        sums = ", ".join(f"{each['amount_minor']:,} {each['currency']}" for each in group["sums"])
        words = group["explanation"][language]
        table.add_row(group["key"], str(group["count"]), sums, words["cause"], words["next_step"])
    return table
