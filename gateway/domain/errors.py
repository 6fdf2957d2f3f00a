"""Every error the gateway can explain, one class a fact.

    GatewayError
    ├── Invalid         the request is wrong and says where      (422)
    ├── Unauthorized    who calls is not proven                  (401)
    ├── NotFound        no such thing for this caller            (404)
    ├── Conflict        right in itself, wrong at this moment    (409)
    ├── Forbidden       the caller may not do this               (403)
    └── Unavailable     nothing was done; try again later        (503)

`code` is stable and part of the HTTP contract; `detail` is a sentence for people that names the fix; `fields` maps a
field's name to what is wrong with it. The HTTP status is decided in one place, gateway/api/problems.py.
"""

from collections.abc import Mapping
from typing import ClassVar


class GatewayError(Exception):
    """The root of all errors that have a meaning for the caller."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = dict(fields or {})


class Invalid(GatewayError):
    code = "invalid"


class Unauthorized(GatewayError):
    code = "unauthorized"


class NotFound(GatewayError):
    code = "not_found"


class Conflict(GatewayError):
    code = "conflict"


class Forbidden(GatewayError):
    code = "forbidden"


class Unavailable(GatewayError):
    code = "unavailable"


class CurrencyMismatch(Invalid):
    code = "currency_mismatch"


class IllegalTransition(Conflict):
    """A status cannot move along an edge that its graph does not have."""

    code = "illegal_transition"

    def __init__(self, what: str, current: str, to: str) -> None:
        super().__init__(f"A {what} that is {current} cannot become {to}.")


class IntegrityMismatch(Conflict):
    """A provider reported another amount or currency than we asked for."""

    code = "integrity_mismatch"

    def __init__(self, expected: object, observed: object) -> None:
        super().__init__(f"Expected {expected}, but the provider reports {observed}.")
        self.expected = expected
        self.observed = observed
