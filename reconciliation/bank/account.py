"""A bank account that providers pay out to: whose it is, how the ledger writes it, and where it cuts its day."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain import ledger
from gateway.domain.agency import Agency
from gateway.domain.credit import account_key
from gateway.domain.errors import NotFound
from gateway.domain.payout import PayoutTerms, account_of_source, bank_source
from gateway.store import catalogue
from gateway.store.database import Transaction


@dataclass(frozen=True, slots=True)
class BankAccount:
    """`number` as the settings write it, `in_ledger` as the ledger does: an agency that collects on the account itself
    has it written in its own way. `concerned` are the agencies whose money comes there, by code; `holder` bears what
    the bank charges: the agency whose account it is, or the only one concerned; None if that is nobody in particular.
    `codes` are those of all agencies, by their ids as text.
    """

    number: str
    in_ledger: str
    providers: tuple[str, ...]
    concerned: tuple[Agency, ...]
    holder: Agency | None
    time_zone: str
    codes: Mapping[str, str]

    @property
    def source(self) -> str:
        return bank_source(self.number)

    @property
    def ledger_code(self) -> str:
        return ledger.bank(self.in_ledger)


def bank_account(tx: Transaction, terms: PayoutTerms, source: str) -> BankAccount:
    """By its source, `bank:{account}`. Raises NotFound if no provider pays out there."""
    wanted = account_of_source(source) or ""
    number = terms.named(wanted)
    if number is None:
        there_are = ", ".join(map(bank_source, terms.all_accounts())) or "none; see GATEWAY_PAYOUT_ACCOUNTS"
        raise NotFound(f"No provider pays out to an account {wanted!r} here. There are: {there_are}.")
    providers = terms.paying_into(number)
    everybody = catalogue.all_agencies(tx)
    owner = next((each for each in everybody if account_key(each.bank_account) == account_key(number)), None)
    concerned = tuple(
        each
        for each in everybody
        if each is owner or any(terms.pays_into(name, each.currency, number) for name in each.providers)
    )
    holder = owner or (concerned[0] if len(concerned) == 1 else None)
    return BankAccount(
        number=number,
        in_ledger=owner.bank_account if owner else number,
        providers=tuple(providers),
        concerned=concerned,
        holder=holder,
        time_zone=(holder or concerned[0]).time_zone if concerned else "UTC",
        codes={str(each.id): each.code for each in everybody},
    )
