"""A bank takes back a credit that nobody has found the invoice of.

One that has become a payment is a matter of apply_dispute; one that is a provider's payout, of the run of its account.
"""

from gateway.domain import ledger
from gateway.domain.agency import Agency
from gateway.domain.credit import Credit, CreditStatus
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.ledger import UNIDENTIFIED_RECEIPTS, Entry, Transfer
from gateway.ports.provider import AckResult, DisputeObservation, DisputeStatus
from gateway.services.booking_day import booking_day
from gateway.services.open_discrepancy import open_discrepancy
from gateway.store import catalogue, credits, reconciliation
from gateway.store.database import Transaction


def return_credit(tx: Transaction, provider: str, observation: DisputeObservation) -> AckResult:
    """What was booked for it is undone, and nobody need look for its invoice any more.

    What cannot be true (another amount than came, or one that is said to have come back) is kept as a discrepancy.
    """
    credit = None
    if observation.provider_transaction_id is not None:
        credit = credits.find(tx, provider, observation.provider_transaction_id, lock=True)
    if credit is None or credit.status in (CreditStatus.IDENTIFIED, CreditStatus.PAYOUT):
        return AckResult.NOT_FOUND
    is_back = observation.status is DisputeStatus.WON
    if credit.amount != observation.amount or is_back:
        _ask_an_officer(tx, credit, observation)
        return AckResult.AMOUNT_MISMATCH
    if credit.status is CreditStatus.RETURNED:
        return AckResult.DUPLICATE
    credits.change(tx, credit.id, status=CreditStatus.RETURNED, returned_as=observation.provider_dispute_id)
    for kind in (DiscrepancyKind.UNIDENTIFIED_RECEIPT, DiscrepancyKind.MISSING_IN_GATEWAY):
        reconciliation.clear_discrepancy(tx, f"{kind}:{provider}:{credit.provider_transaction_id}")
    if credit.agency_id is not None:
        tx.post(_undone(tx, catalogue.agency(tx, credit.agency_id), credit, observation))
    return AckResult.APPLIED


def _undone(tx: Transaction, agency: Agency, credit: Credit, observation: DisputeObservation) -> Entry:
    occurred_at = max(credit.occurred_at, min(observation.occurred_at, tx.now))
    return Entry(
        key=f"credit:{credit.id}:returned",
        cause="credit_returned",
        agency_id=agency.id,
        subject_id=credit.id,
        occurred_at=occurred_at,
        business_date=booking_day(tx, agency.id, credit.provider, occurred_at),
        transfers=(Transfer(UNIDENTIFIED_RECEIPTS, ledger.bank(credit.account), credit.amount),),
    )


def _ask_an_officer(tx: Transaction, credit: Credit, observation: DisputeObservation) -> None:
    kind = DiscrepancyKind.STATUS_MISMATCH
    if credit.amount != observation.amount:
        same_currency = credit.currency == observation.amount.currency
        kind = DiscrepancyKind.AMOUNT_MISMATCH if same_currency else DiscrepancyKind.CURRENCY_MISMATCH
    open_discrepancy(
        tx,
        kind=kind,
        key=f"{kind}:dispute:{credit.provider}:{observation.provider_dispute_id}:{credit.id}",
        provider=credit.provider,
        agency_id=credit.agency_id,
        business_date=credit.business_date,
        amount=observation.amount if observation.status is DisputeStatus.WON else -observation.amount,
        evidence={
            "provider_transaction_id": credit.provider_transaction_id,
            "provider_dispute_id": observation.provider_dispute_id,
            "reported_status": observation.status,
            "reported_minor": observation.amount.amount_minor,
            "expected_minor": credit.amount_minor,
            "credit_is": credit.status,
        },
    )
