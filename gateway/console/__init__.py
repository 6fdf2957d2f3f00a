"""What officers see: server-rendered pages below /console that need no script, behind a sign-in.

gate.py        who is let in, and how a form proves where it comes from
rendering.py   templates, which extend console.html, and their headers
frame.py       the pages of the frame: the first page, signing out
templates/, static/

A page is a view that says who it is for (`@for_officers(Role.FINANCE)`), on the blueprint that `register` makes. A
package beside the gateway adds its own through `ConsoleSurface` (services/surface.py). A `Section` is an entry of the
navigation.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, request

from gateway.console import rendering
from gateway.console.account import AccountPages
from gateway.console.frame import FramePages
from gateway.console.gate import officer
from gateway.console.officers import READERS, OfficersPages
from gateway.console.openid import OpenIdPages
from gateway.console.passkeys import PasskeyPages
from gateway.console.rendering import PROBLEM, Console, page, problem_page
from gateway.console.sign_in import SignInPages
from gateway.services.runtime import Runtime
from gateway.services.surface import N_, ConsoleSurface, Section

ConsoleExtension = Callable[[ConsoleSurface], None]


def register(app: Flask, runtime: Runtime, extensions: Sequence[ConsoleExtension] = (), *, demo: bool = False) -> None:
    """Add the console to `app`; `extensions` are the pages of packages beside the gateway."""
    console = Console(runtime, demo)
    rendering.attach(app, console)
    pages = Blueprint("console", __name__, url_prefix="/console")
    frame = FramePages(runtime)
    pages.add_url_rule("/console.css", "style_sheet", frame.style_sheet)
    pages.add_url_rule("", "home", frame.home)
    signing_in = SignInPages(runtime)
    both = ["GET", "POST"]
    pages.add_url_rule("/sign-in", "sign_in", signing_in.sign_in, methods=both)
    pages.add_url_rule("/sign-in/second-step", "second_step", signing_in.second_step, methods=both)
    pages.add_url_rule("/sign-in/set-up", "set_up", signing_in.set_up, methods=both)
    pages.add_url_rule("/sign-in/leave", "leave_sign_in", signing_in.leave, methods=["POST"])
    pages.add_url_rule("/welcome/<token>", "welcome", signing_in.welcome, methods=both)
    pages.add_url_rule("/sign-out", "sign_out", frame.sign_out, methods=["POST"])
    openid = OpenIdPages(runtime)
    pages.add_url_rule("/sign-in/openid", "openid", openid.begin)
    pages.add_url_rule("/sign-in/openid/callback", "openid_callback", openid.callback)
    _add_accounts(pages, runtime)
    console.sections.append(Section(N_("Officers"), "console.officers", READERS))
    surface = ConsoleSurface(
        runtime=runtime,
        add_templates=console.add_templates,
        add_section=console.sections.append,
        route=pages.route,
        page=page,
        officer=officer,
        language=rendering.language,
    )
    for extend in extensions:
        extend(surface)
    pages.after_request(rendering.secured)
    app.register_blueprint(pages)
    app.after_request(_for_officers)


def _add_accounts(pages: Blueprint, runtime: Runtime) -> None:
    """Who officers are: their own account, and for administrators those of all."""
    account, passkeys, all_of_them = AccountPages(runtime), PasskeyPages(runtime), OfficersPages(runtime)
    post, both = ["POST"], ["GET", "POST"]
    one = "/officers/<uuid:officer_id>"
    rules: tuple[tuple[str, str, Callable[..., Any], list[str]], ...] = (
        ("/passkey.js", "passkey_script", passkeys.script, ["GET"]),
        ("/sign-in/passkey", "passkey", passkeys.sign_in, both),
        ("/account", "account", account.account, ["GET"]),
        ("/account/password", "password", account.password, both),
        ("/account/authenticator", "authenticator", account.authenticator, both),
        ("/account/recovery-codes", "recovery_codes", account.recovery_codes, post),
        ("/account/sign-out-elsewhere", "elsewhere", account.elsewhere, post),
        ("/account/passkeys/new", "add_passkey", passkeys.add, both),
        ("/account/passkeys/<uuid:passkey_id>/remove", "remove_passkey", passkeys.remove, post),
        ("/officers", "officers", all_of_them.officers, ["GET"]),
        ("/officers/new", "add_officer", all_of_them.add, both),
        (one, "officer", all_of_them.one, ["GET"]),
        (f"{one}/roles", "officer_roles", all_of_them.roles, post),
        (f"{one}/disable", "disable_officer", all_of_them.disable, post),
        (f"{one}/enable", "enable_officer", all_of_them.enable, post),
        (f"{one}/reset", "reset_officer", all_of_them.reset, both),
    )
    for rule, endpoint, view, methods in rules:
        pages.add_url_rule(rule, endpoint, view, methods=methods)


def _for_officers(response: Response) -> Response:
    """What is wrong, as a page that says so."""
    if response.mimetype != PROBLEM or request.blueprint != "console":
        return response
    return problem_page(response)
