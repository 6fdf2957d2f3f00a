"""The command `gateway`. The composer hands over what a command needs, and adds the commands of other packages."""

import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from gateway.config import KEY_BYTES, ConfigurationError, LocalSettings, MigrationSettings, Settings, fresh_keys
from gateway.demo_day.day import play_day
from gateway.demo_day.office import DemoFailed
from gateway.demo_day.papers import save_reports
from gateway.demo_office import open_office
from gateway.domain.errors import GatewayError
from gateway.local import CannotStart, DemoSettings
from gateway.local import run as run_local_stack
from gateway.officer_commands import officers as officer_commands
from gateway.provider_commands import BuildAdapter
from gateway.provider_commands import providers as provider_commands
from gateway.services.keys import KeyRing, Scope
from gateway.services.load_catalogue import load_catalogue
from gateway.services.read_catalogue import read_catalogue
from gateway.services.rotate_vault_keys import rotate_vault_keys
from gateway.services.runtime import Runtime
from gateway.services.sealer import Sealer
from gateway.services.vault import VaultError
from gateway.services.verify_ledger import verify_ledger
from gateway.services.write_catalogue import write_catalogue
from gateway.store.embedded import EmbeddedDatabaseError
from gateway.store.migrate import migrate as migrate_database
from gateway.store.roles import UnusableServer
from gateway.supervisor import ChildDied

EXPLAINED = (CannotStart, ChildDied, EmbeddedDatabaseError, UnusableServer, DemoFailed, VaultError)


@dataclass(frozen=True, slots=True)
class Composition:
    """One installation, put together from its settings."""

    settings: Settings
    runtime: Runtime
    keys: KeyRing


@dataclass(frozen=True, slots=True)
class Composer:
    """What only the composer can provide; `compose` and the builders of `adapters` raise ConfigurationError."""

    compose: Callable[[], Composition]
    run_worker: Callable[[Composition], None]
    simulators: Mapping[str, DemoSettings]
    adapters: Mapping[str, BuildAdapter] = field(default_factory=dict)


class Failed(click.ClickException):
    """An error that has an explanation of its own."""


class Misconfigured(click.ClickException):
    """The settings do not allow a start; click prints the list and leaves with this code."""

    exit_code = 2

    def __init__(self, error: ConfigurationError) -> None:
        listed = "\n".join(f"  - {problem}" for problem in error.problems)
        super().__init__(f"the configuration is not complete:\n{listed}")


class Commands(click.Group):
    """A group whose commands, whoever added them, explain what they cannot do instead of showing a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise Misconfigured(error) from error
        except GatewayError as error:
            raise Failed(error.detail) from error
        except EXPLAINED as error:
            raise Failed(str(error)) from error


@click.group(cls=Commands)
@click.version_option(package_name="congphi")
def cli() -> None:
    """Cổng Phí: a payment gateway that a government can run.

    In production: `gateway keys generate` once; `gateway migrate` at each release; then `gunicorn wsgi:app` for the web
    and `gateway worker` for the rest. On a laptop `gateway run` does it all, and `gateway demo` plays a day with it.
    """


cli.add_command(provider_commands)
cli.add_command(officer_commands)


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


@keys.command("rotate-vault")
@click.pass_obj
def rotate_vault(composer: Composer) -> None:
    """Reseal what an older vault key sealed, so that the older can be destroyed.

    First give every process the new key as a second one in GATEWAY_VAULT_KEYS, then as the first, then run this; and
    again until it finds nothing.
    """
    for table, rows in rotate_vault_keys(composer.compose().runtime).items():
        click.echo(f"{table}: {rows} resealed")


@cli.group("api-keys")
def api_keys() -> None:
    """Who may call the API. All but the first key can also be issued through it."""


@api_keys.command("issue")
@click.option("--label", required=True, help="Whose key it is, for those who read the list.")
@click.option("--scope", "scopes", required=True, multiple=True, type=click.Choice([str(scope) for scope in Scope]))
@click.pass_obj
def issue_api_key(composer: Composer, label: str, scopes: tuple[str, ...]) -> None:
    """Issue a key that acts for every agency, and print it: this is the only time that it can be seen."""
    composition = composer.compose()
    with composition.runtime.db.transaction() as tx:
        _, plaintext = composition.keys.issue(tx, label, scopes, None, issued_by="operator")
    click.echo(plaintext)


@cli.group()
def catalogue() -> None:
    """The agencies, and what they charge."""


@catalogue.command("publish")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def publish_catalogue(composer: Composer, folder: Path) -> None:
    """Check the catalogue in FOLDER as a whole, and publish what changed in it; or name every fault and its fix."""
    content = read_catalogue(folder)
    with composer.compose().runtime.db.transaction() as tx:
        published = load_catalogue(tx, content, "operator")
    click.echo(f"{published} procedures published, {len(content.procedures) - published} unchanged.")


@catalogue.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def export_catalogue(composer: Composer, folder: Path) -> None:
    """Write the catalogue as it is published now, with what was changed in the console, into a new or empty FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise click.BadParameter(f"{folder} is not empty: name a new folder", param_hint="FOLDER")
    with composer.compose().runtime.db.read() as tx:
        texts = write_catalogue(tx)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    click.echo(f"{len(texts)} files written to {folder}.")


def _public_key(text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise click.BadParameter(f"a public key is {KEY_BYTES} bytes in base64")
    return key


@cli.group()
def ledger() -> None:
    """The proof that nothing in the ledger was altered."""


@ledger.command("verify")
@click.option("--former-key", "former_keys", multiple=True, help="The public key, in base64, of a former seal key.")
@click.pass_obj
def verify(composer: Composer, former_keys: tuple[str, ...]) -> None:
    """Recompute every seal; name the first day and record that was changed, removed or inserted.

    Compare the last day and hash with what was noted elsewhere: seals that were removed from the end leave no trace.
    """
    composition = composer.compose()
    own_key = Sealer(composition.settings.seal_key).public_key
    verified = verify_ledger(composition.runtime.db, [own_key, *map(_public_key, former_keys)])
    if verified.last_day and verified.last_hash:
        click.echo(f"{verified.records} records hold up to {verified.last_day}, hash {verified.last_hash.hex()}.")
    if verified.fault:
        raise Failed(str(verified.fault))
    click.echo("Nothing was altered." if verified.last_day else "Nothing is sealed yet.")


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
    composer.run_worker(composer.compose())


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
    run_local_stack(os.environ, composer.simulators, Console(highlight=False, soft_wrap=True))


@cli.command()
@click.option("--invoices", default=300, show_default=True, type=click.IntRange(1), help="How many payers come.")
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same day.")
def demo(invoices: int, seed: int) -> None:
    """Play a whole day of a fee office, and the night's reconciliation, against the running demo or one of its own."""
    console = Console(highlight=False, soft_wrap=True)
    with open_office(os.environ, console) as office:
        play_day(office, invoices, seed, console)
        save_reports(office, LocalSettings.from_environment(os.environ).data_dir / "reports", console)
