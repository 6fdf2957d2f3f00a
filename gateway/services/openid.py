"""The ministry's own sign-in: the code flow with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1), by Authlib.

Where its endpoints are and which keys sign is read from the issuer (OpenID Connect Discovery 1.0) and kept for an hour.
An ID token is believed if one of those keys signed it, for us (aud, azp), by this issuer, for this sign-in (nonce),
with this access token (at_hash), and it has not expired.
"""

import hmac
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2 import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from gateway.domain.errors import Forbidden, Unavailable

log = structlog.get_logger()

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
TOKEN_ERRORS = ("invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope")
FAULTS = (JoseError, ValueError, KeyError, TypeError)
SCOPE = "openid email profile"
BASIC = "client_secret_basic"
KEPT_NS = 3600 * 10**9
LEEWAY = timedelta(minutes=1)
TIMEOUT = httpx.Timeout(10, connect=5)
_LOOPBACK = ("all://127.0.0.1", "all://localhost")  # never by way of a proxy


class OpenIdRefused(Forbidden):
    """What came back from the ministry's sign-in proves nothing, or nobody we know."""

    code = "openid_refused"


class OpenIdUnavailable(Unavailable):
    """The ministry's sign-in does not answer as it should."""

    code = "openid_unavailable"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What must come back as it was sent: kept on our side, for one sign-in."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def fresh(cls) -> "Ceremony":
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the issuer names. `email` only if the issuer verified it. `roles` None: they are not the issuer's to say."""

    issuer: str
    subject: str
    email: str | None
    roles: tuple[str, ...] | None


