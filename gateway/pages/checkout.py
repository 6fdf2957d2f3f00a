"""The payment page of a checkout session: one address for everything that can become of it.

    GET  /pay/{token}             what is owed and why, how to pay it, how far the payment has come
    POST /pay/{token}/payments    start a payment with the chosen provider
    GET  /pay/{token}/state       changes when the page does
    GET  /pay/{token}/slip        the same on paper, for a counter or a helper
    GET  /pay/{token}/continue    on to the provider, if it has a page of its own
    POST /pay/{token}/cancel      give up

A form is always answered with a redirect to the page, which tells how things stand: what the payer reads is what the
database knows, also after a reload, in another window, or on the way back from the provider.

On the way to a provider the payer passes our own `continue` page, which forwards by `<meta refresh>`. A redirect
straight from the form would be subject to `form-action`, and a browser that does not find the target there does nothing
and says nothing; yet a provider may answer with an address that nobody foresaw, such as one that opens a bank's app.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import segno
from flask import redirect, request, url_for
from markupsafe import Markup
from werkzeug import Response

from gateway.domain.checkout import MethodNotOffered, ProviderUnavailable
from gateway.domain.errors import Conflict
from gateway.forms.proof import OF_PAYERS
from gateway.pages.parts import asked_part
from gateway.pages.rendering import asked_language, chosen_language, page
from gateway.services.access import public
from gateway.services.choose_language import choose_language
from gateway.services.find_bill import is_by_number
from gateway.services.idempotency import Answer, Request
from gateway.services.open_checkout import cancel_checkout
from gateway.services.runtime import Runtime
from gateway.services.show_checkout import Checkout, Stage, payer_of, session_of, show_checkout
from gateway.services.show_receipt import receipt_urls
from gateway.services.start_payment import start_payment

QR_PIXELS_PER_MODULE = 5
SLIP_PIXELS_PER_MODULE = 4
BY_TRANSFER = ("qr", "transfer")
"""The flows in which the payer's own bank needs account and message only."""
FOLLOWED = frozenset({Stage.STARTING, Stage.WAITING, Stage.UNKNOWN, Stage.CREDITED})
"""The stages that end without the payer: where scripts run, the page looks again by itself."""
WEB = ("http", "https")


