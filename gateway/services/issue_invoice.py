"""Issue a fee invoice: price the procedure, seal the payer in the vault, book what is due."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from gateway.domain import ledger
from gateway.domain import reference as references
from gateway.domain.errors import Conflict, Forbidden, Invalid
from gateway.domain.fees import Channel, Procedure, Quote, quote
from gateway.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from gateway.domain.ledger import Entry
from gateway.services.quote_fee import procedure_with_agency
from gateway.services.runtime import Caller
from gateway.services.vault import Vault
from gateway.store import invoices
from gateway.store.database import Transaction, new_id

REFERENCE_ATTEMPTS = 5


class WrongAgency(Forbidden):
    code = "wrong_agency"


@dataclass(frozen=True, slots=True)
class InvoiceRequest:
    """What a portal asks for. `payer` goes into the vault; nothing of it is kept elsewhere, nor shown in a repr."""

    procedure: str
    facts: Mapping[str, object]
    channel: Channel
    dossier: str
    payer: Mapping[str, str] = field(repr=False)
    due_on: date | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def issue_invoice(tx: Transaction, vault: Vault, caller: Caller, request: InvoiceRequest) -> Invoice:
    """The new invoice, open; already paid if the fee is zero.

    Raises ProcedureNotFound, WrongAgency, or Invalid naming the field that is wrong.
    """
    procedure, version, agency = procedure_with_agency(tx, request.procedure)
    if caller.agency_id not in (None, agency.id):
        raise WrongAgency(f"This key acts for another agency than {agency.code}, which charges for {procedure.code}.")
    today = agency.business_date(tx.now)
    if request.due_on is not None and request.due_on < today:
        raise Invalid("The due date has passed.", fields={"due_on": f"must be {today} or later"})
    facts = _with_payer_category(procedure, request)
    priced = quote(procedure, facts, request.channel, today)
    invoice = Invoice(
        id=new_id(),
        agency_id=agency.id,
        reference="",
        reference_style=agency.reference_style,
        reference_issuer=agency.reference_issuer,
        procedure=procedure.code,
        procedure_version=version,
        channel=request.channel,
        facts=facts,
        dossier=request.dossier,
        payer_id=new_id(),
        status=InvoiceStatus.OPEN if priced.total.amount_minor else InvoiceStatus.PAID,
        currency=priced.currency,
        total_minor=priced.total.amount_minor,
        paid_minor=0,
        refunded_minor=0,
        due_on=request.due_on,
        assisted=False,
        metadata=request.metadata,
        created_by=caller.id,
        created_at=tx.now,
        business_date=today,
        lines=_lines(priced),
    )
    invoice = _insert_under_a_new_reference(tx, vault, invoice, request.payer, agency.reference_fixed)
    _record(tx, caller, invoice)
    return invoice


def _with_payer_category(procedure: Procedure, request: InvoiceRequest) -> Mapping[str, object]:
    """The facts with the payer's category, where the fee asks for one. Raises Invalid if the two contradict."""
    category = request.payer.get("category")
    if category is None or all(spec.name != "payer_category" for spec in procedure.facts):
        return request.facts
    if request.facts.get("payer_category", category) != category:
        raise Invalid(
            "The facts and the payer name different categories.",
            fields={"payer.category": "must be facts.payer_category"},
        )
    return {**request.facts, "payer_category": category}


def _insert_under_a_new_reference(
    tx: Transaction, vault: Vault, invoice: Invoice, payer: Mapping[str, str], fixed: str
) -> Invoice:
    """`fixed` are the digits that follow the year in the agency's references."""
    sealed = vault.seal_payer(invoice.payer_id, payer)
    payer_row = {
        "master_key_id": sealed.master_key_id,
        "wrapped_key": sealed.wrapped_key,
        "sealed": sealed.sealed,
        "lookup_hashes": list(sealed.lookup_hashes),
    }
    for _ in range(REFERENCE_ATTEMPTS):
        chance = secrets.randbelow(references.random_limit(fixed))
        base = references.new_base(invoice.business_date.year, chance, fixed)
        named = replace(invoice, reference=references.rf(base))
        if invoices.insert_with_payer(tx, named, payer_row):
            return named
    raise Conflict("No free reference was found. Try again.")


def _record(tx: Transaction, caller: Caller, invoice: Invoice) -> None:
    tx.post(
        Entry(
            key=f"invoice:{invoice.id}:issued",
            cause="invoice_issued",
            agency_id=invoice.agency_id,
            subject_id=invoice.id,
            occurred_at=tx.now,
            business_date=invoice.business_date,
            transfers=ledger.issued(invoice.revenue),
        )
    )
    facts = {"invoice": str(invoice.id), "reference": invoice.reference, "dossier": invoice.dossier}
    amount = {"total_minor": invoice.total_minor, "currency": invoice.currency}
    tx.emit("invoice.issued", invoice.agency_id, facts | amount)
    if invoice.status is InvoiceStatus.PAID:
        tx.emit("invoice.paid", invoice.agency_id, facts | amount)
    tx.audit(caller.actor, "invoice.issued", "invoice", invoice.id, after=amount | {"procedure": invoice.procedure})


def _lines(priced: Quote) -> tuple[InvoiceLine, ...]:
    return tuple(
        InvoiceLine(
            fee_item=line.fee_item,
            revenue_code=line.revenue_code,
            quantity=line.quantity,
            amount=line.amount,
            reduction=line.reduction,
            legal_basis=line.legal_basis,
            steps=[{"texts": dict(step.texts), "amount_minor": step.amount.amount_minor} for step in line.steps],
        )
        for line in priced.lines
    )
