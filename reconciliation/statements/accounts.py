"""Whose statements are taken: those of the agencies' accounts, and of those that providers pay out to."""

from dataclasses import dataclass

from gateway.domain.agency import Agency
from gateway.domain.credit import account_key
from gateway.domain.payout import PayoutTerms
from gateway.services.runtime import Runtime
from gateway.store import catalogue, ledger
from gateway.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """`number` as it is configured here. `agency` is who collects on it, or did: None if it is no agency's, or
    several's. `paid_by`: the providers that pay out to it."""

    number: str
    agency: Agency | None
    paid_by: tuple[str, ...]


def find_account(tx: Transaction, payouts: PayoutTerms, number: str) -> Account | None:
    """The account that a bank writes as `number`; None if it is none of ours."""
    key = account_key(number)
    if not key:
        return None
    holders = catalogue.agencies_by_account(tx, key)
    former = [] if holders else ledger.bank_accounts(tx, key)
    agencies = holders or [catalogue.agency(tx, row.agency_id) for row in former]
    names = [agency.bank_account for agency in holders] or [row.account for row in former]
    paid_to = payouts.named(number)
    if not names and paid_to is None:
        return None
    return Account(
        number=names[0] if names else paid_to or number,
        agency=agencies[0] if len(agencies) == 1 else None,
        paid_by=tuple(payouts.paying_into(number)),
    )


def bank_of(runtime: Runtime, agency: Agency) -> str | None:
    """The provider that tells of what arrives on the agency's account: one of its methods whose money lands in the
    bank, or else any that is configured here. None if there is none."""
    able = [name for name, each in runtime.providers.items() if each.capabilities.lands_in_bank]
    own = [name for name in able if name in agency.providers]
    return next(iter([*own, *able]), None)
