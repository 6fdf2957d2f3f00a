"""Pay by number: for whoever holds a slip or a letter and no link, for oneself or for somebody else.

    GET  /pay          where to type the number; ?number= fills it in, as the code on a slip does
    POST /pay          what is due under it
    POST /pay/start    a payment page for it

A number that is typed travels in the form, so that it stays out of logs; the code on a slip is an address, and has it.
It is worth nothing but the right to pay: a session that was opened by number names neither the payer nor the dossier.
"""

from typing import Any, Protocol

from flask import redirect, request
from werkzeug import Response

from gateway.domain.checkout import MethodNotOffered
from gateway.domain.errors import GatewayError, Invalid
from gateway.domain.reference import MistypedReference, grouped
from gateway.forms.proof import OF_PAYERS
from gateway.pages.rendering import asked_language, chosen_language, page
from gateway.services.access import public
from gateway.services.find_bill import FoundBill, NothingToPay, PaymentUnderWay, find_bill, pay_by_number
from gateway.services.runtime import Runtime

SUBJECT = "pay by number"
NUMBER_MAX = 60

FAULTS: dict[type[GatewayError], tuple[str, int]] = {
    MistypedReference: ("mistyped", 422),
    Invalid: ("no_number", 422),
    NothingToPay: ("nothing", 404),
    PaymentUnderWay: ("under_way", 409),
    MethodNotOffered: ("no_method", 409),
}
"""What the page says, and the status of the answer; the first that fits counts."""


class Guesses(Protocol):
    """Limits how often one address may try numbers. `check_guesses` raises once it was too often."""

    def check_guesses(self, address: str) -> None: ...

    def note_guess(self, address: str) -> None: ...


class NumberPages:
    def __init__(self, runtime: Runtime, guesses: Guesses, *, demo: bool) -> None:
        self._runtime = runtime
        self._guesses = guesses
        self._demo = demo

    @public("says where to type the number")
    def ask(self) -> Response:
        return self._page(number=request.args.get("number", "")[:NUMBER_MAX])

    @public("whoever holds the number may see what is due; wrong ones are counted")
    def show(self) -> Response:
        number = self._number()
        try:
            with self._runtime.db.transaction() as tx:
                bill = find_bill(tx, self._runtime, number)
        except tuple(FAULTS) as fault:
            return self._refused(number, fault)
        return self._page(number=number, bill=bill)

    @public("whoever holds the number may pay; wrong ones are counted")
    def start(self) -> Response:
        number = self._number()
        language = chosen_language()
        try:
            with self._runtime.db.transaction() as tx:
                session_id = pay_by_number(tx, self._runtime, number, language)
        except tuple(FAULTS) as fault:
            return self._refused(number, fault)
        asked = asked_language()
        return redirect(self._runtime.page_url(session_id) + (f"?lang={asked}" if asked else ""), 303)

    def _number(self) -> str:
        OF_PAYERS.check(self._runtime, SUBJECT)
        self._guesses.check_guesses(request.remote_addr or "")
        return request.form.get("number", "")[:NUMBER_MAX].strip()

    def _refused(self, number: str, fault: Exception) -> Response:
        what, status = next(answer for kind, answer in FAULTS.items() if isinstance(fault, kind))
        if isinstance(fault, NothingToPay):
            self._guesses.note_guess(request.remote_addr or "")
        return self._page(status, number=number, fault=what)

    def _page(
        self, status: int = 200, *, number: str, bill: FoundBill | None = None, fault: str | None = None
    ) -> Response:
        context: dict[str, Any] = {"number": number, "grouped": grouped(number), "bill": bill, "fault": fault}
        form = OF_PAYERS.token(self._runtime, SUBJECT)
        return page("number.html", chosen_language(), status, form=form, demo=self._demo, **context)
