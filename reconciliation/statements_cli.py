"""`gateway statements`: hand in a bank's statement, list and show what was handed in."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from gateway.domain.bank_file import FileStatus
from gateway.domain.errors import GatewayError
from gateway.services.runtime import Runtime
from gateway.store import statements
from reconciliation.statements.jobs import LearningQueue
from reconciliation.statements.load import Upload, load_statement
from reconciliation.statements.telling import file_json

GetRuntime = Callable[[], Runtime]
LISTED_MAX = 500
BY_COMMAND = "command line"


def group(get_runtime: GetRuntime) -> click.Group:
    """The commands; `get_runtime` is called once one runs, so that --help needs no configuration."""

    @click.group("statements")
    def commands() -> None:
        """Bank statements: load, list, show."""

    commands.add_command(_load(get_runtime))
    commands.add_command(_list(get_runtime))
    commands.add_command(_show(get_runtime))
    return commands


def _load(get_runtime: GetRuntime) -> click.Command:
    @click.command("load")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--layout", default="", help="Of a delimited file: the column map, as in example-bank.")
    def load(file: Path, layout: str) -> None:
        """Hand in a bank's statement: all of it is loaded, or it is quarantined with its faults.

        What it tells is learnt by the workers: see `gateway statements show`.
        """
        runtime = get_runtime()
        try:
            with file.open("rb") as content:
                upload = Upload(content, file.name, layout)
                loaded = load_statement(runtime, upload, BY_COMMAND, LearningQueue().add)
            with runtime.db.read() as tx:
                told = file_json(tx, loaded.file_id)
        except GatewayError as error:
            raise click.ClickException(error.detail) from error
        if loaded.status is FileStatus.QUARANTINED:
            raise click.ClickException("\n  ".join([f"Quarantined as {loaded.file_id}:", *map(_fault, told["errors"])]))
        known = "" if loaded.is_new else "This file is known already. "
        click.echo(f"{known}File {loaded.file_id}: {len(told['statements'])} statements, {told['lines']} lines.")

    return load


def _list(get_runtime: GetRuntime) -> click.Command:
    @click.command("list")
    def list_files() -> None:
        """List the files that were handed in, the newest first; 500 at most."""
        with get_runtime().db.read() as tx:
            rows = statements.page_of_files(tx, None, LISTED_MAX)
        table = Table("file", "handed in", "name", "status", "statements", "lines", "learnt")
        for row in rows:
            progress = f"{row.read_lines}/{row.lines}"
            told = (str(row.id), f"{row.received_at:%Y-%m-%d %H:%M}", row.name, row.status)
            table.add_row(*told, str(row.statements), str(row.lines), progress)
        console = Console()
        (console if console.is_terminal else Console(width=160)).print(table)

    return list_files


def _show(get_runtime: GetRuntime) -> click.Command:
    @click.command("show")
    @click.argument("file_id", type=click.UUID)
    def show(file_id: UUID) -> None:
        """Show a file with its faults, its statements and how far it is learnt, as JSON."""
        try:
            with get_runtime().db.read() as tx:
                click.echo(json.dumps(file_json(tx, file_id), ensure_ascii=False, indent=2))
        except GatewayError as error:
            raise click.ClickException(error.detail) from error

    return show


def _fault(error: dict[str, object]) -> str:
    line = f"line {error['line']}" if error["line"] else ""
    where = ", ".join(filter(None, (line, str(error["field"]))))
    return f"{where} – {error['reason']}" if where else str(error["reason"])
