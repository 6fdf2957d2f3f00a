"""The commands `gateway officers`: the first administrator, and what is to be done when nobody can sign in."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import click

from gateway.config import LocalSettings
from gateway.domain.errors import NotFound
from gateway.domain.officer import Role
from gateway.services import manage_officers
from gateway.services.invite_officer import NewOfficer
from gateway.services.runtime import Caller, Runtime
from gateway.services.second_factors import code_at
from gateway.store.database import new_id

ROLE = click.Choice([str(role) for role in Role])


class Composed(Protocol):
    @property
    def runtime(self) -> Runtime: ...


class Composes(Protocol):
    @property
    def compose(self) -> Callable[[], Composed]: ...


def _operator() -> Caller:
    """Whoever may run commands on the server acts for every agency."""
    return Caller(new_id(), "operator", frozenset(), None, kind="operator")


@click.group()
def officers() -> None:
    """Who signs in to the console. All but the first administrator can also be added there."""


@officers.command("add")
@click.option("--email", required=True, help="By which the officer signs in.")
@click.option("--name", required=True)
@click.option("--role", "roles", required=True, multiple=True, type=ROLE)
@click.option("--agency", help="The code of the agency the officer acts for; without it, all.")
@click.pass_obj
def add(composer: Composes, email: str, name: str, roles: tuple[str, ...], agency: str | None) -> None:
    """Add an officer, and print the link by which they choose a password; it works once, for 24 hours."""
    runtime = composer.compose().runtime
    new = NewOfficer(email, name, roles)
    with runtime.db.transaction() as tx:
        _, link = manage_officers.add(tx, runtime, _operator(), new, agency)
    click.echo(link)


@officers.command("list")
@click.pass_obj
def list_all(composer: Composes) -> None:
    """Every officer, with their roles."""
    runtime = composer.compose().runtime
    after: UUID | None = manage_officers.FIRST
    while after is not None:
        with runtime.db.read() as tx:
            found, after = manage_officers.list_officers(tx, _operator(), after)
        for one in found:
            state = "disabled" if one.is_disabled else "invited" if one.is_invited else "active"
            click.echo(f"{one.email}\t{one.name}\t{', '.join(one.roles)}\t{state}")


@officers.command("roles")
@click.argument("email")
@click.option("--role", "roles", required=True, multiple=True, type=ROLE)
@click.pass_obj
def change_roles(composer: Composes, email: str, roles: tuple[str, ...]) -> None:
    """Give the officer these roles, and no others."""
    with composer.compose().runtime.db.transaction() as tx:
        manage_officers.set_roles(tx, _operator(), manage_officers.officer_by_email(tx, _operator(), email), roles)


@officers.command("disable")
@click.argument("email")
@click.pass_obj
def shut_out(composer: Composes, email: str) -> None:
    """Shut the officer out, at once."""
    with composer.compose().runtime.db.transaction() as tx:
        manage_officers.disable(tx, _operator(), manage_officers.officer_by_email(tx, _operator(), email))


@officers.command("reset")
@click.argument("email")
@click.pass_obj
def start_anew(composer: Composes, email: str) -> None:
    """Forget the officer's password and second factors, and print a link for a new start."""
    runtime = composer.compose().runtime
    with runtime.db.transaction() as tx:
        officer_id = manage_officers.officer_by_email(tx, _operator(), email)
        link = manage_officers.reset(tx, runtime, _operator(), officer_id)
    click.echo(link)


@officers.command("code")
@click.argument("email")
def demo_code(email: str) -> None:
    """Print the code that the authenticator of a demo officer would show now."""
    file = LocalSettings.from_environment(os.environ).data_dir / "demo.json"
    demo = json.loads(file.read_text()) if file.exists() else {}
    known = {one["email"]: one["authenticator"] for one in demo.get("console", {}).get("officers", [])}
    if email not in known:
        listed = ", ".join(known) or f"none: no demo runs on {file.parent}"
        raise NotFound(f"That is no officer of the demo. There are: {listed}.")
    click.echo(code_at(known[email], datetime.now(UTC)))
