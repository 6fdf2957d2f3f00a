"""A bill as PayGov's platform shows it to the payer: with a creation, and as the answer when it asks what is due.

The names of things are those of the catalogue, in their own letters, for they are shown. What goes into a bank
transfer's text is plain letters only, and holds the reference by which the money is found again.
"""

from typing import Any

from gateway.ports.provider import Bill
from providers.paygov import wire
from providers.paygov.wire import Name
from providers.plain_text import plain


def written(bill: Bill) -> dict[str, Any]:
    return {
        Name.SERVICE: wire.FEES_SERVICE,
        Name.DOSSIER: bill.dossier,
        Name.PROCEDURE: bill.procedure_code,
        Name.PROCEDURE_TITLE: bill.procedure_title,
        Name.AGENCY: bill.agency_code,
        Name.AGENCY_NAME: bill.agency_name,
        Name.FEES: [
            {
                Name.FEE_KIND: wire.FEE_KIND,
                Name.FEE_CODE: line.code,
                Name.FEE_TITLE: line.title,
                Name.FEE_AMOUNT: str(line.amount.amount_minor),
            }
            for line in bill.lines
        ],
        Name.ACCOUNT: bill.payee.number,
        Name.ACCOUNT_BANK: bill.payee.bank,
        Name.ACCOUNT_NAME: bill.payee.name,
        Name.CONTENT: plain(f"Fee {bill.reference}"),
    }
