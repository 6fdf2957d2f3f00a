"""A ministry that officers sign in at: an OpenID Connect server on a port of its own, of Authlib's server side.

It takes a code only with the verifier of its challenge (RFC 7636), and counts what it is asked. A test can have it sign
what no honest one would.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, request
from joserfc.jwk import KeySet, RSAKey

from tests.integration.web import on_a_port

CLIENT, SECRET = "gateway", "secret of the gateway"
WAYS = ("client_secret_basic", "client_secret_post")


@dataclass
class Ministry:
    """`claims` by subject go into the ID token, `apart` are told by the userinfo endpoint alone. `forged` makes
    something else of an ID token. `refusals` are what the token endpoint complained of; `asked` counts by path."""

    url: str
    http: httpx.Client
    key: RSAKey
    ways: tuple[str, ...] = WAYS
    is_broken: bool = False
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    apart: dict[str, dict[str, Any]] = field(default_factory=dict)
    forged: Callable[[str], str] = str
    refusals: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, str] = field(default_factory=dict)

    def knows(self, subject: str, **claims: Any) -> None:
        self.claims[subject] = claims

    def signs_in(self, subject: str, address: str) -> str:
        """What an officer does there; where the browser is sent back to."""
        answer = self.http.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"

    def changes_its_key(self) -> None:
        self.key = RSAKey.generate_key(2048, auto_kid=True)


class Client:
    """The gateway."""

    def __init__(self, ways: tuple[str, ...]) -> None:
        self.ways = ways

    def get_client_id(self) -> str:
        return CLIENT

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/console/sign-in/openid/callback")

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in self.ways

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code:
    subject: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    get_acr = get_amr = get_auth_time


class Desk(AuthorizationServer):
    """Keeps the codes that it has given out."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, Code] = {}


class S256(CodeChallenge):
    """No plain challenge, which whoever reads the address knows."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = WAYS

    def save_authorization_code(self, code: str, asked: Any) -> None:
        sent = {name: asked.payload.data[name] for name in ("nonce", "code_challenge", "code_challenge_method")}
        self.server.codes[code] = Code(asked.user, asked.payload.redirect_uri, asked.scope, **sent)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return cast("Code | None", self.server.codes.get(code))

    def delete_authorization_code(self, code: Code) -> None:
        self.server.codes = {name: kept for name, kept in self.server.codes.items() if kept is not code}

    def authenticate_user(self, code: Code) -> str:
        return code.subject


class IdToken(OpenIDCode):
    def __init__(self, ministry: Ministry) -> None:
        super().__init__(require_nonce=True)
        self.ministry = ministry

    def exists_nonce(self, nonce: str, asked: Any) -> bool:
        return False

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        return self.ministry.key

    def get_client_algorithm(self, client: Client) -> str:
        return "RS256"

    def get_encode_header(self, client: Client) -> dict[str, str]:
        return {"alg": "RS256", "kid": str(self.ministry.key.kid)}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": self.ministry.url}

    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return {"sub": user, **self.ministry.claims.get(user, {})}

    def encode_id_token(self, token: dict[str, Any], asked: Any) -> str:
        return self.ministry.forged(super().encode_id_token(token, asked))


def app_of(ministry: Ministry) -> Flask:
    app = Flask(__name__)
    server = Desk()

    def keep(token: dict[str, Any], asked: Any) -> None:
        ministry.tokens[token["access_token"]] = asked.user

    server.init_app(app, query_client=lambda _: Client(ministry.ways), save_token=keep)
    server.register_grant(Grant, [IdToken(ministry), S256(required=True)])

    @app.before_request
    def count() -> tuple[str, int] | None:
        ministry.asked[request.path] += 1
        return ("Out of order", 502) if ministry.is_broken else None

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        endpoints = {f"{name}_endpoint": f"{ministry.url}/{name}" for name in ("authorization", "token", "userinfo")}
        ways = {"token_endpoint_auth_methods_supported": ministry.ways}
        return {"issuer": ministry.url, "jwks_uri": f"{ministry.url}/jwks", **endpoints, **ways}

    @app.get("/jwks")
    def jwks() -> Any:
        return jsonify(KeySet([ministry.key]).as_dict())

    @app.post("/authorization")
    def authorization() -> Response:
        subject = request.form["sub"]
        answer: Response = server.create_authorization_response(
            grant_user=subject, grant=server.get_consent_grant(end_user=subject)
        )
        return answer

    @app.post("/token")
    def token() -> Response:
        answer: Response = server.create_token_response()
        if answer.status_code != 200:
            ministry.refusals.append(answer.get_json(force=True).get("error_description", ""))
        return answer

    @app.get("/userinfo")
    def userinfo() -> dict[str, Any]:
        subject = ministry.tokens[request.headers["Authorization"].removeprefix("Bearer ")]
        return {"sub": subject, **ministry.apart.get(subject, {})}

    return app


@contextmanager
def a_ministry() -> Iterator[Ministry]:
    def make(url: str) -> Flask:
        made.append(Ministry(url, http, RSAKey.generate_key(2048, auto_kid=True)))
        return app_of(made[0])

    made: list[Ministry] = []
    with httpx.Client(trust_env=False, timeout=30) as http, on_a_port(make):
        yield made[0]
