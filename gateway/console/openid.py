"""The way to the ministry's own sign-in, and back."""

from flask import redirect, request
from werkzeug import Response as AnyResponse

from gateway.console.gate import as_visitor, own_path, visitor, with_session
from gateway.console.rendering import page
from gateway.console.sign_in import SIGN_INS
from gateway.domain.errors import NotFound
from gateway.services.access import public
from gateway.services.officer_sessions import SignedOut
from gateway.services.openid import OpenId, OpenIdRefused, OpenIdUnavailable
from gateway.services.runtime import Runtime
from gateway.services.sign_in_openid import begin, finish


class OpenIdPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @public("whoever goes there is not signed in yet")
    def begin(self) -> AnyResponse:
        """A link, not a form: a browser would hold a form to our own addresses."""
        browser, wanted = visitor(self._runtime), own_path(request.args.get("next", ""))
        try:
            address = begin(self._runtime, self._client(), browser, wanted)
        except OpenIdUnavailable:
            return self._refused("unavailable", 503)
        return as_visitor(self._runtime, redirect(address, 303))

    @public("the ministry's sign-in sends the officer back here; what it says is checked")
    def callback(self) -> AnyResponse:
        state, code = request.args.get("state", ""), request.args.get("code", "")
        try:
            token, wanted = finish(self._runtime, self._client(), visitor(self._runtime), state, code)
        except OpenIdUnavailable:
            return self._refused("unavailable", 503)
        except (OpenIdRefused, SignedOut):
            return self._refused("refused", 403)
        SIGN_INS.labels("openid", "passed").inc()
        return with_session(self._runtime, redirect(own_path(wanted), 303), token)

    def _client(self) -> OpenId:
        if self._runtime.openid is None:
            raise NotFound("No sign-in of a ministry is set up here.")
        return self._runtime.openid

    @staticmethod
    def _refused(outcome: str, status: int) -> AnyResponse:
        SIGN_INS.labels("openid", outcome).inc()
        return page("openid_refused.html", status, outcome=outcome)
