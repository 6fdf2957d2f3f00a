"""What is wrong with the methods that agencies offer, told to who runs the gateway before a payer finds out."""

from collections.abc import Iterator, Mapping

from gateway.domain.agency import Agency
from gateway.domain.money import Money
from gateway.ports.provider import PaymentProvider
from gateway.services.offer_methods import limits_of
from gateway.store import catalogue
from gateway.store.database import Transaction


def method_faults(tx: Transaction, enabled: Mapping[str, PaymentProvider | None]) -> list[str]:
    """One line each, with the fix; `enabled` are the providers of this gateway, None for one that cannot start."""
    return [fault for agency in catalogue.all_agencies(tx) for fault in _faults(agency, enabled)]


def _faults(agency: Agency, enabled: Mapping[str, PaymentProvider | None]) -> Iterator[str]:
    usable = 0
    for name in agency.providers:
        if name not in enabled:
            yield (
                f"{agency.code} names {name}, which is not enabled here: add it to GATEWAY_PROVIDERS, or take it out of"
                " the agency's providers."
            )
            continue
        provider = enabled[name]
        fault = _fault(agency, name, provider) if provider else None
        usable += fault is None
        if fault:
            yield fault
    yield from _same_account(agency, enabled)
    for name in agency.method_limits:
        if name not in agency.providers:
            yield f"{agency.code} has limits for {name}, which it does not offer: take them out."
    if not usable:
        yield f"{agency.code} has no method left: nobody can pay it. Enable one that takes {agency.currency}."


def _same_account(agency: Agency, enabled: Mapping[str, PaymentProvider | None]) -> Iterator[str]:
    """Two that report the agency's one bank account would each count, and reconcile, the same credits."""
    reporting = [
        name
        for name in agency.providers
        if (provider := enabled.get(name))
        and provider.capabilities.lands_in_bank
        and agency.currency in provider.capabilities.currencies
    ]
    if len(reporting) > 1:
        yield (
            f"{agency.code}: {', '.join(reporting)} all report its bank account in {agency.currency}, so that a credit"
            " would be counted more than once. Leave one of them in the agency's providers."
        )


def _fault(agency: Agency, name: str, provider: PaymentProvider) -> str | None:
    if agency.currency not in provider.capabilities.currencies:
        takes = ", ".join(sorted(provider.capabilities.currencies))
        return f"{agency.code} collects {agency.currency}, which {name} does not take: it takes {takes}."
    lowest, highest = limits_of(provider, agency, name)
    if highest is not None and lowest > highest:
        least, most = Money(lowest, agency.currency), Money(highest, agency.currency)
        return f"{agency.code}: {name} takes nothing: at least {least}, at most {most}. Mend the agency's limits."
    return None
