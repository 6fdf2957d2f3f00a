"""The command `gateway`. The composer hands over what a command needs, and adds the commands of other packages."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import click
from rich.console import Console

from gateway.config import ConfigurationError, MigrationSettings, fresh_keys
from gateway.demo_day import DemoFailed, play_day
from gateway.demo_office import open_office
from gateway.local import CannotStart, DemoSettings
from gateway.local import run as run_local_stack
from gateway.store.embedded import EmbeddedDatabaseError
from gateway.store.migrate import migrate as migrate_database
from gateway.store.roles import UnusableServer
from gateway.supervisor import ChildDied


@dataclass(frozen=True, slots=True)
class Composer:
    """What only the composer can provide: the worker, and the simulated providers of the demo."""

    run_worker: Callable[[], None]
    simulators: Mapping[str, DemoSettings]


class Misconfigured(click.ClickException):
    """The settings do not allow a start; click prints the list and leaves with this code."""

    exit_code = 2

    def __init__(self, error: ConfigurationError) -> None:
        listed = "\n".join(f"  - {problem}" for problem in error.problems)
        super().__init__(f"the configuration is not complete:\n{listed}")


class Commands(click.Group):
    """A group whose commands, whoever added them, report a faulty configuration as a list, not as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise Misconfigured(error) from error


@click.group(cls=Commands)
@click.version_option(package_name="congphi")
def cli() -> None:
    """Cổng Phí: a payment gateway that a government can run.

    In production: `gateway keys generate` once; `gateway migrate` at each release; then `gunicorn wsgi:app` for the web
    and `gateway worker` for the rest. On a laptop `gateway run` does it all, and `gateway demo` plays a day with it.
    """


@cli.group()
def keys() -> None:
    """The secrets of the installation."""


@keys.command("generate")
def generate_keys() -> None:
    """Print a fresh value for every secret setting, in the form of an environment file.

    Keep them where secrets are kept. Each may also be given as a file: NAME_FILE=/path instead of NAME=value.
    """
    for name, value in fresh_keys(f"k{datetime.now(UTC):%Y%m%d}").items():
        click.echo(f"{name}={value}")


@cli.command()
def migrate() -> None:
    """Bring the database to this release's schema, as its owner.

    GATEWAY_OWNER_DATABASE_URL names the role that owns the schema, and is needed by no other command;
    GATEWAY_DATABASE_URL names the application's role, which is given its rights anew.
    """
    settings = MigrationSettings.from_environment(os.environ)
    migrate_database(settings.owner_url, settings.app_role)
    click.echo(f"The schema is up to date; {settings.app_role} has its rights.")


@cli.command()
@click.pass_obj
def worker(composer: Composer) -> None:
    """Run the background jobs: sweeps, deliveries, schedules. Any number of workers may run."""
    composer.run_worker()


@cli.command()
@click.pass_obj
def run(composer: Composer) -> None:
    """Run everything on this machine with demo data, until Ctrl-C. Not for production.

    PORT (8080) serves the gateway, the ports after it the simulated providers. GATEWAY_DATA_DIR (var) keeps all data,
    also between starts.

    Without GATEWAY_DATABASE_URL an embedded PostgreSQL is started. With it, that database (PostgreSQL 15 or newer) is
    used: its role becomes the owner of the schema, and must be a superuser or have CREATEROLE, since the application
    runs as a role of its own, <database>_app, which is made for it. If you have made that role yourself, give its URL
    in GATEWAY_DATABASE_URL and the owner's in GATEWAY_OWNER_DATABASE_URL.
    """
    try:
        run_local_stack(os.environ, composer.simulators, Console(highlight=False, soft_wrap=True))
    except (CannotStart, ChildDied, EmbeddedDatabaseError, UnusableServer) as error:
        raise click.ClickException(str(error)) from error


@cli.command()
@click.option("--invoices", default=300, show_default=True, type=click.IntRange(1), help="How many payers come.")
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same day.")
def demo(invoices: int, seed: int) -> None:
    """Play a whole day of a fee office, and the night's reconciliation, against the running demo or one of its own."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        with open_office(os.environ, console) as office:
            play_day(office, invoices, seed, console)
    except DemoFailed as error:
        raise click.ClickException(str(error)) from error