@dataclass(slots=True)
class OpenId:
    """Our client at one issuer. `role_claim`: the claim that lists an officer's roles; "" leaves roles to us."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str = ""
    _kept: dict[str, tuple[int, Any]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def address(self, ceremony: Ceremony, redirect_uri: str) -> str:
        """Where the officer's browser goes to sign in. Raises OpenIdUnavailable."""
        endpoint, client = self._endpoint("authorization_endpoint"), self._client(redirect_uri)
        told = {"state": ceremony.state, "nonce": ceremony.nonce, "code_verifier": ceremony.verifier}
        return str(client.create_authorization_url(endpoint, **told)[0])

    def identify(self, ceremony: Ceremony, state: str, code: str, redirect_uri: str, now: datetime) -> Identity:
        """Who signed in there. Raises OpenIdRefused, OpenIdUnavailable."""
        if not code or not hmac.compare_digest(state.encode(), ceremony.state.encode()):
            raise _refused("state")
        tokens = self._tokens(ceremony, code, redirect_uri)
        claims = self._claims(tokens, ceremony.nonce, now)
        if "email" not in claims and "access_token" in tokens:
            claims |= self._userinfo(str(tokens["access_token"]), claims["sub"])
        return Identity(self.issuer, claims["sub"], _verified_email(claims), self._roles(claims))

    def _client(self, redirect_uri: str, http: httpx.Client | None = None) -> OAuth2Client:
        client = OAuth2Client(
            http, client_id=self.client_id, scope=SCOPE, redirect_uri=redirect_uri, code_challenge_method="S256"
        )
        client.oauth_error_class = AuthlibBaseError  # its own takes no letter that is not ASCII
        return client

    def _tokens(self, ceremony: Ceremony, code: str, redirect_uri: str) -> Mapping[str, Any]:
        endpoint, told = self._endpoint("token_endpoint"), {"code": code, "code_verifier": ceremony.verifier}
        with _calling() as http:
            client = self._client(redirect_uri, http)
            try:
                tokens: dict[str, Any] = client.fetch_token(endpoint, **told, **self._proof())
            except AuthlibBaseError as error:
                if error.error == "invalid_grant":  # RFC 6749, 5.2; of the verifier too: RFC 7636, 4.6
                    raise _refused("code") from None
                raise _unavailable(error.error if error.error in TOKEN_ERRORS else "error") from None
        return tokens

    def _proof(self) -> dict[str, Any]:
        """Who we are, in the way that the issuer takes: by HTTP Basic unless it says otherwise (Discovery, 3)."""
        if BASIC in (self._configuration().get("token_endpoint_auth_methods_supported") or [BASIC]):
            return {"auth": httpx.BasicAuth(self.client_id, self.client_secret)}
        return {"auth": httpx.Auth(), "client_id": self.client_id, "client_secret": self.client_secret}

    def _claims(self, tokens: Mapping[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of an ID token that is for us and for this sign-in. Raises OpenIdRefused."""
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
            "sub": {"essential": True},
        }
        params = {"client_id": self.client_id, "nonce": nonce, "access_token": tokens.get("access_token")}
        try:
            token = self._verified(str(tokens.get("id_token", "")))
            claims: Any = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY.seconds)
        except FAULTS as error:
            raise _refused(type(error).__name__) from error
        return dict(claims)

    def _verified(self, token: str) -> jwt.Token:
        """The token, by the keys that we know or, since issuers change theirs, by those of now."""
        try:
            return jwt.decode(token, self._keys(), algorithms=ALGORITHMS)
        except (BadSignatureError, InvalidKeyIdError):
            return jwt.decode(token, self._keys(anew=True), algorithms=ALGORITHMS)

    def _keys(self, *, anew: bool = False) -> KeySet:
        return KeySet.import_key_set(self._fetched(self._endpoint("jwks_uri"), anew=anew))

    def _userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """What the token leaves out (Core, 5.3.2: of the same subject, or not to be used)."""
        if "userinfo_endpoint" not in self._configuration():
            return {}
        found = _read(self._endpoint("userinfo_endpoint"), {"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != subject:
            raise _refused("userinfo")
        return {name: found[name] for name in ("email", "email_verified", self.role_claim) if name and name in found}

    def _roles(self, claims: Mapping[str, Any]) -> tuple[str, ...] | None:
        if not self.role_claim:
            return None
        told = claims.get(self.role_claim, [])
        names = told.split() if isinstance(told, str) else told
        return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()

    def _endpoint(self, name: str) -> str:
        found = self._configuration().get(name)
        if not isinstance(found, str) or not found.startswith(("https://", self.issuer.rstrip("/") + "/")):
            raise OpenIdUnavailable(f"The ministry's sign-in does not say where its {name} is.")
        return found

    def _configuration(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise OpenIdUnavailable("The ministry's sign-in calls itself by another name than GATEWAY_OIDC_ISSUER.")
        return found

    def _fetched(self, url: str, *, anew: bool = False) -> Any:
        """What stands there, asked once an hour, or `anew`."""
        with self._lock:
            until, content = self._kept.get(url, (0, None))
        if content is None or anew or until <= time.monotonic_ns():
            content = _read(url)
            with self._lock:
                self._kept[url] = (time.monotonic_ns() + KEPT_NS, content)
        return content


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """In small letters; but letters that are not ASCII stay, for some become those of another address: ſ is s then."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    return email.strip().casefold() if email.isascii() else email


@contextmanager
def _calling() -> Iterator[httpx.Client]:
    """Calls to the issuer. Raises OpenIdUnavailable if one fails, without a word of what was sent."""
    try:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=False, mounts=dict.fromkeys(_LOOPBACK)) as http:
            yield http
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unavailable(type(error).__name__) from None


def _read(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that stands there. Raises OpenIdUnavailable."""
    with _calling() as http:
        content = http.get(url, headers=headers).raise_for_status().json()
        if not isinstance(content, dict):
            raise ValueError(url)
    return content


def _unavailable(reason: str) -> OpenIdUnavailable:
    log.warning("openid call failed", reason=reason)
    return OpenIdUnavailable("The ministry's sign-in does not answer as it should. Try again in a moment.")


def _refused(reason: str) -> OpenIdRefused:
    log.warning("openid refused", reason=reason)
    return OpenIdRefused("The sign-in cannot be believed. Begin it once more.")
