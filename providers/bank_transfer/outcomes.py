"""What payers do in their banking app, and what a bank makes of their words on the way.

A transfer arrives as it was ordered or otherwise: less, more, twice, late, with a slip of the pen, with other words, or
it is taken back. What a query says then is "succeeded" only if exactly the amount is there with its reference.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.domain.payment import PaymentStatus
from providers.bank_transfer.page import Order
from providers.simulation.bank import LATE_MS, Outcome
from providers.simulation.books import Change

if TYPE_CHECKING:
    from providers.bank_transfer.simulator import TransferBank

TEXT_MAX = 140
WORDS_BEFORE, WORDS_AFTER = "nop phi ", " Tran Van Hien chuyen khoan"
"""What payers write around a reference. A name among it is usual."""

PAYER_NAME, PAYER_ACCOUNT = "NGUYEN THI CANARY", "9704000000000018"
"""Whom the bank names as the payer, and whom nobody here is to know."""

S = PaymentStatus


@dataclass(frozen=True, slots=True)
class Arrival:
    """What comes to an account: words, or a reference apart from words."""

    account: str
    amount_minor: int
    text: str = ""
    reference: str = ""


OUTCOMES: Mapping[str, Outcome] = {
    "succeed": Outcome("Pay", (), S.SUCCEEDED),
    "twice": Outcome("Pay twice", (), S.SUCCEEDED),
    "under": Outcome("Pay half of it", (), S.PENDING),
    "over": Outcome("Pay more than asked for", (), S.PENDING),
    "late": Outcome("Pay, and the bank tells of it later", (), S.SUCCEEDED),
    "silent": Outcome("Pay, and no notification is ever sent", (), S.SUCCEEDED),
    "garbled": Outcome("Pay with a wrong digit in the reference", (), S.PENDING),
    "cut": Outcome("Pay, and the end of the reference is lost", (), S.PENDING),
    "no_reference": Outcome("Pay without the reference", (), S.PENDING),
    "reverse": Outcome("Pay, and the bank takes it back", (), S.PENDING),
    "decline": Outcome("Try to pay without money on the account", (), S.PENDING),
    "abandon": Outcome("Leave without doing anything", (), S.PENDING),
}


def as_delivered(text: str) -> str:
    """How a bank hands on a text."""
    return text.upper()[:TEXT_MAX]


def compact(text: str) -> str:
    """As a bank compares references."""
    return re.sub(r"[\s.-]", "", text).upper()


def arrival(order: Order) -> Arrival:
    """What arrives if all goes well."""
    if order.structured:
        return Arrival(order.account, order.amount.amount_minor, reference=order.reference)
    return Arrival(order.account, order.amount.amount_minor, WORDS_BEFORE + order.reference + WORDS_AFTER)


def _wrong_digit(order: Order) -> Arrival:
    digit = order.reference[-3:-2]
    wrong = str((int(digit) + 1) % 10) if digit.isdigit() else "0"
    return _typed(order, f"{order.reference[:-3]}{wrong}{order.reference[-2:]}")


def _typed(order: Order, reference: str) -> Arrival:
    """By hand, as text: an app would refuse a wrong reference where it has a field for one."""
    return Arrival(order.account, order.amount.amount_minor, WORDS_BEFORE + reference + WORDS_AFTER)


def _pay(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.credited(change, arrival(order))


def _twice(bank: "TransferBank", change: Change, order: Order) -> None:
    _pay(bank, change, order)
    _pay(bank, change, order)


def _part(bank: "TransferBank", change: Change, order: Order) -> None:
    expected = arrival(order)
    bank.credited(change, replace(expected, amount_minor=max(1, expected.amount_minor // 2)))


def _more(bank: "TransferBank", change: Change, order: Order) -> None:
    expected = arrival(order)
    bank.credited(change, replace(expected, amount_minor=expected.amount_minor + expected.amount_minor // 10 + 1))


def _late(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.credited(change, arrival(order), delay_ms=LATE_MS)


def _silently(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.credited(change, arrival(order), tell=False)


def _garbled(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.credited(change, _wrong_digit(order))


def _cut(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.credited(change, _typed(order, order.reference[:-4]))


def _wordless(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.credited(change, _typed(order, ""))


def _taken_back(bank: "TransferBank", change: Change, order: Order) -> None:
    bank.disputed(change, bank.credited(change, arrival(order)), None)


def _nothing(bank: "TransferBank", change: Change, order: Order) -> None:
    """Nothing moves, and nobody is told."""


PLAYS: Mapping[str, Callable[["TransferBank", Change, Order], None]] = {
    "succeed": _pay,
    "twice": _twice,
    "under": _part,
    "over": _more,
    "late": _late,
    "silent": _silently,
    "garbled": _garbled,
    "cut": _cut,
    "no_reference": _wordless,
    "reverse": _taken_back,
    "decline": _nothing,
    "abandon": _nothing,
}