class CheckoutPages:
    def __init__(self, runtime: Runtime, *, demo: bool) -> None:
        self._runtime = runtime
        self._demo = demo

    @public("whoever holds the unguessable link may see what it is for")
    def show(self, token: str) -> Response:
        checkout = show_checkout(self._runtime, session_of(self._runtime, token))
        receipts = self._receipts(checkout)
        return page(
            "checkout.html",
            chosen_language(checkout.session.locale),
            checkout=checkout,
            part=asked_part(checkout.bills),
            token=token,
            form=OF_PAYERS.token(self._runtime, str(checkout.session.id)),
            qr=_qr(checkout),
            check_again=self._check_again(checkout, token),
            return_to=_return_to(checkout),
            receipts=receipts,
            by_number=is_by_number(checkout.session),
            now=self._runtime.db.now(),
            state=state_of(checkout, receipts),
            follow=checkout.stage in FOLLOWED or (checkout.stage is Stage.PAID and len(receipts) < len(checkout.bills)),
            public_url=self._runtime.public_url,
            demo=self._demo,
        )

    @public("whoever holds the unguessable link may follow the payment")
    def state(self, token: str) -> Response:
        """Plain text that changes when the page does."""
        checkout = show_checkout(self._runtime, session_of(self._runtime, token))
        return Response(state_of(checkout, self._receipts(checkout)), content_type="text/plain")

    @public("whoever holds the unguessable link may print what is owed")
    def slip(self, token: str) -> Response:
        checkout = show_checkout(self._runtime, session_of(self._runtime, token))
        number_url = f"{self._runtime.public_url}/pay"
        part = asked_part([bill for bill in checkout.bills if bill.invoice.amount_due_minor])
        codes = {
            bill.invoice.id: code_of(f"{number_url}?number={bill.invoice.reference}", SLIP_PIXELS_PER_MODULE)
            for bill in part.items
        }
        return page(
            "slip.html",
            chosen_language(checkout.session.locale),
            checkout=checkout,
            part=part,
            token=token,
            codes=codes,
            number_url=number_url,
            by_transfer=any(method.flow in BY_TRANSFER for method in checkout.methods),
            demo=self._demo,
        )

    @public("whoever holds the unguessable link may pay; the form proves that it comes from our page")
    def pay(self, token: str) -> Response:
        session_id = session_of(self._runtime, token)
        OF_PAYERS.check(self._runtime, str(session_id))
        language = asked_language()
        if language is not None:
            choose_language(self._runtime, session_id, language)
        try:
            # No idempotency key: a form sent twice finds the attempt of the first, and leads to the same place.
            start_payment(
                self._runtime,
                Request(payer_of(session_id), None, b""),
                session_id,
                request.form.get("provider", ""),
                lambda payment: Answer(303, str(payment.id)),
                via_page=True,
            )
        except (Conflict, MethodNotOffered, ProviderUnavailable):
            return _to("checkout", token)  # the page says what is the matter
        return _to("leave", token)

    @public("whoever holds the unguessable link may go on to the provider")
    def leave(self, token: str) -> Response:
        checkout = show_checkout(self._runtime, session_of(self._runtime, token))
        action = next_action(checkout)
        if action.get("type") != "redirect":
            return _to("checkout", token)
        language = chosen_language(checkout.session.locale)
        return page("continue.html", language, checkout=checkout, url=action["url"], demo=self._demo)

    @public("whoever holds the unguessable link may give up; the form proves that it comes from our page")
    def cancel(self, token: str) -> Response:
        session_id = session_of(self._runtime, token)
        OF_PAYERS.check(self._runtime, str(session_id))
        try:
            with self._runtime.db.transaction() as tx:
                cancel_checkout(tx, payer_of(session_id), session_id)
        except Conflict:
            pass  # it is over already, or the money may have moved: the page says which
        return _to("checkout", token)

    def _receipts(self, checkout: Checkout) -> Mapping[UUID, str]:
        """Who came by number gets the proof that it is paid, which names nobody."""
        with self._runtime.db.read() as tx:
            ids = [bill.invoice.id for bill in checkout.bills]
            return receipt_urls(tx, self._runtime, ids, named=not is_by_number(checkout.session))

    def _check_again(self, checkout: Checkout, token: str) -> str:
        """Where a payer goes to know more: by way of the provider's return, which asks the provider, back to here."""
        for attempt in reversed(checkout.unresolved):
            if attempt.via_page:
                return f"{self._runtime.public_url}/providers/{attempt.provider}/return?payment={attempt.id}"
        return url_for("pages.checkout", token=token)


def _to(view: str, token: str) -> Response:
    return redirect(url_for(f"pages.{view}", token=token, lang=asked_language()), 303)


def state_of(checkout: Checkout, receipts: Mapping[UUID, str]) -> str:
    """A text that changes when the page does."""
    attempts = "".join(f"/{attempt.status}" for attempt in checkout.attempts)
    return f"{checkout.stage}{attempts}/{len(receipts)}"


def next_action(checkout: Checkout) -> Mapping[str, Any]:
    """What the provider waits for the payer to do; empty if none waits."""
    return (checkout.waiting.next_action if checkout.waiting else None) or {}


def _qr(checkout: Checkout) -> Markup | None:
    action = next_action(checkout)
    if action.get("type") != "show_qr":
        return None
    return code_of(action["payload"], QR_PIXELS_PER_MODULE)


def code_of(payload: str, scale: int) -> Markup:
    """The QR code of `payload`, a module of it `scale` pixels wide."""
    code = segno.make(payload, error="m", micro=False)
    return Markup(code.svg_inline(scale=scale))  # noqa: S704 - paths and numbers of segno's own


def _return_to(checkout: Checkout) -> dict[str, str] | None:
    """The portal's page, and what to call it; a link that is not one of the web is not shown."""
    target = urlsplit(checkout.session.return_url)
    if target.scheme not in WEB or not target.hostname:
        return None
    return {"url": checkout.session.return_url, "host": target.hostname}
