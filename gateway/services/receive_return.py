"""A payer's browser comes back from a provider: a hint to look, and never evidence of payment.

The provider is asked now rather than at the next sweep, so that the payer sees the outcome; then the browser goes on to
where the payment was started. What the browser carries besides the payment's id is not read.
"""

from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

import structlog

from gateway.domain.errors import Invalid
from gateway.domain.payment import OPEN, Payment
from gateway.services.ask_provider import check_payment
from gateway.services.circuits import is_shut
from gateway.services.find import PaymentNotFound
from gateway.services.runtime import Runtime
from gateway.store import checkouts, payments

log = structlog.get_logger()

URL_LENGTH_MAX = 2000
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_return_url(url: str, *, allow_insecure: bool) -> str:
    """`url`, if a payer's browser can be sent there. Without TLS only to this very machine, or in a demo.

    Raises Invalid.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _invalid("is not a URL") from None
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > URL_LENGTH_MAX:
        raise _invalid(f"must be written in at most {URL_LENGTH_MAX} visible ASCII characters")
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise _invalid("must be an address like https://portal.example/back")
    if parts.scheme == "http" and not allow_insecure and host not in LOOPBACK:
        raise _invalid("must begin with https://")
    return url


def receive_return(runtime: Runtime, provider_name: str, payment_id: UUID, *, may_ask: bool) -> str:
    """Where to send the browser. `may_ask` False spares the provider the question. Raises PaymentNotFound."""
    payment = _find(runtime, provider_name, payment_id)
    if may_ask and payment.status in OPEN and not is_shut(runtime, provider_name):
        try:
            check_payment(runtime, payment, "return")
        except Exception:  # whatever goes wrong with the question, the payer must not be stranded; the sweep asks again
            log.exception("payment not checked on return", payment=str(payment_id))
    if payment.via_page:
        return runtime.page_url(payment.session_id)
    with runtime.db.read() as tx:
        session = checkouts.find(tx, payment.session_id)
    if session is None:
        return runtime.public_url
    # The sitting of a direct payment leads nowhere else.
    return _with_outcome(session.return_url, payment) if session.return_url else runtime.page_url(session.id)


def _find(runtime: Runtime, provider_name: str, payment_id: UUID) -> Payment:
    with runtime.db.read() as tx:
        payment = payments.find(tx, payment_id)
    if payment is None or payment.provider != provider_name:
        raise PaymentNotFound("There is no such payment.")
    return payment


def _with_outcome(return_url: str, payment: Payment) -> str:
    """The portal's address, told what to ask us about; what it says of the outcome would be no evidence either."""
    parts = urlsplit(return_url)
    told = urlencode({"checkout_session": str(payment.session_id), "payment": str(payment.id)})
    return urlunsplit(parts._replace(query=f"{parts.query}&{told}" if parts.query else told))


def _invalid(what: str) -> Invalid:
    return Invalid(f"The return URL {what}.", fields={"return_url": what})
