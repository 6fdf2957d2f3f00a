"""The composer: the only module that knows the gateway, the providers and reconciliation together.

`gunicorn wsgi:app` serves the web; `gateway` is the command line. Both read their settings here, at the start, and
report what is wrong with any of them, the gateway's and the providers', as one list. The application is made when it is
first asked for, so that commands that need no configuration have none to miss.
"""

import gc

gc.disable()  # what loading makes lives as long as the process: to look for garbage in it took a sixth of the start

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from flask import Flask

from gateway.app import create_app
from gateway.cli import Composer, Composition, cli
from gateway.config import ConfigurationError, Environment, Settings, provider_names
from gateway.domain.payout import PayoutTerms
from gateway.jobs import build_jobs, nightly_seal, receipt_mail, run_worker
from gateway.logs import configure_logging
from gateway.pages.receipts import receipt_pdf
from gateway.payout_settings import DEMO_ACCOUNT, read_payout_terms
from gateway.ports.provider import PaymentProvider
from gateway.services.keys import KeyRing
from gateway.services.mailer import Mailer, UnusableMailServer
from gateway.services.openid import OpenId
from gateway.services.runtime import Runtime
from gateway.services.sealer import Sealer
from gateway.services.sign_document import DocumentSigner, UnusableCertificate, check_for_production
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database
from providers import registry
from providers.demo import TEMPLATES, demo_settings
from providers.settings import MissingSettings, UnusableSetting
from reconciliation import api as reconciliation_api
from reconciliation import assistant_cli, discrepancies_cli, runs_cli, statements_cli
from reconciliation import cli as reconciliation_cli
from reconciliation import console as reconciliation_console
from reconciliation import jobs as reconciliation_jobs
from reconciliation.reports import cli as report_cli
from reconciliation.statements import jobs as statement_jobs
from reconciliation.statements.layouts import read_layouts

gc.enable()

# Gunicorn takes this code of a worker for an application that cannot be loaded, and stops; others it starts for ever.
EXIT_CANNOT_LOAD = 4


def compose(variables: Mapping[str, str]) -> Composition:
    """Raises ConfigurationError with every fault of every setting."""
    problems: list[str] = []
    adapters: dict[str, PaymentProvider] = {}
    settings: Settings | None = None
    try:
        settings = Settings.from_environment(variables)
    except ConfigurationError as error:
        problems += error.problems
    environment = Environment(variables)
    for name in provider_names(variables):
        try:
            adapters[name] = registry.build(name, environment)
        except (MissingSettings, UnusableSetting, registry.UnknownProvider) as error:
            problems.append(str(error))
    payouts, faults = _payout_terms(environment, adapters, demo=bool(settings and settings.demo))
    layouts, misread = read_layouts(environment.get("GATEWAY_STATEMENT_LAYOUTS", ""))
    problems += [*faults, *misread]
    problems += [problem for problem in environment.problems.values() if problem not in problems]
    signer = mailer = None
    if settings and settings.receipt_certificate:
        try:
            signer = DocumentSigner(settings.receipt_certificate.encode(), settings.receipt_key.encode())
            if not settings.demo:
                check_for_production(settings.receipt_certificate.encode(), datetime.now(UTC))
        except UnusableCertificate as error:
            problems.append(f"GATEWAY_RECEIPT_CERTIFICATE and GATEWAY_RECEIPT_KEY: {error}.")
    if settings and settings.smtp_url:
        try:
            mailer = Mailer(settings.smtp_url, settings.mail_from)
        except UnusableMailServer as error:
            problems.append(f"GATEWAY_SMTP_URL and GATEWAY_MAIL_FROM: {error}.")
    if settings is None or problems:
        raise ConfigurationError(problems)
    runtime = replace(_runtime(settings, adapters, payouts, signer, mailer), statement_layouts=layouts)
    return Composition(settings, runtime, KeyRing(settings.api_key_pepper))


def _payout_terms(
    environment: Mapping[str, str], adapters: Mapping[str, PaymentProvider], *, demo: bool
) -> tuple[PayoutTerms, list[str]]:
    """As they are set; in a demo that sets none, all that holds money pays out to one account of each currency."""
    terms, faults = read_payout_terms(environment)
    if not demo or terms.accounts:
        return terms, faults
    paying = {name: each.capabilities for name, each in adapters.items() if not each.capabilities.lands_in_bank}
    accounts = {
        f"{name}:{currency}": DEMO_ACCOUNT.format(currency)
        for name, can in paying.items()
        for currency in sorted(can.currencies)
    }
    return replace(terms, accounts=accounts), faults


