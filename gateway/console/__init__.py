"""What officers see: server-rendered pages below /console, behind a sign-in. Passkeys alone need a script.

gate.py        who is let in, and how a form proves where it comes from
rendering.py   templates, which extend console.html, and their headers
frame.py       the pages of the frame: the first page, signing out
identity.py    the addresses of all that tells who an officer is
sign_in.py     password, second step, invitation; openid.py, passkeys.py: the other ways
first_factor.py  the second factor of who was invited
account.py     an officer's own account
officers.py    for administrators: who may sign in, and what each may do
counter.py     payment at a counter, with an officer's help
fees.py        what is charged, since when, by which law, and what a case costs
fee_drafts.py  changes of fees, from the draft to the day on which they hold
facts_form.py  the form for the facts of a procedure
payments.py    search, and the story of a payment or an invoice
ledger.py      the trial balance, accounts and entries
providers.py   how the providers do
agencies.py    the ministry's overview of its agencies
audit.py       the audit trail, and who read payers' data
api_keys.py    who may call
webhooks.py    where portals are told of events
roles.py       who may open which page
csv_download.py  a list as a file
words.py       what states, accounts and causes are called
forms.py       forms that do their work once
templates/, static/

A page is a view that says who it is for (`@for_officers(Role.FINANCE)`), put in its place through
`ConsoleSurface` (services/surface.py), as those of a package beside the gateway are. A `Section` is an entry of the
navigation.
"""

from collections.abc import Callable, Sequence

from flask import Blueprint, Flask, Response, request

from gateway.console import (
    agencies,
    api_keys,
    audit,
    counter,
    fee_drafts,
    fees,
    ledger,
    payments,
    providers,
    rendering,
    webhooks,
)
from gateway.console.frame import add_frame
from gateway.console.gate import officer
from gateway.console.identity import add_identity
from gateway.console.rendering import PROBLEM, Console, page, problem_page
from gateway.services.keys import KeyRing
from gateway.services.runtime import Runtime
from gateway.services.surface import ConsoleSurface

ConsoleExtension = Callable[[ConsoleSurface], None]

SECTIONS: Sequence[ConsoleExtension] = (
    counter.register,
    fees.register,
    fee_drafts.register,
    payments.register,
    ledger.register,
    providers.register,
    agencies.register,
    webhooks.register,
    audit.register,
)
"""Our own pages, in the order of the navigation."""


def register(
    app: Flask, runtime: Runtime, keys: KeyRing, extensions: Sequence[ConsoleExtension] = (), *, demo: bool = False
) -> None:
    """Add the console to `app`; `extensions` are the pages of packages beside the gateway."""
    console = Console(runtime, demo)
    rendering.attach(app, console)
    pages = Blueprint("console", __name__, url_prefix="/console")
    surface = ConsoleSurface(
        runtime=runtime,
        add_templates=console.add_templates,
        add_section=console.sections.append,
        route=pages.route,
        page=page,
        officer=officer,
        language=rendering.language,
    )
    add_frame(surface)
    for extend in (*SECTIONS, *extensions):
        extend(surface)
    api_keys.register(surface, keys)
    add_identity(pages, console)
    pages.after_request(rendering.secured)
    app.register_blueprint(pages)
    app.after_request(_for_officers)


def _for_officers(response: Response) -> Response:
    """What is wrong, as a page that says so."""
    if response.mimetype != PROBLEM or request.blueprint != "console":
        return response
    return problem_page(response)
