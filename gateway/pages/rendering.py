"""Templates to HTML, in a language, with the headers that every answer of a page carries."""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from babel.support import NullTranslations, Translations
from flask import Response, request, url_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.forms.errors import OTHERWISE
from gateway.pages import language as languages

_HERE = Path(__file__).parent
STYLE_SHEET = (_HERE / "static" / "pages.css").read_bytes()
SCRIPT = (_HERE / "static" / "pages.js").read_bytes()


def version(content: bytes) -> str:
    """The address changes with the content, so that a browser may keep it for ever."""
    return hashlib.sha256(content).hexdigest()[:12]


# Forms go to ourselves only: a browser holds `form-action` against redirects too, and where a provider will send the
# payer is not known beforehand. Going there is a step of its own: CheckoutPages.leave.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",  # the address of a payment page is the key to it
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def asked_language() -> str | None:
    """The language that the address asks for (`?lang=`), if it asks for one that there is."""
    return languages.spoken(request.args.get("lang"))


def chosen_language(wish: str | None = None) -> str:
    """What the address asks for, or else `wish`, or else what the browser prefers."""
    preferred = request.accept_languages.best_match(list(languages.LANGUAGES))
    return languages.first(asked_language(), languages.spoken(wish), preferred)


def page(template: str, language: str, status: int = 200, **context: Any) -> Response:
    """`template` in `language`. What is linked from it stays in that language, if the address asked for it."""
    html = (
        _TEMPLATES[language]
        .get_template(template)
        .render(
            language=language,
            languages=languages.LANGUAGES,
            asked=asked_language(),
            status=status,
            style_sheet=url_for("pages.style_sheet", v=version(STYLE_SHEET)),
            script=url_for("pages.script", v=version(SCRIPT)),
            **context,
        )
    )
    return secured(Response(html, status, content_type="text/html; charset=utf-8"))


def secured(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def environment_of(language: str, *folders: Path) -> Environment:
    """Templates of `folders`, and then of these pages, in `language`."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    catalogue = languages.translations(language)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    # As `gettext` it would take what it is given for HTML and for a format, and a fault may quote what was typed.
    environment.globals["_"] = catalogue.gettext
    environment.globals["url_for"] = url_for
    environment.filters["told"] = partial(_told, catalogue)
    environment.filters["amount"] = partial(languages.amount, language)
    environment.filters["day"] = partial(languages.day, language)
    environment.filters["moment"] = partial(languages.moment, language)
    environment.filters["minutes"] = partial(languages.minutes, language)
    environment.filters["in_words"] = partial(languages.in_words_of, language)
    return environment


def _told(catalogue: NullTranslations, fault: str) -> str:
    """What is wrong, in the language of `catalogue`; in other words where it has none for what a use case found."""
    said: str = catalogue.gettext(fault)
    is_english = not isinstance(catalogue, Translations)
    return said if is_english or said != fault else str(catalogue.gettext(OTHERWISE))


_TEMPLATES = {language: environment_of(language) for language in languages.LANGUAGES}
