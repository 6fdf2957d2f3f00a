"""The tables from which the composer picks: adapters by name, and the simulators that play their providers.

A new provider is a package, a line in each table, and a conformance class in tests/providers.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import httpx
from flask import Flask

from gateway.ports.provider import PaymentProvider
from providers.bank_transfer import adapter as bank_transfer
from providers.bank_transfer import simulator as bank_transfer_simulator
from providers.bank_transfer.schemes import SCHEMES as BANK_TRANSFER_SCHEMES
from providers.momo import adapter as momo
from providers.momo import simulator as momo_simulator
from providers.paygov import adapter as paygov
from providers.paygov import simulator as paygov_simulator
from providers.sandbox import adapter as sandbox
from providers.sandbox import simulator as sandbox_simulator
from providers.simulation.bank import Options
from providers.simulation.server import serve_app
from providers.stripe import adapter as stripe
from providers.stripe import simulator as stripe_simulator
from providers.transport import TIMEOUT
from providers.vnpay import adapter as vnpay
from providers.vnpay import simulator as vnpay_simulator
from providers.zalopay import adapter as zalopay
from providers.zalopay import simulator as zalopay_simulator


class Build(Protocol):
    """Makes an adapter from its settings. `timeout` is by default what the provider asks for."""

    def __call__(self, environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> PaymentProvider: ...


ADAPTERS: Mapping[str, Build] = {
    "sandbox": sandbox.build,
    "stripe": stripe.build,
    "paygov": paygov.build,
    "momo": momo.build,
    "vnpay": vnpay.build,
    "zalopay": zalopay.build,
    **{name: bank_transfer.Builder(scheme) for name, scheme in BANK_TRANSFER_SCHEMES.items()},
}
SIMULATORS: Mapping[str, Callable[[Options], Flask]] = {
    "sandbox": sandbox_simulator.create_app,
    "stripe": stripe_simulator.create_app,
    "paygov": paygov_simulator.create_app,
    "momo": momo_simulator.create_app,
    "vnpay": vnpay_simulator.create_app,
    "zalopay": zalopay_simulator.create_app,
    **{name: bank_transfer_simulator.creator(name) for name in BANK_TRANSFER_SCHEMES},
}


class UnknownProvider(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no provider {name!r}. There are: {', '.join(sorted(ADAPTERS))}.")


def build(name: str, environment: Mapping[str, str], timeout: httpx.Timeout | None = None) -> PaymentProvider:
    """The adapter `name` with its settings from `environment`, and with its own time-outs unless others are given.
    Raises UnknownProvider, or MissingSettings naming every setting that is missing or blank."""
    if name not in ADAPTERS:
        raise UnknownProvider(name)
    adapter = ADAPTERS[name]
    return adapter(environment) if timeout is None else adapter(environment, timeout)


def serve(name: str, port: int, data_dir: Path, settings: Mapping[str, str], webhook_url: str = "") -> None:
    """Play the provider `name` on 127.0.0.1:`port` until SIGTERM, keeping its books in `data_dir`.

    `webhook_url` is where a provider notifies that keeps it in its own configuration. Raises UnknownProvider or
    MissingSettings.
    """
    if name not in SIMULATORS:
        raise UnknownProvider(name)
    serve_app(SIMULATORS[name](Options(data_dir, settings, webhook_url)), port)
