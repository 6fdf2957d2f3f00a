"""Templates of the console to HTML, in the officer's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, request, url_for
from jinja2 import Environment
from markupsafe import Markup

from gateway.console.gate import officer
from gateway.forms.errors import ERRORS, OTHERWISE
from gateway.forms.faults import Mistyped
from gateway.forms.proof import FIELD, OF_OFFICERS
from gateway.pages.language import LANGUAGES
from gateway.pages.rendering import HEADERS, STYLE_SHEET, chosen_language, environment_of, version
from gateway.services.access import Access, access_of
from gateway.services.officer_sessions import Officer
from gateway.services.runtime import Runtime
from gateway.services.surface import Section

PROBLEM = "application/problem+json"
EXTENSION = "console"
LANGUAGE_COOKIE = "language"

_HERE = Path(__file__).parent
CONSOLE_STYLE_SHEET = (_HERE / "static" / "console.css").read_bytes()
PASSKEY_SCRIPT = (_HERE / "static" / "passkey.js").read_bytes()


@dataclass
class Console:
    """The templates and the navigation, as far as they are put together."""

    runtime: Runtime
    demo: bool
    sections: list[Section] = field(default_factory=list)
    folders: list[Path] = field(default_factory=lambda: [_HERE / "templates"])

    def add_templates(self, folder: Path) -> None:
        self.folders.append(folder)


def attach(app: Flask, console: Console) -> None:
    app.extensions[EXTENSION] = console


def _console() -> Console:
    found: Console = current_app.extensions[EXTENSION]
    return found


@cache
def _templates(language: str, folders: tuple[Path, ...]) -> Environment:
    return environment_of(language, *folders)


def language() -> str:
    """What the address asks for, or what was chosen before, or what the browser prefers."""
    return chosen_language(request.cookies.get(LANGUAGE_COOKIE))


def page(template: str, status: int = 200, *, form_of: str = "", **context: Any) -> Response:
    """`template` in the officer's language; it extends console.html. `form_of` names what its forms are bound to where
    nobody is signed in yet."""
    console = _console()
    signed_in = g.get("officer")
    html = (
        _templates(language(), tuple(console.folders))
        .get_template(template)
        .render(
            language=language(),
            languages=LANGUAGES,
            asked=None,
            demo=console.demo,
            style_sheet=url_for("pages.style_sheet", v=version(STYLE_SHEET)),
            console_style_sheet=url_for("console.style_sheet", v=version(CONSOLE_STYLE_SHEET)),
            script=None,
            officer=signed_in,
            sections=sections_of(signed_in),
            endpoint=request.endpoint,
            may=_may,
            form_field=partial(_form_field, form_of),
            **context,
        )
    )
    response = secured(Response(html, status, content_type="text/html; charset=utf-8"))
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language(), samesite="Lax", path="/console", httponly=True)
    return response


def sections_of(signed_in: Officer | None) -> list[Section]:
    """What the officer's roles open, their first page before all."""
    found = [one for one in _console().sections if signed_in and signed_in.is_any_of(*one.roles)]
    return sorted(found, key=lambda one: not one.is_first)


def problem_page(problem: Response) -> Response:
    """A problem, said to an officer: what is wrong, with which field, and what to do."""
    told: Mapping[str, Any] = problem.get_json(silent=True) or {}
    code = str(told.get("code"))
    faults = list(told["errors"].values()) if code == Mistyped.code else [ERRORS.get(code, OTHERWISE)]
    shown = page("problem.html", problem.status_code, faults=faults)
    kept = {name: value for name, value in problem.headers.items() if name in ("Allow", "Retry-After", "Vary")}
    shown.headers.update(kept)
    return shown


def secured(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _may(endpoint: str) -> bool:
    """Whether there is this page and the officer's roles open it: what would be refused is not offered."""
    view = current_app.view_functions.get(f"console.{endpoint}")
    if view is None:
        return False
    access = access_of(view) or Access()
    return access.is_public or officer().is_any_of(*access.roles)


def _form_field(subject: str = "") -> Markup:
    """The hidden field that every form of the console carries."""
    token = OF_OFFICERS.token(_console().runtime, subject or officer().session)
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)
