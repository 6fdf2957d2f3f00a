"""The commands `gateway providers`: what each provider can do, and what is wrong with how it is set up here.

They work with adapters as the composer builds them, and speak to them through the port alone: whether a provider can be
reached is found out by asking it about a payment that does not exist, which proves address, way and credentials at once
and changes nothing.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from gateway.config import ConfigurationError, Environment, database_url, provider_names
from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.reference import new_base, rf
from gateway.local import DemoSettings
from gateway.payout_settings import read_payout_terms
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    BillPresenter,
    Cancellable,
    CreditSource,
    NotSent,
    PaymentProvider,
    PaymentRef,
    RateLimited,
    Refunder,
    SettlementSource,
    WebhookReceiver,
)
from gateway.services.check_methods import method_faults
from gateway.services.check_payouts import payout_faults
from gateway.store.database import Database, new_id

BuildAdapter = Callable[[Mapping[str, str]], PaymentProvider]

PROTOCOLS: Sequence[tuple[str, type]] = (
    ("cancel", Cancellable),
    ("refund", Refunder),
    ("notify", WebhookReceiver),
    ("credits", CreditSource),
    ("settlement", SettlementSource),
    ("bills", BillPresenter),
)
"""What a provider may be able to do besides taking payments and telling of them, which all can."""

NOT_ITS_ADDRESS = frozenset({"GATEWAY_PUBLIC_URL"})
WIDTH_IN_A_FILE = 140  # columns
# A provider is described without being called, so these are never used.
NOWHERE, NO_SECRET, NO_FILES = "http://127.0.0.1:9", "0" * 64, Path()


class Composer(Protocol):
    """What the composer hands over. `adapters` raise ConfigurationError; `simulators` hold settings to describe by."""

    @property
    def adapters(self) -> Mapping[str, BuildAdapter]: ...
    @property
    def simulators(self) -> Mapping[str, DemoSettings]: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """A provider that is enabled here. `addresses` are those in its settings; `faults` what is wrong with it."""

    name: str
    provider: PaymentProvider | None
    addresses: Sequence[str]
    faults: Sequence[str]


@click.group("providers")
def providers() -> None:
    """The payment providers: what each can do, and whether it is set up rightly here."""


@providers.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs. Amounts are in minor units.")
@click.pass_obj
def list_providers(composer: Composer, as_json: bool) -> None:
    """List every provider that this release knows, enabled here or not.

    Shown are its flow, its currencies with their limits, what it can do besides taking payments (cancel, refund,
    notify, credits, settlement, bills), how it settles, and the zone in which it cuts its day. Nobody is called. A
    provider is enabled by naming it in GATEWAY_PROVIDERS and setting what `gateway providers check` then asks for.
    """
    enabled = provider_names(os.environ)
    rows = [_described(name, composer, enabled) for name in sorted(composer.adapters)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        console = Console()
        (console if console.is_terminal else Console(width=WIDTH_IN_A_FILE)).print(_table(rows))


@providers.command("check")
@click.option("--offline", is_flag=True, help="Look at the settings and the agencies only; call no provider.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.pass_obj
def check_providers(composer: Composer, offline: bool, as_json: bool) -> None:
    """Say what is wrong with the enabled providers, all of it at once; leave with 1 if anything is.

    Looked for are: names in GATEWAY_PROVIDERS that nobody knows; settings that are missing or blank; providers that
    cannot be reached or do not answer as they should (each is asked about a payment that does not exist); agencies that
    name a provider which is not enabled, whose limits leave nothing, which have no method left, or of which two methods
    report the same bank account; and providers of which nobody has said where they pay out.
    """
    names = provider_names(os.environ)
    checked = [_checked(name, composer, offline=offline) for name in names]
    faults = [fault for each in checked for fault in each.faults]
    faults += [] if names else ["GATEWAY_PROVIDERS is missing or blank: name the payment providers to enable."]
    enabled = {each.name: each.provider for each in checked}
    terms, problems = read_payout_terms(Environment(os.environ))
    faults += problems + payout_faults(terms, enabled)
    faults += _agency_faults(enabled)
    if as_json:
        shown = [{"name": each.name, "addresses": each.addresses, "faults": each.faults} for each in checked]
        click.echo(json.dumps({"providers": shown, "faults": faults}, ensure_ascii=False, indent=2))
    else:
        _say(checked, faults, offline=offline)
        if not terms.accounts:
            click.echo("Payouts are not looked for in the bank, because GATEWAY_PAYOUT_ACCOUNTS names no account.")
    if faults:
        raise SystemExit(1)


def _described(name: str, composer: Composer, enabled: Sequence[str]) -> dict[str, Any]:
    """As it is set up here; else, as nothing that it can do depends on that, as it would be in a demo."""
    environment = Environment(os.environ)
    try:
        provider = composer.adapters[name](environment)
    except ConfigurationError:
        provider = composer.adapters[name]({**environment, **composer.simulators[name](NOWHERE, NO_SECRET, NO_FILES)})
    can = provider.capabilities
    return {
        "name": name,
        "enabled": name in enabled,
        "titles": dict(provider.titles),
        "flow": can.flow,
        "currencies": list(_currencies(can)),
        "can": [word for word, protocol in PROTOCOLS if isinstance(provider, protocol)],
        "partial_refunds": can.partial_refunds and isinstance(provider, Refunder),
        "settlement": can.settlement,
        "settlement_lag_days": can.settlement_lag_days,
        "lands_in_bank": can.lands_in_bank,
        "time_zone": can.time_zone,
        "payment_lifetime_minutes": can.payment_lifetime // timedelta(minutes=1),
    }


def _currencies(can: Capabilities) -> Iterator[dict[str, Any]]:
    for currency in sorted(can.currencies):
        lowest, highest = can.limits(currency)
        yield {"currency": currency, "minimum_minor": lowest, "maximum_minor": highest}


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    for column in ("provider", "enabled", "flow", "takes", "can", "settles", "zone"):
        table.add_column(column, overflow="fold", no_wrap=column in ("provider", "takes"))
    for row in rows:
        settles = f"by {row['settlement']}" if row["settlement"] != "none" else "none"
        days = row["settlement_lag_days"]
        lag = f", within {days} {'day' if days == 1 else 'days'}" if days else ""
        table.add_row(
            row["name"],
            "yes" if row["enabled"] else "no",
            row["flow"],
            "\n".join(map(_takes, row["currencies"])),
            "\n".join(row["can"]),
            settles + lag + (", straight to the bank" if row["lands_in_bank"] else ""),
            row["time_zone"],
        )
    return table


def _takes(limits: Mapping[str, Any]) -> str:
    currency, most = limits["currency"], limits["maximum_minor"]
    least = f"{Money(limits['minimum_minor'], currency).major():,f}"
    return f"{currency} {least} to {Money(most, currency).major():,f}" if most else f"{currency} from {least}"


def _checked(name: str, composer: Composer, *, offline: bool) -> Checked:
    if name not in composer.adapters:
        there_are = ", ".join(sorted(composer.adapters))
        return Checked(name, None, (), [f"GATEWAY_PROVIDERS names {name}, which nobody knows. There are: {there_are}."])
    environment = _Watched(Environment(os.environ))
    try:
        provider = composer.adapters[name](environment)
    except ConfigurationError as error:
        return Checked(name, None, environment.addresses(), [*environment.problems(), *error.problems])
    fault = None if offline else _probe(name, provider, environment.addresses())
    return Checked(name, provider, environment.addresses(), [*environment.problems(), *([fault] if fault else [])])


class _Watched(Mapping[str, str]):
    """An environment that remembers what was asked of it: those are the settings of who asked."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._asked: dict[str, None] = {}

    def __getitem__(self, name: str) -> str:
        self._asked[name] = None
        return self._environment[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)

    def addresses(self) -> list[str]:
        values = [self._environment.get(name, "") for name in self._asked if name not in NOT_ITS_ADDRESS]
        return [_shown(value) for value in values if value.startswith(("http://", "https://"))]

    def problems(self) -> list[str]:
        """Of the settings that were asked for: a file that cannot be read, one that is given both ways."""
        return [problem for name, problem in self._environment.problems.items() if name in self._asked]


