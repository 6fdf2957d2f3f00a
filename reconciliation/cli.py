"""`gateway reconcile`: run a day's reconciliation here and now, and show what it found."""

from collections.abc import Callable
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from gateway.domain.errors import GatewayError
from gateway.services.runtime import Runtime
from reconciliation.reports.run import discrepancies_of, run_json
from reconciliation.runs import run_reconciliation

GetRuntime = Callable[[], Runtime]


def command(get_runtime: GetRuntime) -> click.Command:
    """The command; `get_runtime` is called once it runs, so that --help needs no configuration."""

    @click.command("reconcile")
    @click.option(
        "--provider", required=True, help="Whose settlement to compare with the ledger; bank:ACCOUNT for a bank."
    )
    @click.option(
        "--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The business date, as in 2026-11-22."
    )
    def reconcile(provider: str, day: datetime) -> None:
        """Compare a provider's settlement of one day with the ledger, or a bank's statement with what was paid out.

        Running it again for the same day gives the same result.

        What is open then: gateway discrepancies list. Sign-off and corrections: gateway runs.
        """
        runtime = get_runtime()
        console = Console(soft_wrap=True)
        try:
            with console.status(f"Reconciling {provider} on {day.date()}") as status:
                run = run_reconciliation(runtime, provider, day.date(), "command line", status.update)
        except GatewayError as error:
            raise click.ClickException(error.detail) from error
        with runtime.db.read() as tx:
            shown = run_json(tx, run.id)
            found = list(discrepancies_of(tx, run.id))
        totals = shown["totals"]
        console.print(f"Run {shown['id']}: {shown['status']}, {totals['matched']} matched.")
        console.print(f"Ledger {totals['ledger_minor']:,}, settlement {totals['statement_minor']:,} (minor units).")
        if found:
            console.print(_table(found))

    return reconcile


def _table(found: list[dict[str, object]]) -> Table:
    table = Table()
    table.add_column("kind", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("amount", no_wrap=True, justify="right")
    table.add_column("what")
    table.add_column("next")
    for row in found:
        explanation = row["explanation"]
        words = explanation["en"] if isinstance(explanation, dict) else {}
        amount = f"{row['amount_minor']:,} {row['currency']}"
        table.add_row(str(row["kind"]), str(row["status"]), amount, words["text"], words["next_step"])
    return table
