"""What a person can decide about a discrepancy, and what that does to the ledger.

    action               for                                                debit                   credit
    accept_late_payment  money that no invoice took                         payer_credit            receivable
    refund_duplicate     money that no invoice took                         by the refund itself, approved at once
    assign_receipt       a receipt whose purpose was not known              unidentified_receipts   receivable
    return_receipt       the same, to be sent back                          unidentified_receipts   payer_credit
                                                                            payer_credit            refunds_payable
    accept_proposal      a line and an entry that the matching proposes     -                       -
    correct_fee          a fee above what was agreed                        provider_claims:{...}   provider_fees:{...}
    write_off            what a provider will never settle, within a limit  write_offs              {landing}
    close_explained      what explains itself and needs no entry            -                       -

One person proposes, and where money moves another approves; the approval is what applies it. A decision is never an
edit: what was booked stays, and an entry is added to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict, Forbidden, Invalid
from gateway.domain.ledger import WRITE_OFFS, Transfer, provider_claims, provider_fees
from gateway.domain.money import Money
from gateway.domain.states import Graph

K = DiscrepancyKind


class Action(StrEnum):
    ACCEPT_LATE_PAYMENT = "accept_late_payment"
    REFUND_DUPLICATE = "refund_duplicate"
    ASSIGN_RECEIPT = "assign_receipt"
    RETURN_RECEIPT = "return_receipt"
    ACCEPT_PROPOSAL = "accept_proposal"
    CORRECT_FEE = "correct_fee"
    WRITE_OFF = "write_off"
    CLOSE_EXPLAINED = "close_explained"


class ResolutionStatus(StrEnum):
    PROPOSED = "proposed"
    APPLIED = "applied"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


S = ResolutionStatus
GRAPH: Graph[ResolutionStatus] = {
    S.PROPOSED: frozenset({S.APPLIED, S.REJECTED, S.WITHDRAWN}),
    S.APPLIED: frozenset(),
    S.REJECTED: frozenset(),
    S.WITHDRAWN: frozenset(),
}

MOVES_MONEY = frozenset(Action) - {Action.CLOSE_EXPLAINED}
"""These wait for a second person, whatever the amount. Accepting a proposal says of money that it has come."""


PAYS_AN_INVOICE = frozenset({Action.ACCEPT_LATE_PAYMENT, Action.ASSIGN_RECEIPT})


def needs_approval(action: Action, amount: Money, limits: Mapping[str, int]) -> bool:
    """Whether a second person must approve. What only explains a difference away does so too, if the difference is more
    than may be written off: else one person could make any sum disappear from the day."""
    return action in MOVES_MONEY or abs(amount.amount_minor) > limits.get(amount.currency, 0)


_CREDITED = (Action.ACCEPT_LATE_PAYMENT, Action.REFUND_DUPLICATE)

ALLOWED: Mapping[DiscrepancyKind, tuple[Action, ...]] = {
    K.MISSING_IN_GATEWAY: (Action.ACCEPT_PROPOSAL, Action.CLOSE_EXPLAINED),
    K.MISSING_AT_PROVIDER: (Action.ACCEPT_PROPOSAL, Action.WRITE_OFF),
    K.AMOUNT_MISMATCH: (*_CREDITED, Action.WRITE_OFF, Action.CLOSE_EXPLAINED),
    K.CURRENCY_MISMATCH: (Action.CLOSE_EXPLAINED,),
    K.STATUS_MISMATCH: (*_CREDITED, Action.WRITE_OFF, Action.CLOSE_EXPLAINED),
    K.DUPLICATE_AT_PROVIDER: (Action.CLOSE_EXPLAINED,),
    K.DUPLICATE_PAYMENT: (*_CREDITED, Action.CLOSE_EXPLAINED),
    K.FEE_MISMATCH: (Action.CORRECT_FEE, Action.CLOSE_EXPLAINED),
    K.PAYOUT_SHORT: (Action.WRITE_OFF, Action.CLOSE_EXPLAINED),
    K.PAYOUT_OVER: (Action.WRITE_OFF, Action.CLOSE_EXPLAINED),
    K.PAYOUT_MISSING: (Action.WRITE_OFF,),
    K.UNIDENTIFIED_RECEIPT: (Action.ASSIGN_RECEIPT, Action.RETURN_RECEIPT),
    K.REFUND_UNKNOWN: (Action.ACCEPT_PROPOSAL, Action.CLOSE_EXPLAINED),
    K.TIMING: (Action.ACCEPT_PROPOSAL,),
}
"""Closing is for what no account holds any more: else the difference would stay in the ledger without a name."""


class NotAllowed(Invalid):
    code = "action_not_allowed"


class AboveLimit(Forbidden):
    """More than may be written off here: it takes a claim, not a decision."""

    code = "above_write_off_limit"


class AlreadyDecided(Conflict):
    """The discrepancy is not open any more, or somebody has proposed something about it."""

    code = "already_decided"


@dataclass(frozen=True, slots=True)
class Resolution:
    """`effect` are the transfers as they were shown when it was proposed; `parameters` what the action needed."""

    id: UUID
    discrepancy_id: UUID
    action: Action
    status: ResolutionStatus
    reason: str
    parameters: Mapping[str, Any]
    effect: tuple[Mapping[str, Any], ...]
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def check_allowed(kind: DiscrepancyKind, action: Action) -> None:
    """Raises NotAllowed, naming what is."""
    if action not in ALLOWED[kind]:
        allowed = ", ".join(ALLOWED[kind])
        raise NotAllowed(f"A {kind} is not resolved by {action}.", fields={"action": f"allowed is {allowed}"})


def check_limit(amount: Money, limits: Mapping[str, int]) -> None:
    """Raises AboveLimit if `amount`, whatever its sign, is above the limit of its currency (minor units; none is 0)."""
    limit = limits.get(amount.currency, 0)
    if abs(amount.amount_minor) > limit:
        raise AboveLimit(f"At most {Money(limit, amount.currency)} can be written off here; this is {amount}.")


def written_off(difference: Money, landing: str) -> Transfer:
    """`difference` is what the ledger holds on `landing` beyond what ever came there; it may be negative."""
    if difference.amount_minor < 0:
        return Transfer(landing, WRITE_OFFS, -difference)
    return Transfer(WRITE_OFFS, landing, difference)


def claimed(provider: str, too_much: Money) -> Transfer:
    """The provider kept `too_much` and owes it."""
    return Transfer(provider_claims(provider), provider_fees(provider), too_much)
