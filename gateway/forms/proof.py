"""Proof that a form was sent from a page of ours (OWASP: Cross-Site Request Forgery Prevention, HMAC-based token).

Cross-site request forgery abuses what a browser sends by itself, such as cookies. So a form carries a token that only
our page shows, bound to its subject: an officer's session, or on payers' pages, which have no cookie, what the form is
about. Beside it the browser must say that the form came from here, if it says anything.

With `Referrer-Policy: no-referrer` browsers send `Origin: null` even from our own page, so null proves nothing and is
let pass; Sec-Fetch-Site is not affected.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request

from gateway.domain.errors import Forbidden
from gateway.services.runtime import Runtime

FIELD = "form"


class ForeignForm(Forbidden):
    code = "foreign_form"


@dataclass(frozen=True, slots=True)
class Proof:
    """`purpose` parts the tokens of one kind of page from those of another; `refusal` says what to do without one."""

    purpose: str
    refusal: str

    def token(self, runtime: Runtime, subject: str) -> str:
        """For the hidden field FIELD of a form about `subject`."""
        return runtime.tokens.sign(self.purpose, subject)

    def check(self, runtime: Runtime, subject: str) -> None:
        """Raises ForeignForm unless the request's form about `subject` was sent from our page."""
        ours = {_origin(runtime.public_url), _origin(request.host_url)}
        is_ours = (
            request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
            and request.headers.get("Origin", "null") in {"null", *ours}
            and runtime.tokens.matches(self.purpose, subject, request.form.get(FIELD, ""))
        )
        if not is_ours:
            raise ForeignForm(self.refusal)


OF_PAYERS = Proof("page form", "The form was not sent from the payment page. Open the page again and try once more.")
OF_OFFICERS = Proof(
    "console form", "The form was not sent from this page, or it is from an earlier session. Open it once more."
)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
