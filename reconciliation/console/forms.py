"""What was shown to an officer before a decision."""

import hashlib
from collections.abc import Iterable

from flask import request

from gateway.domain.errors import Conflict


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
