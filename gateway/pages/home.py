"""The front door: what this is, for who comes without a link; and the style sheet of all pages."""

from flask import Response

from gateway.pages.demo import Demo
from gateway.pages.rendering import STYLE_SHEET, chosen_language, page
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
        response = Response(STYLE_SHEET, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_SECONDS}, immutable"
        return response
