"""A person says that a settlement line and a ledger entry which the matching proposed for each other are the same.

Both discrepancies end with it. The pair is kept, and the next run that sees both matches them before all else, with
the fees that the line tells of. Where our payment has no name of the provider's yet, it learns the line's, through the
door by which every other news comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyStatus
from gateway.domain.errors import Conflict, Invalid
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.resolution import Action, NotAllowed, Resolution
from gateway.ports.provider import AckResult, LineKind, PaymentObservation
from gateway.services.apply_observation import apply_observation
from gateway.services.close_discrepancy import close_discrepancy
from gateway.store import accepted_pairs, matches, payments, resolutions
from gateway.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Pair:
    """`of_line` and `of_entry` are the discrepancies of the two sides; `other` the one that was not asked about."""

    of_line: Row[Any]
    of_entry: Row[Any]
    other: Row[Any]


def find_pair(tx: Transaction, found: Row[Any], parameters: Mapping[str, Any]) -> Pair:
    """What is proposed for `found`, which is locked with its partners.

    Raises NotAllowed if nothing is, Invalid if several fit and `entry` names none of them, and Conflict if one side
    has been matched or is being decided about.
    """
    if not found.evidence.get("proposal"):
        raise NotAllowed("Nothing on the other side is proposed for this.")
    partner = _chosen(accepted_pairs.partners(tx, [found.id]), found, parameters.get("entry"))
    other = resolutions.find_discrepancy(tx, partner.id, None)
    if other is None or other.status != DiscrepancyStatus.OPEN or resolutions.live_one(tx, other.id) is not None:
        raise Conflict(f"Discrepancy {partner.id}, on the other side, is decided about by now: look at it first.")
    pair = Pair(found, other, other) if found.entry_id is None else Pair(other, found, other)
    _check_free(tx, pair)
    return pair


def accept_pair(tx: Transaction, pair: Pair, resolution: Resolution, source: str) -> None:
    """Keep the pair, tell the payment, and close the other side. Raises Conflict if the payment knows better."""
    accepted_pairs.add(tx, resolution.id, pair.of_line.batch, pair.of_line.line, pair.of_entry.entry_id)
    _tell_payment(tx, pair, source)
    close_discrepancy(tx, pair.other, Action.ACCEPT_PROPOSAL)
    told = f"{resolution.action}: decided with discrepancy {resolution.discrepancy_id}"
    resolutions.add_note(tx, pair.other.id, resolution.proposed_by, "decided", told)


def partners_of(tx: Transaction, rows: list[Row[Any]]) -> set[UUID]:
    """The discrepancies that a decision about these may end as well."""
    proposed = [row.id for row in rows if row.evidence.get("proposal")]
    return {row.id for row in accepted_pairs.partners(tx, proposed)} if proposed else set()


def _chosen(partners: list[Row[Any]], found: Row[Any], entry: str | None) -> Row[Any]:
    if entry is not None:
        partners = [row for row in partners if row.entry_key == entry]
    if len(partners) == 1:
        return partners[0]
    if partners and found.entry_id is not None:
        raise NotAllowed("Several lines are proposed for this entry: decide at the discrepancy of the right line.")
    proposal = found.evidence["proposal"]
    fitting = proposal.get("entries") or [proposal.get("entry")]
    if partners or (entry is not None and entry not in fitting):
        raise Invalid(
            "Several entries are proposed: name the right one.",
            fields={"entry": f"must be one of {', '.join(map(str, fitting))}"},
        )
    raise Conflict("The other side is not open any more: run the day again.")


def _check_free(tx: Transaction, pair: Pair) -> None:
    if matches.is_matched(tx, pair.of_entry.entry_id) or accepted_pairs.is_line_matched(
        tx, pair.of_line.batch, pair.of_line.line
    ):
        raise Conflict("One of the two is matched by now: run the day again.")


def _tell_payment(tx: Transaction, pair: Pair, source: str) -> None:
    line = pair.of_line.evidence["settlement"]
    known = payments.find(tx, pair.of_entry.payment_id) if pair.of_entry.payment_id else None
    if known is None or known.provider_transaction_id or not line["transaction"] or line["kind"] != LineKind.PAYMENT:
        return
    observation = PaymentObservation(
        status=PaymentStatus.SUCCEEDED,
        occurred_at=datetime.fromisoformat(line["occurred_at"]),
        payment_id=known.id,
        provider_transaction_id=line["transaction"],
        amount=Money(line["gross_minor"], line["currency"]),
        code=line["status"],
    )
    if apply_observation(tx, known.provider, observation, source) not in (AckResult.APPLIED, AckResult.DUPLICATE):
        raise Conflict("The provider's transaction of this line is another payment's: they are not the same.")
