"""The front door: what this is, for who comes without a link; and the style sheet and the script of all pages."""

from flask import Response

from gateway.pages.demo import Demo
from gateway.pages.rendering import SCRIPT, STYLE_SHEET, chosen_language, page
from gateway.services.access import public

ONE_YEAR_SECONDS = 365 * 24 * 60 * 60


class HomePages:
    """`demo` is None in production."""

    def __init__(self, demo: Demo | None) -> None:
        self._demo = demo

    @public("says what this is")
    def home(self) -> Response:
        context = self._demo.offer() if self._demo else {}
        return page("home.html", chosen_language(), demo=self._demo is not None, **context)

    @public("holds no secret", counted=False)
    def style_sheet(self) -> Response:
        return _kept(STYLE_SHEET, "text/css; charset=utf-8")

    @public("holds no secret", counted=False)
    def script(self) -> Response:
        return _kept(SCRIPT, "text/javascript; charset=utf-8")


def _kept(content: bytes, content_type: str) -> Response:
    response = Response(content, content_type=content_type)
    response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_SECONDS}, immutable"
    return response
