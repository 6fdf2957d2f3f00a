"""What a decision about a discrepancy would do: checked and worked out before anybody decides, and again when applied.

A plan holds the transfers as the ledger would book them, and what carries them out. It is made under the locks that
the carrying out needs, so that what was shown is what happens, or nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.agency import Agency
from gateway.domain.credit import Credit, CreditStatus
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict, Invalid
from gateway.domain.invoice import Invoice, check_payable
from gateway.domain.ledger import (
    PAYER_CREDIT,
    RECEIVABLE,
    REFUNDS_PAYABLE,
    UNIDENTIFIED_RECEIPTS,
    Entry,
    Transfer,
)
from gateway.domain.money import Money
from gateway.domain.payment import Allocation, Payment
from gateway.domain.resolution import Action, NotAllowed, Resolution, check_allowed, check_limit, claimed, written_off
from gateway.services.accept_proposal import accept_pair, find_pair
from gateway.services.apply_credit import assign_credit
from gateway.services.collect_payment import pay_invoice
from gateway.services.find import find_invoice
from gateway.services.open_discrepancy import open_discrepancy
from gateway.services.refund_payment import approve_refund, check_way_back, request_refund
from gateway.services.refund_sources import refund_sources
from gateway.services.runtime import Caller, Runtime
from gateway.services.write_off_payout import left_in_transit, write_off_shares
from gateway.store import catalogue, checkouts, credits, invoices, matches, payments
from gateway.store.database import Transaction, new_id

OFFICER = "officer"
"""How the story of a payment names where the news came from."""

HELD_NOWHERE = frozenset({DiscrepancyKind.DUPLICATE_AT_PROVIDER, DiscrepancyKind.FEE_MISMATCH})
"""What is about an entry that matches all the same."""

PAYOUTS = frozenset({DiscrepancyKind.PAYOUT_SHORT, DiscrepancyKind.PAYOUT_OVER, DiscrepancyKind.PAYOUT_MISSING})
"""At the bank they are about money in transit, and their evidence says who has `paid_by`."""

CarryOut = Callable[[Resolution, Caller], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """`agencies`: the code of each transfer's, where they are not all of the discrepancy's own."""

    effect: tuple[Transfer, ...]
    carry_out: CarryOut
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """`found` is the discrepancy, which is locked; `caller` who asks now."""

    tx: Transaction
    runtime: Runtime
    caller: Caller
    found: Row[Any]
    parameters: Mapping[str, Any]

    @property
    def kind(self) -> DiscrepancyKind:
        return DiscrepancyKind(self.found.kind)

    def agency(self) -> Agency:
        if self.found.agency_id is None:
            raise NotAllowed("It is not known whose money this is, so nothing can be booked for anybody.")
        return catalogue.agency(self.tx, self.found.agency_id)

    def payment(self) -> Payment:
        """Locked behind its session."""
        known = payments.find(self.tx, self.found.payment_id) if self.found.payment_id else None
        if known is None:
            raise NotAllowed("No payment of ours is known here, so there is no money to move.")
        checkouts.find(self.tx, known.session_id, lock=True)
        return payments.get(self.tx, known.id, lock=True)

    def check_is_about_credit(self) -> None:
        """Raises NotAllowed if it is not about money that no invoice took."""
        if "credited_minor" not in self.found.evidence:
            raise NotAllowed("This is not about money that is kept for a payer.")

    def invoice(self) -> Invoice | None:
        """The one that was named, locked."""
        named = self.parameters.get("invoice")
        return find_invoice(self.tx, self.caller, named, lock=True) if named else None

    def entry(
        self, resolution: Resolution, transfers: tuple[Transfer, ...], subject_id: UUID, agency: Agency | None = None
    ) -> Entry:
        agency = agency or self.agency()
        return Entry(
            key=f"resolution:{resolution.id}",
            cause=f"resolution_{resolution.action}",
            agency_id=agency.id,
            subject_id=subject_id,
            occurred_at=self.tx.now,
            business_date=agency.business_date(self.tx.now),
            transfers=transfers,
        )


def plan(
    tx: Transaction, runtime: Runtime, caller: Caller, found: Row[Any], action: Action, parameters: Mapping[str, Any]
) -> Plan:
    """What `action` would do about the discrepancy `found`, which is locked.

    Raises NotAllowed, AboveLimit, Invalid naming the parameter, or Conflict if the money has gone elsewhere.
    """
    check_allowed(DiscrepancyKind(found.kind), action)
    return _PLANS[action](_Case(tx, runtime, caller, found, parameters))


def _accept(case: _Case) -> Plan:
    case.check_is_about_credit()
    payment = case.payment()
    credit = _credit_left(case.tx, payment)
    invoice = case.invoice() or _first_open(case.tx, payment)
    _check_takes(invoice, payment.agency_id, payment.currency)
    if any(row.invoice_id == invoice.id for row in payments.allocations_of(case.tx, payment.id)):
        raise Conflict("This payment has paid a part of that invoice already. Refund the credit instead.")
    amount = Money(min(credit, invoice.amount_due_minor), payment.currency)
    effect = (Transfer(PAYER_CREDIT, RECEIVABLE, amount),)

    def carry_out(resolution: Resolution, _: Caller) -> None:
        taken = Allocation(invoice.id, invoice.paid_minor, amount.amount_minor)
        payments.allocate(case.tx, payment.id, [taken], resolution.id)
        payments.change(case.tx, payment.id, credited_minor=payment.credited_minor - amount.amount_minor)
        pay_invoice(case.tx, invoice, amount.amount_minor)
        case.tx.post(case.entry(resolution, effect, payment.id))
        if credit > amount.amount_minor:
            _ask_about_rest(case, payment, Money(credit, payment.currency) - amount)

    return Plan(effect, carry_out)


def _ask_about_rest(case: _Case, payment: Payment, rest: Money) -> None:
    """What the invoice did not take is still the payer's: it must not lose its name with the decision."""
    open_discrepancy(
        case.tx,
        kind=DiscrepancyKind.DUPLICATE_PAYMENT,
        key=f"{case.found.key}:rest:{new_id()}",
        provider=payment.provider,
        agency_id=payment.agency_id,
        business_date=case.agency().business_date(case.tx.now),
        amount=rest,
        payment_id=payment.id,
        evidence={
            "credited_minor": rest.amount_minor,
            "provider_transaction_id": payment.provider_transaction_id,
            "proposed": "refund_duplicate",
        },
    )


