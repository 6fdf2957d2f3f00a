"""Assisted payment at a counter, for people without a phone at hand, or who need somebody beside them.

    /console/counter                              find an invoice, or begin one
    /console/counter/new?procedure=               an invoice for who stands there
    /console/counter/invoices/{id}                what is due, to read to the payer
    /console/counter/sessions/{id}                the code to scan, and what becomes of the payment

What is typed of a payer travels in the form and goes into the vault. The officer takes neither cash nor cards: the
payer uses an own phone, or a transfer.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from flask import Response, redirect, request, url_for
from werkzeug import Response as AnyResponse

from gateway.console.facts_form import PREFIX, fact_fields, facts_of
from gateway.console.gate import officer
from gateway.console.rendering import language, page
from gateway.domain.checkout import MethodNotOffered, ProviderUnavailable
from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.fees import Channel
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.officer import Role
from gateway.domain.reference import MistypedReference
from gateway.pages.checkout import FOLLOWED, code_of, next_action, state_of
from gateway.pages.parts import asked_part
from gateway.pages.rendering import SCRIPT, version
from gateway.services.access import for_officers
from gateway.services.assist_payment import assist_payment, assisted_session, invoices_asked_for, issue_at_counter
from gateway.services.find import find_invoice
from gateway.services.idempotency import Answer, Request, answer_once
from gateway.services.issue_invoice import InvoiceRequest, WrongAgency
from gateway.services.open_checkout import cancel_checkout
from gateway.services.quote_fee import list_procedures, procedure_with_agency
from gateway.services.runtime import Runtime
from gateway.services.show_checkout import Checkout, Stage, show_checkout
from gateway.services.show_receipt import hand_out, receipt_of_invoice, receipt_urls
from gateway.services.start_payment import start_payment
from gateway.services.surface import N_, ConsoleSurface, Section

BIG = 7
"""Pixels a module of a code has, to be read over a counter."""

HERE = ("qr", "transfer")
"""The flows that an officer may begin: the payer's own bank carries them out."""

LONGEST = {"dossier": 100, "name": 200, "national_id": 30, "tax_code": 30, "email": 254, "phone": 30}
NEEDED = {
    "dossier": N_("Type the number of the dossier."),
    "name": N_("Type the payer's name."),
}
NOT_FOUND = N_("Nothing has this number. Compare it with the paper, sign by sign.")
MISTYPED = N_("A digit of this number is mistyped. Compare each group of four with the paper.")
WRONG_FACT = N_("not given, or not allowed")
TOO_LONG = N_("This is too long.")


def register(console: ConsoleSurface) -> None:
    counter = CounterPages(console.runtime)
    console.add_section(Section(N_("Counter"), "console.counter", (Role.FINANCE,)))
    console.route("/counter", endpoint="counter")(counter.begin)
    console.route("/counter/find", endpoint="counter_find", methods=["POST"])(counter.find)
    console.route("/counter/new", endpoint="counter_new")(counter.ask)
    console.route("/counter/new", endpoint="counter_issue", methods=["POST"])(counter.issue)
    invoice, session = "/counter/invoices/<uuid:invoice_id>", "/counter/sessions/<uuid:session_id>"
    console.route(invoice, endpoint="counter_invoice")(counter.invoice)
    console.route(f"{invoice}/help", endpoint="counter_help", methods=["POST"])(counter.help)
    console.route(f"{invoice}/receipt", endpoint="counter_receipt", methods=["POST"])(counter.receipt)
    console.route(session, endpoint="counter_session")(counter.session)
    console.route(f"{session}/payments", endpoint="counter_pay", methods=["POST"])(counter.pay)
    console.route(f"{session}/cancel", endpoint="counter_cancel", methods=["POST"])(counter.cancel)


class CounterPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @for_officers(Role.FINANCE)
    def begin(self) -> Response:
        return self._begin()

    @for_officers(Role.FINANCE)
    def find(self) -> AnyResponse:
        """By the number of a slip or of a dossier, which may be personal to somebody: it stays out of the address."""
        number = request.form.get("number", "")[:100]
        try:
            with self._runtime.db.read() as tx:
                found = invoices_asked_for(tx, officer().caller, number)
        except MistypedReference:
            return self._begin(422, number, MISTYPED)
        except NotFound:
            return self._begin(404, number, NOT_FOUND)
        if len(found) == 1:
            return _to("counter_invoice", invoice_id=found[0].id)
        return page("counter_found.html", found=found)

    @for_officers(Role.FINANCE)
    def ask(self) -> Response:
        """The form for an invoice, by the facts of the procedure that the address names."""
        return self._form(request.args.get("procedure", ""), {}, {})

    @for_officers(Role.FINANCE)
    def issue(self) -> AnyResponse:
        """Sent twice, the form makes one invoice."""
        form = request.form.to_dict()
        with self._runtime.db.read() as tx:
            procedure, _, agency = procedure_with_agency(tx, form.get("procedure", ""))
        if officer().agency_id not in (None, agency.id):
            raise WrongAgency(f"You act for another agency than {agency.code}, which charges for {procedure.code}.")
        facts, wrong = facts_of(procedure, form, language())
        faults = _faults_of_payer(form) | dict.fromkeys(wrong, WRONG_FACT)
        if faults:
            return self._form(procedure.code, form, faults)
        payer = {name: form[name].strip() for name in LONGEST if name != "dossier" and form.get(name, "").strip()}
        channel = Channel.ONLINE if form.get("channel") == Channel.ONLINE else Channel.COUNTER
        wanted = InvoiceRequest(procedure.code, facts, channel, form["dossier"].strip(), payer)
        try:
            answer = answer_once(
                self._runtime,
                Request(officer().caller, form.get("once") or None, b"counter"),
                lambda tx: Answer(303, str(issue_at_counter(tx, self._runtime, officer().caller, wanted).id)),
            )
        except Invalid as error:
            named = [field.replace("facts.", PREFIX) for field in error.fields if field.startswith("facts.")]
            if not named:
                raise
            return self._form(procedure.code, form, dict.fromkeys(named, WRONG_FACT))
        return _to("counter_invoice", invoice_id=answer.body)

    @for_officers(Role.FINANCE)
    def invoice(self, invoice_id: UUID) -> Response:
        with self._runtime.db.read() as tx:
            found = find_invoice(tx, officer().caller, str(invoice_id))
            procedure, _, agency = procedure_with_agency(tx, found.procedure)
        return page("counter_invoice.html", invoice=found, procedure=procedure, agency=agency, Status=InvoiceStatus)

    @for_officers(Role.FINANCE)
    def help(self, invoice_id: UUID) -> AnyResponse:
        with self._runtime.db.transaction() as tx:
            session_id = assist_payment(tx, self._runtime, officer().caller, str(invoice_id), language())
        return _to("counter_session", session_id=session_id)

    @for_officers(Role.FINANCE)
    def session(self, session_id: UUID) -> Response:
        checkout = self._checkout(session_id)
        url = self._runtime.page_url(session_id)
        with self._runtime.db.read() as tx:
            ids = [bill.invoice.id for bill in checkout.bills]
            receipts = receipt_urls(tx, self._runtime, ids, named=False)
        waits = checkout.stage is Stage.PAID and len(receipts) < len(checkout.bills)
        return page(
            "counter_session.html",
            checkout=checkout,
            part=asked_part(checkout.bills),
            stage=checkout.stage.value,
            token=url.rpartition("/")[2],
            payer_url=url,
            payer_code=code_of(url, BIG) if checkout.stage is Stage.READY else None,
            bank_code=_bank_code(checkout),
            action=next_action(checkout),
            here=[method for method in checkout.methods if method.flow in HERE],
            on_phone=[method for method in checkout.methods if method.flow not in HERE],
            receipts=receipts,
            by_number=False,
            follow=checkout.stage in FOLLOWED or checkout.stage is Stage.READY or waits,
            state=state_of(checkout, receipts),
            script_of_payers=url_for("pages.script", v=version(SCRIPT)),
        )

    @for_officers(Role.FINANCE)
    def pay(self, session_id: UUID) -> AnyResponse:
        """Show the code of a bank. Where it does not work, the page of the session says what is the matter."""
        provider = request.form.get("provider", "")
        checkout = self._checkout(session_id)
        if provider not in [method.name for method in checkout.methods if method.flow in HERE]:
            raise MethodNotOffered(
                "At the counter only a transfer is begun. For anything else the payer uses an own phone.",
                fields={"provider": "must be a transfer or a bank's code"},
            )
        asked = Request(officer().caller, None, b"")
        with suppress(Conflict, MethodNotOffered, ProviderUnavailable):
            start_payment(self._runtime, asked, session_id, provider, lambda payment: Answer(303, ""), via_page=True)
        return _to("counter_session", session_id=session_id)

    @for_officers(Role.FINANCE)
    def cancel(self, session_id: UUID) -> AnyResponse:
        with suppress(Conflict), self._runtime.db.transaction() as tx:  # a conflict: the page says what is the matter
            cancel_checkout(tx, officer().caller, assisted_session(tx, officer().caller, session_id).id)
        return _to("counter_session", session_id=session_id)

    @for_officers(Role.FINANCE)
    def receipt(self, invoice_id: UUID) -> AnyResponse:
        """The whole receipt names its payer, so that it was handed out is written down."""
        with self._runtime.db.transaction() as tx:
            receipt = receipt_of_invoice(tx, officer().caller, str(invoice_id))
            url = hand_out(tx, self._runtime, officer().caller, receipt)
        return redirect(urlsplit(url).path, 303)

    def _begin(self, status: int = 200, number: str = "", fault: str = "") -> Response:
        with self._runtime.db.read() as tx:
            procedures = list_procedures(tx, officer().agency_id)
        return page("counter.html", status, procedures=procedures, number=number, fault=fault)

    def _form(self, code: str, form: Mapping[str, str], faults: Mapping[str, str]) -> Response:
        with self._runtime.db.read() as tx:
            procedure, _, agency = procedure_with_agency(tx, code)
        return page(
            "counter_new.html",
            422 if faults else 200,
            procedure=procedure,
            agency=agency,
            fields=fact_fields(procedure, form),
            typed=form,
            faults=faults,
            once=form.get("once") or str(uuid4()),
            longest=LONGEST,
        )

    def _checkout(self, session_id: UUID) -> Checkout:
        """Raises SessionNotFound, also for one that another opened."""
        with self._runtime.db.read() as tx:
            assisted_session(tx, officer().caller, session_id)
        return show_checkout(self._runtime, session_id)


def _to(view: str, **values: Any) -> AnyResponse:
    return redirect(url_for(f"console.{view}", **values), 303)


def _faults_of_payer(form: Mapping[str, str]) -> dict[str, str]:
    missing = {name: fault for name, fault in NEEDED.items() if not form.get(name, "").strip()}
    too_long = {name: TOO_LONG for name, most in LONGEST.items() if len(form.get(name, "")) > most}
    return missing | too_long


def _bank_code(checkout: Checkout) -> Any:
    action = next_action(checkout)
    return code_of(action["payload"], BIG) if action.get("type") == "show_qr" else None
