"""What a business event writes into the ledger: transfers from one account to another, grouped into an entry.

A transfer debits one account and credits another of the same currency by a positive amount, so it balances by
construction. A mistake is undone by a reversing entry, never by an edit. The table of postings, for an agency:

    event                        debit                        credit
    invoice issued               receivable                   fees:{revenue code} per line
    invoice voided or expired    fees:{revenue code}          receivable
    payment succeeded            {landing}                    receivable; any excess to payer_credit
    provider fee                 provider_fees:{provider}     {landing}
    payout seen in the bank      bank:{account}               in_transit:{provider}
    the bank's own charge        bank_charges:{account}       bank:{account}
    credit not identified        bank:{account}               unidentified_receipts
    such a credit taken back     unidentified_receipts        bank:{account}
    refund approved              fees:{code} or payer_credit  refunds_payable
    refund succeeded             refunds_payable              {landing}
    chargeback                   disputes                     {landing}
    write-off                    write_offs                   {landing}
    late payment accepted        payer_credit                 receivable
    unidentified receipt         unidentified_receipts        receivable; any excess to payer_credit
      that found its invoice
    unidentified receipt         unidentified_receipts        payer_credit, from where it is refunded
      that is sent back
    fee claimed back             provider_claims:{provider}   provider_fees:{provider}

{landing} is where the payment's money comes in: in_transit:{provider}, or bank:{account} of the agency if the provider
brings it straight there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.errors import Invalid
from gateway.domain.money import Money


class AccountKind(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


KINDS: dict[str, AccountKind] = {
    "receivable": AccountKind.ASSET,
    "in_transit": AccountKind.ASSET,
    "bank": AccountKind.ASSET,
    "disputes": AccountKind.ASSET,
    "provider_claims": AccountKind.ASSET,
    "fees": AccountKind.INCOME,
    "payer_credit": AccountKind.LIABILITY,
    "unidentified_receipts": AccountKind.LIABILITY,
    "refunds_payable": AccountKind.LIABILITY,
    "provider_fees": AccountKind.EXPENSE,
    "bank_charges": AccountKind.EXPENSE,
    "write_offs": AccountKind.EXPENSE,
}
RECEIVABLE = "receivable"
PAYER_CREDIT = "payer_credit"
REFUNDS_PAYABLE = "refunds_payable"
UNIDENTIFIED_RECEIPTS = "unidentified_receipts"
DISPUTES = "disputes"
WRITE_OFFS = "write_offs"


def fees(revenue_code: str) -> str:
    return f"fees:{revenue_code}"


def in_transit(provider: str) -> str:
    return f"in_transit:{provider}"


def provider_fees(provider: str) -> str:
    return f"provider_fees:{provider}"


def provider_claims(provider: str) -> str:
    """What the provider owes for having kept too much."""
    return f"provider_claims:{provider}"


def bank(account: str) -> str:
    return f"bank:{account}"


def bank_charges(account: str) -> str:
    """What the bank keeps for itself."""
    return f"bank_charges:{account}"


def account_in_bank(code: str) -> str | None:
    """The bank account of the ledger account `code`; None if it is none."""
    kind, _, account = code.partition(":")
    return account if kind == "bank" else None


def kind_of(account: str) -> AccountKind:
    """The kind of an account by its code. Raises Invalid for a code outside the chart."""
    try:
        return KINDS[account.partition(":")[0]]
    except KeyError:
        raise Invalid(
            f"{account!r} is not an account of the chart.", fields={"account": "is not in the chart"}
        ) from None


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` from `credit` to `debit`; both are account codes of the entry's agency."""

    debit: str
    credit: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.amount_minor <= 0:
            raise Invalid("A transfer moves a positive amount.", fields={"amount_minor": "must be at least 1"})
        if self.debit == self.credit:
            raise Invalid("A transfer needs two accounts.", fields={"debit": "must differ from credit"})
        kind_of(self.debit)
        kind_of(self.credit)


@dataclass(frozen=True, slots=True)
class Entry:
    """The transfers of one cause. `key` is its identity: posting the same key again changes nothing.

    `cause` names the event ("payment_succeeded"), `subject_id` the payment, invoice, refund or dispute it happened to.
    `business_date` is the day in the agency's zone to which it belongs.
    """

    key: str
    cause: str
    agency_id: UUID
    subject_id: UUID
    occurred_at: datetime
    business_date: date
    transfers: tuple[Transfer, ...]


def issued(lines: Sequence[tuple[str, Money]]) -> tuple[Transfer, ...]:
    """An invoice is issued: what is due by each revenue code. Lines of zero post nothing."""
    return tuple(Transfer(RECEIVABLE, fees(code), amount) for code, amount in lines if amount.amount_minor)


def cancelled(lines: Sequence[tuple[str, Money]]) -> tuple[Transfer, ...]:
    """An invoice is voided or expired: the reverse of `issued`."""
    return tuple(Transfer(fees(code), RECEIVABLE, amount) for code, amount in lines if amount.amount_minor)


def collected(into: str, due: Money, excess: Money) -> tuple[Transfer, ...]:
    """Money came in on account `into`: `due` settles what was owed, `excess` is kept for the payer."""
    parts = ((RECEIVABLE, due), (PAYER_CREDIT, excess))
    return tuple(Transfer(into, account, amount) for account, amount in parts if amount.amount_minor)