def _refund(case: _Case) -> Plan:
    case.check_is_about_credit()
    payment = case.payment()
    amount = Money(_credit_left(case.tx, payment), payment.currency)

    def carry_out(resolution: Resolution, approver: Caller) -> None:
        proposer = _proposer(resolution, case.found.agency_id)
        asked = request_refund(case.tx, case.runtime, proposer, payment.id, amount.amount_minor, resolution.reason)
        approve_refund(case.tx, approver, asked.id)

    return Plan((Transfer(PAYER_CREDIT, REFUNDS_PAYABLE, amount),), carry_out)


def _assign(case: _Case) -> Plan:
    invoice = case.invoice()
    if invoice is None:
        raise Invalid("Name the invoice that the money is for.", fields={"invoice": "must be an id or a reference"})
    credit = _unidentified(case)
    _check_takes(invoice, credit.agency_id, credit.currency)
    due = min(credit.amount_minor, invoice.amount_due_minor)
    parts = ((RECEIVABLE, due), (PAYER_CREDIT, credit.amount_minor - due))
    effect = tuple(
        Transfer(UNIDENTIFIED_RECEIPTS, account, Money(minor, credit.currency)) for account, minor in parts if minor
    )
    agency = case.agency()
    return Plan(effect, lambda resolution, approver: assign_credit(case.tx, credit, agency, invoice, OFFICER))


def _return(case: _Case) -> Plan:
    """It goes back as every refund does: sent by the provider, asked about, and matched with the bank's statement."""
    credit, agency = _unidentified(case), case.agency()
    check_way_back(case.runtime, credit.provider)
    effect = (
        Transfer(UNIDENTIFIED_RECEIPTS, PAYER_CREDIT, credit.amount),
        Transfer(PAYER_CREDIT, REFUNDS_PAYABLE, credit.amount),
    )

    def carry_out(resolution: Resolution, approver: Caller) -> None:
        payment = assign_credit(case.tx, credit, agency, None, OFFICER)
        proposer = _proposer(resolution, case.found.agency_id)
        asked = request_refund(case.tx, case.runtime, proposer, payment.id, payment.amount_minor, resolution.reason)
        approve_refund(case.tx, approver, asked.id)

    return Plan(effect, carry_out)


def _unidentified(case: _Case) -> Credit:
    """The bank credit, locked."""
    movement = case.found.evidence.get("provider_transaction_id") or ""
    credit = credits.find(case.tx, case.found.provider, movement, lock=True)
    if credit is None or credit.status is not CreditStatus.UNIDENTIFIED:
        raise Conflict("This credit is not unidentified any more: look at it again.")
    return credit


def _accept_proposal(case: _Case) -> Plan:
    pair = find_pair(case.tx, case.found, case.parameters)
    return Plan((), lambda resolution, approver: accept_pair(case.tx, pair, resolution, OFFICER))


def _claim_fee(case: _Case) -> Plan:
    evidence = case.found.evidence
    too_much = int(evidence["reported_minor"]) - int(evidence["expected_minor"])
    if too_much <= 0:
        raise NotAllowed("The provider kept less than agreed: there is nothing to claim.")
    effect = (claimed(case.found.provider, Money(too_much, case.found.currency)),)
    return _booked(case, effect)


