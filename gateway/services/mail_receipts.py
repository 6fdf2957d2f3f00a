"""Send each new receipt to its payer, if the payer left an address and the operator has a mail server.

A sweep: what is due is claimed for a while, sent with no transaction open, and its end is written down. A crash in
between sends a receipt once more; none is lost.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog

from gateway.services.mailer import Attachment, Mailer, NotDelivered
from gateway.services.runtime import Runtime
from gateway.services.show_receipt import ShownReceipt, payer_data, shown_receipt
from gateway.services.sweep import each
from gateway.store import receipts

log = structlog.get_logger()

AT_ONCE = 20
LEASE = timedelta(minutes=5)
TRIED_FOR = timedelta(days=3)

SENT, NO_ADDRESS, REFUSED, GIVEN_UP = "sent", "no_address", "refused", "given_up"

Render = Callable[[Runtime, ShownReceipt], bytes]
"""The PDF of a receipt."""

TEXT = """Kính gửi Quý khách,

Biên lai số {number}, ký hiệu {series}, của {agency_vi} được gửi kèm thư này.
Bất kỳ ai cũng có thể kiểm tra biên lai bằng mã in trên đó.

--

The receipt number {number}, series {series}, of {agency_en} is attached.
Anybody can check it by the code that is printed on it.
"""


def mail_receipts(runtime: Runtime, render: Render) -> int:
    """Returns how many were due."""
    mailer = runtime.mailer
    if mailer is None:
        return 0
    with runtime.db.transaction() as tx:
        due = receipts.claim_mails(tx, LEASE, AT_ONCE)
    return each(due, lambda receipt_id: _mail(runtime, mailer, render, receipt_id), "mail_receipts")


def _mail(runtime: Runtime, mailer: Mailer, render: Render, receipt_id: UUID) -> None:
    shown = shown_receipt(runtime, receipt_id)
    address = payer_data(runtime, shown).get("email", "")
    if not address:
        _end(runtime, receipt_id, NO_ADDRESS)
        return
    number = shown.receipt.printed_number
    subject = f"Biên lai {number} / Receipt {number}"
    names = {f"agency_{language}": name for language, name in shown.agency.names.items()}
    text = TEXT.format_map({"number": number, "series": shown.receipt.series} | names)
    try:
        mailer.send(address, subject, text, Attachment(f"bien-lai-{number}.pdf", render(runtime, shown)))
    except NotDelivered as failure:
        log.warning("receipt not mailed", receipt=str(receipt_id), reason=str(failure), final=failure.final)
        _put_off_or_end(runtime, receipt_id, final=failure.final)
    except Exception:
        _put_off_or_end(runtime, receipt_id, final=False)
        raise
    else:
        _end(runtime, receipt_id, SENT)


def _put_off_or_end(runtime: Runtime, receipt_id: UUID, *, final: bool) -> None:
    if final:
        _end(runtime, receipt_id, REFUSED)
        return
    with runtime.db.transaction() as tx:
        receipts.put_off_mail(tx, receipt_id, tx.now - TRIED_FOR, GIVEN_UP)


def _end(runtime: Runtime, receipt_id: UUID, outcome: str) -> None:
    with runtime.db.transaction() as tx:
        receipts.end_mail(tx, receipt_id, outcome)
