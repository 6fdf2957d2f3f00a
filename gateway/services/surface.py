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
from typing import Any, Protocol, TypeVar

from marshmallow import Schema

from gateway.services.idempotency import Answer
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
