"""Proof that a form was sent from our own page, without a cookie.

Cross-site request forgery abuses what a browser sends by itself, such as cookies. These pages have none: the right to
see and pay a session is the unguessable token in its address, which another site can neither read nor make. What is
left is a page elsewhere that submits a form for a session of its own making, so a form must also carry a token that
only our page shows, bound to its session, and the browser must say that the form came from here, if it says anything.

With `Referrer-Policy: no-referrer` browsers send `Origin: null` even from our own page, so null proves nothing and is
let pass; Sec-Fetch-Site is not affected.
"""

from urllib.parse import urlsplit

from flask import request

from gateway.domain.errors import Forbidden
from gateway.services.runtime import Runtime

FIELD = "form"
_PURPOSE = "page form"


class ForeignForm(Forbidden):
    code = "foreign_form"


def form_token(runtime: Runtime, subject: str) -> str:
    """For the hidden field FIELD of a form about `subject`."""
    return runtime.tokens.sign(_PURPOSE, subject)


def check_form(runtime: Runtime, subject: str) -> None:
    """Raises ForeignForm unless the request's form about `subject` was sent from our page."""
    ours = {_origin(runtime.public_url), _origin(request.host_url)}
    is_ours = (
        request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        and request.headers.get("Origin", "null") in {"null", *ours}
        and runtime.tokens.matches(_PURPOSE, subject, request.form.get(FIELD, ""))
    )
    if not is_ours:
        raise ForeignForm("The form was not sent from the payment page. Open the page again and try once more.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
