"""Money has arrived on a bank account: find out what it is for, and put it in its right place.

    names one invoice      an attempt that waits for exactly this amount is paid by it; else it is a direct payment
      all that is due        the invoice is paid
      less                   the invoice is part paid, and stays open for the rest
      more                   the rest is the payer's credit, and an officer is asked
      paid, void, expired    all of it is the payer's credit, and an officer is asked
    names none, or several an unidentified receipt of the agency whose account it is, and an officer is asked
    on no account of ours  nothing is booked, and an officer is asked
    known already          nothing

A direct payment is a payment like any other, in a sitting of its own; see docs/adr/0011-direct-payments.md. What the
payer wrote is kept, sealed, only for as long as nobody knows what the credit is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from gateway.domain import ledger
from gateway.domain.agency import Agency, business_date
from gateway.domain.checkout import CheckoutSession, CheckoutStatus
from gateway.domain.credit import Credit, CreditStatus, account_key
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict
from gateway.domain.fees.explain import LANGUAGES
from gateway.domain.invoice import Invoice
from gateway.domain.ledger import UNIDENTIFIED_RECEIPTS, Entry, Transfer
from gateway.domain.money import Money
from gateway.domain.payment import OPEN, Payment, PaymentStatus
from gateway.domain.reference_in_text import find_in_text, near_in_text
from gateway.ports.provider import AckResult, CreditObservation, PaymentObservation
from gateway.services.apply_payment import apply_payment
from gateway.services.booking_day import booking_day
from gateway.services.open_checkout import close_session
from gateway.services.open_discrepancy import open_discrepancy
from gateway.services.runtime import Runtime
from gateway.services.vault import bank_credit_purpose
from gateway.store import catalogue, checkouts, credits, invoices, payments
from gateway.store import ledger as ledger_store
from gateway.store.database import Transaction, new_id

log = structlog.get_logger()

BY_BANK = UUID(int=0)
"""Who opened the sitting of a direct payment: nobody; the bank's word did."""

NEAR_AT_MOST = 500  # a text of nothing but digits must not become a question without end

ANY_LANGUAGE = LANGUAGES[0]  # nobody is shown the page of such a sitting


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What a credit is for: an invoice, or why there is none."""

    invoice: Invoice | None
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Named:
    """An invoice that a text names; `checked`: by check digits."""

    invoice: Invoice
    checked: bool


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whose account was credited, and the account as the ledger knows it."""

    agency: Agency
    account: str


def apply_credit(
    tx: Transaction, runtime: Runtime, provider: str, observation: CreditObservation, source: str
) -> AckResult:
    """Book the credit, once. Raises CreditCountedElsewhere."""
    if observation.amount.amount_minor <= 0:
        return AckResult.DUPLICATE  # no money came
    known = credits.find(tx, provider, observation.provider_transaction_id)
    if known is not None:
        return _heard_before(tx, known, observation)
    holder = _holder_of(tx, observation.account)
    agency = holder.agency if holder else None
    purpose = _purpose(tx, provider, agency, observation)
    credit = _written_down(tx, runtime, provider, holder, observation)
    waiting = purpose.invoice and _waiting_attempt(tx, purpose.invoice, credit)
    if not credits.add(tx, credit):
        return AckResult.DUPLICATE  # somebody else has written it down since we looked
    if purpose.invoice is None or agency is None:
        _keep_unidentified(tx, runtime, credit, agency, purpose, observation)
    else:
        payment = waiting or _direct_payment(tx, agency, purpose.invoice, credit)
        _pay(tx, credit, payment, source)
    log.info("credit booked", credit=str(credit.id), provider=provider, identified=purpose.invoice is not None)
    return AckResult.APPLIED


def _heard_before(tx: Transaction, known: Credit, observation: CreditObservation) -> AckResult:
    """A repetition, unless the bank tells of another amount now: that is a contradiction of its own."""
    if known.amount == observation.amount:
        return AckResult.DUPLICATE
    same_currency = known.currency == observation.amount.currency
    kind = DiscrepancyKind.AMOUNT_MISMATCH if same_currency else DiscrepancyKind.CURRENCY_MISMATCH
    open_discrepancy(
        tx,
        kind=kind,
        key=f"{kind}:credit:{known.id}",
        provider=known.provider,
        agency_id=known.agency_id,
        business_date=known.business_date,
        amount=observation.amount,
        payment_id=known.payment_id,
        evidence={
            "provider_transaction_id": known.provider_transaction_id,
            "expected_minor": known.amount_minor,
            "expected_currency": known.currency,
            "reported_minor": observation.amount.amount_minor,
            "reported_currency": observation.amount.currency,
        },
    )
    return AckResult.AMOUNT_MISMATCH


