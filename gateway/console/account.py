"""An officer's own account."""

from typing import Any

from flask import Response, redirect, request, url_for
from werkzeug import Response as AnyResponse

from gateway.console.gate import officer
from gateway.console.rendering import page
from gateway.console.sign_in import TOO_MANY, authenticator_shown, typed_twice
from gateway.domain.errors import Invalid
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of, usual_zone
from gateway.services.lock_out import TooManyTries
from gateway.services.my_account import (
    SignInAgain,
    account_of,
    change_password,
    check_fresh,
    renew_recovery_codes,
    replace_authenticator,
    sign_out_elsewhere,
)
from gateway.services.runtime import Runtime
from gateway.services.second_factors import pending_secret


class AccountPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @for_officers()
    def account(self) -> Response:
        return self.page_of()

    def page_of(self, status: int = 200, faults: dict[str, str] | None = None) -> Response:
        """The account of who is signed in, with what is wrong by its part."""
        with self._runtime.db.read() as tx:
            found = account_of(tx, officer())
            zone = usual_zone(agencies_of(tx, officer().caller))
        here = bytes.fromhex(officer().session)
        done = request.args.get("done", "")
        shown: dict[str, Any] = {"account": found, "here": here, "time_zone": zone, "done": done}
        return page("my_account.html", status, faults=faults or {}, **shown)

    @for_officers()
    def password(self) -> AnyResponse:
        if request.method == "GET":
            return page("change_password.html", faults={})
        try:
            change_password(self._runtime, officer(), request.form.get("current", ""), typed_twice())
        except Invalid as error:
            return page("change_password.html", 422, faults=error.fields)
        except TooManyTries:
            return page("change_password.html", 429, faults={"current": TOO_MANY})
        return self._back("password")

    @for_officers()
    def authenticator(self) -> AnyResponse:
        try:
            check_fresh(officer(), self._runtime.db.now())
            if request.method == "GET":
                return self._authenticator_page()
            replace_authenticator(self._runtime, officer(), request.form.get("code", ""))
        except Invalid as error:
            return self._authenticator_page(422, error.fields)
        except TooManyTries:
            return self._authenticator_page(429, {"code": TOO_MANY})
        except SignInAgain:
            return self.sign_in_again()
        return self._back("authenticator")

    @for_officers()
    def recovery_codes(self) -> AnyResponse:
        """They are shown in the answer itself: shown once, they can stand at no address."""
        try:
            codes = renew_recovery_codes(self._runtime, officer())
        except SignInAgain:
            return self.sign_in_again()
        return page("recovery_codes.html", codes=codes, after=url_for("console.account"))

    @for_officers()
    def elsewhere(self) -> AnyResponse:
        sign_out_elsewhere(self._runtime, officer())
        return self._back("elsewhere")

    def _authenticator_page(self, status: int = 200, faults: dict[str, str] | None = None) -> Response:
        with self._runtime.db.transaction() as tx:
            secret = pending_secret(tx, self._runtime, officer().id, officer().session)
        shown = authenticator_shown(secret, officer().email)
        return page("set_up_authenticator.html", status, faults=faults or {}, **shown)

    @staticmethod
    def sign_in_again() -> AnyResponse:
        return redirect(url_for("console.sign_in", next=url_for("console.account"), again=1), 303)

    @staticmethod
    def _back(done: str) -> AnyResponse:
        return redirect(url_for("console.account", done=done), 303)
