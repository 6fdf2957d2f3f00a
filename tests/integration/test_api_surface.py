"""A package beside the gateway adds routes, and they are guarded, read, answered and described as the gateway's are."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from marshmallow import Schema, fields

from gateway.app import create_app
from gateway.services.access import requires
from gateway.services.idempotency import Answer
from gateway.services.keys import Scope
from gateway.services.surface import Surface
from gateway.store.embedded import DatabaseUrls
from tests.integration.api import Api, an_api, made, problem


class RunRequestSchema(Schema):
    provider = fields.String(required=True)


class RunSchema(Schema):
    provider = fields.String(required=True)
    caller = fields.String(required=True)


def add_runs(surface: Surface) -> None:
    runs = surface.resource("Runs", "What is added.")

    @runs.route("/v1/runs", methods=["POST"])
    @requires(Scope.FINANCE)
    @surface.needs_key
    @runs.arguments(RunRequestSchema)
    @runs.response(201, RunSchema)
    def start(body: Mapping[str, Any]) -> Any:
        """Start a run."""
        who = surface.caller().label
        return surface.once(lambda tx: Answer(201, {"provider": body["provider"], "caller": who}))

    surface.publish(runs)


@pytest.fixture(scope="module")
def extended(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as api:
        api.app = create_app(api.settings, api.world.runtime, api.ring, [add_runs])
        yield api


def test_an_added_route_is_guarded_read_and_answered_as_ours_are(extended: Api) -> None:
    key = "a-key"
    first = made(extended.post("/v1/runs", {"provider": "sandbox"}, "finance", key=key))
    assert first == made(extended.post("/v1/runs", {"provider": "sandbox"}, "finance", key=key))
    problem(extended.post("/v1/runs", {"provider": "sandbox"}, "portal"), 403, "scope_missing")
    problem(extended.post("/v1/runs", {"provider": "sandbox"}, "finance", key=None), 400, "idempotency_key_required")
    problem(extended.post("/v1/runs", {"provider": 1}, "finance"), 422, "invalid_request")
    problem(extended.post("/v1/runs", b'{"provider": "\\ud800"}', "finance"), 422, "invalid_request")


def test_an_added_route_is_described(extended: Api) -> None:
    operation = extended.get("/openapi.json", None).json["paths"]["/v1/runs"]["post"]
    assert operation["tags"] == ["Runs"]
    assert "finance" in operation["description"]
    assert {"201", "401", "403", "422", "default"} <= set(operation["responses"])
