"""`gateway discrepancies`: the queue, one discrepancy whole, and an officer's work on it, at the command line.

Whoever acts names an officer with --as; the audit trail has the officer and the login of the machine.
"""

import getpass
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.resolution import Action, Resolution
from gateway.services.keys import Scope
from gateway.services.officer_at_command_line import officer_at_command_line
from gateway.services.resolve_discrepancy import DiscrepancyNotFound, approve, options, propose
from gateway.services.runtime import Caller, Runtime
from gateway.services.work_on_discrepancy import assign, comment
from gateway.store import resolutions
from gateway.store.database import Transaction
from reconciliation.reports.document import shown
from reconciliation.reports.formats import LANGUAGE
from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.run import discrepancy_json
from reconciliation.reports.trace import latest_letter, trace_document
from reconciliation.reports.words import LANGUAGES

GetRuntime = Callable[[], Runtime]
Made = TypeVar("Made")
LISTED_MAX = 500
READER = Caller(UUID(int=0), "command line", frozenset(), None, kind="command line")
WORKERS = (Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
STATUSES, KINDS, ACTIONS = (
    click.Choice([each.value for each in names]) for names in (DiscrepancyStatus, DiscrepancyKind, Action)
)
AS = click.option("--as", "email", required=True, help="The officer who does it, by e-mail address.")


def group(get_runtime: GetRuntime) -> click.Group:
    """The commands; `get_runtime` is called once one runs, so that --help needs no configuration."""

    @click.group("discrepancies")
    def discrepancies() -> None:
        """What does not agree: list, show, decide by two persons, comment, assign."""

    for make in (_list, _show, _propose, _approve, _comment, _assign, _letter):
        discrepancies.add_command(make(get_runtime))
    return discrepancies


def _list(get_runtime: GetRuntime) -> click.Command:
    @click.command("list")
    @click.option("--status", type=STATUSES, default="open", show_default=True)
    @click.option("--kind", type=KINDS, help="Of this kind only.")
    @click.option("--provider", help="Of this provider only.")
    @click.option("--assigned-to", help="Looked after by this person only.")
    @click.option("--older-than", type=click.IntRange(0), help="At least so many days old.")
    @click.option("--due", is_flag=True, help="Without what is carried until a later day.")
    def list_discrepancies(older_than: int | None, due: bool, **wanted: str | None) -> None:
        """List discrepancies, the oldest first; 500 at most."""
        given = {name: value for name, value in wanted.items() if value}
        with get_runtime().db.read() as tx:
            rows = resolutions.page_of_discrepancies(
                tx, None, given, older_than_days=older_than, due=due, after=None, limit=LISTED_MAX
            )
            ages = resolutions.ages(tx, [row.id for row in rows])
        table = Table("discrepancy", "kind", "provider", "business date", "days", "amount", "assigned to")
        for row in rows:
            amount = shown(Money(row.amount_minor, row.currency), "en")
            day, days = row.business_date.isoformat(), str(ages[row.id])
            table.add_row(str(row.id), row.kind, row.provider, day, days, amount, row.assigned_to or "")
        _print(table)

    return list_discrepancies


def _show(get_runtime: GetRuntime) -> click.Command:
    @click.command("show")
    @click.argument("discrepancy", type=click.UUID)
    @click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
    def show(discrepancy: UUID, language: str) -> None:
        """Show a discrepancy: what it means, both sides, what can be decided with what effect, and what was."""
        runtime = get_runtime()

        def read(tx: Transaction) -> tuple[list[str], Table]:
            row = resolutions.find_discrepancy(tx, discrepancy, None)
            if row is None:
                raise DiscrepancyNotFound(f"There is no discrepancy {discrepancy}.")
            can = options(tx, runtime, READER, discrepancy) if row.status == DiscrepancyStatus.OPEN else []
            return _told(tx, row, language), _actions(can)

        lines, actions = _within(runtime, read)
        for line in lines:
            click.echo(line)
        if actions.rows:
            _print(actions)

    return show


def _told(tx: Transaction, row: Any, language: str) -> list[str]:
    about = discrepancy_json(row)
    words = about["explanation"][language]
    amount = shown(Money(row.amount_minor, row.currency), language)
    lines = [f"{row.kind}, {row.status}: {amount}, {row.provider}, {row.business_date}", words["text"]]
    lines += [words["cause"], f"> {words['next_step']}"]
    for side in ("ledger", "settlement"):
        facts = about["evidence"].get(side) or {}
        lines += [f"{side}: " + ", ".join(f"{name} {value}" for name, value in facts.items())] if facts else []
    lines += [f"{note.at:%Y-%m-%d %H:%M} {note.author}: {note.text}" for note in resolutions.notes_of(tx, row.id)]
    return lines + [_resolution_line(each) for each in resolutions.of_discrepancies(tx, [row.id])]


def _actions(can: Sequence[dict[str, Any]]) -> Table:
    table = Table("action", "possible", "effect, or why not")
    for each in can:
        effect = "; ".join(
            f"{part.get('agency', '')} {part['debit']} / {part['credit']}"
            f" {shown(Money(part['amount_minor'], part['currency']), 'en')}".strip()
            for part in each["effect"]
        )
        table.add_row(each["action"], "yes" if each["possible"] else "no", effect or each["why_not"])
    return table


def _propose(get_runtime: GetRuntime) -> click.Command:
    @click.command("propose")
    @click.argument("discrepancies", type=click.UUID, nargs=-1, required=True)
    @click.option("--action", type=ACTIONS, required=True)
    @click.option("--reason", required=True, help="Kept for ever: no personal data.")
    @click.option("--invoice", help="For accept_late_payment and assign_receipt: its id or reference.")
    @click.option("--entry", help="For accept_proposal where several fit: the key of the ledger entry.")
    @AS
    def propose_one_or_many(
        discrepancies: tuple[UUID, ...], action: str, reason: str, invoice: str | None, entry: str | None, email: str
    ) -> None:
        """Propose one decision about one or many discrepancies, all or none."""
        runtime = get_runtime()
        given = {name: value for name, value in (("invoice", invoice), ("entry", entry)) if value}

        def carry_out(tx: Transaction) -> list[Resolution]:
            caller = _officer(tx, email, "discrepancies propose", Scope.FINANCE)
            return propose(tx, runtime, caller, discrepancies, Action(action), reason, given)

        for each in _within(runtime, carry_out):
            click.echo(_resolution_line(each))

    return propose_one_or_many


def _approve(get_runtime: GetRuntime) -> click.Command:
    @click.command("approve")
    @click.argument("decisions", type=click.UUID, nargs=-1, required=True)
    @AS
    def approve_some(decisions: tuple[UUID, ...], email: str) -> None:
        """Approve what another person proposed: it is applied in the same moment, all or none."""
        runtime = get_runtime()

        def carry_out(tx: Transaction) -> list[Resolution]:
            caller = _officer(tx, email, "discrepancies approve", Scope.APPROVER)
            return approve(tx, runtime, caller, decisions)

        for each in _within(runtime, carry_out):
            click.echo(_resolution_line(each))

    return approve_some


def _comment(get_runtime: GetRuntime) -> click.Command:
    @click.command("comment")
    @click.argument("discrepancy", type=click.UUID)
    @click.argument("text")
    @AS
    def say(discrepancy: UUID, text: str, email: str) -> None:
        """Say something about a discrepancy, for the next officer. No personal data."""

        def carry_out(tx: Transaction) -> None:
            comment(tx, _officer(tx, email, "discrepancies comment", *WORKERS), discrepancy, text)

        _within(get_runtime(), carry_out)

    return say


def _assign(get_runtime: GetRuntime) -> click.Command:
    @click.command("assign")
    @click.argument("discrepancy", type=click.UUID)
    @click.option("--to", help="Who looks after it from now on; nobody if it is left out.")
    @AS
    def assign_to(discrepancy: UUID, to: str | None, email: str) -> None:
        """Say who looks after a discrepancy."""

        def carry_out(tx: Transaction) -> None:
            assign(tx, _officer(tx, email, "discrepancies assign", *WORKERS), discrepancy, to)

        _within(get_runtime(), carry_out)

    return assign_to


def _letter(get_runtime: GetRuntime) -> click.Command:
    @click.command("letter")
    @click.argument("discrepancy", type=click.UUID)
    @click.option("--language", type=click.Choice(LANGUAGES), default=LANGUAGE, show_default=True)
    @click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
    def letter(discrepancy: UUID, language: str, out: Path) -> None:
        """Write the last trace request or dispute about a discrepancy into a PDF, to be signed and sent."""
        found = _within(get_runtime(), lambda tx: latest_letter(tx, discrepancy, None))
        out.write_bytes(b"".join(as_pdf(trace_document(found, language))))
        click.echo(f"{out}: {out.stat().st_size:,} bytes")

    return letter


def _officer(tx: Transaction, email: str, command: str, *allowed: Scope) -> Caller:
    return officer_at_command_line(tx, email, _login(), command, *allowed)


def _login() -> str:
    """Who runs the command on this machine; a container may know no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _within(runtime: Runtime, work: Callable[[Transaction], Made]) -> Made:
    """Do it in a transaction; what is wrong is told as one line."""
    try:
        with runtime.db.transaction() as tx:
            return work(tx)
    except GatewayError as error:
        fixes = [f"{name} {fix}." for name, fix in sorted(error.fields.items())]
        raise click.ClickException(" ".join([error.detail, *fixes])) from error


def _resolution_line(resolution: Resolution) -> str:
    by = f", decided by {resolution.decided_by}" if resolution.decided_by else ""
    return f"Decision {resolution.id}: {resolution.action}, {resolution.status}, by {resolution.proposed_by}{by}."


def _print(table: Table) -> None:
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
