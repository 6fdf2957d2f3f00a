"""A blueprint whose routes describe themselves: who may call, the Idempotency-Key, and the problems they answer with.

What OpenAPI says of a route comes from the very declarations that are enforced, so that the two cannot drift apart.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask_smorest import Api, Blueprint  # type: ignore[import-untyped]
from marshmallow import Schema

from gateway.api.idempotency import HEADER
from gateway.api.reading import StrictParser
from gateway.services.access import Access, access_of
from gateway.services.idempotency import MAX_KEY_LENGTH

View = TypeVar("View", bound=Callable[..., Any])

PROBLEM = "Problem"
SECURITY_SCHEME = "api_key"

SAID_BY = {
    400: "The request cannot be read.",
    401: "The API key is missing or not valid.",
    403: "The key may not do this.",
    404: "There is no such thing for this caller.",
    409: "Not at this moment: the state does not allow it, or the same key is being worked on.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A field is wrong; `errors` names it.",
    429: "Too many requests; Retry-After says when to go on.",
    503: "Nothing was done; try again.",
}
"""The problems that a route can answer with. Anything unforeseen is the default."""


class Resource(Blueprint):  # type: ignore[misc] # flask-smorest has no types
    """`name` is the tag under which the routes are listed."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, description=description)
        self._prepare_doc_cbks.append(_describe)

    def doc(self, **told: Any) -> Callable[[View], View]:
        """Add to what OpenAPI says of a route."""
        decorate: Callable[[View], View] = super().doc(**told)
        return decorate

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """As in Flask. Outermost of a view's decorators."""
        register: Callable[[View], View] = super().route(rule, **options)

        def decorate(view: View) -> View:
            doc = dict(getattr(view, "_apidoc", {}))
            doc["contract"] = {
                "access": access_of(view),
                "key": getattr(view, "__idempotency__", "accepted"),
                "parameters": "<" in rule,
            }
            view._apidoc = doc  # type: ignore[attr-defined]
            return register(view)

        return decorate

    def arguments(self, schema: type[Schema], **options: Any) -> Callable[[View], View]:
        """The view's next argument is the body, or what `location` says, read by `schema`."""
        decorate: Callable[[View], View] = super().arguments(schema, **options)
        return decorate

    def response(self, status_code: int, schema: type[Schema] | None = None, **options: Any) -> Callable[[View], View]:
        """What the view returns is written by `schema`; a response that is ready stays as it is."""
        decorate: Callable[[View], View] = super().response(status_code, schema, **options)
        return decorate


def create_api(app: Any, **spec: Any) -> Api:
    """The collector of all routes' descriptions. Problems are told in one form everywhere."""
    return _ProblemApi(app, spec_kwargs=spec)


class _ProblemApi(Api):  # type: ignore[misc] # flask-smorest has no types
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """None of its own: gateway/api/problems.py has them all."""


def _describe(doc: dict[str, Any], doc_info: Mapping[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
    contract = doc_info["contract"]
    access: Access = contract["access"]
    responses = doc.setdefault("responses", {})
    for status in _problems(access, method, doc, has_parameters=contract["parameters"]):
        responses[status] = {**_problem(), "description": SAID_BY[status]}
    responses["default"] = {**_problem(), "description": "A fault of ours, told without its inside."}
    doc["security"] = [] if access.is_public else [{SECURITY_SCHEME: []}]
    if not access.is_public:
        said = doc_info["docstring"]
        scopes = f"For keys with the scope {' or '.join(access.scopes)}."
        said["description"] = "\n\n".join(filter(None, (said.get("description"), scopes)))
    if method == "post" and not access.is_public:
        doc.setdefault("parameters", []).append(_key_parameter(required=contract["key"] == "required"))
    return doc


def _problems(access: Access, method: str, doc: Mapping[str, Any], *, has_parameters: bool) -> list[int]:
    statuses = {422, 429, 503}
    if not access.is_public:
        statuses |= {401, 403}
    if has_parameters or method == "post":
        statuses.add(404)
    if method == "post":
        statuses |= {400, 409, 413, 415}
    return sorted(statuses)


def _problem() -> dict[str, Any]:
    return {"content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}}}


def _key_parameter(*, required: bool) -> dict[str, Any]:
    return {
        "in": "header",
        "name": HEADER,
        "required": required,
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[\\x21-\\x7e]+$"},
        "description": "Of your own choice, such as a UUID. The same key with the same request gets the same answer.",
    }
