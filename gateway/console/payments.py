"""Search, and the story of a payment or an invoice, where a refund is asked for and a payer's data is read."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for

from gateway.console import words
from gateway.console.forms import Form, once, refused
from gateway.console.roles import OF_MONEY, OF_PAYERS, READERS
from gateway.domain.errors import GatewayError
from gateway.domain.invoice import Invoice
from gateway.domain.money import Money
from gateway.domain.payment import OPEN
from gateway.domain.typed_amount import typed_amount
from gateway.forms.lists import asked_part
from gateway.forms.reading import given
from gateway.services.access import for_officers
from gateway.services.ask_provider import ask_for_officer
from gateway.services.browse import agencies_of
from gateway.services.find import find_payment
from gateway.services.name_actors import names_of
from gateway.services.payment_story import Story, What, story_of_invoice, story_of_payment
from gateway.services.read_payer import PayerErased, payer_of, read_payer, vault_reads
from gateway.services.refund_payment import request_refund
from gateway.services.search import TERM_MAX, Found, search
from gateway.services.surface import N_, ConsoleSurface, Section

PART = 100
READS_SHOWN = 50
AMOUNT_MAX = 40


def register(console: ConsoleSurface) -> None:
    console.add_section(Section(N_("Search"), "console.search", READERS))
    _add_search(console)
    _add_stories(console)
    _add_actions(console)
    _add_payer(console)


def _add_search(console: ConsoleSurface) -> None:
    @console.route("/search", endpoint="search", methods=["GET", "POST"])
    @for_officers(*READERS)
    def look() -> Any:
        """What was typed may be somebody's number, so it comes as a form and stands in no address."""
        if request.method == "GET":
            return console.page("search.html", form=Form(), found=None, term_max=TERM_MAX)
        caller = console.officer().caller
        try:
            with console.runtime.db.read() as tx:
                found = search(tx, console.runtime, caller, request.form.get("term", ""))
                agencies = {agency.id: agency for agency in agencies_of(tx, caller)}
        except GatewayError as error:
            return console.page("search.html", 422, form=refused(error), found=None, term_max=TERM_MAX)
        if found.only:
            return redirect(_story_of(found), 303)
        form = Form({"term": request.form["term"]})
        return console.page(
            "search.html", form=form, found=found, agencies=agencies, money=Money, words=words, term_max=TERM_MAX
        )


def _story_of(found: Found) -> str:
    if isinstance(found.only, Invoice):
        return url_for("console.invoice", invoice_id=found.only.id)
    return url_for("console.payment", payment_id=found.payments[0].id)


def _add_stories(console: ConsoleSurface) -> None:
    @console.route("/invoices/<uuid:invoice_id>", endpoint="invoice")
    @for_officers(*READERS)
    def invoice(invoice_id: UUID) -> Any:
        with console.runtime.db.read() as tx:
            story = story_of_invoice(tx, console.officer().caller, invoice_id)
        return _page(console, "invoice_story.html", story)

    @console.route("/payments/<uuid:payment_id>", endpoint="payment")
    @for_officers(*READERS)
    def payment(payment_id: UUID) -> Any:
        return _payment_page(console, payment_id)


def _payment_page(console: ConsoleSurface, payment_id: UUID, error: GatewayError | None = None) -> Any:
    with console.runtime.db.read() as tx:
        story = story_of_payment(tx, console.officer().caller, payment_id)
    return _page(
        console,
        "payment_story.html",
        story,
        200 if error is None else 422,
        payment=story.payments[0],
        is_open=story.payments[0].status in OPEN,
        form=Form() if error is None else refused(error),
    )


def _page(console: ConsoleSurface, template: str, story: Story, status: int = 200, **more: Any) -> Any:
    titles = {name: provider.titles for name, provider in console.runtime.providers.items()}
    return console.page(
        template,
        status,
        story=story,
        part=asked_part(story.happenings, PART),
        titles=titles,
        zone=story.agency.time_zone,
        What=What,
        words=words,
        money=Money,
        **more,
    )


def _add_actions(console: ConsoleSurface) -> None:
    @console.route("/payments/<uuid:payment_id>/refund", endpoint="request_refund", methods=["POST"])
    @for_officers(*OF_MONEY)
    def refund(payment_id: UUID) -> Any:
        return _tried(console, payment_id, lambda: _refund(console, payment_id))

    @console.route("/payments/<uuid:payment_id>/ask", endpoint="ask_provider", methods=["POST"])
    @for_officers(*OF_MONEY)
    def ask(payment_id: UUID) -> Any:
        return _tried(
            console, payment_id, lambda: ask_for_officer(console.runtime, console.officer().caller, payment_id)
        )


def _refund(console: ConsoleSurface, payment_id: UUID) -> None:
    """Sending the form twice asks once."""
    caller, reason = console.officer().caller, given("reason")
    with console.runtime.db.read() as tx:
        currency = find_payment(tx, caller, payment_id).currency
    amount = typed_amount(given("amount", AMOUNT_MAX), currency, console.language())
    once(
        console.runtime,
        caller,
        lambda tx: request_refund(tx, console.runtime, caller, payment_id, amount.amount_minor, reason),
    )


def _tried(console: ConsoleSurface, payment_id: UUID, action: Callable[[], object]) -> Any:
    try:
        action()
    except GatewayError as error:
        return _payment_page(console, payment_id, error)
    return redirect(url_for("console.payment", payment_id=payment_id), 303)


def _add_payer(console: ConsoleSurface) -> None:
    @console.route("/payers/<uuid:payer_id>", endpoint="payer")
    @for_officers(*OF_PAYERS)
    def payer(payer_id: UUID) -> Any:
        return _payer_page(console, payer_id, Form(), None)

    @console.route("/payers/<uuid:payer_id>", endpoint="read_payer", methods=["POST"])
    @for_officers(*OF_PAYERS)
    def read(payer_id: UUID) -> Any:
        """The data stands in this answer alone: no address leads to it, and to see it again is to read it again."""
        runtime, caller = console.runtime, console.officer().caller
        try:
            purpose = given("purpose")
            with runtime.db.transaction() as tx:
                data = read_payer(tx, runtime.vault, caller, payer_id, purpose)
        except PayerErased:
            return redirect(url_for("console.payer", payer_id=payer_id), 303)
        except GatewayError as error:
            return _payer_page(console, payer_id, refused(error), None, 422)
        return _payer_page(console, payer_id, Form(), data)


def _payer_page(
    console: ConsoleSurface, payer_id: UUID, form: Form, data: Mapping[str, str] | None, status: int = 200
) -> Any:
    caller = console.officer().caller
    with console.runtime.db.read() as tx:
        known = payer_of(tx, caller, payer_id)
        reads = vault_reads(tx, caller, payer_id)
        names = names_of(tx, (read["actor"] for read in reads[:READS_SHOWN]))
        zone = next(each.time_zone for each in agencies_of(tx, caller) if each.id == known.agency_id)
    return console.page(
        "payer.html",
        status,
        form=form,
        data=data,
        erased_at=known.erased_at,
        payer_id=payer_id,
        reads=reads[:READS_SHOWN],
        reads_in_all=len(reads),
        names=names,
        zone=zone,
        words=words,
    )
