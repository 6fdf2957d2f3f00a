"""What payers see: server-rendered pages that need no script, on any phone, in Vietnamese and English.

checkout.py     the payment page and its outcomes
number.py       what is due under the number of a slip
receipts.py     the receipt as a PDF (documents/), and the check that one is real
home.py         the front door; demo.py adds something to click in a demo
parts.py        long lists, a part at a time
rendering.py    templates, languages (language.py) and the headers of every page
"""

from flask import Blueprint, Flask, Response, request

from gateway.pages.checkout import CheckoutPages
from gateway.pages.demo import Demo
from gateway.pages.home import HomePages
from gateway.pages.number import Guesses, NumberPages
from gateway.pages.receipts import ReceiptPages
from gateway.pages.rendering import chosen_language, page, secured
from gateway.services.runtime import Runtime

PROBLEM = "application/problem+json"
FOR_PROGRAMS = "/v1/"


def register(app: Flask, runtime: Runtime, guesses: Guesses, *, demo: bool = False) -> None:
    """Add the pages to `app`; with `demo`, also the form that makes an invoice to try them with. `guesses` limits how
    often one address may try numbers that are none."""
    try_it = Demo(runtime) if demo else None
    home = HomePages(try_it)
    checkout = CheckoutPages(runtime, demo=demo)
    number = NumberPages(runtime, guesses, demo=demo)
    receipts = ReceiptPages(runtime, demo=demo)
    pages = Blueprint("pages", __name__)
    pages.add_url_rule("/", "home", home.home)
    pages.add_url_rule("/pages.css", "style_sheet", home.style_sheet)
    pages.add_url_rule("/pages.js", "script", home.script)
    pages.add_url_rule("/pay", "ask_number", number.ask)
    pages.add_url_rule("/pay", "show_number", number.show, methods=["POST"])
    pages.add_url_rule("/pay/start", "pay_number", number.start, methods=["POST"])
    pages.add_url_rule("/pay/<token>", "checkout", checkout.show)
    pages.add_url_rule("/pay/<token>/state", "state", checkout.state)
    pages.add_url_rule("/pay/<token>/slip", "slip", checkout.slip)
    pages.add_url_rule("/pay/<token>/payments", "pay", checkout.pay, methods=["POST"])
    pages.add_url_rule("/pay/<token>/continue", "leave", checkout.leave)
    pages.add_url_rule("/receipts/<token>", "receipt", receipts.download)
    pages.add_url_rule("/receipts/check/<token>", "check_receipt", receipts.check)
    pages.add_url_rule("/pay/<token>/cancel", "cancel", checkout.cancel, methods=["POST"])
    if try_it:
        pages.add_url_rule("/demo", "demo", try_it.start, methods=["POST"])
    pages.after_request(secured)
    app.register_blueprint(pages)
    app.after_request(_for_people)


def _for_people(response: Response) -> Response:
    """An error that a person gets to see becomes a page."""
    if response.mimetype != PROBLEM or not _asked_by_a_person():
        return response
    kept = {name: value for name, value in response.headers.items() if name in ("Allow", "Retry-After", "Vary")}
    shown = page("error.html", chosen_language(), response.status_code)
    shown.headers.update(kept)
    return shown


def _asked_by_a_person() -> bool:
    """These pages are for nobody else; elsewhere a browser prefers HTML, and what calls the API never gets it."""
    prefers_a_page = request.accept_mimetypes.best_match([PROBLEM, "text/html"]) == "text/html"
    return request.blueprint == "pages" or (prefers_a_page and not request.path.startswith(FOR_PROGRAMS))
