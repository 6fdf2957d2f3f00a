"""Who may use a route. Every route of every surface declares it; the gate in front of them refuses one that does not.

    @requires(Scope.FINANCE, Scope.ADMIN)      a key that has one of these scopes
    @public("a provider calls it; its signature is checked")

The declaration is a fact written on the view function, so that a surface needs nothing of the gate to make it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.services.keys import Scope

View = TypeVar("View", bound=Callable[..., Any])

READERS = (Scope.PORTAL, Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
"""Reading what concerns one's agency is open to every key."""

OFFICERS = (Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
"""Those who look after the money."""

_ATTRIBUTE = "__access__"


@dataclass(frozen=True, slots=True)
class Access:
    """`scopes`: any one of them suffices. Without any the route is public, and `reason` says why."""

    scopes: tuple[Scope, ...] = ()
    reason: str = ""
    counted: bool = True

    @property
    def is_public(self) -> bool:
        return not self.scopes


def requires(*scopes: Scope) -> Callable[[View], View]:
    """Only for callers whose key has one of `scopes`."""
    return _declares(Access(scopes=scopes))


def public(reason: str, *, counted: bool = True) -> Callable[[View], View]:
    """For everyone, and why. `counted` False leaves it out of the limit on requests by one address."""
    return _declares(Access(reason=reason, counted=counted))


def access_of(view: Callable[..., Any]) -> Access | None:
    """What the view declares; None if it declares nothing."""
    declared = getattr(view, _ATTRIBUTE, None)
    return declared if isinstance(declared, Access) else None


def _declares(access: Access) -> Callable[[View], View]:
    if access.is_public and not access.reason.strip():
        raise ValueError("A public route says why it is public; any other one names a scope.")

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, access)
        return view

    return declare
