"""The frame of the console: its first page, its style sheet, and the way out."""

from flask import Response, redirect, url_for
from werkzeug import Response as AnyResponse

from gateway.console.gate import officer, session_token, without_session
from gateway.console.rendering import CONSOLE_STYLE_SHEET, page, sections_of
from gateway.services.access import for_officers, public
from gateway.services.officer_sessions import end_session
from gateway.services.runtime import Runtime
from gateway.services.surface import ConsoleSurface

A_YEAR = "public, max-age=31536000, immutable"


def add_frame(console: ConsoleSurface) -> None:
    frame = FramePages(console.runtime)
    console.route("/console.css", endpoint="style_sheet")(frame.style_sheet)
    console.route("", endpoint="home")(frame.home)
    console.route("/sign-out", endpoint="sign_out", methods=["POST"])(frame.sign_out)


class FramePages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @public("the style sheet holds nothing", counted=False)
    def style_sheet(self) -> Response:
        response = Response(CONSOLE_STYLE_SHEET, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = A_YEAR
        return response

    @for_officers()
    def home(self) -> AnyResponse:
        first = next((one.endpoint for one in sections_of(officer()) if one.is_first), None)
        return redirect(url_for(first), 303) if first else page("home_of_console.html")

    @for_officers()
    def sign_out(self) -> AnyResponse:
        with self._runtime.db.transaction() as tx:
            end_session(tx, session_token(self._runtime))
        return without_session(self._runtime, redirect(url_for("console.sign_in"), 303))
