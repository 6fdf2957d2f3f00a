"""A bank account that providers pay out to: whose it is, how the ledger writes it, and where it cuts its day."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

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
    has it written in its own way. `holder` bears what the bank charges: the agency whose account it is, or the only one
    whose money comes there; None if that is nobody in particular."""

    number: str
    in_ledger: str
    providers: tuple[str, ...]
    agencies: Mapping[UUID, Agency]
    holder: Agency | None
    time_zone: str

    @property
    def source(self) -> str:
        return bank_source(self.number)

    @property
    def concerned(self) -> list[Agency]:
        """The agencies whose money comes there, by code."""
        own = [self.holder] if self.holder else []
        paid = [each for each in self.agencies.values() if not set(self.providers).isdisjoint(each.providers)]
        return sorted({each.id: each for each in (*own, *paid)}.values(), key=lambda each: each.code)

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
    paid = [agency for agency in everybody if not set(providers).isdisjoint(agency.providers)]
    zones = [agency.time_zone for agency in ([owner] if owner else paid)]
    return BankAccount(
        number=number,
        in_ledger=owner.bank_account if owner else number,
        providers=tuple(providers),
        agencies={agency.id: agency for agency in everybody},
        holder=owner or (paid[0] if len(paid) == 1 else None),
        time_zone=zones[0] if zones else "UTC",
    )
