"""The description of the API, made from its routes: /openapi.json for programs, /docs for people.

The pages load nothing from another host: Swagger UI comes with a package.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from flask import Blueprint, Flask, Response
from flask_smorest import Api  # type: ignore[import-untyped] # it has no types

from gateway.api.problems import RouteNotFound
from gateway.api.resource import PROBLEM, SECURITY_SCHEME, create_api
from gateway.services.access import public

VERSION = "1.0.0"

DESCRIPTION = """
Price a public procedure, issue its invoice, let the payer pay, and learn of it.

- **Money** is `amount_minor`, a whole number of minor units, with its `currency`. VND has no decimals: 1 is 1 đồng.
- **Keys**: `Authorization: Bearer <api key>`. A key has scopes: `portal`, `finance`, `approver`, `admin`.
- **Idempotency-Key** on every POST: repeat a request with the same key and get the same answer, not a second invoice.
- **Problems** are RFC 9457 problem details: a stable `code`, explained at `/problems/{code}`, and `errors` by field.
- **Lists** take `limit` and `after` and answer `{"data": [...], "next": cursor or null}`.
- **Unknown fields** and unknown query parameters are refused by name. Times are RFC 3339 in UTC.
- **Languages**: texts come in the language of `Accept-Language` (`vi`, `en`), and in all of them beside it.
"""

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "A page that explains the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: decide by this one."},
        "detail": {"type": "string", "description": "For people: what is wrong here, and what to do."},
        "request_id": {"type": "string", "description": "Name it when you ask us."},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What is wrong with each field, by its path.",
        },
    },
}

# Swagger UI draws its icons from data URIs; all else comes from us.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OURS = files("gateway.api") / "static"
SWAGGER_UI = files("flask_swagger_ui") / "dist"
ASSETS = {
    "start.js": (OURS, "text/javascript"),
    "swagger-ui-bundle.js": (SWAGGER_UI, "text/javascript"),
    "swagger-ui.css": (SWAGGER_UI, "text/css"),
    "favicon-32x32.png": (SWAGGER_UI, "image/png"),
}


def describe(app: Flask) -> Api:
    """The collector of the routes' descriptions, and the pages that show what it has collected."""
    api = create_api(
        app,
        title="Cổng Phí",
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        servers=[{"url": "/"}],
    )
    api.spec.components.schema(PROBLEM, PROBLEM_SCHEMA)
    api.spec.components.security_scheme(
        SECURITY_SCHEME, {"type": "http", "scheme": "bearer", "description": "An API key: cp_..."}
    )
    app.register_blueprint(_pages(api))
    return api


def _pages(api: Api) -> Blueprint:
    pages = Blueprint("documentation", __name__)

    @pages.get("/openapi.json")
    @public("documentation")
    def openapi() -> Response:
        return _json(api.spec.to_dict())

    @pages.get("/docs")
    @public("documentation")
    def show() -> Response:
        page = (OURS / "docs.html").read_bytes()
        return Response(page, headers={"Content-Security-Policy": PAGE_POLICY}, content_type="text/html; charset=utf-8")

    @pages.get("/docs/<name>")
    @public("documentation")
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise RouteNotFound("There is no such file.")
        folder, content_type = ASSETS[name]
        cached = {"Cache-Control": "public, max-age=3600"}
        return Response((folder / name).read_bytes(), headers=cached, content_type=content_type)

    return pages


def _json(description: Mapping[str, Any]) -> Response:
    return Response(json.dumps(description, ensure_ascii=False), content_type="application/json")
