"""The pages on which an officer who was invited sets up a second factor, by choice an authenticator or a passkey.

The recovery codes are shown in the answer to the form itself: shown once, they can stand at no address.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request
from werkzeug import Response as AnyResponse

from gateway.console.gate import check_form, own_path, session_token, with_session
from gateway.console.passkeys import script_address
from gateway.console.rendering import page
from gateway.console.sign_in import SIGN_INS, TOO_MANY, authenticator_shown, to_step
from gateway.domain.errors import Invalid
from gateway.services import officer_passkeys
from gateway.services.access import public
from gateway.services.lock_out import TooManyTries
from gateway.services.officer_sessions import SignedOut
from gateway.services.runtime import Runtime
from gateway.services.second_factors import pending_secret
from gateway.services.sign_in import (
    HalfSignedIn,
    SecondFactorNeeded,
    half_signed_in,
    set_up_authenticator,
)

Faults = dict[str, str]


def _for_the_first(view: Callable[["FirstFactorPages", HalfSignedIn], AnyResponse]) -> Callable[..., AnyResponse]:
    """Whoever has a second factor shows it first; whoever has not shown the password begins with that."""

    @wraps(view)
    def guarded(pages: "FirstFactorPages") -> AnyResponse:
        try:
            return view(pages, pages.half_signed_in())
        except SecondFactorNeeded:
            return to_step("console.second_step")
        except SignedOut:
            return to_step("console.sign_in")

    return guarded


class FirstFactorPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def half_signed_in(self) -> HalfSignedIn:
        """Raises SecondFactorNeeded, SignedOut."""
        who = half_signed_in(self._runtime, session_token(self._runtime))
        if who.factors:
            raise SecondFactorNeeded("Show your second factor first.")
        return who

    @public("the session that is half signed in is checked by the view")
    @_for_the_first
    def choose(self, who: HalfSignedIn) -> AnyResponse:
        return page("set_up.html", form_of=who.session, after=_wanted())

    @public("the session that is half signed in is checked by the view")
    @_for_the_first
    def authenticator(self, who: HalfSignedIn) -> AnyResponse:
        if request.method == "GET":
            return self._authenticator_page(who)
        check_form(self._runtime, who.session)
        code = request.form.get("code", "")
        try:
            token, codes = set_up_authenticator(self._runtime, session_token(self._runtime), code)
        except Invalid as error:
            SIGN_INS.labels("code", "refused").inc()
            return self._authenticator_page(who, 422, error.fields)
        except TooManyTries:
            SIGN_INS.labels("code", "locked").inc()
            return self._authenticator_page(who, 429, {"code": TOO_MANY})
        return self._signed_in("code", token, codes)

    @public("the session that is half signed in is checked by the view")
    @_for_the_first
    def passkey(self, who: HalfSignedIn) -> AnyResponse:
        if request.method == "GET":
            return self._passkey_page(who)
        check_form(self._runtime, who.session)
        answer, label = request.form.get("credential", ""), request.form.get("label", "")
        try:
            token, codes = officer_passkeys.set_up(self._runtime, session_token(self._runtime), answer, label)
        except Invalid as error:
            SIGN_INS.labels("passkey", "refused").inc()
            return self._passkey_page(who, 422, error.fields)
        return self._signed_in("passkey", token, codes)

    def _signed_in(self, step: str, token: str, codes: list[str]) -> AnyResponse:
        SIGN_INS.labels(step, "passed").inc()
        return with_session(self._runtime, page("recovery_codes.html", codes=codes, after=_wanted()), token)

    def _authenticator_page(self, who: HalfSignedIn, status: int = 200, faults: Faults | None = None) -> Response:
        with self._runtime.db.transaction() as tx:
            secret = pending_secret(tx, self._runtime, who.id, who.session)
        shown = authenticator_shown(secret, who.email)
        return self._page("set_up_authenticator.html", who, status, faults, shown)

    def _passkey_page(self, who: HalfSignedIn, status: int = 200, faults: Faults | None = None) -> Response:
        with self._runtime.db.transaction() as tx:
            options = officer_passkeys.begin_first(tx, self._runtime, who)
        shown = {"options": options, "script_of": script_address(), "label": request.form.get("label", "")}
        return self._page("passkey_add.html", who, status, faults, shown)

    @staticmethod
    def _page(template: str, who: HalfSignedIn, status: int, faults: Faults | None, shown: dict[str, Any]) -> Response:
        return page(template, status, form_of=who.session, faults=faults or {}, after=_wanted(), **shown)


def _wanted() -> str:
    return own_path(request.args.get("next", ""))
