"""What invoices ask for, in the words in which a provider's platform shows it to the payer: the port's bills.

A bill tells the dossier, the procedure, the agency and the amounts: what the catalogue and the portal's numbering say,
and nothing of who pays. What was paid of an invoice before counts against its lines in their order, so that the lines
of a bill always add up to what it asks for.
"""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.fees import Procedure
from gateway.domain.invoice import Invoice
from gateway.domain.money import Money
from gateway.ports.provider import Bill, BillLine, Payee
from gateway.services.quote_fee import parse
from gateway.store import catalogue
from gateway.store.database import Transaction


def bills_of(tx: Transaction, agency_id: UUID, owed: Sequence[tuple[Invoice, int]], locale: str) -> list[Bill]:
    """A bill an invoice, in their order. `owed`: invoices of one agency, each with what to pay of it in minor units."""
    agency = catalogue.agency(tx, agency_id)
    versions = {(invoice.procedure, invoice.procedure_version) for invoice, _ in owed}
    procedures = {
        (row.code, row.version): parse(row.sha256, row.definition)
        for row in catalogue.published_procedures(tx, versions)
    }
    return [
        _bill(agency, procedures[invoice.procedure, invoice.procedure_version], invoice, to_pay, locale)
        for invoice, to_pay in owed
    ]


def payee_of(agency: Agency) -> Payee:
    """The account on which the agency collects."""
    return Payee(name=agency.account_holder, bank=agency.bank_code, number=agency.bank_account)


def _bill(agency: Agency, procedure: Procedure, invoice: Invoice, to_pay: int, locale: str) -> Bill:
    return Bill(
        dossier=invoice.dossier,
        procedure_code=procedure.official_code or procedure.code,  # the state's own number is not known for all
        procedure_title=_in(locale, procedure.titles),
        agency_code=agency.code,
        agency_name=_in(locale, agency.names),
        reference=invoice.reference,
        amount=Money(to_pay, invoice.currency),
        lines=tuple(_lines(procedure, invoice, to_pay, locale)),
        payee=payee_of(agency),
    )


def _lines(procedure: Procedure, invoice: Invoice, to_pay: int, locale: str) -> Iterator[BillLine]:
    titles = {item.code: item.titles for item in procedure.items}
    for line, left_minor in invoice.paid_lines(invoice.total_minor - to_pay, to_pay):
        yield BillLine(line.revenue_code, _in(locale, titles[line.fee_item]), invoice.money(left_minor))


def _in(locale: str, texts: Mapping[str, str]) -> str:
    """The text in the language asked for, or in the first one that there is."""
    return texts.get(locale) or next(iter(texts.values()))
