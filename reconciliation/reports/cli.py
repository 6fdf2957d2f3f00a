"""`gateway report`: write the report of a day or a month into a file."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import click

from gateway.services.runtime import Runtime
from gateway.store import reconciliation
from gateway.store.database import Transaction
from reconciliation.reports.formats import FORMATS, LANGUAGE, Form, render, render_month
from reconciliation.reports.month import Month
from reconciliation.reports.run import RunNotFound
from reconciliation.reports.words import LANGUAGES

GetRuntime = Callable[[], Runtime]


def command(get_runtime: GetRuntime) -> click.Command:
    """The command; `get_runtime` is called once it runs, so that --help needs no configuration."""

    @click.command("report")
    @click.option("--provider", help="Whose day to report, with --date.")
    @click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The business date, as in 2026-11-22.")
    @click.option("--month", type=click.DateTime(["%Y-%m"]), help="Report a month of all agencies, as in 2026-11.")
    @click.option("--format", "form", type=click.Choice(FORMATS), default="pdf", show_default=True)
    @click.option("--language", type=click.Choice(LANGUAGES), default=LANGUAGE, show_default=True)
    @click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
    def report(
        provider: str | None, day: datetime | None, month: datetime | None, form: str, language: str, out: Path
    ) -> None:
        """Write the report of a provider's day, or of a month, as JSON, CSV, XLSX or PDF.

        The same day, once it is run, gives the same bytes.
        """
        if (month is None) is not bool(provider and day) or (month and (provider or day)):
            raise click.UsageError("Give either --provider and --date, or --month.")
        with get_runtime().db.snapshot() as tx, out.open("wb") as file:
            file.writelines(_pieces(tx, provider, day, month, Form(form, language)))
        click.echo(f"{out}: {out.stat().st_size:,} bytes")

    return report


def _pieces(
    tx: Transaction, provider: str | None, day: datetime | None, month: datetime | None, form: Form
) -> Iterator[bytes]:
    if month is not None:
        return render_month(tx, Month.of(month.date()), None, form)
    if provider is None or day is None:
        raise click.UsageError("A day's report needs --provider and --date.")
    runs = reconciliation.runs_of_days(tx, provider, day.date(), day.date())
    if not runs:
        raise RunNotFound(f"{provider} has no run for {day.date()}. Make one: gateway reconcile.")
    return render(tx, runs[0].id, form.format, form.language)
