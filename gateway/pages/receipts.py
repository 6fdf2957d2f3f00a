"""Receipts, for those who paid and for those who are handed one.

GET /receipts/{token}          the receipt as a signed PDF, for who holds the payer's link
GET /receipts/check/{token}    whether a receipt is real: what the code on it leads to, without personal data
"""

import json
from io import BytesIO
from typing import Any

import segno
from flask import Response

from gateway.domain.amount_in_words import amount_in_words
from gateway.domain.money import Money
from gateway.domain.printable import printable
from gateway.pages import language
from gateway.pages.documents import typeset
from gateway.pages.rendering import chosen_language, page
from gateway.services.access import public
from gateway.services.runtime import Runtime
from gateway.services.show_receipt import CHECK, WHOLE, ShownReceipt, check_url, payer_data, show_receipt

PDF = "application/pdf"


class ReceiptPages:
    def __init__(self, runtime: Runtime, *, demo: bool) -> None:
        self._runtime = runtime
        self._demo = demo

    @public("whoever holds the payer's unguessable link may have the receipt")
    def download(self, token: str) -> Response:
        shown = show_receipt(self._runtime, WHOLE, token)
        response = Response(receipt_pdf(self._runtime, shown), content_type=PDF)
        name = f"bien-lai-{shown.receipt.year}-{shown.receipt.printed_number}.pdf"
        response.headers["Content-Disposition"] = f'inline; filename="{name}"'
        return response

    @public("whoever is handed a receipt may check it; nothing personal is shown")
    def check(self, token: str) -> Response:
        shown = show_receipt(self._runtime, CHECK, token)
        returned = Money(shown.invoice.refunded_minor, shown.invoice.currency)
        return page("receipt.html", chosen_language(), shown=shown, returned=returned, demo=self._demo)


def receipt_pdf(runtime: Runtime, shown: ShownReceipt) -> bytes:
    """The receipt as its payer gets it. Signed, if the operator has a certificate."""
    url = check_url(runtime, shown.receipt.id)
    pdf = typeset("receipt.typ", {"receipt": json.dumps(printable(_said(runtime, shown, url))), "qr": _svg(url)})
    if runtime.signer is None:
        return pdf
    return runtime.signer.sign(pdf, f"Biên lai {shown.receipt.series} {shown.receipt.printed_number}")


def _said(runtime: Runtime, shown: ShownReceipt, url: str) -> dict[str, Any]:
    receipt, invoice, agency = shown.receipt, shown.invoice, shown.agency
    day, notice = receipt.business_date, shown.procedure.notice
    titles = {item.code: item.titles for item in shown.procedure.items}
    return {
        "agency": _both(agency.names),
        "tax_code": agency.tax_code,
        "form": agency.receipt_form,
        "series": receipt.series,
        "number": receipt.printed_number,
        "date": {"day": day.day, "month": day.month, "year": day.year, "en": language.day("en", day)},
        "notice": _both(notice) if notice else None,
        "payer": payer_data(runtime, shown).get("name", ""),
        "procedure": _both(shown.procedure.titles),
        "dossier": invoice.dossier,
        "reference": invoice.reference_display,
        "lines": [
            {
                "title": _both(titles[line.fee_item]),
                "revenue_code": line.revenue_code,
                "amount": language.amount("vi", line.amount),
            }
            for line in invoice.lines
        ],
        "total": language.amount("vi", receipt.amount),
        "words": {spoken: amount_in_words(receipt.amount, spoken) for spoken in ("vi", "en")},
        "payments": [
            {
                "amount": language.amount("vi", Money(part, payment.currency)),
                "when": language.moment("vi", payment.succeeded_at or receipt.issued_at, agency.time_zone),
                "method": _title_of(runtime, payment.provider),
                "transaction": payment.provider_transaction_id or "",
            }
            for payment, part in shown.payments
        ],
        "check_url": url,
        "signed": runtime.signer is not None,
    }


def _title_of(runtime: Runtime, provider: str) -> str:
    known = runtime.providers.get(provider)
    return language.in_words_of("vi", known.titles) if known else provider


def _both(texts: Any) -> dict[str, str]:
    return {spoken: language.in_words_of(spoken, texts) for spoken in ("vi", "en")}


def _svg(text: str) -> str:
    image = BytesIO()
    segno.make(text, error="m", micro=False).save(image, kind="svg", border=0)
    return image.getvalue().decode()