def _shown(url: str) -> str:
    """Scheme, host, port and path: a name and password before them, or a query, may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _probe(name: str, provider: PaymentProvider, addresses: Sequence[str]) -> str | None:
    """What is wrong with the answer to a question about a payment that does not exist; None if nothing is."""
    currency = min(provider.capabilities.currencies)
    payment_id, now = new_id(), datetime.now(UTC)
    amount = Money(provider.capabilities.limits(currency)[0], currency)
    ref = PaymentRef(payment_id, rf(new_base(now.year, 0)), amount, str(payment_id), now)
    tried = f"Tried: a question about a payment that does not exist{''.join(f', at {url}' for url in addresses)}."
    try:
        provider.query_payment(ref)
    except RateLimited:
        return None  # it is there, and busy
    except NotSent as error:
        return f"{name} cannot be reached ({_code(error)}). {tried}"
    except Exception as error:  # whatever an adapter does, the others are still to be checked
        return f"{name} does not answer as it should ({_code(error)}). {tried}"
    return None


def _code(error: Exception) -> str:
    return getattr(error, "code", "") or type(error).__name__


def _agency_faults(enabled: Mapping[str, PaymentProvider | None]) -> list[str]:
    try:
        url = database_url(os.environ)
    except ConfigurationError as error:
        return [f"The agencies were not looked at: {problem}" for problem in error.problems]
    db = Database(url, lambda: datetime.now(UTC), pool_size=1)
    try:
        with db.read() as tx:
            return method_faults(tx, enabled)
    except GatewayError as error:
        return [f"The agencies were not looked at: {error.detail}"]
    except DBAPIError as error:
        reason = type(error.orig).__name__
        return [f"The agencies were not looked at: the database has not this schema ({reason}): run `gateway migrate`."]
    finally:
        db.close()


def _say(checked: Sequence[Checked], faults: Sequence[str], *, offline: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for each in checked:
        answer = "settings complete" if offline else "settings complete, answers"
        where = f" ({', '.join(each.addresses)})" if each.addresses else ""
        console.print(f"{each.name}: {'see below' if each.faults else answer}{where}", markup=False)
    for fault in faults:
        console.print(f"  - {fault}", markup=False)
    console.print(f"{len(faults)} faults." if faults else "Nothing is wrong.")