def _holder_of(tx: Transaction, account: str) -> _Holder | None:
    """The agency that collects on this account, or that has money on it from before it had another one. None if there
    is none, or more than one: then the account does not say whose the money is."""
    key = account_key(account)
    found = [_Holder(agency, agency.bank_account) for agency in catalogue.agencies_by_account(tx, key)]
    if not found:
        former = ledger_store.bank_accounts(tx, key)
        found = [_Holder(catalogue.agency(tx, row.agency_id), row.account) for row in former]
    return found[0] if len(found) == 1 else None


def _purpose(tx: Transaction, provider: str, agency: Agency | None, observation: CreditObservation) -> _Purpose:
    """The one invoice of the account's agency and currency that the credit names. Check digits decide, and existence:
    nothing is guessed, and two invoices are as good as none."""
    if agency is None:
        return _Purpose(None, {"why": "unknown_account"})
    named = _named(tx, observation.reference or "") or _named(tx, _words(observation))
    if not named:
        return _Purpose(None, {"why": "no_reference"})
    of_account = [
        each
        for each in named
        if (each.invoice.agency_id, each.invoice.currency) == (agency.id, observation.amount.currency)
    ]
    if len(of_account) == 1 and _is_borne_out(tx, provider, of_account[0], observation.amount):
        return _Purpose(of_account[0].invoice, {})
    why = {0: "of_another_account", 1: "without_check_digits"}.get(len(of_account), "ambiguous")
    return _Purpose(None, {"why": why, "candidates": [each.invoice.reference for each in of_account or named]})


def _named(tx: Transaction, text: str) -> list[_Named]:
    """The invoices that the text names. What it says beside them may be anybody's account, and is not kept."""
    issuers: dict[str, set[str]] = {}
    for reading in find_in_text(text):
        issuers.setdefault(reading.reference, set()).add(reading.issuer)
    found = invoices.by_references(tx, list(issuers))
    return [
        _Named(invoice, checked="" in issuers[invoice.reference])
        for invoice in found
        if issuers[invoice.reference] & {"", invoice.reference_issuer}
    ]


def _is_borne_out(tx: Transaction, provider: str, named: _Named, amount: Money) -> bool:
    """A number without check digits may be somebody else's, by a slip: it is right if just this much was asked."""
    asked = (named.invoice.amount_due_minor, named.invoice.total_minor)
    return (
        named.checked
        or amount.amount_minor in asked
        or bool(payments.open_attempts(tx, provider, named.invoice.id, amount))
    )


def _words(observation: CreditObservation) -> str:
    return " ".join(filter(None, (observation.reference, observation.remittance)))


def _waiting_attempt(tx: Transaction, invoice: Invoice, credit: Credit) -> Payment | None:
    """The newest attempt to pay this invoice that still waits for exactly this amount on this account, locked behind
    its session."""
    lands_on = ledger.bank(credit.account)
    for payment_id, session_id in payments.open_attempts(tx, credit.provider, invoice.id, credit.amount, lands_on):
        checkouts.find(tx, session_id, lock=True)
        payment = payments.find(tx, payment_id, lock=True)
        if payment is not None and payment.status in OPEN:
            return payment
    return None


def _written_down(
    tx: Transaction, runtime: Runtime, provider: str, holder: _Holder | None, observation: CreditObservation
) -> Credit:
    occurred_at = min(observation.occurred_at, tx.now)
    zone = holder.agency.time_zone if holder else runtime.provider(provider).capabilities.time_zone
    return Credit(
        id=new_id(),
        provider=provider,
        provider_transaction_id=observation.provider_transaction_id,
        account=holder.account if holder else observation.account,
        amount_minor=observation.amount.amount_minor,
        currency=observation.amount.currency,
        occurred_at=occurred_at,
        business_date=business_date(occurred_at, zone),
        status=CreditStatus.UNIDENTIFIED,
        agency_id=holder.agency.id if holder else None,
        payment_id=None,
        received_at=tx.now,
    )


