"""What a payout brought to the bank less than it is worth, or more, and is left in transit: written off for whom it is.

A payout may be several agencies' money. Each bears its own share of what is written off, by an entry of its own, which
balances within its books; all of them are one decision, within one limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.agency import Agency
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.ledger import Transfer, in_transit
from gateway.domain.money import Money
from gateway.domain.resolution import NotAllowed, written_off
from gateway.store import catalogue
from gateway.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Share:
    agency: Agency
    transfer: Transfer


def left_in_transit(found: Row[Any]) -> Money:
    """What `found`, a discrepancy of a payout at the bank, leaves in transit; negative if too much came. Raises
    NotAllowed if it is not one of the bank."""
    if "paid_by" not in found.evidence:
        raise NotAllowed("Only what the bank did not get is written off. Ask the provider to mend its settlement.")
    is_missing = found.kind == DiscrepancyKind.PAYOUT_MISSING
    return Money(int(found.amount_minor if is_missing else -found.amount_minor), found.currency)


def write_off_shares(tx: Transaction, found: Row[Any], amount: Money) -> Sequence[Share]:
    """Whose `amount` is, in the order of agencies. Raises NotAllowed if that is not known of all of it."""
    agencies = {agency.code: agency for agency in catalogue.all_agencies(tx)}
    left = [each for each in found.evidence.get("shares", ()) if each["left_minor"]]
    if any(each["agency"] not in agencies for each in left) or _sum(left) != amount.amount_minor:
        raise NotAllowed(
            "It is not known yet whose a part of this payout is. Run its provider's day again, then the bank's, and"
            " decide once every line of it has its payment."
        )
    return [
        Share(
            agencies[each["agency"]],
            written_off(Money(int(each["left_minor"]), amount.currency), in_transit(each["provider"])),
        )
        for each in sorted(left, key=lambda each: (each["agency"], each["provider"]))
    ]


def _sum(shares: Sequence[dict[str, Any]]) -> int:
    return sum(int(each["left_minor"]) for each in shares)