def _write_off(case: _Case) -> Plan:
    """What the ledger holds beyond what the provider ever settled. Nothing may settle it at this moment, so a run that
    is writing its matches is waited for."""
    if case.kind in PAYOUTS:
        return _write_off_payout(case)
    evidence, known = case.found.evidence, case.payment()
    entry, line = evidence.get("ledger"), evidence.get("settlement")
    difference = int(case.found.amount_minor)
    if case.kind is DiscrepancyKind.AMOUNT_MISMATCH:
        if entry is None or line is None:
            raise NotAllowed("Both sides must be known to write off what they differ by.")
        difference = int(entry["amount_minor"]) - int(line["gross_minor"])
    elif case.kind is DiscrepancyKind.STATUS_MISMATCH:
        if entry is None:
            raise NotAllowed("The ledger holds nothing here that could be written off.")
        difference = int(entry["amount_minor"])
    if case.found.entry_id is not None and matches.is_matched(case.tx, case.found.entry_id):
        raise Conflict("The provider has settled this by now: run the day again.")
    amount = Money(difference, case.found.currency)
    check_limit(amount, case.runtime.write_off_limits)
    return _booked(case, (written_off(amount, known.lands_on),))


def _write_off_payout(case: _Case) -> Plan:
    """An entry for each agency whose money it is."""
    amount = left_in_transit(case.found)
    check_limit(amount, case.runtime.write_off_limits)
    shares = write_off_shares(case.tx, case.found, amount)

    def carry_out(resolution: Resolution, _: Caller) -> None:
        for code, of_agency in groupby(shares, key=lambda share: share.agency.code):
            parts = tuple(of_agency)
            entry = case.entry(resolution, tuple(share.transfer for share in parts), case.found.id, parts[0].agency)
            case.tx.post(entry if case.found.agency_id else replace(entry, key=f"{entry.key}:{code}"))

    codes = () if case.found.agency_id else tuple(share.agency.code for share in shares)
    return Plan(tuple(share.transfer for share in shares), carry_out, codes)


def _close(case: _Case) -> Plan:
    """Money that is kept for a payer must keep its name, so it is accepted or refunded, never explained away."""
    known = payments.find(case.tx, case.found.payment_id) if case.found.payment_id else None
    if known is not None and _credit_of(case.tx, known) > 0 and "credited_minor" in case.found.evidence:
        raise NotAllowed("Money of this payment is kept for its payer: accept it for an invoice, or refund it.")
    in_transit_still = case.kind in PAYOUTS and "paid_by" in case.found.evidence
    if in_transit_still or (case.found.entry_id is not None and case.kind not in HELD_NOWHERE):
        raise NotAllowed("The ledger holds money for this. Write it off, trace it or dispute it.")
    return Plan((), lambda resolution, approver: None)


def _booked(case: _Case, effect: tuple[Transfer, ...]) -> Plan:
    subject = case.found.payment_id or case.found.id
    case.agency()
    return Plan(effect, lambda resolution, approver: case.tx.post(case.entry(resolution, effect, subject)))


_PLANS: Mapping[Action, Callable[[_Case], Plan]] = {
    Action.ACCEPT_LATE_PAYMENT: _accept,
    Action.REFUND_DUPLICATE: _refund,
    Action.ASSIGN_RECEIPT: _assign,
    Action.RETURN_RECEIPT: _return,
    Action.ACCEPT_PROPOSAL: _accept_proposal,
    Action.CORRECT_FEE: _claim_fee,
    Action.WRITE_OFF: _write_off,
    Action.CLOSE_EXPLAINED: _close,
}


def _credit_of(tx: Transaction, payment: Payment) -> int:
    return sum(source.left_minor for source in refund_sources(tx, payment) if source.account == PAYER_CREDIT)


def _credit_left(tx: Transaction, payment: Payment) -> int:
    left = _credit_of(tx, payment)
    if left <= 0:
        raise Conflict("Nothing of this payment is kept for its payer any more.")
    return left


def _first_open(tx: Transaction, payment: Payment) -> Invoice:
    for invoice, _ in invoices.of_session(tx, payment.session_id, lock=True):
        if invoice.amount_due_minor:
            return invoice
    raise Invalid(
        "The invoice of this payment is closed. Issue a new one, and name it here.",
        fields={"invoice": "must be an open invoice of the agency"},
    )


def _check_takes(invoice: Invoice, agency_id: UUID | None, currency: str) -> None:
    check_payable(invoice)
    if (invoice.agency_id, invoice.currency) != (agency_id, currency):
        raise Invalid(
            "The invoice is another agency's, or in another currency.", fields={"invoice": "must be one of the agency"}
        )


def _proposer(resolution: Resolution, agency_id: UUID | None) -> Caller:
    """Who proposed, to ask for what the approver lets go out."""
    kind, _, caller_id = resolution.proposed_by.partition(":")
    return Caller(UUID(caller_id), "", frozenset(), agency_id, kind=kind)