def _direct_payment(tx: Transaction, agency: Agency, invoice: Invoice | None, credit: Credit) -> Payment:
    """A payment of its own in a sitting of its own, which its success will complete.

    It was made when the bank booked it, but not before there was an invoice to name. Without an invoice all of it is
    the payer's credit.
    """
    made_at = min(tx.now, max(invoice.created_at if invoice else credit.occurred_at, credit.occurred_at))
    session = CheckoutSession(
        id=new_id(),
        agency_id=agency.id,
        status=CheckoutStatus.OPEN,
        currency=credit.currency,
        amount_minor=credit.amount_minor,
        return_url="",
        locale=ANY_LANGUAGE,
        methods=(credit.provider,),
        created_by=BY_BANK,
        created_at=tx.now,
        expires_at=tx.now,
    )
    checkouts.add(tx, session, [(invoice.id, credit.amount_minor)] if invoice else [])
    payment = Payment(
        id=new_id(),
        session_id=session.id,
        agency_id=agency.id,
        provider=credit.provider,
        lands_on=ledger.bank(credit.account),
        status=PaymentStatus.PENDING,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        reference=invoice.reference if invoice else "",
        provider_payment_id=None,
        provider_transaction_id=None,
        next_action=None,
        code="",
        via_page=False,
        credited_minor=0,
        refunded_minor=0,
        created_at=made_at,
        expires_at=tx.now,
        succeeded_at=None,
        business_date=None,
        checks=0,
    )
    payments.add(tx, payment, next_check_at=None)
    return payment


def assign_credit(tx: Transaction, credit: Credit, agency: Agency, invoice: Invoice | None, source: str) -> Payment:
    """An officer knows what an unidentified credit of the agency, which is locked, is for: an invoice, or nothing here,
    so that it will be sent back. Returns the payment that it became."""
    payment = _direct_payment(tx, agency, invoice, credit)
    credits.change(tx, credit.id, master_key_id=None, sealed_remittance=None)
    if _pay(tx, credit, payment, source, held_on=UNIDENTIFIED_RECEIPTS) is not AckResult.APPLIED:
        raise Conflict("This credit is known to be another payment's money.")
    return payment


def _pay(tx: Transaction, credit: Credit, payment: Payment, source: str, held_on: str | None = None) -> AckResult:
    """The credit makes the payment good, through the door by which every success comes."""
    credits.change(tx, credit.id, status=CreditStatus.IDENTIFIED, payment_id=payment.id)
    observation = PaymentObservation(
        status=PaymentStatus.SUCCEEDED,
        occurred_at=credit.occurred_at,
        payment_id=payment.id,
        provider_transaction_id=credit.provider_transaction_id,
        amount=credit.amount,
    )
    result = apply_payment(tx, credit.provider, observation, source, held_on)
    sitting = checkouts.find(tx, payment.session_id)
    if sitting is not None and sitting.created_by == BY_BANK and sitting.status is CheckoutStatus.OPEN:
        close_session(tx, sitting, CheckoutStatus.COMPLETED, "system")
    return result


def _keep_unidentified(
    tx: Transaction,
    runtime: Runtime,
    credit: Credit,
    agency: Agency | None,
    purpose: _Purpose,
    observation: CreditObservation,
) -> None:
    """Book it for the agency whose account it is, if it is one's; keep the words; and ask an officer."""
    text = _words(observation)
    if text:
        master_key_id, sealed = runtime.vault.seal_bytes(bank_credit_purpose(credit.id), text.encode())
        credits.change(tx, credit.id, master_key_id=master_key_id, sealed_remittance=sealed)
    evidence = dict(purpose.evidence)
    if agency is not None:
        tx.post(_unidentified(tx, credit, agency))
        near = invoices.by_references(tx, near_in_text(text)[:NEAR_AT_MOST])
        evidence["proposed"] = [
            invoice.reference
            for invoice in near
            if invoice.agency_id == agency.id
            and (invoice.amount_due_minor, invoice.currency) == (credit.amount_minor, credit.currency)
        ]
    kind = DiscrepancyKind.UNIDENTIFIED_RECEIPT if agency else DiscrepancyKind.MISSING_IN_GATEWAY
    open_discrepancy(
        tx,
        kind=kind,
        key=f"{kind}:{credit.provider}:{credit.provider_transaction_id}",
        provider=credit.provider,
        agency_id=credit.agency_id,
        business_date=credit.business_date,
        amount=credit.amount,
        evidence=evidence
        | {
            "credit": str(credit.id),
            "provider_transaction_id": credit.provider_transaction_id,
            "account": credit.account,
            "occurred_at": credit.occurred_at.isoformat(),
        },
    )


def _unidentified(tx: Transaction, credit: Credit, agency: Agency) -> Entry:
    return Entry(
        key=f"credit:{credit.id}:unidentified",
        cause="credit_unidentified",
        agency_id=agency.id,
        subject_id=credit.id,
        occurred_at=credit.occurred_at,
        business_date=booking_day(tx, agency.id, credit.provider, credit.occurred_at),
        transfers=(Transfer(ledger.bank(credit.account), UNIDENTIFIED_RECEIPTS, credit.amount),),
    )
