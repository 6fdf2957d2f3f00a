"""The pages on which a passkey is made, and shown. The one thing of the console that needs a script: passkey.js."""

from uuid import UUID

from flask import Response, redirect, request, url_for
from werkzeug import Response as AnyResponse

from gateway.console.account import AccountPages
from gateway.console.gate import as_visitor, check_form, officer, own_path, session_token, visitor, with_session
from gateway.console.rendering import PASSKEY_SCRIPT, page
from gateway.console.sign_in import SIGN_INS
from gateway.domain.errors import Invalid
from gateway.forms.errors import ERRORS
from gateway.pages.rendering import version
from gateway.services import officer_passkeys
from gateway.services.access import for_officers, public
from gateway.services.my_account import SignInAgain
from gateway.services.officer_passkeys import LastFactor
from gateway.services.officer_sessions import SignedOut
from gateway.services.runtime import Runtime
from gateway.services.sign_in import HalfSignedIn, half_signed_in


class PasskeyPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @public("the script holds nothing", counted=False)
    def script(self) -> Response:
        response = Response(PASSKEY_SCRIPT, content_type="text/javascript; charset=utf-8")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    @public("whoever comes here is not signed in yet; the passkey is checked")
    def sign_in(self) -> AnyResponse:
        """As the second step, or instead of both."""
        who = self._half()
        if request.method == "GET":
            return self._sign_in_page(who)
        browser = visitor(self._runtime)
        check_form(self._runtime, browser)
        half, answer = session_token(self._runtime), request.form.get("credential", "")
        try:
            token = officer_passkeys.sign_in(self._runtime, browser, who, half, answer)
        except (Invalid, SignedOut) as error:
            SIGN_INS.labels("passkey", "refused").inc()
            return self._sign_in_page(who, 422, error.fields)
        SIGN_INS.labels("passkey", "passed").inc()
        return with_session(self._runtime, redirect(own_path(request.args.get("next", "")), 303), token)

    @for_officers()
    def add(self) -> AnyResponse:
        try:
            if request.method == "GET":
                return self._add_page()
            answer, label = request.form.get("credential", ""), request.form.get("label", "")
            officer_passkeys.add(self._runtime, officer(), answer, label)
        except Invalid as error:
            return self._add_page(422, error.fields)
        except SignInAgain:
            return AccountPages.sign_in_again()
        return redirect(url_for("console.account", done="passkey"), 303)

    @for_officers()
    def remove(self, passkey_id: UUID) -> AnyResponse:
        try:
            with self._runtime.db.transaction() as tx:
                officer_passkeys.remove(tx, officer(), passkey_id)
        except SignInAgain:
            return AccountPages.sign_in_again()
        except LastFactor:
            return AccountPages(self._runtime).page_of(409, {"passkeys": ERRORS[LastFactor.code]})
        return redirect(url_for("console.account", done="passkey"), 303)

    def _half(self) -> HalfSignedIn | None:
        try:
            return half_signed_in(self._runtime, session_token(self._runtime))
        except SignedOut:
            return None

    def _sign_in_page(
        self, who: HalfSignedIn | None, status: int = 200, faults: dict[str, str] | None = None
    ) -> AnyResponse:
        browser = visitor(self._runtime)
        with self._runtime.db.transaction() as tx:
            options = officer_passkeys.begin_signing_in(tx, self._runtime, browser, who)
        shown = page(
            "passkey_sign_in.html",
            status,
            form_of=browser,
            faults=faults or {},
            options=options,
            script_of=script_address(),
            is_second=who is not None,
            after=own_path(request.args.get("next", "")),
        )
        return as_visitor(self._runtime, shown)

    def _add_page(self, status: int = 200, faults: dict[str, str] | None = None) -> Response:
        with self._runtime.db.transaction() as tx:
            options = officer_passkeys.begin_adding(tx, self._runtime, officer())
        label = request.form.get("label", "")
        return page(
            "passkey_add.html", status, faults=faults or {}, options=options, script_of=script_address(), label=label
        )


def script_address() -> str:
    return url_for("console.passkey_script", v=version(PASSKEY_SCRIPT))