def _runtime(
    settings: Settings,
    adapters: Mapping[str, PaymentProvider],
    payouts: PayoutTerms,
    signer: DocumentSigner | None,
    mailer: Mailer | None,
) -> Runtime:
    return Runtime(
        db=Database(settings.database_url, lambda: datetime.now(UTC)),
        providers=adapters,
        vault=Vault(settings.vault_keys, settings.lookup_key),
        tokens=Tokens(settings.token_key),
        public_url=settings.public_url,
        allow_private_webhooks=settings.allow_private_webhooks,
        signer=signer,
        mailer=mailer,
        write_off_limits=settings.write_off_limits,
        payouts=payouts,
        statement_bytes_max=settings.max_statement_bytes,
        openid=_openid(settings),
    )


def _openid(settings: Settings) -> OpenId | None:
    if not settings.oidc_issuer:
        return None
    secret, claim = settings.oidc_client_secret, settings.oidc_role_claim
    return OpenId(settings.oidc_issuer, settings.oidc_client_id, secret, claim)


def __getattr__(name: str) -> Flask:
    """`wsgi.app`, for a WSGI server (PEP 562)."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        composition = compose(os.environ)
    except ConfigurationError as error:
        listed = "\n".join(f"  - {problem}" for problem in error.problems)
        print(f"Error: the configuration is not complete:\n{listed}", file=sys.stderr)  # noqa: T201 - there is no log yet
        raise SystemExit(EXIT_CANNOT_LOAD) from None
    configure_logging(composition.settings.log_level)
    extensions, consoles = [reconciliation_api.register], [reconciliation_console.register]
    return create_app(composition.settings, composition.runtime, composition.keys, extensions, consoles=consoles)


def main() -> None:
    """The command `gateway`."""
    cli(prog_name="gateway", obj=composer())


def composer() -> Composer:
    """What the command line works with."""
    simulators = {name: partial(demo_settings, name) for name in TEMPLATES}
    adapters = {name: partial(_build, name) for name in registry.ADAPTERS}
    return Composer(partial(compose, os.environ), _run_worker, simulators, adapters)


def _build(name: str, environment: Mapping[str, str]) -> PaymentProvider:
    try:
        return registry.build(name, environment)
    except (MissingSettings, UnusableSetting) as error:
        raise ConfigurationError([str(error)]) from error


def _run_worker(composition: Composition) -> None:
    configure_logging(composition.settings.log_level)
    sealing = nightly_seal(Sealer(composition.settings.seal_key))
    extensions = [sealing, receipt_mail(receipt_pdf), reconciliation_jobs.register, statement_jobs.register]
    run_worker(build_jobs(composition.runtime, composition.settings.database_url, extensions))


cli.add_command(reconciliation_cli.command(lambda: compose(os.environ).runtime))
cli.add_command(report_cli.command(lambda: compose(os.environ).runtime))
for command in assistant_cli.commands(lambda: compose(os.environ).runtime):
    cli.add_command(command)
cli.add_command(runs_cli.group(lambda: compose(os.environ).runtime))
cli.add_command(statements_cli.group(lambda: compose(os.environ).runtime))
cli.add_command(discrepancies_cli.group(lambda: compose(os.environ).runtime))


@cli.command()
@click.argument("name", type=click.Choice(sorted(registry.SIMULATORS)))
@click.option("--port", type=int, required=True, help="Where to listen, on 127.0.0.1.")
def simulator(name: str, port: int) -> None:
    """Play a payment provider on this machine, with the settings that its adapter would use."""
    environment = Environment(os.environ)
    books = Path(environment.get("GATEWAY_DATA_DIR", "var")) / "simulators"
    public_url = environment.get("GATEWAY_PUBLIC_URL", "")
    try:
        registry.serve(name, port, books, environment, f"{public_url}/providers/{name}/webhook")
    except (MissingSettings, UnusableSetting) as error:
        raise ConfigurationError([str(error)]) from error


if __name__ == "__main__":
    main()
