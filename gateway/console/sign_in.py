"""The pages by which officers sign in, and that on which who was invited chooses a password."""

from urllib.parse import urlencode

import segno
from flask import Response, redirect, request, url_for
from prometheus_client import Counter
from werkzeug import Response as AnyResponse

from gateway.console.gate import as_visitor, check_form, own_path, session_token, visitor, with_session, without_session
from gateway.console.rendering import page
from gateway.domain.errors import Invalid
from gateway.services.access import public
from gateway.services.invite_officer import InvitationOver, accept_invitation, invited_officer
from gateway.services.lock_out import TooManyTries
from gateway.services.officer_sessions import SignedOut, end_session
from gateway.services.runtime import Runtime
from gateway.services.second_factors import address_for_app
from gateway.services.sign_in import HalfSignedIn, WrongCredentials, half_signed_in, prove, sign_in
from gateway.services.surface import N_

SIGN_INS = Counter("congphi_sign_ins", "Steps of officers' sign-ins by what became of them.", ["step", "outcome"])

WRONG = N_("The e-mail address or the password is wrong. Check both, and try again.")
TOO_MANY = N_("Too many tries. Wait a quarter of an hour, then try again. If you forgot it, ask an administrator.")
OTHERS_DIFFER = N_("The two passwords differ. Type the same one twice.")


class SignInPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @public("whoever comes here is not signed in yet")
    def sign_in(self) -> AnyResponse:
        if request.method == "GET":
            return self._sign_in_page()
        check_form(self._runtime, visitor(self._runtime))
        email, password = request.form.get("email", ""), request.form.get("password", "")
        try:
            token = sign_in(self._runtime, email, password, request.remote_addr or "")
        except WrongCredentials:
            return self._refused("password", "refused", self._sign_in_page(401, {"password": WRONG}))
        except TooManyTries:
            return self._refused("password", "locked", self._sign_in_page(429, {"password": TOO_MANY}))
        SIGN_INS.labels("password", "passed").inc()
        return with_session(self._runtime, to_step("console.second_step"), token)

    @public("the session that is half signed in is checked by the view")
    def second_step(self) -> AnyResponse:
        """The second factor; first_factor.py for who has none yet."""
        try:
            who = half_signed_in(self._runtime, session_token(self._runtime))
            if not who.factors:
                return to_step("console.set_up")
            return self._prove(who) if request.method == "POST" else self._second_page(who)
        except SignedOut:
            return to_step("console.sign_in")

    @public("the link that was given to an officer is checked by the view")
    def welcome(self, token: str) -> AnyResponse:
        """An invitation is taken up by choosing a password."""
        try:
            officer = invited_officer(self._runtime, token)
            if request.method == "GET":
                return self._welcome_page(officer.email)
            check_form(self._runtime, visitor(self._runtime))
            session = accept_invitation(self._runtime, token, typed_twice())
        except Invalid as error:
            return self._welcome_page(officer.email, 422, error.fields)
        except InvitationOver:
            return page("invitation_over.html", 404)
        SIGN_INS.labels("invitation", "passed").inc()
        return with_session(self._runtime, to_step("console.set_up"), session)

    @public("who is half signed in may leave")
    def leave(self) -> AnyResponse:
        """Begin again as somebody else."""
        check_form(self._runtime, half_signed_in(self._runtime, session_token(self._runtime)).session)
        with self._runtime.db.transaction() as tx:
            end_session(tx, session_token(self._runtime))
        return without_session(self._runtime, to_step("console.sign_in"))

    def _prove(self, who: HalfSignedIn) -> AnyResponse:
        check_form(self._runtime, who.session)
        try:
            token = prove(self._runtime, session_token(self._runtime), request.form.get("code", ""))
        except Invalid as error:
            return self._refused("code", "refused", self._second_page(who, 422, error.fields))
        except TooManyTries:
            return self._refused("code", "locked", self._second_page(who, 429, {"code": TOO_MANY}))
        SIGN_INS.labels("code", "passed").inc()
        return with_session(self._runtime, redirect(own_path(request.args.get("next", "")), 303), token)

    def _sign_in_page(self, status: int = 200, faults: dict[str, str] | None = None) -> AnyResponse:
        return as_visitor(
            self._runtime,
            page(
                "sign_in.html",
                status,
                form_of=visitor(self._runtime),
                faults=faults or {},
                email=request.form.get("email", ""),
                after=own_path(request.args.get("next", "")),
                again="again" in request.args,
                has_openid=self._runtime.openid is not None,
            ),
        )

    def _second_page(self, who: HalfSignedIn, status: int = 200, faults: dict[str, str] | None = None) -> Response:
        after = own_path(request.args.get("next", ""))
        return page("second_step.html", status, form_of=who.session, faults=faults or {}, who=who, after=after)

    def _welcome_page(self, email: str, status: int = 200, faults: dict[str, str] | None = None) -> AnyResponse:
        shown = page("welcome.html", status, form_of=visitor(self._runtime), faults=faults or {}, email=email)
        return as_visitor(self._runtime, shown)

    @staticmethod
    def _refused(step: str, outcome: str, shown: AnyResponse) -> AnyResponse:
        SIGN_INS.labels(step, outcome).inc()
        return shown


def to_step(endpoint: str) -> AnyResponse:
    """On to a step of signing in, which knows where the officer wanted to go."""
    wanted = own_path(request.args.get("next", ""))
    return redirect(url_for(endpoint) + "?" + urlencode({"next": wanted}, safe="/"), 303)


def authenticator_shown(secret: str, email: str) -> dict[str, str]:
    """The secret for an authenticator, in groups of four and as a QR code."""
    code = segno.make(address_for_app(secret, email), error="m")
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return {"secret": groups, "qr": code.svg_data_uri(scale=5, border=2)}


def typed_twice() -> str:
    """The new password. Raises Invalid if the two differ."""
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise Invalid("The passwords differ.", fields={"again": OTHERS_DIFFER})
    return password
