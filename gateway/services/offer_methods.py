"""Which methods a payer may choose from: what a provider can do, narrowed by the agency's limits and by what was asked.

There is one rule, `why_not`, for the session that is opened, the page that shows it and the payment that is started, so
that nobody is offered what is then refused. What is to be paid never depends on the method.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.domain.agency import Agency, Limits
from gateway.domain.checkout import CheckoutSession, MethodNotOffered
from gateway.domain.money import Money
from gateway.ports.provider import PaymentProvider
from gateway.services.circuits import unavailable_ones
from gateway.services.runtime import Runtime
from gateway.store import catalogue
from gateway.store.database import Transaction

NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Offer:
    """A method of an agency: the provider under the name by which it is configured, and what may be paid by it at
    least and at most, in minor units of the agency's currency; None is without end. `is_available` is False while the
    provider does not answer."""

    name: str
    provider: PaymentProvider
    minimum_minor: int
    maximum_minor: int | None
    is_available: bool


def offers_of_agencies(tx: Transaction, runtime: Runtime, agencies: Iterable[Agency]) -> list[list[Offer]]:
    """For each agency its methods that are enabled here and take its currency, in the order that payers see."""
    away = unavailable_ones(tx, runtime)
    return [_offers(runtime, agency, agency.providers, away) for agency in agencies]


def offers_of_session(tx: Transaction, runtime: Runtime, session: CheckoutSession) -> list[Offer]:
    """The session's methods that take its amount, as things stand now."""
    agency = catalogue.agency(tx, session.agency_id)
    fitting = [name for name in session.methods if why_not(runtime, agency, name, session.amount) is None]
    return _offers(runtime, agency, fitting, unavailable_ones(tx, runtime))


def methods_for(
    runtime: Runtime, agency: Agency, amount: Money, asked: Sequence[str] | None, *, bills: int
) -> tuple[str, ...]:
    """The methods of a session over `amount` for so many invoices: all that take it, or those of `asked`.

    Raises MethodNotOffered, which names each that does not, why, and what to do.
    """
    if asked is None:
        found = [name for name in agency.providers if why_not(runtime, agency, name, amount, bills) is None]
    else:
        found = list(dict.fromkeys(asked))
        for name in found:
            check_takes(runtime, agency, name, amount, bills, field="methods")
    if not found:
        reasons = [why_not(runtime, agency, name, amount, bills) for name in agency.providers]
        told = " ".join(filter(None, reasons)) or f"{agency.code} has no method enabled."
        raise MethodNotOffered(f"Nothing takes {amount}. {told}", fields={"methods": "none takes this amount"})
    return tuple(found)


def check_takes(
    runtime: Runtime, agency: Agency, name: str, amount: Money, bills: int = 1, *, field: str = "provider"
) -> None:
    """Raises MethodNotOffered unless `amount` can be paid to the agency by this method."""
    reason = why_not(runtime, agency, name, amount, bills)
    if reason is None:
        return
    others = [other for other in agency.providers if why_not(runtime, agency, other, amount, bills) is None]
    fix = f"must be among {', '.join(others)}" if others else "no method of the agency takes this amount"
    raise MethodNotOffered(f"{reason} Choose {_one_of(others)}.", fields={field: fix})


def why_not(runtime: Runtime, agency: Agency, name: str, amount: Money, bills: int = 1) -> str | None:
    """Why `amount` for so many invoices cannot be paid to the agency by this method; None if it can."""
    if name not in agency.providers:
        return f"{name!r} is no method of {agency.code}."
    if name not in runtime.providers:
        return f"{name} is not enabled on this gateway."
    provider = runtime.providers[name]
    if amount.currency not in provider.capabilities.currencies:
        return f"{name} does not take {amount.currency}."
    if bills > 1 and provider.capabilities.single_bill:
        return f"{name} takes one invoice at a time."
    lowest, highest = limits_of(provider, agency, name)
    if amount.amount_minor < lowest:
        return f"{name} takes {Money(lowest, amount.currency)} or more, and this is {amount}."
    if highest is not None and amount.amount_minor > highest:
        return f"{name} takes {Money(highest, amount.currency)} or less, and this is {amount}."
    return None


def _offers(runtime: Runtime, agency: Agency, names: Iterable[str], away: frozenset[str]) -> list[Offer]:
    known = [(name, runtime.providers[name]) for name in names if name in runtime.providers]
    return [
        Offer(name, provider, *limits_of(provider, agency, name), name not in away)
        for name, provider in known
        if agency.currency in provider.capabilities.currencies
    ]


def limits_of(provider: PaymentProvider, agency: Agency, name: str) -> tuple[int, int | None]:
    """The narrower of the provider's and the agency's, in minor units of the agency's currency."""
    lowest, highest = provider.capabilities.limits(agency.currency)
    own = agency.method_limits.get(name, NO_LIMITS)
    most = [limit for limit in (highest, own.maximum_minor) if limit is not None]
    return max(lowest, own.minimum_minor or 1), min(most, default=None)


def _one_of(names: Sequence[str]) -> str:
    return f"one of {', '.join(names)}" if names else "another way: ask the agency"
