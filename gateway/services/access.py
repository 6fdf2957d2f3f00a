"""Who may use a route. Every route of every surface declares it; the gate in front of them refuses one that does not.

    @requires(Scope.FINANCE, Scope.ADMIN)      a key that has one of these scopes
    @for_officers(Role.FINANCE)                an officer who is signed in and holds one of these roles
    @public("a provider calls it; its signature is checked")

The declaration is a fact written on the view function, so that a surface needs nothing of the gate to make it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.domain.officer import Role
from gateway.services.keys import Scope

View = TypeVar("View", bound=Callable[..., Any])

READERS = (Scope.PORTAL, Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
"""Reading what concerns one's agency is open to every key."""

OFFICERS = (Scope.FINANCE, Scope.APPROVER, Scope.ADMIN)
"""Those who look after the money."""

_ATTRIBUTE = "__access__"
_BODY = "__body_bytes_max__"


@dataclass(frozen=True, slots=True)
class Access:
    """`scopes` of a key, or `roles` of an officer: any one of them suffices. Without either the route is public, and
    `reason` says why."""

    scopes: tuple[Scope, ...] = ()
    roles: tuple[Role, ...] = ()
    reason: str = ""
    counted: bool = True

    @property
    def is_public(self) -> bool:
        return not self.scopes and not self.roles


def requires(*scopes: Scope) -> Callable[[View], View]:
    """Only for callers whose key has one of `scopes`."""
    return _declares(Access(scopes=scopes))


def for_officers(*roles: Role) -> Callable[[View], View]:
    """Only for officers who are signed in and hold one of `roles`; for every officer if none is named."""
    return _declares(Access(roles=roles or tuple(Role)))


def public(reason: str, *, counted: bool = True) -> Callable[[View], View]:
    """For everyone, and why. `counted` False leaves it out of the limit on requests by one address."""
    return _declares(Access(reason=reason, counted=counted))


def takes_up_to(body_bytes_max: int) -> Callable[[View], View]:
    """For a file that is handed in, the request may be larger than others."""

    def declare(view: View) -> View:
        setattr(view, _BODY, body_bytes_max)
        return view

    return declare


def body_bytes_max_of(view: Callable[..., Any]) -> int | None:
    """What the view declares; None if it takes no more than others."""
    declared = getattr(view, _BODY, None)
    return declared if isinstance(declared, int) else None


def access_of(view: Callable[..., Any]) -> Access | None:
    """What the view declares; None if it declares nothing."""
    declared = getattr(view, _ATTRIBUTE, None)
    return declared if isinstance(declared, Access) else None


def _declares(access: Access) -> Callable[[View], View]:
    if access.is_public and not access.reason.strip():
        raise ValueError("A public route says why it is public; any other one names a scope or a role.")

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, access)
        return view

    return declare
