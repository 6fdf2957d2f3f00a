"""`gateway runs`: list and show runs, ask for a correction, and sign."""

import json
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from gateway.domain.errors import GatewayError
from gateway.domain.reconciliation import RunStatus
from gateway.services.runtime import Runtime
from gateway.store import reconciliation
from reconciliation.reports.formats import KEPT
from reconciliation.reports.run import run_json
from reconciliation.runs import run_reconciliation
from reconciliation.sign_off import nothing_at_work, sign_off

GetRuntime = Callable[[], Runtime]
DAY = click.DateTime(["%Y-%m-%d"])
LISTED_MAX = 500
BY_COMMAND = "command line"


def group(get_runtime: GetRuntime) -> click.Group:
    """The commands; `get_runtime` is called once one runs, so that --help needs no configuration."""

    @click.group("runs")
    def runs() -> None:
        """Reconciliation runs: list, show, sign off, correct."""

    runs.add_command(_list(get_runtime))
    runs.add_command(_show(get_runtime))
    runs.add_command(_sign_off(get_runtime))
    runs.add_command(_correct(get_runtime))
    return runs


def _list(get_runtime: GetRuntime) -> click.Command:
    @click.command("list")
    @click.option("--provider", help="Of this provider only.")
    @click.option("--from", "first", type=DAY, help="From this business date on.")
    @click.option("--to", "last", type=DAY, help="Up to this business date.")
    @click.option("--status", type=click.Choice([status.value for status in RunStatus]), help="In this status only.")
    def list_runs(provider: str | None, first: datetime | None, last: datetime | None, status: str | None) -> None:
        """List the runs, the newest day first; 500 at most."""
        with get_runtime().db.read() as tx:
            rows = reconciliation.page_of_runs(
                tx, provider=provider, first=_day(first), last=_day(last), status=status, after=None, limit=LISTED_MAX
            )
        table = Table("run", "provider", "business date", "correction", "status", "signed off by")
        for row in rows:
            told = (str(row.id), row.provider, row.business_date.isoformat(), str(row.correction), row.status)
            table.add_row(*told, row.signed_off_by or "")
        console = Console()
        (console if console.is_terminal else Console(width=140)).print(table)

    return list_runs


def _show(get_runtime: GetRuntime) -> click.Command:
    @click.command("show")
    @click.argument("run_id", type=click.UUID)
    def show(run_id: UUID) -> None:
        """Show a run with its totals, as JSON."""
        try:
            with get_runtime().db.read() as tx:
                click.echo(json.dumps(run_json(tx, run_id), ensure_ascii=False, indent=2))
        except GatewayError as error:
            raise click.ClickException(error.detail) from error

    return show


def _sign_off(get_runtime: GetRuntime) -> click.Command:
    @click.command("sign-off")
    @click.argument("run_id", type=click.UUID)
    @click.option("--note", required=True, help="Kept with the signature: who signs, and on whose word.")
    @click.option(
        "--open",
        "reasons",
        type=(click.UUID, str),
        multiple=True,
        help="A discrepancy that is open, and the reason why the day is signed all the same.",
    )
    def sign(run_id: UUID, note: str, reasons: tuple[tuple[UUID, str], ...]) -> None:
        """Sign a run: its reports are kept as they are now, and the day is closed.

        The command line signs as one officer, who may not sign what the command line has run.
        """
        runtime = get_runtime()
        try:
            with nothing_at_work(runtime, run_id), runtime.db.transaction() as tx:
                sign_off(tx, run_id, BY_COMMAND, note, dict(reasons), KEPT)
            with runtime.db.read() as tx:
                click.echo(f"Signed. SHA-256 of the JSON report: {run_json(tx, run_id)['report_sha256']}")
        except GatewayError as error:
            raise click.ClickException(_told(error)) from error

    return sign


def _correct(get_runtime: GetRuntime) -> click.Command:
    @click.command("correct")
    @click.option("--provider", required=True, help="Whose day to correct.")
    @click.option("--date", "day", required=True, type=DAY, help="The business date, as in 2026-11-22.")
    def correct(provider: str, day: datetime) -> None:
        """Correct a day that is signed off, by a run of its own that is dated today."""
        try:
            run = run_reconciliation(get_runtime(), provider, day.date(), BY_COMMAND, correction=True)
        except GatewayError as error:
            raise click.ClickException(error.detail) from error
        click.echo(f"Correction {run.correction} of {day.date()}, run {run.id}: {run.status}.")

    return correct


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


def _told(error: GatewayError) -> str:
    return " ".join([error.detail, *(f"{name} {fix}." for name, fix in sorted(error.fields.items()))])
