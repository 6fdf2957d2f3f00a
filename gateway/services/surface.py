"""What a package beside the gateway needs to add routes of its own, so that they are guarded, read, answered, described
and counted as the gateway's are. The application hands it over; the package imports nothing of the gateway's surfaces.

    def register(surface: Surface) -> None:
        runs = surface.resource("Reconciliation", "What was settled, and what was not.")

        @runs.route("/v1/reconciliation/runs/<uuid:run_id>")
        @requires(Scope.FINANCE)
        @runs.response(200, RunSchema)
        def show(run_id: UUID) -> Mapping[str, Any]:
            ...

        surface.publish(runs)
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from marshmallow import Schema

from gateway.domain.officer import Role
from gateway.services.idempotency import Answer
from gateway.services.officer_sessions import Officer
from gateway.services.runtime import Caller, Runtime
from gateway.store.database import Transaction

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    def __call__(self, view: View, /) -> View: ...


class Routes(Protocol):
    """A blueprint whose views are described in the API's description. `route` is the outermost decorator."""

    def route(self, rule: str, **options: Any) -> Decorator: ...

    def arguments(self, schema: type[Schema], **options: Any) -> Decorator:
        """The view's next argument is the body, or what `location` says, read by `schema`."""

    def response(self, status_code: int, schema: type[Schema] | None = None, **options: Any) -> Decorator:
        """What the view returns is written by `schema`; a response that is ready stays as it is."""


@dataclass(frozen=True, slots=True)
class Surface:
    """`resource` makes routes under a name with its description; `publish` puts them into the application.

    In a view: `caller` is who calls; `needs_key` declares that an Idempotency-Key is required; `once` carries out an
    action in a transaction, once for that key, and responds with its answer; `respond` does so with an answer that is
    there; `language` is the one that the caller prefers.
    """

    runtime: Runtime
    resource: Callable[[str, str], Routes]
    publish: Callable[[Any], None]
    caller: Callable[[], Caller]
    needs_key: Decorator
    once: Callable[[Callable[[Transaction], Answer]], Any]
    respond: Callable[[Answer], Any]
    language: Callable[[], str]


def N_(text: str) -> str:  # noqa: N802 - the name by which Babel finds a text that is translated later
    """Mark `text`, in English, for the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the console's navigation: its title (marked by N_), the endpoint it leads to, and who sees it. With
    `is_first` it is the first page of those."""

    title: str
    endpoint: str
    roles: tuple[Role, ...]
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class ConsoleSurface:
    """What a package beside the gateway needs to add pages to the officers' console.

    def register(console: ConsoleSurface) -> None:
        console.add_templates(Path(__file__).parent / "templates")
        console.add_section(Section(N_("Discrepancies"), "console.discrepancies", (Role.FINANCE, Role.VIEWER)))

        @console.route("/discrepancies", endpoint="discrepancies")
        @for_officers(Role.FINANCE, Role.VIEWER)
        def discrepancies() -> Any:
            return console.page("discrepancies.html", rows=...)

    Addresses are below /console, endpoints in the blueprint `console`. In a view: `officer` is who is signed in; `page`
    renders a template that extends console.html, in the officer's language; `language` is that language. Every form
    that posts carries `{{ form_field() }}`. In a view for officers it is checked before the view is called, which
    answers with a redirect, or with a page what stands at no address: what was searched for, or is shown once.
    """

    runtime: Runtime
    add_templates: Callable[[Path], None]
    add_section: Callable[[Section], None]
    route: Callable[..., Decorator]
    page: Callable[..., Any]
    officer: Callable[[], Officer]
    language: Callable[[], str]
