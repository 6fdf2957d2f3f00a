"""What was shown to an officer before a decision."""

import hashlib
from collections.abc import Iterable

from flask import request

from gateway.domain.errors import Conflict
from gateway.forms.proof import FIELD


class ShownIsOld(Conflict):
    """What the officer saw before pressing the button is not what is there now."""

    code = "shown_is_old"


def digest_of(shown: Iterable[object]) -> str:
    """Proves that what is decided on is what was shown."""
    return hashlib.sha256("\n".join(map(str, shown)).encode()).hexdigest()[:32]


def check_shown(now: Iterable[object]) -> None:
    """Raises ShownIsOld unless the form was made for this."""
    if request.form.get("shown") != digest_of(now):
        raise ShownIsOld("This has changed since the page was opened.")


def once_key() -> str | None:
    """Names what this form asks for: the same form with the same content, sent again, does its work once. None if the
    page gave the form no name."""
    fields = {name: given for name, given in request.form.items() if name != FIELD}
    if not fields.get("once"):
        return None
    return digest_of([request.path, *(f"{len(given)} {name}={given}" for name, given in sorted(fields.items()))])
